"""Cases: manufactured solutions of `solve_cell_problem`, the whole fields against what was put in."""

import functools

import numpy as np

import jaxmicro as jm
from jaxmicro.homogenization import solve_cell_problem
from tests.truths.case import Case, Trial
from tests.truths.smooth_fields import Manufactured
from tests.truths.voxels import centres

CELLS = {"plane": ((1.0, 1.6), 3), "columnar": ((1.0, 1.6), 6), "3D": ((1.0, 1.6, 0.8), 6)}
RTOL = 1e-10  # below the error of the finest spectral solve


@functools.cache
def solved(kind: str, scheme: str, n: int) -> dict[str, float]:
    """Relative errors in the mean square: of the displacement at the nodes, of strain and stress at the centres, of the mean stress."""
    cell = Manufactured(*CELLS[kind])
    shape = (n,) * cell.dim
    x = centres(shape, cell.lengths)
    found = solve_cell_problem(
        cell.stiffness(x), jm.Grid(shape, cell.lengths), strain=cell.mean_strain, eigenstrain=cell.eigenstrain(x),
        discretization=scheme, preconditioner="green", rtol=RTOL, fields=("strain", "stress", "displacement"),
    )  # fmt: skip
    half = 0.5 * cell.lengths.reshape(-1, *(1,) * cell.dim) / n
    u = cell.displacement(x if scheme == "fourier" else x - half)  # nodes are the lowest corners, those of waves the centres
    space = tuple(range(1, cell.dim + 1))
    pairs = {
        "displacement": (_centred(found.displacement, space), _centred(u, space)),
        "strain": (found.strain, cell.strain(x)),
        "stress": (found.stress, cell.stress(x)),
        "mean stress": (found.mean_stress, mean_stress(kind)),
    }
    return {name: float(np.linalg.norm(np.asarray(a) - b) / np.linalg.norm(b)) for name, (a, b) in pairs.items()}


@functools.cache
def mean_stress(kind: str) -> np.ndarray:
    """The mean of σ, by a trapezoidal rule that is exact to rounding for these waves."""
    cell = Manufactured(*CELLS[kind])
    stress = cell.stress(centres((48,) * cell.dim, cell.lengths))
    return stress.reshape(cell.size, -1).mean(axis=1)


def _centred(field, space) -> np.ndarray:
    field = np.asarray(field)
    return field - field.mean(space, keepdims=True)


def error(scheme: str, n: int, kind: str, quantity: str) -> float:
    """One of the errors of `solved`."""
    return solved(kind, scheme, n)[quantity]


SOURCE = "no paper: an eigenstrain made to fit a displacement and a stress function (tests/truths/smooth_fields.py)"
FITTED = "second order in the mean square, at nodes and centres, for smooth fields that are sampled at the centres of the voxels"
SPECTRAL = "faster than any power: the fields are analytic"
FLAT, SOLID, FEW = (16, 32, 64), (8, 16, 32), (8, 12, 16)


def trials(kind: str, bounds: tuple[float, float, float]) -> tuple[Trial, ...]:
    """All schemes on one cell; the programs of the columnar and the 3D cell take long to compile."""
    sizes = SOLID if kind == "3D" else FLAT
    table = (*sizes, 2 * sizes[-1]) if kind == "plane" else sizes
    order = (1.9, 2.15) if kind != "3D" else (1.9, 2.3)
    return (
        Trial("finite_element", sizes, table, order, bounds[0], FITTED, slow=kind != "plane"),
        Trial("rotated", sizes, table, order, bounds[1], FITTED, slow=True),
        Trial("fourier", FEW, (*FEW, 24), (12.0, 25.0), bounds[2], SPECTRAL, slow=kind != "plane"),
    )


BOUNDS = {
    ("plane", "displacement"): (1.1e-3, 1.7e-3, 2e-7),
    ("plane", "stress"): (2.2e-3, 4e-4, 1.5e-6),
    ("columnar", "displacement"): (1e-3, 2e-3, 3e-7),
    ("columnar", "stress"): (6e-3, 1e-3, 3e-6),
    ("3D", "displacement"): (6e-3, 1.1e-2, 3e-7),
    ("3D", "stress"): (3e-2, 3.5e-3, 1.2e-6),
}
CASES = tuple(
    Case(
        f"manufactured solution, {kind}, {quantity}", SOURCE, f"relative error of the {quantity} in the mean square",
        functools.partial(error, kind=kind, quantity=quantity), trials(kind, bounds),
    )
    for (kind, quantity), bounds in BOUNDS.items()
)  # fmt: skip
