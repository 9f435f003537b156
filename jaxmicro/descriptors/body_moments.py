"""Shapes of numbered bodies by the second moments of their voxels: aspect ratio, orientation tensor, crack density."""

import numpy as np
from jaxtyping import Float

from jaxmicro.microstructures import Microstructure
from jaxmicro.microstructures.grain_pieces import grains_from_their_gaps

LEAST = 4  # voxels of a body that is measured


def body_covariances(ms: Microstructure, name: str) -> Float[np.ndarray, "n d d"]:
    """Covariance of the places of each body in a map of numbers from 1, over periodic faces.

    Voxels of labels are points of the body; those of fractions count by their share, and Sheppard's h²/12 is taken off their moments.
    """
    index = np.asarray(ms.maps[name]).ravel()
    voxels = np.flatnonzero(index)
    _, numbers, volumes = np.unique(index[voxels], return_inverse=True, return_counts=True)
    keep = volumes[numbers] >= LEAST
    voxels = voxels[keep]
    numbers = np.unique(numbers[keep], return_inverse=True)[1]
    count, d = int(numbers.max(initial=-1)) + 1, ms.grid.ndim
    places, _ = grains_from_their_gaps(ms.grid, voxels, numbers, count)
    weight = np.ones(voxels.size) if ms.is_sharp else np.asarray(1 - ms.fractions[0], float).ravel()[voxels]
    total = np.bincount(numbers, weight, count)
    means = np.stack([np.bincount(numbers, weight * x, count) / total for x in places])
    away = places - means[:, numbers]
    found = np.empty((count, d, d))
    for i in range(d):
        for j in range(d):
            found[:, i, j] = np.bincount(numbers, weight * away[i] * away[j], count) / total
    if not ms.is_sharp:
        found -= np.diag((np.asarray(ms.grid.lengths, float) / ms.grid.shape) ** 2 / 12)
    return found


def aspect_ratio(ms: Microstructure) -> float:
    """Mean of the longest over the shortest axis of the ellipsoids with the moments of the inclusions."""
    values = np.linalg.eigvalsh(body_covariances(ms, "inclusion"))
    return float(np.sqrt(values[:, -1] / np.maximum(values[:, 0], 1e-12 * values[:, -1])).mean())


def orientation_tensor(ms: Microstructure) -> tuple[float, ...]:
    """Entries 11, 22, 33, 23, 13, 12 (11, 22, 12 in 2D) of the mean of p p over the longest axes p of the inclusions."""
    _, axes = np.linalg.eigh(body_covariances(ms, "inclusion"))
    p = axes[:, :, -1]
    tensor = p.T @ p / len(p)
    pairs = ((0, 0), (1, 1), (0, 1)) if ms.grid.ndim == 2 else ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return tuple(float(tensor[i, j]) for i, j in pairs)


def crack_density(ms: Microstructure) -> float:
    """Σ a³ / V, or Σ a² / A in 2D, with a from the moments of each crack: a²/4 along both axes of a disc, a²/3 along a line.

    Where cracks cross, the later ones hide a part of the earlier ones.
    """
    values = np.linalg.eigvalsh(body_covariances(ms.replace(labels=ms.labels) if not ms.is_sharp else ms, "crack"))
    squares = 3 * values[:, -1] if ms.grid.ndim == 2 else 2 * (values[:, -1] + values[:, -2])
    return float((squares ** (ms.grid.ndim / 2)).sum() / np.prod(np.asarray(ms.grid.lengths, float)))
