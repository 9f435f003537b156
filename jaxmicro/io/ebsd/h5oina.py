"""Oxford Instruments' HDF5 files (.h5oina), as their published specification lays them out (versions 1 to 8).

`<slice>/EBSD/Data` holds one row per point, x running fastest: `Euler` (radians, Bunge), `Phase` (0 is "not indexed"),
and further columns. `<slice>/EBSD/Header` holds `X Cells`, `Y Cells`, `X Step`, `Y Step` (µm) and `Phases/<number>`.
Points outside an irregular area are NaN. Units may be named in attributes `Unit`: those of fixed length are honoured.

Source: Oxford Instruments NanoAnalysis HDF5 File Specification, github.com/oinanoanalysis/h5oina.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.euler_check import checked_euler
from jaxmicro.io.ebsd.lattice import lattice_note
from jaxmicro.io.ebsd.oxford_phase import oxford_phase
from jaxmicro.io.ebsd.places import placed
from jaxmicro.io.ebsd.points import Arrangement
from jaxmicro.io.ebsd.promise import broken_promise, extent, product
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.scan_choice import chosen
from jaxmicro.io.ebsd.units import micrometres, radians
from jaxmicro.io.hdf5 import Node, open_hdf5
from jaxmicro.io.problems import ReadError, unreadable
from jaxmicro.microstructures import Microstructure, Phase

VERSIONS = range(1, 9)
MAPS = {"Band Contrast": "bc", "Band Slope": "bs", "Bands": "bands", "Error": "error", "Pattern Quality": "pq"}
MAD = "Mean Angular Deviation"  # in radians here, in degrees everywhere else
UNREAD = "?"
MAX_EXTENT = 1 << 31
OFF_STEP = 0.01  # of a step: how far positions and header may differ


def load_h5oina(path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None, **options: Any) -> Microstructure:
    """Read the EBSD map of an .h5oina file; `options` are those of `scan_to_microstructure`."""
    from jaxmicro.io.ebsd.build import scan_to_microstructure

    return scan_to_microstructure(path, read_h5oina(path, max_bytes, scan, degrees), **options)


def read_h5oina(path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None) -> Scan:
    """The scan of an .h5oina file; `scan` is the number of a slice where there are several."""
    with open_hdf5(path, max_bytes) as root:
        oddities = _check_version(path, root)
        slices = [name for name in root.names if root.is_group(name) and root.child(name).is_group("EBSD")]
        name = chosen(path, slices, scan, "slices with EBSD data")
        ebsd = root.walk(name, "EBSD")
        return _scan(path, ebsd.child("Data"), ebsd.child("Header"), oddities, degrees)


def _check_version(path: Path, root: Node) -> list[str]:
    if "Format Version" not in root:
        raise unreadable(path, "has no 'Format Version', which every .h5oina file has", "Export it again.")
    version = root.text("Format Version")
    major = version.split(".")[0]
    if not major.isdecimal() or int(major[:9]) not in VERSIONS:
        return [f"its format version {version[:20]!r} is none of 1 … 8, for which this reader was written"]
    return []


def _scan(path: Path, data: Node, header: Node, oddities: list[str], degrees: bool | None) -> Scan:
    nx, ny = _cells(path, header, "X"), _cells(path, header, "Y")
    spacing = (_step(path, header, "X"), _step(path, header, "Y"))
    size = _check_size(path, data, nx, ny)
    grid = _places(path, data, size, (nx, ny), spacing)
    phases, numbers, lattices, odd = _phases(path, header.child("Phases"))
    euler = grid.take(data.numbers("Euler", 3 * size).reshape(size, 3).T.astype(float) * _radians(path, data, "Euler"))
    phase = _labels(path, grid.take(data.numbers("Phase", size).ravel()), numbers)
    outside = ~np.isfinite(euler).all(axis=0) & (phase != NOT_INDEXED)
    notes = [*lattices, *grid.notes]
    if outside.any():
        notes.append(f"{int(outside.sum())} points with a phase but without angles lie outside the measured area")
    phase = np.where(outside, NOT_INDEXED, phase)
    euler = checked_euler(path, euler, phase, degrees)
    maps = {short: grid.take(data.numbers(name, size).ravel()) for name, short in MAPS.items() if name in data}
    if MAD in data:
        factor = _radians(path, data, MAD)
        maps["mad"] = np.rad2deg(grid.take(data.numbers(MAD, size).ravel().astype(float)) * factor)
        notes += ["mean angular deviations were turned from radians into degrees"] if factor == 1 else []
    of_units, converted = _of_units(path, data, header)
    return Scan("oxford", euler, phase, phases, spacing, maps, (*notes, *of_units), (*oddities, *odd, *converted), grid.origin)


def _cells(path: Path, header: Node, axis: str) -> int:
    count = header.whole(f"{axis} Cells")
    if not 1 <= count < MAX_EXTENT:
        raise unreadable(path, f"promises {count} points along {axis.lower()}", "Check that it was exported whole.")
    return count


def _step(path: Path, header: Node, axis: str) -> float:
    step = header.number(f"{axis} Step") * _micrometres(path, header, f"{axis} Step")
    if not (math.isfinite(step) and step > 0):
        raise unreadable(path, f"has a step of {step:g} µm along {axis.lower()}", "Line scans are not read; maps have positive steps.")
    return step


def _check_size(path: Path, data: Node, nx: int, ny: int) -> int:
    """The number of points, on which header and columns must agree before any column is read."""
    for name, columns in (("Phase", 1), ("Euler", 3)):
        found = math.prod(data.shape(name))
        if found != nx * ny * columns:
            rows = f"{found // columns:,}" if found % columns == 0 else f"{found} / {columns}"
            raise broken_promise(path, rows, product(nx, ny), name)
    return nx * ny


def _unit(node: Node, name: str) -> str:
    """The unit that a dataset names in its attribute; empty where it has none, and "?" for one that cannot be read safely."""
    try:
        unit = node.attribute("Unit", name)
    except ReadError:  # text of variable length: see `hdf5_heaps`
        return UNREAD
    return unit if isinstance(unit, str) else ""


def _radians(path: Path, node: Node, name: str) -> float:
    """Radians in the unit of a dataset, that of the specification where it names none."""
    unit = _unit(node, name)
    return 1.0 if unit in ("", UNREAD) else radians(path, name, unit)


def _micrometres(path: Path, node: Node, name: str) -> float:
    """µm in the unit of a dataset, that of the specification where it names none."""
    unit = _unit(node, name)
    return 1.0 if unit in ("", UNREAD) else micrometres(path, name, unit)


def _of_units(path: Path, data: Node, header: Node) -> tuple[list[str], list[str]]:
    """Notes on units that were not read, and oddities: those that are not of the specification."""
    named = [(name, header, _micrometres) for name in ("X Step", "Y Step")]
    named += [(name, data, _radians) for name in ("Euler", MAD) if name in data]
    unread = [name for name, node, _ in named if _unit(node, name) == UNREAD]
    notes = [f"units of {', '.join(unread)} are texts that are not read: µm and radians of the specification were taken"] if unread else []
    return notes, [
        f"{name} is given in {_unit(node, name)!r}, against the specification: it was converted"
        for name, node, factor in named
        if factor(path, node, name) != 1
    ]


def _places(path: Path, data: Node, size: int, cells: tuple[int, int], spacing: tuple[float, float]) -> Arrangement:
    """Rows sorted by position where they are out of order; the grid must be that of the header."""
    nowhere = np.full(size, np.nan)
    columns = [data.numbers(name, size).ravel() * _micrometres(path, data, name) if name in data else nowhere for name in ("X", "Y")]
    grid = placed(path, np.stack(columns).astype(float), cells, spacing)
    if grid.rows.shape != cells or not np.allclose(grid.spacing, spacing, rtol=OFF_STEP):
        steps = " × ".join(f"{step:.6g}" for step in grid.spacing)
        found = f"holds positions of a grid of {extent(grid.rows.shape)} points {steps} µm apart"
        promised = f"{extent(cells)} points {' × '.join(f'{step:g}' for step in spacing)} µm apart"
        raise unreadable(path, f"{found}, but the header promises {promised}", "Export it again.")
    return dataclasses.replace(grid, spacing=spacing)


def _phases(path: Path, group: Node) -> tuple[tuple[Phase, ...], list[int], list[str], list[str]]:
    """Phases in the order of their numbers, those numbers, lattice constants, and oddities."""
    names = [name for name in group.names if group.is_group(name)]
    wrong = [name for name in names if not (name.isdecimal() and len(name) < 4 and int(name) > 0)]
    if wrong or not names:
        raise unreadable(path, f"lists phases {names[:8]}, and numbers from 1 are expected", "Export it again.")
    found, notes, oddities = [], [], []
    for name in sorted(names, key=int):
        entry = group.child(name)
        space = entry.whole("Space Group") if "Space Group" in entry else 0
        phase, odd = oxford_phase(entry.text("Phase Name") or f"phase {name}", entry.whole("Laue Group"), space)
        found.append(phase)
        oddities += odd
        if "Lattice Dimensions" in entry and "Lattice Angles" in entry:
            edges, turns = entry.numbers("Lattice Dimensions", 3).ravel(), entry.numbers("Lattice Angles", 3).ravel()
            notes.append(lattice_note(phase.name, [*edges.tolist(), *np.rad2deg(turns).tolist()], space or "?"))
    return tuple(found), sorted(int(name) for name in names), notes, oddities


def _labels(path: Path, stored: np.ndarray, numbers: list[int]) -> np.ndarray:
    """Places in the list of phases; 0 (and what lies outside the area, NaN in a column of floats) is not indexed."""
    codes = np.where(np.isfinite(stored), stored, 0)
    unknown = np.setdiff1d(codes, [0, *numbers])
    if unknown.size:
        raise unreadable(
            path, f"holds points of phase {unknown[0]:g}, and its header lists {', '.join(map(str, numbers))}", "Export it again."
        )
    table = np.full(max(numbers) + 1, NOT_INDEXED)
    table[numbers] = np.arange(len(numbers))
    return table[codes.astype(np.int64)]
