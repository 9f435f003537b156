"""Orientation maps of the vendors: each reader hands over a `Scan`, and `build` makes a `Microstructure` of it."""
