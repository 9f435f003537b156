"""The orientation nearest to a point of the embedding space.

All orientations have embeddings of one length, so the nearest one maximises f(q) = t · embed(q), a sum over the parts of
harmonic polynomials F_l(x) = t_l · Y_l(x) at the carried directions x = gᵀ d. f is sampled on a fixed grid of the
fundamental zone; the best of the grid's local maxima are climbed by Newton's method, and the highest one is taken.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro.orientations.embedding import checked_embedding, embedding_parts, split_parts
from jaxmicro.orientations.fundamental_zone import fundamental_zone
from jaxmicro.orientations.harmonics import harmonic_matrix, monomials, second_derivative_matrix
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.quaternions import matrix_of_unit, multiply, normalize

STARTS, NEIGHBOURS, STEPS, POLISH, CHUNK = 4, 8, 6, 2, 512
SPACING = 40.0  # degrees between neighbours of the grid, times the highest degree of the embedding
PAIR = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])  # of a symmetric 3 × 3 matrix in the order of second_derivative_matrix


def project(t: ArrayLike, laue: str = "m-3m") -> Float[Array, "4 ..."]:
    """The orientation whose embedding is nearest to `t`: argmax over q of t · embed(q).

    Any `t` will do, of any length, blends of several orientations too. Of the members s q of an orientation, the one in the fundamental zone
    is returned. A zero `t` is equally far from all orientations and gives the identity; NaN gives NaN.

    Args:
        t: embeddings `(k, …)` of the same Laue group.
        laue: one of the 11 Laue groups.

    Returns:
        Unit quaternions `(4, …)`, scalar part not negative.

    Raises:
        ValueError: if the first axis does not fit the group, or the group is not known.

    Example:
        >>> from jaxmicro.orientations import embed
        >>> project(embed(jnp.array([0.5, 0.5, 0.5, 0.5]), laue="-1"), laue="-1").round(4).tolist()
        [0.5, 0.5, 0.5, 0.5]

    Differentiable by the implicit function theorem where the nearest orientation is unique; where two are equally near
    the value jumps, and where the maximum is flat (zero `t`) the derivative is set to zero.

    Of 10,000 points of Gaussian noise, which are no blends of anything, up to one is sent to an orientation whose distance
    exceeds the least one by 0.1 %.
    """
    points = checked_embedding(t, laue)
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(points), axis=0))  # the length of t changes nothing
    points = points / jnp.where(largest == 0, 1.0, largest)
    flat = points.reshape(points.shape[0], -1)
    size = flat.shape[1]
    chunk = min(CHUNK, max(size, 1))
    blocks = jnp.pad(flat, ((0, 0), (0, -size % chunk))).reshape(flat.shape[0], -1, chunk).swapaxes(0, 1)
    found = jax.lax.map(functools.partial(_nearest, laue), blocks) if blocks.shape[0] != 1 else _nearest(laue, blocks[0])[None]
    return found.swapaxes(0, 1).reshape(4, -1)[:, :size].reshape(4, *points.shape[1:])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _nearest(laue: str, t: Array) -> Array:
    """The nearest orientations (4, n) of embeddings (k, n)."""
    scores = jnp.asarray(_grid_embeddings(laue), t.dtype).T @ t
    around = functools.reduce(jnp.maximum, (scores[neighbour] for neighbour in _grid(laue)[1]))
    peak = _highest(jnp.where(scores >= around, scores, -jnp.inf))
    start = jnp.asarray(_grid(laue)[0], t.dtype)[:, peak]  # (4, starts, n)

    def step(curvature: list[Array], _: Array, q: Array) -> Array:
        _, slope, bend = _rates(laue, curvature, q)
        return _turned(q, _climb(slope, bend, laue))

    curvature = _curvature(laue, t[:, None])
    peaks = jax.lax.fori_loop(0, STEPS, functools.partial(step, curvature), start)
    height = _rates(laue, curvature, peaks)[0]
    first = jnp.argmax(height, axis=0)
    best = jnp.take_along_axis(peaks, first[None, None], axis=1)[:, 0]
    q = jax.lax.fori_loop(0, POLISH, functools.partial(step, _curvature(laue, t)), best)  # heights tell to half the digits only
    return jnp.where(jnp.isnan(jnp.sum(t, axis=0)), jnp.nan, fundamental_zone(q, laue))


def _highest(scores: Array) -> Array:
    """The rows of the STARTS largest entries of each column, the first of equal ones; here twenty times as fast as a sort."""
    rows = jnp.arange(scores.shape[0])[:, None]
    found = []
    for _ in range(STARTS):
        best = jnp.min(jnp.where(scores == jnp.max(scores, axis=0), rows, scores.shape[0] - 1), axis=0)
        scores = jnp.where(rows == best, -jnp.inf, scores)
        found.append(best)
    return jnp.stack(found)


@_nearest.defjvp
def _nearest_jvp(laue: str, primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    """At the maximum f' = 0, and f is linear in t, so the turn η of the maximum obeys f''(q; t) η = −f'(q; dt)."""
    (t,), (change,) = primals, tangents
    q = _nearest(laue, t)
    bend = _rates(laue, _curvature(laue, t), q)[2]
    slope = _rates(laue, _curvature(laue, change), q)[1]
    inverse, convex = _inverse(-bend)
    turn = jnp.where(convex, jnp.einsum("ij...,j...->i...", inverse, slope), 0.0)
    return q, multiply(q, jnp.concatenate([jnp.zeros_like(turn[:1]), -turn / 2]))


def _curvature(laue: str, t: Array) -> list[Array]:
    """The coefficients of ∇∇F_l over the monomials (6, n, …) for each part, and of ∇F (3, …) for l = 1."""
    found = []
    for part, share in zip(embedding_parts(laue), split_parts(t, laue), strict=True):
        matrix = harmonic_matrix(1) if part.degree == 1 else second_derivative_matrix(part.degree)
        found.append(jnp.tensordot(jnp.asarray(matrix, t.dtype), share, ((0,), (0,))))
    return found


def _rates(laue: str, curvature: list[Array], q: Array) -> tuple[Array, Array, Array]:
    """The height f at q, its slope (3, …) and second derivative (3, 3, …) in a turn η of the directions.

    The turn takes x to x + η × x + ½ η × (η × x).
    With A = Σ w x ⊗ ∇F and H = Σ w ∇∇F over the unit directions of a part, the slope is the axial vector of A and the
    second derivative (l − ½)(A + Aᵀ) − H − l tr(A) 1, since tr ∇∇F = 0, (∇∇F) x = (l − 1) ∇F and x · ∇F = l F.
    """
    g = matrix_of_unit(q)
    total, slope, bend = jnp.zeros_like(q[0]), jnp.zeros_like(q[1:]), jnp.zeros_like(g)
    unit = jnp.eye(3, dtype=q.dtype).reshape((3, 3) + (1,) * (q.ndim - 1))
    for part, coefficients in zip(embedding_parts(laue), curvature, strict=True):
        directions = jnp.asarray(part.directions.T, q.dtype)
        weights = jnp.asarray(part.weights, q.dtype).reshape((-1,) + (1,) * (q.ndim - 1))
        x = jnp.swapaxes(jnp.tensordot(directions, g, 1), 0, 1)  # (3, directions, …)
        up, second = _polynomial(coefficients, x, part.degree)
        moment = jnp.sum((weights * x)[:, None] * up[None], axis=2)
        trace = moment[0, 0] + moment[1, 1] + moment[2, 2]
        total = total + trace / part.degree
        slope = slope + jnp.stack([moment[1, 2] - moment[2, 1], moment[2, 0] - moment[0, 2], moment[0, 1] - moment[1, 0]])
        both = (part.degree - 0.5) * (moment + jnp.swapaxes(moment, 0, 1))
        bend = bend + both - jnp.sum(weights * second, axis=2) - part.degree * trace * unit
    return total, slope, bend


def _polynomial(coefficients: Array, x: Array, degree: int) -> tuple[Array, Array]:
    """∇F and ∇∇F of a homogeneous polynomial at x (3, directions, …), the first from the second by Euler's theorem."""
    if degree == 1:
        return jnp.broadcast_to(coefficients[:, None], x.shape), jnp.zeros((3, *x.shape), x.dtype)
    second = jnp.sum(coefficients[:, :, None] * monomials(x, degree - 2)[None], axis=1)[PAIR]
    return jnp.sum(second * x[None], axis=1) / (degree - 1), second


