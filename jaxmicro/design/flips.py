"""What happens to the values of a discrete cell when voxels change phase, predicted without a solve.

The derivative with respect to a voxel's phase fraction holds for small changes; a voxel that changes phase changes fully. In
two dimensions the field inside a small disc of stiffness κ in surroundings κ_e is proportional to 2κ_e/(κ + κ_e), so a voxel
that changes from κ to κ′ changes the energy not by e·(κ′ − κ)·e but by

    e·(κ′ − κ)·e · (κ + κ_e)/(κ′ + κ_e),

which in a matrix of κ is the topological derivative 2κ/(κ + κ′). With κ_e the mean over the neighbours this halves the
error of the prediction (contrast 10, random cells, against κ_e = κ; the plain derivative is three times off). Two factors per
value, for gains and for losses, are learned from the changes that a search has seen, by ridge regression around 1.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

NEIGHBOURS = 1.5  # standard deviation, in voxels, of the Gaussian mean over a voxel's surroundings
SHRINK = 0.9  # of predicted changes: the mean ratio of true to predicted on random two-phase cells at contrast 10
MEMORY = 0.7  # weight of each older observation relative to the next
PRIOR = 0.1  # weight of the factor 1 relative to the largest remembered change
FACTORS = (0.3, 3.0)  # what learned factors are clipped to


@functools.cache
def _neighbourhood(shape: tuple[int, ...]) -> np.ndarray:
    """Half spectrum of the periodic Gaussian mean without its centre."""
    kernel = np.ones(shape)
    for axis, n in enumerate(shape):
        steps = np.minimum(np.arange(n), n - np.arange(n))
        weights = np.exp(-0.5 * (steps / NEIGHBOURS) ** 2)
        kernel = kernel * weights.reshape([-1 if other == axis else 1 for other in range(len(shape))])
    kernel[(0,) * len(shape)] = 0
    return np.fft.rfftn(kernel / kernel.sum()).real


def gains(cell: Float[Array, "p *grid"], jacobian: Float[Array, "k p *grid"], scales: Float[Array, "k p"]) -> Float[Array, "k p *grid"]:
    """Predicted change of each value if one voxel turns to phase q; zero where it is of that phase already.

    Args:
        cell: discrete phase fractions, 0 or 1.
        jacobian: derivative of each value with respect to the fractions at this cell.
        scales: how strongly each phase answers, per value.

    Returns:
        `(k, p, *grid)`.
    """
    shape = cell.shape[1:]
    axes = tuple(range(-len(shape), 0))
    own = jnp.tensordot(scales, cell, axes=1)  # (k, *grid)
    spectrum = jnp.fft.rfftn(own, axes=axes) * jnp.asarray(_neighbourhood(shape), own.dtype)
    around = jnp.maximum(jnp.fft.irfftn(spectrum, s=shape, axes=axes), 1e-6)
    new = scales.reshape(*scales.shape, *(1,) * len(shape))
    factor = (own + around)[:, None] / (new + around[:, None])
    change = jacobian - jnp.sum(jacobian * cell, axis=1, keepdims=True)
    shrink = jnp.where(jnp.max(scales, axis=1) > jnp.min(scales, axis=1), SHRINK, 1.0)  # alike phases (volume fractions): exact
    return shrink.reshape(-1, *(1,) * cell.ndim) * factor * change * (1 - cell)


def predict(
    value: Float[Array, " k"], gain: Float[Array, "k p *grid"], factors: Float[Array, "k two"], cell: Float[Array, "p *grid"]
) -> tuple[Float[Array, " k"], Float[Array, "k two"]]:
    """Values of another discrete cell, and the predicted gains and losses before the learned factors."""
    change = gain * cell
    axes = tuple(range(1, gain.ndim))
    parts = jnp.stack([jnp.sum(jnp.maximum(change, 0), axes), jnp.sum(jnp.minimum(change, 0), axes)], axis=1)
    return value + jnp.sum(factors * parts, axis=1), parts


def pull(gain: Float[Array, "k p *grid"], factors: Float[Array, "k two"]) -> Float[Array, "k p *grid"]:
    """Derivative of the prediction with respect to the fractions of the new cell."""
    shaped = factors.reshape(*factors.shape, *(1,) * (gain.ndim - 1))
    return gain * jnp.where(gain > 0, shaped[:, 0], shaped[:, 1])


class Factors:
    """The learned factors of gains and losses, `(k, 2)`.

    Example:
        >>> learned = Factors(1)
        >>> learned.observe(np.array([[0.1, 0.0]]), np.array([0.2]))  # twice the predicted gain
        >>> round(float(learned.values[0, 0]), 2)
        1.99
    """

    def __init__(self, count: int):
        self.values = np.ones((count, 2))
        self._seen: list[tuple[np.ndarray, np.ndarray]] = []

    def observe(self, parts: Float[np.ndarray, "k two"], change: Float[np.ndarray, " k"]) -> None:
        """Learn from one change: what was predicted, and what came."""
        self._seen.append((np.asarray(parts, float), np.asarray(change, float)))
        weights = MEMORY ** np.arange(len(self._seen))[::-1]
        for i in range(len(self.values)):
            rows = np.stack([w * seen[0][i] for w, seen in zip(weights, self._seen, strict=True)])
            wanted = np.array([w * seen[1][i] for w, seen in zip(weights, self._seen, strict=True)])
            ridge = (PRIOR * np.abs(rows).max()) ** 2
            if ridge > 0:
                solved = np.linalg.solve(rows.T @ rows + ridge * np.eye(2), rows.T @ wanted + ridge)
                self.values[i] = np.clip(solved, *FACTORS)


def decode_one(space: Any, latent: Array) -> Float[Array, "p *grid"]:
    """Phase fractions of one latent."""
    return space.decode(latent[None])[0]


def latent_rows(space: Any, latent: Array, rows: Float[Array, "k p *grid"]) -> Float[Array, "k *latent"]:
    """Rows of a derivative with respect to the fractions, pulled back through the decoder (straight through the threshold)."""
    _, back = jax.vjp(lambda z: decode_one(space, z), latent)
    return jax.vmap(lambda row: back(row)[0])(rows)
