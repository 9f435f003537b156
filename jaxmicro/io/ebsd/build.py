"""From a scan to a `Microstructure`: the last step of every EBSD reader."""

import dataclasses
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmicro._core import check, check_choice
from jaxmicro.fields import Grid
from jaxmicro.io.ebsd.frames import in_frame
from jaxmicro.io.ebsd.promise import extent
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.problems import DataWarning, unreadable
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import from_euler

OPTIONS = ("frame", "crystal_x", "min_ci", "max_mad", "phase", "unindexed")
TREATMENTS = ("keep", "nearest")
SHORTEST, LONGEST = 1e-6, 1e7  # µm between points: from below an atom to metres


def scan_to_microstructure(
    path: Path,
    scan: Scan,
    *,
    frame: str = "raw",
    crystal_x: str | None = None,
    min_ci: float | None = None,
    max_mad: float | None = None,
    phase: str | Sequence[str] | None = None,
    unindexed: str = "keep",
) -> Microstructure:
    """The microstructure of a scan: labels, unit quaternions, a mask of the good points, phases, maps, notes.

    Args:
        path: the file, for the wording of errors and warnings.
        scan: what the reader found, in the file's own frame.
        frame: "raw", "edax" or "oxford"; see `frames`.
        crystal_x: "a", "a*" or None; see `frames`.
        min_ci: points of a smaller confidence index are masked out.
        max_mad: points of a larger mean angular deviation (degrees) are masked out.
        phase: name or names of the phases to keep; the others count as not indexed.
        unindexed: "keep" leaves points that are masked out as they were measured (phase 0 and the identity where they
            were not indexed at all); "nearest" gives them phase and orientation of the nearest good point. The mask is
            False at them either way.

    Raises:
        ReadError: if filters leave no point or there is none to fill from, a map that a filter needs is missing, or the scan is no 2D or 3D grid.
        ValueError: if an option is not known.

    Warns:
        DataWarning: for each oddity of the scan.
    """
    check_choice("unindexed", unindexed, TREATMENTS)
    _check_values(path, scan)
    framed = in_frame(_without_single_layer(path, scan), frame, crystal_x)
    labels, phases = _chosen_phases(path, framed, phase)
    indexed = labels != NOT_INDEXED
    good = indexed & _passing(path, framed, "ci", min_ci, "min_ci") & _passing(path, framed, "mad", max_mad, "max_mad")
    untouched = unindexed == "keep" and phase is None and min_ci is None and max_mad is None
    if not good.any() and not (untouched and (scan.phase == NOT_INDEXED).all()):
        raise unreadable(path, _nothing_left(framed, indexed), "Choose other filters, or another file." if indexed.any() else "")
    labels, euler = np.where(indexed, labels, 0), np.where(indexed, framed.euler, 0.0)
    if unindexed == "nearest" and not good.all():
        labels, euler = _from_nearest(good, framed.spacing, labels, euler)
    for line in scan.oddities:
        warnings.warn(f"`{path}`: {line}", DataWarning, stacklevel=4)
    real = jnp.result_type(float)
    return Microstructure(
        grid=Grid(labels.shape, np.asarray(framed.spacing) * labels.shape),
        labels=labels.astype(np.int32),
        orientation=from_euler(jnp.asarray(np.remainder(euler, 2 * np.pi).astype(real))),
        mask=good,
        phases=phases,
        maps={name: _single(values) for name, values in framed.maps.items()},
        provenance=f"read from {path.name}",
        notes=(*framed.notes, *_counts(framed, good, min_ci, max_mad, phase, unindexed), *scan.oddities),
    )


def _check_values(path: Path, scan: Scan) -> None:
    """What no reader may let through."""
    if not all(SHORTEST <= step <= LONGEST for step in scan.spacing):
        steps = " × ".join(f"{step:g}" for step in scan.spacing)
        raise unreadable(path, f"has points {steps} µm apart", f"Steps from {SHORTEST:g} to {LONGEST:g} µm are read. Correct the file.")
    indexed = scan.phase != NOT_INDEXED
    numbers = scan.phase[indexed]
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(scan.phases):
        raise unreadable(path, f"has phases {numbers.min()} … {numbers.max()}, and describes {len(scan.phases)}")
    lost = int((~np.isfinite(scan.euler[:, indexed]).all(axis=0)).sum())
    if lost:
        raise unreadable(path, f"holds {lost:,} indexed points whose Euler angles are not finite", "Check that it was copied whole.")


