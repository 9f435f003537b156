"""`jaxmicro design`: cells with wanted properties, searched for and verified."""

from typing import Annotated, Any, Literal

import jax
import numpy as np
from msgspec import Meta

from jaxmicro._core import split_named
from jaxmicro.cli.configs import Count, JobOptions, Positive, Table
from jaxmicro.cli.outcome import error_history, print_designs, report_fields, target_values, write_designs
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import write_report
from jaxmicro.cli.wishes import limits_for, objectives_for, phase_constants, properties_for, units_of
from jaxmicro.design import Density, DesignResult, LatentSpace, Problem, minimize
from jaxmicro.fields import Grid
from jaxmicro.generative import load
from jaxmicro.io import read, write
from jaxmicro.plotting import Card, DesignReportData

Share = Annotated[float, Meta(gt=0.0, lt=1.0)]
WORDS = {
    "met": "all targets met",
    "front": "front found",
    "budget": "targets not met within the budget, the best is kept",
    "infeasible": "no design met the limits, the least infeasible is kept",
}


class Config(JobOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What varies, of what materials, what is wanted, and how it is searched for."""

    codec: str = ""
    """A codec file or the name of a shipped one: the search walks its latent space. Without a codec each voxel has a density of its own."""
    grid: tuple[Count, ...] = ()
    """Voxels along each axis; by default those of the codec's training images, or 32 32 without a codec."""
    lengths: tuple[Positive, ...] = ()
    """Edges of the cell, in your unit of length; by default voxels of edge 1."""
    radius: Annotated[float, Meta(ge=0.0)] = 1.0
    """Without a codec: standard deviation of the smoothing filter, in voxels."""
    phases: Table = None
    """Without a codec: names of the phases; by default two."""
    materials: Table = None
    """Constants per phase, listed in order or by name: names of known materials (GPa), or young, poisson, conductivity, … in your own units."""
    plane: Literal["strain", "stress", "columnar"] = "strain"
    """The elastic problem on a 2D grid."""
    targets: Table = None
    """Properties that shall take values: '{k_xx: 2.4, E_x: 9.0}'. Names: k_xx, k_yy, k_mean, C11, C12, E_x, E_y, G_xy, bulk, shear, volume_fraction, …"""
    tolerance: Share = 0.01
    """Relative error at which a target counts as met."""
    minimize: tuple[str, ...] = ()
    """Properties that shall be small; with these or `maximize` the result is a front."""
    maximize: tuple[str, ...] = ()
    """Properties that shall be large."""
    between: Table = None
    """Limits that must hold: '{volume_fraction: [0.3, 0.4]}', null for an open end."""
    method: Literal["gradient", "nsga2", "hybrid", "random"] = "gradient"
    """How to search: hybrid is for fronts."""
    budget: Count | None = None
    """Largest number of cell solves of each search (one solve: one cell and physics, all load cases); by default 60 cells for targets, 480 for fronts."""
    designs: Count = 1
    """Number of independent searches, from different starts."""
    resume: bool = False
    """Continue an interrupted run in the folder --out, search by search, with the configuration kept there. Not from a file."""


def run(config: Config, job: Job) -> None:
    """Search, verify, and write designs, values and the report."""
    problem, names, units = build_problem(config)
    problem.check_targets()
    job.console.step(f"{problem!r}")
    results = [_one(config, job, problem, index) for index in range(config.designs)]
    wanted = target_values(problem.objectives, sum(len(result.labels) for result in results))
    write_designs(job, results, wanted, names, units)
    _note(job, results)
    write_report(job, _report_data(config, problem, results, names, wanted, units))
    for index, result in enumerate(results):
        found = f"{len(result.labels)} design{'s' if len(result.labels) > 1 else ''} after {result.evaluations} solves"
        job.console.result(f"search {index + 1}, {result.method}: {WORDS[result.status]}, {found}")
    print_designs(job, results, names, wanted, units)


def build_problem(config: Config) -> tuple[Problem, list[str], dict[str, str]]:
    """The problem, the names of the properties that have goals, and the units of all that have one."""
    objectives = objectives_for(config.targets, config.tolerance, config.minimize, config.maximize)
    limits = limits_for(config.between)
    if not objectives:
        raise UsageError("`targets`, `minimize` or `maximize` must say what is wanted. Pass for example --targets '{k_xx: 2.4}'.")
    space, phases = _space(config)
    constants = phase_constants(config.materials, phases)
    wanted = list(dict.fromkeys(goal.name for goal in (*objectives, *limits)))
    problem = Problem(space, properties_for(wanted, constants, config.plane), objectives, limits)
    return problem, wanted, units_of(problem.names, constants)


def _space(config: Config) -> tuple[Any, tuple[str, ...]]:
    if config.codec:
        codec = load(config.codec)
        shape = config.grid or tuple(size * codec.factor for size in codec.latent_shape()[1:])
        return LatentSpace(codec, Grid(shape, config.lengths or None)), codec.phases
    names = tuple(config.phases) if config.phases else ("phase 0", "phase 1")
    return Density(Grid(config.grid or (32, 32), config.lengths or None), phases=len(names), radius=config.radius), names


def _one(config: Config, job: Job, problem: Problem, index: int) -> DesignResult:
    """One search, or what it found when it ran before."""
    job.checkpoints.mkdir(exist_ok=True)
    kept = job.checkpoints / f"search-{index:04d}.npz"
    if job.resumed and kept.is_file():
        job.console.step(f"search {index + 1} of {config.designs} was finished before")
        return read(kept)
    key = split_named(jax.random.fold_in(jax.random.key(config.seed), index), "search")["search"]
    with job.meter(f"search {index + 1} of {config.designs}, solves") as progress:
        result = minimize(problem, config.method, budget=config.budget, key=key, progress=progress)
    write(kept, result)
    return result


def _note(job: Job, results: list[DesignResult]) -> None:
    for index, result in enumerate(results):
        job.metric(f"search {index + 1}, status", result.status)
        job.metric(f"search {index + 1}, solves", result.evaluations)
        job.metric(f"search {index + 1}, designs", len(result.labels))
        job.metric(f"search {index + 1}, smallest error in tolerances", float(np.min(result.errors)))
        write(job.folder / f"result-{index + 1}.npz", result)


def _report_data(
    config: Config, problem: Problem, results: list[DesignResult], names: list[str], wanted: dict[str, Any], units: dict[str, str]
) -> DesignReportData:
    first, extremes = results[0], bool(problem.extremes)
    fields = report_fields(results, names, wanted, units)
    if extremes:
        fields |= _front_fields(results, units)
    else:
        fields["solves"] = [result.evaluations for result in results for _ in result.labels]
        fields["histories"] = {config.method: [found for result in results if (found := error_history(result)) is not None]}
        fields |= {"error_name": "largest error, in tolerances", "error_tolerance": 1.0}
    unmet = [
        f"search {i + 1} ended without success: {result.status}"
        for i, result in enumerate(results)
        if result.status in ("budget", "infeasible")
    ]
    fields["warnings"] = [*fields["warnings"], *unmet]
    return DesignReportData(
        title="Designed cells",
        subtitle=f"{config.method}, {'latent space of ' + config.codec if config.codec else 'a density per voxel'}",
        tolerance=config.tolerance,
        stiffness_unit=next(iter(units.values()), None),
        phase_names=first.phase_names,
        spacing=tuple(np.asarray(first.grid.spacing).tolist()),
        key_figures=[Card("solves", sum(result.evaluations for result in results), note="of all searches, without verification")],
        **fields,
    )


def _front_fields(results: list[DesignResult], units: dict[str, str]) -> dict[str, Any]:
    names = [f"search {index + 1}" if len(results) > 1 else result.method for index, result in enumerate(results)]
    seen = {name: result.history["objectives"][result.history["feasible"]] for name, result in zip(names, results, strict=True)}
    if len(results[0].objective_names) not in (2, 3) or not all(len(points) for points in seen.values()):
        return {}
    return {
        "evaluated": seen,
        "front": {name: result.front for name, result in zip(names, results, strict=True)},
        "reference": results[0].reference if len(results) == 1 else None,
        "hypervolume_history": {name: result.hypervolume_history for name, result in zip(names, results, strict=True)},
        "objective_names": results[0].objective_names,
        "objective_units": tuple(units.get(name) for name in results[0].objective_names),
        "objective_senses": results[0].senses,
    }
