"""Cases: layers, and layers of layers."""

import functools

import numpy as np

from tests.truths.case import EXACT, Case, Trial
from tests.truths.laminate_formulas import hashin_shtrikman, layers, sequential_laminate, thicknesses
from tests.truths.voxels import conductivity, isotropic, relative, split, stiffness

MILTON = "Milton (2002), chapter 9, doi:10.1017/CBO9780511613357"
TARTAR = "Francfort & Murat (1986), doi:10.1007/BF00280908"


def anisotropic(size: int, seed: int) -> list[np.ndarray]:
    """Three positive definite tensors without any symmetry, of contrasts about ten."""
    rng = np.random.default_rng(seed)
    draws = [rng.normal(size=(size, size)) for _ in range(3)]
    return [scale * (a @ a.T + 0.3 * np.eye(size)) for scale, a in zip((1.0, 8.0, 0.3), draws, strict=True)]


def stacked(tensors, counts, shape, axis: int) -> np.ndarray:
    """Layers of whole voxels across an axis."""
    field = np.stack(tensors, -1)[..., np.repeat(np.arange(len(counts)), counts)]
    place = [1] * len(shape)
    place[axis] = shape[axis]
    return np.broadcast_to(field.reshape(*field.shape[:-1], *place), (*field.shape[:-1], *shape))