def _single(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def _without_single_layer(path: Path, scan: Scan) -> Scan:
    """A volume of one layer is a map; anything else has two voxels along each axis."""
    if scan.phase.ndim == 3 and scan.phase.shape[2] == 1:
        maps = {name: values[..., 0] for name, values in scan.maps.items()}
        scan = dataclasses.replace(scan, euler=scan.euler[..., 0], phase=scan.phase[..., 0], spacing=scan.spacing[:2], maps=maps)
    shape = scan.phase.shape
    if len(shape) not in (2, 3) or min(shape) < 2:
        raise unreadable(path, f"holds {extent(shape)} points", "A map needs 2 or 3 axes of at least two points each.")
    return scan


def _chosen_phases(path: Path, scan: Scan, wanted: str | Sequence[str] | None) -> tuple[np.ndarray, tuple[Any, ...]]:
    """Labels and phases; where only some are wanted, the others become `NOT_INDEXED`."""
    if wanted is None:
        return scan.phase, scan.phases
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted) if isinstance(wanted, list | tuple | set) else ()
    named = len(names) > 0 and all(isinstance(name, str) for name in names)
    check(named, f"`phase` must be the name of a phase, or at least one name in a list, but it is {wanted!r}. Write phase='Nickel'.")
    known = [phase.name for phase in scan.phases]
    for name in names:
        if name not in known:
            raise unreadable(path, f"has no phase {name!r}", f"It has {', '.join(map(repr, known))}.")
    kept = [index for index, name in enumerate(known) if name in names]
    table = np.full(len(known) + 1, NOT_INDEXED)  # its last entry is that of NOT_INDEXED = -1
    table[kept] = np.arange(len(kept))
    return table[scan.phase], tuple(scan.phases[index] for index in kept)


def _passing(path: Path, scan: Scan, name: str, limit: float | None, option: str) -> np.ndarray:
    """Where a map is at least, or in the case of `max_…` at most, its limit."""
    if limit is None:
        return np.ones(scan.phase.shape, bool)
    real = isinstance(limit, int | float | np.number) and not isinstance(limit, bool) and np.isfinite(limit)
    check(bool(real), f"`{option}` must be a number, but it is {limit!r}.")
    if name not in scan.maps:
        raise unreadable(path, f"has no map {name!r}, which {option}={limit} needs", f"It has {', '.join(scan.maps) or 'none'}.")
    return scan.maps[name] >= limit if option.startswith("min") else scan.maps[name] <= limit


def _from_nearest(good: np.ndarray, spacing: Sequence[float], labels: np.ndarray, euler: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phase and orientation of the nearest good point, everywhere."""
    from scipy.ndimage import distance_transform_edt

    nearest = tuple(distance_transform_edt(~good, sampling=spacing, return_distances=False, return_indices=True))  # pyright: ignore[reportArgumentType]
    return labels[nearest], euler[:, *nearest]


def _nothing_left(scan: Scan, indexed: np.ndarray) -> str:
    if (scan.phase == NOT_INDEXED).all():
        return f"holds {scan.phase.size:,} points, none of which is indexed"
    if not indexed.any():
        return "holds no indexed point of the phases asked for"
    return f"holds {int(indexed.sum()):,} indexed points, none of which passes the filters"


def _counts(
    scan: Scan, good: np.ndarray, min_ci: Any, max_mad: Any, phase: Any, unindexed: str
) -> list[str]:  # fmt: skip
    """Lines on how many points are good, and what became of the others."""
    size = good.size
    raw = int((scan.phase == NOT_INDEXED).sum())
    lines = [f"not indexed: {raw:,} of {size:,} points ({100 * raw / size:.2f} %)"]
    filters = [f"{name}={value!r}" for name, value in (("phase", phase), ("min_ci", min_ci), ("max_mad", max_mad)) if value is not None]
    if filters:
        out = size - raw - int(good.sum())
        lines.append(f"masked out by {', '.join(filters)}: {out:,} points ({100 * out / size:.2f} %)")
    if not good.all():
        kept = "as measured, and phase 0 with the identity orientation where not indexed"
        lines.append(f"points outside the mask: {'phase and orientation of the nearest good point' if unindexed == 'nearest' else kept}")
    return lines
