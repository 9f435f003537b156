"""Borders between grains: which grains touch, along what length, and how they are turned against each other."""

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro.descriptors.neighbours import CrystalMap, neighbour_pairs
from jaxmicro.orientations.on_host import angle_between


def grain_borders(
    owner: Int[np.ndarray, " n"], crystals: CrystalMap, periodic: bool
) -> tuple[Int[np.ndarray, "2 k"], Float[np.ndarray, " k"]]:
    """Pairs of grains that share faces of voxels, and the length (area) of those."""
    count = int(owner.max()) + 1
    keys, faces = [], []
    for axis in range(len(crystals.shape)):
        here, there = (owner[each] for each in neighbour_pairs(crystals.shape, axis, periodic))
        border = (here >= 0) & (there >= 0) & (here != there)
        keys.append(np.minimum(here, there)[border] * count + np.maximum(here, there)[border])
        faces.append(np.full(int(border.sum()), crystals.face(axis)))
    found, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    shared = np.bincount(inverse.ravel(), np.concatenate(faces), minlength=len(found)).astype(float)
    return np.stack([found // count, found % count]), shared


def between_means(
    crystals: CrystalMap, means: Float[np.ndarray, "4 grains"], phases: Int[np.ndarray, " grains"], pairs: Int[np.ndarray, "2 k"]
) -> Float[np.ndarray, " k"]:
    """Misorientation of the means of each pair in degrees; NaN between phases."""
    found = np.full(pairs.shape[1], np.nan)
    same = phases[pairs[0]] == phases[pairs[1]]
    for group, of_group in crystals.groups:
        chosen = np.flatnonzero(same & np.isin(phases[pairs[0]], of_group))
        found[chosen] = np.rad2deg(angle_between(means[:, pairs[0, chosen]], means[:, pairs[1, chosen]], group))
    return found


def at_edge(owner: Int[np.ndarray, " n"], crystals: CrystalMap, count: int, periodic: bool) -> Bool[np.ndarray, " grains"]:
    """Which grains have the first or the last known voxel of a line along an axis."""
    touches = np.zeros(count + 1, bool)
    if not periodic:
        known, place = crystals.known.reshape(crystals.shape), np.arange(owner.size).reshape(crystals.shape)
        for axis in range(known.ndim):
            for seen, where in ((known, place), (np.flip(known, axis), np.flip(place, axis))):
                first = np.take_along_axis(where, np.expand_dims(seen.argmax(axis), axis), axis)
                touches[owner[first]] = True  # a line without any ends at a voxel of no grain
    return touches[:-1]
