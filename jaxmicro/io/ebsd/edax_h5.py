"""EDAX OIM's HDF5 files (.h5): `<scan>/EBSD/{Data, Header}`, one row per point, angles in radians.

A point counts as not indexed where `Valid` is not 0, where its position is the mark −1111111, and where the marks of .ang
files say so: a confidence index of −1, a fit of 180° without confidence, angles of 4π. Phases count from 1, but a scan of
one phase has 0 everywhere.
Layout as OIM Analysis 7 writes it, known from a file of EDAX's in the test data of EbsdLib (BlueQuartz Software).
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.edax_marks import NO_CONFIDENCE, NO_FIT, marked_by_angles
from jaxmicro.io.ebsd.euler_check import checked_euler
from jaxmicro.io.ebsd.lattice import lattice_note
from jaxmicro.io.ebsd.laue_names import laue_of_edax, without_group
from jaxmicro.io.ebsd.phase_numbers import labels_of
from jaxmicro.io.ebsd.places import NO_POSITIONS, OFF_GRID
from jaxmicro.io.ebsd.points import Arrangement, arrange
from jaxmicro.io.ebsd.promise import broken_promise, product
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.scan_choice import chosen
from jaxmicro.io.hdf5 import Node, open_hdf5
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure, Phase

MAPS = {"CI": "ci", "IQ": "iq", "Fit": "fit", "SEM Signal": "sem"}
ANGLES = ("Phi1", "Phi", "Phi2")
LATTICE = tuple(f"Lattice Constant {name}" for name in ("a", "b", "c", "alpha", "beta", "gamma"))
NO_POSITION = -1e6  # positions below stand for points without data; EDAX writes -1111111
MAX_EXTENT = 1 << 31
SQUARE, HEXAGONAL = "SqrGrid", "HexGrid"
OFF_STEP = 0.01  # of a step: how far positions and header may differ


@dataclasses.dataclass(frozen=True)
class Promised:
    """The grid that the header tells of."""

    nx: int
    ny: int
    spacing: tuple[float, float]
    hexagonal: bool


def load_edax_h5(
    path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None, resample: str | None = None, **options: Any
) -> Microstructure:
    """Read a scan of an EDAX .h5 file; `options` are those of `scan_to_microstructure`."""
    from jaxmicro.io.ebsd.build import scan_to_microstructure

    return scan_to_microstructure(path, read_edax_h5(path, max_bytes, scan, degrees, resample), **options)


def read_edax_h5(path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None, resample: str | None = None) -> Scan:
    """The scan of that name, or the only one."""
    with open_hdf5(path, max_bytes) as root:
        ebsd = root.walk(chosen(path, scan_names(root), scan, "EDAX scans"), "EBSD")
        return _scan(path, ebsd.child("Data"), ebsd.child("Header"), degrees, resample)


def scan_names(root: Node) -> list[str]:
    """Groups of the root that hold an EBSD scan in EDAX's layout."""
    groups = [name for name in root.names if root.is_group(name) and root.child(name).is_group("EBSD")]
    return [name for name in groups if all(root.walk(name, "EBSD").is_group(part) for part in ("Data", "Header"))]


def _scan(path: Path, data: Node, header: Node, degrees: bool | None, resample: str | None) -> Scan:
    grid = _grid(path, header)
    size = _check_size(path, data, grid)
    phases, lattices, oddities = _phases(path, header.child("Phase"))
    columns = {name: data.numbers(name, size).ravel() for name in (*ANGLES, *MAPS) if name in data or name in ANGLES}
    x, y, known = _positions(data, size)
    labels, odd = labels_of(path, data.numbers("Phase", size).ravel().astype(float), dict(enumerate(phases, 1)), single=0)
    labels = np.where(_lost(data, columns, size, bool(degrees)) | ~known, NOT_INDEXED, labels)
    places = _arrangement(path, x, y, known, grid, resample)
    phase = places.take(labels)
    euler = checked_euler(path, places.take(np.stack([columns[name] for name in ANGLES]).astype(float)), phase, degrees)
    maps = {short: places.take(columns[name]) for name, short in MAPS.items() if name in columns}
    return Scan("edax", euler, phase, phases, places.spacing, maps, (*lattices, *places.notes), (*oddities, *odd))


def _grid(path: Path, header: Node) -> Promised:
    kind = header.text("Grid Type")
    if kind not in (SQUARE, HEXAGONAL):
        raise unreadable(path, f"holds a grid of type {kind!r}, which is neither {SQUARE} nor {HEXAGONAL}", "Convert it in OIM Analysis.")
    nx, ny = header.whole("nColumns"), header.whole("nRows")
    spacing = (header.number("Step X"), header.number("Step Y"))
    if not (1 <= nx < MAX_EXTENT and 1 <= ny < MAX_EXTENT):
        raise unreadable(path, f"promises {nx} × {ny} points", "Check that it was copied whole.")
    if not all(math.isfinite(step) and step > 0 for step in spacing):
        raise unreadable(path, f"has steps of {spacing[0]:g} and {spacing[1]:g} µm", "Steps are positive.")
    return Promised(nx, ny, spacing, kind == HEXAGONAL)


