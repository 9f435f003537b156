"""A microstructure in a few numbers.

In:  a `Microstructure`, or the indicator `(*grid)` of one phase.
Out: JAX arrays, periodic, differentiable in phase fractions.
Add one: a descriptor is one file with one pure function, exported here, and a closed form in its test.
"""

from jaxmicro.descriptors.boundaries import BoundaryStatistics, boundary_statistics, neighbour_misorientation
from jaxmicro.descriptors.correlation import radial_average, two_point_correlation
from jaxmicro.descriptors.oddities import oddities
from jaxmicro.descriptors.surface import surface_density
from jaxmicro.descriptors.transport import Tortuosity, percolating_share, tortuosity
from jaxmicro.descriptors.volume_fractions import volume_fractions

__all__ = [
    "BoundaryStatistics",
    "Tortuosity",
    "boundary_statistics",
    "neighbour_misorientation",
    "oddities",
    "percolating_share",
    "radial_average",
    "surface_density",
    "tortuosity",
    "two_point_correlation",
    "volume_fractions",
]
