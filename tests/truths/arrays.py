"""Cases: square and hexagonal arrays of discs, and cubic arrays of spheres, in conduction and elasticity."""

import functools

import numpy as np

from tests.truths import disc_lattices, sphere_lattices
from tests.truths.case import Case, Trial
from tests.truths.voxels import balls, conductivity, isotropic, mean_error, relative, split, stiffness

SHARE, CONTRAST = 0.3, 10.0
CELLS = {
    "square": ((1.0, 1.0), [(0.0, 0.0)]),
    "hexagonal": ((1.0, 3**0.5), [(0.0, 0.0), (0.5, 3**0.5 / 2)]),
    **{name: ((1.0, 1.0, 1.0), sites) for name, sites in sphere_lattices.SITES.items()},
}
MATRIX, INCLUSION = (1.0, 0.3), (CONTRAST, 0.3)  # Young's modulus and Poisson's ratio

# C11, C12 and 2 C44 of cubic arrays of spheres of that share and those constants: sphere_elasticity.stiffness(…, degree=15, regular=20).
# Degree 13 differs by less than 2e-6 (SC) or 5e-8 (BCC, FCC), and curved elements of degree 7 by less than 2e-7 (SC).
SPHERES = {
    "SC": (2.28031897, 0.80744626, 1.22509052),
    "BCC": (2.13203023, 0.87381850, 1.33055098),
    "FCC": (2.13300537, 0.87296654, 1.32853833),
}
SPHERES_KNOWN_TO = 2e-6


def radius(lattice: str) -> float:
    """Radius of the discs or spheres, over the distance of neighbours in 2D and the edge of the cell in 3D."""
    if lattice in sphere_lattices.SITES:
        return sphere_lattices.sphere_radius(lattice, SHARE)
    return (SHARE * disc_lattices.cell_area(lattice) / np.pi) ** 0.5


@functools.cache
def exact_conductivity(lattice: str, contrast: float) -> float:
    """By multipoles."""
    module = sphere_lattices if lattice in sphere_lattices.SITES else disc_lattices
    return module.conductivity(lattice, radius(lattice), (1.0, contrast))


@functools.cache
def exact_stiffness(lattice: str, hole: bool) -> np.ndarray:
    """By multipoles; those of spheres are stored."""
    if lattice in SPHERES:
        c11, c12, twice_c44 = SPHERES[lattice]
        out = np.diag([c11] * 3 + [twice_c44] * 3)
        out[:3, :3] += c12 * (1 - np.eye(3))
        return out
    return disc_lattices.plane_stiffness(lattice, radius(lattice), phases(2, hole))


def phases(dim: int, hole: bool) -> list[np.ndarray]:
    """Stiffness of matrix and inclusion."""
    return [isotropic(*MATRIX, dim), (0.0 if hole else 1.0) * isotropic(*INCLUSION, dim)]


def conducting(scheme: str, n: int, lattice: str, contrast: float = CONTRAST) -> float:
    """Error of the conductivity."""
    lengths, sites = CELLS[lattice]
    exact = exact_conductivity(lattice, contrast) * np.eye(len(lengths))

    def error(shift) -> float:
        places = np.array(sites) + shift * lengths
        field = balls((n,) * len(lengths), lengths, places, radius(lattice), [1.0, contrast], split(scheme)[1])
        return relative(conductivity(field, lengths, scheme), exact)

    return mean_error(len(lengths), split(scheme)[1], error)


def elastic(scheme: str, n: int, lattice: str, hole: bool = False) -> float:
    """Error of the stiffness."""
    lengths, sites = CELLS[lattice]

    def error(shift) -> float:
        places = np.array(sites) + shift * lengths
        field = balls((n,) * len(lengths), lengths, places, radius(lattice), phases(len(lengths), hole), split(scheme)[1])
        return relative(stiffness(field, lengths, scheme), exact_stiffness(lattice, hole))

    return mean_error(len(lengths), split(scheme)[1], error)


