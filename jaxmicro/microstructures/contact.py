"""How far two bodies are from touching, and how that changes when they move and turn.

Each kind of body answers with a distance h that is zero at contact, negative for an overlap, and never larger than the distance between the
surfaces; so h ≥ 0 proves that there is no overlap, and bodies that are far apart in h stay apart for a while. `push` is ∂h/∂r, with r from
the centre of the first body to that of the second, and `turn` is ∂h/∂ω, with ω a small turn of a body about its centre.

Spheres: h = |r| − R₁ − R₂. Spherocylinders: the distance of the segments less the two radii; where segments cross in a plane, minus the
shortest way out. Ellipsoids, with A = gᵀ diag(a²) g: the contact function of Perram and Wertheim,

    F = max_λ λ (1 − λ) rᵀ C⁻¹ r,    C = (1 − λ) A₁ + λ A₂,

is the square of the factor by which both must grow to touch. Where they grow by √F they touch with a common normal, along which each
reaches at least its smallest semi-axis b; hence h = (√F − 1)(b₁ + b₂). Derivatives of a maximum need none of λ: with n = C⁻¹ r

    ∂F/∂r = 2 λ (1 − λ) n,    ∂F/∂A₁ = −λ (1 − λ)² n nᵀ,    ∂F/∂A₂ = −λ² (1 − λ) n nᵀ.

References: J. W. Perram, M. S. Wertheim, J. Comput. Phys. 58, 409 (1985), doi:10.1016/0021-9991(85)90171-8; C. Vega, S. Lago, Computers
Chem. 18, 55 (1994), doi:10.1016/0097-8485(94)80023-5.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

ROUNDS = 40  # of the search for λ
FARTHEST = 25.0  # from zero that w can be: ratios of semi-axes of 1e10
EXACT = 1e-4  # of w; what it makes of F is 1e-8
TINY = 1e-12  # of lengths: below it a direction is taken at random


class Contact(NamedTuple):
    """Distance of pairs `(m,)`, its derivative along r `(m, d)`, and by turns of the first and the second body `(m, k)`."""

    distance: Float[np.ndarray, " m"]
    push: Float[np.ndarray, "m d"]
    first_turn: Float[np.ndarray, "m k"] | None = None
    second_turn: Float[np.ndarray, "m k"] | None = None


def ellipsoid_contact(
    between: Float[np.ndarray, "m d"], first: Float[np.ndarray, "m d d"], second: Float[np.ndarray, "m d d"]
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"], Float[np.ndarray, "m d"]]:
    """The contact function F of ellipsoids with shape matrices A₁ and A₂, with λ and n = C⁻¹ r.

    F is concave in λ, and its derivative is nᵀ ((1 − λ)² A₁ − λ² A₂) n. In w = ln λ/(1 − λ) it is zero where w = ½ ln (nᵀA₁n / nᵀA₂n), which
    is right at once for spheres; from there on by secants, within a bracket. Any λ gives a lower bound of F, and an error of λ one of its
    square.
    """
    low, high = np.full(len(between), -FARTHEST), np.full(len(between), FARTHEST)
    place, miss = np.zeros(len(between)), np.zeros(len(between))
    following = place
    for count in range(ROUNDS):
        share = 1 / (1 + np.exp(-following))
        normal = _solved(first, second, share, between)
        target = 0.5 * np.log(_square(first, normal) / _square(second, normal))
        before, missed, place = place, miss, following
        miss = place - target
        low, high = np.where(miss < 0, place, low), np.where(miss < 0, high, place)
        change = miss - missed
        useful = (count > 0) & (np.abs(change) > TINY)
        proposed = np.where(useful, place - miss * (place - before) / np.where(useful, change, 1.0), target)
        following = np.where((proposed >= low) & (proposed <= high), proposed, (low + high) / 2)
        if np.abs(following - place).max(initial=0.0) < EXACT:
            break
    return share * (1 - share) * _dot(between, normal), share, normal


def segment_contact(
    between: Float[np.ndarray, "m d"],
    first: Float[np.ndarray, "m d"],
    second: Float[np.ndarray, "m d"],
    half_first: Float[np.ndarray, " m"],
    half_second: Float[np.ndarray, " m"],
) -> Contact:
    """Distance of two segments with centres r apart, unit directions and half lengths; with its derivatives.

    Of the points s and t along the segments that are closest on the whole lines, each is brought into its segment in turn.
    """
    along, across, cosine = _dot(between, first), _dot(between, second), _dot(first, second)
    parallel = 1 - cosine**2
    s = np.where(parallel > 1e-10, (along - cosine * across) / np.maximum(parallel, 1e-10), along / 2)
    s = np.clip(s, -half_first, half_first)
    t = np.clip(cosine * s - across, -half_second, half_second)
    s = np.clip(cosine * t + along, -half_first, half_first)
    gap = between + t[:, None] * second - s[:, None] * first
    length, push = directed(gap, _perpendicular(first, second))
    found = Contact(length, push, -s[:, None] * cross(first, push), t[:, None] * cross(second, push))
    return _crossing(found, between, first, second, half_first, half_second) if between.shape[1] == 2 else found


def _crossing(
    found: Contact, between: np.ndarray, first: np.ndarray, second: np.ndarray, half_first: np.ndarray, half_second: np.ndarray
) -> Contact:
    """Where segments of a plane cross: minus the shortest way out, along the normal of one of the two.

    The way out along the normal n₁ of the first is L₂ |sin| − |r·n₁|, and likewise for the other.
    """
    sine, cosine = cross(first, second)[:, 0], _dot(first, second)
    offsets = cross(first, between)[:, 0], cross(second, between)[:, 0]  # r·n of each
    ways = half_second * np.abs(sine) - np.abs(offsets[0]), half_first * np.abs(sine) - np.abs(offsets[1])
    crossed = (np.minimum(*ways) > 0) & (sine != 0)
    by_first = ways[0] <= ways[1]
    axis, offset = np.where(by_first[:, None], first, second), np.where(by_first, *offsets)
    side = np.where(offset >= 0, 1.0, -1.0)
    opening = np.where(by_first, half_second, half_first) * np.sign(sine) * cosine  # of the way, by the second turn
    lever = -side * _dot(between, axis)
    turns = np.where(by_first, lever, 0.0) + opening, np.where(by_first, 0.0, lever) - opening
    push = side[:, None] * np.stack([-axis[:, 1], axis[:, 0]], axis=1)
    return Contact(
        np.where(crossed, -np.minimum(*ways), found.distance),
        np.where(crossed[:, None], push, found.push),
        np.where(crossed[:, None], turns[0][:, None], found.first_turn),  # pyright: ignore[reportCallIssue, reportArgumentType]
        np.where(crossed[:, None], turns[1][:, None], found.second_turn),  # pyright: ignore[reportCallIssue, reportArgumentType]
    )


def directed(vectors: np.ndarray, otherwise: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and unit directions; of a vector of no length another direction."""
    length = np.sqrt(_dot(vectors, vectors))
    direction = vectors / np.maximum(length, np.finfo(float).tiny)[:, None]
    lost = length < TINY
    if lost.any():
        direction[lost] = np.eye(vectors.shape[1])[0] if otherwise is None else otherwise[lost]
    return length, direction


