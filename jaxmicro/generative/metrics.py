"""What is recorded of a codec: one record per epoch, and how well images come back and samples look."""

import jax.numpy as jnp
import msgspec
from jaxtyping import Array, Float

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


def compare(decoded: Float[Array, "n p *grid"], images: Float[Array, "n p *grid"]) -> dict[str, Float[Array, ""]]:
    """How well decoded images agree with the images that were encoded."""
    same = jnp.argmax(decoded, axis=1) == jnp.argmax(images, axis=1)
    return {
        "accuracy": jnp.mean(same, dtype=decoded.dtype),
        "volume_fraction_error": jnp.mean(jnp.abs(volume_fractions(decoded) - volume_fractions(images))),
        "two_point_error": jnp.sqrt(jnp.mean((two_point(decoded) - two_point(images)) ** 2)),
        "binariness": jnp.mean(binariness(decoded)),
    }
