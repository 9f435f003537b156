"""How the shipped codec `two-phase-64` was made; the same key makes it again:

    python -m jaxmicro.datasets.shipped two-phase-64.safetensors

It takes some ten minutes on two idle cores. The card in the file holds what is measured at the end on cells that the
training has not seen.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import Progress, silent, split_named
from jaxmicro.datasets.image_set import ImageSet
from jaxmicro.datasets.synthetic import packings, random_fields, synthetic
from jaxmicro.fields import Grid
from jaxmicro.generative import Codec, CodecConfig, binariness, compare, save, train, two_point, volume_fractions
from jaxmicro.generative.losses import short_runs

CONFIG = CodecConfig(latent_channels=4, patch=4, widths=(32, 64), blocks=2, epochs=9, batch_size=32, periodic=True, flips=True)
CELLS, TEST_CELLS, SEED = 4000, 400, 2026
LAGS = (1, 2, 4, 8, 16)


def two_phase_cells(n: int, *, key: Array) -> ImageSet:
    """Seven of ten cells are thresholded Gaussian random fields, three are discs without overlap; 64 × 64 voxels.

    Fields: correlation length 3.5 to 11 voxels (covariance exp(−r²/2ℓ²)), ratio of the axes 1 to 3 in any direction,
    volume fraction 0.15 to 0.85. Discs: radius 4 to 10 voxels, spread 0 to 30 %, at least a voxel apart, share 0.15 to 0.5, either phase.
    """
    grid = Grid((64, 64))
    return synthetic(
        n, [random_fields(grid), packings(grid)], shares=(0.7, 0.3), key=key, description="random fields (70 %) and discs (30 %), 64 x 64"
    )


def make_two_phase_64(path: str | Path, *, progress: Progress = silent, cells: int = CELLS, config: CodecConfig = CONFIG) -> Codec:
    """Make the data, train, measure on unseen cells, and write the codec in half precision."""
    keys = split_named(jax.random.key(SEED), "cells", "test", "train", "samples")
    codec = train(two_phase_cells(cells, key=keys["cells"]), config, key=keys["train"], progress=progress)
    unseen = two_phase_cells(TEST_CELLS, key=keys["test"]).images.astype(jnp.float32)
    codec.card["metrics"] = measured(codec, unseen, key=keys["samples"])
    save(codec, path, half=True)
    return codec


def measured(codec: Codec, images: Float[Array, "n p *grid"], *, key: Array) -> dict[str, float | list[float]]:
    """Reconstruction of unseen images, and samples against them: means and standard deviations over the cells.

    `autocovariance` is (S2(h) − v²) / (v − v²) of the second phase along the axes at the lags `LAGS`, of binarised
    samples: 1 at lag 0, 0 where nothing is left of the order. `short_runs` is the density of chords of one or two voxels.
    """
    z = codec.encode(images)
    found: dict[str, float | list[float]] = {f"reconstruction_{k}": float(v) for k, v in compare(codec.decode(z), images).items()}
    soft = codec.sample(len(images), key=key, shape=images.shape[2:])
    sharp = (soft == soft.max(axis=1, keepdims=True)).astype(soft.dtype)
    found["sample_binariness"] = float(binariness(soft).mean())
    found["prior_distance_99_percent"] = float(np.quantile(np.asarray(codec.prior_distance(z)), 0.99))
    for name, these in (("data", images), ("sample", sharp)):
        share, order = np.asarray(volume_fractions(these)[:, 1]), autocovariance(these)
        found[f"{name}_short_runs"] = float(short_runs(these).sum(axis=-1).mean())
        found[f"{name}_volume_fraction"] = [float(share.mean()), float(share.std())]
        found[f"{name}_autocovariance_mean"] = order.mean(axis=0).tolist()
        found[f"{name}_autocovariance_std"] = order.std(axis=0).tolist()
    return found


def autocovariance(images: Float[Array, "n p *grid"], lags: tuple[int, ...] = LAGS) -> np.ndarray:
    """Normalised autocovariance of the second phase at a few lags, averaged over the two axes, `(n, lags)`."""
    share = np.asarray(volume_fractions(images)[:, 1])[:, None]
    s2 = np.asarray(two_point(images)[:, 1])
    along = np.stack([(s2[:, lag, 0] + s2[:, 0, lag]) / 2 for lag in lags], axis=1)
    return (along - share**2) / np.maximum(share * (1 - share), 1e-6)


def _report(done: int, total: int, values: Mapping[str, float]) -> None:
    if done % 100 == 0 or done == total:
        sys.stderr.write(f"step {done} of {total}, loss {values['loss']:.4f}\n")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "two-phase-64.safetensors")
    for entry, value in make_two_phase_64(target, progress=_report).card["metrics"].items():
        sys.stdout.write(f"{entry}: {value}\n")
