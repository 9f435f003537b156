"""The multigrid preconditioner of finite volumes: networks of faces, each from the finer one.

A coarser voxel is a block of two along each axis that is long enough, and its faces conduct as all finer faces between two blocks
do together, times one half for the double distance. Nothing else enters: where no finer face conducts, no coarser one does, so that
the pores of a tomogram stay what they are. Corrections are constant in a block: with the half they are as large as linear ones
would be, and unlike those they never reach through a solid (Braess 1995, doi:10.1007/BF02238234). Sweeps are Chebyshev's of degree
2 on the upper part of the spectrum of D⁻¹ K, which ends at 2 for any network.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.operators.finite_volume import FiniteVolume, conductances
from jaxmicro.solvers.multigrid import Level, v_cycle

SHORTEST = 3  # axes are not halved below this
DENSE = 220  # voxels of the coarsest level, which is solved directly
LOWEST, HIGHEST = 0.3, 2.0  # eigenvalues of D⁻¹ K that the sweeps damp


def volume_multigrid(operator: FiniteVolume, law: Any, spacing: Float[Array, " d"]) -> Callable[[Displacement], Displacement]:
    """One V-cycle as an approximate inverse of K.

    Args:
        operator: finite volumes, periodic or between walls.
        law: conductivities on the finest grid.
        spacing: voxel edge lengths there.

    Returns:
        A symmetric positive semi-definite function on potentials; zero where nothing conducts.

    Example:
        >>> from jaxmicro.fields import conduction
        >>> from jaxmicro.materials import Scalar
        >>> cycle = volume_multigrid(FiniteVolume(conduction(2)), Scalar(jnp.ones((16, 16))), jnp.ones(2))
        >>> cycle((jnp.zeros((16, 16)),))[0].shape
        (16, 16)
    """
    shape = law.grid_shape
    weights = [conductances(law.values, axis, operator.end(axis)) / spacing[axis] ** 2 for axis in range(len(shape))]
    levels = []
    while math.prod(shape) > DENSE and max(shape) > SHORTEST:
        halved = tuple(n > SHORTEST for n in shape)
        levels.append(
            Level(
                operator=operator.network(weights),
                invert_diagonal=functools.partial(jnp.multiply, _inverse(diagonal(weights))),
                dampings=_chebyshev(),
                restrict=functools.partial(_block_sums, halved=halved),
                prolong=functools.partial(_spread, shape=shape),
            )
        )
        weights = [_coarser(weight, axis, halved) for axis, weight in enumerate(weights)]
        shape = tuple((n + 1) // 2 if flag else n for n, flag in zip(shape, halved, strict=True))
    cycle = v_cycle(levels, _direct(operator, weights, shape))  # the network keeps its own steps apart, and nothing else is dear
    return lambda force: (cycle(force[0]),)


def diagonal(weights: list[Array]) -> Float[Array, "*grid"]:
    """The sum of the weights of all faces of each voxel."""
    pairs = [(jax.lax.slice_in_dim(w, 0, -1, axis=axis), jax.lax.slice_in_dim(w, 1, None, axis=axis)) for axis, w in enumerate(weights)]
    return functools.reduce(jnp.add, [side for pair in pairs for side in pair])


def _chebyshev() -> list[float]:
    """Inverse roots of Chebyshev's polynomial of degree 2 on the interval of eigenvalues."""
    centre, radius = 0.5 * (HIGHEST + LOWEST), 0.5 * (HIGHEST - LOWEST)
    return [1 / (centre + sign * radius * math.sqrt(0.5)) for sign in (1, -1)]


def _inverse(values: Array) -> Array:
    live = values > 0
    return jnp.where(live, 1.0 / jnp.where(live, values, 1.0), 0.0)


def _pairs(field: Array, axis: int) -> Array:
    """Sums over pairs along an axis; an odd last layer stays alone."""
    n = field.shape[axis]
    if n % 2:
        field = jnp.pad(field, [(0, 1) if k == axis else (0, 0) for k in range(field.ndim)])
    return jnp.sum(field.reshape(*field.shape[:axis], (n + 1) // 2, 2, *field.shape[axis + 1 :]), axis + 1)


def _block_sums(field: Array, halved: tuple[bool, ...]) -> Array:
    """Sums over the voxels of each block, of one layer where an odd axis ends."""
    widths = [(0, n % 2 if flag else 0) for n, flag in zip(field.shape, halved, strict=True)]
    field = jnp.pad(field, widths) if any(width for _, width in widths) else field
    *rows, last = range(len(halved))
    split = [(n // 2, 2) if flag and axis != last else (n,) for axis, (n, flag) in enumerate(zip(field.shape, halved, strict=True))]
    blocks = field.reshape(sum(split, ()))
    pairs = [axis + 1 + sum(halved[:axis]) for axis in rows if halved[axis]]
    field = jnp.sum(blocks, tuple(pairs))
    return field[..., 0::2] + field[..., 1::2] if halved[last] else field


def _spread(field: Array, shape: tuple[int, ...]) -> Array:
    """The value of its block in each voxel: the transpose of `_block_sums`."""
    split = [(m,) if m == n else (m, 2) for m, n in zip(field.shape, shape, strict=True)]
    spaced = field.reshape(sum([(m,) if m == n else (m, 1) for m, n in zip(field.shape, shape, strict=True)], ()))
    blocks = jnp.broadcast_to(spaced, sum(split, ())).reshape([math.prod(part) for part in split])
    return blocks[tuple(slice(0, n) for n in shape)]


def _coarser(weight: Array, axis: int, halved: tuple[bool, ...]) -> Array:
    """Faces between blocks across an axis: every second of the finer ones, summed over a block's side, times one half."""
    for other, flag in enumerate(halved):
        if flag and other != axis:
            weight = _pairs(weight, other)
    if not halved[axis]:
        return weight
    n = weight.shape[axis] - 1
    kept = jax.lax.slice_in_dim(weight, 0, n, stride=2, axis=axis)
    return 0.5 * jnp.concatenate([kept, jax.lax.slice_in_dim(weight, n, n + 1, axis=axis)], axis)


def _direct(operator: FiniteVolume, weights: list[Array], shape: tuple[int, ...]) -> Callable[[Array], Array]:
    """The pseudo-inverse of a small network, as a matrix; zero on potentials that drive no flux, up to rounding."""
    size, dtype = math.prod(shape), weights[0].dtype
    wide = jnp.promote_types(dtype, jnp.result_type(float))
    network = operator.network([weight.astype(wide) for weight in weights])
    matrix = jax.vmap(lambda e: network(e.reshape(shape)).ravel())(jnp.eye(size, dtype=wide))
    values, vectors = jnp.linalg.eigh(0.5 * (matrix + matrix.T))
    live = values > size * jnp.finfo(dtype).eps * values[-1]
    inverse = ((vectors * jnp.where(live, 1.0 / jnp.where(live, values, 1.0), 0.0)) @ vectors.T).astype(dtype)
    return lambda force: jnp.matmul(inverse, force.ravel(), precision=jax.lax.Precision.HIGHEST).reshape(shape)
