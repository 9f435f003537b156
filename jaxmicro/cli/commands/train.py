"""`jaxmicro train`: a codec from a person's own pictures."""

from typing import Annotated, Any

import jax
import msgspec
import numpy as np
import tyro
from msgspec import Meta

from jaxmicro._core import split_named
from jaxmicro.cli.configs import PictureOptions
from jaxmicro.cli.options import required
from jaxmicro.cli.reading import picture_files, read_microstructure
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import training_table, write_report
from jaxmicro.datasets import ImageSet, crops
from jaxmicro.generative import Codec, CodecConfig, train
from jaxmicro.plotting import Card, DesignReportData

SHOWN = 200  # training images kept for the report's comparison


class Training(CodecConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Architecture and training of the codec; sizes in voxels."""

    phases: Annotated[int, Meta(ge=0)] = 0
    """Channels of the images; 0 takes the number of phases in the pictures."""
    periodic: bool = False
    """Whether the training images are periodic; crops of pictures are not."""


class Config(PictureOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which pictures, how they are cut, and how the codec is trained."""

    images: tyro.conf.Positional[tuple[str, ...]] = ()
    """Pictures, saved cells, or folders of them; all with the same phases."""
    crop_size: Annotated[int, Meta(ge=2)] = 64
    """Edge of the training images, in voxels; a multiple of the codec's factor (8 by default)."""
    crops: Annotated[int, Meta(ge=2)] = 1024
    """Number of training images cut from the pictures at random places."""
    resume: bool = False
    """Continue an interrupted run in the folder --out, epoch by epoch, with the configuration kept there. Not from a file."""
    training: Training = Training()


def run(config: Config, job: Job) -> None:
    """Read, cut, train with a checkpoint per epoch, and write the codec."""
    paths = picture_files(required(config, "images", "pictures or a folder of them"))
    keys = split_named(jax.random.key(config.seed), "crops", "train", "samples")
    maps = []
    for path in paths:
        job.console.step(f"reading {path}")
        maps.append(read_microstructure(path, config, job.console))
    data = crops(maps, config.crop_size, config.crops, key=keys["crops"])
    architecture = codec_config(config.training, data)
    job.console.step(f"training on {len(data)} crops, {architecture.epochs} epochs")
    with job.meter("training steps") as progress:
        codec = train(data, architecture, key=keys["train"], progress=progress, checkpoint_dir=job.checkpoints, resume=job.resumed)
    codec.save(job.folder / "codec.safetensors")
    _note(job, codec)
    samples = np.asarray(codec.sample(12, key=keys["samples"], shape=data.images.shape[2:]))
    write_report(job, _report_data(data, codec, samples), training_table(codec.history))
    job.console.result(f"codec: {job.final / 'codec.safetensors'}")


def codec_config(training: Training, data: ImageSet) -> CodecConfig:
    """The codec's own configuration, with phases and dimension of the images."""
    given: dict[str, Any] = msgspec.to_builtins(training)
    return msgspec.convert(given | {"phases": training.phases or len(data.phases), "ndim": data.images.ndim - 2}, CodecConfig)


def _note(job: Job, codec: Codec) -> None:
    last = codec.history[-1]
    fields = list(last.__struct_fields__)
    for name in fields:
        job.metric(name, getattr(last, name))
    job.table("epochs", fields, [[getattr(epoch, name) for name in fields] for epoch in codec.history])


def _report_data(data: ImageSet, codec: Codec, samples: np.ndarray) -> DesignReportData:
    last = codec.history[-1]
    return DesignReportData(
        title="A codec and what it was trained on",
        subtitle=data.description,
        key_figures=[
            Card("voxels decoded right", f"{100 * last.accuracy:.2f} %", note="of validation images, from their mean latent"),
            Card("volume fraction error", last.volume_fraction_error, note="mean absolute"),
            Card("two-point error", last.two_point_error, note="root mean square over all lags"),
        ],
        phase_names=data.phases,
        data=list(np.asarray(data.images[:SHOWN], np.float32)),
        samples=list(samples),
    )
