"""Microstructures as the text files of the vendors: .ctf (Oxford, degrees) and .ang (EDAX, radians).

Positions and angles are written as they are, in the frame of the microstructure: reading with frame="raw" gives them back.
Points outside the mask become the vendor's "not indexed", and no other point does. What a microstructure does not know is
filled in: cell edges of 1 Å, and 0 where a column has no map, but a confidence index of 1. The header names the columns that
were filled so, and the readers of this library leave them out again.
"""

import warnings
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.ebsd.ang_header import OPERATOR
from jaxmicro.io.ebsd.laue_names import HEXAGONAL, edax_of_laue, oxford_of_laue
from jaxmicro.io.ebsd.map_columns import MapColumns
from jaxmicro.io.ebsd.measured import Measured, measured
from jaxmicro.io.problems import DataWarning
from jaxmicro.microstructures import Phase

CTF_ROW = ("%d", "%.6f", "%.6f", "%d", "%d", "%.5f", "%.5f", "%.5f", "%.4f", "%d", "%d")
ANG_ROW = ("%9.6f", "%9.6f", "%9.6f", "%12.6f", "%12.6f", "%.1f", "%.4f", "%d", "%d", "%.4f")
OURS = "jaxmicro; Euler angles in degrees"  # the project of a .ctf file that was written here
FILLED = f"{OURS}; columns without data: "
NO_SOLUTION = 3  # Oxford's code of error
LOST_ANGLE, LOST_CI, LOST_FIT = 4 * np.pi, -1.0, 180.0  # how EDAX writes points that are not indexed
WORST_FIT = 179.9999  # that is no such mark


def save_ctf(stream: BinaryIO, value: Any) -> None:
    """Write a map as Oxford's channel text file."""
    ms = measured(value, "A .ctf file", ndim=2)
    _check_laue(ms, "A .ctf file")
    hexagonal = [phase.name for phase in ms.phases if phase.laue in HEXAGONAL]
    if hexagonal:
        line = f"Angles of {', '.join(hexagonal)} were written as they are; Oxford's software takes the crystal x axis as a*, this library as a."
        warnings.warn(line, DataWarning, stacklevel=5)
    maps = MapColumns(ms, "A .ctf file")
    bands, error = maps.take("bands", 0), maps.take("error", 0)
    error = np.where(ms.mask | (error != 0), error, NO_SOLUTION)
    mad, bc, bs = maps.take("mad", 4), maps.take("bc", 0), maps.take("bs", 0)
    maps.warn(5)
    nx, ny = ms.shape
    project = FILLED + ", ".join(maps.filled) if maps.filled else OURS
    head = ["Channel Text File", f"Prj\t{project}", "Author\t[Unknown]", "JobMode\tGrid", f"XCells\t{nx}", f"YCells\t{ny}"]
    head += [f"XStep\t{ms.spacing[0]!r}", f"YStep\t{ms.spacing[1]!r}", "AcqE1\t0", "AcqE2\t0", "AcqE3\t0"]
    head += ["Euler angles refer to Sample Coordinate system (CS0)!\tMag\t0\tCoverage\t100\tDevice\t0\tKV\t0\tTiltAngle\t0\tTiltAxis\t0"]
    head += [f"Phases\t{len(ms.phases)}", *(_ctf_phase(phase) for phase in ms.phases)]
    head += ["Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"]
    degrees = np.where(ms.mask, np.rad2deg(ms.euler), 0.0)
    number = np.where(ms.mask, ms.labels + 1, 0)
    _write(stream, head, [number, *_positions(ms), bands, error, *degrees, mad, bc, bs], CTF_ROW, "\t")


