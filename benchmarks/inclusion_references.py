"""Effective tensors of a disc or sphere in a periodic square or cubic cell, to many digits and without voxels.

The positive 1/2^d of the unit cell is divided into a cube in the middle of the inclusion, d blocks around it that end on the
interface, and d blocks from there to the faces of the cell. Each block is one element of degree p that is curved like the
interface (isoparametric, on Gauss–Lobatto nodes), so the solution is smooth in each and the error falls exponentially with p.
Reflections give the boundary conditions: under a normal mean strain the normal displacement of every face is known, under a
shear the tangential one of the two pairs of faces that it tilts.

`rayleigh_conductivity` is a second, quite different truth for discs. Nothing of the library is used here.
"""

import itertools
import math

import numpy as np
import scipy.linalg
import scipy.special

HALF = 0.5  # of the unit cell
CORE = 0.45  # edge of the middle cube over the radius
MERGE = 1e-9  # nodes nearer than this are one
PAIRS = {2: ((0, 0), (1, 1), (0, 1)), 3: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}


def inclusion_stiffness(dim: int, radius: float, phases: list[np.ndarray], degree: int) -> np.ndarray:
    """Effective Mandel stiffness of the cell.

    Args:
        dim: 2 or 3.
        radius: of the inclusion, below one half.
        phases: isotropic Mandel stiffness of matrix and inclusion; an inclusion of zeros is a hole.
        degree: of the elements.
    """
    nodes, system = _assembled(dim, radius, degree, phases, [_strain_rows(dim, i, dim) for i in range(dim)])
    normal = _elastic_energy(system, nodes, np.diag([1.0] + [0.0] * (dim - 1)))
    everything = _elastic_energy(system, nodes, np.eye(dim))
    tilt = np.zeros((dim, dim))
    tilt[0, 1] = tilt[1, 0] = 0.5**0.5
    shear = _elastic_energy(system, nodes, tilt)
    coupling = (everything - dim * normal) / (dim * (dim - 1))
    out = np.diag([normal] * dim + [shear] * (len(PAIRS[dim]) - dim))
    out[:dim, :dim] += coupling * (1 - np.eye(dim))
    return out


def inclusion_conductivity(dim: int, radius: float, phases: tuple[float, float], degree: int) -> float:
    """Effective conductivity of the cell with isotropic matrix and inclusion; arguments as above."""
    nodes, system = _assembled(dim, radius, degree, [k * np.eye(dim) for k in phases], [np.eye(dim)])
    ends = np.flatnonzero(_on_face(nodes[:, 0]))
    return _energy(system, ends, nodes[ends, 0]) * 2**dim


def rayleigh_conductivity(radius: float, phases: tuple[float, float], terms: int = 16) -> float:
    """Conductivity of a square array of discs by Rayleigh's multipoles of orders 1, 3, 5, …

    Outside a disc the potential is Σ (A_n r^n + B_n r^−n) cos nθ with B_n = b a^{2n} A_n, b = (k0 − k1)/(k0 + k1), and what is regular
    there comes from the applied field and all other discs: A_n = δ_n1 − Σ_l C(l+n−1, n) S_{l+n} B_l, with the lattice sums S;
    then k = k0 (1 − 2π B_1). Perrins, McKenzie & McPhedran (1979), doi:10.1098/rspa.1979.0160.

    Args:
        radius: of the discs.
        phases: conductivity of matrix and disc.
        terms: orders kept.
    """
    outside, inside = phases
    orders = np.arange(1, 2 * terms, 2)
    regular = (outside + inside) / (outside - inside) * radius ** (-2.0 * orders)  # A_n / B_n
    lattice = np.array([[math.comb(m + n - 1, n) * _lattice_sum(m + n) for m in orders] for n in orders])
    push = (orders == 1).astype(float)
    return outside * (1 - 2 * np.pi * np.linalg.solve(np.diag(regular) + lattice, push)[0])


def _lattice_sum(order: int) -> float:
    """Σ R^−order over the Gaussian integers but zero: π for 2 in Rayleigh's order of summation, Eisenstein's series for 4, 8, …"""
    if order % 4:
        return np.pi if order == 2 else 0.0
    waves = np.arange(1, 40)
    decay = np.exp(-2 * np.pi * waves)
    series = np.exp(order * np.log(2 * np.pi) - scipy.special.gammaln(order) + (order - 1) * np.log(waves)) * decay / (1 - decay)
    return float(2 * scipy.special.zeta(order) + 2 * series.sum())


