"""Euler angles of HDF5 files must be finite where a point is indexed, and in radians unless the user says otherwise."""

from pathlib import Path

import numpy as np

from jaxmicro.io.ebsd.angles import euler_in_radians
from jaxmicro.io.ebsd.scan import NOT_INDEXED
from jaxmicro.io.problems import unreadable


def checked_euler(path: Path, euler: np.ndarray, phase: np.ndarray, degrees: bool | None) -> np.ndarray:
    """Angles `(3, *grid)` in radians; refuses those that are not finite or out of range at indexed points."""
    indexed = phase != NOT_INDEXED
    lost = int((~np.isfinite(euler).all(axis=0) & indexed).sum())
    if lost:
        raise unreadable(path, f"holds {lost:,} indexed points whose Euler angles are not finite", "Check that it was copied whole.")
    return euler_in_radians(path, np.where(indexed, euler, 0.0), indexed, "radians", degrees)
