"""Means over sets of samples, with confidence intervals."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from jaxmicro._core import as_number, check, is_concrete, record, static


@record
class Ensemble:
    """What a descriptor says of a set of samples; a pytree.

    Attributes:
        mean: in the form of what the descriptor returns.
        std: standard deviation of a single sample, with n − 1 in the denominator.
        low: lower end of the confidence interval of the mean.
        high: its upper end.
        count: number of samples n.
        confidence: of the interval of each number by itself, static.
    """

    mean: PyTree[Float[Array, "..."]]
    std: PyTree[Float[Array, "..."]]
    low: PyTree[Float[Array, "..."]]
    high: PyTree[Float[Array, "..."]]
    count: Int[Array, ""]
    confidence: float = static(default=0.95)


def ensemble(samples: Iterable[Any] | Array, descriptor: Callable[[Any], PyTree], *, confidence: float = 0.95) -> Ensemble:
    """Mean of a descriptor over samples, with the confidence interval of the mean by Student's t: x̄ ± t s/√n.

    The interval holds for samples that are independent, and about normal where they are few. It is that of each number by
    itself: of 20 lags, one is expected to lie outside at 95 %.

    Args:
        samples: microstructures, or an array with samples along its first axis. At least two.
        descriptor: of one sample to an array, a number, or a dictionary or record of them.
        confidence: between 0 and 1.

    Returns:
        `Ensemble`. NaN where a sample's number is NaN.

    Raises:
        ValueError: for fewer than two samples, or a confidence that is none.

    Example:
        >>> from jaxmicro.descriptors import two_point_correlation
        >>> cells = jax.random.bernoulli(jax.random.key(0), 0.3, (5, 8, 8)).astype(float)
        >>> found = ensemble(cells, two_point_correlation)
        >>> found.mean.shape, bool(found.low[0, 0] < found.mean[0, 0] < found.high[0, 0])
        ((8, 8), True)

    Differentiable in what the descriptor is differentiable in.
    """
    found = [jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x, jnp.float32)), descriptor(sample)) for sample in samples]
    return summarise(found, confidence)


def summarise(found: list[PyTree], confidence: float) -> Ensemble:
    """The ensemble of values that are known already, one entry per sample."""
    check(len(found) >= 2, f"`samples` must be at least two, but there are {len(found)}. A spread needs several samples.")
    factor = student(len(found), confidence) / np.sqrt(len(found))
    stacked = jax.tree.map(lambda *each: jnp.stack(each), *found)
    mean = jax.tree.map(lambda x: jnp.mean(x, axis=0), stacked)
    std = jax.tree.map(lambda x: jnp.std(x, axis=0, ddof=1), stacked)
    return Ensemble(
        mean=mean,
        std=std,
        low=jax.tree.map(lambda m, s: m - factor * s, mean, std),
        high=jax.tree.map(lambda m, s: m + factor * s, mean, std),
        count=jnp.asarray(len(found), jnp.int32),
        confidence=float(confidence),
    )


def student(count: int, confidence: float) -> float:
    """Quantile of Student's t for a two-sided interval of the mean of `count` samples.

    Example:
        >>> round(student(10, 0.95), 3)
        2.262
    """
    from scipy.stats import t

    check(is_concrete(confidence) and 0 < as_number(confidence) < 1, f"`confidence` must lie between 0 and 1, but it is {confidence!r}.")
    return float(t.ppf(0.5 + confidence / 2, count - 1))
