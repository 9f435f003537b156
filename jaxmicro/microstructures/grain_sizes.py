"""Grain sizes as relative volumes: what Laguerre polycrystals are asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check


def log_normal_sizes(count: int, spread: float, *, dim: int) -> Float[np.ndarray, " count"]:
    """Relative volumes of grains whose equivalent diameters are log-normal, without chance: one grain at each quantile.

    The diameters are d_i ∝ exp(spread · Φ⁻¹((i + 1/2) / count)), i = 0 … count − 1, with Φ the normal distribution: of `count` grains by
    number, not by volume. Volumes are d_i^dim over their sum. Metals that were annealed have spreads of about 0.3 to 0.5.

    Args:
        count: number of grains.
        spread: standard deviation of ln d; 0 gives equal grains.
        dim: 2 for areas, 3 for volumes.

    Returns:
        Relative volumes `(count,)`, ascending, with sum 1.

    Raises:
        ValueError: if `count` is not a positive whole number, `spread` is negative or not finite, or `dim` is not 2 or 3.

    Reference: R. Limpert, W. A. Stahel, M. Abbt, BioScience 51, 341 (2001), doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2.

    Example:
        >>> log_normal_sizes(4, 0.5, dim=2).round(3).tolist()
        [0.057, 0.13, 0.247, 0.566]

    Not differentiable: it runs on the host.
    """
    from scipy.special import ndtri

    _check_count("count", count)
    check(_is_number(spread) and 0 <= spread < np.inf, f"`spread` must be a number that is not negative, but it is {spread!r}.")
    _check_dim(dim)
    logs = dim * float(spread) * ndtri((np.arange(count) + 0.5) / count)
    volumes = np.exp(logs - logs.max())
    return volumes / volumes.sum()


def mixed_sizes(
    counts: Sequence[int], spreads: Sequence[float] | float, diameters: Sequence[float], *, dim: int
) -> Float[np.ndarray, " total"]:
    """Relative volumes of a mixture of log-normal populations, such as the small and large grains of a bimodal metal.

    Args:
        counts: number of grains of each population.
        spreads: standard deviation of ln d in each, or one for all.
        diameters: median equivalent diameter of each, in one unit of any kind: only ratios matter.
        dim: 2 for areas, 3 for volumes.

    Returns:
        Relative volumes `(sum of counts,)`, population after population, with sum 1. The share by volume of a population is the sum of its part.

    Raises:
        ValueError: if the sequences differ in length, or a count, spread or diameter is out of range.

    Example:
        >>> sizes = mixed_sizes((90, 10), 0.2, (1.0, 5.0), dim=2)
        >>> len(sizes), round(float(sizes[90:].sum()), 2)
        (100, 0.73)

    Not differentiable: it runs on the host.
    """
    widths = list(spreads) if isinstance(spreads, Sequence | np.ndarray) else [spreads] * len(counts)
    same = len(counts) == len(widths) == len(diameters) and len(counts) > 0
    check(
        same,
        f"`counts`, `spreads` and `diameters` must have one entry per population, but there are {len(counts)}, {len(widths)} and {len(diameters)}.",
    )
    sized = all(_is_number(size) and 0 < size < np.inf for size in diameters)
    check(sized, f"`diameters` must be positive and finite, but they are {list(diameters)!r}.")
    parts = []
    for count, spread, diameter in zip(counts, widths, diameters, strict=True):
        relative = log_normal_sizes(count, spread, dim=dim)
        median = np.exp(np.interp(0.5, (np.arange(count) + 0.5) / count, np.log(relative)))
        parts.append(relative / median * float(diameter) ** dim)
    volumes = np.concatenate(parts)
    return volumes / volumes.sum()


def _check_count(name: str, count: Any) -> None:
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
    check(whole and count >= 1, f"`{name}` must be a positive whole number, but it is {count!r}.")


def _check_dim(dim: Any) -> None:
    check(not isinstance(dim, bool) and dim in (2, 3), f"`dim` must be 2 or 3, but it is {dim!r}. Pass grid.ndim.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
