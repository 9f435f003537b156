"""The commands: each a module with `Config` (a struct) and `run`, and one row in catalogue.py."""
