"""Turns between crystals in NumPy, for what is counted and not differentiated: nothing has to be compiled.

`misorientation` and its kin are the same in JAX, with derivatives; a test holds the two together.
"""

import functools

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.orientations.equivalents import inverse, product
from jaxmicro.orientations.laue import symmetry_operators

CHUNK = 1 << 13  # pairs at once, so that products stay in the cache
IDENTITY = (1.0, 0.0, 0.0, 0.0)


def relative_turn(q1: Float[np.ndarray, "4 n"], q2: Float[np.ndarray, "4 n"]) -> Float[np.ndarray, "4 n"]:
    """Δ = q2 q1⁻¹, up to sign, in float64, exact for neighbours as in `equivalents.relative_rotation`."""
    first, second = np.asarray(q1, float), np.asarray(q2, float)
    scalar = np.sum(first * second, axis=0)
    difference = second - np.where(scalar < 0, -1.0, 1.0) * first
    return np.stack([scalar, *product(difference, inverse(first))[1:]])


def nearest_turn(
    turn: Float[np.ndarray, "4 n"], operators: Float[np.ndarray, "4 k"]
) -> tuple[Float[np.ndarray, "4 n"], Int[np.ndarray, " n"]]:
    """The product s Δ that turns least, its scalar part not negative, and the index of s.

    A turn of less than half the least turn between two operators from the first one is nearest to that one: no other is tried, which
    spares most pairs of a map.
    """
    conjugates = (operators * np.array([[1.0], [-1.0], [-1.0], [-1.0]])).T
    chosen = np.zeros(turn.shape[1], int)
    others = np.flatnonzero(~(np.abs(conjugates[0] @ turn) > np.cos(_least_separation(conjugates) / 4)))
    for start in range(0, len(others), CHUNK):
        part = others[start : start + CHUNK]
        chosen[part] = np.abs(turn[:, part].T @ conjugates.T).argmax(axis=1)
    least = turn.copy()
    moved = np.flatnonzero(chosen) if np.array_equal(operators[:, 0], IDENTITY) else np.arange(len(chosen))
    least[:, moved] = np.stack(product(operators[:, chosen[moved]], turn[:, moved]))
    return least * np.where(least[0] < 0, -1.0, 1.0), chosen


def _least_separation(conjugates: Float[np.ndarray, "k 4"]) -> float:
    """The least angle between the first operator and another one."""
    return 2 * np.arccos(min(1.0, np.abs(conjugates[1:] @ conjugates[0]).max(initial=0.0)))


def turn_angle(turn: Float[np.ndarray, "4 n"]) -> Float[np.ndarray, " n"]:
    """ω = 2 atan2(|v|, |w|) in radians."""
    return 2 * np.arctan2(np.linalg.norm(turn[1:], axis=0), np.abs(turn[0]))


def rotation_matrices(q: Float[np.ndarray, "4 *n"]) -> Float[np.ndarray, "3 3 *n"]:
    """The matrices g of unit quaternions: g s is the direction s of the sample in axes of the crystal."""
    w, x, y, z = q
    square = w * w - x * x - y * y - z * z
    return np.array(
        [
            [square + 2 * x * x, 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), square + 2 * y * y, 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), square + 2 * z * z],
        ]
    )


def least_turn_between(q1: Float[np.ndarray, "4 n"], q2: Float[np.ndarray, "4 n"], laue: str) -> Float[np.ndarray, "4 n"]:
    """The turn s q2 q1⁻¹ of the smallest angle, in axes of the first crystal."""
    return nearest_turn(relative_turn(q1, q2), symmetry_operators(laue))[0]


def angle_between(q1: Float[np.ndarray, "4 n"], q2: Float[np.ndarray, "4 n"], laue: str) -> Float[np.ndarray, " n"]:
    """Misorientation angle in radians; NaN where an orientation is."""
    return turn_angle(least_turn_between(q1, q2, laue))


def angle_from(
    q1: Float[np.ndarray, "4 n"], q2: Float[np.ndarray, "4 n"], special: Float[np.ndarray, "4"], laue: str
) -> Float[np.ndarray, " n"]:
    """The smallest angle between the misorientation of two crystals and a given one, such as that of a twin, modulo symmetry."""
    return turn_angle(nearest_turn(relative_turn(q1, q2), _inverse_variants(tuple(float(x) for x in special), laue))[0])


@functools.cache
def _inverse_variants(special: tuple[float, ...], laue: str) -> Float[np.ndarray, "4 n"]:
    """The distinct inverses of s2 σ s1 and of its inverse: crystals may be swapped."""
    group = symmetry_operators(laue)
    found: list[np.ndarray] = []
    for turn in (np.array(special), np.array(inverse(special))):
        for s in group.T:
            for variant in np.stack(product(np.stack(product(s, turn)), group), axis=1):
                if all(abs(variant @ other) < 1 - 1e-9 for other in found):
                    found.append(variant)
    return np.stack(found, axis=1)
