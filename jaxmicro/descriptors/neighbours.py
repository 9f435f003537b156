"""Neighbouring voxels of a map along its axes, as pairs of positions in the flattened grid."""

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro._core import check, is_concrete
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations.on_host import angle_between, angle_from

CUBIC = "m-3m"  # of phases that name no Laue group


def neighbour_pairs(shape: tuple[int, ...], axis: int, periodic: bool) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Each voxel and the next one along an axis; with `periodic` the first one follows the last."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    if periodic:
        return index.ravel(), np.roll(index, -1, axis).ravel()
    n = shape[axis]
    return index.take(range(n - 1), axis).ravel(), index.take(range(1, n), axis).ravel()


def laue_group(ms: Microstructure, phase: int) -> str:
    """Laue group of a phase; m-3m where it names none."""
    return ms.phases[phase].laue or CUBIC


def phases_by_group(ms: Microstructure) -> Iterator[tuple[str, list[int]]]:
    """Each Laue group with the phases that have it."""
    groups = [laue_group(ms, phase) for phase in range(ms.n_phases)]
    for group in sorted(set(groups)):
        yield group, [phase for phase, name in enumerate(groups) if name == group]


def crystal_map(ms: Microstructure, what: str, *, somewhere: bool = True) -> "CrystalMap":
    """The map on the host, if it has orientations and, with `somewhere`, a voxel that is known."""
    check(
        isinstance(ms, Microstructure),
        f"`ms` must be a Microstructure, but it is a {type(ms).__name__}. Make one with orientations.",
        TypeError,
    )
    check(is_concrete(ms), f"{what} are found on the host: call this outside jit, vmap and grad.")
    check(
        ms.orientation is not None,
        f"`ms` must have orientations, but it has none: {what.lower()} need them. Read an EBSD file, or make a polycrystal.",
    )
    crystals = CrystalMap(ms)
    check(
        not somewhere or bool(crystals.known.any()),
        f"`ms` must have a voxel that is indexed, but none of the {crystals.known.size} is: {what.lower()} need one. Loosen the filter the "
        "map was read with (min_ci, max_mad), or check the mask.",
    )
    return crystals


class CrystalMap:
    """An orientation map flattened on the host: quaternions, phases and which voxels are known.

    A voxel is known where the mask says so and its orientation is finite.
    """

    def __init__(self, ms: Microstructure):
        self.shape = ms.grid.shape
        self.turns: Float[np.ndarray, "4 n"] = np.asarray(ms.orientation, float).reshape(4, -1)
        self.phase: Int[np.ndarray, " n"] = np.asarray(ms.labels).ravel()
        known = np.asarray(np.isfinite(self.turns).all(axis=0))
        self.known: Bool[np.ndarray, " n"] = np.asarray(known if ms.mask is None else known & np.asarray(ms.mask).ravel())
        self.spacing = np.asarray(ms.grid.spacing, float)
        self.groups = list(phases_by_group(ms))

    def face(self, axis: int) -> float:
        """Length (area) of the face between neighbours along an axis."""
        return float(np.prod(np.delete(self.spacing, axis)))

    def angles(self, here: Int[np.ndarray, " k"], there: Int[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
        """Misorientation of pairs in radians; NaN between phases and where one of the two is not known."""
        return self._of_pairs(here, there, angle_between)

    def angles_from(
        self, here: Int[np.ndarray, " k"], there: Int[np.ndarray, " k"], special: Float[np.ndarray, "4"], laue: str
    ) -> Float[np.ndarray, " k"]:
        """Angle of each pair's misorientation from a special one, for phases of one Laue group; otherwise NaN."""
        return self._of_pairs(
            here, there, lambda p, q, group: angle_from(p, q, special, group) if group == laue else np.full(p.shape[1], np.nan)
        )

    def _of_pairs(self, here: np.ndarray, there: np.ndarray, function: Callable[..., np.ndarray]) -> Float[np.ndarray, " k"]:
        found = np.full(here.shape, np.nan)
        judged = self.known[here] & self.known[there] & (self.phase[here] == self.phase[there])
        for group, phases in self.groups:
            chosen = np.flatnonzero(judged & np.isin(self.phase[here], phases))
            if chosen.size:
                found[chosen] = function(self.turns[:, here[chosen]], self.turns[:, there[chosen]], group)
        return found
