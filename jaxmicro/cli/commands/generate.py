"""`jaxmicro generate`: periodic synthetic cells."""

from typing import Annotated, Any, Literal

import jax
import numpy as np
import tyro
from msgspec import Meta

from jaxmicro._core import split_named
from jaxmicro.cli.configs import Count, JobOptions, Positive, Table
from jaxmicro.cli.options import required
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import write_report
from jaxmicro.fields import Grid
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure, inclusions, laminate, polycrystal, random_field
from jaxmicro.plotting import DesignReportData, cell, save

Share = Annotated[float, Meta(gt=0.0, lt=1.0)]
RADIUS_TOLERANCE = 0.1  # relative difference of the radius drawn from the one asked for that is worth a word
KINDS = ("random_field", "inclusions", "polycrystal", "laminate")
BELONGS = {
    "fractions": ("random_field", "laminate"),
    "correlation_length": ("random_field",),
    "anisotropy": ("random_field",),
    "volume_fraction": ("random_field", "inclusions"),
    "radius": ("inclusions",),
    "gap": ("inclusions",),
    "scatter": ("inclusions",),
    "supersample": ("inclusions",),
    "grains": ("polycrystal",),
    "relax": ("polycrystal",),
    "axis": ("laminate",),
    "normal": ("laminate",),
    "repeats": ("laminate",),
    "phases": ("random_field", "inclusions", "laminate"),
}


class Config(JobOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which cells, and how many. Options that are left out take the generator's defaults."""

    kind: tyro.conf.Positional[Literal["", "random_field", "inclusions", "polycrystal", "laminate"]] = ""
    """The generator."""
    grid: tuple[Count, ...] = (64, 64)
    """Voxels along each axis, two or three numbers."""
    lengths: tuple[Positive, ...] = ()
    """Edges of the cell, in your unit of length; by default voxels of edge 1."""
    count: Count = 1
    """Number of cells."""
    volume_fraction: Share | None = None
    """Of the second phase (random_field, inclusions)."""
    fractions: tuple[float, ...] = ()
    """Of all phases, summing to 1 (random_field, laminate)."""
    correlation_length: Positive | None = None
    """In the unit of the lengths (random_field)."""
    anisotropy: tuple[Positive, ...] = ()
    """Stretch of the correlation length along each axis (random_field)."""
    radius: Positive | None = None
    """Mean radius in the unit of the lengths (inclusions)."""
    gap: Annotated[float, Meta(ge=0.0)] | None = None
    """Smallest distance between surfaces, in the unit of the lengths (inclusions)."""
    scatter: Annotated[float, Meta(ge=0.0)] | None = None
    """Standard deviation of the radius over its mean (inclusions)."""
    supersample: Count | None = None
    """Samples along each axis of a voxel; above 1 the cells hold phase fractions (inclusions)."""
    grains: Count | None = None
    """Number of grains (polycrystal)."""
    relax: Annotated[int, Meta(ge=0)] | None = None
    """Steps that even out the grains (polycrystal)."""
    axis: Annotated[int, Meta(ge=0, le=2)] | None = None
    """Along which the layers are stacked (laminate)."""
    normal: tuple[int, ...] = ()
    """Whole numbers of an oblique stacking direction (laminate)."""
    repeats: Count | None = None
    """Number of periods (laminate)."""
    phases: Table = None
    """Names of the phases, '[matrix, fibre]'."""


def run(config: Config, job: Job) -> None:
    """Make the cells, and write each as .npz and .png, with a gallery in the report."""
    kind = required(config, "kind", f"one of {', '.join(KINDS)}")
    options = _options(config)
    grid = Grid(config.grid, config.lengths or None)
    keys = jax.random.split(split_named(jax.random.key(config.seed), "cells")["cells"], config.count)
    folder = job.folder / "cells"
    folder.mkdir()
    made: list[Microstructure] = []
    with job.meter("cells") as progress:
        for index, key in enumerate(keys):
            made.append(_make(kind, grid, key, options))
            write(folder / f"cell-{index:04d}.npz", made[-1])
            save(cell(made[-1], color_by=_colouring(made[-1])), folder / f"cell-{index:04d}.png")
            progress(index + 1, config.count, {})
    if config.radius is not None:
        _compare_radius(config.radius, made, job)
    shares = [np.asarray(ms.volume_fractions).tolist() for ms in made]
    names = [phase.name for phase in made[0].phases]
    job.table("cells", ["cell", *names], [[f"cell-{index:04d}", *row] for index, row in enumerate(shares)])
    for name, column in zip(names, np.asarray(shares).T, strict=True):
        job.metric(f"volume fraction, {name}", float(column.mean()))
    write_report(job, _report_data(kind, made))
    job.console.result(f"{config.count} cell{'s' if config.count > 1 else ''}: {job.final / 'cells'}\n{made[0].describe()}")


def _options(config: Config) -> dict[str, Any]:
    """Arguments of the generator: what was given, refused where it belongs to another."""
    given = {name: getattr(config, name) for name in BELONGS if getattr(config, name) not in (None, ())}
    for name in given:
        if config.kind not in BELONGS[name]:
            raise UsageError(f"`{name}` must be left out for {config.kind}: it belongs to {' and '.join(BELONGS[name])}.")
    return given


def _make(kind: str, grid: Grid, key: jax.Array, options: dict[str, Any]) -> Microstructure:
    if kind == "laminate":
        return laminate(grid, **options)
    return {"random_field": random_field, "inclusions": inclusions, "polycrystal": polycrystal}[kind](grid, key=key, **options)


def _compare_radius(wanted: float, made: list[Microstructure], job: Job) -> None:
    """Say where the radius gave way to the volume fraction: a whole number of inclusions has to fill it."""
    drawn = float(np.mean(np.concatenate([_radii(ms) for ms in made])))
    if abs(drawn / wanted - 1) > RADIUS_TOLERANCE:
        job.console.warning(
            f"The inclusions have a mean radius of about {drawn:.3g}, but `radius` asks for {wanted:g}: whole inclusions of that size do not give "
            "the volume fraction in this cell. Use a larger cell, another volume fraction or another radius."
        )


def _radii(ms: Microstructure) -> np.ndarray:
    """Radii of discs or spheres with the areas or volumes that were drawn, in the unit of the lengths."""
    sizes = np.bincount(np.asarray(ms.maps["inclusion"]).ravel())[1:] * float(np.prod(np.asarray(ms.grid.spacing)))
    sizes = sizes[sizes > 0]
    return np.sqrt(sizes / np.pi) if ms.grid.ndim == 2 else np.cbrt(sizes / (4 / 3 * np.pi))


def _colouring(ms: Microstructure) -> str:
    return "phase" if ms.orientation is None else "orientation"


def _report_data(kind: str, made: list[Microstructure]) -> DesignReportData:
    shown = made[:12]
    return DesignReportData(
        title="Synthetic cells",
        subtitle=f"{len(made)} × {kind}",
        summary="\n\n".join(made[0].describe().splitlines()),
        cells=shown,
        cells_title="Generated cells",
        cells_caption="Cells as they were generated." if len(made) == len(shown) else f"The first {len(shown)} of {len(made)} cells.",
        design_names=[f"cell {index}" for index in range(len(shown))],
    )
