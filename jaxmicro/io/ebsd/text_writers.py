"""Microstructures as the text files of the vendors: .ctf (Oxford, degrees) and .ang (EDAX, radians).

Positions and angles are written as they are, in the frame of the microstructure: reading with frame="raw" gives them back.
Points outside the mask become the vendor's "not indexed". What a microstructure does not know is filled in: cell edges of 1,
and 0 where a column has no map, but a confidence index of 1.
"""

import warnings
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.ebsd.laue_names import HEXAGONAL, edax_of_laue, oxford_of_laue
from jaxmicro.io.ebsd.measured import Measured, measured
from jaxmicro.io.problems import DataWarning
from jaxmicro.microstructures import Phase

CTF_ROW = ("%d", "%.6f", "%.6f", "%d", "%d", "%.5f", "%.5f", "%.5f", "%.4f", "%d", "%d")
ANG_ROW = ("%9.6f", "%9.6f", "%9.6f", "%12.6f", "%12.6f", "%.1f", "%.4f", "%d", "%d", "%.4f")
NO_SOLUTION = 3  # Oxford's code of error
LOST_ANGLE, LOST_CI, LOST_FIT = 4 * np.pi, -1.0, 180.0  # how EDAX writes points that are not indexed


def save_ctf(stream: BinaryIO, value: Any) -> None:
    """Write a map as Oxford's channel text file."""
    ms = measured(value, "A .ctf file", ndim=2)
    _check_laue(ms, "A .ctf file")
    hexagonal = [phase.name for phase in ms.phases if phase.laue in HEXAGONAL]
    if hexagonal:
        line = f"Angles of {', '.join(hexagonal)} were written as they are; Oxford's software takes the crystal x axis as a*, this library as a."
        warnings.warn(line, DataWarning, stacklevel=5)
    nx, ny = ms.shape
    head = ["Channel Text File", "Prj\tjaxmicro", "Author\t[Unknown]", "JobMode\tGrid", f"XCells\t{nx}", f"YCells\t{ny}"]
    head += [f"XStep\t{ms.spacing[0]!r}", f"YStep\t{ms.spacing[1]!r}", "AcqE1\t0", "AcqE2\t0", "AcqE3\t0"]
    head += ["Euler angles refer to Sample Coordinate system (CS0)!\tMag\t0\tCoverage\t100\tDevice\t0\tKV\t0\tTiltAngle\t0\tTiltAxis\t0"]
    head += [f"Phases\t{len(ms.phases)}", *(_ctf_phase(phase) for phase in ms.phases)]
    head += ["Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS"]
    degrees = np.where(ms.mask, np.rad2deg(ms.euler), 0.0)
    error = np.where(ms.mask, 0, NO_SOLUTION)
    columns = [np.where(ms.mask, ms.labels + 1, 0), *_positions(ms), _map(ms, "bands"), error, *degrees]
    _write(stream, head, [*columns, *(_map(ms, name) for name in ("mad", "bc", "bs"))], CTF_ROW, "\t")


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
    head += ["# OPERATOR: \tjaxmicro", "#", "# SAMPLEID: \t", "#", "# SCANID: \t", "#"]
    angles = np.where(ms.mask, ms.euler, LOST_ANGLE)
    ci = np.where(ms.mask, _map(ms, "ci", 1.0), LOST_CI)
    number = np.where(ms.mask & (len(ms.phases) > 1), ms.labels + 1, 0)  # EDAX counts from 1 where there are several phases
    fit = np.where(ms.mask, _map(ms, "fit"), LOST_FIT)
    _write(stream, head, [*angles, *_positions(ms), _map(ms, "iq"), ci, number, _map(ms, "sem"), fit], ANG_ROW, " ")


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


def _map(ms: Measured, name: str, default: float = 0.0) -> np.ndarray:
    """A map by its name, or the default where there is none; what is not finite becomes zero."""
    return np.nan_to_num(ms.maps[name], nan=0.0, posinf=0.0, neginf=0.0) if name in ms.maps else np.full(ms.shape, default)


def _write(stream: BinaryIO, head: list[str], columns: list[np.ndarray], row: tuple[str, ...], gap: str) -> None:
    """The header and one line per point, x running fastest."""
    stream.write("".join(f"{line}\r\n" for line in head).encode())
    table = np.column_stack([column.T.ravel() for column in columns])
    line = gap.join(row) + "\r\n"
    for start in range(0, len(table), 4096):
        part = table[start : start + 4096]
        stream.write((line * len(part) % tuple(part.ravel())).encode())
