"""Phases cut out of Gaussian random fields, with exact volume fractions."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import check, check_choice, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.gaussian_field import DEFAULT_SHARE, gaussian_random_field
from jaxmicro.microstructures.level_cut import checked_shares, ranks, sharp_levels, two_shares, voxel_bounds
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure

RESOLVED = 3.0  # voxels per correlation length from which on crossings between neighbours count the surface
SEEN = {2: 30.0, 3: 10.0}  # correlation lengths per edge from which on the surface of one cell is within 5 % of the mean
WAVES = 4.0  # wavelengths per edge from which on one cell shows that of its band
NARROW = 0.2  # relative width of a band up to which it has one wavelength


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
        The microstructure, with labels. Where two phases are isotropic and the cell is large enough to show it, `asked` also holds what
        follows from the spectrum: for "gaussian" the surface density, (2/π) exp(−t²/2) / ℓ in 3D and exp(−t²/2) / (2 ℓ) in 2D (Rice's
        formula, t the normal quantile of the volume fraction); for "band" the mean wavelength, ℓ / (1 + b²) in 2D and
        ℓ (1 + b²) / (1 + 3 b²) in 3D, shorter than ℓ because there are more waves outside the ring than inside.

    Raises:
        ValueError: if fractions are negative, do not sum to 1, or both they and `volume_fraction` are given.

    Reference:
        M. Teubner, "Level surfaces of Gaussian random fields and microemulsions", Europhys. Lett. 14, 403 (1991),
        doi:10.1209/0295-5075/14/5/003.

    Example:
        >>> ms = random_field(Grid((32, 32)), volume_fraction=0.25, key=jax.random.key(0))
        >>> ms.volume_fractions.tolist()
        [0.75, 0.25]

    Not differentiable (labels); the soft form is `soft_random_field`. Runs under `jit` and `vmap` over keys.
    """
    shares = asked_shares(fractions, volume_fraction, grid)
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

    if arrangement == "levels":
        labels = sharp_levels(draw("field"), shares)
    else:
        labels = _independent([draw(f"field {i}") for i in range(count - 1)], voxel_bounds(shares, grid.size))
    length = "1/16 of the shortest edge" if correlation_length is None else correlation_length
    provenance = f"random_field: {spectrum} spectrum, correlation length {length}, {arrangement}" if is_concrete(correlation_length) else ""
    asked = {"volume_fractions": shares} | _expected(grid, shares, correlation_length, anisotropy, spectrum, bandwidth)
    names = phases if phases is not None else tuple(f"phase {i}" for i in range(count))
    return Microstructure(grid=grid, labels=labels, phases=names, provenance=provenance, asked=asked)


def asked_shares(
    fractions: Sequence[float] | Sequence[ArrayLike] | ArrayLike | None, volume_fraction: ArrayLike | None, grid: Grid
) -> Float[Array, " p"]:
    """Shares of all phases, from those or from that of the second of two."""
    check(fractions is None or volume_fraction is None, "`fractions` and `volume_fraction` must not both be given. Keep one of them.")
    if volume_fraction is not None:
        return two_shares(volume_fraction, grid.lengths.dtype)
    return checked_shares(jnp.asarray((0.5, 0.5) if fractions is None else fractions, grid.lengths.dtype))


def _expected(grid: Grid, shares: Array, correlation_length: Any, anisotropy: Any, spectrum: str, bandwidth: ArrayLike) -> dict[str, float]:
    """What follows from the spectrum for two phases of an isotropic field, where the cell can show it."""
    if not is_concrete(grid, shares, correlation_length, anisotropy, bandwidth) or shares.shape[0] != 2:
        return {}
    edges = np.asarray(grid.lengths, float)
    length = DEFAULT_SHARE * edges.min() if correlation_length is None else float(np.asarray(correlation_length))
    share, b = float(shares[1]), float(np.asarray(bandwidth))
    resolved = length >= RESOLVED * (edges / grid.shape).max()
    if (anisotropy is not None and np.ptp(np.asarray(anisotropy)) > 0) or not 0 < share < 1 or not resolved:
        return {}
    length *= 1.0 if anisotropy is None else float(np.asarray(anisotropy)[0])
    if spectrum == "gaussian" and edges.min() >= SEEN[grid.ndim] * length:
        per_length = math.exp(-(NormalDist().inv_cdf(share) ** 2) / 2) / length
        return {"surface_density": per_length * (0.5 if grid.ndim == 2 else 2 / math.pi)}
    if spectrum == "band" and b <= NARROW and edges.min() >= WAVES * length:
        return {"wavelength": length / (1 + b**2) if grid.ndim == 2 else length * (1 + b**2) / (1 + 3 * b**2)}
    return {}


@jax.jit
def _independent(fields: list[Float[Array, "*grid"]], bounds: Int[Array, " cuts"]) -> Int[Array, "*grid"]:
    """Give each phase but the last the lowest voxels of its own field among those still free."""
    labels = jnp.full(fields[0].shape, len(fields), jnp.int32)
    counts = jnp.diff(bounds, prepend=0)
    for phase, field in enumerate(fields):
        free = labels == len(fields)
        chosen = free & (ranks(jnp.where(free, field, jnp.inf)) < counts[phase])
        labels = jnp.where(chosen, phase, labels)
    return labels
