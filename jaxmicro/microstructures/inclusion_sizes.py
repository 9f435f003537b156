"""Sizes of discs and spheres for a volume fraction: one radius with a scatter, several sizes with their shares, or given one by one."""

import math
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_number, check, check_whole, numpy_generator
from jaxmicro.microstructures.bodies import ball

CUT = 2.5  # deviations at which a scatter ends
SHARE = 0.3  # volume fraction where none is asked for


def radius_of(ndim: int, volume: Any) -> Any:
    """Radius of the disc or sphere of an area or volume."""
    return (volume / ball(ndim, 1.0)) ** (1 / ndim)


def scattered(count: int, scatter: float, key: Array) -> Float[np.ndarray, " n"]:
    """Log-normal factors of standard deviation `scatter` over their mean, cut at 2.5 deviations."""
    deviations = np.clip(numpy_generator(key).standard_normal(count), -CUT, CUT)
    return np.exp(math.sqrt(math.log1p(scatter**2)) * deviations)


def moment(scatter: float, order: int) -> float:
    """⟨r^k⟩/⟨r⟩^k of log-normal radii."""
    return math.exp(math.log1p(scatter**2) * order * (order - 1) / 2)


def cut_moment(scatter: float, order: int) -> float:
    """⟨f^k⟩ of the factors of `scattered`, in closed form."""
    slope = order * math.sqrt(math.log1p(scatter**2))
    tail = _normal(-CUT)
    middle = math.exp(slope**2 / 2) * (_normal(CUT - slope) - _normal(-CUT - slope))
    return tail * 2 * math.cosh(slope * CUT) + middle


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))


def relative_scatter(sizes: Float[np.ndarray, " n"]) -> float:
    """Standard deviation over the mean; equal sizes have none, whatever rounding makes of them."""
    found = float(sizes.std() / sizes.mean())
    return found if found > 1e-12 else 0.0


def inclusion_radii(
    lengths: Float[np.ndarray, " d"],
    share: float | None,
    radius: Any,
    count: Any,
    scatter: Any,
    *,
    radii: Any = None,
    shares: Any = None,
    key: Array,
) -> tuple[Float[np.ndarray, " n"], float]:
    """Radii of inclusions whose volume is exactly the share of the cell, and that share."""
    ndim, cell = lengths.size, float(np.prod(lengths))
    if radii is not None:
        drawn = _given(radii, radius, count, scatter, shares)
        if share is None:
            share = float(ball(ndim, drawn).sum()) / cell
            check(
                share < 1,
                f"`radii` must fill less than the cell, but their volume is {share:g} of it. Give a volume_fraction to scale them.",
            )
            return drawn, share
    else:
        share = SHARE if share is None else share
        drawn = _drawn(lengths, share, radius, count, scatter, shares, key)
    return drawn * (share * cell / float(ball(ndim, drawn).sum())) ** (1 / ndim), share


def _given(radii: Any, radius: Any, count: Any, scatter: Any, shares: Any) -> Float[np.ndarray, " n"]:
    alone = radius is None and count is None and shares is None and scatter == 0
    check(
        alone, "`radii` must be given alone, one per inclusion, but `radius`, `count`, `scatter` or `shares` is given, too. Leave them out."
    )
    values = np.asarray(radii, float)
    good = values.ndim == 1 and values.size > 0 and bool((np.isfinite(values) & (values > 0)).all())
    check(good, f"`radii` must be positive numbers, one per inclusion, but they are {radii!r}.")
    return values


def _drawn(lengths: np.ndarray, share: float, radius: Any, count: Any, scatter: Any, shares: Any, key: Array) -> np.ndarray:
    """Radii before they are scaled together."""
    ndim, cell = lengths.size, float(np.prod(lengths))
    scatter = as_number(scatter)
    check(0 <= scatter < np.inf, f"`scatter` must not be negative, but it is {scatter}.")
    check(
        radius is None or count is None, "`radius` and `count` must not both be given: one follows from the other and the volume fraction."
    )
    if count is not None:
        check(shares is None, "`shares` must come with the radii that they are of, but `count` is given. Give radius=(…).")
        check_whole("count", count, 1)
        return scattered(int(count), scatter, key)
    means = np.atleast_1d(np.asarray(lengths.min() / 10 if radius is None else radius, float))
    good = means.ndim == 1 and means.size > 0 and bool((np.isfinite(means) & (means > 0)).all())
    check(good, f"`radius` must be positive, a number or one for each size, but it is {radius!r}.")
    parts = _checked_shares(shares, means)
    numbers = np.rint(share * parts * cell / (ball(ndim, means) * moment(scatter, ndim))).astype(int)
    numbers = np.maximum(numbers, 1)
    factors = np.split(scattered(int(numbers.sum()), scatter, key), np.cumsum(numbers)[:-1])
    volumes = [part * cell * share * factor**ndim / (factor**ndim).sum() for part, factor in zip(parts, factors, strict=True)]
    return radius_of(ndim, np.concatenate(volumes))


def _checked_shares(shares: Any, means: np.ndarray) -> np.ndarray:
    if shares is None:
        check(
            means.size == 1,
            f"`shares` must say how the volume is shared where `radius` has several sizes, but it is None for {means.tolist()}.",
        )
        return np.ones(1)
    parts = np.asarray(shares, float)
    good = parts.shape == means.shape and bool((parts > 0).all()) and abs(parts.sum() - 1) < 1e-6
    check(good, f"`shares` must be positive, one per size and with sum 1, but they are {shares!r} for {means.size} sizes.")
    return parts
