"""Maps of what is where: the Microstructure record, generators and edits.

In:  a `Grid`, and arrays or a typed key.
Out: `Microstructure` (labels or phase fractions, orientations, mask, maps), in the axes of the grid.
Add one: a generator is one file with one function `name(grid, …, *, key) -> Microstructure`, exported here; an edit is
     a function `name(ms, …) -> Microstructure` that treats labels, fractions, orientation, mask and maps alike.
"""

from jaxmicro.microstructures.boolean_model import boolean_model
from jaxmicro.microstructures.bridges import add_bridges
from jaxmicro.microstructures.cahn_hilliard import Evolution, cahn_hilliard
from jaxmicro.microstructures.connectivity import Through, clusters, through_clusters
from jaxmicro.microstructures.core_shell import core_shell
from jaxmicro.microstructures.cutting import crop, mirror, tile
from jaxmicro.microstructures.defects import add_cracks, add_pores
from jaxmicro.microstructures.electrode import electrode
from jaxmicro.microstructures.ellipsoids import ellipsoids, pack_ellipsoids
from jaxmicro.microstructures.fibres import PackedFibres, fibres, pack_fibres
from jaxmicro.microstructures.gaussian_field import gaussian_random_field
from jaxmicro.microstructures.grain_sizes import log_normal_sizes, mixed_sizes
from jaxmicro.microstructures.inclusions import disc, inclusions, sphere
from jaxmicro.microstructures.interface_normals import interface_from_fractions, interface_normals
from jaxmicro.microstructures.interfaces import Interface, interface_from_level_set, interface_of_layers, interface_of_spheres
from jaxmicro.microstructures.laguerre import laguerre
from jaxmicro.microstructures.lattice import StrutCell, lattice, lattice_lengths, strut_cell
from jaxmicro.microstructures.layers import checkerboard, laminate
from jaxmicro.microstructures.level_cut import soft_levels, typical_slope
from jaxmicro.microstructures.packing import PackingError, pack_spheres
from jaxmicro.microstructures.periodic import SeamReport, make_periodic, seam_report
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.plane_cut import plane_cut
from jaxmicro.microstructures.polycrystal import polycrystal
from jaxmicro.microstructures.power_weights import LaguerreWeights, laguerre_weights
from jaxmicro.microstructures.random_checkerboard import random_checkerboard
from jaxmicro.microstructures.random_field import random_field
from jaxmicro.microstructures.ranked_laminate import Layers, ranked_laminate
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.recrystallized import recrystallized
from jaxmicro.microstructures.resolution import downsample, resample, sharpen, split_voxels
from jaxmicro.microstructures.soft_bodies import soft_capsules, soft_ellipsoids, soft_spheres
from jaxmicro.microstructures.soft_laguerre import soft_laguerre
from jaxmicro.microstructures.soft_random_field import soft_random_field
from jaxmicro.microstructures.spheres import rasterise_spheres
from jaxmicro.microstructures.spinodal_decomposition import spinodal_decomposition
from jaxmicro.microstructures.spinodoid import spinodoid
from jaxmicro.microstructures.strut_lattice import strut_lattice
from jaxmicro.microstructures.tpms import tpms
from jaxmicro.microstructures.turning import flip, turn
from jaxmicro.microstructures.twinning import add_twins

__all__ = [
    "Evolution",
    "Interface",
    "LaguerreWeights",
    "Layers",
    "Microstructure",
    "PackedFibres",
    "PackingError",
    "Phase",
    "SeamReport",
    "StrutCell",
    "Through",
    "add_bridges",
    "add_cracks",
    "add_pores",
    "add_twins",
    "boolean_model",
    "cahn_hilliard",
    "checkerboard",
    "clusters",
    "core_shell",
    "crop",
    "disc",
    "downsample",
    "electrode",
    "ellipsoids",
    "fibres",
    "flip",
    "gaussian_random_field",
    "inclusions",
    "interface_from_fractions",
    "interface_from_level_set",
    "interface_normals",
    "interface_of_layers",
    "interface_of_spheres",
    "laguerre",
    "laguerre_weights",
    "laminate",
    "lattice",
    "lattice_lengths",
    "log_normal_sizes",
    "make_periodic",
    "mirror",
    "mixed_sizes",
    "pack_ellipsoids",
    "pack_fibres",
    "pack_spheres",
    "plane_cut",
    "polycrystal",
    "random_checkerboard",
    "random_field",
    "ranked_laminate",
    "rasterise_spheres",
    "recrystallized",
    "resample",
    "seam_report",
    "sharpen",
    "soft_capsules",
    "soft_ellipsoids",
    "soft_laguerre",
    "soft_levels",
    "soft_random_field",
    "soft_spheres",
    "sphere",
    "spinodal_decomposition",
    "spinodoid",
    "split_voxels",
    "strut_cell",
    "strut_lattice",
    "through_clusters",
    "tile",
    "tpms",
    "turn",
    "typical_slope",
]
