"""EBSD maps in .ang files, as EDAX, EMsoft and ACOM write them.

Columns: phi1 Phi phi2 (radians) x y (µm, or nm from ACOM), image quality, confidence index (EMsoft: dot product), phase, and
from EDAX detector signal, fit and more. Points that were not indexed are marked in four ways: confidence index -1, phase
0 where there are several phases, angles of 4π, and a fit of 180°.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.ang_header import FIRST, AngHeader, parse_header, split_header
from jaxmicro.io.ebsd.angles import euler_in_radians
from jaxmicro.io.ebsd.build import OPTIONS, scan_to_microstructure
from jaxmicro.io.ebsd.edax_marks import NO_CONFIDENCE, NO_FIT, marked_by_angles
from jaxmicro.io.ebsd.phase_numbers import labels_of
from jaxmicro.io.ebsd.points import Arrangement, arrange
from jaxmicro.io.ebsd.promise import broken_promise, extent
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.text import check_numbers, read_table, read_text
from jaxmicro.io.ebsd.text_writers import save_ang
from jaxmicro.io.formats import Format
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure

COLUMNS = {
    "edax": (*FIRST, "iq", "ci", "phase", "sem", "fit"),
    "emsoft": (*FIRST, "iq", "dp", "phase"),
    "acom": (*FIRST, "index", "reliability", "phase", "relx100"),
}
NEEDED = 8
STEP_OFF = 0.01  # share by which a step of the header may differ from that of the positions: both are rounded


def load_ang(path: Path, max_bytes: int, resample: str | None = None, degrees: bool | None = None, **options: Any) -> Microstructure:
    """Read an .ang file; `options` are those of `scan_to_microstructure`."""
    return scan_to_microstructure(path, read_ang(path, max_bytes, resample, degrees), **options)


def read_ang(path: Path, max_bytes: int, resample: str | None = None, degrees: bool | None = None) -> Scan:
    """The scan of an .ang file.

    Args:
        path: the file.
        max_bytes: most bytes that text and numbers may take.
        resample: "nearest" puts a hexagonal grid onto squares; None refuses it.
        degrees: True where the angles are in degrees, against the format.

    Raises:
        ReadError: if it is truncated, header-less, no grid, or contradicts itself.
    """
    text, oddities = read_text(path, max_bytes)
    lines, body = split_header(path, text)
    header = parse_header(path, lines)
    table, of_numbers = read_table(path, body, max_bytes, header.promise)
    header = _checked_writer(header, len(table))
    names = _names(path, header, len(table))
    found = dict(zip(names, table, strict=True))
    labels, of_phases = labels_of(path, found["phase"], header.phases, single=0)
    degrees = True if degrees is None and header.degrees else degrees
    labels, of_marks = _unmarked(header, found, labels, degrees is True)
    check_numbers(path, table, names, labels != NOT_INDEXED)
    _check_count(path, header, table.shape[1])
    grid = arrange(path, np.stack([found["x"], found["y"]]), resample)
    euler = table[[names.index(name) for name in FIRST[:3]]]
    euler = euler_in_radians(path, euler, labels != NOT_INDEXED, "radians", degrees)
    maps = {name: grid.take(column) for name, column in found.items() if name not in (*FIRST, "phase", *header.filled)}
    return Scan(
        vendor=header.writer,
        euler=grid.take(euler),
        phase=grid.take(labels),
        phases=tuple(header.phases.values()),
        spacing=tuple(step * header.to_micrometres for step in grid.spacing),
        maps=maps,
        origin=tuple(start * header.to_micrometres for start in grid.origin),
        notes=(*header.notes, *grid.notes),
        oddities=(*oddities, *header.oddities, *_of_units(header), *of_numbers, *of_phases, *of_marks, *_contradictions(header, grid)),
    )


def _names(path: Path, header: AngHeader, columns: int) -> list[str]:
    """A short name for each column: the header's list where there is one, else the writer's habit."""
    if columns < NEEDED:
        raise unreadable(path, f"has {columns} columns, and an .ang file has at least {NEEDED}", "Export it again.")
    if len(header.names) == columns == len(set(header.names)) and {*FIRST, "phase"} <= set(header.names):
        return list(header.names)
    usual = COLUMNS[header.writer][:columns]
    return [*usual, *(f"column{k + 1}" for k in range(len(usual), columns))]


def _checked_writer(header: AngHeader, columns: int) -> AngHeader:
    """EMsoft writes as many columns as it has names for; with others its line was copied by someone else."""
    if header.writer != "emsoft" or columns == len(COLUMNS["emsoft"]):
        return header
    line = f"the header says that EMsoft indexed the patterns, which writes {len(COLUMNS['emsoft'])} columns, but there are {columns}: they were taken as EDAX's"
    return dataclasses.replace(header, writer="edax", oddities=(*header.oddities, line))


def _check_count(path: Path, header: AngHeader, points: int) -> None:
    """As many points as promised; a hexagonal header over square data promises them in another way."""
    if header.counts is None:
        return
    odd, even, rows = header.counts
    if points not in (header.points, odd * rows if odd == even else header.points):
        raise broken_promise(path, points, header.promise)


def _unmarked(header: AngHeader, found: dict[str, np.ndarray], labels: np.ndarray, in_degrees: bool) -> tuple[np.ndarray, list[str]]:
    """Labels without the points that are marked as not indexed."""
    no_angle = marked_by_angles(found["Phi"].astype(float), found["phi2"].astype(float), in_degrees)
    oddities = []
    confidence = found.get("reliability" if header.writer == "acom" else "ci")
    no_confidence = np.zeros_like(no_angle) if confidence is None else confidence == NO_CONFIDENCE
    if no_confidence.all() and not no_angle.all():
        oddities.append("the confidence index is -1 everywhere: it was not taken as a mark of points that were not indexed")
        no_confidence = np.zeros_like(no_angle)
    no_fit = np.zeros_like(no_angle)
    if "fit" in found and "ci" in found:
        no_fit = (np.abs(found["fit"]) == NO_FIT) & (found["ci"] <= 0)
    return np.where(no_angle | no_confidence | no_fit, NOT_INDEXED, labels), oddities


def _of_units(header: AngHeader) -> list[str]:
    unit = {1e-3: "nm", 1e-4: "Å", 1e3: "mm", 1e6: "m"}.get(header.to_micrometres)
    lines = [f"lengths of the file in {unit}, converted to µm"] if unit else []
    return [*lines, *(["the header says that angles are in degrees, against the format: it was believed"] if header.degrees else [])]


def _contradictions(header: AngHeader, grid: Arrangement) -> list[str]:
    """What the header says against the positions, which were believed."""
    lines = []
    shape = extent(grid.rows.shape)
    if header.grid and (header.grid == "hexagonal") != grid.hexagonal:
        lines.append(f"the header says {header.grid} grid, but the positions are the other kind: they were believed")
    if header.counts is None:
        lines.append(f"the header promises no number of points: the positions fill {shape}")
    elif header.grid == "square" and header.counts[0] != header.counts[1]:
        lines.append(
            f"the header says square grid, but rows of {header.counts[0]} and of {header.counts[1]} points: the positions fill {shape}"
        )
    elif not grid.hexagonal and (header.counts[0], header.counts[2]) != grid.rows.shape:
        lines.append(f"the header promises {header.counts[0]} × {header.counts[2]}, but the positions fill {shape}: they were believed")
    lines += different_steps(header.steps, grid) if header.steps else []
    return lines


def different_steps(steps: tuple[float | None, ...], grid: Arrangement) -> list[str]:
    """One line per axis whose step in the header is not that of the positions."""
    if grid.hexagonal:
        steps, axes = steps[:1], "x"
    else:
        axes = "xyz"
    missing = [axis for axis, said, count in zip(axes, steps, grid.rows.shape, strict=False) if count > 1 and said is None]
    lines = [f"the header gives no step along {' and '.join(missing)}: that of the positions was taken"] if missing else []
    return lines + [
        f"the header gives a step of {said:g} along {axis}, but the positions are {found:.6g} apart: they were believed"
        for axis, said, found, count in zip(axes, steps, grid.spacing, grid.rows.shape, strict=False)
        if count > 1 and said is not None and not abs(said - found) <= STEP_OFF * found
    ]


ANG = Format("measured orientation map (.ang)", (".ang",), load_ang, save_ang, options=(*OPTIONS, "resample", "degrees"))
