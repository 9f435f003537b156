"""Orientations modulo crystal symmetry as points of a Euclidean space, for learning, blending and averaging.

A part of an embedding is a harmonic polynomial of the crystal frame that its Laue group leaves unchanged, carried along
by the crystal: the coefficients in the sample frame of s ↦ Σ_j w_j P_l(d_j · g s), for crystal directions d_j. They are
t_l = scale Σ_j w_j Y_l(gᵀ d_j), so t(s q) = t(q) for every rotation s of the group. A rotation by a small vector δ
moves t by |dt|² = δᵀ M δ; the scales of the parts are chosen so that M = 1: the distance is the angle, whatever the axis.
With M = 1 the shortest paths of the image are the rotations about fixed axes, so midpoints are right to fourth order.
"""

import functools
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact
from numpy.polynomial.legendre import legval

from jaxmicro._core import as_float_array, check, check_choice
from jaxmicro.orientations.harmonics import exponents, harmonic_matrix, monomials
from jaxmicro.orientations.laue import LAUE_GROUPS
from jaxmicro.orientations.quaternions import checked, to_matrix

AXES = np.eye(3)


@dataclass(frozen=True)
class Part:
    """One harmonic of an embedding: its degree, crystal directions (3, n) and their weights (n,), scale included."""

    degree: int
    directions: Float[np.ndarray, "3 n"]
    weights: Float[np.ndarray, " n"]

    @property
    def size(self) -> int:
        """How many components of the embedding it fills."""
        return 2 * self.degree + 1

    def components(self, directions: Inexact[np.ndarray, "3 ... n"]) -> Inexact[np.ndarray, "k ..."]:
        """Σ_j w_j Y_l of the directions, wherever the crystal has carried them, (2l+1, …) on the host."""
        powers = np.stack([np.prod([x**power for x, power in zip(directions, e, strict=True)], axis=0) for e in exponents(self.degree)])
        return np.tensordot(harmonic_matrix(self.degree), powers @ self.weights, 1)

    def scaled(self, factor: float) -> "Part":
        """The same harmonic, longer by a factor."""
        return Part(self.degree, self.directions, factor * self.weights)


def _part(degree: int, *directions: np.ndarray, weights: tuple[float, ...] | None = None) -> Part:
    weighted = np.ones(len(directions)) if weights is None else np.asarray(weights)
    return Part(degree, np.stack(directions, axis=1), weighted)


def _star(fold: int) -> Part:
    """The harmonic cos(nφ) sinⁿθ of an n-fold prism, n = l: a star in the basal plane without its axisymmetric part."""
    arms = fold if fold % 2 else fold // 2  # Y_l(−d) = Y_l(d) for even l
    angles = 2 * np.pi * np.arange(arms) / fold
    flat = -arms * float(legval(0.0, [0.0] * fold + [1.0]))  # the axisymmetric part of the arms is Σ P_l(0) times that of the axis
    return _part(fold, *(np.array([np.cos(a), np.sin(a), 0.0]) for a in angles), AXES[2], weights=(*[1.0] * arms, flat))


def _tetrahedron() -> Part:
    """The harmonic x y z, which tells m-3 from m-3m."""
    return _part(3, *(np.array(d) / np.sqrt(3) for d in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))))


X, Y, Z = AXES
# Parts that are isotropic together as they stand, and parts about an axis of which the last alone sees turns about it.
BALANCED = {
    "-1": (_part(1, X), _part(1, Y), _part(1, Z)),
    "mmm": (_part(2, Z), _part(2, X, Y, weights=(3**-0.5, -(3**-0.5)))),
    "m-3": (_tetrahedron(), _part(4, X, Y, Z)),
    "m-3m": (_part(4, X, Y, Z),),
}
ABOUT_AXIS = {
    "2/m": (1, (_part(1, Y), _part(2, X, Z, weights=(1.0, -1.0)))),
    "-3": (2, (_part(1, Z), _star(3))),
    "-3m": (2, (_part(2, Z), _star(3))),
    "4/m": (2, (_part(1, Z), _star(4))),
    "4/mmm": (2, (_part(2, Z), _star(4))),
    "6/m": (2, (_part(1, Z), _part(2, Z), _part(4, Z), _star(6))),
    "6/mmm": (2, (_part(2, Z), _part(4, Z), _star(6))),
}


def embedding_parts(laue: str) -> tuple[Part, ...]:
    """The scaled parts of a group's embedding, in the order of its components."""
    check_choice("laue", laue, LAUE_GROUPS)
    return _parts(laue)