def save_ang(stream: BinaryIO, value: Any) -> None:
    """Write a map as EDAX's text file on a square grid."""
    ms = measured(value, "An .ang file", ndim=2)
    _check_laue(ms, "An .ang file")
    nx, ny = ms.shape
    head = ["# TEM_PIXperUM          1.000000", "# x-star                0.000000", "# y-star                0.000000"]
    head += ["# z-star                0.000000", "# WorkingDistance       0.000000", "#"]
    for number, phase in enumerate(ms.phases, 1):
        head += _ang_phase(number, phase)
    head += ["# GRID: SqrGrid", f"# XSTEP: {ms.spacing[0]:.6f}", f"# YSTEP: {ms.spacing[1]:.6f}"]
    head += [f"# NCOLS_ODD: {nx}", f"# NCOLS_EVEN: {nx}", f"# NROWS: {ny}", "#"]
    maps = MapColumns(ms, "An .ang file")
    iq, ci, sem, fit = maps.take("iq", 1), maps.take("ci", 4, 1.0), maps.take("sem", 0), maps.take("fit", 4)
    ci, fit = _without_marks(ms, ci, fit, maps.problems)
    maps.warn(5)
    operator = OPERATOR + ", ".join(maps.filled) if maps.filled else "jaxmicro"
    head += [f"# OPERATOR: \t{operator}", "#", "# SAMPLEID: \t", "#", "# SCANID: \t", "#"]
    angles = np.where(ms.mask, ms.euler, LOST_ANGLE)
    number = np.where(ms.mask & (len(ms.phases) > 1), ms.labels + 1, 0)  # EDAX counts from 1 where there are several phases
    _write(stream, head, [*angles, *_positions(ms), iq, ci, number, sem, fit], ANG_ROW, " ")


def _without_marks(ms: Measured, ci: np.ndarray, fit: np.ndarray, problems: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence index and fit with the marks of points that are not indexed outside the mask, and nowhere else."""
    marked = ms.mask & (ci == LOST_CI)
    if marked.any():
        problems.append(f"{int(marked.sum()):,} confidence indices of -1 at measured points were written as 0, since -1 means not indexed")
    ci = np.where(ms.mask, np.where(marked, 0.0, ci), LOST_CI)
    marked = ms.mask & (np.abs(fit) == LOST_FIT) & (ci <= 0)
    if marked.any():
        problems.append(f"{int(marked.sum()):,} fits of 180° at measured points were written as {WORST_FIT}°, since 180° means not indexed")
    return ci, np.where(ms.mask, np.where(marked, np.sign(fit) * WORST_FIT, fit), LOST_FIT)


def _check_laue(ms: Measured, what: str) -> None:
    unknown = [phase.name for phase in ms.phases if phase.laue is None]
    check(not unknown, f"{what} names the Laue group of every phase, but {unknown} have none. Write Phase(name, laue='m-3m').")


def _ctf_phase(phase: Phase) -> str:
    angles = "90;90;120" if phase.laue in HEXAGONAL else "90;90;90"
    return f"1;1;1\t{angles}\t{_one_line(phase.name)}\t{oxford_of_laue(phase.laue)}\t0\t\t\t"


def _ang_phase(number: int, phase: Phase) -> list[str]:
    gamma = 120 if phase.laue in HEXAGONAL else 90
    return [
        f"# Phase {number}",
        f"# MaterialName  \t{_one_line(phase.name)}",
        "# Formula     \t",
        "# Info\t\t",
        f"# Symmetry              {edax_of_laue(phase.laue)}",
        f"# LatticeConstants      1.000 1.000 1.000  90.000  90.000 {gamma:7.3f}",
        "# NumberFamilies        0",
        "# Categories 0 0 0 0 0 ",
        "#",
    ]


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _positions(ms: Measured) -> tuple[np.ndarray, np.ndarray]:
    """Positions of every point along x and y, from zero."""
    x, y = np.meshgrid(*(step * np.arange(n) for step, n in zip(ms.spacing, ms.shape, strict=True)), indexing="ij")
    return x, y


def _write(stream: BinaryIO, head: list[str], columns: list[np.ndarray], row: tuple[str, ...], gap: str) -> None:
    """The header and one line per point, x running fastest."""
    stream.write("".join(f"{line}\r\n" for line in head).encode())
    table = np.column_stack([column.T.ravel() for column in columns])
    line = gap.join(row) + "\r\n"
    for start in range(0, len(table), 4096):
        part = table[start : start + 4096]
        stream.write((line * len(part) % tuple(part.ravel())).encode())
