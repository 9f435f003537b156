"""Cases: conduction between two walls."""

import functools
import itertools

import numpy as np

import jaxmicro as jm
from tests.truths import disc_lattices
from tests.truths.case import Case, Trial
from tests.truths.voxels import in_balls

# Tortuosity factors that the package TauFactor is tested with: insulating spheres on the sites of a face-centred cubic cell whose
# radius is 1/0.975 of that at which they touch. They carry the tolerance of its solver: conjugate gradients on the same network of
# resistors, written with SciPy alone and stopped at 1e-12, give the second values.
PUBLISHED = {32: 3.307094, 64: 2.348118}
NETWORK = {32: 3.30709543269, 64: 2.34815045630}
RADII = (0.2, 0.23, 0.26, 0.29, 0.32, 0.35, 0.38, 0.41)


def face_centred_spheres(n: int) -> np.ndarray:
    """1 between the spheres and 0 in them."""
    x = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij"))
    places = [c for c in itertools.product((0, 0.5, 1), repeat=3) if c.count(0.5) in (0, 2)]
    distance = np.min([np.sum((x - n * np.reshape(c, (3, 1, 1, 1))) ** 2, 0) for c in places], 0)
    return (distance >= (0.25 * np.sqrt(2) * n / 0.975) ** 2).astype(float)


def tortuosity(scheme: str, n: int) -> float:
    """Of the spheres, against the published digits."""
    pores = face_centred_spheres(n)
    found = jm.effective_conductivity(pores, jm.Grid(pores.shape), walls=0, discretization=scheme, tensor_rtol=1e-7)
    return abs(float(found.tortuosity) / PUBLISHED[n] - 1)


@functools.cache
def exact(radius: float, contrast: float) -> float:
    """The planes between discs of a square array are walls of constant potential and sides without flux, by symmetry."""
    return disc_lattices.conductivity("square", radius, (1.0, contrast))


def disc_between_walls(scheme: str, n: int, contrast: float) -> float:
    """Mean error over discs of several radii in the middle of a square cell."""
    grid, errors = jm.Grid((n, n), (1.0, 1.0)), []
    for radius in RADII:
        field = np.array([1.0, contrast])[in_balls((n, n), (1.0, 1.0), [(0.5, 0.5)], radius)]
        found = jm.effective_conductivity(field, grid, walls=1, discretization=scheme, rtol=1e-6)
        errors.append(abs(float(found.value) / exact(radius, contrast) - 1))
    return float(np.mean(errors))


SIZES, TABLE = (16, 32, 64), (16, 32, 64, 128, 256)
RAYLEIGH = "Rayleigh (1892), doi:10.1080/14786449208620364; Perrins, McKenzie & McPhedran (1979), doi:10.1098/rspa.1979.0160"
STAIRS = "stairs of voxels: order one or more, scattered by how the discs lie on the grid"
CASES = (
    *(
        Case(
            f"{name} discs between walls", RAYLEIGH, "mean relative error over eight radii", functools.partial(disc_between_walls, contrast=contrast),
            (Trial("finite_volume", SIZES, TABLE, (0.8, 2.0), bound, STAIRS, slow=True),),
        )
        for name, contrast, bound in (("conducting", 10.0, 5e-3), ("insulating", 0.0, 2e-2))
    ),
    Case(
        "face-centred insulating spheres between walls", "Cooper et al. (2016), doi:10.1016/j.softx.2016.09.002, test of the program",
        "relative error of the tortuosity factor against the digits published for each grid", tortuosity,
        (
            Trial("finite_volume", (32,), (32, 64), None, 2e-5, "the same network of resistors, up to the tolerance with which the digits were found"),
        ),
    ),
)  # fmt: skip
