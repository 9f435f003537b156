"""Euler angles of a file: in the unit its format prescribes, and within their range."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from jaxmicro._core import check
from jaxmicro.io.problems import unreadable

FULL, HALF = 2 * math.pi, math.pi
ROUNDING = 1e-3  # radians by which a rounded angle may leave its range
NO_TURN = 0.1  # degrees: below, angles are zero in either unit


def euler_in_radians(
    path: Path, euler: Float[np.ndarray, "3 *points"], indexed: Bool[np.ndarray, "*points"], unit: str, degrees: bool | None
) -> Float[np.ndarray, "3 *points"]:
    """Bunge angles in radians; only indexed points are judged.

    Args:
        path: the file, for the wording of errors.
        euler: as they stand in the file.
        indexed: where they mean an orientation.
        unit: "radians" or "degrees", what the format prescribes.
        degrees: what the user says the unit is; None for what the format prescribes.

    Raises:
        ReadError: if angles leave their range, or those of a format in degrees look like radians.
    """
    check(degrees is None or isinstance(degrees, bool), f"`degrees` must be True, False or None, but it is {degrees!r}.")
    in_degrees = unit == "degrees" if degrees is None else degrees
    judged = euler[:, indexed]
    if judged.size and in_degrees and degrees is None:
        _check_not_radians(path, judged)
    turns = np.deg2rad(euler) if in_degrees else euler
    if judged.size:
        _check_range(path, turns[:, indexed], judged, in_degrees, degrees)
    return turns


def _check_not_radians(path: Path, judged: np.ndarray) -> None:
    largest = judged.max(axis=1)
    inside = bool((largest <= (FULL + ROUNDING, HALF + ROUNDING, FULL + ROUNDING)).all())
    if inside and largest.max() > NO_TURN:
        listed = ", ".join(f"{value:g}" for value in largest)
        raise unreadable(
            path,
            f"should hold Euler angles in degrees, but the largest are {listed}, as of angles in radians",
            "Pass degrees=False if they are radians, and degrees=True if they are degrees.",
        )


def _check_range(path: Path, turns: np.ndarray, judged: np.ndarray, in_degrees: bool, degrees: bool | None) -> None:
    low, high = (-FULL - ROUNDING, -ROUNDING, -FULL - ROUNDING), (FULL + ROUNDING, HALF + ROUNDING, FULL + ROUNDING)
    for name, values, shown, least, most in zip(("phi1", "Phi", "phi2"), turns, judged, low, high, strict=True):
        wrong = (values < least) | (values > most)
        if wrong.any():
            unit, way_out = "degrees" if in_degrees else "radians", "Export it again."
            if not in_degrees and degrees is None and FULL < shown.max() <= math.degrees(most):
                way_out = "Pass degrees=True if they are degrees."
            raise unreadable(
                path,
                f"holds {int(wrong.sum()):,} angles {name} out of range for {unit} (they span {shown.min():g} … {shown.max():g})",
                way_out,
            )
