"""Phases cut out of Gaussian random fields, with exact volume fractions."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import check, check_choice, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.gaussian_field import gaussian_random_field
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure


def random_field(
    grid: Grid,
    fractions: Sequence[float] | ArrayLike | None = None,
    correlation_length: ArrayLike | None = None,
    anisotropy: ArrayLike | Sequence[float] | None = None,
    *,
    key: Array,
    volume_fraction: ArrayLike | None = None,
    arrangement: str = "levels",
    phases: Sequence[Phase | str] | None = None,
    rotation: ArrayLike | Sequence[float] | None = None,
    spectrum: str = "gaussian",
    bandwidth: ArrayLike = 0.2,
    exponent: ArrayLike = 4.0,
) -> Microstructure:
    """Random phases whose volume fractions are exact to one voxel.

    A Gaussian random field is ranked, and the lowest f₀ N voxels become phase 0, the next f₁ N phase 1, and so on.

    Args:
        grid: the periodic cell.
        fractions: volume fraction of each phase, `(p,)`, sum 1; by default one half each of two.
        correlation_length: in the unit of `grid.lengths`; by default 1/16 of the shortest edge.
        anisotropy: stretch of the correlation length along each axis, `(d,)`.
        key: typed random key.
        volume_fraction: shorthand for two phases, `fractions=(1 − v, v)`.
        arrangement: "levels" cuts one field, so phase k touches only k ± 1 (a shell around each particle);
            "independent" cuts one field per phase, so that all phases touch.
        phases: one name or `Phase` per fraction.
        rotation: of the principal axes, as in `gaussian_random_field`, like the three that follow.
        spectrum: "gaussian", "band" or "power".
        bandwidth: relative width of the band.
        exponent: decay of the power spectrum.

    Returns:
        The microstructure, with labels.

    Raises:
        ValueError: if fractions are negative, do not sum to 1, or both they and `volume_fraction` are given.

    Example:
        >>> ms = random_field(Grid((32, 32)), volume_fraction=0.25, key=jax.random.key(0))
        >>> ms.volume_fractions.tolist()
        [0.75, 0.25]

    Not differentiable (labels); `gaussian_random_field` is. Runs under `jit` and `vmap` over keys.
    """
    shares = _checked_fractions(fractions, volume_fraction, grid)
    check_choice("arrangement", arrangement, ("levels", "independent"))
    count = shares.shape[0]
    if phases is not None:
        check(
            len(phases) == count, f"`phases` must have one entry per fraction, but there are {len(phases)} and `fractions` holds {count}."
        )

    def draw(name: str) -> Float[Array, "*grid"]:
        return gaussian_random_field(
            grid,
            key=split_named(key, name)[name],
            correlation_length=correlation_length,
            anisotropy=anisotropy,
            rotation=rotation,
            spectrum=spectrum,
            bandwidth=bandwidth,
            exponent=exponent,
        )

    # rounding half up keeps every count within one voxel; rounding half to even would not
    bounds = jnp.floor(jnp.cumsum(shares)[:-1] * grid.size + 0.5).astype(jnp.int32)
    if arrangement == "levels":
        labels = _levels(draw("field"), bounds)
    else:
        labels = _independent([draw(f"field {i}") for i in range(count - 1)], bounds)
    length = "1/16 of the shortest edge" if correlation_length is None else correlation_length
    provenance = f"random_field: {spectrum} spectrum, correlation length {length}, {arrangement}" if is_concrete(correlation_length) else ""
    names = phases if phases is not None else tuple(f"phase {i}" for i in range(count))
    return Microstructure(grid=grid, labels=labels, phases=names, provenance=provenance, asked={"volume_fractions": shares})


def _checked_fractions(fractions: Sequence[float] | ArrayLike | None, volume_fraction: ArrayLike | None, grid: Grid) -> Float[Array, " p"]:
    dtype = grid.lengths.dtype
    check(fractions is None or volume_fraction is None, "`fractions` and `volume_fraction` must not both be given. Keep one of them.")
    if volume_fraction is not None:
        second = jnp.asarray(volume_fraction, dtype)
        check(
            second.ndim == 0, f"`volume_fraction` must be one number, but its shape is {second.shape}. Use `fractions` for several phases."
        )
        shares = jnp.stack([1 - second, second])
    else:
        shares = jnp.asarray((0.5, 0.5) if fractions is None else fractions, dtype)
    check(
        shares.ndim == 1 and shares.shape[0] >= 2,
        f"`fractions` must hold at least two numbers, but its shape is {shares.shape}. Use `volume_fraction` for the second of two phases.",
    )
    if is_concrete(shares):
        values = np.asarray(shares)
        good = (values >= 0).all() and abs(values.sum() - 1) < 1e-5
        check(bool(good), f"`fractions` must be non-negative and sum to 1, but they are {values.tolist()} with sum {values.sum():g}.")
    return shares


def _rank(field: Float[Array, "*grid"]) -> Int[Array, "*grid"]:
    """Position of each voxel in ascending order."""
    order = jnp.argsort(field.ravel())
    return jnp.zeros(field.size, jnp.int32).at[order].set(jnp.arange(field.size, dtype=jnp.int32)).reshape(field.shape)


@jax.jit
def _levels(field: Float[Array, "*grid"], bounds: Int[Array, " cuts"]) -> Int[Array, "*grid"]:
    """Number of bounds at or below each voxel's rank."""
    return jnp.searchsorted(bounds, _rank(field).ravel(), side="right").reshape(field.shape).astype(jnp.int32)


@jax.jit
def _independent(fields: list[Float[Array, "*grid"]], bounds: Int[Array, " cuts"]) -> Int[Array, "*grid"]:
    """Give each phase but the last the lowest voxels of its own field among those still free."""
    labels = jnp.full(fields[0].shape, len(fields), jnp.int32)
    counts = jnp.diff(bounds, prepend=0)
    for phase, field in enumerate(fields):
        free = labels == len(fields)
        chosen = free & (_rank(jnp.where(free, field, jnp.inf)) < counts[phase])
        labels = jnp.where(chosen, phase, labels)
    return labels
