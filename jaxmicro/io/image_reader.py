"""Images of VTK's (.vti): those of this library as they were written, and labels or grey values of other programs."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import nearest_name
from jaxmicro.fields import Grid
from jaxmicro.io.formats import Raster
from jaxmicro.io.problems import DataWarning, check_size, unreadable
from jaxmicro.io.voxel_size import UNIT_NOTE, length_unit, noted_unit, sound_edges
from jaxmicro.io.vtk_xml import Image, ImageArray, open_image
from jaxmicro.microstructures import Microstructure, Phase

NAMES, LAUE, UNIT, DIMENSION = "phase names", "phase Laue groups", "unit of length", "axes"
DERIVED = ("material", "euler")  # what the writer makes of the rest


def image_texts(ms: Microstructure) -> dict[str, tuple[str, ...]]:
    """What of a microstructure is no number: names and Laue groups of its phases, its axes, and the unit of length where it is known."""
    unit = noted_unit(ms)
    texts = {NAMES: tuple(p.name for p in ms.phases), LAUE: tuple(p.laue or "" for p in ms.phases), DIMENSION: ("xyz"[: ms.grid.ndim],)}
    return texts | ({UNIT: (unit,)} if unit else {})


def load_vti(path: Path, max_bytes: int, key: str | None = None) -> Any:
    """Read an image.

    Args:
        path: the file.
        max_bytes: most bytes that all arrays that are read may take.
        key: name of the array that is read as labels or grey values; by default the only one of one component, or all where this
            library wrote the file.

    Raises:
        ReadError: if the file cannot be read or there is no array to choose.
    """
    image = open_image(path, max_bytes)
    if key is None and "label" in image.arrays and NAMES in image.texts:
        return _written(image, max_bytes)
    array = _chosen(image, key)
    values = image.numbers(array, max_bytes)[0]
    shape, thin = array.shape, array.shape[2] == 1
    where = "points" if array.on_points else "voxels"
    note = f"array {array.name!r} of the {where} read; x, y and z as in the image" + (", one voxel thick" if thin else "")
    if sum(n > 1 for n in shape) < 2 or (min(shape) == 1 and not thin):
        raise unreadable(
            path, f"holds {' x '.join(map(str, shape))} {where}", "A map lies in the plane of x and y, and a volume has three axes."
        )
    spacing = image.spacing[: 2 if thin else 3]
    sound = len(image.spacing) == 3 and sound_edges(spacing)
    odd = () if sound else (f"the spacing {image.spacing} is no voxel size and was left out",)
    unit = length_unit(image.texts.get(UNIT, ("",))[0]) if image.texts.get(UNIT) else ""
    return Raster(
        values[:, :, 0] if thin else values, notes=(note,), oddities=(*image.oddities, *odd), spacing=spacing if sound else (), unit=unit
    )


def _chosen(image: Image, key: str | None) -> ImageArray:
    listed = ", ".join(
        f"{name!r}" + (f" of {n} components" if (n := len(a.components)) > 1 else "") for name, a in list(image.arrays.items())[:12]
    )
    if key is not None:
        if key not in image.arrays:
            hint = nearest_name(key, list(image.arrays))
            way_out = f"Did you mean key={hint!r}?" if hint else "Pass one of them as key=."
            raise unreadable(image.path, f"holds no array {key!r}, but {listed or 'no array of numbers'}", way_out)
        chosen = image.arrays[key]
        if len(chosen.components) > 1:
            raise unreadable(image.path, f"holds {key!r} with {len(chosen.components)} components", "Labels or grey values have one.")
        return chosen
    single = [each for each in image.arrays.values() if len(each.components) == 1]
    if len(single) != 1:
        found = f"holds {len(single) or 'no'} arrays of one component ({listed or 'no array of numbers'})"
        raise unreadable(image.path, found, "Say which one with key=." if single else "Save labels or grey values.")
    return single[0]


def _written(image: Image, max_bytes: int) -> Microstructure:
    """A microstructure of this library, whole."""
    two = image.texts.get(DIMENSION) == ("xy",)
    arrays = {name: each for name, each in image.arrays.items() if name not in DERIVED or _is_map(name, image)}
    check_size(image.path, sum(each.nbytes for each in arrays.values()), max_bytes, f"{len(arrays)} arrays")
    found = {name: _as_written(image.numbers(each, max_bytes), two) for name, each in arrays.items()}
    phases = [Phase(n, laue or None) for n, laue in zip(image.texts[NAMES], _laue(image), strict=True)]
    labels, fractions = found.pop("label")[0], found.pop("fraction", None)
    shape, edges = labels.shape, image.spacing[: labels.ndim]
    if not sound_edges(edges):
        raise unreadable(image.path, f"has voxel edges of {edges}", "Correct its Spacing.")
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < len(phases):
        raise unreadable(image.path, f"holds labels {labels.min()} … {labels.max()} of {len(phases)} phases", "Read them with key='label'.")
    q, mask = found.pop("orientation", None), found.pop("mask", None)
    for line in image.oddities:
        warnings.warn(f"`{image.path}`: {line}", DataWarning, stacklevel=4)
    unit = image.texts.get(UNIT, ())
    try:
        return Microstructure(
            grid=Grid(shape, np.asarray(edges) * shape),
            orientation=q,
            mask=None if mask is None else mask[0] != 0,
            phases=phases,
            maps={name.removeprefix("map ") if _renamed(name) else name: v[0] if len(v) == 1 else v for name, v in found.items()},
            provenance=f"read from {image.path.name}",
            notes=(*image.oddities, *(UNIT_NOTE + length_unit(each) for each in unit[:1] if length_unit(each))),
            labels=labels.astype(np.int32) if fractions is None else None,
            fractions=fractions,
        )
    except (TypeError, ValueError) as error:
        raise unreadable(image.path, f"holds arrays that make no microstructure ({error})", "Read one of them with key=.") from error


def _is_map(name: str, image: Image) -> bool:
    """Whether an array of that name is the user's map: Bunge angles and crystals of the writer have a form of their own."""
    return name == "euler" and len(image.arrays[name].components) == 3 and "orientation" not in image.arrays


def _renamed(name: str) -> bool:
    """Whether the writer had to give a map another name than its own."""
    return name.removeprefix("map ") in ("label", "material", "fraction", "orientation", "euler", "mask")


def _as_written(values: np.ndarray, two: bool) -> np.ndarray:
    return values[..., 0] if two else values


def _laue(image: Image) -> tuple[str, ...]:
    found = image.texts.get(LAUE, ())
    return found if len(found) == len(image.texts[NAMES]) else ("",) * len(image.texts[NAMES])
