"""Units as EBSD files name them: lengths to µm, angles to radians."""

import math
from pathlib import Path

from jaxmicro.io.length_units import LENGTHS
from jaxmicro.io.problems import unreadable

ANGLES = {1.0: ("rad", "radian", "radians"), math.pi / 180: ("deg", "degree", "degrees", "°")}
WAY_OUT = "Correct the unit in the file, or export it again."


def micrometres(path: Path, name: str, unit: str) -> float:
    """How many µm a unit of length is.

    Raises:
        ReadError: if it is not known; `name` says what is given in it.

    Example:
        >>> micrometres(Path("map.ang"), "x", "nm"), micrometres(Path("map.ang"), "x", "Microns")
        (0.001, 1.0)
    """
    return _factor(path, name, unit, LENGTHS, "length")


def radians(path: Path, name: str, unit: str) -> float:
    """How many radians a unit of angle is.

    Raises:
        ReadError: if it is not known; `name` says what is given in it.

    Example:
        >>> radians(Path("map.h5oina"), "Euler", "rad")
        1.0
    """
    return _factor(path, name, unit, ANGLES, "angle")


def _factor(path: Path, name: str, unit: str, known: dict[float, tuple[str, ...]], what: str) -> float:
    for factor, names in known.items():
        if unit.strip().lower() in names:
            return factor
    listed = ", ".join(names[0] for names in known.values())
    raise unreadable(path, f"gives {name} in {unit.strip()[:40]!r}, which is no known unit of {what} ({listed})", WAY_OUT)
