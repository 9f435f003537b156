"""Oxford Instruments' HDF5 files (.h5oina), as their published specification lays them out (versions 1 to 8).

`<slice>/EBSD/Data` holds one row per point, x running fastest: `Euler` (radians, Bunge), `Phase` (0 is "not indexed"),
and further columns. `<slice>/EBSD/Header` holds `X Cells`, `Y Cells`, `X Step`, `Y Step` (µm) and `Phases/<number>`.
Points outside an irregular area are NaN.

Source: Oxford Instruments NanoAnalysis HDF5 File Specification, github.com/oinanoanalysis/h5oina.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.euler_check import checked_euler
from jaxmicro.io.ebsd.laue_names import laue_of_oxford, laue_of_space_group, without_group
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.scan_choice import chosen
from jaxmicro.io.hdf5 import Node, open_hdf5
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure, Phase

VERSIONS = range(1, 9)
MAPS = {"Band Contrast": "bc", "Band Slope": "bs", "Bands": "bands", "Error": "error", "Pattern Quality": "pq"}
MAD = "Mean Angular Deviation"  # in radians here, in degrees everywhere else
MAX_EXTENT = 1 << 31
OFF_GRID = 0.25  # of a step: how far a position may lie from its place


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
    _check_positions(path, data, nx, ny, spacing)
    phases, numbers, odd = _phases(path, header.child("Phases"))
    euler = data.numbers("Euler", 3 * size).reshape(ny, nx, 3).T.astype(float)
    phase = _labels(path, data.numbers("Phase", size).reshape(ny, nx).T, numbers)
    outside = ~np.isfinite(euler).all(axis=0) & (phase != NOT_INDEXED)
    notes = [f"{int(outside.sum())} points with a phase but without angles lie outside the measured area"] if outside.any() else []
    phase = np.where(outside, NOT_INDEXED, phase)
    euler = checked_euler(path, euler, phase, degrees)
    maps = {short: data.numbers(name, size).reshape(ny, nx).T for name, short in MAPS.items() if name in data}
    if MAD in data:
        maps["mad"] = np.rad2deg(data.numbers(MAD, size).reshape(ny, nx).T.astype(float))
        notes.append("mean angular deviations were turned from radians into degrees")
    return Scan("oxford", euler, phase, phases, spacing, maps, tuple(notes), (*oddities, *odd))


def _cells(path: Path, header: Node, axis: str) -> int:
    count = header.whole(f"{axis} Cells")
    if not 1 <= count < MAX_EXTENT:
        raise unreadable(path, f"promises {count} points along {axis.lower()}", "Check that it was exported whole.")
    return count


def _step(path: Path, header: Node, axis: str) -> float:
    step = header.number(f"{axis} Step")
    if not (math.isfinite(step) and step > 0):
        raise unreadable(path, f"has a step of {step:g} µm along {axis.lower()}", "Line scans are not read; maps have positive steps.")
    return step


def _check_size(path: Path, data: Node, nx: int, ny: int) -> int:
    """The number of points, on which header and columns must agree before any column is read."""
    for name, columns in (("Phase", 1), ("Euler", 3)):
        found = math.prod(data.shape(name))
        if found != nx * ny * columns:
            rows = f"{found // columns:,}" if found % columns == 0 else f"{found} / {columns}"
            raise unreadable(path, f"{name}: {rows} points but the header promises {nx} × {ny} = {nx * ny:,}", "Export it again.")
    return nx * ny


def _check_positions(path: Path, data: Node, nx: int, ny: int, spacing: tuple[float, float]) -> None:
    """Positions, where there are any, must be those of the grid, x running fastest."""
    for name, step, shape in (("X", spacing[0], (1, nx)), ("Y", spacing[1], (ny, 1))):
        if name not in data:
            continue
        found = data.numbers(name, nx * ny).reshape(ny, nx).astype(float)
        known = np.isfinite(found)
        if not known.any():
            continue
        index = np.arange(max(shape)).reshape(shape)
        origin = float(np.median((found - step * index)[known]))
        away = np.abs(found - origin - step * index)[known].max() / step
        if not away <= OFF_GRID:
            raise unreadable(
                path, f"holds positions {name} up to {away:.3g} steps from those of its grid of {nx} × {ny} points", "Export it again."
            )


def _phases(path: Path, group: Node) -> tuple[tuple[Phase, ...], list[int], list[str]]:
    """Phases in the order of their numbers, those numbers, and oddities."""
    names = [name for name in group.names if group.is_group(name)]
    wrong = [name for name in names if not (name.isdecimal() and len(name) < 4 and int(name) > 0)]
    if wrong or not names:
        raise unreadable(path, f"lists phases {names[:8]}, and numbers from 1 are expected", "Export it again.")
    found, oddities = [], []
    for name in sorted(names, key=int):
        entry = group.child(name)
        title = entry.text("Phase Name") or f"phase {name}"
        number = entry.whole("Laue Group")
        laue = laue_of_oxford(number)
        if laue is None:
            oddities.append(without_group(title, number))
        space = laue_of_space_group(entry.whole("Space Group")) if "Space Group" in entry else None
        if laue is not None and space is not None and space != laue:
            raise unreadable(path, f"gives phase {title!r} the Laue group {laue} and a space group of {space}", "Correct one of them.")
        found.append(Phase(title, laue))
    return tuple(found), sorted(int(name) for name in names), oddities


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
