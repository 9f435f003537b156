"""Orientations given to grains of unequal size so that the texture by volume is the texture by number."""

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Real

from jaxmicro.orientations import embed

SWEEPS = 3
TRIED = 256  # partners that are tried for each grain


def balanced_order(
    orientations: Float[ArrayLike, "4 n"], volumes: Real[np.ndarray, " n"], generator: np.random.Generator, laue: str | None = None
) -> np.ndarray:
    """An order of orientations in which the mean by volume of their symmetric embedding is close to the mean by number.

    A few large grains would bias the texture of a polycrystal. With φ the embedding of an orientation, in which the stiffness is linear,
    orientations are exchanged between grains as long as that lowers |Σ v_i φ_i / Σ v_i − Σ φ_i / n|: an exchange moves the first mean by
    (v_i − v_j)(φ_j − φ_i).

    Args:
        orientations: unit quaternions `(4, n)`.
        volumes: of the grains `(n,)`, in any unit.
        generator: of the first order and of the partners.
        laue: Laue group, `"m-3m"` where it is None.

    Returns:
        Indices `(n,)`: grain i takes orientation `order[i]`.
    """
    points = np.asarray(embed(jax.numpy.asarray(orientations), laue=laue or "m-3m"), float).T
    count = len(points)
    order = generator.permutation(count)
    if count < 2:
        return order
    shares = np.asarray(volumes, float) / np.sum(volumes)
    miss = shares @ points[order] - points.mean(axis=0)
    for first in np.tile(np.argsort(-shares), SWEEPS):
        partners = generator.integers(count, size=min(TRIED, 4 * count))
        moves = (shares[first] - shares[partners])[:, None] * (points[order[partners]] - points[order[first]])
        lengths = ((miss + moves) ** 2).sum(axis=1)
        best = int(lengths.argmin())
        if lengths[best] < miss @ miss:
            second = partners[best]
            miss = miss + moves[best]
            order[[first, second]] = order[[second, first]]
    return order
