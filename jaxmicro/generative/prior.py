"""A prior for spatial latents: a mixture of stationary Gaussian fields measured on the encoded training images.

A codec whose weak Kullback–Leibler term lets it keep detail does not fill N(0, 1): neighbouring latent cells are
correlated and families of microstructures (fine, coarse, directional, inclusions) differ in that correlation. Each
component of this prior is a periodic Gaussian field with its own mean and its own covariance per spatial frequency,

    z(x) = mean + Σ_k exp(2πi k·x) L(k) w(k),    w white,    S(k) = L(k) L(k)ᴴ  (c, c),

fitted by expectation–maximisation. Sampling costs one FFT, the density is exact, both are invariant under shifts, and
the covariance is interpolated between frequencies for grids of another size. The mean over space is a number of the
sample (it carries the volume fraction), so its spread does not shrink on larger grids.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import record, split_named

RIDGE = 1e-4  # share of the mean variance added to every covariance, so that all are positive definite


@record
class LatentPrior:
    """Mixture of `k` stationary Gaussian fields over latents `(c, *coarse)`.

    Attributes:
        log_weights: logarithms of the shares of the components, `(k,)`.
        means: mean latent vector of each component, `(k, c)`.
        level: Cholesky factors of the covariance of a sample's spatial mean, `(k, c, c)`.
        factor: real and imaginary part of L(k), `(2, k, *coarse, c, c)`; zero frequency holds its neighbours' mean.
    """

    log_weights: Float[Array, " k"]
    means: Float[Array, "k c"]
    level: Float[Array, "k c c"]
    factor: Float[Array, "two k *coarse c c"]


@partial(jax.jit, static_argnames=("n", "coarse", "dtype"))
def sample(prior: LatentPrior, n: int, coarse: tuple[int, ...], *, key: Array, dtype: Any = jnp.float32) -> Float[Array, "n c *coarse"]:
    """Draw `n` latents on a latent grid of any size."""
    keys = split_named(key, "component", "noise", "level")
    channels = prior.means.shape[1]
    which = jax.random.categorical(keys["component"], prior.log_weights, shape=(n,))
    factor = _factors(prior, coarse, dtype)
    axes = tuple(range(1, 1 + len(coarse)))
    noise = jnp.fft.fftn(jax.random.normal(keys["noise"], (n, *coarse, channels), dtype=dtype), axes=axes, norm="ortho")
    field = jnp.einsum("n...ab,n...b->n...a", factor[which], noise)
    field = field.at[(slice(None), *[0] * len(coarse))].set(0)
    field = jnp.fft.ifftn(field, axes=axes, norm="ortho").real
    shift = jnp.einsum("nab,nb->na", prior.level.astype(dtype)[which], jax.random.normal(keys["level"], (n, channels), dtype=dtype))
    mean = prior.means.astype(dtype)[which] + shift
    return jnp.moveaxis(field + jnp.expand_dims(mean, axes), -1, 1).astype(dtype)


@jax.jit
def log_density(prior: LatentPrior, z: Float[Array, "n c *coarse"]) -> Float[Array, " n"]:
    """Logarithm of the prior density of each latent."""
    squares, log_norms = _component_terms(prior, z)
    return jax.nn.logsumexp(prior.log_weights + log_norms - 0.5 * squares, axis=-1)


@jax.jit
def distance(prior: LatentPrior, z: Float[Array, "n c *coarse"]) -> Float[Array, " n"]:
    """Root mean square Mahalanobis distance per latent number, averaged over the components by responsibility.

    About 1 for latents of the training images and of samples, 0 at the mean, well above 1 for an extrapolation.
    """
    squares, log_norms = _component_terms(prior, z)
    shares = jax.nn.softmax(prior.log_weights + log_norms - 0.5 * squares, axis=-1)
    mean_square = jnp.sum(shares * squares, axis=-1) / z[0].size
    positive = mean_square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, mean_square, 1.0)), 0.0)


def _component_terms(prior: LatentPrior, z: Float[Array, "n c *coarse"]) -> tuple[Float[Array, "n k"], Float[Array, "one k"]]:
    """Squared Mahalanobis distances and log normalisations under every component."""
    coarse, channels = z.shape[2:], z.shape[1]
    cells = int(np.prod(coarse))
    axes = tuple(range(1, 1 + len(coarse)))
    spectrum = jnp.fft.fftn(jnp.moveaxis(z, 1, -1), axes=axes, norm="ortho").reshape(z.shape[0], cells, channels)
    mean = spectrum[:, 0].real / cells**0.5
    spectrum = spectrum[:, 1:]
    factor = _factors(prior, coarse, z.dtype).reshape(-1, cells, channels, channels)[:, 1:]

    def one(means: Array, level: Array, factor: Array) -> tuple[Array, Array]:
        offset = (mean - means) @ jnp.linalg.inv(level).T
        white = jnp.einsum("fab,nfb->nfa", jnp.linalg.inv(factor), spectrum)
        squares = jnp.sum(offset**2, axis=-1) + jnp.sum(white.real**2 + white.imag**2, axis=(1, 2))
        logs = jnp.sum(jnp.log(jnp.diagonal(level))) + jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1).real))
        return squares, -logs - 0.5 * cells * channels * jnp.log(2 * jnp.pi) - 0.5 * channels * jnp.log(1.0 * cells)

    squares, log_norms = jax.lax.map(lambda item: one(*item), (prior.means.astype(z.dtype), prior.level.astype(z.dtype), factor))
    return squares.T, log_norms[None].astype(z.dtype)


def _factors(prior: LatentPrior, coarse: tuple[int, ...], dtype) -> Array:
    """Complex factors L(k) `(k, *coarse, c, c)` on a latent grid of any size."""
    factor = jax.lax.complex(prior.factor[0].astype(dtype), prior.factor[1].astype(dtype))
    if factor.shape[1:-2] == coarse:
        return factor
    covariance = factor @ jnp.conj(jnp.swapaxes(factor, -1, -2))
    for axis, size in enumerate(coarse):
        covariance = _resample(covariance, size, axis + 1)
    return jnp.linalg.cholesky(covariance)


def _resample(covariance: Array, size: int, axis: int) -> Array:
    """Linear interpolation along one periodic frequency axis (it keeps covariances positive)."""
    old = covariance.shape[axis]
    position = np.fft.fftfreq(size) * old
    low = np.floor(position + 1e-9).astype(int)
    share = jnp.asarray(position - low, dtype=covariance.real.dtype)
    share = jnp.expand_dims(share, [a for a in range(covariance.ndim) if a != axis])
    return (1 - share) * jnp.take(covariance, low % old, axis=axis) + share * jnp.take(covariance, (low + 1) % old, axis=axis)