def across_an_axis(scheme: str, n: int, dim: int, size: int) -> float:
    """Three anisotropic layers across the last axis of a cell of unequal edges."""
    tensors, counts = anisotropic(size, seed=dim), np.array([n // 4, n // 2 - 1])
    counts = np.append(counts, n - counts.sum())
    exact = layers(tensors, counts / n, np.eye(dim)[-1])
    lengths = np.array([1.3, 0.7, 2.1])[:dim]
    return relative(stiffness(stacked(tensors, counts, (n,) * dim, dim - 1), lengths, scheme), exact)


def oblique(scheme: str, n: int) -> float:
    """Two layers of equal share across (2, 1), whose interfaces are stairs of voxels."""
    from jaxmicro import Grid
    from jaxmicro.homogenization import composite_stiffness
    from jaxmicro.microstructures import interface_of_layers

    phases, voxels = [isotropic(1.0, 0.3, 2), isotropic(10.0, 0.2, 2)], split(scheme)[1]
    exact = layers(phases, [0.5, 0.5], [2.0, 1.0])
    if voxels == "plain":
        x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
        field = np.stack(phases, -1)[..., ((2 * x + y + 0.3 / n) % 1.0 < 0.5).astype(int)]
    else:
        grid = Grid((n, n), (1.0, 1.0))
        field = composite_stiffness(*interface_of_layers(grid, 0.5, (2, 1), width=2.0 if voxels == "wide" else 1.0), *phases)
    return relative(stiffness(field, (1.0, 1.0), scheme), exact)


def two_scales(scheme: str, n: int) -> float:
    """Layers across x of one phase and of fine layers across y, four voxels a period, so that their scales are n/4 apart."""
    exact = sequential_laminate(10.0 * np.eye(2), np.eye(2), 0.25, [(0, 1), (1, 0)], [2 / 3, 1 / 3])
    fine = np.where(np.arange(n) % 4 < 2, 10.0, 1.0)
    field = np.where((np.arange(n) < n // 2)[:, None], 1.0, fine)
    return relative(conductivity(field, (1.0, 1.0), scheme), exact)


# Directions of the layers, the outermost an axis of the grid, and the shares of the core for which its thickness is that of voxels.
ICOSAHEDRON = [(2 / 5**0.5 * np.cos(2 * np.pi * k / 5), 2 / 5**0.5 * np.sin(2 * np.pi * k / 5), 5**-0.5) for k in range(5)]
RANKS = {
    "conduction, 2D": ([(1, 0), (0, 1)], 11 / 21, 10.0 * np.eye(2), np.eye(2)),
    "conduction, 3D": ([(1, 0, 0), (0, 1, 0), (0, 0, 1)], 5 / 14, 10.0 * np.eye(3), np.eye(3)),
    "plane elasticity": ([(3**0.5, 1), (-(3**0.5), 1), (0, 1)], 11 / 26, isotropic(10.0, 0.2, 2), isotropic(1.0, 0.35, 2)),
    "elasticity": ([*ICOSAHEDRON, (0, 0, 1)], 5 / 23, isotropic(10.0, 0.2, 3), isotropic(1.0, 0.35, 3)),
}


def ranked(scheme: str, n: int, kind: str) -> float:
    """The outermost layers of a sequential laminate solved, those inside by the formula, against the Hashin–Shtrikman bound."""
    normals, share, core, matrix = RANKS[kind]
    dim, weights = len(normals[0]), np.full(len(normals), 1 / len(normals))
    last = thicknesses(share, weights)[-1]
    inside = core
    for thickness, normal in zip(thicknesses(share, weights)[:-1], normals[:-1], strict=True):
        inside = layers([matrix, inside], [thickness, 1 - thickness], normal)
    field = stacked([matrix, inside], [round(last * n), n - round(last * n)], (n,) * dim, dim - 1)
    question = conductivity if kind.startswith("conduction") else stiffness
    return relative(question(field, (1.0,) * dim, scheme), hashin_shtrikman(core, matrix, share, dim))


PIECEWISE = "piecewise linear displacements that are bent at the interfaces are in the space of the scheme"
CASES = (
    Case(
        "three anisotropic layers across an axis, plane", MILTON, "largest error of an entry of C over the largest entry",
        functools.partial(across_an_axis, dim=2, size=3),
        (
            Trial("finite_element", (16,), (16, 32), None, EXACT, PIECEWISE),
            Trial("rotated", (16,), (16, 32), None, EXACT, PIECEWISE),
            Trial("fourier", (15,), (15, 31), None, EXACT, "on odd grids the collocated strains of layers are compatible"),
        ),
    ),
    Case(
        "three anisotropic layers across an axis, 3D", MILTON, "largest error of an entry of C over the largest entry",
        functools.partial(across_an_axis, dim=3, size=6),
        (Trial("finite_element", (8,), (8, 16), None, EXACT, PIECEWISE), Trial("rotated", (8,), (8, 16), None, EXACT, PIECEWISE, slow=True)),
    ),
    Case(
        "layers across (2, 1), plane elasticity", MILTON, "largest error of an entry of C over the largest entry", oblique,
        (
            Trial("finite_element", (16, 32, 64), (16, 32, 64, 128, 256), (0.85, 1.15), 0.012, "stairs of voxels: strains are wrong in a strip of width h"),
            Trial("rotated", (16, 32, 64), (16, 32, 64, 128, 256), (0.85, 1.15), 0.016, "the same strip"),
            Trial("fourier, wide", (16, 32, 64), (16, 32, 64, 128, 256), (0.7, 1.6), 5e-5, "layers of mixed material leave the order, and a factor of 1/300", slow=True),
        ),
    ),
    Case(
        "layers of layers, two scales, conduction", MILTON, "largest error of an entry of k over the largest entry", two_scales,
        (Trial("finite_element", (16, 32, 64), (16, 32, 64, 128, 256), (0.9, 1.1), 8e-3, "boundary layers of the fine period, n/4 of which fill the cell"),),
    ),
    *(
        Case(
            f"sequential laminate of rank {len(RANKS[kind][0])} at the Hashin–Shtrikman bound, {kind}", TARTAR,
            "largest error of an entry over the largest entry", functools.partial(ranked, kind=kind),
            (
                Trial("finite_element", (n,), (n, 2 * n), None, EXACT, PIECEWISE),
                Trial("rotated", (n,), (n, 2 * n), None, EXACT, PIECEWISE, slow=n == 8),
            ),
        )
        for kind, n in (("conduction, 2D", 16), ("conduction, 3D", 8), ("plane elasticity", 16), ("elasticity", 8))
    ),
)  # fmt: skip
