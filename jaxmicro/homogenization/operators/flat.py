"""Grids as flat arrays of padded rows, in which every stencil is a shift by a constant.

Rows have a pitch of n + 2: periodic neighbours are written once, and then loops run over contiguous memory and use vector
instructions (what reaches over the end of a row is never used). Stencils are those of a face, in the plane of the last two axes.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from jaxmicro.homogenization.operators.modes import Stencils, Subset

Axes = tuple[int, int]


def padded(field: Shaped[Array, "..."], dim: int, rows: tuple[int, int]) -> Shaped[Array, "*lead flat"]:
    """The last `dim` axes flat, with so many periodic rows before and behind, and a column before and behind each row."""
    widths = [(0, 0)] * (field.ndim - 2) + [rows, (1, 1)]
    return jnp.pad(field, widths, mode="wrap").reshape(*field.shape[: field.ndim - dim], -1)


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
