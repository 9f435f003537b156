"""Laminates of any rank: layers that are themselves layered."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.layers import exact_shares, layer_at_centres, layer_bounds, whole_direction
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure


class Layers(NamedTuple):
    """Layers over the whole cell, seen where the layers around them leave room.

    Attributes:
        fractions: thickness of each layer over the period, sum 1.
        content: what fills each layer: the number of a phase, or further `Layers`.
        normal: whole numbers, one per axis; `(1, 1)` is the diagonal.
        repeats: periods in the cell.
    """

    fractions: Sequence[float]
    content: Sequence["int | Layers"]
    normal: Sequence[int]
    repeats: int = 1


def ranked_laminate(
    grid: Grid,
    levels: Layers | Sequence[tuple[float, Sequence[int], int]],
    *,
    exact: bool = False,
    phases: Sequence[Phase | str] | None = None,
) -> Microstructure:
    """A laminate of rank n: at each level layers of phase 1, and between them the laminate of the next, finer level.

    Level k = 1 … n fills the share f_k of what earlier levels leave with phase 1, in layers across its normal; what is left after the last
    level is phase 0, with the volume fraction Π (1 − f_k). `Layers` within `Layers` give any other nesting, of any number of phases.

    When each level is much finer than the one around it, the effective stiffness or conductivity tends to that of the laminate rule used
    n times, from the inside out (`homogenization.composite_stiffness`), which attains the Hashin–Shtrikman bounds for suitable f_k and
    normals. With finite ratios of the periods it is an approximation.

    Args:
        grid: the periodic cell.
        levels: `(fraction, normal, repeats)` for each level, the coarsest first: f_k, whole numbers along the axes, and periods in the
            cell; or `Layers`.
        exact: False gives each voxel the phase at its centre (labels); True the exact share of each phase in each voxel (fractions), where
            levels that are nested in one another lie across different axes.
        phases: one name or `Phase` per phase; by default numbered.

    Returns:
        The microstructure. `asked` holds the volume fractions of an infinitely fine grid with separate scales: where a level is across the
        same axis as the one around it, or repeats do not fit, the cell has others.

    Raises:
        ValueError: if a fraction is out of [0, 1], a normal is not whole or zero, phases have gaps, or `exact` is asked for oblique layers
            or twice across one axis.

    Reference:
        G. W. Milton, "The Theory of Composites", chapter 9 (2002), doi:10.1017/CBO9780511613357.

    Example:
        >>> ms = ranked_laminate(Grid((4, 8)), [(0.5, (1, 0), 1), (0.25, (0, 1), 2)])
        >>> ms.labels.tolist()
        [[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1], [1, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0]]

    Not differentiable and without a soft form: it runs on the host. For derivatives in fractions and normals take the laminate rule.
    """
    tree = levels if isinstance(levels, Layers) else _ranks(levels)
    shares = _volume_fractions(tree)
    count = max(shares) + 1
    names = tuple(f"phase {i}" for i in range(count)) if phases is None else phases
    check(set(shares) == set(range(len(names))), f"`content` must number the phases 0 … {len(names) - 1}, but it holds {sorted(shares)}.")
    if exact:
        content: dict[str, Any] = {"fractions": _exact(grid, tree, count).astype(np.asarray(grid.lengths).dtype)}
    else:
        content = {"labels": _labels(grid, tree)}
    asked = {"volume_fractions": tuple(shares[k] for k in range(count))}
    return Microstructure(grid=grid, phases=names, provenance=f"ranked_laminate: rank {_rank(tree)}", asked=asked, **content)


def _ranks(levels: Sequence[tuple[float, Sequence[int], int]]) -> Layers:
    """From the innermost level outwards."""
    check(len(levels) >= 1, "`levels` must hold at least one (fraction, normal, repeats), but it is empty.")
    inner: int | Layers = 0
    for number, entry in reversed(list(enumerate(levels))):
        check(len(entry) == 3, f"`levels` must hold (fraction, normal, repeats), but entry {number} is {entry!r}.")
        fraction, normal, repeats = entry
        check(0 <= fraction <= 1, f"The fraction of level {number} must lie in [0, 1], but it is {fraction}.")
        inner = Layers((fraction, 1 - fraction), (1, inner), normal, repeats)
    return inner  # pyright: ignore[reportReturnType]


def _volume_fractions(tree: "int | Layers") -> dict[int, float]:
    if not isinstance(tree, Layers):
        check(isinstance(tree, int | np.integer) and tree >= 0, f"`content` must hold phase numbers or Layers, but it holds {tree!r}.")
        return {int(tree): 1.0}
    check(
        len(tree.fractions) == len(tree.content),
        f"`content` must have one entry per layer, but there are {len(tree.content)} for {len(tree.fractions)} fractions.",
    )
    layer_bounds(tree.fractions)  # checks them
    total: dict[int, float] = {}
    for fraction, content in zip(tree.fractions, tree.content, strict=True):
        for phase, share in _volume_fractions(content).items():
            total[phase] = total.get(phase, 0.0) + float(fraction) * share
    return total


def _rank(tree: "int | Layers") -> int:
    return 1 + max(_rank(content) for content in tree.content) if isinstance(tree, Layers) else 0


def _labels(grid: Grid, tree: "int | Layers") -> np.ndarray:
    if not isinstance(tree, Layers):
        return np.full(grid.shape, tree, np.int32)
    layer = layer_at_centres(grid.shape, whole_direction(grid, 0, tree.normal, tree.repeats), layer_bounds(tree.fractions))
    return np.choose(layer, [_labels(grid, content) for content in tree.content])


def _exact(grid: Grid, tree: "int | Layers", count: int, taken: tuple[int, ...] = ()) -> np.ndarray:
    """Shares of a voxel are products of those along the axes, which is exact where no axis comes twice."""
    if not isinstance(tree, Layers):
        return np.stack([np.full(grid.shape, float(phase == tree)) for phase in range(count)])
    direction = whole_direction(grid, 0, tree.normal, tree.repeats)
    along = [k for k, n in enumerate(direction) if n]
    check(len(along) == 1, f"`exact` layers must lie across an axis, but a normal is {tuple(tree.normal)}. Leave `exact` out.")
    axis = along[0]
    check(axis not in taken, f"`exact` layers must lie across different axes where nested, but axis {axis} comes twice. Leave `exact` out.")
    shares = exact_shares(grid, axis, abs(direction[axis]), layer_bounds(tree.fractions), direction[axis] < 0)
    inner = [_exact(grid, content, count, (*taken, axis)) for content in tree.content]
    return sum(share * part for share, part in zip(shares, inner, strict=True))  # pyright: ignore[reportReturnType]
