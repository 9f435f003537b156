"""Files ↔ microstructures and records.

In:  pictures (.png, .jpg, .bmp), volumes (.tif, .raw, .vti, HDF5, folders of pictures), arrays (.npz, .npy), a .zip with one of
     these; EBSD maps (`ebsd`: .ang, .ctf, .cpr/.crc, .h5, .h5oina, .dream3d, folders of slices); any `Microstructure` or `@record`
     to be written.
Out: a `Microstructure` with phases, notes on what was decided, and a `DataWarning` per oddity; or the saved record; or a `Volume`
     of any size that is looked at box by box (`open_volume`). Sizes are checked from headers before anything is decoded; nothing
     in a file can run.
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
from jaxmicro.io.volume import Block, Volume
from jaxmicro.io.volume_opening import open_volume
from jaxmicro.io.voxel_size import noted_unit

__all__ = [
    "DEFAULT_MAX_BYTES",
    "FORMATS",
    "STACK_OPTIONS",
    "Block",
    "DataWarning",
    "Format",
    "Raster",
    "ReadError",
    "Volume",
    "noted_unit",
    "open_volume",
    "otsu_thresholds",
    "read",
    "read_euler_map",
    "register_record",
    "write",
    "write_damask",
    "write_euler_map",
]
