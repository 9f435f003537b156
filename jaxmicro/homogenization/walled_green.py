"""The inverse of a homogeneous medium between walls, by the transforms that diagonalise its finite volumes.

Differences of a potential that vanishes half a voxel outside its first and last value have the sines of DST-II as eigenvectors, with
eigenvalues (2 − 2 cos(π (k + 1)/n))/h²; where no flux passes the ends they have the cosines of DCT-II, with (2 − 2 cos(π k/n))/h²
(Strang 1999, doi:10.1137/S0036144598336745); periodic axes have the Fourier waves.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.fields import frequencies
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.operators.finite_volume import CLOSED, WALL, FiniteVolume


def walled_green(operator: FiniteVolume, law: Any, spacing: Float[Array, " d"]) -> Callable[[Displacement], Displacement]:
    """The inverse of K for the mean conductivity.

    Args:
        operator: finite volumes between walls.
        law: conductivities; their mean alone is read.
        spacing: voxel edge lengths.

    Returns:
        A symmetric positive definite function on potentials.

    Example:
        >>> from jaxmicro.fields import conduction
        >>> from jaxmicro.materials import Scalar
        >>> operator, law = FiniteVolume(conduction(2), walls=0, closed=True), Scalar(2.0 * jnp.ones((4, 5)))
        >>> u = (jnp.arange(20.0).reshape(4, 5),)
        >>> back = walled_green(operator, law, jnp.ones(2))(operator.force(law, u, jnp.ones(2))[0])
        >>> bool(jnp.allclose(back[0], u[0], atol=1e-4))
        True
    """
    shape, wall = law.grid_shape, 0 if operator.walls is None else operator.walls
    others = [axis for axis in range(len(shape)) if axis != wall]
    periodic = operator.end(others[0]) not in (CLOSED, WALL)
    eigenvalues = functools.reduce(jnp.add, [_eigenvalues(operator, axis, others, shape, spacing) for axis in range(len(shape))])
    factor = 1.0 / (jnp.mean(law.values) * eigenvalues)

    def apply(force: Displacement) -> Displacement:
        z = _sines(force[0], wall)
        if periodic:
            return (_sines(jnp.fft.irfftn(factor * jnp.fft.rfftn(z, axes=others), s=[shape[a] for a in others], axes=others), wall, True),)
        z = factor * jax.scipy.fft.dctn(z, axes=others, norm="ortho")
        return (_sines(jax.scipy.fft.idctn(z, axes=others, norm="ortho"), wall, True),)

    return apply


def _eigenvalues(operator: FiniteVolume, axis: int, others: list[int], shape: tuple[int, ...], spacing: Array) -> Array:
    """Of second differences along an axis, shaped to broadcast over the spectrum."""
    n, end = shape[axis], operator.end(axis)
    if end in (WALL, CLOSED):
        angles = np.pi * (np.arange(n) + (end == WALL)) / n
    else:
        angles = 2 * np.pi * np.ravel(frequencies(tuple(shape[a] for a in others))[others.index(axis)]) / n
    values = (2 * np.sin(0.5 * angles)) ** 2
    return jnp.asarray(values.reshape([-1 if k == axis else 1 for k in range(len(shape))]), spacing.dtype) / spacing[axis] ** 2


def _sines(field: Array, axis: int, back: bool = False) -> Array:
    """DST-II along an axis, or its inverse: the cosines of the field with alternating signs, in reverse order."""
    n = field.shape[axis]
    signs = jnp.asarray((-1.0) ** np.arange(n), field.dtype).reshape([-1 if k == axis else 1 for k in range(field.ndim)])
    if back:
        return signs * jax.scipy.fft.idct(jnp.flip(field, axis), axis=axis, norm="ortho")
    return jnp.flip(jax.scipy.fft.dct(signs * field, axis=axis, norm="ortho"), axis)