@functools.cache
def _parts(laue: str) -> tuple[Part, ...]:
    """Scaled such that the metric is the identity."""
    if laue in BALANCED:
        parts = BALANCED[laue]
        return tuple(part.scaled((3 / len(parts) / np.trace(metric(part))) ** 0.5) for part in parts)
    axis, parts = ABOUT_AXIS[laue]
    across = (axis + 1) % 3
    last = metric(parts[-1])
    rest = (1 - last[across, across] / last[axis, axis]) / (len(parts) - 1)
    scaled = [part.scaled((rest / metric(part)[across, across]) ** 0.5) for part in parts[:-1]]
    return (*scaled, parts[-1].scaled(last[axis, axis] ** -0.5))


def metric(part: Part) -> Float[np.ndarray, "3 3"]:
    """M of |dt|² = δᵀ M δ for turns δ in the crystal frame; derivatives of polynomials by a complex step, exact."""
    step = 1e-30
    turned = [part.directions + 1j * step * np.cross(axis, part.directions, axisb=0, axisc=0) for axis in AXES]
    rates = np.stack([np.imag(part.components(d)) / step for d in turned])
    return rates @ rates.T


def embedding_size(laue: str) -> int:
    """How many components the embedding of a group has: 9 for m-3m, 27 for 6/mmm.

    Example:
        >>> embedding_size("m-3m")
        9
    """
    return sum(part.size for part in embedding_parts(laue))


def checked_embedding(t: ArrayLike, laue: str, argument: str = "t") -> Float[Array, "k ..."]:
    """An embedding of the group, its components first."""
    array, size = as_float_array(argument, t), embedding_size(laue)
    check(
        array.ndim >= 1 and array.shape[0] == size,
        f"`{argument}` must be an embedding ({size}, …) of {laue!r}, but its shape is {array.shape}. Make it with embed(q, laue={laue!r}).",
    )
    return array


def split_parts(t: Array, laue: str) -> list[Array]:
    """The components of each part, (2l+1, …)."""
    ends = np.cumsum([part.size for part in embedding_parts(laue)])
    return jnp.split(t, ends[:-1])


def embed(q: ArrayLike, laue: str = "m-3m") -> Float[Array, "k ..."]:
    """Orientations modulo crystal symmetry as vectors whose distance is, at small angles, the misorientation in radians.

    t_l = scale Σ_j w_j Y_l(gᵀ d_j) with crystal directions d_j of the group, harmonics in the sample frame: for m-3m the
    harmonic part (l = 4) of the tensor Σ_i a_i⊗a_i⊗a_i⊗a_i of the cube axes; for 6/mmm c⊗c, c⊗c⊗c⊗c and the prism. The same
    for all members s q of an orientation, different for different orientations, |t| the same for all. Odd degrees stand for
    what rotations alone leave unchanged (c against −c in 6/m, x y z in m-3): m-3 and m-3m are different embeddings.

    Args:
        q: quaternions `(4, …)`, sample → crystal, of any length.
        laue: one of the 11 Laue groups.

    Returns:
        `(k, …)` with k = 9 (m-3m), 16 (m-3), 27 (6/mmm), 30 (6/m), 14 (4/mmm), 12 (4/m), 12 (-3m), 10 (-3), 10 (mmm),
        8 (2/m), 9 (-1), without unit.

    Raises:
        ValueError: if the first axis is not 4 or the group is not known.

    Reference:
        R. Arnold, P. E. Jupp, H. Schaeben, "Statistics of ambiguous rotations" (2017),
        doi:10.48550/arXiv.1701.01579; there for testing, without equal lengths of rotations about all axes.

    Example:
        >>> embed(jnp.array([1.0, 0, 0, 0])).shape
        (9,)

    Differentiable everywhere (a polynomial of degree 2 l in q/|q|).
    """
    parts = embedding_parts(laue)
    g = to_matrix(checked("q", q))
    return jnp.concatenate([_rotated(part, g) for part in parts])


def _rotated(part: Part, g: Array) -> Array:
    """Σ_j w_j Y_l(gᵀ d_j)."""
    directions, weights = jnp.asarray(part.directions, g.dtype), jnp.asarray(part.weights, g.dtype)
    powers = monomials(jnp.einsum("ic...,id->cd...", g, directions), part.degree)
    return jnp.tensordot(jnp.asarray(harmonic_matrix(part.degree), g.dtype), jnp.einsum("nd...,d->n...", powers, weights), 1)
