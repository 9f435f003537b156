"""Places of points in files that promise them row by row: positions, where a file has them, must agree or decide."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxmicro.io.ebsd.points import Arrangement, arrange
from jaxmicro.io.ebsd.promise import extent
from jaxmicro.io.problems import unreadable

OFF_GRID = 0.25  # of a step: how far a position may lie from its place
NO_POSITIONS = "the file has no positions: points were placed row by row as its header says"


def placed(path: Path, positions: Float[np.ndarray, "2 points"], cells: tuple[int, ...], steps: tuple[float, ...]) -> Arrangement:
    """The grid of points that should come row by row, x fastest, and layer by layer.

    Args:
        path: the file, for the wording of errors.
        positions: x and y of each point; NaN where the file has none.
        cells: points along each axis, by the header.
        steps: distances along each axis, by the header.

    Returns:
        Row by row where the positions agree with the header or there are none; where they do not, the grid that they form,
        whose size and steps may differ from the header's.

    Raises:
        ReadError: if they form none, or some are missing and the others disagree with the header.
    """
    raster = np.arange(positions.shape[1]).reshape(cells[::-1]).T
    known = np.isfinite(positions)
    told = [axis for axis in (0, 1) if known[axis].any()]
    if not told or not any(np.ptp(positions[axis][known[axis]]) > 0 for axis in told):
        return Arrangement(raster, steps, notes=(NO_POSITIONS,))
    away = {axis: _offset(positions[axis], known[axis], axis, cells, steps[axis]) for axis in told}
    if max(worst for worst, _ in away.values()) <= OFF_GRID:
        origin = tuple(away[axis][1] for axis in told) if len(told) == 2 else ()
        return Arrangement(raster, steps, origin=origin)
    if not known.all():
        listed = " and ".join(f"{'XY'[axis]} up to {worst:.3g} steps" for axis, (worst, _) in away.items() if worst > OFF_GRID)
        raise unreadable(path, f"holds positions {listed} from those of its grid of {extent(cells)} points", "Export it again.")
    if len(cells) == 2:
        return arrange(path, positions, squares_only=True)
    layer = np.arange(positions.shape[1]) // (cells[0] * cells[1])
    return arrange(path, np.concatenate([positions, layer[None] * steps[2]]), squares_only=True)


def _offset(found: np.ndarray, known: np.ndarray, axis: int, cells: tuple[int, ...], step: float) -> tuple[float, float]:
    """How many steps the positions along an axis are from those of the grid at most, and where the grid begins."""
    index = np.arange(found.size) % (cells[0] * cells[1])
    place = (index % cells[0] if axis == 0 else index // cells[0])[known]
    origin = float(np.median(found[known] - step * place))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        worst = float(np.abs(found[known] - origin - step * place).max() / step)
    return (worst if np.isfinite(worst) else np.inf), origin
