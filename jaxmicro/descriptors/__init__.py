"""A microstructure in a few numbers.

In:  a `Microstructure`, or the indicator `(*grid)` of one phase.
Out: JAX arrays, periodic, differentiable in phase fractions.
Add one: a descriptor is one file with one pure function, exported here, and a closed form in its test.
"""

from jaxmicro.descriptors.boundaries import BoundaryStatistics, boundary_statistics, coincidence_shares, neighbour_misorientation
from jaxmicro.descriptors.chord_lengths import ChordLengths, chord_lengths
from jaxmicro.descriptors.cluster_function import cluster_function
from jaxmicro.descriptors.correlation import correlation_length, correlation_matrix, radial_average, two_point_correlation
from jaxmicro.descriptors.dislocations import DislocationDensity, dislocation_density
from jaxmicro.descriptors.distances import distance_transform
from jaxmicro.descriptors.ensembles import Ensemble, ensemble
from jaxmicro.descriptors.fabric import Fabric, fabric_tensor
from jaxmicro.descriptors.fidelity import Fidelity, fidelity
from jaxmicro.descriptors.filling import fill_grains
from jaxmicro.descriptors.grain_comparison import GrainComparison, compare_grains
from jaxmicro.descriptors.grain_statistics import GrainStatistics, grain_statistics
from jaxmicro.descriptors.grains import Grains, measure_grains, segment_grains
from jaxmicro.descriptors.lineal_path import lineal_path
from jaxmicro.descriptors.local_misorientation import kernel_average_misorientation
from jaxmicro.descriptors.minkowski import MinkowskiFunctionals, euler_number, minkowski_functionals
from jaxmicro.descriptors.oddities import oddities
from jaxmicro.descriptors.percolation import Percolation, percolating_share, percolation
from jaxmicro.descriptors.pore_sizes import PoreSizes, local_thickness, pore_size_distribution
from jaxmicro.descriptors.representative_volume import RepresentativeVolume, representative_volume
from jaxmicro.descriptors.soft_boundaries import soft_boundaries
from jaxmicro.descriptors.surface import surface_density
from jaxmicro.descriptors.transport import Tortuosity, Transport, effective_diffusivity, tortuosity, transport
from jaxmicro.descriptors.twin_families import TwinFamilies, merge_twins
from jaxmicro.descriptors.volume_fractions import volume_fractions

__all__ = [
    "BoundaryStatistics",
    "ChordLengths",
    "DislocationDensity",
    "Ensemble",
    "Fabric",
    "Fidelity",
    "GrainComparison",
    "GrainStatistics",
    "Grains",
    "MinkowskiFunctionals",
    "Percolation",
    "PoreSizes",
    "RepresentativeVolume",
    "Tortuosity",
    "Transport",
    "TwinFamilies",
    "boundary_statistics",
    "chord_lengths",
    "cluster_function",
    "coincidence_shares",
    "compare_grains",
    "correlation_length",
    "correlation_matrix",
    "dislocation_density",
    "distance_transform",
    "effective_diffusivity",
    "ensemble",
    "euler_number",
    "fabric_tensor",
    "fidelity",
    "fill_grains",
    "grain_statistics",
    "kernel_average_misorientation",
    "lineal_path",
    "local_thickness",
    "measure_grains",
    "merge_twins",
    "minkowski_functionals",
    "neighbour_misorientation",
    "oddities",
    "percolating_share",
    "percolation",
    "pore_size_distribution",
    "radial_average",
    "representative_volume",
    "segment_grains",
    "soft_boundaries",
    "surface_density",
    "tortuosity",
    "transport",
    "two_point_correlation",
    "volume_fractions",
]
