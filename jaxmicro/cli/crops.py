"""Square pieces of pictures, cut at random places, for training."""

from collections.abc import Sequence

import numpy as np
from jax import Array

from jaxmicro._core import numpy_generator
from jaxmicro.cli.problems import UsageError
from jaxmicro.microstructures import Microstructure

LEAST_PLACES = 16  # fewer places than this are no sample of anything


class Crops:
    """Labels cut from pictures, with what `generative.train` asks a dataset for.

    Attributes:
        images: labels, (n, *window).
        phases: names of the phases.
        description: where they come from.
    """

    def __init__(self, images: np.ndarray, phases: tuple[str, ...], description: str):
        self.images, self.phases, self.description = images, phases, description


def cut_crops(pictures: Sequence[Microstructure], size: int, count: int, *, key: Array) -> Crops:
    """Cut `count` windows of `size` voxels a side, in turn from each picture, with at least two phases where possible.

    Raises:
        ValueError: where a picture is too small, or pictures disagree about their phases.
    """
    names = tuple(phase.name for phase in pictures[0].phases)
    for ms in pictures:
        found = tuple(phase.name for phase in ms.phases)
        if found != names:
            raise UsageError(
                f"all pictures must have the same phases, but one has {list(found)} and the first {list(names)}. Name them with --phases."
            )
        places = np.prod([n - size + 1 for n in ms.grid.shape]) if min(ms.grid.shape) >= size else 0
        if places < LEAST_PLACES:
            raise UsageError(
                f"`crop_size` must leave room for different crops, but it is {size} for a picture of {' x '.join(map(str, ms.grid.shape))} voxels. "
                "Pass a smaller crop size or a larger picture."
            )
    draw = numpy_generator(key)
    labels = [np.asarray(ms.labels) for ms in pictures]
    images = np.stack([_window(labels[index % len(labels)], size, draw) for index in range(count)])
    sources = ", ".join(dict.fromkeys(ms.provenance for ms in pictures if ms.provenance))
    return Crops(images, names, f"{count} random crops of {size} voxels a side; {sources}"[:500])


def _window(labels: np.ndarray, size: int, draw: np.random.Generator) -> np.ndarray:
    corner = [int(draw.integers(n - size + 1)) for n in labels.shape]
    return labels[tuple(slice(low, low + size) for low in corner)].astype(np.int32)
