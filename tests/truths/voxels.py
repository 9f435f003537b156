"""Questions to the library in the form that all cases share, so that equal shapes share their compiled programs."""

import numpy as np

import jaxmicro as jm
from jaxmicro.homogenization import composite_conductivity, composite_stiffness
from jaxmicro.microstructures import interface_of_spheres

RTOL = 1e-6  # the tensor is off by about its square
SOLVER = {"rtol": RTOL, "preconditioner": "green", "max_steps": 4000}  # one program a shape, whatever the field


def split(scheme: str) -> tuple[str, str]:
    """The discretisation and what the voxels hold: `"plain"`, `"composite"` or `"wide"` (composite over windows of two voxels)."""
    name, _, voxels = scheme.partition(", ")
    return name, voxels or "plain"


def conductivity(field, lengths, scheme: str) -> np.ndarray:
    """Effective conductivity of a field (*grid) or (d, d, *grid), which `"finite_volume"` takes as (*grid) only."""
    name, shape = split(scheme)[0], np.shape(field)[-len(lengths) :]
    return np.asarray(jm.effective_conductivity(field, jm.Grid(shape, lengths), discretization=name, **SOLVER).tensor)


def stiffness(field, lengths, scheme: str) -> np.ndarray:
    """Effective stiffness of a field (m, m, *grid)."""
    return np.asarray(
        jm.effective_stiffness(field, jm.Grid(np.shape(field)[2:], lengths), discretization=split(scheme)[0], **SOLVER).tensor
    )


def centres(shape, lengths) -> np.ndarray:
    """Coordinates of the voxel centres, (d, *grid)."""
    return np.stack(np.meshgrid(*[(np.arange(n) + 0.5) * length / n for n, length in zip(shape, lengths, strict=True)], indexing="ij"))


def in_balls(shape, lengths, places, radius) -> np.ndarray:
    """Voxels whose centre lies in a periodic disc or sphere, as 0 and 1."""
    x, edges = centres(shape, lengths), np.reshape(lengths, (-1, *(1,) * len(shape)))
    inside = np.zeros(shape, int)
    for place in places:
        gap = x - np.reshape(place, edges.shape)
        inside |= np.sum((gap - edges * np.round(gap / edges)) ** 2, axis=0) < radius**2
    return inside


def balls(shape, lengths, places, radius, phases, voxels: str) -> np.ndarray:
    """The material of balls in a matrix: tensors of `phases`, or numbers in plain voxels, on the grid."""
    if voxels == "plain":
        return np.stack(phases, axis=-1)[..., in_balls(shape, lengths, places, radius)]
    grid = jm.Grid(shape, lengths)
    width = 2.0 if voxels == "wide" else 1.0
    interface = interface_of_spheres(grid, np.transpose(places), np.full(len(places), radius), width=width)
    rule = composite_conductivity if np.ndim(phases[0]) == 0 or len(phases[0]) == len(shape) else composite_stiffness
    return np.asarray(rule(*interface, *phases))


def relative(found, exact) -> float:
    """Largest error of an entry over the largest entry."""
    return float(np.abs(np.asarray(found) - exact).max() / np.abs(exact).max())


def shifts(dim: int) -> np.ndarray:
    """Places of a geometry relative to the grid, whose errors are averaged: they depend on it, the answer does not."""
    root = {2: 1.32471795724, 3: 1.22074408460}[dim]  # of x^(d+1) = x + 1: multiples of its powers fill the cell evenly
    count = {2: 8, 3: 4}[dim]
    return (0.5 + np.outer(np.arange(1, count + 1), root ** -np.arange(1.0, dim + 1))) % 1.0


def isotropic(young: float, poisson: float, dim: int) -> np.ndarray:
    """Isotropic Mandel stiffness in 3D, or in plane strain."""
    lame, shear = young * poisson / ((1 + poisson) * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    size = dim * (dim + 1) // 2
    out = 2 * shear * np.eye(size)
    out[:dim, :dim] += lame
    return out


def mean_error(dim: int, voxels: str, error) -> float:
    """Mean of an error over the places of `shifts`; composite voxels scatter little, and two of them do."""
    return float(np.mean([error(shift) for shift in shifts(dim)[: None if voxels == "plain" else 2]]))
