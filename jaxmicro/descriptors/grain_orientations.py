"""Orientation inside grains: the mean of each, and how far each voxel is from it."""

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.descriptors.neighbours import CrystalMap
from jaxmicro.orientations.equivalents import product
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.on_host import angle_between, nearest_turn, relative_turn

MAX_STEPS = 20
DEGREES = 180 / np.pi


def grain_means(crystals: CrystalMap, owner: Int[np.ndarray, " n"], phases: Int[np.ndarray, " grains"]) -> Float[np.ndarray, "4 grains"]:
    """The mean orientation of each grain modulo symmetry, as `orientations.mean_orientation` of its voxels; NaN where none is known.

    Voxels of another phase than their grain have no part in it. All grains of a Laue group at once: equivalents nearest to the mean
    so far, then the eigenvectors of their moments, until the choice of equivalents stays.
    """
    count = len(phases)
    means = np.full((4, count), np.nan)
    counted = crystals.known & (owner >= 0) & (crystals.phase == phases[owner])
    for group, of_group in crystals.groups:
        members = np.flatnonzero(counted & np.isin(phases, of_group)[owner])
        if members.size:
            grains, local = np.unique(owner[members], return_inverse=True)
            means[:, grains] = _means(crystals.turns[:, members], local, len(grains), group)
    return means


def _means(turns: Float[np.ndarray, "4 n"], owner: Int[np.ndarray, " n"], count: int, laue: str) -> Float[np.ndarray, "4 grains"]:
    operators = symmetry_operators(laue)
    first = np.full(count, len(owner))
    np.minimum.at(first, owner, np.arange(len(owner)))
    means, before = turns[:, first], None
    for _ in range(MAX_STEPS):
        _, chosen = nearest_turn(relative_turn(means[:, owner], turns), operators)
        if before is not None and np.array_equal(chosen, before):
            break
        before = chosen
        means = _principal(np.stack(product(operators[:, chosen], turns)), owner, count)
    _, chosen = nearest_turn(means, operators)
    means = np.stack(product(operators[:, chosen], means))
    return means * np.where(means[0] < 0, -1.0, 1.0)


def _principal(turns: Float[np.ndarray, "4 n"], owner: Int[np.ndarray, " n"], count: int) -> Float[np.ndarray, "4 grains"]:
    """Eigenvectors of largest eigenvalue of the moments Σ r rᵀ of each grain."""
    moments = np.empty((count, 4, 4))
    for i in range(4):
        for j in range(i + 1):
            moments[:, i, j] = moments[:, j, i] = np.bincount(owner, turns[i] * turns[j], minlength=count)
    return np.linalg.eigh(moments)[1][:, :, -1].T


def deviations(
    crystals: CrystalMap, owner: Int[np.ndarray, " n"], phases: Int[np.ndarray, " grains"], means: Float[np.ndarray, "4 grains"]
) -> Float[np.ndarray, " n"]:
    """Misorientation of each voxel to the mean of its grain in degrees; NaN where a voxel is in no grain, of another phase or not known."""
    found = np.full(owner.shape, np.nan)
    counted = crystals.known & (owner >= 0) & (crystals.phase == phases[owner])
    for group, of_group in crystals.groups:
        members = np.flatnonzero(counted & np.isin(phases, of_group)[owner])
        if members.size:
            found[members] = DEGREES * angle_between(means[:, owner[members]], crystals.turns[:, members], group)
    return found


def mean_per_grain(values: Float[np.ndarray, " n"], owner: Int[np.ndarray, " n"], count: int) -> Float[np.ndarray, " grains"]:
    """Mean of a value over the voxels of each grain where it is known; NaN where it is nowhere."""
    known = (owner >= 0) & np.isfinite(values)
    number = np.bincount(owner[known], minlength=count)
    total = np.bincount(owner[known], values[known], minlength=count)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)
