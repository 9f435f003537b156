"""Images ↔ latent vectors.

In:  phase-fraction images `(n, p, *grid)`, label images, microstructures.
Out: a `Codec` (`train`, or `load` a shipped or saved one): encode, decode, sample, distance to what it has seen;
     `interpolate` between latents; losses and metrics.
Add one: a new codec is one file with a class of the same methods as `Codec`, one export line here, and one row in
     the conformance table of `tests/generative`.
"""

from jaxmicro.generative.codec import Codec
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.files import save
from jaxmicro.generative.images import as_images, one_hot
from jaxmicro.generative.latent import interpolate
from jaxmicro.generative.loading import load, pretrained_names
from jaxmicro.generative.losses import binariness, two_point, volume_fractions
from jaxmicro.generative.metrics import EpochMetrics, compare
from jaxmicro.generative.prior import LatentPrior
from jaxmicro.generative.training import train

__all__ = [
    "Codec",
    "CodecConfig",
    "EpochMetrics",
    "LatentPrior",
    "as_images",
    "binariness",
    "compare",
    "interpolate",
    "load",
    "one_hot",
    "pretrained_names",
    "save",
    "train",
    "two_point",
    "volume_fractions",
]
