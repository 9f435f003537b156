"""Strut lattices by name: the unit cells of architected materials."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxmicro._core import check, check_choice, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.strut_lattice import strut_lattice


class StrutCell(NamedTuple):
    """A unit cell of struts.

    Attributes:
        nodes: `(d, n)`, in shares of the edges.
        struts: `(struts, 2 + d)`, two nodes and the shift of the second one's cell.
        proportions: relative edge lengths with which all angles are the regular ones, `(d,)`.
    """

    nodes: Float[np.ndarray, "d n"]
    struts: Int[np.ndarray, "struts columns"]
    proportions: tuple[float, ...]


class _Recipe(NamedTuple):
    """Nodes, the distances at which they are joined (in units of the first edge), and the proportions."""

    nodes: Sequence[Sequence[float]]
    bonds: Sequence[float]
    proportions: tuple[float, ...]


_CORNER, _FACES = (0.0, 0.0, 0.0), ((0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5))
_FCC = (_CORNER, *_FACES)
_KELVIN = [p for q in (0.25, 0.75) for p in set(itertools.permutations((0.0, q, 0.5)))]
_TALL = (1.0, math.sqrt(3.0))
_CUBE = (1.0, 1.0, 1.0)

_RECIPES: dict[str, _Recipe] = {
    "cubic": _Recipe([_CORNER], [1.0], _CUBE),
    "bcc": _Recipe([_CORNER, (0.5, 0.5, 0.5)], [math.sqrt(0.75)], _CUBE),
    "fcc": _Recipe(_FCC, [math.sqrt(0.5)], _CUBE),
    "octet": _Recipe(_FCC, [math.sqrt(0.5)], _CUBE),
    "kelvin": _Recipe(_KELVIN, [math.sqrt(0.125)], _CUBE),
    "diamond": _Recipe([*_FCC, *(tuple((x + 0.25) % 1 for x in p) for p in _FCC)], [math.sqrt(3) / 4], _CUBE),
    "square": _Recipe([(0.0, 0.0)], [1.0], (1.0, 1.0)),
    "triangular": _Recipe([(0.0, 0.0), (0.5, 0.5)], [1.0], _TALL),
    "honeycomb": _Recipe([(0.0, 1 / 6), (0.0, 5 / 6), (0.5, 1 / 3), (0.5, 2 / 3)], [1 / math.sqrt(3)], _TALL),
    "kagome": _Recipe([(0.5, 0.0), (0.25, 0.25), (0.75, 0.25), (0.0, 0.5), (0.25, 0.75), (0.75, 0.75)], [0.5], _TALL),
}


@functools.cache
def strut_cell(kind: str) -> StrutCell:
    """The unit cell of a lattice: nodes, struts, and the proportions of its edges.

    In 3D, cells of a cube: "cubic" (edges), "bcc" (corners to the centre), "fcc" (corners to the face centres), "octet" (all pairs of
    nearest nodes of fcc: octahedra and tetrahedra), "kelvin" (edges of truncated octahedra), "diamond" (bonds of diamond). In 2D: "square",
    and with edges 1 : √3 "triangular", "honeycomb" and "kagome".

    Args:
        kind: name of the lattice.

    Returns:
        The cell, for `strut_lattice(grid, cell.nodes, cell.struts, …)` after changes of one's own.

    Raises:
        ValueError: if the name is not known.

    Reference: M. F. Ashby, Phil. Trans. R. Soc. A 364, 15 (2006), doi:10.1098/rsta.2005.1678.

    Example:
        >>> cell = strut_cell("honeycomb")
        >>> cell.nodes.shape, len(cell.struts), [round(p, 4) for p in cell.proportions]
        ((2, 4), 6, [1.0, 1.7321])

    Nothing here is differentiable; `strut_lattice` is, in the nodes.
    """
    check_choice("kind", kind, _RECIPES)
    recipe = _RECIPES[kind]
    nodes = np.array(recipe.nodes).T
    struts = _joined(nodes, np.array(recipe.proportions), recipe.bonds)
    if kind == "fcc":  # only those at a corner: the others are the octahedron of the octet truss
        struts = struts[(struts[:, :2] == 0).any(axis=1)]
    return StrutCell(nodes, struts, recipe.proportions)


def _joined(nodes: np.ndarray, proportions: np.ndarray, bonds: Sequence[float]) -> np.ndarray:
    """One of the two directions of every pair at one of the distances."""
    found = []
    for i, j in itertools.combinations_with_replacement(range(nodes.shape[1]), 2):
        for shift in itertools.product((-1, 0, 1), repeat=nodes.shape[0]):
            if i == j and shift <= (0,) * len(shift):
                continue
            distance = np.linalg.norm((nodes[:, j] + shift - nodes[:, i]) * proportions)
            if np.isclose(distance, bonds).any():
                found.append((i, j, *shift))
    return np.array(found)


def lattice(
    grid: Grid,
    kind: str = "octet",
    *,
    radius: ArrayLike | None = None,
    volume_fraction: ArrayLike | None = None,
    cells: int | Sequence[int] = 1,
    width: ArrayLike | None = None,
    phases: Sequence[Phase | str] = ("void", "solid"),
) -> Microstructure:
    """A lattice of round struts by name, repeated over the cell.

    The unit cell is stretched to `grid.lengths / cells`: struts keep a round section, angles do not. With the edges of
    `lattice_lengths(kind, cells)` all is regular; where it is not, a note says so.

    Args:
        grid: the periodic cell.
        kind: in 3D "cubic", "bcc", "fcc", "octet", "kelvin" or "diamond"; in 2D "square", "triangular", "honeycomb" or "kagome"; see
            `strut_cell`.
        radius: of the struts, in the unit of `grid.lengths`; or
        volume_fraction: of the solid, phase 1, for which the radius is solved.
        cells: unit cells along the axes, one number or one per axis.
        width: None for a sharp cut (labels); or the width of the interfaces in the unit of `grid.lengths`, for the soft form.
        phases: names of void and solid.

    Returns:
        The microstructure, as that of `strut_lattice`.

    Raises:
        ValueError: if the kind does not fit the axes of the grid, and as `strut_lattice`.

    Reference: M. F. Ashby, Phil. Trans. R. Soc. A 364, 15 (2006), doi:10.1098/rsta.2005.1678.

    Example:
        >>> ms = lattice(Grid((24, 42), lattice_lengths("honeycomb", 1)), "honeycomb", volume_fraction=0.25)
        >>> round(float(ms.volume_fractions[1]), 3)
        0.25

    The soft form (`width=`) is differentiable in the radius or volume fraction, the width and the edge lengths, in both modes.
    """
    cell = strut_cell(kind)
    ndim = cell.nodes.shape[0]
    check(ndim == grid.ndim, f"`kind` must fit the {grid.ndim}D grid, but {kind!r} is a {ndim}D lattice. Take {_others(grid.ndim)}.")
    options: dict[str, Any] = {"volume_fraction": volume_fraction, "cells": cells, "width": width, "phases": phases}
    ms = strut_lattice(grid, cell.nodes, cell.struts, radius, **options)
    if not is_concrete(grid):
        return ms
    edges = np.asarray(grid.lengths, float) / np.broadcast_to(cells, ndim) / cell.proportions
    if np.ptp(edges) <= 1e-3 * edges.max():
        return ms
    right = ", ".join(f"{x:.4g}" for x in edges[0] * np.array(cell.proportions) * np.broadcast_to(cells, ndim))
    return ms.with_notes(f"lattice: {kind} is stretched; edges of ({right}) would make it regular")


def lattice_lengths(kind: str, cells: int | Sequence[int] = 1, edge: float = 1.0) -> tuple[float, ...]:
    """Edge lengths of a grid in which a lattice is regular: 1 : √3 for triangular, honeycomb and kagome, else equal.

    Args:
        kind: name of the lattice.
        cells: unit cells along the axes, one number or one per axis.
        edge: of one unit cell along x.

    Returns:
        One length per axis, for `Grid(shape, lengths)`.

    Raises:
        ValueError: if the name is not known or `cells` do not fit.

    Example:
        >>> [round(length, 4) for length in lattice_lengths("honeycomb", (2, 1))]
        [2.0, 1.7321]

    Not differentiable.
    """
    proportions = strut_cell(kind).proportions
    counts = (cells,) * len(proportions) if isinstance(cells, int) else tuple(cells)
    check(len(counts) == len(proportions), f"`cells` must be one number or one per axis ({len(proportions)}), but it is {cells!r}.")
    return tuple(edge * p * n for p, n in zip(proportions, counts, strict=True))


def _others(ndim: int) -> str:
    return ", ".join(repr(name) for name, recipe in _RECIPES.items() if len(recipe.proportions) == ndim)
