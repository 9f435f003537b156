"""How NSGA-II recombines latents that are fields.

Operators that treat every number by itself make noise that the decoder's smoothing removes again. These exchange whole regions
of two parents, and add noise of the space's own kind (the difference of two initial latents), so that offspring look like
cells.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation

WAVES = 3  # waves along each axis that draw the regions
STRENGTHS = (0.02, 0.5)  # of the noise, relative to the latent's standard deviation, drawn evenly in the logarithm


class RegionExchange(Crossover):
    """Two parents exchange random smooth regions; latents without space axes exchange random entries."""

    def __init__(self, latent_shape: tuple[int, ...], ndim: int):
        super().__init__(2, 2, prob=0.9)
        self.latent_shape, self.ndim = latent_shape, ndim

    def _do(self, problem: Any, X: np.ndarray, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:  # noqa: ARG002
        masks = np.stack([self._mask(random_state) for _ in range(X.shape[1])])
        return np.stack([np.where(masks, X[0], X[1]), np.where(masks, X[1], X[0])])

    def _mask(self, draws: Any) -> np.ndarray:
        if len(self.latent_shape) < self.ndim:
            return draws.random(int(np.prod(self.latent_shape))) < 0.5
        space = self.latent_shape[-self.ndim :]
        field = _waves(space, draws)
        return np.broadcast_to(field > np.quantile(field, draws.uniform(0.1, 0.9)), self.latent_shape).ravel()


class SpaceNoise(Mutation):
    """Noise drawn from differences of initial latents, in random proportion."""

    def __init__(self, pool: Float[np.ndarray, "n z"]):
        super().__init__(prob=0.9)
        self.pool = pool

    def _do(self, problem: Any, X: np.ndarray, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:  # noqa: ARG002
        first, second = random_state.integers(len(self.pool), size=(2, len(X)))
        noise = self.pool[first] - self.pool[second]
        size = np.sqrt((noise**2).mean(axis=1, keepdims=True))
        low, high = np.log(STRENGTHS)
        strength = np.exp(random_state.uniform(low, high, (len(X), 1))) * X.std(axis=1, keepdims=True)
        return np.clip(X + strength * noise / np.where(size > 0, size, 1.0), problem.xl, problem.xu)


def _waves(shape: tuple[int, ...], draws: Any) -> np.ndarray:
    """A smooth periodic random field of a few waves."""
    places = np.meshgrid(*[np.arange(n) / n for n in shape], indexing="ij")
    field = np.zeros(shape)
    for _ in range(6):
        wave = draws.integers(-WAVES, WAVES + 1, len(shape))
        field = field + draws.normal() * np.cos(2 * np.pi * (sum(k * x for k, x in zip(wave, places, strict=True)) + draws.random())) / (
            1 + np.abs(wave).sum()
        )
    return field + 1e-9 * draws.random(shape)
