"""The codec: images ↔ latents, samples, and how far a latent is from what the codec has seen."""

from collections.abc import Mapping, Sequence
from functools import partial
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro._core.keys import check_key
from jaxmicro.generative import files
from jaxmicro.generative import prior as priors
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.images import as_images
from jaxmicro.generative.network import assemble


@partial(jax.jit, static_argnames="config")
def _means(weights: Any, images: Float[Array, "n p *grid"], config: CodecConfig) -> Float[Array, "n c *coarse"]:
    mean, _ = assemble(config, weights).encoder(jnp.moveaxis(images, 1, -1))
    return jnp.moveaxis(mean, -1, 1)


@partial(jax.jit, static_argnames="config")
def _logits(weights: Any, z: Float[Array, "n c *coarse"], config: CodecConfig) -> Float[Array, "n p *grid"]:
    return jnp.moveaxis(assemble(config, weights).decoder(jnp.moveaxis(z, 1, -1)), -1, 1)


class _Card:
    """What rides along: equal to every other card, so that it never causes a recompilation."""

    def __init__(self, entries: Mapping[str, Any], history: tuple):
        self.entries, self.history = dict(entries), history

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Card)

    def __hash__(self) -> int:
        return 0


@jax.tree_util.register_pytree_node_class
class Codec:
    """A trained network between phase-fraction images and latents.

    A pytree: weights and prior are leaves, the configuration is static; card and history ride along and are no part
    of the tree structure. So a codec may be closed over by a jitted function or passed to it, and every method works
    under `jit`, `grad` and `vmap`.

    Weights are float32. A float64 image or latent is computed in float64 (the weights are promoted), and the result
    has the dtype of the input: `jax.grad` through `decode` is exact to the precision of the user's own graph.

    Attributes:
        config: the `CodecConfig`.
        card: dictionary with the names of the phases, the training data, metrics and versions.
        history: one `EpochMetrics` per epoch of training.

    Example:
        >>> codec = load("two-phase-64")
        >>> codec.decode(jnp.zeros((1, *codec.latent_shape((64, 64))))).shape
        (1, 2, 64, 64)

    Differentiable in images and latents.
    """

    def __init__(
        self, weights: Any, prior: priors.LatentPrior, config: CodecConfig, card: Mapping[str, Any] | None = None, history: tuple = ()
    ):
        self.weights, self.prior, self.config = weights, prior, config
        self._card = _Card(card or {}, history)

    def tree_flatten(self) -> tuple[tuple, tuple]:
        """Split into leaves and static structure."""
        return (self.weights, self.prior), (self.config, self._card)

    @classmethod
    def tree_unflatten(cls, static: tuple, leaves: Sequence) -> "Codec":
        """Rebuild without checks."""
        codec = object.__new__(cls)
        codec.weights, codec.prior = leaves
        codec.config, codec._card = static
        return codec

    @property
    def card(self) -> dict[str, Any]:
        """Names of the phases, training data, metrics, versions."""
        return self._card.entries

    @property
    def history(self) -> tuple:
        """Metrics of each epoch of the training."""
        return self._card.history

    @property
    def phases(self) -> tuple[str, ...]:
        """Names of the phases in the order of the channels."""
        return tuple(self.card.get("phases", [f"phase {i}" for i in range(self.config.phases)]))

    @property
    def factor(self) -> int:
        """Voxels per latent cell along each axis."""
        return self.config.factor

    def __repr__(self) -> str:
        c = self.config
        return f"Codec(phases={self.phases}, ndim={c.ndim}, factor={c.factor}, latent_channels={c.latent_channels})"

    def latent_shape(self, shape: Any = None) -> tuple[int, ...]:
        """Shape `(c, *coarse)` of the latent of one image.

        Args:
            shape: voxels of the image: a `Grid`, a tuple or one number for all axes; by default that of the training images.

        Raises:
            ValueError: where a size is not a multiple of the factor.

        Example:
            >>> load("two-phase-64").latent_shape(128)[1:]
            (16, 16)
        """
        return (self.config.latent_channels, *self._coarse(self._grid_shape(shape)))

    def encode(self, images: Any) -> Float[Array, "n c *coarse"]:
        """Latents of images: the mean of the encoder's Gaussian.

        Args:
            images: phase fractions `(n, p, *grid)`, integer labels `(n, *grid)`, or microstructures; each size of the
                grid a multiple of the factor.

        Returns:
            `(n, c, *coarse)`, in the dtype of the images.

        Raises:
            ValueError: for wrong channels, sizes, or values outside [0, 1].

        Example:
            >>> load("two-phase-64").encode(np.zeros((3, 64, 64), int)).shape[0]
            3

        Differentiable in the fractions.
        """
        images = as_images(images, phases=self.config.phases, ndim=self.config.ndim)
        self._coarse(images.shape[2:])
        return _means(self.weights, images, self.config)

    def logits(self, z: Float[ArrayLike, "n c *coarse"]) -> Float[Array, "n p *grid"]:
        """Decoded logits, before the softmax over the phases."""
        return _logits(self.weights, self._check_latent(z), self.config)

    def decode(self, z: Float[ArrayLike, "n c *coarse"]) -> Float[Array, "n p *grid"]:
        """Images of latents: phase fractions in [0, 1] that sum to one over the channels, periodic.

        Args:
            z: latents `(n, c, *coarse)` on a latent grid of any size.

        Returns:
            `(n, p, *grid)` with `grid = factor · coarse`, in the dtype of `z`.

        Raises:
            ValueError: for a wrong number of axes or channels.

        Example:
            >>> codec = load("two-phase-64")
            >>> z = jnp.zeros(codec.latent_shape(64))
            >>> jax.grad(lambda z: codec.decode(z[None])[0, 1].mean())(z).shape == z.shape
            True

        Differentiable in `z` to any order.
        """
        return jax.nn.softmax(self.logits(z), axis=1)

    def sample_latents(self, n: int, *, key: Array, shape: Any = None, dtype: Any = jnp.float32) -> Float[Array, "n c *coarse"]:
        """Draw latents from the prior, for images of `shape` (by default that of the training images)."""
        check_key(key)
        check(n >= 1, f"`n` must be at least 1, but it is {n}.")
        return priors.sample(self.prior, n, self.latent_shape(shape)[1:], key=key, dtype=dtype)

    def sample(self, n: int, *, key: Array, shape: Any = None) -> Float[Array, "n p *grid"]:
        """Draw images: latents from the prior, decoded.

        Args:
            n: number of images.
            key: typed random key.
            shape: voxels of the images, by default that of the training images.

        Returns:
            `(n, p, *grid)`.

        Raises:
            ValueError: where a size is not a multiple of the factor.

        Example:
            >>> load("two-phase-64").sample(2, key=jax.random.key(0), shape=(32, 64)).shape
            (2, 2, 32, 64)

        Differentiable in the weights and the prior (all but the choice of the component).
        """
        return self.decode(self.sample_latents(n, key=key, shape=shape))

    def prior_distance(self, z: Float[ArrayLike, "n c *coarse"]) -> Float[Array, " n"]:
        """Mahalanobis distance of latents from the prior, per square root of their numbers, `(n,)`.

        About 1 for latents of training images and samples; 0 at a mean of the prior; the larger, the further a design
        is from what the codec has seen. A mixture's distance is averaged with the components' responsibilities.

        Example:
            >>> codec = load("two-phase-64")
            >>> z = codec.sample_latents(4, key=jax.random.key(0))
            >>> bool((codec.prior_distance(3 * z) > codec.prior_distance(z)).all())
            True

        Differentiable in `z`.
        """
        return priors.distance(self.prior, self._check_latent(z))

    def log_prior(self, z: Float[ArrayLike, "n c *coarse"]) -> Float[Array, " n"]:
        """Logarithm of the prior density of latents, `(n,)`; differentiable."""
        return priors.log_density(self.prior, self._check_latent(z))

    def save(self, path: str | PathLike) -> None:
        """Write weights, prior, configuration and card into one `.safetensors` file, for `load`.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     load("two-phase-64").save(f"{folder}/mine.safetensors")
            ...     load(f"{folder}/mine.safetensors").phases
            ('phase 0', 'phase 1')
        """
        files.save(self, path)

    def _check_latent(self, z: Float[ArrayLike, "n c *coarse"]) -> Float[Array, "n c *coarse"]:
        z = as_float_array("z", z)
        c, d = self.config.latent_channels, self.config.ndim
        check(
            z.ndim == d + 2 and z.shape[1] == c,
            f"`z` must have shape (n, {c}, *coarse) with {d} space axes, but its shape is {tuple(z.shape)}. Add a leading axis to a single latent (z[None]).",
        )
        return z

    def _grid_shape(self, shape: Any) -> tuple[int, ...]:
        if shape is None:
            return tuple(size * self.factor for size in self.prior.factor.shape[2:-2])
        shape = getattr(shape, "shape", shape)
        return (shape,) * self.config.ndim if isinstance(shape, int) else tuple(int(size) for size in shape)

    def _coarse(self, shape: Sequence[int]) -> tuple[int, ...]:
        d, factor = self.config.ndim, self.factor
        check(len(shape) == d, f"`shape` must have {d} space axes for this codec, but it is {tuple(shape)}.")
        check(
            all(size > 0 and size % factor == 0 for size in shape),
            f"`shape` must be a multiple of the codec's factor {factor} along every axis, but it is {tuple(shape)}. "
            f"Crop to {tuple(max(size // factor, 1) * factor for size in shape)}, or tile and crop.",
        )
        return tuple(size // factor for size in shape)