def _check_size(path: Path, data: Node, grid: Promised) -> int:
    """The number of points, on which header and columns must agree before any column is read."""
    sizes = {name: math.prod(data.shape(name)) for name in (*ANGLES, "Phase")}
    promised = sizes["Phase"] if grid.hexagonal else grid.nx * grid.ny  # every other row of a hexagonal grid may be shorter
    for name, found in sizes.items():
        if found != promised:
            raise broken_promise(path, found, f"{promised:,}" if grid.hexagonal else product(grid.nx, grid.ny), name)
    return promised


def _phases(path: Path, group: Node) -> tuple[tuple[Phase, ...], list[str], list[str]]:
    """Phases, lattice constants, and oddities."""
    names = sorted((name for name in group.names if group.is_group(name)), key=lambda name: (len(name), name))
    if not names or names != [str(k) for k in range(1, len(names) + 1)]:
        raise unreadable(path, f"lists phases {names[:8]}, and 1, 2, … are expected", "Export it again.")
    found, notes, oddities = [], [], []
    for name in names:
        entry = group.child(name)
        title = entry.text("MaterialName") or f"phase {name}"
        number = entry.whole("Symmetry")
        laue = laue_of_edax(number)
        if laue is None:
            oddities.append(without_group(title, number))
        found.append(Phase(title, laue))
        if all(name in entry for name in LATTICE):
            notes.append(lattice_note(title, [entry.number(name) for name in LATTICE]))
    return tuple(found), notes, oddities


def _lost(data: Node, columns: dict[str, np.ndarray], size: int, in_degrees: bool) -> np.ndarray:
    """Points that EDAX marks as not indexed."""
    middle, last = (columns[name].astype(float) for name in ANGLES[1:])
    lost = marked_by_angles(middle, last, in_degrees)
    if "CI" in columns:
        no_confidence = columns["CI"] == NO_CONFIDENCE
        lost |= no_confidence & ~no_confidence.all()  # where it is -1 everywhere it was not measured
    if "CI" in columns and "Fit" in columns:
        lost |= (np.abs(columns["Fit"]) == NO_FIT) & (columns["CI"] <= 0)
    if "Valid" in data:
        lost |= data.numbers("Valid", size).ravel() != 0
    return lost


def _positions(data: Node, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and where they are no marks; x and y are empty where the file has none."""
    if not ("X Position" in data and "Y Position" in data):
        return np.zeros(0), np.zeros(0), np.ones(size, bool)
    x, y = (data.numbers(f"{axis} Position", size).ravel().astype(float) for axis in "XY")
    return x, y, (x > NO_POSITION) & (y > NO_POSITION)


def _arrangement(path: Path, x: np.ndarray, y: np.ndarray, known: np.ndarray, grid: Promised, resample: str | None) -> Arrangement:
    """Which point belongs where: by position, or row by row where positions are missing."""
    if x.size and known.all():
        found = arrange(path, np.stack([x, y]), resample)
        if not found.hexagonal:
            _check_promise(path, found, grid)
        return found if found.hexagonal else Arrangement(found.rows, grid.spacing, notes=found.notes)
    if grid.hexagonal:
        raise unreadable(path, "holds a hexagonal grid without all of its positions", "Export it with X Position and Y Position.")
    order = np.arange(grid.nx * grid.ny).reshape(grid.ny, grid.nx)
    if x.size and known.any():
        first = np.flatnonzero(known)[0]
        row, column = np.divmod(np.flatnonzero(known), grid.nx)
        away_x = np.abs((x[known] - x[first]) / grid.spacing[0] - (column - column[0])).max()
        away_y = np.abs((y[known] - y[first]) / grid.spacing[1] - (row - row[0])).max()
        if not max(away_x, away_y) <= OFF_GRID:
            raise unreadable(path, f"holds positions that are not those of its grid of {grid.nx} × {grid.ny} points", "Export it again.")
    return Arrangement(order.T, grid.spacing, notes=() if x.size else (NO_POSITIONS,))


def _check_promise(path: Path, found: Arrangement, grid: Promised) -> None:
    """Positions and header must tell of one grid."""
    if grid.hexagonal or found.rows.shape != (grid.nx, grid.ny):
        kind = "hexagonal" if grid.hexagonal else "square"
        nx, ny = found.rows.shape
        raise unreadable(path, f"holds a square grid of {nx} × {ny} points but the header promises a {kind} one of {grid.nx} × {grid.ny}")
    if not np.allclose(found.spacing, grid.spacing, rtol=OFF_STEP):
        raise unreadable(path, f"holds points {found.spacing} apart but the header promises steps of {grid.spacing} µm", "Export it again.")
