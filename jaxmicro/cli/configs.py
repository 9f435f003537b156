"""Options that several commands share."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from jaxmicro.cli.options import TABLE, THRESHOLD

Positive = Annotated[float, Meta(gt=0.0)]
Count = Annotated[int, Meta(ge=1)]
Table = Annotated[Any, TABLE]
Threshold = Annotated[float | Annotated[tuple[float, ...], Meta(min_length=1)] | Literal["otsu"] | None, THRESHOLD]


class JobOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a job goes and what it shows."""

    out: str = ""
    """Run folder, made new. By default runs/COMMAND, or runs/COMMAND-2, … where that exists."""
    config: str = ""
    """A .toml, .yaml or .json file with these options by name, or the config.json of a run; options on the command line win over it."""
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    """Whole number from which all randomness comes; the same seed gives the same result on the same machine."""
    overwrite: bool = False
    """Replace the run folder if it exists: a run of the same command, all of whose files are its own. Not from a file."""
    quiet: bool = False
    """Print results, warnings and errors only."""
    debug: bool = False
    """Show the traceback of an error."""


class PictureOptions(JobOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job that reads pictures, and how they become phases."""

    threshold: Threshold = None
    """Grey value that separates two phases, in the numbers of the file; ascending ones ('[80, 160]') for more phases; or otsu to find
    them. Not for label images."""
    phases: Table = None
    """Names of the phases by sorted label ('[matrix, fibre]'); their number; or a table of the grey values ('{0: fibre, 255: matrix}')
    or colours ('{"255,0,0": fibre, "0,0,0": matrix}') that they stand for, with rest for all others ('{0: pore, rest: solid}')."""
    key: str = ""
    """Name of the array in a .npz file that holds several."""
    channel: Annotated[int, Meta(ge=0)] | None = None
    """Channel of a .tif file that holds several, counted from 0."""
    axes: str | None = None
    """Order of the axes: of an array file or HDF5 xyz as they are (the default), or yx and zyx where the last one is x; of a .tif file one
    letter of x, y, z, c (channels), s (colours) per stored axis, where its own are wrong; of a .raw file the slowest first (zyx)."""
    shape: tuple[int, ...] = ()
    """Voxels along x, y (and z) of a file of plain numbers (.raw, .bin, .vol), which has no header."""
    dtype: str = ""
    """Type of the numbers in such a file: uint8 (the default), int16, float32, …"""
    byteorder: Literal["little", "big"] | None = None
    """Order of the bytes of a number in such a file."""
    offset: Annotated[int, Meta(ge=0)] | None = None
    """Bytes of a header to be skipped in such a file."""
    member: str = ""
    """Name of the file in a .zip that holds several that can be read."""
    dataset: str = ""
    """Path of the array in an HDF5 file, such as /scan/volume."""
    crop: tuple[int, ...] = ()
    """Part to use, in voxels from the upper left: x0 x1 y0 y1 (z0 z1)."""
    periodic: Literal["as_is", "mirror", "blend"] = "as_is"
    """Treatment of edges that do not fit together: leave them, reflect the picture, or cross-fade opposite edges."""
    spacing: Positive = 1.0
    """Edge of a voxel, in your unit of length."""
    max_bytes: Count = 2**30
    """Largest size of a decoded file, in bytes; larger ones are refused before they are decoded."""


class MapOptions(PictureOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A job that reads EBSD maps beside pictures."""

    frame: Literal["raw", "edax", "oxford"] | None = None
    """Frame of an EBSD map: all numbers as in the file (raw, the default), or positions and Euler angles put into one frame as the files
    of EDAX or Oxford need it."""
    crystal_x: Literal["a", "a*"] | None = None
    """What the x axis of hexagonal and trigonal crystals is along in the file."""
    min_ci: float | None = None
    """Smallest confidence index of an EBSD map: points below are masked out."""
    max_mad: Positive | None = None
    """Largest mean angular deviation of an EBSD map, in degrees."""
    unindexed: Literal["keep", "nearest"] | None = None
    """Points of an EBSD map that are masked out: leave them (keep, the default), or give them the orientation of the nearest good one."""
    resample: Literal["nearest"] | None = None
    """Bring a hexagonal EBSD grid onto a rectangular one."""
    align: Literal["translation"] | None = None
    """Shift the slices of a folder so that they match their neighbours."""
    euler_colors: str = ""
    """Laue group (m-3m, 6/mmm, …) of the crystals in a picture whose colours are Euler angles, with black lines as boundaries."""
    scan: str = ""
    """Name of the scan in an HDF5 file that holds several."""
