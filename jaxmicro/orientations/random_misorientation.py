"""The distribution of misorientation angles between crystals without texture.

All misorientations of one angle ω and axis n that reduce no further lie in the zone around the identity whose faces halve the way to each
symmetry s, of angle α and axis a: tan(ω/2) |n · a| ≤ tan(α/4). So along n the angle reaches up to ω(n), and as random rotations have
the density (1 − cos ω)/π in ω and even axes, the share of pairs up to ω is

    P(ω) = order · ⟨(t − sin t)/π⟩,  t = min(ω, ω(n)),

with the mean over all axes n. The mean is taken over the points of a spiral, no random numbers: it is right to 1e-5.
"""

import functools
import math

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from jaxmicro._core import check, is_concrete
from jaxmicro.orientations.equivalents import check_group
from jaxmicro.orientations.laue import symmetry_operators

DIRECTIONS = 40_000


def random_misorientation_density(angle: npt.ArrayLike, laue: str = "m-3m") -> Float[np.ndarray, "..."]:
    """Density of the misorientation angle between crystals of random orientation; for m-3m Mackenzie's distribution.

    Args:
        angle: in degrees `(…)`.
        laue: Laue group of both crystals, one of `LAUE_GROUPS`.

    Returns:
        Share per degree `(…)`, on the host.

    Raises:
        ValueError: if the group is not known; or under `jit`, `vmap` and `grad`.

    Reference:
        J. K. Mackenzie, "Second paper on statistics associated with the random disorientation of cubes", Biometrika 45, 229 (1958),
        doi:10.1093/biomet/45.1-2.229; A. Morawiec, "Misorientation-angle distribution of randomly oriented symmetric objects",
        J. Appl. Cryst. 28, 289 (1995), doi:10.1107/S0021889894011088.

    Example:
        >>> random_misorientation_density([45.0, 63.0]).round(5).tolist()  # its peak, 24/180 (1 − cos 45°); beyond the largest angle
        [0.03905, 0.0]

    Not differentiable: it runs on the host.
    """
    turn = _radians(angle, laue)
    reach = _reach(laue)
    share = 1 - np.searchsorted(reach, np.abs(turn)) / len(reach)
    return np.where(turn < 0, 0.0, _order(laue) * (1 - np.cos(turn)) / 180 * share)


def random_misorientation_share(angle: npt.ArrayLike, laue: str = "m-3m") -> Float[np.ndarray, "..."]:
    """Share of pairs of crystals of random orientation that are misoriented by no more than an angle.

    Args:
        angle: in degrees `(…)`.
        laue: Laue group of both crystals, one of `LAUE_GROUPS`.

    Returns:
        `(…)`, from 0 to 1, on the host.

    Raises:
        ValueError: if the group is not known; or under `jit`, `vmap` and `grad`.

    Reference: as `random_misorientation_density`.

    Example:
        >>> random_misorientation_share([15.0, 45.0, 63.0]).round(4).tolist()
        [0.0228, 0.5981, 1.0]

    Not differentiable: it runs on the host.
    """
    turn = np.maximum(_radians(angle, laue), 0.0)
    reach = _reach(laue)
    below = np.searchsorted(reach, turn)
    passed = np.concatenate([[0.0], np.cumsum(reach - np.sin(reach))])[below]
    return np.asarray(np.minimum(_order(laue) * (passed + (len(reach) - below) * (turn - np.sin(turn))) / (math.pi * len(reach)), 1.0))


def _radians(angle: npt.ArrayLike, laue: str) -> Float[np.ndarray, "..."]:
    check_group("laue", laue)
    check(is_concrete(angle), "The distribution of random misorientations is found on the host: call this outside jit, vmap and grad.")
    return np.asarray(np.deg2rad(np.asarray(angle, float)))


def _order(laue: str) -> int:
    return symmetry_operators(laue).shape[1]


@functools.cache
def _reach(laue: str) -> Float[np.ndarray, " n"]:
    """The largest angle along each of many axes, in radians, sorted."""
    place = np.arange(DIRECTIONS) + 0.5
    height, around = 1 - 2 * place / DIRECTIONS, math.pi * (1 + math.sqrt(5)) * place
    flat = np.sqrt(1 - height**2)
    axes = np.stack([flat * np.cos(around), flat * np.sin(around), height])
    largest = np.full(DIRECTIONS, math.pi)
    for scalar, *vector in symmetry_operators(laue)[:, 1:].T:
        length = math.hypot(*vector)
        towards = np.abs(np.array(vector) / length @ axes)
        limit = math.tan(math.acos(min(1.0, float(scalar))) / 2)
        largest = np.minimum(largest, 2 * np.arctan2(limit, towards))
    return np.sort(largest)
