"""The preconditioner: the inverse of the discrete operator of a homogeneous reference medium.

A real symmetric block per frequency (c × c, c ≤ 3), inverted once per solve in closed form; null waves (the mean, and the
checkerboards of the `rotated` and `fourier` schemes) are left at zero.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array

from jaxmicro.fields import forward, half_shape, inverse
from jaxmicro.homogenization.operators.contract import Displacement

Blocks = dict[tuple[int, int], Array]
SINGULAR, STIFFENING = 8, 1e-3  # a determinant below so many eps, and the share of the identity added then


def invert_symbol(symbol: Blocks, components: int, shape: tuple[int, ...]) -> Blocks:
    """Pseudo-inverse of a symbol on the half spectrum; it acts between `forward` and `inverse`, without a further scale."""
    return invert_blocks({key: jnp.broadcast_to(value, half_shape(shape)) for key, value in symbol.items()}, components)


def invert_blocks(full: Blocks, components: int) -> Blocks:
    """Pseudo-inverse of symmetric c × c blocks, a field per entry of the upper triangle: adjugate over determinant, zero where the block vanishes.

    A block that is singular to rounding, as of a medium without any shear stiffness, is stiffened a little: the
    preconditioner of a semi-definite operator must itself be definite.
    """
    trace = sum(full[i, i] for i in range(components))
    live = trace > 1e-18 * jnp.max(trace)
    scale = jnp.where(live, trace, 1.0)
    unit = {key: jnp.where(live, value / scale, 1.0 if key[0] == key[1] else 0.0) for key, value in full.items()}
    inverse_blocks = _adjugate_inverse(_stiffened(unit, components), components)
    return {key: jnp.where(live, value / scale, 0.0) for key, value in inverse_blocks.items()}


def _stiffened(unit: Blocks, components: int) -> Blocks:
    """Blocks of unit trace, those without a usable determinant with a little of the identity added."""
    if components == 1:
        return unit
    eps = jnp.finfo(unit[0, 0].dtype).eps
    shift = jnp.where(_determinant(unit, components) > SINGULAR * eps, 0.0, STIFFENING).astype(unit[0, 0].dtype)
    return {key: value + shift if key[0] == key[1] else value for key, value in unit.items()}


def _determinant(a: Blocks, components: int) -> Array:
    if components == 2:
        return a[0, 0] * a[1, 1] - a[0, 1] ** 2
    cofactors = _cofactors(a)
    return a[0, 0] * cofactors[0, 0] + a[0, 1] * cofactors[0, 1] + a[0, 2] * cofactors[0, 2]


def _adjugate_inverse(a: Blocks, components: int) -> Blocks:
    if components == 1:
        return {(0, 0): 1.0 / a[0, 0]}
    if components == 2:
        determinant = _determinant(a, 2)
        return {(0, 0): a[1, 1] / determinant, (1, 1): a[0, 0] / determinant, (0, 1): -a[0, 1] / determinant}
    determinant = _determinant(a, 3)
    return {key: value / determinant for key, value in _cofactors(a).items()}


def _cofactors(a: Blocks) -> Blocks:
    return {
        (0, 0): a[1, 1] * a[2, 2] - a[1, 2] ** 2,
        (0, 1): a[0, 2] * a[1, 2] - a[0, 1] * a[2, 2],
        (0, 2): a[0, 1] * a[1, 2] - a[0, 2] * a[1, 1],
        (1, 1): a[0, 0] * a[2, 2] - a[0, 2] ** 2,
        (1, 2): a[0, 1] * a[0, 2] - a[0, 0] * a[1, 2],
        (2, 2): a[0, 0] * a[1, 1] - a[0, 1] ** 2,
    }


def apply_blocks(blocks: Blocks, force: Displacement) -> Displacement:
    """Apply the inverse symbol to a nodal force."""
    shape = force[0].shape
    spectra = [forward(field, len(shape)) for field in force]
    # The blocks are real: on real and imaginary parts they cost half of a complex product.
    real, imaginary = ([part(s) for s in spectra] for part in (jnp.real, jnp.imag))

    def row(i: int, fields: list[Array]) -> Array:
        return functools.reduce(jnp.add, [blocks[min(i, j), max(i, j)] * field for j, field in enumerate(fields)])

    return tuple(inverse(jax.lax.complex(row(i, real), row(i, imaginary)), shape) for i in range(len(force)))
