"""A space whose searches may start from a known latent."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import record
from jaxmicro.design import LatentSpace


@record
class Nearby:
    """The latents of a codec, where a search for targets starts from `latent` if `weight` is 1, and from a draw if it is 0.

    One type for both, so that what is compiled for the first search serves those that continue it.
    """

    space: LatentSpace
    latent: Float[Array, "*latent"]
    weight: Float[Array, ""]

    @property
    def grid(self) -> Any:
        """The cell."""
        return self.space.grid

    @property
    def phases(self) -> int:
        """Number of phases."""
        return self.space.phases

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        return self.space.latent_shape

    @property
    def codec(self) -> Any:
        """The codec, for the names of its phases."""
        return self.space.codec

    def initial(self, n: int, key: Array) -> Float[Array, "n *latent"]:
        """The known latent where one is asked for, draws otherwise."""
        drawn = self.space.initial(n, key)
        return drawn if n > 1 else self.weight * self.latent[None] + (1 - self.weight) * drawn

    def decode(self, latents: Float[Array, "n *latent"]) -> Float[Array, "n p *grid"]:
        """Phase fractions of latents."""
        return self.space.decode(latents)

    def prior_distance(self, latents: Float[Array, "n *latent"]) -> Float[Array, " n"] | None:
        """Distance from the codec's prior."""
        return self.space.prior_distance(latents)


def anywhere(space: LatentSpace) -> Nearby:
    """The space with searches that start from draws."""
    dtype = space.grid.lengths.dtype
    return Nearby(space, jnp.zeros(space.latent_shape, dtype), jnp.zeros((), dtype))


def near(space: Nearby, latent: Any) -> Nearby:
    """The space with searches that start from a latent."""
    dtype = space.grid.lengths.dtype
    return Nearby(space.space, jnp.asarray(latent, dtype), jnp.ones((), dtype))
