"""Grain sizes as relative volumes: what Laguerre polycrystals are asked for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxmicro._core import as_number, check, is_concrete


def log_normal_sizes(count: int, spread: float | Float[ArrayLike, ""], *, dim: int) -> Float[np.ndarray, " count"]:
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
        ValueError: if `count` is not a positive whole number, `spread` is negative or not finite, or `dim` is not 2 or 3; or under `jit`, `vmap` and `grad`.

    Reference: R. Limpert, W. A. Stahel, M. Abbt, BioScience 51, 341 (2001), doi:10.1641/0006-3568(2001)051[0341:LNDATS]2.0.CO;2.

    Example:
        >>> log_normal_sizes(4, 0.5, dim=2).round(3).tolist()
        [0.057, 0.13, 0.247, 0.566]

    Not differentiable: it runs on the host.
    """
    return _relative(_logs(count, spread, dim))


def mixed_sizes(
    counts: Sequence[int] | Int[ArrayLike, " p"],
    spreads: Sequence[float] | Float[ArrayLike, " p"] | float | Float[ArrayLike, ""],
    diameters: Sequence[float] | Float[ArrayLike, " p"],
    *,
    dim: int,
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
    _check_concrete(counts, spreads, diameters)
    numbers, sizes = _listed("counts", counts), _listed("diameters", diameters)
    widths = [spreads] * len(numbers) if np.ndim(spreads) == 0 else _listed("spreads", spreads)
    same = len(numbers) == len(widths) == len(sizes) and len(numbers) > 0
    check(
        same,
        f"`counts`, `spreads` and `diameters` must have one entry per population, but there are {len(numbers)}, {len(widths)} and {len(sizes)}.",
    )
    sized = all(0 < as_number(size) < np.inf for size in sizes)
    check(sized, f"`diameters` must be positive and finite, but they are {sizes!r}.")
    parts = [dim * np.log(size) + _logs(count, spread, dim) for count, spread, size in zip(numbers, widths, sizes, strict=True)]
    return _relative(np.concatenate(parts))


def _logs(count: Any, spread: Any, dim: Any) -> Float[np.ndarray, " count"]:
    """Logarithms of the volumes over that of the median."""
    from scipy.special import ndtri

    _check_concrete(count, spread)
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool)
    check(whole and count >= 1, f"`count` must be a positive whole number, but it is {count!r}.")
    width = as_number(spread)
    check(0 <= width < np.inf, f"`spread` must be a number that is not negative, but it is {spread!r}.")
    check(not isinstance(dim, bool) and dim in (2, 3), f"`dim` must be 2 or 3, but it is {dim!r}. Pass grid.ndim.")
    return dim * width * ndtri((np.arange(count) + 0.5) / count)


def _relative(logs: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Volumes with sum 1 of their logarithms; those beside which another is too large for the range of numbers are 0."""
    volumes = np.exp(logs - logs.max())
    return volumes / volumes.sum()


def _check_concrete(*values: Any) -> None:
    check(is_concrete(*values), "Sizes are found on the host: call this outside jit, vmap and grad.")


def _listed(name: str, values: Any) -> list[Any]:
    """The entries of a sequence or an array, as Python's own numbers."""
    check(np.ndim(values) == 1, f"`{name}` must be a sequence with one entry per population, but it is {values!r}.")
    return np.asarray(values).tolist()
