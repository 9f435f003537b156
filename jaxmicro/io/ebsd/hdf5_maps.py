"""Which vendor's layout an HDF5 file has, and the formats of those extensions."""

from pathlib import Path
from typing import Any

from jaxmicro.io.ebsd.build import OPTIONS
from jaxmicro.io.ebsd.dream3d import load_dream3d
from jaxmicro.io.ebsd.dream3d_writer import save_dream3d
from jaxmicro.io.ebsd.edax_h5 import load_edax_h5, scan_names
from jaxmicro.io.ebsd.h5oina import load_h5oina
from jaxmicro.io.formats import Format
from jaxmicro.io.hdf5 import open_hdf5
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure


def load_hdf5_map(path: Path, max_bytes: int, **options: Any) -> Microstructure:
    """Read an .h5 or .hdf5 file by what is in it: EDAX's, Oxford's or DREAM.3D's layout."""
    with open_hdf5(path, max_bytes) as root:
        if "DataContainers" in root or "DataStructure" in root:
            load = load_dream3d
        elif "Format Version" in root:
            load = load_h5oina
        elif scan_names(root):
            load = load_edax_h5
        else:
            listed = ", ".join(repr(name) for name in root.names[:8]) or "nothing"
            raise unreadable(path, f"has none of the layouts that are read (EDAX, Oxford, DREAM.3D): its root holds {listed}")
    if load is not load_edax_h5 and options.pop("resample", None) is not None:
        raise unreadable(path, "holds no EDAX scan, and only those have hexagonal grids", "Leave `resample` out.")
    return load(path, max_bytes, **options)


HDF5_OPTIONS = (*OPTIONS, "scan", "degrees")
HDF5_MAP = Format("orientation map in HDF5", (".h5", ".hdf5"), load_hdf5_map, options=(*HDF5_OPTIONS, "resample"))
H5OINA = Format("Oxford HDF5 file", (".h5oina",), load_h5oina, options=HDF5_OPTIONS)
DREAM3D = Format("DREAM.3D file", (".dream3d",), load_dream3d, save_dream3d, options=HDF5_OPTIONS)
