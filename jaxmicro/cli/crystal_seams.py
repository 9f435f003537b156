"""How well the crystals at opposite edges of a map fit together, and what a treatment of the edges did to that."""

import dataclasses

import numpy as np
from jaxtyping import Bool

from jaxmicro.cli.crystal_checks import measured
from jaxmicro.descriptors import neighbour_misorientation
from jaxmicro.microstructures import Microstructure, make_periodic

ANGLE = 5.0  # degrees from which on two crystals are different ones
CLEARLY = 2.0  # times the share inside from which on a seam is worth a warning


@dataclasses.dataclass(frozen=True)
class CrystalSeams:
    """Shares of neighbouring pairs that differ by `ANGLE` or in phase, along each axis: across the seam, and inside."""

    seam: tuple[float, ...]
    inside: tuple[float, ...]

    @property
    def fits(self) -> bool:
        """Whether no seam is clearly worse than the neighbours inside."""
        return all(seam <= CLEARLY * inside or seam == 0 for seam, inside in zip(self.seam, self.inside, strict=True))

    def __str__(self) -> str:
        pairs = zip("xyz", self.seam, self.inside, strict=False)
        return ", ".join(f"{name} {100 * seam:.1f} % against {100 * inside:.1f} % inside" for name, seam, inside in pairs)


def crystal_seams(ms: Microstructure) -> CrystalSeams:
    """Misfit of the crystals across the edges of a map with orientations; pairs that were not measured are left out.

    Example:
        >>> turns = np.zeros((4, 4, 4)); turns[0, :2] = 1.0; turns[1, 2:] = 1.0
        >>> print(crystal_seams(Microstructure(labels=np.zeros((4, 4), int), orientation=turns)))
        x 0.0 % against 0.0 % inside, y 0.0 % against 0.0 % inside
    """
    edges = []
    for axis in range(ms.grid.ndim):
        labels, orientation, mask = (
            np.asarray(array).take([-1, 0], axis - ms.grid.ndim) for array in (ms.labels, ms.orientation, measured(ms))
        )
        edges.append(_differing(Microstructure(labels=labels, orientation=orientation, mask=mask, phases=ms.phases), axis))
    inside = [_differing(ms, axis) for axis in range(ms.grid.ndim)]
    return CrystalSeams(tuple(map(_share, edges)), tuple(map(_share, inside)))


def made_periodic(ms: Microstructure, treatment: str) -> tuple[Microstructure, CrystalSeams]:
    """A map with orientations whose edges are treated, with a note on how its crystals fit before and after; and how they do now."""
    before = crystal_seams(ms)
    if treatment == "as_is":
        treated, after, untreated = ms, before, ""
    else:
        treated = make_periodic(ms, treatment)
        after, untreated = crystal_seams(treated), f"; untreated {before}"
    line = f"periodic={treatment!r}: pairs of crystals {ANGLE:g}° or a phase apart across the seam {after}{untreated}"
    return treated.with_notes(line), after


def _differing(ms: Microstructure, axis: int) -> Bool[np.ndarray, " n"]:
    """Of each pair of neighbours along an axis that can be judged, whether they differ."""
    angles = np.asarray(neighbour_misorientation(ms, axis, degrees=True))
    labels, there = np.asarray(ms.labels), measured(ms)
    first, second = ([slice(None)] * ms.grid.ndim for _ in range(2))
    first[axis], second[axis] = slice(None, -1), slice(1, None)
    both = there[tuple(first)] & there[tuple(second)]
    phases = both & (labels[tuple(first)] != labels[tuple(second)])
    return (phases | (angles >= ANGLE))[phases | ~np.isnan(angles)]


def _share(differing: Bool[np.ndarray, " n"]) -> float:
    return float(differing.mean()) if differing.size else 0.0
