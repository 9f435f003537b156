"""`jaxmicro sample`: new cells from a codec."""

from typing import Annotated

import jax
import numpy as np
import tyro

from jaxmicro.cli.configs import Count, JobOptions
from jaxmicro.cli.options import required
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import write_report
from jaxmicro.fields import Grid
from jaxmicro.generative import load
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import Card, DesignReportData, cells, save


class Config(JobOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which codec, and how many cells of which size."""

    codec: tyro.conf.Positional[str] = ""
    """A codec file, or the name of a shipped codec such as two-phase-64."""
    n: Annotated[Count, tyro.conf.arg(aliases=("-n",))] = 8
    """Number of cells."""
    grid: tuple[Count, ...] = ()
    """Voxels along each axis, multiples of the codec's factor; by default those of the training images."""


def run(config: Config, job: Job) -> None:
    """Draw latents, decode, and write cells, latents and a gallery."""
    codec = load(required(config, "codec", "a codec file or a shipped codec"))
    job.console.step(f"drawing {config.n} cells from {codec!r}")
    latents = codec.sample_latents(config.n, key=jax.random.key(config.seed), shape=config.grid or None)
    images = np.asarray(codec.decode(latents))
    made = [
        Microstructure(grid=Grid(images.shape[2:]), fractions=image, phases=codec.phases, provenance="drawn from a codec")
        for image in images
    ]
    (job.folder / "cells").mkdir()
    for index, ms in enumerate(made):
        write(job.folder / "cells" / f"cell-{index:04d}.npz", ms)
    np.savez(job.folder / "latents.npz", latents=np.asarray(latents))
    shares = images.reshape(*images.shape[:2], -1).mean(axis=-1)
    distance = np.asarray(codec.prior_distance(latents))
    job.table(
        "cells", ["cell", *codec.phases, "prior distance"], [[i, *row, d] for i, (row, d) in enumerate(zip(shares, distance, strict=True))]
    )
    for name, column in zip(codec.phases, shares.T, strict=True):
        job.metric(f"volume fraction, {name}", float(column.mean()))
    shown = images[:24]
    save(cells(list(shown), names=codec.phases), job.folder / "samples.png")
    write_report(
        job,
        DesignReportData(
            title="Sampled cells",
            subtitle=f"{config.n} cells from {config.codec}",
            key_figures=[
                Card(f"volume fraction of {name}", float(column.mean()), note="mean")
                for name, column in zip(codec.phases, shares.T, strict=True)
            ],
            phase_names=codec.phases,
            cells=list(images[:12]),
            cells_title="Sampled cells",
            cells_caption="Decoded cells, mixed voxels in mean colours.",
            design_names=[f"cell {index}" for index in range(len(images[:12]))],
        ),
    )
    job.console.result(f"{config.n} cells: {job.final / 'cells'}, picture {job.final / 'samples.png'}")