def _climb(slope: Array, bend: Array, laue: str) -> Array:
    """A Newton step where f is concave, no longer than the grid's spacing, and otherwise one along the slope."""
    inverse, concave = _inverse(-bend)
    steepest = jnp.sqrt(jnp.sum(bend * bend, axis=(0, 1)))
    turn = jnp.where(concave, jnp.sum(inverse * slope[None], axis=1), slope / jnp.where(steepest == 0, 1.0, steepest))
    reach = math.radians(SPACING) / max(part.degree for part in embedding_parts(laue))
    length = jnp.sum(turn * turn, axis=0)
    return turn * jnp.where(length > reach**2, reach / jnp.sqrt(jnp.maximum(length, reach**2)), 1.0)


def _inverse(matrix: Array) -> tuple[Array, Array]:
    """Inverse of symmetric 3 × 3 matrices (3, 3, …), and whether they are positive definite beyond rounding."""
    a, b, c = matrix
    cofactors = jnp.stack([jnp.cross(b, c, axis=0), jnp.cross(c, a, axis=0), jnp.cross(a, b, axis=0)])
    determinant = jnp.sum(a * cofactors[0], axis=0)
    scale = jnp.max(jnp.abs(matrix), axis=(0, 1))
    tiny = 100 * jnp.finfo(matrix.dtype).eps
    positive = (a[0] > tiny * scale) & (cofactors[2, 2] > tiny * scale**2) & (determinant > tiny * scale**3)
    return cofactors / jnp.where(positive, determinant, 1.0), positive