def _blocks(dim: int, radius: float, local: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """Coordinates of the points `local` (n, dim) in [0, 1]^dim of every block, and its phase."""
    core = CORE * radius
    found = [(core * local, 1)]
    for axis in range(dim):
        ray = np.insert(local[:, 1:], axis, 1.0, axis=1)  # towards the face across `axis`
        start, middle, end = core * ray, radius * ray / np.linalg.norm(ray, axis=1, keepdims=True), HALF * ray
        along = local[:, :1]
        found += [(start + along * (middle - start), 1), (middle + along * (end - middle), 0)]
    return found


def _assembled(dim: int, radius: float, degree: int, phases: list[np.ndarray], rows: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (n, dim) and the matrix of the energy uᵀKu, degrees of freedom by node and then component.

    `rows` holds one (m, dim) matrix per component, which takes the gradient of the component to its strain.
    """
    local = np.array(list(itertools.product(_lobatto(degree), repeat=dim)))
    blocks = [(x, phase) for x, phase in _blocks(dim, radius, local) if np.any(phases[phase])]
    keys, index = np.unique(np.round(np.concatenate([x for x, _ in blocks]) / MERGE).astype(np.int64), axis=0, return_inverse=True)
    nodes, count = keys * MERGE, len(rows)
    system = np.zeros((len(nodes) * count,) * 2)
    for (x, phase), place in zip(blocks, index.reshape(len(blocks), -1), strict=True):
        unknowns = (place[:, None] * count + np.arange(count)).ravel()
        system[np.ix_(unknowns, unknowns)] += _element(x, degree, phases[phase], rows)
    return nodes, system


def _element(x: np.ndarray, degree: int, moduli: np.ndarray, rows: list[np.ndarray]) -> np.ndarray:
    """∫ ε:C:ε of one block."""
    dim = x.shape[1]
    values, slopes, weights = _interpolation(degree)
    reference = np.stack([_product([slopes if k == axis else values for k in range(dim)]) for axis in range(dim)])  # (dim, q, n)
    jacobian = np.einsum("aqn,nk->qka", reference, x)
    gradients = np.einsum("qak,aqn->qkn", np.linalg.inv(jacobian), reference)
    measure = np.abs(np.linalg.det(jacobian)) * _product([weights[None]] * dim)[0]
    strain = np.stack([np.einsum("mk,qkn->qmn", row, gradients) for row in rows], axis=-1)
    strain = strain.reshape(*strain.shape[:2], -1)
    stress = np.einsum("q,mr,qrn->qmn", measure, moduli, strain)
    return strain.reshape(-1, strain.shape[-1]).T @ stress.reshape(-1, strain.shape[-1])


def _product(factors: list[np.ndarray]) -> np.ndarray:
    out = factors[0]
    for factor in factors[1:]:
        out = np.kron(out, factor)
    return out


def _lobatto(degree: int) -> np.ndarray:
    """Gauss–Lobatto nodes in [0, 1]."""
    inner = np.polynomial.legendre.Legendre.basis(degree).deriv().roots()
    return 0.5 * (1 + np.concatenate([[-1.0], np.sort(inner.real), [1.0]]))


def _interpolation(degree: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values and slopes of the nodal polynomials at Gauss points (q, n), and the weights of these (q,)."""
    gauss, weights = np.polynomial.legendre.leggauss(degree + 3)
    at_nodes = np.polynomial.legendre.legvander(2 * _lobatto(degree) - 1, degree)
    values = np.polynomial.legendre.legvander(gauss, degree)
    derivative = 2 * np.polynomial.legendre.legder(np.eye(degree + 1))  # (degree, degree + 1): coefficients of each slope
    inverse = np.linalg.inv(at_nodes)
    return values @ inverse, values[:, :-1] @ derivative @ inverse, 0.5 * weights


def _strain_rows(dim: int, component: int, columns: int) -> np.ndarray:
    """Mandel strain from the gradient of one displacement component."""
    out = np.zeros((len(PAIRS[dim]), columns))
    for k, (i, j) in enumerate(PAIRS[dim]):
        if i == j == component:
            out[k, i] = 1.0
        elif component in (i, j):
            out[k, j if component == i else i] = 0.5**0.5
    return out


def _on_face(coordinate: np.ndarray) -> np.ndarray:
    return np.minimum(np.abs(coordinate), np.abs(coordinate - HALF)) < 2 * MERGE


def _elastic_energy(system: np.ndarray, nodes: np.ndarray, strain: np.ndarray) -> float:
    """E : C_eff : E of a mean strain without normal parts or without shear parts."""
    dim = nodes.shape[1]
    known, values = [], []
    for component, axis in itertools.product(range(dim), repeat=2):
        turned = np.any(strain[axis] * (np.arange(dim) != axis))  # the reflection of this axis turns the sign of the mean strain
        if (component != axis) if turned else (component == axis):  # the component is odd there
            where = np.flatnonzero(_on_face(nodes[:, axis]))
            known.append(where * dim + component)
            values.append(nodes[where] @ strain[component])
    places, first = np.unique(np.concatenate(known), return_index=True)
    return _energy(system, places, np.concatenate(values)[first]) * 2**dim


def _energy(system: np.ndarray, places: np.ndarray, values: np.ndarray) -> float:
    """Min uᵀKu with some unknowns given."""
    u = np.zeros(len(system))
    u[places] = values
    free = np.setdiff1d(np.arange(len(system)), places)
    u[free] = scipy.linalg.solve(system[np.ix_(free, free)], -system[free] @ u, assume_a="pos")
    return float(u @ (system @ u))
