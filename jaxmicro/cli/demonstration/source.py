"""Where the demo's cells come from: the shipped codec and its recipe, or a person's picture and a codec trained on it."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Int

from jaxmicro._core import split_named
from jaxmicro.cli.demonstration.picture import fit_scale
from jaxmicro.cli.demonstration.settings import Effort
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, training_table
from jaxmicro.datasets import crops
from jaxmicro.datasets.shipped import two_phase_cells
from jaxmicro.fields import Grid
from jaxmicro.generative import Codec, train
from jaxmicro.microstructures import Microstructure, crop

SHIPPED = "two-phase-64"
HELD_BACK = 0.3  # share of a picture from which only targets are taken, where there is room


@dataclasses.dataclass(frozen=True)
class Source:
    """A codec, cells of the kind it was trained on, and cells it has not seen.

    Attributes:
        codec: the codec.
        data: labels of cells like the training data, (n, *grid).
        unseen: labels of cells that were not trained on, (m, *grid).
        names: of the two phases.
        spacing: edge of a voxel.
        title: of the report.
        summary: what a reader should know about the cells.
        tables: for the report.
        picture: the picture that was read, if there is one.
    """

    codec: Codec
    data: Int[np.ndarray, "n *grid"]
    unseen: Int[np.ndarray, "m *grid"]
    names: tuple[str, ...]
    spacing: float
    title: str
    summary: str
    tables: tuple[Table, ...] = ()
    picture: Microstructure | None = None

    @property
    def grid(self) -> Grid:
        """The cell."""
        shape = self.data.shape[1:]
        return Grid(shape, tuple(self.spacing * n for n in shape))


def shipped_source(codec: Codec, effort: Effort, seed: int, job: Job) -> Source:
    """The shipped codec, with fresh cells from the recipe of its training data."""
    keys = split_named(jax.random.key(seed), "data", "unseen")
    job.console.step("making cells by the recipe of its training data")
    data = two_phase_cells(effort.shown, key=keys["data"])
    unseen = two_phase_cells(max(effort.cells, 8), key=keys["unseen"])
    return Source(
        codec=codec,
        data=_labels(data.images),
        unseen=_labels(unseen.images),
        names=codec.phases,
        spacing=1.0,
        title="Designed microstructures",
        summary=f"Cells come from the codec {SHIPPED}, which ships with the package. It was trained on {data.description}. "
        "The data shown here and the cells that the targets were taken from are fresh draws from the same recipe: the codec has not seen them.",
    )


def picture_source(picture: Microstructure, effort: Effort, seed: int, job: Job) -> Source:
    """A codec trained on crops of a picture of two phases; targets are taken from a part of it that was held back."""
    ms, size = fit_scale(picture, job.console)
    keys = split_named(jax.random.key(seed), "crops", "unseen", "train")
    training, held_back, note = _split(ms, size)
    data = crops(training, size, effort.crops, key=keys["crops"])
    unseen = crops(held_back, size, max(effort.cells, 8), key=keys["unseen"])
    job.console.step(f"training a codec on {len(data)} crops of {size} x {size} voxels, {effort.training.epochs} epochs")
    with job.meter("training steps") as progress:
        codec = train(data, effort.training, key=keys["train"], progress=progress)
    codec.save(job.folder / "codec.safetensors")
    job.metric("codec, voxels decoded right", codec.history[-1].accuracy)
    return Source(
        codec=codec,
        data=_labels(data.images[: effort.shown]),
        unseen=_labels(unseen.images),
        names=tuple(phase.name for phase in ms.phases),
        spacing=float(np.asarray(ms.grid.spacing)[0]),
        title="Microstructures designed from a micrograph",
        summary="\n\n".join(
            [
                f"A codec was trained on {data.description}. {note}",
                *ms.notes,
                "Crops of a picture are not periodic; what the codec decodes is.",
            ]
        ),
        tables=(training_table(codec.history),),
        picture=ms,
    )


def _split(ms: Microstructure, size: int) -> tuple[Microstructure, Microstructure, str]:
    """A part to train on and a part held back, along the longer axis, where both hold enough cells."""
    axis = int(np.argmax(ms.grid.shape))
    length = ms.grid.shape[axis]
    kept = length - max(size + 8, round(HELD_BACK * length))
    if kept < 2 * size:
        return ms, ms, "The picture is too small to hold a part back: the targets were taken from crops that the codec may have seen."
    windows = [[(0, n) for n in ms.grid.shape] for _ in range(2)]
    windows[0][axis], windows[1][axis] = (0, kept), (kept, length)
    note = f"The last {length - kept} of {length} voxels along {'xy'[axis]} were held back; the targets were taken from there."
    return crop(ms, windows[0]), crop(ms, windows[1]), note


def _labels(images: jax.Array) -> Int[np.ndarray, "n *grid"]:
    return np.argmax(np.asarray(images), axis=1).astype(np.int32)
