"""Statistics that a reconstruction has to match: differentiable measures of phase fractions with their targets."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_shape, is_number, record, static
from jaxmicro.descriptors import lineal_path
from jaxmicro.fields import Grid, forward, inverse

PLANES = {"xy": (0, 1), "xz": (0, 2), "yz": (1, 2)}
Measure = Callable[[Float[Array, "p *grid"], Grid], Array]


@record
class Statistic:
    """A measure of phase fractions and the values it should have.

    Attributes:
        target: what `measure(fractions, grid)` should return; NaN where it is not known and does not count.
        scale: what the error is relative to: ‖target − value without any structure‖₂.
        measure: differentiable function of fractions (p, *grid) and the grid; static, so one that is defined at the top of a module
            compiles once.
        name: static.

    Example:
        >>> import jax
        >>> share = Statistic(jnp.array([0.25]), 0.25, lambda fractions, grid: fractions[1].mean()[None], "share of the upper half")
        >>> float(share.error(jnp.full((2, 4, 4), 0.5), Grid((4, 4))))
        1.0
    """

    target: Float[Array, "..."]
    scale: Float[Array, ""] | float
    measure: Measure = static()
    name: str = static(default="statistic")

    def error(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, ""]:
        """‖measure − target‖₂/scale over what is known of the target."""
        return jnp.sqrt(self.square(fractions, grid))

    def square(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, ""]:
        """The square of `error`, differentiable where that is zero, too."""
        known = jnp.isfinite(self.target)
        difference = jnp.where(known, self.measure(fractions, grid) - jnp.where(known, self.target, 0.0), 0.0)
        return jnp.sum(difference**2) / self.scale**2


def two_point_statistic(
    target: ArrayLike, shape: Sequence[int], *, plane: str | None = None, max_lag: float | None = None, spacing: Any = None
) -> Statistic:
    """Two-point correlations as the target of a reconstruction.

    Args:
        target: S₂ of phase 1 `(*lags)` for two phases, or `(pairs, *lags)` for p phases: the correlations of phases i ≤ j from
            1 to p − 1, in the order 11, 12, …, 22, … Zero lag at index 0, as `two_point_correlation` returns it; NaN where
            not known. Of another size than the cell, the lags that both have are taken.
        shape: voxels of the cell that is made.
        plane: "xy", "xz" or "yz" for a target of sections through a volume.
        max_lag: lags beyond this distance do not count.
        spacing: edge lengths of a voxel `(d,)`, the unit of `max_lag`; 1 by default.

    Returns:
        The `Statistic`; its scale is ‖S₂ − S₂(∞)‖₂ over the known lags.

    Raises:
        ValueError: if the target has other dimensions than the lags of the cell or of the plane, or no structure.

    Example:
        >>> layers = np.repeat([[1.0], [0.0]], 4, axis=0) * np.ones((1, 8))
        >>> statistic = two_point_statistic(jm.descriptors.two_point_correlation(layers), (8, 8))
        >>> float(statistic.error(jnp.stack([1 - layers, layers]), Grid((8, 8))))
        0.0

    Differentiable in the target.
    """
    axes = tuple(range(len(shape))) if plane is None else _plane(plane, shape)
    lags = tuple(shape[axis] for axis in axes)
    values = as_float_array("target", target)
    values = values[None] if values.ndim == len(lags) else values
    check(values.ndim == len(lags) + 1, f"`target` must have {len(lags)} axes of lags, but its shape is {jnp.shape(target)}.")
    phases = round((np.sqrt(8 * values.shape[0] + 1) - 1) / 2)
    check(phases * (phases + 1) == 2 * values.shape[0], f"`target` must hold every pair i ≤ j of phases, but it has {values.shape[0]}.")
    embedded = _on_lags(values, lags)
    if max_lag is not None:
        step = np.ones(len(shape)) if spacing is None else np.asarray(spacing, float)
        check(is_number(max_lag) and max_lag > 0, f"`max_lag` must be a positive distance, but it is {max_lag!r}.")
        embedded = jnp.where(_distance(lags, step[list(axes)]) <= max_lag, embedded, jnp.nan)
    known = jnp.isfinite(embedded)
    centred = jnp.where(known, embedded - _far(values, phases).reshape(-1, *(1,) * len(lags)), 0.0)
    scale = jnp.sqrt(jnp.sum(centred**2))
    name = "two-point correlation" + (f" in {plane}" if plane else "")
    return Statistic(embedded, scale, TwoPoint(None if plane is None else PLANES[plane]), name)


@dataclasses.dataclass(frozen=True)
class TwoPoint:
    """Correlations of phases i ≤ j from 1 on, `(pairs, *lags)`; of sections along two axes of a volume where these are given."""

    axes: tuple[int, int] | None = None

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, "pairs *lags"]:
        """The correlations of a cell."""
        count = fractions.shape[0]
        pairs = [(i, j) for i in range(1, count) for j in range(i, count)]
        if self.axes is None:
            spectra = {i: forward(fractions[i], grid.ndim) for i in range(1, count)}
            return jnp.stack([inverse(jnp.conj(spectra[i]) * spectra[j], grid.shape) for i, j in pairs]) / grid.size
        (across,) = set(range(grid.ndim)) - set(self.axes)
        sections = jnp.moveaxis(fractions, 1 + across, 1)
        spectra = {i: forward(sections[i], 2) for i in range(1, count)}
        # the mean over sections commutes with the inverse transform
        return jnp.stack([inverse((jnp.conj(spectra[i]) * spectra[j]).mean(0), sections.shape[2:]) for i, j in pairs]) / (
            sections.shape[2] * sections.shape[3]
        )


def lineal_path_statistic(target: ArrayLike | Sequence[float], axis: int, phase: int = 1) -> Statistic:
    """A lineal path function as the target of a reconstruction.

    Args:
        target: L(r) `(r,)`, r = 0, 1, … voxels along the axis, as `lineal_path` returns it; NaN where not known.
        axis: along which.
        phase: of which.

    Returns:
        The `Statistic`; its scale is ‖L‖₂.

    Raises:
        ValueError: if the target is not one-dimensional.

    Example:
        >>> statistic = lineal_path_statistic([0.5, 0.25, 0.0], axis=0)
        >>> layers = np.tile([[1.0], [1.0], [0.0], [0.0]], (2, 8))
        >>> float(statistic.error(jnp.stack([1 - layers, layers]), Grid((8, 8))))
        0.0

    Differentiable in the target.
    """
    values = as_float_array("target", target)
    check_shape("target", values, ("r",), "A lineal path is a function of one length.")
    return Statistic(
        values, jnp.sqrt(jnp.nansum(values**2)), LinealPath(axis, phase, values.shape[0] - 1), f"lineal path of phase {phase} along {axis}"
    )


@dataclasses.dataclass(frozen=True)
class LinealPath:
    """Lineal path of one phase along an axis, `(r,)`."""

    axis: int
    phase: int
    longest: int

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, " r"]:
        """The lineal path of a cell."""
        return lineal_path(fractions[self.phase], grid, self.axis, max_length=self.longest)


def _plane(name: str, shape: Sequence[int]) -> tuple[int, int]:
    check(name in PLANES and len(shape) == 3, f"`plane` must be one of {', '.join(PLANES)} of a volume, but it is {name!r}.")
    return PLANES[name]


def _on_lags(values: Float[Array, "pairs *have"], lags: tuple[int, ...]) -> Float[Array, "pairs *want"]:
    """The target on the lags of the cell; NaN where one of both does not have them."""
    for axis, (have, want) in enumerate(zip(values.shape[1:], lags, strict=True), start=1):
        if have == want:
            continue
        reach = (min(have, want) - 1) // 2  # lags of either sign that both have without meeting an image
        signed = np.rint(np.fft.fftfreq(want) * want).astype(int)
        taken = jnp.take(values, np.where(abs(signed) <= reach, signed % have, 0), axis=axis)
        keep = (abs(signed) <= reach).reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        values = jnp.where(keep, taken, jnp.nan)
    return values


def _distance(lags: tuple[int, ...], step: np.ndarray) -> np.ndarray:
    squares = [
        (np.fft.fftfreq(n) * n * h).reshape([-1 if k == axis else 1 for k in range(len(lags))]) ** 2
        for axis, (n, h) in enumerate(zip(lags, step, strict=True))
    ]
    return np.sqrt(sum(squares, np.zeros(lags)))


def _far(values: Float[Array, "pairs *lags"], phases: int) -> Float[Array, " pairs"]:
    """φ_i φ_j of each pair: the values at zero lag are φ_i for i = j."""
    zero = values[(slice(None), *(0,) * (values.ndim - 1))]
    pairs = [(i, j) for i in range(phases) for j in range(i, phases)]
    share = jnp.stack([zero[pairs.index((i, i))] for i in range(phases)])
    return jnp.stack([share[i] * share[j] for i, j in pairs])
