"""Bodies on a periodic grid: which of them is nearest to each point, by its gauge."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.microstructures.bodies import Bodies
from jaxmicro.microstructures.relaxation import Pose


def draw_bodies(
    grid: Grid, bodies: Bodies, pose: Pose, supersample: int = 1
) -> tuple[Float[np.ndarray, "*grid"], Int[np.ndarray, "*grid"]]:
    """Share of each voxel inside bodies, which may overlap, and the number of the body it is deepest in plus one, 0 where there is none."""
    share, deepest, index = np.zeros(grid.shape), np.ones(grid.shape), np.zeros(grid.shape, np.int32)
    for gauge, owner in gauges(grid, bodies, pose, supersample):
        share += gauge < 1
        nearer = gauge < deepest
        index[nearer], deepest[nearer] = owner[nearer] + 1, gauge[nearer]
    return share / supersample**grid.ndim, index


def gauges(
    grid: Grid, bodies: Bodies, pose: Pose, supersample: int = 1, level: float = 1.0
) -> Iterator[tuple[Float[np.ndarray, "*grid"], Int[np.ndarray, "*grid"]]]:
    """For the centres of each of `supersample`^d sub-voxels: the smallest gauge of all bodies, infinite above `level`, and whose it is, or −1."""
    check_supersample(supersample)
    steps = (np.arange(supersample) + 0.5) / supersample
    extent = bodies.extent(pose.frames, level)
    for offset in itertools.product(steps, repeat=grid.ndim):
        yield _nearest(grid, bodies, pose, extent, offset, level)


def _nearest(
    grid: Grid, bodies: Bodies, pose: Pose, extent: np.ndarray, offset: tuple[float, ...], level: float
) -> tuple[np.ndarray, np.ndarray]:
    spacing = np.asarray(grid.lengths, float) / grid.shape
    smallest, owner = np.full(grid.shape, np.inf), np.full(grid.shape, -1, np.int32)
    for number, (centre, half, frame) in enumerate(zip(pose.centres, extent, pose.frames, strict=True)):
        low = np.ceil((centre - half) / spacing - offset).astype(int)
        high = np.floor((centre + half) / spacing - offset).astype(int)
        for pieces in itertools.product(*(layers_in_pieces(*ends) for ends in zip(low.tolist(), high.tolist(), grid.shape, strict=True))):
            places = [(i + o) * h - c for i, o, h, c in zip(pieces, offset, spacing, centre, strict=True)]
            gauge = bodies.gauge(number, frame, list(np.ix_(*places)))
            window = np.ix_(*(i % n for i, n in zip(pieces, grid.shape, strict=True)))
            there = smallest[window]
            nearer = (gauge < there) & (gauge <= level)
            if nearer.any():
                smallest[window] = np.where(nearer, gauge, there)
                owner[window] = np.where(nearer, number, owner[window])
    return smallest, owner


def layers_in_pieces(low: int, high: int, size: int) -> list[np.ndarray]:
    """The range of layers, in pieces that hold each layer of the cell once."""
    return [np.arange(start, min(start + size, high + 1)) for start in range(low, high + 1, size)]


def check_supersample(supersample: Any) -> None:
    """Check a number of samples along an axis."""
    good = isinstance(supersample, int | np.integer) and not isinstance(supersample, bool) and supersample >= 1
    check(good, f"`supersample` must be a positive whole number, but it is {supersample!r}.")
