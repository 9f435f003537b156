"""Units of length as files and people name them."""

LENGTHS = {  # µm in one of them
    1.0: ("um", "µm", "μm", "micron", "microns", "micrometer", "micrometers", "micrometre", "micrometres"),
    1e-3: ("nm", "nanometer", "nanometers", "nanometre", "nanometres"),
    1e-4: ("å", "angstrom", "angstroms", "ångström", "ångstrom"),
    1e3: ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    1e6: ("m", "meter", "meters", "metre", "metres"),
}
