"""Which vendor's layout an HDF5 file has, and the formats of those extensions."""

from pathlib import Path
from typing import Any

from jaxmicro.io.ebsd.build import OPTIONS
from jaxmicro.io.ebsd.dream3d import load_dream3d
from jaxmicro.io.ebsd.dream3d_writer import save_dream3d
from jaxmicro.io.ebsd.edax_h5 import load_edax_h5, scan_names
from jaxmicro.io.ebsd.h5oina import load_h5oina
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.hdf5 import open_hdf5
from jaxmicro.io.hdf5_volumes import load_hdf5_array
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure


def load_hdf5_map(
    path: Path, max_bytes: int, dataset: str | None = None, axes: str | None = None, **options: Any
) -> Microstructure | Raster:
    """Read an .h5 or .hdf5 file by what is in it: EDAX's, Oxford's or DREAM.3D's layout, or else an array (the one that is named)."""
    with open_hdf5(path, max_bytes) as root:
        load = None
        if dataset is not None:
            pass
        elif "DataContainers" in root or "DataStructure" in root:
            load = load_dream3d
        elif "Format Version" in root:
            load = load_h5oina
        elif scan_names(root):
            load = load_edax_h5
        if load is None:
            given = [name for name, value in options.items() if value is not None]
            if given:
                what = f"the dataset {dataset!r} of" if dataset is not None else "an array of"
                raise unreadable(
                    path,
                    f"was given {given[0]}= for {what} a file that is no orientation map of a known layout",
                    f"Leave `{given[0]}` out.",
                )
            return load_hdf5_array(path, root, dataset, axes)
    if axes is not None:
        raise unreadable(path, "holds an orientation map, whose axes are known", "Leave `axes` out, or name an array with dataset=.")
    if load is not load_edax_h5 and options.pop("resample", None) is not None:
        raise unreadable(path, "holds no EDAX scan, and only those have hexagonal grids", "Leave `resample` out.")
    return load(path, max_bytes, **options)


HDF5_OPTIONS = (*OPTIONS, "scan", "degrees")
HDF5_MAP = Format("orientation map in HDF5", (".h5", ".hdf5"), load_hdf5_map, options=(*HDF5_OPTIONS, "resample", "dataset", "axes"))
H5OINA = Format("Oxford HDF5 file", (".h5oina",), load_h5oina, options=HDF5_OPTIONS)
DREAM3D = Format("DREAM.3D file", (".dream3d",), load_dream3d, save_dream3d, options=HDF5_OPTIONS)
