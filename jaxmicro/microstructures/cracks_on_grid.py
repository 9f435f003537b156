"""Flat cracks as layers of voxels that nothing passes through."""

import itertools

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.fields import Grid
from jaxmicro.microstructures.drawing import layers_in_pieces

ROUNDING = 1e-9


def draw_cracks(
    grid: Grid,
    centres: Float[np.ndarray, "n d"],
    normals: Float[np.ndarray, "n d"],
    radii: Float[np.ndarray, " n"],
    thickness: float | None,
    closed: str,
) -> Int[np.ndarray, "*grid"]:
    """Number of the crack at each voxel plus one, of several the last one; 0 where there is none.

    A voxel belongs to a crack where −t/2 ≤ n·x < t/2 and its place in the plane is within the radius; so a layer of the least thickness is one
    voxel thick where it lies along the grid.
    """
    spacing = np.asarray(grid.lengths, float) / grid.shape
    steps = np.abs(normals) * spacing
    least = steps.max(axis=1) if closed == "faces" else steps.sum(axis=1)
    thick = np.maximum(least, 0.0 if thickness is None else thickness)
    number = np.zeros(grid.shape, np.int32)
    for k, (centre, normal, radius, t) in enumerate(zip(centres, normals, radii, thick, strict=True), start=1):
        half = radius * np.sqrt(np.maximum(1 - normal**2, 0)) + np.abs(normal) * t / 2
        low = np.ceil((centre - half) / spacing - 0.5 - ROUNDING).astype(int)
        high = np.floor((centre + half) / spacing - 0.5 + ROUNDING).astype(int)
        for pieces in itertools.product(*(layers_in_pieces(*ends) for ends in zip(low.tolist(), high.tolist(), grid.shape, strict=True))):
            x = np.ix_(*((i + 0.5) * h - c for i, h, c in zip(pieces, spacing, centre, strict=True)))
            height = sum(n * part for n, part in zip(normal, x, strict=True))
            square = sum(part**2 for part in x) - height**2
            inside = (height >= -t / 2 - ROUNDING * t) & (height < t / 2 - ROUNDING * t) & (square <= radius**2 * (1 + ROUNDING))
            window = np.ix_(*(i % n for i, n in zip(pieces, grid.shape, strict=True)))
            number[window] = np.where(inside, k, number[window])
    return number
