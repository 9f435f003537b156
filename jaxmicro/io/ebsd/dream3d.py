"""DREAM.3D files (.dream3d), versions 7 and 8.

Angles are in radians, quaternions have the vector part first, phase 0 is "not indexed", hexagonal crystals have x ∥ a.
Sources: the SIMPL and simplnx libraries of BlueQuartz Software (the names and attributes of groups, see `dream3d_layout`;
the numbers of the crystal structures from the documentation of the filter "Create Ensemble Info").
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.dream3d_layout import STRUCTURES, Layout, find_layout
from jaxmicro.io.ebsd.edax_marks import NO_CONFIDENCE, marked_by_angles
from jaxmicro.io.ebsd.euler_check import checked_euler
from jaxmicro.io.ebsd.lattice import lattice_note
from jaxmicro.io.ebsd.measured import euler_angles
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.hdf5 import Node, open_hdf5
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Microstructure, Phase

LAUE = {0: "6/mmm", 1: "m-3m", 2: "6/m", 3: "m-3", 4: "-1", 5: "2/m", 6: "mmm", 7: "4/m", 8: "4/mmm", 9: "-3", 10: "-3m"}
UNKNOWN = 999
OURS = "jaxmicro"  # attribute of the files of this library, whose mask says all about what was measured
EULER, QUATERNIONS, PHASES, FEATURES, MASK = "eulerangles", ("quats", "quaternions"), "phases", "featureids", "mask"
MAPS = {"confidenceindex": "ci", "imagequality": "iq", "semsignal": "sem", "meanangulardeviation": "mad", "bandcontrast": "bc", "bandslope": "bs", FEATURES: "grain"}  # fmt: skip
LATTICE = "LatticeConstants"
LEFT_OUT = ("xposition", "yposition", "x", "y")
NAME_PREFIX = "MaterialName "  # that some versions leave in the names of phases
APART = math.radians(0.1)  # what two representations of one orientation may differ by


def load_dream3d(path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None, **options: Any) -> Microstructure:
    """Read the image geometry of a .dream3d file; `options` are those of `scan_to_microstructure`."""
    from jaxmicro.io.ebsd.build import scan_to_microstructure

    return scan_to_microstructure(path, read_dream3d(path, max_bytes, scan, degrees), **options)


def read_dream3d(path: Path, max_bytes: int, scan: str | None = None, degrees: bool | None = None) -> Scan:
    """The scan of a .dream3d file; one slice is a map."""
    with open_hdf5(path, max_bytes) as root:
        return _scan(path, find_layout(path, root, scan), degrees, root.attribute(OURS) is not None)


def _scan(path: Path, layout: Layout, degrees: bool | None, ours: bool) -> Scan:
    names = {_plain(name): name for name in layout.cells.names if not layout.cells.is_group(name)}
    phases = _phases(path, layout.ensemble)
    euler, oddities = _orientations(path, layout, names, degrees)
    phase = _labels(path, layout, names, len(phases))
    notes = [f"read from {layout.name!r}", *_lattices(layout.ensemble, phases)]
    maps, skipped = _maps(layout, names)
    if skipped:
        notes.append(f"left out, since they are no scalar maps: {', '.join(skipped)}")
    if MASK in names:
        measured = _grid(layout, layout.cells.numbers(names[MASK], math.prod(layout.shape)))[0] != 0
        notes.append(f"{int((~measured).sum())} points outside the array {names[MASK]!r} count as not indexed")
        phase = np.where(measured, phase, NOT_INDEXED)
    if not (ours and MASK in names):
        phase, of_marks, odd = _without_confidence(maps, phase, euler, degrees)
        notes, oddities = [*notes, *of_marks], [*oddities, *odd]
    euler = checked_euler(path, euler, phase, degrees)
    thin = layout.shape[2] == 1
    return Scan(
        vendor="dream3d",
        euler=euler[..., 0] if thin else euler,
        phase=phase[..., 0] if thin else phase,
        phases=phases,
        spacing=layout.spacing[:2] if thin else layout.spacing,
        maps={name: values[..., 0] if thin else values for name, values in maps.items()},
        notes=tuple(notes),
        oddities=tuple(oddities),
    )


def _without_confidence(
    maps: dict[str, np.ndarray], phase: np.ndarray, euler: np.ndarray, degrees: bool | None
) -> tuple[np.ndarray, list[str], list[str]]:
    """Phases without the points of confidence index -1, as EDAX marks them; notes and oddities."""
    if "ci" not in maps:
        return phase, [], []
    no_confidence = maps["ci"] == NO_CONFIDENCE
    no_angle = marked_by_angles(np.asarray(euler[1], float), np.asarray(euler[2], float), bool(degrees))
    if no_confidence.all() and not no_angle.all():
        return phase, [], ["the confidence index is -1 everywhere: it was not taken as a mark of points that were not indexed"]
    lost = no_confidence & (phase != NOT_INDEXED)
    note = f"{int(lost.sum())} points with confidence index -1 count as not indexed, as their vendor marks them"
    return np.where(lost, NOT_INDEXED, phase), [note] if lost.any() else [], []


def _plain(name: str) -> str:
    """Names without spaces and case: they are the user's in DREAM.3D."""
    return name.replace(" ", "").replace("_", "").lower()


