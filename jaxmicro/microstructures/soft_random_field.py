"""Phases cut out of Gaussian random fields with smooth interfaces: `random_field` with derivatives."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, check_choice, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.gaussian_field import gaussian_random_field
from jaxmicro.microstructures.level_cut import check_width, soft_levels, soft_share, typical_slope
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.random_field import asked_shares
from jaxmicro.microstructures.record import Microstructure

DEFAULT_WIDTH = 2.0  # voxels: the smallest that voxels still see as smooth


def soft_random_field(
    grid: Grid,
    fractions: Sequence[float | ArrayLike] | ArrayLike | None = None,
    correlation_length: ArrayLike | None = None,
    anisotropy: ArrayLike | Sequence[float] | None = None,
    *,
    key: Array,
    width: ArrayLike | None = None,
    volume_fraction: ArrayLike | None = None,
    arrangement: str = "levels",
    phases: Sequence[Phase | str] | None = None,
    **field: Any,
) -> Microstructure:
    """Random phases with smooth interfaces and exact mean volume fractions, smooth in every number asked for.

    A Gaussian random field is cut by `soft_levels`, with the width over the root mean square of the field's slope as the width in
    space. With the same key and numbers, `random_field` is its sharp limit.

    Args:
        grid: the periodic cell.
        fractions: volume fraction of each phase, `(p,)`, sum 1; by default one half each of two.
        correlation_length: in the unit of `grid.lengths`; by default 1/16 of the shortest edge.
        anisotropy: stretch of the correlation length along each axis, `(d,)`.
        key: typed random key.
        width: of an interface where the slope of the field is typical: the tangent in the middle goes from 0 to 1 over it. In the unit of
            `grid.lengths`; by default two of the longest voxel edges.
        volume_fraction: shorthand for two phases, `fractions=(1 − v, v)`.
        arrangement: "levels" cuts one field, so phase k touches only k ± 1; "independent" cuts one field per phase but the last out of
            what earlier phases leave, so that all phases touch.
        phases: one name or `Phase` per fraction.
        field: `rotation`, `spectrum`, `bandwidth` and `exponent`, as in `gaussian_random_field`.

    Returns:
        The microstructure, with phase fractions whose means are those asked for to rounding.

    Raises:
        ValueError: if fractions are negative or do not sum to 1, both they and `volume_fraction` are given, or the width is not positive;
            where these are traced the result is NaN.

    Reference: the smooth cut is derived in `jaxmicro.microstructures.level_cut`; the field is that of `gaussian_random_field`.

    Example:
        >>> ms = soft_random_field(Grid((16, 16)), (0.2, 0.5, 0.3), key=jax.random.key(0))
        >>> [round(float(share), 6) for share in ms.volume_fractions]
        [0.2, 0.5, 0.3]

    Differentiable in both modes, at fixed key, in the fractions, lengths, stretches, rotation, bandwidth, exponent, width and edge lengths.
    """
    shares = asked_shares(fractions, volume_fraction, grid)
    check_choice("arrangement", arrangement, ("levels", "independent"))
    count = shares.shape[0]
    names = tuple(f"phase {i}" for i in range(count)) if phases is None else phases
    check(len(names) == count, f"`phases` must have one entry per fraction, but there are {len(names)} and `fractions` holds {count}.")
    thickness = interface_width(grid, width)

    def draw(name: str) -> Float[Array, "*grid"]:
        options = {"correlation_length": correlation_length, "anisotropy": anisotropy, **field}
        return gaussian_random_field(grid, key=split_named(key, name)[name], **options)

    if arrangement == "levels":
        values = draw("field")
        content = soft_levels(values, shares, thickness * typical_slope(values, grid))
    else:
        fields = jnp.stack([draw(f"field {i}") for i in range(count - 1)])
        content = _independent(fields, shares, thickness, grid)
    provenance = f"soft_random_field: {arrangement}, interface width {float(thickness):g}" if is_concrete(thickness) else ""
    return Microstructure(grid=grid, fractions=content, phases=names, provenance=provenance, asked={"volume_fractions": shares})


def interface_width(grid: Grid, width: ArrayLike | None) -> Float[Array, ""]:
    """The width asked for, or two of the longest voxel edges."""
    value = DEFAULT_WIDTH * jnp.max(grid.spacing) if width is None else jnp.asarray(width, grid.lengths.dtype)
    check(value.ndim == 0, f"`width` must be one number, but its shape is {value.shape}.")
    check_width(value)
    return value


@jax.jit
def _independent(fields: Float[Array, "cuts *grid"], shares: Float[Array, " p"], width: Array, grid: Grid) -> Float[Array, "p *grid"]:
    """Each phase but the last takes its share of what is still free, where its own field is low."""
    free, parts = jnp.ones(grid.shape, fields.dtype), []
    for number, field in enumerate(fields):
        part = soft_share(field, shares[number], width * typical_slope(field, grid), free)
        parts.append(part)
        free = free - part
    return jnp.stack([*parts, free])
