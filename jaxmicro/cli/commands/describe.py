"""`jaxmicro describe`: what is in a file, and what is odd about it."""

from typing import Any

import numpy as np
import tyro

from jaxmicro.cli.configs import MapOptions
from jaxmicro.cli.options import required
from jaxmicro.cli.reading import read_microstructure
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, write_report
from jaxmicro.descriptors import BoundaryStatistics, boundary_statistics, oddities
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import Card, DesignReportData


class Config(MapOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to describe."""

    file: tyro.conf.Positional[str] = ""
    """EBSD map (.ang, .ctf, .cpr, .h5, .h5oina, .dream3d), folder of slices, picture, volume, array or saved cell."""


def run(config: Config, job: Job) -> None:
    """Read, say what is there and what is odd, draw it, and keep the map as map.npz."""
    file = required(config, "file", "the file to describe")
    job.console.step(f"reading {file}")
    ms = read_microstructure(file, config, job.console, tell=False)
    write(job.folder / "map.npz", ms)
    found = oddities(ms)
    statistics = None if ms.orientation is None else boundary_statistics(ms)
    _note_metrics(job, ms, statistics)
    job.table("phases", _HEADER, _phase_rows(ms))
    tables = [Table("Phases", _HEADER, tuple(tuple(row) for row in _phase_rows(ms)))]
    if statistics is not None:
        tables.append(Table("Boundaries", ("quantity", "value", "unit"), tuple(_boundary_rows(statistics))))
    write_report(job, _report_data(file, ms, found), *tables, crystals=None if ms.orientation is None else ms)
    job.console.result("\n".join([ms.describe(), *_boundary_lines(statistics), *(f"odd: {line}" for line in found or ("nothing",))]))


_HEADER = ("phase", "Laue group", "points", "share")


def _phase_rows(ms: Microstructure) -> list[tuple[Any, ...]]:
    measured = np.ones(ms.grid.shape, bool) if ms.mask is None else np.asarray(ms.mask)
    counts = np.bincount(np.asarray(ms.labels)[measured], minlength=ms.n_phases)
    return [
        (phase.name, phase.laue or "", int(count), float(share))
        for phase, count, share in zip(ms.phases, counts, np.asarray(ms.volume_fractions), strict=True)
    ]


def _boundary_rows(found: BoundaryStatistics) -> list[tuple[str, Any, str]]:
    return [
        ("neighbouring pairs", found.pairs, ""),
        ("pairs of one measured phase", found.judged, ""),
        ("pairs between phases", found.between_phases, ""),
        (f"boundary pairs, from {found.angle:g}°", found.boundaries, ""),
        ("mean misorientation inside", found.inside, "°"),
        ("mean misorientation across boundaries", found.across, "°"),
        ("Σ3 share of the boundaries (Brandon)", found.twins, ""),
        ("boundary per area or volume", found.density, "1/µm"),
    ]


def _boundary_lines(found: BoundaryStatistics | None) -> list[str]:
    if found is None:
        return []
    twins = "" if np.isnan(found.twins) else f", {100 * found.twins:.1f} % of them Σ3"
    line = (
        f"boundaries: {found.boundaries:,} of {found.judged:,} pairs of neighbours are {found.angle:g}° apart or more{twins}; "
        f"mean {found.across:.1f}° across, {found.inside:.3f}° inside"
    )
    return [line]


def _note_metrics(job: Job, ms: Microstructure, found: BoundaryStatistics | None) -> None:
    for name, _, points, share in _phase_rows(ms):
        job.metric(f"points of {name}", points)
        job.metric(f"volume fraction, {name}", share)
    job.metric("measured share", 1.0 if ms.mask is None else float(np.asarray(ms.mask).mean()))
    for name, value, unit in [] if found is None else _boundary_rows(found):
        job.metric(name, value, unit)


def _report_data(file: str, ms: Microstructure, found: tuple[str, ...]) -> DesignReportData:
    share = 1.0 if ms.mask is None else float(np.asarray(ms.mask).mean())
    return DesignReportData(
        title="What is in the file",
        subtitle=str(file),
        summary="\n\n".join(ms.describe().splitlines()),
        key_figures=[Card("points", ms.grid.size), Card("measured", share), Card("phases", ms.n_phases)],
        warnings=found,
        cells=[ms],
        cells_title="Phases in place",
        cells_caption="The phases where they were measured.",
        design_names=["the map"],
    )
