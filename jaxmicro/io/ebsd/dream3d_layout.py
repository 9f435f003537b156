"""Where a .dream3d file keeps a grid, its cells and its phases: version 7 (DREAM.3D 6) and version 8 (DREAM3D-NX).

Version 7: `DataContainers/<name>/_SIMPL_GEOMETRY/{DIMENSIONS, SPACING}`; beside it groups with `AttributeMatrixType`, 3 for
cells and 11 for phases. Version 8: `DataStructure/…/<name>`, a group with `ObjectType` "ImageGeom" and the attributes
`_DIMENSIONS` and `_SPACING`; in it the arrays of the cells, or a group of them, and a group with the phases.
Sizes and edges are in the order x, y, z; arrays are stored (z, y, x, components).
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxmicro.io.ebsd.scan_choice import chosen
from jaxmicro.io.hdf5 import Node
from jaxmicro.io.problems import unreadable

CELL, ENSEMBLE = 3, 11
STRUCTURES = "CrystalStructures"
GEOMETRY = "_SIMPL_GEOMETRY"
MAX_DEPTH = 8
MAX_GROUPS = 1000


@dataclasses.dataclass(frozen=True)
class Layout:
    """One image geometry of a file: its name, size, edges, the group of its cells' arrays and that of its phases."""

    name: str
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    cells: Node
    ensemble: Node | None


def find_layout(path: Path, root: Node, scan: str | None) -> Layout:
    """The image geometry that is asked for, or the only one."""
    version = root.attribute("FileVersion")
    if version == "7.0":
        found = dict(_containers(root.child("DataContainers")))
    elif version == "8.0":
        found = dict(_geometries(root.child("DataStructure"), "", MAX_DEPTH, [MAX_GROUPS]))
    else:
        raise unreadable(path, f"is in version {version} of the .dream3d format", "Versions 7.0 and 8.0 are read.")
    name = chosen(path, list(found), scan, "image geometries")
    return _legacy(path, name, found[name]) if version == "7.0" else _current(path, name, found[name])


def _containers(root: Node) -> Iterator[tuple[str, Node]]:
    for name in root.names:
        node = root.child(name)
        if node.is_group(GEOMETRY) and node.child(GEOMETRY).attribute("GeometryTypeName") == "ImageGeometry":
            yield name, node


def _geometries(node: Node, place: str, depth: int, left: list[int]) -> Iterator[tuple[str, Node]]:
    """Image geometries may lie in groups of groups; a file that winds into itself is left after `MAX_GROUPS`."""
    for name in node.names:
        left[0] -= 1
        if left[0] < 0 or depth == 0:
            return
        if node.is_group(name):
            inner = node.child(name)
            if inner.attribute("ObjectType") == "ImageGeom":
                yield place + name, inner
            else:
                yield from _geometries(inner, f"{place}{name}/", depth - 1, left)


def _legacy(path: Path, name: str, container: Node) -> Layout:
    geometry = container.child(GEOMETRY)
    shape, spacing = _box(path, geometry.numbers("DIMENSIONS", 3), geometry.numbers("SPACING", 3))
    groups = [container.child(each) for each in container.names if each != GEOMETRY and container.is_group(each)]
    cells = [group for group in groups if _kind(group) == CELL]
    return Layout(name, shape, spacing, _one(path, name, cells), _phases(path, name, groups))


def _current(path: Path, name: str, geometry: Node) -> Layout:
    shape, spacing = _box(path, geometry.attribute("_DIMENSIONS"), geometry.attribute("_SPACING"))
    groups = [geometry.child(each) for each in geometry.names if geometry.is_group(each)]
    matrices = [group for group in groups if group.attribute("ObjectType") == "AttributeMatrix"]
    ident = geometry.attribute("Cell Data ID")
    cells = [group for group in matrices if ident is not None and _same(group.attribute("ObjectId"), ident)]
    cells = cells or [group for group in matrices if _same(group.attribute("TupleDims"), np.asarray(shape[::-1]))]
    return Layout(name, shape, spacing, _one(path, name, cells or [geometry]), _phases(path, name, groups))


def _box(path: Path, dimensions: object, spacing: object) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
    size, edges = np.asarray(dimensions).ravel(), np.asarray(spacing).ravel()
    numbers = size.dtype.kind in "iuf" and edges.dtype.kind in "iuf" and size.size == edges.size == 3
    if not (numbers and (size >= 1).all() and (size < 1 << 31).all() and np.isfinite(edges).all() and (edges > 0).all()):
        raise unreadable(path, f"has an image geometry of {dimensions} voxels with edges {spacing}", "Three positive numbers are expected.")
    return tuple(int(n) for n in size), tuple(float(str(edge)) for edge in edges)  # pyright: ignore[reportReturnType]


def _kind(group: Node) -> int | None:
    value = group.attribute("AttributeMatrixType")
    return int(value.ravel()[0]) if isinstance(value, np.ndarray) and value.size == 1 else None


def _same(found: object, wanted: object) -> bool:
    """Whether two attributes hold the same numbers."""
    return isinstance(found, np.ndarray) and isinstance(wanted, np.ndarray) and bool(np.array_equal(found.ravel(), wanted.ravel()))


def _one(path: Path, name: str, groups: list[Node]) -> Node:
    if len(groups) != 1:
        listed = ", ".join(group.place for group in groups) or "none"
        raise unreadable(path, f"has {len(groups)} groups of cell data in {name!r} ({listed}), and one is expected")
    return groups[0]


def _phases(path: Path, name: str, groups: list[Node]) -> Node | None:
    found = [group for group in groups if STRUCTURES in group]
    return _one(path, name, found) if found else None
