"""EBSD maps of Oxford Instruments in two files: .cpr says what the map is, .crc holds one binary record per point.

A record (little endian) has the phase as one byte, then the fields that `[Fields]` of the .cpr lists by number, x running
fastest; angles are in radians, phase 0 is "not indexed".
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.ang import different_steps
from jaxmicro.io.ebsd.angles import euler_in_radians
from jaxmicro.io.ebsd.build import OPTIONS, scan_to_microstructure
from jaxmicro.io.ebsd.oxford_phase import oxford_phase
from jaxmicro.io.ebsd.phase_numbers import labels_of
from jaxmicro.io.ebsd.places import placed
from jaxmicro.io.ebsd.points import Arrangement
from jaxmicro.io.ebsd.promise import extent, product
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.text import LARGEST, check_numbers, number, read_text, whole
from jaxmicro.io.formats import Format
from jaxmicro.io.problems import check_size, unreadable
from jaxmicro.microstructures import Microstructure, Phase

# Number of a field in `[Fields]`: name and type.
FIELDS = {
    1: ("x", "<f4"),
    2: ("y", "<f4"),
    3: ("phi1", "<f4"),
    4: ("Phi", "<f4"),
    5: ("phi2", "<f4"),
    6: ("mad", "<f4"),
    7: ("bc", "u1"),
    8: ("bs", "u1"),
    10: ("bands", "u1"),
    11: ("error", "u1"),
    12: ("reliability", "<f4"),
}
FIRST_COUNT = 100  # fields from here on are X-ray counts
ANGLES = ("phi1", "Phi", "phi2")
MOST_FIELDS, MOST_PHASES, WIDEST = 1000, 255, 4096
REGULAR = ("regulargrid", "grid")
Sections = dict[str, dict[str, str]]


@dataclasses.dataclass(frozen=True)
class CprHeader:
    """What a .cpr file says: cells and steps along x and y (and z), fields by number, phases from 1."""

    cells: tuple[int, ...]
    steps: tuple[float, ...]
    fields: tuple[int, ...]
    phases: dict[int, Phase]
    notes: tuple[str, ...]
    oddities: tuple[str, ...]


def load_cpr(path: Path, max_bytes: int, degrees: bool | None = None, **options: Any) -> Microstructure:
    """Read a map from its .cpr or its .crc file; `options` are those of `scan_to_microstructure`."""
    return scan_to_microstructure(path, read_cpr(path, max_bytes, degrees), **options)


def read_cpr(path: Path, max_bytes: int, degrees: bool | None = None) -> Scan:
    """The scan of a .cpr file and the .crc file beside it.

    Args:
        path: either of them; the other one has the same name.
        max_bytes: most bytes that the numbers may take.
        degrees: True where the angles are in degrees, against the format.

    Raises:
        ReadError: if one of them is missing or cut, or they contradict each other.
    """
    head, data = _both(path)
    text, oddities = read_text(head, max_bytes)
    header = _header(head, _sections(text))
    records = _records(head, data, header, max_bytes)
    names = [name for name in records.dtype.names or () if not name.startswith("unknown")]
    with np.errstate(invalid="ignore"):  # a signalling NaN is judged with the others
        table = np.stack([records[name].astype(float) for name in names])
    found = dict(zip(names, table, strict=True))
    labels, of_phases = labels_of(data, found["phase"], header.phases)
    kept = [k for k, name in enumerate(names) if name not in ("x", "y")]
    check_numbers(data, table[kept], [names[k] for k in kept], labels != NOT_INDEXED)
    nowhere = np.full(labels.size, np.nan)
    grid = placed(data, _positions(found, nowhere), header.cells, header.steps)
    euler = euler_in_radians(data, np.stack([found[name] for name in ANGLES]), labels != NOT_INDEXED, "radians", degrees)
    unknown = [f"field {number} is not known and was left out" for number in header.fields if number not in FIELDS and number < FIRST_COUNT]
    return Scan(
        vendor="oxford",
        euler=grid.take(euler),
        phase=grid.take(labels),
        phases=tuple(header.phases.values()),
        spacing=grid.spacing,
        origin=grid.origin,
        maps={name: grid.take(column) for name, column in found.items() if name not in (*ANGLES, "phase", "x", "y")},
        notes=(*header.notes, *grid.notes),
        oddities=(*oddities, *header.oddities, *of_phases, *unknown, *_contradictions(header, grid)),
    )


def _positions(found: dict[str, np.ndarray], nowhere: np.ndarray) -> np.ndarray:
    """Fields x and y; NaN where there are none, and where a number is none."""
    positions = np.stack([found.get(name, nowhere) for name in ("x", "y")])
    return np.where(np.abs(positions) <= LARGEST, positions, np.nan)


def _contradictions(header: CprHeader, grid: Arrangement) -> list[str]:
    """What the header says against the positions, which were believed."""
    if grid.rows.shape == header.cells:
        return different_steps(header.steps, grid)
    line = f"the header promises {extent(header.cells)}, but the positions fill {extent(grid.rows.shape)}: they were believed"
    return [line, *different_steps(header.steps, grid)]


def _both(path: Path) -> tuple[Path, Path]:
    """The .cpr and the .crc file of a map, whichever was named."""
    wanted = ".crc" if path.suffix.lower() == ".cpr" else ".cpr"
    beside = [entry for entry in path.parent.iterdir() if entry.suffix.lower() == wanted and entry.stem.lower() == path.stem.lower()]
    if not beside:
        raise unreadable(path, f"has no {path.stem}{wanted} beside it", "Copy both files into one folder.")
    partner = min(beside, key=lambda entry: entry.stem != path.stem)
    return (path, partner) if wanted == ".crc" else (partner, path)


def _sections(text: str) -> Sections:
    """Names and values by the name of their section, all names in lower case."""
    sections: Sections = {}
    section = sections.setdefault("", {})
    for line in text.split("\n"):
        plain = line.strip()
        if plain.startswith("[") and plain.endswith("]"):
            section = sections.setdefault(plain[1:-1].strip().lower(), {})
        elif "=" in plain and not plain.startswith(";"):
            name, _, value = plain.partition("=")
            section.setdefault(name.strip().lower(), value.strip())
    return sections


def _header(path: Path, sections: Sections) -> CprHeader:
    mode = sections.get("general", {}).get("jobmode")
    if mode is not None and mode.lower() not in REGULAR:
        raise unreadable(path, f"is a job of mode {mode[:40]!r}, whose points are no grid", "Export a map of the mode 'RegularGrid'.")
    cells = tuple(whole(path, name, _value(path, sections, "Job", name)) for name in ("xCells", "yCells"))
    steps = tuple(number(path, name, _value(path, sections, "Job", name)) for name in ("GridDistX", "GridDistY"))
    deep = whole(path, "zCells", sections["job"].get("zcells") or "1")
    if deep > 1:
        cells, steps = (*cells, deep), (*steps, number(path, "GridDistZ", _value(path, sections, "Job", "GridDistZ")))
    count = whole(path, "Count of [Fields]", _value(path, sections, "Fields", "Count"))
    if count > MOST_FIELDS:
        raise unreadable(path, f"lists {count:,} fields", "Correct the header, or export it again.")
    fields = tuple(whole(path, f"Field{k}", _value(path, sections, "Fields", f"Field{k}")) for k in range(1, count + 1))
    if len(set(fields)) != count or not {3, 4, 5} <= set(fields):
        raise unreadable(path, f"lists the fields {fields}, and needs 3, 4 and 5 (the angles) and each one once", "Export it again.")
    phases, notes, oddities = _phases(path, sections)
    if mode is None:
        notes.append("the file names no JobMode: it was taken as RegularGrid")
    return CprHeader(cells, steps, fields, phases, tuple(notes), tuple(oddities))


def _value(path: Path, sections: Sections, section: str, name: str) -> str:
    found = sections.get(section.lower(), {}).get(name.lower())
    if found is None:
        raise unreadable(path, f"lacks {name} in [{section}]", "Check that it was copied whole.")
    return found


def _phases(path: Path, sections: Sections) -> tuple[dict[int, Phase], list[str], list[str]]:
    count = whole(path, "Count of [Phases]", _value(path, sections, "Phases", "Count"))
    if not 1 <= count <= MOST_PHASES:
        raise unreadable(path, f"has {count} phases", "Export it from the vendor's software again.")
    phases, notes, oddities = {}, [], []
    for index in range(1, count + 1):
        get = sections.get(f"phase{index}", {}).get
        group = whole(path, f"LaueGroup of phase {index}", _value(path, sections, f"Phase{index}", "LaueGroup"))
        phase, odd = oxford_phase(get("structurename") or f"phase {index}", group, whole(path, "SpaceGroup", get("spacegroup") or "0"))
        phases[index] = phase
        oddities += odd
        lattice = " ".join(get(name, "?") for name in ("a", "b", "c", "alpha", "beta", "gamma"))
        notes.append(f"phase {phase.name}: lattice constants {lattice} (Å, degrees), space group {get('spacegroup') or '?'}")
    return phases, notes, oddities


def _records(head: Path, data: Path, header: CprHeader, max_bytes: int) -> np.ndarray:
    """One record per point, after the file was found to have exactly the size that follows from the header."""
    cells, size = math.prod(header.cells), data.stat().st_size
    known = sum(np.dtype(_field(field)[1]).itemsize for field in header.fields if _field(field)[1]) + 1
    if cells == 0 or size % cells or size // cells < known:
        raise unreadable(
            data,
            f"holds {size:,} bytes, but {head.name} promises {product(*header.cells)} points of {known} bytes",
            "Copy both files again.",
        )
    check_size(data, cells * 8 * (len(header.fields) + 1), max_bytes, f"{extent(header.cells)} points of {len(header.fields) + 1} numbers")
    dtype = _dtype(data, header.fields, size // cells - known, extent(header.cells))
    return np.fromfile(data, dtype, count=cells)


def _field(number: int) -> tuple[str, str]:
    """Name and type of a field; a type that is not known is empty."""
    return FIELDS.get(number) or ((f"edx{number - FIRST_COUNT}", "<f4") if number >= FIRST_COUNT else (f"unknown{number}", ""))


def _dtype(path: Path, fields: tuple[int, ...], rest: int, grid: str) -> np.dtype:
    """The type of a record; `rest` bytes belong to the one field of unknown type, or to those at the end."""
    unknown = [k for k, field in enumerate(fields) if not _field(field)[1]]
    at_end = bool(unknown) and unknown[0] == len(fields) - len(unknown)
    if (rest > 0) != bool(unknown) or rest > WIDEST or (len(unknown) > 1 and not at_end):
        listed = ", ".join(str(fields[k]) for k in unknown)
        raise unreadable(
            path,
            f"holds {rest} bytes per point beyond the fields that are known, for {grid} points and the unknown fields {listed or 'none'}",
            "Export the map without further fields, or as .ctf.",
        )
    parts = [("phase", "u1")]
    for k, field in enumerate(fields):
        name, kind = _field(field)
        if kind or k == unknown[0]:
            parts.append((name, kind or f"V{rest}"))
    return np.dtype(parts)


CPR = Format("measured orientation map (.cpr with .crc)", (".cpr", ".crc"), load_cpr, options=(*OPTIONS, "degrees"))
