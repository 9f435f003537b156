"""`jaxmicro demo`: the whole loop, from cells (shipped or from a picture) to verified designs and a report."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxmicro._core import split_named
from jaxmicro.cli.configs import PictureOptions, Table
from jaxmicro.cli.demonstration.comparison import Comparison, compare, note_comparison
from jaxmicro.cli.demonstration.designs import (
    GOALS,
    STIFF,
    Designed,
    Study,
    begin_study,
    choose_targets,
    compile_ahead,
    search_designs,
    verify_and_correct,
)
from jaxmicro.cli.demonstration.findings import Findings, print_findings, write_findings
from jaxmicro.cli.demonstration.front import front_problem, search_fronts, verify_front
from jaxmicro.cli.demonstration.gradient_check import check_gradient, gradient_table
from jaxmicro.cli.demonstration.picture import read_picture, two_phases
from jaxmicro.cli.demonstration.seams import seam_table
from jaxmicro.cli.demonstration.settings import FULL, QUICK, Effort, demo_materials
from jaxmicro.cli.demonstration.source import SHIPPED, Source, picture_source, shipped_source
from jaxmicro.cli.material_tables import checked_materials
from jaxmicro.cli.run_folder import Job
from jaxmicro.generative import interpolate, load
from jaxmicro.materials import Constants
from jaxmicro.plotting import Statistic, format_number

STEPS = 8  # of the walk between two designs


class Config(PictureOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of which picture, if any, and of which materials."""

    image: str = ""
    """Your own micrograph (.png, .jpg, .tif, .npz); without it the shipped codec two-phase-64 is used."""
    materials: Table = None
    """Constants of the two phases by name or listed in the order of the phases; by default epoxy for the more abundant one and glass fibre (GPa),
    with conductivities 1 and 10 as a ratio."""
    quick: bool = False
    """A few cells and solves only: to see that all parts work, not for results."""


def run(config: Config, job: Job) -> None:
    """Run all parts, write everything, print the key figures."""
    effort = QUICK if config.quick else FULL
    keys = split_named(jax.random.key(config.seed), "designs", "samples", "gradient", "fronts", "background")
    source, materials = _source(config, effort, job)
    study = begin_study(source, materials, effort)
    background = compile_ahead(study, keys["background"])
    job.console.step("solving real cells; the targets come from them")
    targets = choose_targets(study, study.values(source.unseen), effort.designs)
    job.console.step("designing cells through the latent space, by gradients")
    searched = search_designs(study, targets, effort.budget, keys["designs"], job)
    background.join()
    codes = source.codec.encode(source.data)
    designs = _verified(study, searched, targets, codes, effort, keys["designs"], job)
    job.console.step("comparing data with samples")
    comparison, values = _compare(source, study, effort, keys["samples"], materials[0].unit or None)
    note_comparison(job, comparison)
    job.console.step("checking one gradient through solver and decoder")
    gradient = gradient_table(check_gradient(source.codec, study.properties[1], study.space.grid, key=keys["gradient"]), job)
    problem = front_problem(study, values)
    job.console.step(f"searching the front of {' against '.join(GOALS)}")
    fronts = search_fronts(study, problem, values, effort, keys["fronts"], job)
    path = interpolate(designs[0].result.latents[0], designs[-1].result.latents[0], STEPS, kind="spherical")
    found = Findings(
        source=source,
        materials=materials,
        comparison=comparison,
        designs=designs,
        fronts=fronts,
        limits=(problem.constraints[0].low, problem.constraints[0].high),
        ends=verify_front(problem, fronts),
        interpolation=np.asarray(study.space.decode(path)),
        prior_reference=np.asarray(source.codec.prior_distance(codes)),
        data_reference=_nearest_others(np.asarray(codes)),
        tables=[gradient, *source.tables, *([] if source.picture is None else [seam_table(source, study, materials[0].unit, job)])],
    )
    write_findings(job, found)
    job.at_end(lambda: print_findings(job, found))


def _source(config: Config, effort: Effort, job: Job) -> tuple[Source, list[Constants]]:
    """Cells, a codec for them and constants of their phases, which are looked up before anything is trained."""
    checked_materials(config.materials)
    if not config.image:
        job.console.step(f"loading the shipped codec {SHIPPED}")
        codec = load(SHIPPED)
        materials = demo_materials(config.materials, codec.phases, job.console)
        return shipped_source(codec, effort, config.seed, job), materials
    job.console.step(f"reading {config.image}")
    picture = two_phases(read_picture(config.image, config, job.console), config.materials is not None, job.console)
    materials = demo_materials(config.materials, tuple(phase.name for phase in picture.phases), job.console)
    return picture_source(picture, effort, config.seed, job), materials


def _verified(study: Study, searched: list[Any], targets: np.ndarray, codes: Array, effort: Effort, key: Array, job: Job) -> list[Designed]:
    """All designs verified and, where needed, corrected."""
    job.console.step("verifying the designs: every voxel split 4 × 4, and a second discretisation")
    designs = []
    for index, (found, wanted) in enumerate(zip(searched, targets, strict=True)):
        name = f"verify {index}"
        designs.append(verify_and_correct(study, found, wanted, codes, effort.budget, split_named(key, name)[name]))
        worst = 100 * float(np.max(np.abs(_split(designs[-1]) / wanted - 1)))
        job.console.step(f"  design {index + 1}: verified within {format_number(worst, 2)} % after {designs[-1].solves} solves")
    return designs


def _split(design: Designed) -> np.ndarray:
    check = design.result.verification
    return np.asarray([check.split[0, design.result.names.index(name)] for name in GOALS])  # pyright: ignore[reportOptionalMemberAccess]


def _compare(source: Source, study: Study, effort: Effort, key: Array, unit: str | None) -> tuple[Comparison, np.ndarray]:
    """Geometry of the cells shown, physics of some of them; the values of the data beside."""
    decoded = source.codec.sample(effort.shown, key=key, shape=source.data.shape[1:])
    samples = np.asarray(jnp.argmax(decoded, axis=1), np.int32)
    first, second = (study.values(labels[: effort.cells]) for labels in (source.data, samples))
    properties = tuple(
        Statistic(name, study.column(first, name), study.column(second, name), unit if name == STIFF else None) for name in GOALS
    )
    return compare(source.data, samples, study.space.grid, properties, source.names[1]), first


def _nearest_others(codes: np.ndarray) -> np.ndarray:
    """Distance of each cell's latent to the nearest other one, root mean square over its numbers."""
    flat = codes.reshape(len(codes), -1)
    square = ((flat[:, None] - flat[None]) ** 2).mean(axis=-1)
    np.fill_diagonal(square, np.inf)
    return np.sqrt(square.min(axis=1))
