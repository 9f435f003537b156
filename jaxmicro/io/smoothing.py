"""Grey values smoothed before they are cut."""

from typing import Any

import numpy as np

from jaxmicro._core import check, check_choice

FILTERS = ("median", "gaussian")
TAILS = 4  # standard deviations at which a Gaussian is cut off, as in SciPy


def checked_filter(smooth: Any) -> tuple[str, float] | None:
    """The name of a filter and its radius, from ("median", 1) or ("gaussian", 0.8).

    Raises:
        ValueError: if it is neither.
    """
    if smooth is None:
        return None
    good = isinstance(smooth, tuple | list) and len(smooth) == 2 and isinstance(smooth[1], int | float | np.number)
    good = good and not isinstance(smooth[1], bool) and 0 < float(smooth[1]) < 64
    check(
        bool(good),
        f"`smooth` must be a filter and its radius in voxels (above 0, below 64), but it is {smooth!r}. "
        "Write smooth=('median', 1) or smooth=('gaussian', 0.8).",
    )
    check_choice("smooth", smooth[0], FILTERS)
    return str(smooth[0]), float(smooth[1])


def reach(wanted: tuple[str, float]) -> int:
    """How many voxels away a value still counts."""
    name, radius = wanted
    return int(TAILS * radius + 0.5) if name == "gaussian" else int(radius)


def smoothed(values: np.ndarray, wanted: tuple[str, float]) -> tuple[np.ndarray, str]:
    """Values after a filter, and what was done: the median over a ball (a disc), in the type of the values, or a Gaussian in floats.

    Beyond the edges the values are those of the nearest voxel.

    Example:
        >>> smoothed(np.array([[1, 1, 1], [1, 9, 1], [1, 1, 1]]), ("median", 1.0))[0].max()
        np.int64(1)
    """
    from scipy import ndimage

    name, radius = wanted
    if name == "gaussian":
        kind = values.dtype if values.dtype.kind == "f" and values.dtype.itemsize > 2 else np.dtype(np.float32)
        found = ndimage.gaussian_filter(values.astype(kind, copy=False), radius, mode="nearest", truncate=TAILS)
        return found, f"grey values smoothed by a Gaussian of standard deviation {radius:g} voxels"
    step = int(radius)
    check(step >= 1, f"`smooth` must have a radius of at least 1 voxel for a median, but it is {radius:g}. Write smooth=('median', 1).")
    offsets = np.indices((2 * step + 1,) * values.ndim) - step
    ball = (offsets**2).sum(axis=0) <= radius**2
    kind = np.dtype(np.float32) if values.dtype == np.float16 else np.dtype(np.uint8) if values.dtype == bool else values.dtype
    found = ndimage.median_filter(values.astype(kind, copy=False), footprint=ball, mode="nearest")
    return found.astype(values.dtype, copy=False), f"grey values smoothed by the median within {radius:g} voxels"
