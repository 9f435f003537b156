"""Stiffness of crystals from their embeddings, linear in them: a blend of embeddings is the Voigt mixture of the crystals.

A part of degree l carries the form Φ_l(s) = t_l · Y_l(s) in the sample frame; a form of degree 2 is a symmetric
traceless tensor and one of degree 4 a fully symmetric traceless tensor of rank four.
"""

import functools
import itertools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check_choice
from jaxmicro.fields.mandel import PAIRS
from jaxmicro.orientations.embedding import checked_embedding, embedding_parts, split_parts
from jaxmicro.orientations.harmonics import exponents, harmonic_matrix

CUBIC, HEXAGONAL = ("m-3m", "m-3"), ("6/mmm", "6/m")
WEIGHT = np.array([1.0 if i == j else math.sqrt(2) for i, j in PAIRS[6]])
TRACE = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])


def cubic_stiffness_from_embedding(
    t: ArrayLike, c11: ArrayLike, c12: ArrayLike, c44: ArrayLike, laue: str = "m-3m"
) -> Float[Array, "6 6 ..."]:
    """Stiffness in the sample frame of cubic crystals given by their embeddings.

    C = C12 δδ + 2 C44 I + (C11 − C12 − 2 C44) T with T = Σ_i a_i⊗a_i⊗a_i⊗a_i = (δδ + 2 I)/5 + the harmonic of degree 4, which
    is linear in t. For t = embed(q) it is rotate_stiffness(cubic_stiffness(c11, c12, c44), q); for blends the Voigt mixture.

    Args:
        t: embeddings `(k, …)` of `laue`.
        c11: number, or array that broadcasts with the trailing shape of `t`, as are the others, in their unit.
        c12: as `c11`.
        c44: as `c11`.
        laue: "m-3m" or "m-3", whichever `t` was made for.

    Returns:
        Mandel stiffness `(6, 6, …)` in the unit of the constants.

    Raises:
        ValueError: if the group is not cubic or the first axis does not fit it.

    Example:
        >>> from jaxmicro.orientations import embed
        >>> stiffness = cubic_stiffness_from_embedding(embed(jnp.array([1.0, 0, 0, 0])), 3.0, 1.0, 2.0)
        >>> [round(float(c), 4) for c in stiffness.diagonal()]
        [3.0, 3.0, 3.0, 4.0, 4.0, 4.0]

    Differentiable in all arguments.
    """
    check_choice("laue", laue, CUBIC)
    points, c11, c12, c44 = as_float_arrays(t=checked_embedding(t, laue), c11=c11, c12=c12, c44=c44)
    # x⁴ = 8/35 P4 + 4/7 P2 + 1/5, and the P2 of three perpendicular axes add up to zero
    quartic = 8 / 35 * _tensor(_form(points, laue, 4))
    trace, unit = _isotropic(points)
    return c12 * trace + 2 * c44 * unit + (c11 - c12 - 2 * c44) * ((trace + 2 * unit) / 5 + quartic)


