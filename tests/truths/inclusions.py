"""Cases: coated discs and spheres that nobody notices from outside."""

import functools

import numpy as np

from tests.truths.case import Case, Trial
from tests.truths.laminate_formulas import hashin_shtrikman
from tests.truths.voxels import conductivity, in_balls, mean_error, relative, split, stiffness

CORE, COAT = 0.28, 0.42  # radii over the shortest edge
EDGES = (1.0, 1.4, 1.2)
HASHIN = "Hashin & Shtrikman (1962), doi:10.1063/1.1728579"
HASHIN_ELASTIC = "Hashin (1962), doi:10.1115/1.3636446"


def coated(shape, lengths, place, tensors, voxels: str) -> np.ndarray:
    """The material: a core in a coat in a matrix, `tensors` in this order."""
    if voxels == "plain":
        labels = 2 - sum(in_balls(shape, lengths, [place], radius) for radius in (CORE, COAT))
        return np.stack(tensors, -1)[..., labels]
    from jaxmicro import Grid
    from jaxmicro.homogenization import composite_conductivity, composite_stiffness
    from jaxmicro.microstructures import interface_of_spheres

    rule = composite_conductivity if len(tensors[0]) == len(shape) else composite_stiffness
    width, grid = 2.0 if voxels == "wide" else 1.0, Grid(shape, lengths)
    core, coat = (interface_of_spheres(grid, place[:, None], np.array([radius]), width=width) for radius in (CORE, COAT))
    return np.asarray(rule(*coat, tensors[2], rule(*core, tensors[1], tensors[0])))


def neutral_conductor(scheme: str, n: int, dim: int) -> float:
    """A core of 20 in a coat of 1, in a matrix with the conductivity of the Hashin–Shtrikman assemblage of both."""
    one = np.eye(dim)
    matrix = hashin_shtrikman(20.0 * one, one, (CORE / COAT) ** dim, dim)

    def error(place) -> float:
        lengths = EDGES[:dim]
        plain = scheme == "finite_volume" or split(scheme)[1] == "plain"
        field = coated((n,) * dim, lengths, place * lengths, [20.0 * one, one, matrix], split(scheme)[1])
        return relative(conductivity(field[0, 0] if plain else field, lengths, scheme), matrix)

    return mean_error(dim, split(scheme)[1], error)


def neutral_bulk(scheme: str, n: int, dim: int) -> float:
    """A coated ball that has the bulk modulus of the matrix under hydrostatic strain, whatever the matrix' shear modulus."""
    phases = [from_moduli(*moduli, dim) for moduli in ((20.0, 9.0), (1.0, 0.6))]
    bulk = hashin_shtrikman(*phases, (CORE / COAT) ** dim, dim)[:dim, :dim].mean()
    matrix = from_moduli(bulk, 2.5, dim)

    def error(place) -> float:
        lengths = EDGES[:dim]
        field = coated((n,) * dim, lengths, place * lengths, [*phases, matrix], split(scheme)[1])
        pressure = stiffness(field, lengths, scheme)[:, :dim].sum(axis=1)
        return relative(pressure, matrix[:, :dim].sum(axis=1))

    return mean_error(dim, split(scheme)[1], error)


def from_moduli(bulk: float, shear: float, dim: int) -> np.ndarray:
    """Isotropic Mandel stiffness of a bulk modulus (in the plane, of the plane bulk modulus) and a shear modulus."""
    out = 2 * shear * np.eye(dim * (dim + 1) // 2)
    out[:dim, :dim] += bulk - 2 * shear / dim
    return out


STAIRS = "curved interfaces as stairs of voxels: order one, scattered by how the ball lies on the grid"
MIXED = "laminates in the voxels at the interface: between one and two, with a small factor"
WIDE = "fractions over two voxels: about two, before the order falls to one far below"
SIZES, TABLE = (16, 32, 64), (16, 32, 64, 128, 256)
SIZES_3D, TABLE_3D = (8, 16, 32), (8, 16, 32, 64)
CASES = (
    Case(
        "neutral coated disc, conduction", HASHIN, "largest error of an entry of k over that of the matrix",
        functools.partial(neutral_conductor, dim=2),
        (
            Trial("finite_element", SIZES, TABLE, (0.8, 1.6), 1.3e-2, STAIRS),
            Trial("finite_volume", SIZES, TABLE, (0.8, 2.0), 5e-3, STAIRS),
            Trial("rotated, composite", SIZES, TABLE, (0.9, 2.0), 2e-3, MIXED),
            Trial("rotated, wide", SIZES, TABLE, (1.5, 3.0), 1e-3, WIDE),
        ),
    ),
    Case(
        "neutral coated disc, plane bulk modulus", HASHIN_ELASTIC, "error of the mean stress under hydrostatic strain",
        functools.partial(neutral_bulk, dim=2),
        (
            Trial("finite_element", SIZES, TABLE, (0.8, 1.8), 1.3e-2, STAIRS),
            Trial("rotated, composite", SIZES, TABLE, (0.9, 2.2), 1e-3, MIXED),
        ),
    ),
    Case(
        "neutral coated sphere, conduction", HASHIN, "largest error of an entry of k over that of the matrix",
        functools.partial(neutral_conductor, dim=3),
        (
            Trial("finite_element", SIZES_3D, TABLE_3D, (0.8, 1.8), 2e-2, STAIRS, slow=True),
            Trial("finite_volume", SIZES_3D, TABLE_3D, (0.8, 2.3), 3e-3, STAIRS, slow=True),
            Trial("rotated, composite", SIZES_3D, TABLE_3D, (0.9, 2.5), 2e-3, MIXED, slow=True),
        ),
    ),
    Case(
        "neutral coated sphere, bulk modulus", HASHIN_ELASTIC, "error of the mean stress under hydrostatic strain",
        functools.partial(neutral_bulk, dim=3),
        (
            Trial("finite_element", SIZES_3D, TABLE_3D, (0.8, 1.8), 1.3e-2, STAIRS, slow=True),
            Trial("rotated, composite", SIZES_3D, TABLE_3D, (0.9, 2.5), 1e-3, MIXED, slow=True),
        ),
    ),
)  # fmt: skip
