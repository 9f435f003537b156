"""Plain arrays (.npy, .npz) as microstructures, and .npz files of this library."""

import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check_choice, nearest_name
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.npy import Archive, read_npy
from jaxmicro.io.problems import DataWarning, unreadable
from jaxmicro.io.records import DOCUMENT, load_record, save_record

AXES = ("xyz", "zyx", "yx")
NOT_COLOURS = "If its last axis holds no colours, pass axes='xyz' (as it is) or axes='zyx' (the last one is x)."


def load_npz(path: Path, max_bytes: int, key: str | None = None, axes: str | None = None) -> Any:
    """A record or microstructure of this library, or one plain array of an archive."""
    with Archive(path, max_bytes) as archive:
        document = archive.json(DOCUMENT)
        if document is not None and key is None:
            found = load_record(archive, document)
            for line in archive.oddities:
                warnings.warn(f"`{path}`: {line}", DataWarning, stacklevel=3)
            return found
        name = _chosen(path, archive, key)
        return _raster(path, archive.array(name), axes, f"array {name!r}")


def load_npy(path: Path, max_bytes: int, axes: str | None = None) -> Raster:
    """One plain array."""
    with open(path, "rb") as stream:
        return _raster(path, read_npy(path, stream, path.name, max_bytes), axes, "array")


def _chosen(path: Path, archive: Archive, key: str | None) -> str:
    names = archive.names
    if key is not None:
        if key not in names:
            hint = nearest_name(key, names)
            raise unreadable(
                path,
                f"holds no array {key!r}, but {_listed([repr(name) for name in names])}",
                f"Did you mean key={hint!r}?" if hint else "Pass one of them as key=.",
            )
        return key
    shapes = {name: archive.shape(name) for name in names}
    maps = [name for name, shape in shapes.items() if len(shape) in (2, 3)]
    if len(maps) != 1:
        listed = _listed([f"{name!r} of shape {shape}" for name, shape in shapes.items()])
        way_out = "Say which one with key=." if maps else "A map has 2 or 3 axes. Save it as an array of its own with numpy.savez."
        raise unreadable(path, f"holds {len(maps) or 'no'} arrays with 2 or 3 axes, but {listed}", way_out)
    return maps[0]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "no array at all"


def _raster(path: Path, values: np.ndarray, axes: str | None, what: str) -> Raster:
    if axes is not None:
        check_choice("axes", axes, AXES)
    if axes in (None, "yx") and _looks_coloured(values):
        return _colours(values, axes, what)
    values = values.reshape([n for n in values.shape if n > 1]) if values.ndim > 2 else values
    if values.ndim not in (2, 3) or min(values.shape, default=0) < 2:
        raise unreadable(path, f"holds an {what} of shape {values.shape}", "A map needs 2 or 3 axes of at least two voxels each.")
    if axes in ("yx", "zyx"):
        return Raster(np.transpose(values), notes=(f"{what} read as a picture: its axes reversed, the last one is x",))
    return Raster(values, notes=(f"{what} read as it is: its first axis is x (axes='yx' reads it as a picture)",))


def _looks_coloured(values: np.ndarray) -> bool:
    return values.ndim == 3 and values.shape[-1] in (3, 4) and values.dtype == np.uint8 and min(values.shape[:2]) > 4


def _colours(values: np.ndarray, axes: str | None, what: str) -> Raster:
    picture = np.swapaxes(values, 0, 1) if axes == "yx" else values
    oddity = f"{what} of shape {values.shape} was read as a colour picture"
    return Raster(picture[..., :3], colour=True, advice=NOT_COLOURS, oddities=(oddity,))


def save_npz(stream: BinaryIO, value: Any) -> None:
    """A record or microstructure, whole."""
    save_record(stream, value)


NPZ = Format("NumPy archive", (".npz",), load_npz, save_npz, options=("key", "axes"))
NPY = Format("NumPy array", (".npy",), load_npy, options=("axes",))
