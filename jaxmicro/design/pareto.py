"""Fronts that no design dominates, and the volume they dominate."""

import numpy as np
from jaxtyping import Bool, Float

from jaxmicro._core import check


def nondominated(costs: Float[np.ndarray, "n m"]) -> Bool[np.ndarray, " n"]:
    """Which rows no other row dominates (nowhere larger, somewhere smaller); of equal rows the first. Rows with NaN never.

    Example:
        >>> nondominated(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
        [True, True, False]
    """
    costs = np.asarray(costs, float)
    keep = np.asarray(np.isfinite(costs).all(axis=1))
    for i in np.flatnonzero(keep):
        below = (costs <= costs[i]).all(axis=1)
        strict = (costs < costs[i]).any(axis=1)
        keep[i] = not (below & strict).any() and not (below & ~strict)[:i].any()
    return keep


def hypervolume(costs: Float[np.ndarray, "n m"], reference: Float[np.ndarray, " m"]) -> float:
    """Volume between points and a reference that is worse than they are, by slicing along the last objective; exact.

    Args:
        costs: objectives to minimise.
        reference: points that are not better than it in every objective add nothing.

    References: Zitzler & Thiele (1999), doi:10.1109/4235.797969.

    Example:
        >>> hypervolume(np.array([[1.0, 3.0], [2.0, 2.0]]), np.array([4.0, 4.0]))
        5.0
    """
    costs, reference = np.asarray(costs, float), np.asarray(reference, float)
    check(
        costs.ndim == 2 and reference.shape == (costs.shape[1],),
        f"`reference` must have one entry per objective ({costs.shape[1:]}), but its shape is {reference.shape}.",
    )
    inside = costs[(costs < reference).all(axis=1)]
    return _volume(inside[nondominated(inside)], reference) if len(inside) else 0.0


def _volume(points: np.ndarray, reference: np.ndarray) -> float:
    if points.shape[1] == 1:
        return float(reference[0] - points.min())
    points = points[np.argsort(points[:, -1])]
    if points.shape[1] == 2:
        widths = reference[0] - np.minimum.accumulate(points[:, 0])
        heights = np.diff(np.append(points[:, 1], reference[1]))
        return float(widths @ heights)
    total, levels = 0.0, np.append(points[:, -1], reference[-1])
    for i in range(len(points)):
        slab = points[: i + 1, :-1]
        total += _volume(slab[nondominated(slab)], reference[:-1]) * (levels[i + 1] - levels[i])
    return total


def hypervolume_history(
    costs: Float[np.ndarray, "e m"], evaluations: np.ndarray, reference: Float[np.ndarray, " m"], points: int = 100
) -> Float[np.ndarray, "h 2"]:
    """Columns of solves and hypervolume, at about `points` moments of a search.

    Example:
        >>> hypervolume_history(np.array([[2.0, 2.0], [1.0, 3.0]]), np.array([1, 2]), np.array([4.0, 4.0])).tolist()
        [[1.0, 4.0], [2.0, 5.0]]
    """
    moments = np.unique(np.linspace(0, len(costs) - 1, min(points, len(costs))).astype(int))
    rows, front = [], np.empty((0, costs.shape[1]))
    start = 0
    for end in moments:
        fresh = costs[start : end + 1]
        front = np.concatenate([front, fresh[np.isfinite(fresh).all(axis=1)]])
        front = front[nondominated(front)]
        rows.append((float(evaluations[end]), hypervolume(front, reference) if len(front) else 0.0))
        start = end + 1
    return np.asarray(rows)
