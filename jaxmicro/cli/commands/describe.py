"""`jaxmicro describe`: what is in a file, and what is odd about it."""

from typing import Any, ClassVar

import numpy as np
import tyro

from jaxmicro.cli.configs import MapOptions
from jaxmicro.cli.crystal_checks import measured, told, wrong_frame
from jaxmicro.cli.options import required
from jaxmicro.cli.reading import read_microstructure
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, write_report
from jaxmicro.descriptors import BoundaryStatistics, boundary_statistics, oddities
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import Card, DesignReportData
from jaxmicro.plotting.lengths import length_unit


class Config(MapOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to describe."""

    also_called: ClassVar[dict[str, str]] = {"image": "file"}  # as `homogenize` calls it in a configuration

    file: tyro.conf.Positional[str] = ""
    """EBSD map (.ang, .ctf, .cpr, .h5, .h5oina, .dream3d), folder of slices, picture, volume, array or saved cell."""


def run(config: Config, job: Job) -> None:
    """Read, say what is there and what is odd, draw it, and keep the map as map.npz."""
    file = required(config, "file", "the file to describe")
    job.console.step(f"reading {file}")
    ms = read_microstructure(file, config, job.console, tell=False)
    write(job.folder / "map.npz", ms)
    found = (*wrong_frame(ms), *oddities(ms))
    statistics = boundary_statistics(ms) if ms.orientation is not None and measured(ms).any() else None
    _note_metrics(job, ms, statistics)
    job.table("phases", _HEADER, _phase_rows(ms))
    tables = [Table("Phases", _HEADER, tuple(tuple(row) for row in _phase_rows(ms)))]
    if statistics is not None:
        tables.append(Table("Boundaries", ("quantity", "value", "unit"), tuple(_boundary_rows(statistics, ms))))
    write_report(job, _report_data(file, ms, found), *tables, crystals=None if ms.orientation is None else ms)
    job.console.result("\n".join([told(ms), *_boundary_lines(statistics), *(f"odd: {line}" for line in found or ("nothing",))]))


_HEADER = ("phase", "Laue group", "points", "share")


def _phase_rows(ms: Microstructure) -> list[tuple[Any, ...]]:
    counts = np.bincount(np.asarray(ms.labels)[measured(ms)], minlength=ms.n_phases)
    shares = np.asarray(ms.volume_fractions) if counts.any() else np.full(ms.n_phases, np.nan)
    return [
        (phase.name, phase.laue or "", int(count), _known(share)) for phase, count, share in zip(ms.phases, counts, shares, strict=True)
    ]


def _boundary_rows(found: BoundaryStatistics, ms: Microstructure) -> list[tuple[str, Any, str]]:
    unit = length_unit(ms) or "length"
    size = "length of grain and phase boundaries per area" if ms.grid.ndim == 2 else "area of grain and phase boundaries per volume"
    return [
        ("neighbouring pairs", found.pairs, ""),
        ("pairs of one measured phase", found.judged, ""),
        ("pairs between phases", found.between_phases, ""),
        (f"boundary pairs inside the phases, from {found.angle:g}°", found.boundaries, ""),
        ("mean misorientation inside", _known(found.inside), "°"),
        ("mean misorientation across boundaries", _known(found.across), "°"),
        ("Σ3 share of the boundaries (Brandon)", _known(found.twins), ""),
        (size, _known(found.density), f"1/{unit}"),
    ]


def _known(value: Any) -> float | None:
    """A number, or None where it is the mean of nothing."""
    return None if np.isnan(value) else float(value)


def _boundary_lines(found: BoundaryStatistics | None) -> list[str]:
    if found is None:
        return []
    if found.judged == 0:
        return ["boundaries: no two neighbours are measured points of one phase"]
    twins = "" if np.isnan(found.twins) else f", {100 * found.twins:.1f} % of them Σ3"
    means = [f"{found.across:.1f}° across"] * bool(found.boundaries) + [f"{found.inside:.3f}° inside"] * (found.judged > found.boundaries)
    between = f"; {found.between_phases:,} pairs more are of two phases" if found.between_phases else ""
    line = (
        f"boundaries: {found.boundaries:,} of {found.judged:,} pairs of neighbours are {found.angle:g}° apart or more{twins}; "
        f"mean {', '.join(means)}{between}"
    )
    return [line]


def _note_metrics(job: Job, ms: Microstructure, found: BoundaryStatistics | None) -> None:
    for name, _, points, share in _phase_rows(ms):
        job.metric(f"points of {name}", points)
        job.metric(f"volume fraction, {name}", share)
    job.metric("measured share", float(measured(ms).mean()))
    for name, value, unit in [] if found is None else _boundary_rows(found, ms):
        job.metric(name, value, unit)


def _report_data(file: str, ms: Microstructure, found: tuple[str, ...]) -> DesignReportData:
    share = float(measured(ms).mean())
    return DesignReportData(
        title="What is in the file",
        subtitle=str(file),
        summary="\n\n".join(told(ms).splitlines()),
        key_figures=[Card("points", ms.grid.size), Card("measured", share), Card("phases", ms.n_phases)],
        warnings=found,
        cells=[ms] if ms.orientation is None else None,  # a map of crystals is no cell: it has pictures of its own
        cells_title="Phases in place",
        cells_caption="The phases where they were measured.",
        design_names=["the map"],
    )