def _turned(q: Array, turn: Array) -> Array:
    """The orientation whose directions gᵀ d are those of q turned by η, to second order."""
    return normalize(multiply(q, jnp.concatenate([jnp.ones_like(turn[:1]), -turn / 2])))


@functools.cache
def _grid(laue: str) -> tuple[np.ndarray, np.ndarray]:
    """Orientations (4, n) spread evenly over the fundamental zone, the identity first, and the neighbours (NEIGHBOURS, n) of each.

    Reference: M. Alexa, "Super-Fibonacci spirals", CVPR 2022, 8291, doi:10.1109/CVPR52688.2022.00811.
    """
    from scipy.spatial import KDTree

    spacing = np.deg2rad(SPACING) / max(part.degree for part in embedding_parts(laue))
    count = int(8 * np.pi**2 / spacing**3)  # the volume of all rotations over that of a cell
    s = np.arange(count) + 0.5
    inner, outer = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / np.sqrt(2.0), 2 * np.pi * s / 1.533751168755204288118041
    spread = np.stack([inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta), outer * np.cos(beta)])
    operators = symmetry_operators(laue)
    scalar = np.abs(operators.T * np.array([1.0, -1.0, -1.0, -1.0]) @ spread)
    chosen = spread[:, scalar[0] >= scalar.max(axis=0)]
    q = np.concatenate([np.eye(4)[:, :1], np.where(chosen[:1] < 0, -chosen, chosen)], axis=1)
    points = _embedded(laue, q).T
    _, neighbours = KDTree(points).query(points, NEIGHBOURS + 1)
    return q, np.asarray(neighbours)[:, 1:].T


@functools.cache
def _grid_embeddings(laue: str) -> np.ndarray:
    return _embedded(laue, _grid(laue)[0])


def _embedded(laue: str, q: np.ndarray) -> np.ndarray:
    """`embed` on the host in double precision, for use while JAX traces."""
    w, v = q[0], q[1:]
    columns = [
        (w * w - (v * v).sum(axis=0)) * e[:, None] + 2 * v * v[i] - 2 * w * np.cross(v, e[:, None], axis=0) for i, e in enumerate(np.eye(3))
    ]
    return np.concatenate([part.components(np.einsum("icn,id->cnd", columns, part.directions)) for part in embedding_parts(laue)])
