"""What is recorded of a codec: one record per epoch, and how well images come back and samples look."""

import jax.numpy as jnp
import msgspec
from jaxtyping import Array, ArrayLike, Float

from jaxmicro.generative.losses import binariness, two_point, volume_fractions


class EpochMetrics(msgspec.Struct, frozen=True):
    """Means over one epoch of training, and over the validation images after it.

    Args:
        epoch: number of the epoch, from 1.
        loss: training loss.
        cross_entropy: its reconstruction part (nats per voxel).
        kl: Kullback–Leibler divergence (nats per image).
        accuracy: share of validation voxels whose most likely phase comes back.
        volume_fraction_error: mean absolute error of the volume fractions of validation images.
        two_point_error: root mean square error of their two-point correlations over all lags.
        binariness: mean 4p(1 − p) of the decoded validation images.
    """

    epoch: int
    loss: float
    cross_entropy: float
    kl: float
    accuracy: float
    volume_fraction_error: float
    two_point_error: float
    binariness: float


def compare(decoded: Float[ArrayLike, "n p *grid"], images: Float[ArrayLike, "n p *grid"]) -> dict[str, Float[Array, ""]]:
    """How well decoded images agree with the images that were encoded.

    Args:
        decoded: phase fractions `(n, p, *grid)`.
        images: those they should be, of the same shape.

    Returns:
        `accuracy` (share of voxels with the right most likely phase), `volume_fraction_error` (mean absolute),
        `two_point_error` (root mean square over all lags), `binariness` of the decoded images.

    Example:
        >>> image = jnp.array([[[[0.0, 1.0]], [[1.0, 0.0]]]])
        >>> float(compare(0.8 * image + 0.1, image)["accuracy"])
        1.0

    Differentiable except for the accuracy.
    """
    decoded, images = jnp.asarray(decoded), jnp.asarray(images)
    same = jnp.argmax(decoded, axis=1) == jnp.argmax(images, axis=1)
    return {
        "accuracy": jnp.mean(same, dtype=decoded.dtype),
        "volume_fraction_error": jnp.mean(jnp.abs(volume_fractions(decoded) - volume_fractions(images))),
        "two_point_error": jnp.sqrt(jnp.mean((two_point(decoded) - two_point(images)) ** 2)),
        "binariness": jnp.mean(binariness(decoded)),
    }
