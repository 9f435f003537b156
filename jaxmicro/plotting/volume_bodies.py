"""From a volume of phases to bodies with smooth surfaces: which phases are seen, which are seen through, and what colour is where."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro.plotting.pictures import Phases
from jaxmicro.plotting.ray_casting import FINE_STRIDE, STRIDE, Body, body

FINEST = 256  # fine voxels along the longest edge, to which coarser volumes are refined
MOST = 4  # fine voxels per voxel
SMOOTH_PHASES = 8  # visible phases up to which the borders between them are smooth, too
NORMAL_BLUR = 1.3  # voxels over which a surface's direction is taken, beside its own smoothing
NEAR, FAR = 3.0, 9.0  # radii in mean voxel edges within which matter shades a surface
DOUBT = 0.17  # of a share, from the middle of a fine voxel to its corners
OPEN = 0.16  # share of a Gaussian ball one radius above a plane that is below it


@dataclasses.dataclass(frozen=True)
class Solid:
    """A body, what is outside of it, and its blurred share `(*grid)`, whose slope is the direction of its surface."""

    body: Body
    outside: Body | None
    blurred: Float[np.ndarray, "nx ny nz"]


@dataclasses.dataclass(frozen=True)
class Scene:
    """A volume as it is drawn, in voxels from the corner of its box.

    `opaque` and `clear` are its bodies; `phase_at` tells the visible phase at places `(3, n)`, or the one nearest in share; `crowd`
    `(*grid)` means of matter in two balls, for the shade; `opacity` and `spacing` per phase and per axis; `fine` parts of a voxel's edge.
    """

    opaque: Solid | None
    clear: Solid | None
    phase_at: Callable[[Float[np.ndarray, "3 n"]], Int[np.ndarray, " n"]]
    crowd: tuple[Float[np.ndarray, "nx ny nz"], Float[np.ndarray, "nx ny nz"]]
    opacity: Float[np.ndarray, " p"]
    spacing: Float[np.ndarray, "3"]
    fine: int
    smooth: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along the axes."""
        return self.crowd[0].shape


