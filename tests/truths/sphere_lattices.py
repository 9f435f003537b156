"""Conductivity of cubic arrays of equal spheres to many digits: multipoles about the lattice points.

With the solid harmonics R_lm = r^l P_lm e^{imφ} / (l+m)! and I_lm = (l−m)! r^{−l−1} P_lm e^{imφ},

    I_lm(R + r) = Σ_λμ (−1)^λ R̄_λμ(r) I_{l+λ, m+μ}(R),    r < R,

so that what is regular around one sphere needs the sums of I_LM over the lattice. Those converge like Gaussians after Ewald:
R^{−2L−1} is an integral of Gaussians, the wide ones are summed in reciprocal space. Nothing of the library is used here.
"""

import itertools
import math

import numpy as np
import scipy.special

SITES = {
    "SC": [(0.0, 0.0, 0.0)],
    "BCC": [(0.0, 0.0, 0.0), (0.5, 0.5, 0.5)],
    "FCC": [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)],
}
NEAREST = {"SC": 1.0, "BCC": 3**0.5 / 2, "FCC": 0.5**0.5}  # of the edge of the cubic cell
SPLIT = 3.0  # between wide and narrow Gaussians, over the edge of the cell
REACH = 4  # cells in each direction; e^−(3 · 3)² is left out


def sphere_radius(lattice: str, fraction: float) -> float:
    """Radius of spheres of a volume fraction, over the edge of the cubic cell."""
    return (3 * fraction / (4 * math.pi * len(SITES[lattice]))) ** (1 / 3)


def solid_harmonics(degree: int, order: int, x: np.ndarray) -> np.ndarray:
    """r^l P_lm(cos θ) e^{imφ}, for points (3, n)."""
    r = np.linalg.norm(x, axis=0)
    radial = np.sqrt(x[0] ** 2 + x[1] ** 2)
    safe = np.where(radial > 0, radial, 1.0)
    turn = np.where(radial > 0, (x[0] + 1j * x[1]) / safe, 1.0) ** abs(order)
    legendre = scipy.special.lpmv(abs(order), degree, np.divide(x[2], r, out=np.ones_like(r), where=r > 0))
    value = r**degree * legendre * turn
    if order < 0:
        m = -order
        value = (-1) ** m * math.factorial(degree - m) / math.factorial(degree + m) * np.conj(value)
    return value


def lattice_sum(lattice: str, degree: int, order: int) -> float:
    """Σ' I_LM(R) over the lattice without the origin, real for cubic lattices; degree above 2."""
    sites = np.array(SITES[lattice])
    cells = np.array(list(itertools.product(range(-REACH, REACH + 1), repeat=3)), float)
    points = (cells[:, None] + sites[None]).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) > 1e-9].T
    r = np.linalg.norm(points, axis=0)
    narrow = solid_harmonics(degree, order, points) / r ** (2 * degree + 1) * scipy.special.gammaincc(degree + 0.5, (SPLIT * r) ** 2)
    waves = np.array(list(itertools.product(range(-2 * REACH, 2 * REACH + 1), repeat=3)), float)
    structure = np.mean(np.exp(2j * np.pi * waves @ sites.T), axis=1).real
    kept = (np.abs(structure) > 0.5) & (np.linalg.norm(waves, axis=1) > 0)
    k = 2 * np.pi * waves[kept].T
    square = np.sum(k**2, axis=0)
    wide = (-1j) ** degree * np.pi**1.5 * 2.0 ** (2 - degree) / scipy.special.gamma(degree + 0.5) * len(sites)
    wide = wide * np.sum(solid_harmonics(degree, order, k) * np.exp(-square / (4 * SPLIT**2)) / square)
    return float(np.real(math.factorial(degree - order) * (np.sum(narrow) + wide)))


def conductivity(lattice: str, radius: float, phases: tuple[float, float], degree: int = 17) -> float:
    """Conductivity of a cubic array of spheres, by Rayleigh's method.

    Around a sphere V = Σ A_lm R_lm + B_lm I_lm with A_lm = B_lm (l−m)! (l+m)! a^{−2l−1} (l k₁ + (l+1) k₀)/(l (k₀ − k₁)) at the
    interface, and A_lm = δ_{l1} δ_{m0} − Σ B_pq S_{l+p, q−m} from the applied gradient and the other spheres. Then
    k = k₀ (1 − 4π B_10 / volume).

    McPhedran & McKenzie (1978), doi:10.1098/rspa.1978.0025; McKenzie, McPhedran & Derrick (1978), doi:10.1098/rspa.1978.0139.

    Args:
        lattice: `"SC"`, `"BCC"` or `"FCC"`.
        radius: over the edge of the cubic cell.
        phases: conductivity of matrix and sphere; inf is a perfect conductor.
        degree: highest, odd.
    """
    outside, inside = phases
    share, ratio = float(len(SITES[lattice])), inside / outside
    # Under a mean gradient along z only odd degrees and orders that are multiples of four take part.
    kinds = [(l, m) for l in range(1, degree + 1, 2) for m in range(-(l // 4) * 4, l + 1, 4)]
    sums = {(l, m): lattice_sum(lattice, l, m) for l in range(4, 2 * degree + 1, 2) for m in range(0, l + 1, 4)}
    sums[2, 0] = 4 * np.pi * share / 3  # Lorentz's field: what the mean of the gradient leaves of the conditional sum
    # Unknowns and equations in units of the radius, with the factorials of R_lm and I_lm shared between both.
    size = np.array([np.sqrt(float(math.factorial(l - m)) * math.factorial(l + m)) / radius ** (l + 0.5) for l, m in kinds])
    couplings = np.array([[sums.get((l + p, abs(q - m)), 0.0) for p, q in kinds] for l, m in kinds])
    jumps = [-1.0 if np.isinf(inside) else (l * ratio + l + 1) / (l * (1 - ratio)) for l, _ in kinds]
    matrix = np.diag(jumps) + couplings / np.outer(size, size)
    applied = np.array([1.0 / s if kind == (1, 0) else 0.0 for kind, s in zip(kinds, size, strict=True)])
    dipole = np.linalg.solve(matrix, applied) @ (applied != 0) / size[kinds.index((1, 0))]
    return float(outside * (1 - 4 * np.pi * share * dipole))