def _grid(layout: Layout, values: np.ndarray) -> np.ndarray:
    """Numbers stored (z, y, x, components) as (components, x, y, z)."""
    nx, ny, nz = layout.shape
    return values.reshape(nz, ny, nx, -1).T


def _orientations(path: Path, layout: Layout, names: dict[str, str], degrees: bool | None) -> tuple[np.ndarray, list[str]]:
    """Bunge angles; where there are quaternions too, both are compared."""
    size = math.prod(layout.shape)
    stored = next((names[name] for name in QUATERNIONS if name in names), None)
    if EULER not in names and stored is None:
        raise unreadable(path, f"holds neither EulerAngles nor Quats in {layout.cells.place}", "Add one of them in DREAM.3D.")
    q = None if stored is None else _unit(_grid(layout, layout.cells.numbers(stored, 4 * size).astype(float))[[3, 0, 1, 2]])
    if EULER not in names:
        angles = euler_angles(q)  # pyright: ignore[reportArgumentType]
        return (np.rad2deg(angles) if degrees else angles), []  # in the unit that is expected
    euler = _grid(layout, layout.cells.numbers(names[EULER], 3 * size).astype(float))
    if q is None:
        return euler, []
    with np.errstate(invalid="ignore"):
        apart = np.abs((_quaternion(np.deg2rad(euler) if degrees else euler) * q).sum(axis=0)) < math.cos(APART / 2)
    if not apart.any():
        return euler, []
    return euler, [f"{names[EULER]!r} and {stored!r} differ in {int(apart.sum())} of {size} points: {names[EULER]!r} was read"]


def _unit(q: np.ndarray) -> np.ndarray:
    """Unit quaternions; what is none (zero, NaN) becomes NaN."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        return q / np.sqrt((q**2).sum(axis=0))


def _quaternion(euler: np.ndarray) -> np.ndarray:
    mean, half, tilt = (euler[0] + euler[2]) / 2, (euler[0] - euler[2]) / 2, euler[1] / 2
    c, s = np.cos(tilt), np.sin(tilt)
    return np.stack([c * np.cos(mean), -s * np.cos(half), -s * np.sin(half), -c * np.sin(mean)])


def _labels(path: Path, layout: Layout, names: dict[str, str], count: int) -> np.ndarray:
    """Phase 0 is not indexed, the others count from 1; without phases there is one everywhere."""
    if PHASES not in names:
        return np.zeros(layout.shape, int)
    stored = layout.cells.integers(names[PHASES], math.prod(layout.shape))
    if stored.min() < 0 or stored.max() > count:
        raise unreadable(path, f"holds phases {stored.min()} … {stored.max()}, and its list has the phases 1 … {count}")
    labels = _grid(layout, stored.astype(np.int64))[0]
    return np.where(labels == 0, NOT_INDEXED, labels - 1)


def _phases(path: Path, ensemble: Node | None) -> tuple[Phase, ...]:
    """All but the first of the list, which stands for no phase."""
    if ensemble is None:
        return (Phase("phase 1"),)
    structures = ensemble.integers(STRUCTURES).ravel().tolist()
    if not 2 <= len(structures) <= 1000:
        raise unreadable(path, f"lists {len(structures)} crystal structures, and one for no phase and one per phase are expected")
    unknown = [code for code in structures[1:] if code not in LAUE and code != UNKNOWN]
    if unknown:
        raise unreadable(path, f"holds the crystal structure {unknown[0]}, which is none of 0 … 10 and {UNKNOWN}")
    titles = ensemble.texts("MaterialName") if "MaterialName" in ensemble else [""] * len(structures)
    if len(titles) != len(structures):
        raise unreadable(path, f"lists {len(structures)} crystal structures and {len(titles)} names of phases")
    named = (title.removeprefix(NAME_PREFIX).strip() or f"phase {k}" for k, title in enumerate(titles))
    return tuple(Phase(name, LAUE.get(code)) for name, code in zip(named, structures, strict=True))[1:]


def _lattices(ensemble: Node | None, phases: tuple[Phase, ...]) -> list[str]:
    """A line per phase where the list of phases has lattice constants."""
    if ensemble is None or LATTICE not in ensemble or math.prod(ensemble.shape(LATTICE)) != 6 * (len(phases) + 1):
        return []
    rows = ensemble.numbers(LATTICE).reshape(-1, 6)[1:]
    return [lattice_note(phase.name, row.tolist()) for phase, row in zip(phases, rows, strict=True)]


def _maps(layout: Layout, names: dict[str, str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Scalar maps by their short names, and the names of arrays that are none."""
    size, maps, skipped = math.prod(layout.shape), {}, []
    for plain, name in names.items():
        if plain in (EULER, PHASES, MASK, *QUATERNIONS, *LEFT_OUT):
            continue
        if math.prod(layout.cells.shape(name)) == size and layout.cells.is_numeric(name):
            maps[MAPS.get(plain, name.lower())] = _grid(layout, layout.cells.numbers(name, size))[0]
        else:
            skipped.append(name)
    return maps, skipped
