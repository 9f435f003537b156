"""`jaxmicro train`: a codec from a person's own pictures."""

from typing import Annotated, Any

import jax
import msgspec
import numpy as np
import tyro
from msgspec import Meta

from jaxmicro._core import split_named
from jaxmicro.cli.configs import Count, PictureOptions
from jaxmicro.cli.crops import Crops, cut_crops
from jaxmicro.cli.options import required
from jaxmicro.cli.reading import picture_files, read_microstructure
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, write_report
from jaxmicro.generative import Codec, CodecConfig, train
from jaxmicro.plotting import Card, DesignReportData


class Training(CodecConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Architecture and training of the codec; sizes in voxels."""

    phases: Annotated[int, Meta(ge=0)] = 0
    """Channels of the images; 0 takes the number of phases in the pictures."""
    periodic: bool = False
    """Whether the pictures themselves are periodic (crops of pictures are not)."""


class Config(PictureOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which pictures, how they are cut, and how the codec is trained."""

    images: tyro.conf.Positional[tuple[str, ...]] = ()
    """Pictures, saved cells, or folders of them; all with the same phases."""
    crop_size: Count = 64
    """Edge of the training images, in voxels; a multiple of the codec's factor (8 by default)."""
    crops: Count = 1024
    """Number of training images cut from the pictures at random places."""
    resume: bool = False
    """Continue an interrupted run in the folder --out, epoch by epoch."""
    training: Training = Training()


def run(config: Config, job: Job) -> None:
    """Read, cut, train with a checkpoint per epoch, and write the codec."""
    paths = picture_files(required(config, "images", "pictures or a folder of them"))
    keys = split_named(jax.random.key(config.seed), "crops", "train", "samples")
    pictures = []
    for path in paths:
        job.console.step(f"reading {path}")
        pictures.append(read_microstructure(path, config, job.console))
    crops = cut_crops(pictures, config.crop_size, config.crops, key=keys["crops"])
    architecture = codec_config(config.training, crops, pictures[0].grid.ndim)
    job.console.step(f"training on {len(crops.images)} crops, {architecture.epochs} epochs")
    with job.meter("training steps") as progress:
        codec = train(
            crops, architecture, key=keys["train"], progress=progress, checkpoint_dir=job.folder / "checkpoints", resume=job.resumed
        )
    codec.save(job.folder / "codec.safetensors")
    _note(job, codec)
    samples = np.asarray(codec.sample(12, key=keys["samples"], shape=crops.images.shape[1:]))
    write_report(job, _report_data(crops, codec, samples), _history(codec))
    job.console.result(f"codec: {job.final / 'codec.safetensors'}")


def codec_config(training: Training, crops: Crops, ndim: int) -> CodecConfig:
    """The codec's own configuration, with phases and dimension of the pictures."""
    given: dict[str, Any] = msgspec.to_builtins(training)
    return msgspec.convert(given | {"phases": training.phases or len(crops.phases), "ndim": ndim}, CodecConfig)


def _note(job: Job, codec: Codec) -> None:
    last = codec.history[-1]
    for name in last.__struct_fields__:
        job.metric(name, getattr(last, name))
    fields = list(last.__struct_fields__)
    job.table("epochs", fields, [[getattr(epoch, name) for name in fields] for epoch in codec.history])


def _report_data(crops: Crops, codec: Codec, samples: np.ndarray) -> DesignReportData:
    last = codec.history[-1]
    return DesignReportData(
        title="A codec and what it was trained on",
        subtitle=crops.description,
        key_figures=[
            Card("voxels decoded right", f"{100 * last.accuracy:.2f} %", note="of validation images, from their mean latent"),
            Card("volume fraction error", last.volume_fraction_error, note="mean absolute"),
            Card("two-point error", last.two_point_error, note="root mean square over all lags"),
        ],
        phase_names=crops.phases,
        data=list(crops.images[:200]) if crops.images.ndim == 3 else list(crops.images[:12]),
        samples=list(samples),
    )


def _history(codec: Codec) -> Table:
    names = ("epoch", "loss", "cross_entropy", "kl", "accuracy", "volume_fraction_error", "two_point_error")
    step = max(1, len(codec.history) // 20)
    kept = [*codec.history[::-1][::step]][::-1]
    rows = tuple(tuple(getattr(epoch, name) for name in names) for epoch in kept)
    return Table(
        "Training", tuple(name.replace("_", " ") for name in names), rows, "Nats per voxel; accuracy and errors on validation images."
    )
