"""Grey levels split into classes where their variance between classes is largest."""

import numpy as np

BINS = 256


def otsu_thresholds(values: np.ndarray, classes: int = 2, counts: np.ndarray | None = None) -> list[float]:
    """Thresholds t₁ < t₂ < … such that class k holds t_k ≤ value < t_{k+1}; exact over a histogram of 256 bins.

    The variance between classes is Σ_k S_k²/W_k up to a constant, W_k the share of class k and S_k the sum of its grey
    values, which is maximised over all cuts by dynamic programming.

    Args:
        values: grey values of any shape.
        classes: number of classes.
        counts: how often each of the `values` occurs, in their shape; by default once.

    Returns:
        `classes − 1` thresholds.

    Raises:
        ValueError: if there are fewer distinct bins than classes.

    Reference:
        N. Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man Cybern. 9, 62 (1979),
        doi:10.1109/TSMC.1979.4310076.

    Example:
        >>> otsu_thresholds(np.array([10, 11, 12, 200, 201]))
        [106.0]
    """
    weight, centre = histogram(values, counts)
    if np.count_nonzero(weight) < classes:
        raise ValueError(
            f"`values` must take at least {classes} grey levels for {classes} classes, but they take {np.count_nonzero(weight)}."
        )
    share = np.concatenate([[0], np.cumsum(weight)])
    total = np.concatenate([[0], np.cumsum(weight * centre)])
    width = share[None, :] - share[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(width > 0, (total[None, :] - total[:, None]) ** 2 / width, -np.inf)  # of one class from cut i to cut j
    gain[np.tril_indices(len(share))] = -np.inf
    best, came_from = gain[0], []
    for _ in range(classes - 1):
        candidates = best[:, None] + gain
        came_from.append(candidates.argmax(axis=0))
        best = candidates.max(axis=0)
    cuts = [len(weight)]
    for step in reversed(came_from):
        cuts.append(int(step[cuts[-1]]))
    occupied = np.flatnonzero(weight)
    return [_between(centre, occupied, cut) for cut in sorted(cuts[1:])]


def _between(centre: np.ndarray, occupied: np.ndarray, cut: int) -> float:
    """Middle of the gap at a cut: all cuts inside an empty gap are equally good."""
    place = np.searchsorted(occupied, cut)
    return float(centre[occupied[place - 1]] + centre[occupied[place]]) / 2


def histogram(values: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Share and centre of each bin; one bin per grey level where there are at most 256."""
    size = values.size if counts is None else int(counts.sum())
    weights = None if counts is None else counts.ravel().astype(float)
    if values.dtype.kind in "iub" and int(values.max()) - int(values.min()) < BINS:
        low = int(values.min())
        found = np.bincount((values.astype(np.int64) - low).ravel(), weights)
        return found / size, low + np.arange(found.size, dtype=float)
    found, edges = np.histogram(values.ravel(), BINS, weights=weights)
    return found / size, (edges[1:] + edges[:-1]) / 2
