"""What a codec is made of and how it is trained, in one frozen struct that files and command lines share."""

from typing import Annotated

import msgspec
from msgspec import Meta

Positive = Annotated[int, Meta(ge=1)]
Weight = Annotated[float, Meta(ge=0.0)]
Share = Annotated[float, Meta(ge=0.0, lt=1.0)]


class CodecConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Architecture and training of a codec.

    The image is cut into patches of `patch` voxels per axis, and every further entry of `widths` halves the
    resolution, so one latent cell stands for `factor` = patch · 2^(len(widths) − 1) voxels per axis.

    Args:
        phases: channels of the images, at least 2.
        ndim: space dimensions of the images, 2 or 3.
        latent_channels: numbers kept per latent cell.
        patch: edge of the first patches (voxels), a power of 2 so that the decoder can double up to it.
        widths: channels of the network per resolution, from fine to coarse.
        blocks: residual blocks per resolution, in the encoder and in the decoder each.
        epochs: passes through the training images.
        batch_size: images per step.
        learning_rate: peak of the cosine schedule.
        weight_decay: decoupled weight decay (AdamW).
        kl_weight: weight of the Kullback–Leibler term (nats per latent against nats per voxel, summed over an image).
        kl_warmup: share of the steps over which that weight rises from zero.
        free_bits: nats per latent channel and cell that cost nothing.
        sharpness_weight: weight of the excess of 4p(1 − p) over the data's.
        statistics_weight: weight of the errors of volume fractions and two-point correlations.
        surrogate_weight: weight of the errors of what is decoded from latents with scrambled phases (`losses.scramble`),
            which stand for samples: it makes samples sharp and gives them the two-point correlations of the data.
        surrogate_sharpness: weight of the sharpness of those within that term.
        ema_decay: decay per step of the running mean of the weights that the codec keeps; 0 keeps the last weights.
        periodic: the training images are periodic, so they may be rolled at random.
        flips: mirror images at random (only if their statistics do not care).
        rotations: turn images by 90° at random (square images only).
        validation: share of the images kept for validation.
        prior_components: Gaussian fields mixed in the prior of the latents.

    Raises:
        msgspec.ValidationError: for an unknown entry or a wrong type when read from a file (`msgspec.convert`).
        ValueError: for values that do not fit together.

    Example:
        >>> CodecConfig(patch=4, widths=(64, 96)).factor
        8
    """

    phases: Annotated[int, Meta(ge=2)] = 2
    ndim: Annotated[int, Meta(ge=2, le=3)] = 2
    latent_channels: Positive = 4
    patch: Positive = 4
    widths: tuple[Positive, ...] = (48, 96)
    blocks: Positive = 2
    epochs: Positive = 20
    batch_size: Positive = 32
    learning_rate: Annotated[float, Meta(gt=0.0)] = 2e-3
    weight_decay: Weight = 1e-4
    kl_weight: Weight = 0.3
    kl_warmup: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.1
    free_bits: Weight = 0.0
    sharpness_weight: Weight = 0.1
    statistics_weight: Weight = 1.0
    surrogate_weight: Weight = 1.0
    surrogate_sharpness: Weight = 0.5
    ema_decay: Share = 0.99
    periodic: bool = False
    flips: bool = False
    rotations: bool = False
    validation: Share = 0.1
    prior_components: Positive = 16

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("`widths` must name at least one resolution, but it is empty. Pass for example (48, 96).")
        if self.patch & (self.patch - 1):
            raise ValueError(f"`patch` must be a power of 2, but it is {self.patch}. Use 1, 2, 4 or 8.")

    @property
    def factor(self) -> int:
        """Voxels per latent cell along each axis."""
        return self.patch * 2 ** (len(self.widths) - 1)


def differing_entries(one: CodecConfig, other: CodecConfig) -> list[str]:
    """Names and values of the entries in which two configurations differ.

    Example:
        >>> differing_entries(CodecConfig(), CodecConfig(epochs=3))
        ['epochs (20 here, 3 there)']
    """
    return [
        f"{name} ({getattr(one, name)} here, {getattr(other, name)} there)"
        for name in one.__struct_fields__
        if getattr(one, name) != getattr(other, name)
    ]