RAYLEIGH = "Rayleigh (1892), doi:10.1080/14786449208620364; Perrins, McKenzie & McPhedran (1979), doi:10.1098/rspa.1979.0160"
CUBIC = {
    "SC": "McPhedran & McKenzie (1978), doi:10.1098/rspa.1978.0025",
    "BCC": "McKenzie, McPhedran & Derrick (1978), doi:10.1098/rspa.1978.0139",
    "FCC": "McKenzie, McPhedran & Derrick (1978), doi:10.1098/rspa.1978.0139",
}
MULTIPOLES = (
    "complex potentials with Natanzon's sums (tests/truths/disc_lattices.py), as McPhedran & Movchan (1994), J. Mech. Phys. Solids 42, 711"
)
SPHERE_MULTIPOLES = (
    "Papkovich–Neuber potentials with lattice sums (tests/truths/sphere_elasticity.py), as Sangani & Lu (1987), J. Mech. Phys. Solids 35, 1"
)

STAIRS = "curved interfaces as stairs of voxels: order one"
SCATTERED = "stairs of voxels: order one or more, scattered by how the balls lie on the grid"
MIXED = "laminates in the voxels at the interface: order one in the end, with a small factor"
WIDE = "fractions over two voxels: order two and more, before it falls to one far below"
SIZES, TABLE = (16, 32, 64), (16, 32, 64, 128, 256)
SIZES_3D, TABLE_3D = (8, 16, 32), (8, 16, 32, 64)
OF_K, OF_C = "largest error of an entry of k over the largest entry", "largest error of an entry of C over the largest entry"

CASES = (
    *(
        Case(
            f"{lattice} array of discs, conduction", RAYLEIGH, OF_K, functools.partial(conducting, lattice=lattice),
            (
                Trial("finite_element", SIZES, TABLE, (0.8, 1.3), 1.6e-2, STAIRS),
                Trial("finite_volume", SIZES, TABLE, (0.8, 2.0), 4e-3, SCATTERED),
                Trial("rotated, composite", SIZES, TABLE, (0.8, 1.6), 2e-3, MIXED),
                Trial("rotated, wide", SIZES, TABLE, (1.4, 3.5), 1e-3, WIDE),
            ),
        )
        for lattice in ("square", "hexagonal")
    ),
    Case(
        "square array of insulating discs", RAYLEIGH, OF_K, functools.partial(conducting, lattice="square", contrast=0.0),
        (
            Trial("finite_element", SIZES, TABLE, (0.8, 1.4), 1e-2, STAIRS),
            Trial("finite_volume", SIZES, TABLE, (0.8, 1.4), 2.5e-2, STAIRS),
        ),
    ),
    *(
        Case(
            f"{lattice} array of discs, plane elasticity", MULTIPOLES, OF_C, functools.partial(elastic, lattice=lattice),
            (
                Trial("finite_element", SIZES, TABLE, (0.8, 1.3), 1.3e-2, STAIRS),
                Trial("rotated", SIZES, TABLE, (0.8, 1.5), 7e-3, STAIRS),
                Trial("rotated, composite", SIZES, TABLE, (0.8, 1.6), 2e-3, MIXED),
                Trial("rotated, wide", SIZES, TABLE, (1.4, 3.0), 1.3e-3, WIDE),
            ),
        )
        for lattice in ("square", "hexagonal")
    ),
    Case(
        "hexagonal array of holes, plane elasticity", MULTIPOLES, OF_C, functools.partial(elastic, lattice="hexagonal", hole=True),
        (Trial("finite_element", SIZES, TABLE, (0.8, 1.3), 2.7e-2, STAIRS),),
    ),
    *(
        Case(
            f"{lattice} array of spheres, conduction", source, OF_K, functools.partial(conducting, lattice=lattice),
            (
                Trial("finite_element", SIZES_3D, TABLE_3D, (0.8, 1.5), 5e-2, STAIRS, slow=lattice != "FCC"),
                Trial("finite_volume", SIZES_3D, TABLE_3D, (0.8, 2.5), 3.5e-3, SCATTERED, slow=True),
                Trial("rotated, composite", SIZES_3D, TABLE_3D, (0.8, 3.0), 3.5e-3, MIXED, slow=True),
            ),
        )
        for lattice, source in CUBIC.items()
    ),
    *(
        Case(
            f"{lattice} array of spheres, elasticity", SPHERE_MULTIPOLES, OF_C, functools.partial(elastic, lattice=lattice),
            (
                Trial("finite_element", SIZES_3D, TABLE_3D, (0.8, 1.5), 4.5e-2, STAIRS, slow=True),
                Trial("rotated, composite", SIZES_3D, TABLE_3D, (0.8, 3.0), 3.5e-3, MIXED, slow=True),
            ),
        )
        for lattice in SPHERES
    ),
)  # fmt: skip