def hexagonal_stiffness_from_embedding(
    t: ArrayLike, c11: ArrayLike, c12: ArrayLike, c13: ArrayLike, c33: ArrayLike, c44: ArrayLike, laue: str = "6/mmm"
) -> Float[Array, "6 6 ..."]:
    """Stiffness in the sample frame of hexagonal crystals given by their embeddings.

    With Q = c⊗c for the axis c, C = C12 δδ + 2 C66 I + (C13 − C12)(δ⊗Q + Q⊗δ) + (C44 − C66) S + (C11 + C33 − 2 C13 − 4 C44) Q⊗Q,
    where S_ijkl = δ_ik Q_jl + δ_il Q_jk + δ_jk Q_il + δ_jl Q_ik and C66 = (C11 − C12)/2: linear in the parts of degree 2 and 4.

    Args:
        t: embeddings `(k, …)` of `laue`.
        c11: number, or array that broadcasts with the trailing shape of `t`, as are the others, in their unit.
        c12: as `c11`.
        c13: as `c11`; 3 is along c.
        c33: as `c11`.
        c44: as `c11`.
        laue: "6/mmm" or "6/m", whichever `t` was made for.

    Returns:
        Mandel stiffness `(6, 6, …)` in the unit of the constants.

    Raises:
        ValueError: if the group is not hexagonal or the first axis does not fit it.

    Reference:
        A. J. M. Spencer, "Constitutive theory for strongly anisotropic solids", in Continuum Theory of the Mechanics of
        Fibre-Reinforced Composites, Springer (1984), doi:10.1007/978-3-7091-4336-0_1.

    Example:
        >>> from jaxmicro.orientations import embed
        >>> t = embed(jnp.array([1.0, 0, 0, 0]), laue="6/mmm")
        >>> [round(float(c), 4) for c in hexagonal_stiffness_from_embedding(t, 5.0, 2.0, 1.0, 6.0, 1.0).diagonal()]
        [5.0, 5.0, 6.0, 2.0, 2.0, 3.0]

    Differentiable in all arguments.
    """
    check_choice("laue", laue, HEXAGONAL)
    points, c11, c12, c13, c33, c44 = as_float_arrays(t=checked_embedding(t, laue), c11=c11, c12=c12, c13=c13, c33=c33, c44=c44)
    trace, unit = _isotropic(points)
    second, fourth = _form(points, laue, 2), _form(points, laue, 4)
    # x² = 2/3 P2 + r²/3 for Q, whose products with δ are dyads and shears; x⁴ = 8/35 P4 + 6/7 x² r² − 3/35 r⁴ for Q⊗Q
    dyads, shears = (2 / 3 * jnp.tensordot(jnp.asarray(m, points.dtype), second, 1) for m in _products())
    dyads, shears = dyads + 2 / 3 * trace, shears + 4 / 3 * unit
    quartic = 8 / 35 * _tensor(fourth) + (dyads + shears) / 7 - (trace + 2 * unit) / 35
    c66 = (c11 - c12) / 2
    return c12 * trace + 2 * c66 * unit + (c13 - c12) * dyads + (c44 - c66) * shears + (c11 + c33 - 2 * c13 - 4 * c44) * quartic


def _form(t: Array, laue: str, degree: int) -> Array:
    """The coefficients over the monomials of Σ_j P_l(d_j · s) in the sample frame; all directions of these parts weigh the same."""
    which, part = next((n, part) for n, part in enumerate(embedding_parts(laue)) if part.degree == degree)
    return jnp.tensordot(jnp.asarray(harmonic_matrix(degree).T / part.weights[0], t.dtype), split_parts(t, laue)[which], 1)


def _isotropic(t: Array) -> tuple[Array, Array]:
    """δδ and the identity in Mandel notation, shaped to broadcast with (6, 6, …)."""
    shape = (6, 6) + (1,) * (t.ndim - 1)
    return jnp.asarray(np.outer(TRACE, TRACE), t.dtype).reshape(shape), jnp.eye(6, dtype=t.dtype).reshape(shape)


def _tensor(form: Array) -> Array:
    """The fully symmetric rank-four tensor of a quartic form, in Mandel notation."""
    return jnp.tensordot(jnp.asarray(_quartic_matrix(), form.dtype), form, 1)


@functools.cache
def _quartic_matrix() -> Float[np.ndarray, "6 6 15"]:
    matrix = np.zeros((6, 6, 15))
    column = {powers: n for n, powers in enumerate(exponents(4))}
    for (a, first), (b, second) in itertools.product(enumerate(PAIRS[6]), repeat=2):
        x, y, z = ((*first, *second).count(axis) for axis in range(3))
        arrangements = math.factorial(4) // (math.factorial(x) * math.factorial(y) * math.factorial(z))
        matrix[a, b, column[x, y, z]] = WEIGHT[a] * WEIGHT[b] / arrangements
    return matrix


@functools.cache
def _products() -> tuple[Float[np.ndarray, "6 6 6"], Float[np.ndarray, "6 6 6"]]:
    """δ⊗Q + Q⊗δ, and S, in Mandel notation, for the tensor Q of each monomial of degree two."""
    dyads, shears = np.zeros((6, 6, 6)), np.zeros((6, 6, 6))
    delta = np.eye(3)
    for n, powers in enumerate(exponents(2)):
        i, j = (axis for axis in range(3) for _ in range(powers[axis]))
        q = (np.outer(delta[i], delta[j]) + np.outer(delta[j], delta[i])) / 2
        vector = WEIGHT * [q[pair] for pair in PAIRS[6]]
        dyads[..., n] = np.outer(TRACE, vector) + np.outer(vector, TRACE)
        for (a, (i, j)), (b, (k, m)) in itertools.product(enumerate(PAIRS[6]), repeat=2):
            terms = delta[i, k] * q[j, m] + delta[i, m] * q[j, k] + delta[j, k] * q[i, m] + delta[j, m] * q[i, k]
            shears[a, b, n] = WEIGHT[a] * WEIGHT[b] * terms
    return dyads, shears
