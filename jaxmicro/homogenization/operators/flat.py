"""Grids as flat arrays of padded rows, in which every stencil is a shift by a constant.

Rows have a pitch of n + 2: periodic neighbours are written once, and then loops run over contiguous memory and use vector
instructions (what reaches over the end of a row is never used). The functions serve the kernels for CPUs, whose stencils are those
of a face in the plane of the last two axes; `Padded` has those of whole voxels, in any dimension.
"""

import functools
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from jaxmicro.homogenization.operators.modes import Stencils, Subset

Axes = tuple[int, int]


def padded(field: Shaped[Array, "..."], dim: int, rows: tuple[int, int]) -> Shaped[Array, "*lead flat"]:
    """The last `dim` axes flat, with so many periodic rows before and behind, and a column before and behind each row."""
    widths = [(0, 0)] * (field.ndim - 2) + [rows, (1, 1)]
    return jnp.pad(field, widths, mode="wrap").reshape(*field.shape[: field.ndim - dim], -1)


def inside(field: Shaped[Array, " flat"], pitch: int) -> Shaped[Array, "rows columns"]:
    """Flat rows of which the first is periodic, without it and without the two periodic columns."""
    return field.reshape(-1, pitch)[1:, 1:-1]


def corner_shifts(pitch: int) -> tuple[int, ...]:
    """From the first corner of a face to all four."""
    return (0, 1, pitch, pitch + 1)


def face(corners: Sequence[Sequence[Array]], keys: Sequence[Subset], axes: Axes) -> Stencils:
    """Sums and differences over the corners of a face, for every component: differences along the axes in a key.

    The four corners are written out for each key, for a sum used twice would not be vectorised.
    """
    y, z = axes
    signs = {
        frozenset[int](): lambda a, az, ay, ayz: (a + az) + (ay + ayz),
        frozenset({y}): lambda a, az, ay, ayz: (ay + ayz) - (a + az),
        frozenset({z}): lambda a, az, ay, ayz: (az - a) + (ayz - ay),
        frozenset({y, z}): lambda a, az, ay, ayz: (ayz - ay) - (az - a),
    }
    return {key: [signs[key](*four) for four in corners] for key in keys}


def scatter(dual: Stencils, component: int, axes: Axes, pitch: int, size: int) -> Float[Array, " nodes"]:
    """The transpose of `face`: the force at the first `size` nodes, from the four faces around each."""
    y, z = axes
    total = jnp.zeros(size, dual[next(iter(dual))][component].dtype)
    for key, fields in dual.items():
        a, az, ay, ayz = (fields[component][shift : shift + size] for shift in corner_shifts(pitch))
        along_y, along_z = (-1 if axis in key else 1 for axis in (y, z))
        total = total + ((a + along_z * az) + along_y * (ay + along_z * ayz))
    return total


class Padded(NamedTuple):
    """A grid with periodic neighbours all around as a flat array: a voxel has the index of its first node.

    Attributes:
        shape: voxels of the grid.
    """

    shape: tuple[int, ...]

    @property
    def pitches(self) -> tuple[int, ...]:
        """From a node to the next one along each axis."""
        return tuple(math.prod(n + 2 for n in self.shape[axis + 1 :]) for axis in range(len(self.shape)))

    @property
    def voxels(self) -> int:
        """Entries of an array of voxels."""
        return (self.shape[0] + 2) * self.pitches[0] - sum(self.pitches)

    @property
    def ends(self) -> list[tuple[int, tuple[int, ...]]]:
        """All corners of a voxel: their distance from the first one, and the axes along which they are the far ones."""
        return [
            (sum(self.pitches[axis] for axis in far), far)
            for size in range(len(self.shape) + 1)
            for far in itertools.combinations(range(len(self.shape)), size)
        ]

    def nodes_of(self, field: Shaped[Array, "..."]) -> Shaped[Array, "*lead flat"]:
        """Lay a field out."""
        lead = field.ndim - len(self.shape)
        return jnp.pad(field, [(0, 0)] * lead + [(1, 1)] * len(self.shape), mode="wrap").reshape(*field.shape[:lead], -1)

    def voxels_of(self, field: Shaped[Array, "..."]) -> Shaped[Array, "*lead flat"]:
        """Lay a field of voxels out."""
        return self.nodes_of(field)[..., : self.voxels]

    def difference(self, nodes: Float[Array, " flat"], key: Subset) -> Float[Array, " voxels"]:
        """The stencil of differences along the axes in the key, and sums along the others."""
        return _signed([(nodes[at : at + self.voxels], len(key - set(far)) % 2) for at, far in self.ends])

    def transposed(self, dual: Mapping[Subset, Float[Array, " voxels"]]) -> Float[Array, "*grid"]:
        """What all voxels give to their nodes: the transpose of `difference`, summed over the keys."""
        size = 1 + sum(pitch * (n - 1) for pitch, n in zip(self.pitches, self.shape, strict=True))
        # The voxel at a distance has the node as its near end along the axes of that distance.
        # Key by key: where the dual is constant the terms of a key cancel exactly, however large they are.
        parts = [_signed([(field[at : at + size], len(key & set(near)) % 2) for at, near in self.ends]) for key, field in dual.items()]
        flat = functools.reduce(jnp.add, parts)
        wide = jnp.pad(flat, (0, self.shape[0] * self.pitches[0] - size))
        return wide.reshape(self.shape[0], *(n + 2 for n in self.shape[1:]))[tuple(slice(n) for n in self.shape)]

    def inside(self, voxels: Float[Array, " voxels"]) -> Float[Array, "*grid"]:
        """The voxels of the grid itself."""
        missing = (self.shape[0] + 1) * self.pitches[0] - self.voxels
        wide = jnp.pad(voxels, (0, missing)).reshape(self.shape[0] + 1, *(n + 2 for n in self.shape[1:]))
        return wide[(slice(1, None), *(slice(1, n + 1) for n in self.shape[1:]))]


def _signed(terms: Sequence[tuple[Array, int]]) -> Array:
    """A sum by halves; 1 marks the terms that are subtracted."""
    if len(terms) == 1:
        return -terms[0][0] if terms[0][1] else terms[0][0]
    middle = len(terms) // 2
    return _signed(terms[:middle]) + _signed(terms[middle:])
