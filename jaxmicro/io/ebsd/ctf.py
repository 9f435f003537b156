"""EBSD maps in .ctf files, the Channel Text File of Oxford Instruments (HKL).

A header of names and values, phases, one line of column names, and a row per point; Euler angles are in degrees, positions
in µm, phase 0 is "not indexed". Files of European computers write decimal commas.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.ang import different_steps
from jaxmicro.io.ebsd.angles import euler_in_radians
from jaxmicro.io.ebsd.build import OPTIONS, scan_to_microstructure
from jaxmicro.io.ebsd.lattice import lattice_note
from jaxmicro.io.ebsd.oxford_phase import oxford_phase
from jaxmicro.io.ebsd.phase_numbers import labels_of
from jaxmicro.io.ebsd.points import Arrangement, arrange
from jaxmicro.io.ebsd.promise import broken_promise, extent, product
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.text import check_numbers, number, read_table, read_text, whole
from jaxmicro.io.ebsd.text_writers import FILLED, OURS, save_ctf
from jaxmicro.io.formats import Format
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure, Phase

SIGNATURE = "channel text file"
LONGEST_HEADER = 1000
MOST_PHASES = 1000
ANGLES = ("euler1", "euler2", "euler3")
NEEDED = ("phase", "x", "y", *ANGLES)
GRID = "grid"


@dataclasses.dataclass(frozen=True)
class CtfHeader:
    """What the header of a .ctf file says.

    Attributes:
        mode: of the job, lower case: "grid" or "interactive".
        cells: points along x, y and z (1 for a map); None where it does not say.
        steps: along x, y and z, in µm; None where it does not say.
        phases: by their numbers, from 1.
        names: of the columns, lower case.
        ours: whether this library wrote it.
        filled: columns that this library's writer had nothing for.
        notes: lattice parameters.
        oddities: what was resolved.
    """

    mode: str
    cells: tuple[int, int, int] | None
    steps: tuple[float | None, float | None, float | None]
    phases: dict[int, Phase]
    names: tuple[str, ...]
    ours: bool
    filled: tuple[str, ...]
    notes: tuple[str, ...]
    oddities: tuple[str, ...]

    @property
    def promise(self) -> str:
        """The promised points as a product, or nothing."""
        return "" if self.cells is None else product(*(self.cells if self.cells[2] > 1 else self.cells[:2]))


def load_ctf(path: Path, max_bytes: int, resample: str | None = None, degrees: bool | None = None, **options: Any) -> Microstructure:
    """Read a .ctf file; `options` are those of `scan_to_microstructure`."""
    return scan_to_microstructure(path, read_ctf(path, max_bytes, resample, degrees), **options)


def read_ctf(path: Path, max_bytes: int, resample: str | None = None, degrees: bool | None = None) -> Scan:
    """The scan of a .ctf file.

    Args:
        path: the file.
        max_bytes: most bytes that text and numbers may take.
        resample: "nearest" puts a hexagonal grid onto squares; None refuses it.
        degrees: False where the angles are in radians, against the format.

    Raises:
        ReadError: if it is truncated, header-less, no grid, or contradicts itself.
    """
    text, oddities = read_text(path, max_bytes)
    header, body = _header(path, text)
    table, of_numbers = read_table(path, body, max_bytes, header.promise)
    if len(table) != len(header.names):
        raise unreadable(path, f"names {len(header.names)} columns and holds {len(table)}", "Export it again.")
    found = dict(zip(header.names, table, strict=True))
    labels, of_phases = labels_of(path, found["phase"], header.phases)
    labels, of_marks = (labels, []) if header.ours else _without_solution(found, labels)
    check_numbers(path, table, list(header.names), labels != NOT_INDEXED)
    _check_count(path, header, table.shape[1])
    grid = arrange(path, _positions(path, header, found), resample)
    in_degrees = True if header.ours and degrees is None else degrees  # ours are in degrees however small they are
    euler = euler_in_radians(path, np.stack([found[name] for name in ANGLES]), labels != NOT_INDEXED, "degrees", in_degrees)
    return Scan(
        vendor="oxford",
        euler=grid.take(euler),
        phase=grid.take(labels),
        phases=tuple(header.phases.values()),
        spacing=grid.spacing,
        maps={name: grid.take(column) for name, column in found.items() if name not in (*NEEDED, "z", *header.filled)},
        origin=grid.origin,
        notes=(*header.notes, *grid.notes),
        oddities=(*oddities, *header.oddities, *of_numbers, *of_phases, *of_marks, *_contradictions(header, grid)),
    )


def _header(path: Path, text: str) -> tuple[CtfHeader, str]:
    """The header and the text after the line of column names."""
    if not text[:200].lstrip().lower().startswith(SIGNATURE):
        raise unreadable(path, "does not begin with 'Channel Text File'", "Check that it is a .ctf file that was copied whole.")
    values: dict[str, str] = {}
    place = 0
    for _ in range(LONGEST_HEADER):
        line, place = _next_line(text, place)
        name, rest = _name_and_value(line)
        values.setdefault(name, rest)
        if name == "phases" or place >= len(text):
            break
    if "phases" not in values:
        raise unreadable(path, "has no list of phases in its header", "Export it from the vendor's software again.")
    phases, notes, oddities, place = _phases(path, text, place, whole(path, "Phases", values["phases"]))
    line, place = _next_line(text, place)
    names = tuple("_".join(name.lower().split()) for name in (line.split("\t") if "\t" in line else line.split()) if name.strip())
    missing = [name for name in NEEDED if name not in names]
    if missing or len(set(names)) != len(names):
        raise unreadable(
            path,
            f"names the columns {', '.join(names)[:200] or 'none'}, and {', '.join(missing) or 'each one'} is needed once",
            "Export it again.",
        )
    mode, mark = values.get("jobmode", "").lower(), values.get("prj", "")
    filled = tuple(mark.removeprefix(FILLED).split(", ")) if mark.startswith(FILLED) else ()
    header = CtfHeader(
        mode, _cells(path, values, mode), _steps(path, values), phases, names, mark.startswith(OURS), filled, tuple(notes), tuple(oddities)
    )
    return header, text[place:]


def _next_line(text: str, place: int) -> tuple[str, int]:
    end = text.find("\n", place)
    return (text[place:], len(text)) if end < 0 else (text[place:end], end + 1)


def _name_and_value(line: str) -> tuple[str, str]:
    parts = line.split("\t", 1) if "\t" in line else line.split(None, 1)
    return (parts[0].strip().lower() if parts else "", parts[1].split("\t")[0].strip() if len(parts) > 1 else "")


def _phases(path: Path, text: str, place: int, count: int) -> tuple[dict[int, Phase], list[str], list[str], int]:
    """One line per phase: a;b;c, alpha;beta;gamma, name, Laue group, space group, and remarks, between tabs."""
    if not 1 <= count <= MOST_PHASES:
        raise unreadable(path, f"has {count} phases in its header", "Export it from the vendor's software again.")
    phases, notes, oddities = {}, [], []
    for index in range(1, count + 1):
        line, place = _next_line(text, place)
        parts = [part.strip() for part in line.split("\t")]
        if len(parts) < 4 or parts[0].count(";") != 2 or parts[1].count(";") != 2:
            raise unreadable(path, f"describes phase {index} of {count} as {line[:60]!r}", "Correct the header, or export it again.")
        lattice = [number(path, f"a lattice constant of phase {index}", value) for part in parts[:2] for value in part.split(";")]
        space_group = whole(path, f"the space group of phase {index}", parts[4]) if len(parts) > 4 and parts[4] else 0
        phase, odd = oxford_phase(parts[2] or f"phase {index}", whole(path, f"the Laue group of phase {index}", parts[3]), space_group)
        phases[index] = phase
        oddities += odd
        notes.append(lattice_note(phase.name, lattice, space_group or "?"))
    return phases, notes, oddities, place


def _cells(path: Path, values: dict[str, str], mode: str) -> tuple[int, int, int] | None:
    if "xcells" not in values and "ycells" not in values and mode != GRID:
        return None
    missing = [name for name in ("XCells", "YCells") if name.lower() not in values]
    if missing:
        raise unreadable(path, f"lacks {' and '.join(missing)} in its header, so that points could be missing", "Export it again.")
    x, y = (whole(path, name, values[name.lower()]) for name in ("XCells", "YCells"))
    return x, y, max(whole(path, "ZCells", values.get("zcells", "1")), 1)


def _steps(path: Path, values: dict[str, str]) -> tuple[float | None, float | None, float | None]:
    x, y, z = (number(path, name, values[name.lower()]) if name.lower() in values else None for name in ("XStep", "YStep", "ZStep"))
    return x, y, z


def _check_count(path: Path, header: CtfHeader, points: int) -> None:
    if header.cells is None:
        return
    x, y, z = header.cells
    promised = x * y * z
    if points != promised:
        raise broken_promise(path, points, header.promise)


def _positions(path: Path, header: CtfHeader, found: dict[str, np.ndarray]) -> np.ndarray:
    """Columns x and y, and z in a volume, whose layers follow one another where it has no column."""
    if header.cells is None or header.cells[2] == 1:
        return np.stack([found["x"], found["y"]])
    if "z" in found:
        return np.stack([found["x"], found["y"], found["z"]])
    x, y, _ = header.cells
    step = header.steps[2]
    if step is None or not step > 0:
        raise unreadable(path, f"is a volume with the step {step} along z", "Correct ZStep in the header.")
    return np.stack([found["x"], found["y"], step * (np.arange(found["x"].size) // (x * y))])


def _without_solution(found: dict[str, np.ndarray], labels: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Points with a phase, but no deviation, no bands and no angles, in a file that has deviations elsewhere."""
    if not {"mad", "bands"} <= found.keys() or not found["mad"].any():
        return labels, []
    empty = np.logical_and.reduce([found[name] == 0 for name in ("mad", "bands", *ANGLES)]) & (labels != NOT_INDEXED)
    line = f"{int(empty.sum()):,} points have a phase, but no bands, deviation and angles: they count as not indexed"
    return np.where(empty, NOT_INDEXED, labels), [line] if empty.any() else []


def _contradictions(header: CtfHeader, grid: Arrangement) -> list[str]:
    """What the header says against the positions, which were believed."""
    lines = []
    shape = extent(grid.rows.shape)
    if header.mode != GRID:
        lines.append(f"the job has mode {header.mode!r}, but its positions are a grid of {shape}")
    elif not grid.hexagonal and header.cells is not None and header.cells[: grid.rows.ndim] != grid.rows.shape:
        lines.append(f"the header promises {extent(header.cells[: grid.rows.ndim])}, but the positions fill {shape}: they were believed")
    return [*lines, *different_steps(header.steps, grid)]


CTF = Format("measured orientation map (.ctf)", (".ctf",), load_ctf, save_ctf, options=(*OPTIONS, "resample", "degrees"))