def _perpendicular(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A unit vector across both directions."""
    if first.shape[1] == 2:
        return np.stack([-first[:, 1], first[:, 0]], axis=1)
    normal = np.cross(first, second)
    thin = _dot(normal, normal) < TINY
    smallest = np.eye(3)[np.abs(first).argmin(axis=1)]
    normal = np.where(thin[:, None], np.cross(first, smallest), normal)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("mi,mi->m", a, b)


def times(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Matrices times vectors, one by one."""
    return np.einsum("mij,mj->mi", matrices, vectors)


def _square(matrices: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    return _dot(times(matrices, vectors), vectors)


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The vector product `(m, 3)`, or in a plane its only component `(m, 1)`."""
    if a.shape[1] == 2:
        return (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])[:, None]
    x, y, z = a.T
    u, v, w = b.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _solved(first: np.ndarray, second: np.ndarray, share: np.ndarray, right: np.ndarray) -> np.ndarray:
    """C⁻¹ r by cofactors, for symmetric C = (1 − λ) A₁ + λ A₂."""
    c = (first + share[:, None, None] * (second - first)).transpose(1, 2, 0)
    r = right.T
    if len(r) == 2:
        determinant = c[0, 0] * c[1, 1] - c[0, 1] ** 2
        return (np.stack([c[1, 1] * r[0] - c[0, 1] * r[1], c[0, 0] * r[1] - c[0, 1] * r[0]]) / determinant).T
    yz, xz, xy = (
        c[1, 1] * c[2, 2] - c[1, 2] ** 2,
        c[0, 0] * c[2, 2] - c[0, 2] ** 2,
        c[0, 0] * c[1, 1] - c[0, 1] ** 2,
    )
    a, b, e = c[0, 2] * c[1, 2] - c[0, 1] * c[2, 2], c[0, 1] * c[1, 2] - c[0, 2] * c[1, 1], c[0, 1] * c[0, 2] - c[0, 0] * c[1, 2]
    determinant = c[0, 0] * yz + c[0, 1] * a + c[0, 2] * b
    return (np.stack([yz * r[0] + a * r[1] + b * r[2], a * r[0] + xz * r[1] + e * r[2], b * r[0] + e * r[1] + xy * r[2]]) / determinant).T
