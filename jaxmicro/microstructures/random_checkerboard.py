"""Blocks that are filled at random."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from jaxmicro._core import check, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.level_cut import sharp_levels
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.random_field import asked_shares
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.resolution import per_axis


def random_checkerboard(
    grid: Grid,
    blocks: int | Sequence[int] = 8,
    fractions: Sequence[float] | ArrayLike | None = None,
    *,
    key: Array,
    volume_fraction: ArrayLike | None = None,
    exact: bool = True,
    phases: Sequence[Phase | str] | None = None,
) -> Microstructure:
    """Equal blocks, each of one phase, drawn independently.

    Chords along an axis with n blocks have the mean length (L/n) / (1 − f) where draws are independent and n is large; the two-point
    correlation falls linearly over one block. With two phases, half each, in 2D, the effective conductivity of a large cell is √(k₀ k₁), as
    that of the regular one. Blocks that meet at a corner conduct there: split the voxels.

    Args:
        grid: the periodic cell.
        blocks: along each axis, one number or one per axis; they must divide the voxels.
        fractions: volume fraction of each phase, `(p,)`, sum 1; by default one half each of two.
        key: typed random key.
        volume_fraction: shorthand for two phases, `fractions=(1 − v, v)`.
        exact: True fills as many blocks with each phase as its fraction asks for, to one block, in random order; False draws each block on
            its own, so that fractions scatter.
        phases: one name or `Phase` per fraction.

    Returns:
        The microstructure, with labels.

    Raises:
        ValueError: if blocks do not divide the voxels, or fractions are negative or do not sum to 1.

    Reference:
        A. M. Dykhne, Sov. Phys. JETP 32, 63 (1971); S. Torquato, "Random Heterogeneous Materials", section 8.1 (2002),
        doi:10.1007/978-1-4757-6355-3.

    Example:
        >>> ms = random_checkerboard(Grid((8, 6)), (4, 3), (0.25, 0.5, 0.25), key=jax.random.key(0))
        >>> ms.volume_fractions.tolist()
        [0.25, 0.5, 0.25]

    Not differentiable, and without a soft form: blocks are filled or not. Runs under `jit` and `vmap` over keys and fractions.
    """
    shares = asked_shares(fractions, volume_fraction, grid)
    counts = per_axis("blocks", blocks, grid.ndim)
    divides = all(n % k == 0 for n, k in zip(grid.shape, counts, strict=True))
    check(divides, f"`blocks` must divide the voxels along each axis, but they are {counts} on {grid.shape}.")
    names = tuple(f"phase {i}" for i in range(shares.shape[0])) if phases is None else phases
    check(
        len(names) == shares.shape[0],
        f"`phases` must have one entry per fraction, but there are {len(names)} and `fractions` holds {shares.shape[0]}.",
    )
    drawn = jax.random.uniform(split_named(key, "blocks")["blocks"], counts, shares.dtype)
    if exact:
        labels = sharp_levels(drawn, shares)
    else:
        labels = jnp.sum(drawn[None] >= jnp.cumsum(shares)[:-1].reshape(-1, *(1,) * grid.ndim), axis=0).astype(jnp.int32)
    for axis, (n, k) in enumerate(zip(grid.shape, counts, strict=True)):
        labels = jnp.repeat(labels, n // k, axis=axis)
    text = f"random_checkerboard: {' x '.join(map(str, counts))} ({math.prod(counts)}) blocks, {'exact' if exact else 'independent'}"
    return Microstructure(grid=grid, labels=labels, phases=names, provenance=text, asked={"volume_fractions": shares})
