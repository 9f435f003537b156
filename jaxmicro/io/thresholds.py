"""Grey values that separate phases, by the methods of scikit-image under their names there."""

import importlib
from typing import Any

import numpy as np

from jaxmicro._core import nearest_name
from jaxmicro.io.otsu import otsu_thresholds

BY_HISTOGRAM = ("isodata", "minimum", "yen", "multiotsu")  # what they find depends on how often each value occurs
BY_IMAGE = ("li", "mean", "triangle")  # scikit-image takes these from the whole array only
METHODS = ("otsu", *BY_HISTOGRAM, *BY_IMAGE)
LEVELS = 1 << 16  # integers of a wider span are binned
BINS = 256


def named_thresholds(method: str, values: np.ndarray, classes: int, counts: np.ndarray | None = None) -> list[float]:
    """Thresholds by name such that class k holds t_k ≤ value < t_{k+1}.

    scikit-image's two-class methods give a t with the upper class above it; here the threshold belongs to the upper class, so it is
    the next number after t that the array can hold.

    Args:
        method: "otsu" (written here, any number of classes), "multiotsu" (scikit-image's), or "isodata", "li", "mean", "minimum",
            "triangle", "yen" for two classes.
        values: grey values of any shape; distinct ones where `counts` is given.
        classes: number of classes.
        counts: how often each of the values occurs; by default once.

    Returns:
        `classes − 1` ascending thresholds.

    Raises:
        ValueError: if the method is not known, makes two classes only, finds no threshold, or needs all values at once.
        ImportError: if scikit-image is not there.

    Example:
        >>> named_thresholds("otsu", np.array([10, 11, 12, 200, 201]), 2)
        [106.0]
    """
    if method == "otsu":
        return otsu_thresholds(values, classes, counts)
    if method not in METHODS:
        raise ValueError(unknown_method(method))
    if method != "multiotsu" and classes != 2:
        raise ValueError(f"threshold={method!r} separates two classes, not {classes}; 'otsu' and 'multiotsu' separate more")
    if method in BY_IMAGE:
        if counts is not None:
            raise ValueError(f"threshold={method!r} needs all values at once; {', '.join(('otsu', *BY_HISTOGRAM))} do with their histogram")
        return [_upper(_call(method, values), values.dtype)]
    hist = dense_histogram(values, counts)
    if method == "multiotsu":
        return [float(cut) for cut in _call(method, None, hist=hist, classes=classes)]
    return [_upper(_call(method, None, hist=hist), values.dtype)]


def unknown_method(threshold: str) -> str:
    """What is wrong with a name that is none of the methods."""
    hint = nearest_name(threshold, METHODS)
    listed = " or ".join(repr(name) for name in METHODS)
    more = f"Did you mean {hint!r}?" if hint else "Write threshold=128."
    return f"`threshold` must be one or more numbers or {listed}, but it is {threshold!r}. {more}"


def dense_histogram(values: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Counts and centres of bins without gaps: one per integer, or 256 where the values are no integers or span too much."""
    weights = None if counts is None else counts.ravel().astype(float)
    if values.dtype.kind in "iub" and int(values.max()) - int(values.min()) < LEVELS:
        low = int(values.min())
        found = np.bincount((values.astype(np.int64) - low).ravel(), weights)
        return found, low + np.arange(found.size)
    found, edges = np.histogram(values.ravel(), BINS, weights=weights)
    return found, (edges[1:] + edges[:-1]) / 2


def _call(method: str, image: Any, **options: Any) -> Any:
    try:
        filters = importlib.import_module("skimage.filters")
    except ImportError as error:
        raise ImportError(
            f"threshold={method!r} is a method of scikit-image, which is not installed: pip install 'jaxmicro[images]'. "
            "threshold='otsu' needs nothing more."
        ) from error
    try:
        return getattr(filters, f"threshold_{method}")(image, **options)
    except RuntimeError as error:  # "Unable to find two maxima in histogram"
        raise ValueError(str(error)) from error


def _upper(found: Any, dtype: np.dtype) -> float:
    """The smallest number of the type above a threshold that belongs to the lower class."""
    number = float(np.ravel(found)[0])
    if dtype.kind in "iub":
        return float(np.floor(number)) + 1
    below = dtype.type(number)
    return float(below if float(below) > number else np.nextafter(below, dtype.type(np.inf)))