def scene(
    phases: Phases, opacity: Float[np.ndarray, " p"], spacing: Sequence[float], smooth: float, removed: Bool[np.ndarray, "nx ny nz"] | None
) -> Scene:
    """Bodies of the phases whose opacity is not zero; `removed` voxels shade nothing."""
    fine = min(max(FINEST // max(phases.shape), 1), MOST) if smooth > 0 else 1
    seen = [k for k in range(len(opacity)) if opacity[k] > 0]
    shares = {k: phases.share([k]) for k in seen} if len(seen) <= SMOOTH_PHASES else {}
    matter = sum(float(opacity[k]) * shares[k] for k in shares) if shares else phases.share(seen)
    there = np.float32(1) if removed is None else (~removed).astype(np.float32)
    edge = float(np.prod(spacing)) ** (1 / 3)
    crowd = [_blur(np.asarray(matter * there, np.float32), [radius * edge / h for h in spacing], "constant") for radius in (NEAR, FAR)]
    return Scene(
        _solid(phases, [k for k in seen if opacity[k] >= 1], smooth, fine, False),
        _solid(phases, [k for k in seen if opacity[k] < 1], smooth, fine, True),
        _phase_at(phases, seen, {k: _blur(share, smooth) for k, share in shares.items()} if smooth > 0 and len(shares) > 1 else {}),
        (crowd[0], crowd[1]), opacity, np.asarray(spacing, float), fine, smooth,
    )  # fmt: skip


def at(field: Float[np.ndarray, "nx ny nz"], places: Float[np.ndarray, "3 n"], outside: str = "nearest") -> Float[np.ndarray, " n"]:
    """Linear interpolation of voxel values at places in voxels from the corner of the box."""
    from scipy.ndimage import map_coordinates

    return map_coordinates(field, (places - 0.5).astype(np.float32), output=np.float32, order=1, mode=outside, prefilter=False)


def voxel_of(places: Float[np.ndarray, "3 n"], shape: tuple[int, ...]) -> tuple[Int[np.ndarray, " n"], ...]:
    """The voxel each place is in, or the nearest one."""
    return tuple(np.clip(np.floor(places[k]).astype(np.intp), 0, shape[k] - 1) for k in range(3))


def directions(each: Scene, solid: Solid, places: Float[np.ndarray, "3 n"], ray: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, "3 n"]:
    """Unit normals out of the surface at places on it, in space."""
    if each.smooth == 0:
        away = np.abs(places - np.round(places))
        axis = away.argmin(axis=0)
        return np.where(np.arange(3)[:, None] == axis, -np.sign(ray), 0.0)
    slope = np.empty(places.shape)
    for k in range(3):
        step = np.zeros((3, 1))
        step[k] = 0.75
        slope[k] = (at(solid.blurred, places - step) - at(solid.blurred, places + step)) / each.spacing[k]
    size = np.linalg.norm(slope, axis=0)
    space = ray * each.spacing[:, None]
    back = -space / np.linalg.norm(space, axis=0)
    return np.where(size > 1e-6, slope / np.where(size > 1e-6, size, 1.0), back)


def openness(each: Scene, places: Float[np.ndarray, "3 n"], normal: Float[np.ndarray, "3 n"]) -> Float[np.ndarray, " n"]:
    """From 1 on a plane or a bump to 0 deep in a hole: how little matter is around a place above the surface."""
    edge = float(np.prod(each.spacing)) ** (1 / 3)
    free = np.ones(places.shape[1])
    for radius, crowd in zip((NEAR, FAR), each.crowd, strict=True):
        above = places + normal * radius * edge / each.spacing[:, None]
        free *= 1 - np.clip((at(crowd, above, "constant") - OPEN) / (1 - OPEN), 0, 1)
    return free


def _blur(field: Float[np.ndarray, "nx ny nz"], sigma: Any, mode: str = "nearest") -> Float[np.ndarray, "nx ny nz"]:
    from scipy.ndimage import gaussian_filter

    if np.ndim(sigma) == 0 and sigma == 0:
        return field
    return gaussian_filter(field, sigma, mode=mode, truncate=2.5)


def _solid(phases: Phases, chosen: Sequence[int], smooth: float, fine: int, clear: bool) -> Solid | None:
    if not chosen:
        return None
    raw = phases.share(chosen)
    share = _blur(raw, smooth)

    def is_inside(places: Float[np.ndarray, "3 n"]) -> Bool[np.ndarray, " n"]:
        return at(share, places) > 0.5 if smooth > 0 else share[voxel_of(places, share.shape)] > 0.5

    slack, stride = (DOUBT, STRIDE) if smooth > 0 else (0.0, FINE_STRIDE)
    parts = refined(share, fine)
    inside = body(parts > 0.5 - slack, fine, stride, is_inside)
    outside = body(parts <= 0.5 + slack, fine, stride, lambda places: ~is_inside(places)) if clear else None
    return Solid(inside, outside, _blur(raw, NORMAL_BLUR + smooth))


def refined(field: Float[np.ndarray, "nx ny nz"], fine: int) -> Float[np.ndarray, "fx fy fz"]:
    """Linear interpolation at the centres of `fine`³ parts of each voxel; beyond the outermost centres the value stays."""
    for axis in range(3 if fine > 1 else 0):
        n = field.shape[axis]
        place = np.clip((np.arange(n * fine) + 0.5) / fine - 0.5, 0, n - 1)
        low = np.minimum(place.astype(int), max(n - 2, 0))
        weight = (place - low).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        high = np.minimum(low + 1, n - 1)
        field = np.take(field, low, axis) * (1 - weight) + np.take(field, high, axis) * weight
    return field


def _phase_at(
    phases: Phases, seen: Sequence[int], shares: Mapping[int, Float[np.ndarray, "nx ny nz"]]
) -> Callable[[Float[np.ndarray, "3 n"]], Int[np.ndarray, " n"]]:
    """The visible phase of the largest smoothed share, or without shares that of the voxel."""
    if not shares:
        labels = phases.dominant(seen)
        return lambda places: labels[voxel_of(places, labels.shape)]
    numbers = np.asarray(list(shares))
    return lambda places: numbers[np.argmax([at(share, places) for share in shares.values()], axis=0)]
