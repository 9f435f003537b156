"""`jaxmicro demo`: the whole loop, from cells (shipped or from a picture) to verified designs and a report."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxmicro._core import split_named
from jaxmicro.cli.configs import PictureOptions, Table
from jaxmicro.cli.demonstration.comparison import Comparison, compare, note_comparison
from jaxmicro.cli.demonstration.designs import (
    CONDUCTIVE,
    STIFF,
    Study,
    begin_study,
    compile_verification,
    design_targets,
    search_fronts,
    verify_front,
)
from jaxmicro.cli.demonstration.findings import Findings, print_findings, write_findings
from jaxmicro.cli.demonstration.gradient_check import check_gradient, gradient_table
from jaxmicro.cli.demonstration.seams import seam_table
from jaxmicro.cli.demonstration.settings import FULL, QUICK, Effort, demo_materials
from jaxmicro.cli.demonstration.source import Source, picture_source, shipped_source
from jaxmicro.cli.run_folder import Job
from jaxmicro.generative import interpolate
from jaxmicro.plotting import Statistic

STEPS = 8  # of the walk between two designs


class Config(PictureOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of which picture, if any, and of which materials."""

    image: str = ""
    """Your own micrograph (.png, .jpg, .tif, .npz); without it the shipped codec two-phase-64 is used."""
    materials: Table = None
    """Constants of the two phases, by phase name or listed in order (the more abundant phase first); by default epoxy and glass fibre (GPa), with conductivities 1 and 10 as a ratio."""
    quick: bool = False
    """A few cells and solves only: to see that all parts work, not for results."""


def run(config: Config, job: Job) -> None:
    """Run all parts, write everything, print the key figures."""
    effort = QUICK if config.quick else FULL
    keys = split_named(jax.random.key(config.seed), "designs", "samples", "gradient", "fronts", "background")
    if config.image:
        source = picture_source(config.image, config, effort, config.materials is not None, job)
    else:
        source = shipped_source(effort, config.seed, job)
    materials = demo_materials(config.materials, source.names, job.console)
    study = begin_study(source, materials, effort)
    background = compile_verification(study, keys["background"])
    job.console.step("solving cells that the codec has not seen; the targets come from them")
    unseen = study.values(source.unseen)
    codes = np.asarray(source.codec.encode(source.data))
    job.console.step("designing cells through the latent space, by gradients")
    designs, targets = design_targets(study, unseen, effort, codes, keys["designs"], job)
    background.join()
    job.console.step("comparing data with samples")
    comparison, values = _compare(source, study, effort, keys["samples"])
    note_comparison(job, comparison)
    job.console.step("checking one gradient through solver and decoder")
    gradient = gradient_table(check_gradient(source.codec, study.properties[1], study.space.grid, key=keys["gradient"]), job)
    job.console.step(f"searching the front of {STIFF} against {CONDUCTIVE}")
    fronts = search_fronts(study, values, effort, keys["fronts"], job)
    corner = verify_front(study, fronts)
    path = interpolate(designs[0].latents[0], designs[-1].latents[0], STEPS, kind="spherical")
    found = Findings(
        source=source,
        materials=materials,
        comparison=comparison,
        designs=designs,
        targets=targets,
        fronts=fronts,
        corner=corner,
        interpolation=np.asarray(study.space.decode(path)),
        prior_reference=np.asarray(source.codec.prior_distance(codes)),
        data_reference=_nearest_others(codes),
        tables=[gradient, *source.tables, *([seam_table(source, study, job)] if source.picture is not None else [])],
    )
    write_findings(job, found)
    print_findings(job, found)


def _compare(source: Source, study: Study, effort: Effort, key: Array) -> tuple[Comparison, np.ndarray]:
    """Geometry of the cells shown, physics of some of them; the values of the data beside."""
    decoded = source.codec.sample(effort.shown, key=key, shape=source.data.shape[1:])
    samples = np.asarray(jnp.argmax(decoded, axis=1), np.int32)
    first, second = (study.values(labels[: effort.cells]) for labels in (source.data, samples))
    properties = tuple(
        Statistic(name, study.column(first, name), study.column(second, name), unit) for name, unit in ((STIFF, "GPa"), (CONDUCTIVE, None))
    )
    return compare(source.data, samples, study.space.grid, properties, source.names[1]), first


def _nearest_others(codes: np.ndarray) -> np.ndarray:
    """Distance of each cell's latent to the nearest other one, root mean square over its numbers."""
    flat = codes.reshape(len(codes), -1)
    square = ((flat[:, None] - flat[None]) ** 2).mean(axis=-1)
    np.fill_diagonal(square, np.inf)
    return np.sqrt(square.min(axis=1))
