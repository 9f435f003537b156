"""A microstructure as the writers of EBSD files want it: arrays on the host, with what is missing filled in."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro._core import check, is_concrete
from jaxmicro.io.problems import warn_if_blurred
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations.laue import LAUE_GROUPS


@dataclasses.dataclass(frozen=True)
class Measured:
    """Attributes as in `Microstructure`; `orientation` and `euler` (Bunge, radians) are the identity where not measured.

    `maps` are those of one number per voxel, `left_out` the names of the others.
    """

    labels: Int[np.ndarray, "*grid"]
    orientation: Float[np.ndarray, "4 *grid"]
    euler: Float[np.ndarray, "3 *grid"]
    mask: Bool[np.ndarray, "*grid"]
    phases: tuple[Phase, ...]
    spacing: tuple[float, ...]
    maps: dict[str, np.ndarray]
    left_out: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return self.labels.shape


def measured(value: Any, what: str, ndim: int | None = None) -> Measured:
    """The parts of a microstructure with orientations; `ndim` is the dimension that the file can hold."""
    check(isinstance(value, Microstructure), f"{what} holds a Microstructure, but the value is a {type(value).__name__}.", TypeError)
    check(is_concrete(value), "The microstructure is traced, so it has no values to write. Write outside jit, vmap and grad.", TypeError)
    check(
        value.orientation is not None,
        f"{what} holds orientations, but the microstructure has none. Write .npz, .vti or .tif, or add orientation=.",
    )
    check(
        ndim in (None, value.grid.ndim),
        f"{what} holds one map, but the grid is {value.grid.shape}. Write .dream3d or .npz, or one slice at a time.",
    )
    unknown = [phase for phase in value.phases if phase.laue not in (None, *LAUE_GROUPS)]
    check(not unknown, f"{what} names Laue groups, but {unknown[:1]} has none of {', '.join(LAUE_GROUPS)}.")
    warn_if_blurred(value)
    shape = value.grid.shape
    mask = np.ones(shape, bool) if value.mask is None else np.asarray(value.mask)
    q = np.asarray(value.orientation, float)
    q = np.where(mask & np.isfinite(q).all(axis=0), q, np.reshape([1.0, 0, 0, 0], (4, *(1,) * len(shape))))
    maps = {name: np.asarray(each) for name, each in value.maps.items() if each.shape == shape}
    left_out = tuple(name for name in value.maps if name not in maps)
    spacing = tuple(float(str(edge)) for edge in np.asarray(value.grid.spacing))
    return Measured(np.asarray(value.labels), q, euler_angles(q), mask, value.phases, spacing, maps, left_out)


def euler_angles(q: np.ndarray) -> np.ndarray:
    """Bunge angles (3, …) of unit quaternions (4, …) in double precision, φ1 and φ2 in [0, 2π); φ2 = 0 where Φ is 0 or π."""
    w, x, y, z = q
    tilted, upright = np.hypot(x, y), np.hypot(w, z)
    mean, half = np.arctan2(-z, w), np.arctan2(-y, -x)
    flat, over = tilted < 1e-12, upright < 1e-12
    phi1 = np.where(flat, 2 * mean, np.where(over, 2 * half, mean + half))
    phi2 = np.where(flat | over, 0.0, mean - half)
    return np.stack([_turn(phi1), 2 * np.arctan2(tilted, upright), _turn(phi2)])


def _turn(angle: np.ndarray) -> np.ndarray:
    wrapped = np.mod(angle, 2 * np.pi)
    return np.where(wrapped >= 2 * np.pi, 0.0, wrapped)
