"""Rotations of crystals: their representations, crystal symmetry and misorientation, coincidence and slip, rotated stiffness.

In:  quaternions `(4, …)`, scalar first: the passive rotation sample → crystal, h = g s; or Euler angles,
     axes and angles, Rodrigues vectors; Laue groups by name, as in `LAUE_GROUPS`. What is said of unit quaternions holds for
     those of any length but zero: they stand for q/|q|, and nothing but `multiply` and `conjugate` depends on the length.
Out: arrays of the same trailing shape, angles in radians.
     `to_matrix(q) @ s = h`; Hamilton product; crystal symmetry multiplies from the left.
Add one: a representation is one file with `from_…` and `to_…`, exported here, and a round trip in the tests. A family of slip
     systems is one line in `slip.FAMILIES`.
"""

from jaxmicro.orientations.averaging import mean_orientation
from jaxmicro.orientations.axis_angle import from_axis_angle, to_axis_angle
from jaxmicro.orientations.coincidence import coincidence, coincidence_deviation, is_coincident
from jaxmicro.orientations.colours import direction_color, euler_color, euler_ranges, ipf_color
from jaxmicro.orientations.components import texture_component
from jaxmicro.orientations.embedded_stiffness import cubic_stiffness_from_embedding, hexagonal_stiffness_from_embedding
from jaxmicro.orientations.embedding import embed, embedding_size
from jaxmicro.orientations.euler import from_euler, to_euler
from jaxmicro.orientations.fundamental_zone import fundamental_zone, in_fundamental_zone
from jaxmicro.orientations.in_plane import rotate_in_plane, rotation_mandel_in_plane
from jaxmicro.orientations.laue import LAUE_GROUPS, symmetry_operators
from jaxmicro.orientations.misorientation import disorientation, misorientation, misorientation_axis
from jaxmicro.orientations.odf import odf
from jaxmicro.orientations.pole_density import inverse_pole_density, pole_density
from jaxmicro.orientations.projection import project
from jaxmicro.orientations.quaternions import conjugate, from_matrix, multiply, normalize, random_orientations, to_matrix
from jaxmicro.orientations.random_misorientation import random_misorientation_density, random_misorientation_share
from jaxmicro.orientations.rodrigues import from_rodrigues, to_rodrigues
from jaxmicro.orientations.sampling import sample_components, sample_fibre, sample_kernel, sample_odf
from jaxmicro.orientations.sectors import sector_coordinates, sector_direction, to_sector
from jaxmicro.orientations.slip import SlipSystems, schmid_factors, slip_systems
from jaxmicro.orientations.stiffness import rotate_stiffness, rotation_mandel
from jaxmicro.orientations.texture_index import texture_index
from jaxmicro.orientations.twins import TWIN_SYSTEMS, TwinSystem, twin_system

__all__ = [
    "LAUE_GROUPS",
    "TWIN_SYSTEMS",
    "SlipSystems",
    "TwinSystem",
    "coincidence",
    "coincidence_deviation",
    "conjugate",
    "cubic_stiffness_from_embedding",
    "direction_color",
    "disorientation",
    "embed",
    "embedding_size",
    "euler_color",
    "euler_ranges",
    "from_axis_angle",
    "from_euler",
    "from_matrix",
    "from_rodrigues",
    "fundamental_zone",
    "hexagonal_stiffness_from_embedding",
    "in_fundamental_zone",
    "inverse_pole_density",
    "ipf_color",
    "is_coincident",
    "mean_orientation",
    "misorientation",
    "misorientation_axis",
    "multiply",
    "normalize",
    "odf",
    "pole_density",
    "project",
    "random_misorientation_density",
    "random_misorientation_share",
    "random_orientations",
    "rotate_in_plane",
    "rotate_stiffness",
    "rotation_mandel",
    "rotation_mandel_in_plane",
    "sample_components",
    "sample_fibre",
    "sample_kernel",
    "sample_odf",
    "schmid_factors",
    "sector_coordinates",
    "sector_direction",
    "slip_systems",
    "symmetry_operators",
    "texture_component",
    "texture_index",
    "to_axis_angle",
    "to_euler",
    "to_matrix",
    "to_rodrigues",
    "to_sector",
    "twin_system",
]
