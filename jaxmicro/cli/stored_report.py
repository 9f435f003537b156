"""The report of a run: its numbers in report.npz, from which the page is made, now and later."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxmicro.cli.crystal_pictures import crystals_section
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_folder import Job
from jaxmicro.io import read, write
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import DesignReportData, Report, design_report

FILE = "report.npz"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that stands in a section of its own, after what `design_report` shows."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    text: str = ""


@dataclasses.dataclass(frozen=True)
class StoredReport:
    """All that a page is made of."""

    data: DesignReportData
    tables: tuple[Table, ...] = ()
    crystals: Microstructure | None = None
    solved: bool = False


def write_report(job: Job, data: DesignReportData, *tables: Table, crystals: Microstructure | None = None, solved: bool = False) -> None:
    """Store the numbers of a report, and write the page and its figures into the run folder; `crystals` get their own section, as the
    map that was read or as the cell that was `solved`.
    """
    job.console.step("drawing figures and writing report.html")
    data = dataclasses.replace(
        data,
        warnings=(*data.warnings, *job.console.warnings),
        provenance={**data.provenance, **_before_drawing(job.provenance())},
        config=job.config_text(),
        command=job.command_line,
    )
    stored = StoredReport(data, tables, crystals, solved)
    write(job.folder / FILE, stored)
    _page(stored).write(job.folder)


def _before_drawing(provenance: dict[str, Any]) -> dict[str, Any]:
    """What a page can say of its own run: run.json has the time of the whole, with the figures."""
    return {"seconds before the figures" if name == "seconds" else name: value for name, value in provenance.items()}


def rebuild_report(folder: Path) -> Path:
    """Make report.html and the figures again from report.npz; the path of the page.

    Raises:
        ValueError: where the folder holds no stored report.
    """
    if not (folder / FILE).is_file():
        raise UsageError(f"`{folder}` must be a finished run folder with {FILE}, but it has none. Let the run finish first.")
    stored = read(folder / FILE)
    if not isinstance(stored, StoredReport):
        raise UsageError(f"`{folder / FILE}` must hold the numbers of a report, but it holds a {type(stored).__name__}.")
    return _page(stored).write(folder)


def _page(stored: StoredReport) -> Report:
    report = design_report(stored.data)
    for table in stored.tables:
        report.section(table.title)
        if table.text:
            report.text(table.text)
        report.table(table.header, table.rows)
    if stored.crystals is not None:
        crystals_section(report, stored.crystals, solved=stored.solved)
    return report


def training_table(history: Sequence[Any]) -> Table:
    """The history of a training for a report."""
    names = ("epoch", "loss", "cross_entropy", "kl", "accuracy", "volume_fraction_error", "two_point_error")
    step = max(1, len(history) // 20)
    kept = [*history[::-1][::step]][::-1]
    rows = tuple(tuple(getattr(epoch, name) for name in names) for epoch in kept)
    return Table(
        "Training", tuple(name.replace("_", " ") for name in names), rows, "Nats per voxel; accuracy and errors on validation images."
    )
