"""What training minimises, and the same numbers as metrics of images against images."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float


def reconstruction(logits: Float[Array, "n p *grid"], images: Float[Array, "n p *grid"]) -> Float[Array, ""]:
    """Cross-entropy of phase fractions per voxel, −Σ_p x_p log softmax(logits)_p, less the entropy of the images."""
    cross = -jnp.sum(images * jax.nn.log_softmax(logits, axis=1), axis=1)
    entropy = -jnp.sum(jnp.where(images > 0, images * jnp.log(jnp.where(images > 0, images, 1.0)), 0.0), axis=1)
    return jnp.mean(cross - entropy)


def kl_divergence(mean: Float[Array, "n *coarse c"], log_std: Float[Array, "n *coarse c"], free_bits: float) -> Float[Array, ""]:
    """Σ over the latent of max(½(μ² + σ² − 1) − log σ, free bits), averaged over the images (nats).

    The free bits are granted to the batch mean of each channel, so they cannot be hoarded by single cells.
    """
    per_entry = 0.5 * (mean**2 + jnp.exp(2 * log_std) - 1) - log_std
    per_channel = jnp.mean(per_entry, axis=tuple(range(per_entry.ndim - 1)))
    cells = per_entry[0].size // per_entry.shape[-1]
    return cells * jnp.sum(jnp.maximum(per_channel, free_bits))


def binariness(images: Float[ArrayLike, "n p *grid"]) -> Float[Array, " n"]:
    """Mean of 2(1 − Σ_p x_p²) over the voxels: 4x(1 − x) for two phases; 0 where every voxel is one phase.

    Args:
        images: phase fractions `(n, p, *grid)`.

    Returns:
        One number in [0, 1] per image for two phases, `(n,)`.

    Example:
        >>> binariness(jnp.array([[[[0.5, 1.0]], [[0.5, 0.0]]]])).tolist()
        [0.5]

    Differentiable.
    """
    images = jnp.asarray(images)
    return 2 * jnp.mean(1 - jnp.sum(images**2, axis=1), axis=tuple(range(1, images.ndim - 1)))


def volume_fractions(images: Float[ArrayLike, "n p *grid"]) -> Float[Array, "n p"]:
    """Mean of each phase over the voxels, `(n, p)`.

    Example:
        >>> volume_fractions(jnp.array([[[[0.5, 1.0]], [[0.5, 0.0]]]])).tolist()
        [[0.75, 0.25]]

    Differentiable.
    """
    images = jnp.asarray(images)
    return jnp.mean(images, axis=tuple(range(2, images.ndim)))


def two_point(images: Float[ArrayLike, "n p *grid"]) -> Float[Array, "n p *grid"]:
    """Periodic two-point correlation of each phase, S2(h) = ⟨x(r) x(r + h)⟩, zero lag at index 0.

    Args:
        images: phase fractions `(n, p, *grid)`.

    Returns:
        Correlations `(n, p, *grid)` for all lags.

    Example:
        >>> stripes = jnp.eye(2)[jnp.array([[0, 1], [0, 1]])].transpose(2, 0, 1)[None]
        >>> two_point(stripes)[0, 1].tolist()
        [[0.5, 0.0], [0.5, 0.0]]

    Differentiable.
    """
    images = jnp.asarray(images)
    axes = tuple(range(2, images.ndim))
    spectrum = jnp.fft.rfftn(images, axes=axes)
    power = spectrum.real**2 + spectrum.imag**2
    return jnp.fft.irfftn(power, s=images.shape[2:], axes=axes) / images[0, 0].size


def short_runs(images: Float[Array, "n p *grid"]) -> Float[Array, "n p kinds"]:
    """How often a phase is met for one or two voxels only, along each axis: the density of its shortest chords.

    P(not k, k, not k) and P(not k, k, k, not k) for every phase k. Correlations of two points hardly see specks and
    halftones; these do.
    """
    kinds = []
    for axis in range(2, images.ndim):
        one, two, three = (jnp.roll(images, -shift, axis) for shift in (1, 2, 3))
        kinds.append((1 - images) * one * (1 - two))
        kinds.append((1 - images) * one * two * (1 - three))
    return jnp.stack([jnp.mean(kind, axis=tuple(range(2, images.ndim))) for kind in kinds], axis=-1)


def statistics(decoded: Float[Array, "n p *grid"], images: Float[Array, "n p *grid"]) -> Float[Array, ""]:
    """Mean absolute errors of the volume fractions, of the two-point correlations averaged with `lag_weights`, and of
    `short_runs` summed over their kinds.

    Absolute, not squared: the errors are a few hundredths, whose squares no weight in sight would feel.
    """
    volume = jnp.mean(jnp.abs(volume_fractions(decoded) - volume_fractions(images)))
    errors = jnp.mean(jnp.abs(two_point(decoded) - two_point(images)), axis=(0, 1))
    correlation = jnp.sum(errors * lag_weights(images.shape[2:]).astype(errors.dtype))
    runs = jnp.sum(jnp.mean(jnp.abs(short_runs(decoded) - short_runs(images)), axis=(0, 1)))
    return volume + correlation + runs


def lag_weights(grid: tuple[int, ...]) -> Float[np.ndarray, "*grid"]:
    """Weights ∝ 1 / (1 + |h|²/16) that sum to one: short lags hold the interfaces, but most lags are long."""
    lags = np.meshgrid(*[np.fft.fftfreq(size, 1 / size) for size in grid], indexing="ij")
    weights = 1 / (1 + np.sum(np.square(lags), axis=0) / 16)
    return weights / weights.sum()


def scramble(z: Float[Array, "n *coarse c"], key: Array) -> Float[Array, "n *coarse c"]:
    """Give every spatial frequency of a latent a random phase, the same for all channels.

    The result keeps the mean and all covariances of the latent: it is a draw of a Gaussian field with the latent's
    own spectrum, so what the decoder makes of it is what it will make of samples of the prior.
    """
    axes = tuple(range(1, z.ndim - 1))
    noise = jnp.fft.fftn(jax.random.normal(key, (*z.shape[:-1], 1), dtype=z.dtype), axes=axes)
    phase = noise / (jnp.abs(noise) + 1e-12)
    phase = phase.at[(slice(None), *[0] * len(axes))].set(1)
    return jnp.fft.ifftn(jnp.fft.fftn(z, axes=axes) * phase, axes=axes).real


def sharpness(decoded: Float[Array, "n p *grid"], images: Float[Array, "n p *grid"]) -> Float[Array, ""]:
    """Mean excess of `binariness` over that of the images: blur is punished, true mixtures are not."""
    return jnp.mean(jax.nn.relu(binariness(decoded) - binariness(images)))
