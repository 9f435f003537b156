"""Rotations of crystals: unit quaternions, Bunge Euler angles, rotated stiffness.

In:  unit quaternions `(4, …)`, scalar first: the passive rotation sample → crystal, h = g s; or Euler angles `(3, …)`.
Out: arrays of the same trailing shape. `to_matrix(q) @ s = h`; Hamilton product; crystal symmetry multiplies from the left.
Add one: a representation is one file with `from_…` and `to_…`, exported here, and a round trip in the tests.
"""

from jaxmicro.orientations.euler import from_euler, to_euler
from jaxmicro.orientations.in_plane import rotate_in_plane, rotation_mandel_in_plane
from jaxmicro.orientations.quaternions import conjugate, from_matrix, multiply, normalize, random_orientations, to_matrix
from jaxmicro.orientations.stiffness import rotate_stiffness, rotation_mandel

__all__ = [
    "conjugate",
    "from_euler",
    "from_matrix",
    "multiply",
    "normalize",
    "random_orientations",
    "rotate_in_plane",
    "rotate_stiffness",
    "rotation_mandel",
    "rotation_mandel_in_plane",
    "to_euler",
    "to_matrix",
]
