"""Fitting the prior of the latents by expectation–maximisation in Fourier space."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import numpy_generator
from jaxmicro.generative.prior import RIDGE, LatentPrior, _component_terms

PSEUDO_COUNT = 4.0  # images' worth of the pooled covariance mixed into each component


def fit_prior(latents: Float[Array, "n c *coarse"], components: int, *, key: Array, rounds: int = 30) -> LatentPrior:
    """Fit a mixture of stationary Gaussian fields to encoded images.

    The start is a random assignment to the nearest of `components` images in the logarithm of the power spectra, so
    that families of different fineness and direction part at once.
    """
    z = np.asarray(latents, dtype=np.float64)
    components = max(1, min(components, len(z) // 8))
    spectra = np.moveaxis(np.fft.fftn(z, axes=tuple(range(2, z.ndim)), norm="ortho"), 1, -1)
    shares = _initial_shares(z, spectra, components, numpy_generator(key))
    prior = _maximise(spectra, shares)
    terms = jax.jit(_component_terms)
    stacked = jnp.asarray(z, dtype=jnp.float32)
    for _ in range(rounds if components > 1 else 0):
        squares, log_norms = terms(prior, stacked)
        scores = np.asarray(prior.log_weights + log_norms - 0.5 * squares, dtype=np.float64)
        new = np.exp(scores - scores.max(axis=1, keepdims=True))
        new /= new.sum(axis=1, keepdims=True)
        done = np.abs(new - shares).max() < 1e-3
        shares = new
        prior = _maximise(spectra, shares)
        if done:
            break
    return prior


def _initial_shares(z: np.ndarray, spectra: np.ndarray, components: int, rng: np.random.Generator) -> np.ndarray:
    """Hard k-means on channel means and coarse log power spectra."""
    means = z.mean(axis=tuple(range(2, z.ndim)))
    power = np.log(np.mean(np.abs(spectra) ** 2, axis=-1) + 1e-6).reshape(len(z), -1)
    features = np.concatenate([means / (means.std(axis=0) + 1e-9), power / (power.std() + 1e-9) / power.shape[1] ** 0.5 * 2], axis=1)
    centres = features[rng.permutation(len(z))[:components]]
    nearest = np.zeros(len(z), int)
    for _ in range(20):
        nearest = np.argmin(((features[:, None] - centres[None]) ** 2).sum(-1), axis=1)
        for index in range(components):
            if (nearest == index).any():
                centres[index] = features[nearest == index].mean(axis=0)
    return np.eye(components)[nearest]


def _maximise(spectra: np.ndarray, shares: np.ndarray) -> LatentPrior:
    """Means and covariances of each component from the shares of the images in it."""
    n, *coarse, channels = spectra.shape
    cells = int(np.prod(coarse))
    flat = spectra.reshape(n, cells, channels)
    level_samples = np.real(flat[:, 0]) / cells**0.5
    counts = shares.sum(axis=0)
    means = (shares.T @ level_samples) / np.maximum(counts, 1e-9)[:, None]
    pooled_mean = level_samples.mean(axis=0)
    means = np.where(counts[:, None] > 1e-6, means, pooled_mean)
    level = _covariances(level_samples[:, None], shares, means)[:, 0]
    covariance = _covariances(flat, shares, None)
    covariance = covariance.reshape(-1, *coarse, channels, channels)
    covariance[(slice(None), *[0] * len(coarse))] = _around_zero(covariance, len(coarse))
    factor = np.linalg.cholesky(covariance)
    as_float = lambda x: jnp.asarray(x, dtype=jnp.float32)  # noqa: E731
    return LatentPrior(
        log_weights=as_float(np.log((counts + 1e-3) / (counts + 1e-3).sum())),
        means=as_float(means),
        level=as_float(np.real(np.linalg.cholesky(level))),
        factor=as_float(np.stack([np.real(factor), np.imag(factor)])),
    )


def _covariances(samples: np.ndarray, shares: np.ndarray, means: np.ndarray | None) -> np.ndarray:
    """Covariances `(k, cells, c, c)`, each mixed with the pooled one and with a ridge."""
    counts = shares.sum(axis=0)
    centre = samples - samples.mean(axis=0) if means is not None else samples
    pooled = np.einsum("nfa,nfb->fab", centre, centre.conj()) / len(samples)
    sums = np.stack(
        [
            np.einsum("n,nfa,nfb->fab", share, shifted, shifted.conj())
            for share, shifted in ((shares[:, i], samples if means is None else samples - means[i]) for i in range(shares.shape[1]))
        ]
    )
    mixed = (sums + PSEUDO_COUNT * pooled) / (counts[:, None, None, None] + PSEUDO_COUNT)
    channels = samples.shape[-1]
    ridge = RIDGE * float(np.real(np.einsum("faa->", pooled))) / (channels * len(pooled)) + 1e-8
    return mixed + ridge * np.eye(channels)


def _around_zero(covariance: np.ndarray, ndim: int) -> np.ndarray:
    """Mean over the nearest non-zero frequencies, for interpolation onto larger grids."""
    neighbours = []
    for axis in range(ndim):
        for step in (1, -1):
            index = [0] * ndim
            index[axis] = step if covariance.shape[1 + axis] > 1 else 0
            neighbours.append(covariance[(slice(None), *index)])
    return np.mean(neighbours, axis=0)
