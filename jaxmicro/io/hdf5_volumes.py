"""Arrays of numbers in HDF5 files of any layout, by their path in the file."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check, check_choice, nearest_name
from jaxmicro.io.arrays import AXES
from jaxmicro.io.formats import Raster
from jaxmicro.io.hdf5 import Node
from jaxmicro.io.problems import ReadError, unreadable
from jaxmicro.io.voxel_size import length_unit, sound_edges

MAX_DEPTH, MAX_LISTED = 12, 1 << 10
EDGES_IN_MICROMETRES = "element_size_um"  # of ImageJ's HDF5 plugin and ilastik: per stored axis
EDGES = ("spacing", "voxel_size", "voxelsize", "pixel_size", "element_size")
UNITS = ("unit", "units", "spacing_unit", "spacing_units", "element_size_unit")


@dataclasses.dataclass(frozen=True)
class Found:
    """A dataset that could be a map or a volume: its group, its name there, its path and its shape."""

    node: Node
    name: str
    place: str
    shape: tuple[int, ...]


def load_hdf5_array(path: Path, root: Node, dataset: str | None, axes: str | None) -> Raster:
    """One dataset as a raster.

    Args:
        path: for the wording of errors.
        root: the opened file.
        dataset: its path, "/group/name"; by default the only one of two or three axes.
        axes: "xyz" as it is (the default), or "zyx" ("yx") where the last axis is x.
    """
    found = find_dataset(path, root, dataset)
    order = stored_order(found, axes)
    values = found.node.numbers(found.name).reshape([n for n in found.shape if n > 1])
    edges, unit, notes = edges_of(found, order)
    return Raster(np.transpose(values, order), notes=(array_note(found, axes), *notes), spacing=edges, unit=unit)


def array_note(found: Found, axes: str | None) -> str:
    """How the axes were taken."""
    how = (
        "its axes reversed, the last one is x" if axes in ("zyx", "yx") else "as it is: its first axis is x (axes='zyx' takes the last one)"
    )
    return f"dataset {found.place!r} read {how}"


def stored_order(found: Found, axes: str | None) -> tuple[int, ...]:
    """Which stored axis, of those longer than one, is x, y(, z)."""
    if axes is not None:
        check_choice("axes", axes, AXES)
    count = sum(n > 1 for n in found.shape)
    if count not in (2, 3):
        raise unreadable(found.node.path, f"holds {found.place!r} of shape {found.shape}", "A map has 2 axes longer than one, a volume 3.")
    return tuple(range(count))[::-1] if axes in ("zyx", "yx") else tuple(range(count))


def find_dataset(path: Path, root: Node, dataset: str | None) -> Found:
    """The dataset of that path, or the only one that could be a map or a volume."""
    if dataset is not None:
        check(isinstance(dataset, str) and dataset.strip("/") != "", f"`dataset` must be a path such as '/volume', but it is {dataset!r}.")
        *groups, name = [part for part in dataset.split("/") if part]
        try:
            node = root.walk(*groups)
            return Found(node, name, node.place + name, node.shape(name))
        except ReadError as error:
            places = [each.place for each in datasets(root)]
            hint = nearest_name("/" + dataset.strip("/"), places)
            way_out = f"Did you mean dataset={hint!r}?" if hint else f"Arrays with 2 or 3 axes: {_listed(datasets(root)) or 'none'}."
            raise ReadError(f"{error} {way_out}") from error
    found = datasets(root)
    if len(found) != 1:
        listed = _listed(found)
        way_out = "Say which one with dataset=." if found else "A map has 2 axes longer than one, a volume 3."
        holds = ", ".join(repr(name) for name in root.names[:8]) or "nothing"
        what = (
            f"holds {len(found)} arrays that could be a volume ({listed})"
            if found
            else f"its root holds {holds}, and no array that could be a volume"
        )
        raise unreadable(path, f"has none of the layouts that are read (EDAX, Oxford, DREAM.3D), and {what}", way_out)
    return found[0]


def datasets(node: Node, depth: int = 0) -> list[Found]:
    """All numeric datasets with two or three axes longer than one, by hard links alone."""
    found: list[Found] = []
    for name in node.names:
        try:
            if node.is_group(name):
                found += datasets(node.child(name), depth + 1) if depth < MAX_DEPTH else []
            elif node.is_numeric(name):
                shape = node.shape(name)
                found += [Found(node, name, node.place + name, shape)] if sum(n > 1 for n in shape) in (2, 3) else []
        except ReadError:
            continue  # links, and datasets whose numbers are elsewhere
        if len(found) > MAX_LISTED:
            break
    return found


def edges_of(found: Found, order: tuple[int, ...]) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
    """Edges of a voxel along x, y(, z) and their unit where attributes say both; else what they say as a note."""
    edges, unit, name = _attribute(found, EDGES_IN_MICROMETRES), "µm", EDGES_IN_MICROMETRES
    if edges is None:
        name = next((each for each in EDGES if _attribute(found, each) is not None), "")
        if not name:
            return (), "", ()
        edges = _attribute(found, name)
        unit = next((length_unit(text) for each in UNITS if isinstance(text := _attribute(found, each), str)), "")
    numbers = np.ravel(edges) if not isinstance(edges, str) else np.zeros(0)
    long = [k for k, n in enumerate(found.shape) if n > 1]
    per_axis = numbers[long] if numbers.size == len(found.shape) else np.repeat(numbers, len(order)) if numbers.size == 1 else numbers
    if not unit or per_axis.size != len(order) or not sound_edges(per_axis.tolist()):
        told = edges if isinstance(edges, str) else " x ".join(f"{number:g}" for number in numbers[:6])
        why = "no unit of length beside it that can be read" if not unit else "no length per axis"
        return (), "", (f"the attribute {name!r} of the dataset says {told}, but {why}: pass spacing= and unit=",)
    return tuple(float(per_axis[k]) for k in order), unit, ()


def _attribute(found: Found, name: str) -> Any:
    """A number, numbers or a text; None where there is none, or one that is not read from a stranger."""
    try:
        return found.node.attribute(name, found.name)
    except ReadError:
        return None


def _listed(found: list[Found]) -> str:
    return ", ".join(f"{each.place!r} of shape {each.shape}" for each in found[:12]) + (", …" if len(found) > 12 else "")
