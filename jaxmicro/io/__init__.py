"""Files ↔ microstructures and records.

In:  pictures (.png, .jpg, .bmp), volumes (.tif), arrays (.npz, .npy), EBSD maps (`ebsd`: .ang, .ctf, .cpr/.crc, .h5, .h5oina,
     .dream3d, folders of slices); any `Microstructure` or `@record` to be written.
Out: a `Microstructure` with phases, notes on what was decided, and a `DataWarning` per oddity; or the saved record.
     Sizes are checked from headers before anything is decoded; nothing in a file can run.
Add one: a format is one new file with a `Format` (a `load` that returns a `Raster`, a `Microstructure` or a record),
     and its name in `FORMATS`.
"""

from jaxmicro.io.damask import write_damask
from jaxmicro.io.euler_pictures import read_euler_map, write_euler_map
from jaxmicro.io.files import FORMATS, STACK_OPTIONS, read, write
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.otsu import otsu_thresholds
from jaxmicro.io.problems import DEFAULT_MAX_BYTES, DataWarning, ReadError
from jaxmicro.io.records import register_record

__all__ = [
    "DEFAULT_MAX_BYTES",
    "FORMATS",
    "STACK_OPTIONS",
    "DataWarning",
    "Format",
    "Raster",
    "ReadError",
    "otsu_thresholds",
    "read",
    "read_euler_map",
    "register_record",
    "write",
    "write_damask",
    "write_euler_map",
]
