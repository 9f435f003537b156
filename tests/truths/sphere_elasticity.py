"""Stiffness of cubic arrays of equal spheres to many digits: elastic multipoles about the lattice points.

With four harmonic functions (Papkovich and Neuber), u = Φ − c ∇(x · Φ + χ) with c = 1/(4 (1 − ν)). A multipole at R has (x − R) in
place of x, so a lattice of equal ones has the harmonic functions Σ Φ(x − R) and Σ χ(x − R) − Σ R · Φ(x − R): beside the sums of
I_LM over the lattice (sphere_lattices.py) those of R_i I_LM are needed. The sums that converge conditionally only add a linear
displacement; it is an unknown, and the rise of u across the cell is prescribed instead. Nothing of the library is used here.
"""

import functools
import itertools
import math

import numpy as np
import scipy.special

from tests.truths.sphere_lattices import REACH, SITES, SPLIT, lattice_sum, solid_harmonics

# Parities of Φ_x, Φ_y, Φ_z and χ in x, y, z under a normal mean strain and under a shear yz.
PARITIES = {
    "normal": ((-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, 1, 1)),
    "shear": ((-1, -1, -1), (1, 1, -1), (1, -1, 1), (1, -1, -1)),
}
NEAR = 1.9  # edges of the cell; what lies farther converges like (0.5 / 2)^degree
STEPS = {"SC": np.eye(3), "BCC": 0.5 - np.eye(3), "FCC": 0.5 * (1 - np.eye(3))}  # to neighbours that span the lattice


def stiffness(lattice: str, radius: float, phases: list[np.ndarray], degree: int = 11, regular: int = 14) -> np.ndarray:
    """Effective Mandel stiffness (6, 6) of a cubic array of spheres.

    Sangani & Lu (1987), J. Mech. Phys. Solids 35, 1, expand likewise; here all conditions are met by least squares.

    Args:
        lattice: `"SC"`, `"BCC"` or `"FCC"`.
        radius: over the edge of the cubic cell.
        phases: isotropic Mandel stiffness (6, 6) of matrix and sphere; a sphere of zeros is a hole.
        degree: highest degree of the multipoles and of the harmonics in the sphere, odd.
        regular: highest degree of what the other spheres make around one.
    """
    array = _SphereArray(lattice, radius, phases, degree, regular)
    normal = array.mean_stress("normal", np.diag([1.0, 0.0, 0.0]))
    shear = array.mean_stress("shear", np.array([[0.0, 0, 0], [0, 0, 0.5], [0, 0.5, 0]]))[1, 2]
    out = np.diag([normal[0, 0]] * 3 + [2 * shear] * 3)
    out[:3, :3] += 0.5 * (normal[1, 1] + normal[2, 2]) * (1 - np.eye(3))
    return out


class Harmonics:
    """All solid harmonics R_lm (or I_lm) up to a degree at some points, with the degrees above that derivatives need."""

    def __init__(self, points: np.ndarray, degree: int, decaying: bool):
        self.decaying, top = decaying, degree + 2 * decaying
        r = np.linalg.norm(points, axis=0)
        self.table = {}
        for l in range(top + 1):
            for m in range(l + 1):
                value = solid_harmonics(l, m, points)
                value = value * math.factorial(l - m) / r ** (2 * l + 1) if decaying else value / math.factorial(l + m)
                self.table[l, m] = value
                self.table[l, -m] = (-1) ** m * np.conj(value)
        self.zero = np.zeros(points.shape[1], complex)

    def value(self, l: int, m: int) -> np.ndarray:
        """R_lm or I_lm, zero where there is none."""
        return self.table.get((l, m), self.zero)

    def gradient(self, l: int, m: int) -> list[tuple[tuple[int, int], complex]]:
        """Along x, y, z: the harmonics of which the derivative consists, with their factors, two a direction."""
        sign, step = (-1.0, 1) if self.decaying else (1.0, -1)
        up, down = (l + step, m + 1), (l + step, m - 1)  # (∂x ± i ∂y) gives + and −
        return [[(up, 0.5), (down, -0.5)], [(up, -0.5j), (down, -0.5j)], [((l + step, m), sign)]]  # type: ignore[list-item]

    def jet(self, l: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value (n,), gradient (3, n) and second derivatives (3, 3, n)."""
        first = self.gradient(l, m)
        slope = np.stack([sum(f * self.value(*key) for key, f in terms) for terms in first])
        second = [[sum(f * g * self.value(*k) for key, f in terms for k, g in self.gradient(*key)[j]) for j in range(3)] for terms in first]
        return self.value(l, m), slope, np.array(second)


def weighted_sum(lattice: str, axis: int, degree: int, order: int) -> complex:
    """Σ' R_i I_LM(R) over the lattice, degree odd and at least 5."""
    sites = np.array(SITES[lattice])
    points = (_cells(REACH)[:, None] + sites).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) > 1e-9].T
    r = np.linalg.norm(points, axis=0)
    total = np.sum(points[axis] * solid_harmonics(degree, order, points) / r ** (2 * degree + 1) * _narrow(degree, r))
    if degree < 40:  # beyond, nothing is left for the wide Gaussians
        waves = _cells(6)
        structure = np.mean(np.exp(2j * np.pi * waves @ sites.T), axis=1).real
        k = 2 * np.pi * waves[(structure > 0.5) & (np.linalg.norm(waves, axis=1) > 0)].T
        square = np.sum(k**2, axis=0)
        slope = _slope(degree, order, k)[axis]
        decay = np.exp(-square / (4 * SPLIT**2)) * 4 / square
        # i ∂/∂k_i of 𝒴(k) t^−2 e^{−k²/4t}, integrated over t up to SPLIT²
        terms = slope * decay - 0.5 * k[axis] * solid_harmonics(degree, order, k) * decay * (SPLIT**-2 + 4 / square)
        total += 1j * (-1j) ** degree * np.pi**1.5 * 2.0**-degree / scipy.special.gamma(degree + 0.5) * len(sites) * np.sum(terms)
    return complex(math.factorial(degree - order) * total)


@functools.cache
def _far_sum(lattice: str, axis: int | None, degree: int, order: int) -> complex:
    """Σ I_LM(R), or Σ R_i I_LM(R), beyond the near neighbours."""
    points = near_neighbours(lattice)
    near = math.factorial(degree - order) * solid_harmonics(degree, order, points) / np.linalg.norm(points, axis=0) ** (2 * degree + 1)
    if axis is None:
        return (0.0 if order % 4 else lattice_sum(lattice, degree, order)) - complex(np.sum(near))
    return weighted_sum(lattice, axis, degree, order) - complex(np.sum(points[axis] * near))


def near_neighbours(lattice: str) -> np.ndarray:
    """Lattice points (3, n) whose spheres are not expanded around the origin."""
    points = (_cells(3)[:, None] + np.array(SITES[lattice])).reshape(-1, 3)
    r = np.linalg.norm(points, axis=1)
    return points[(r > 1e-9) & (r < NEAR)].T


def _cells(reach: int) -> np.ndarray:
    return np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)), float)


def _narrow(degree: int, r: np.ndarray) -> np.ndarray:
    return scipy.special.gammaincc(degree + 0.5, (SPLIT * r) ** 2)


def _slope(degree: int, order: int, x: np.ndarray) -> list[np.ndarray]:
    """∇ (r^l P_lm e^{imφ})."""
    scale = math.factorial(degree + order)

    def lower(m: int) -> np.ndarray:
        return solid_harmonics(degree - 1, m, x) / math.factorial(degree - 1 + m) if abs(m) < degree else np.zeros(x.shape[1], complex)

    plus, minus = lower(order + 1), -lower(order - 1)
    return [scale * 0.5 * (plus + minus), scale * -0.5j * (plus - minus), scale * lower(order)]


class _SphereArray:
    """The conditions on one sphere and across the cell, linear in real coefficients."""

    def __init__(self, lattice: str, radius: float, phases: list[np.ndarray], degree: int, regular: int):
        self.lattice, self.radius, self.degree, self.regular = lattice, radius, degree, regular
        self.lame = [(c[0, 1], c[3, 3] / 2) for c in phases]
        self.hole = not np.any(phases[1])
        nodes, weights = np.polynomial.legendre.leggauss(degree + 3)
        z, azimuth = 0.5 * (nodes + 1), np.pi / 4 * (nodes + 1)
        z, azimuth = (a.ravel() for a in np.meshgrid(z, azimuth, indexing="ij"))
        self.weights = np.outer(0.5 * weights, np.pi / 4 * weights).ravel()  # of an eighth of the sphere
        self.normals = np.stack([np.sqrt(1 - z**2) * np.cos(azimuth), np.sqrt(1 - z**2) * np.sin(azimuth), z])
        self.ends = 0.5 * STEPS[lattice].T
        both = np.concatenate([radius * self.normals, self.ends], axis=1)
        self.points, self.on_sphere = both, slice(0, self.normals.shape[1])
        self.growing = Harmonics(both, regular, decaying=False)
        self.falling = Harmonics(both, degree + 1, decaying=True)
        self.near = [(x, Harmonics(both - x[:, None], degree + 1, decaying=True)) for x in near_neighbours(lattice).T]

    def kinds(self, load: str, component: int, top: int) -> list[tuple[int, int, bool]]:
        """Degree, order and whether it is the imaginary part, of the real harmonics that a function has."""
        px, py, pz = PARITIES[load][component]
        found = []
        for l in range(top + 1):
            for m in range(l + 1):
                imaginary = py < 0
                right = (-1) ** m * (-1 if imaginary else 1) == px and (-1) ** (l + m) == pz
                if right and not (imaginary and m == 0):
                    found.append((l, m, imaginary))
        return found

    def potential(self, kind: tuple[int, int, bool], harmonics: Harmonics) -> list[np.ndarray]:
        """Value, slope and second derivatives of a real harmonic at all points."""
        return [np.imag(part) if kind[2] else np.real(part) for part in harmonics.jet(*kind[:2])]

    def others(self, kind: tuple[int, int, bool], axis: int | None) -> list[np.ndarray]:
        """Σ' I_lm(x − R), or Σ' R_i I_lm(x − R): near neighbours one by one, the rest expanded around the origin."""
        l, m, imaginary = kind
        parts = [np.zeros(shape + self.points.shape[1:], complex) for shape in ((), (3,), (3, 3))]
        for place, harmonics in self.near:
            weight = 1.0 if axis is None else place[axis]
            parts = [a + weight * b for a, b in zip(parts, harmonics.jet(l, m), strict=True)]
        for p in range(1, self.regular + 1):
            degree = l + p
            if (degree % 2 == 0) != (axis is None) or degree < (3 if axis is None else 5):
                continue
            for q in range(-p, p + 1):
                factor = self._sum(axis, degree, m + q) * (-1) ** l
                parts = [a + factor * np.conj(b) for a, b in zip(parts, self.growing.jet(p, q), strict=True)] if factor != 0 else parts
        return [np.imag(part) if imaginary else np.real(part) for part in parts]

    def _sum(self, axis: int | None, degree: int, order: int) -> complex:
        """The sum over the lattice less the near neighbours."""
        if abs(order) > degree:
            return 0.0
        size = _far_sum(self.lattice, axis, degree, abs(order))
        return size if order >= 0 else (-1) ** order * np.conj(size)

    def columns(self, load: str, phase: int) -> tuple[np.ndarray, np.ndarray]:
        """Displacements (3, n, k) and tractions (3, n, k) at all points, a column for each coefficient of a phase."""
        lame, shear = self.lame[phase]
        c = (lame + shear) / (2 * (lame + 2 * shear))  # 1/(4 (1 − ν))
        shapes = []
        for component in range(4):
            if phase == 0:
                shapes += [self._multipole(component, kind) for kind in self.kinds(load, component, self.degree + (component == 3))]
            else:
                top = self.degree + (component == 3)
                shapes += [{component: self.potential(kind, self.growing)} for kind in self.kinds(load, component, top)]
        if phase == 0:
            shapes += [{component: self.potential(kind, self.growing)} for component in range(3) for kind in self.kinds(load, component, 1)]
        fields = [self._fields(shape, c, lame, shear) for shape in shapes]
        return np.stack([u for u, _ in fields], axis=-1), np.stack([t for _, t in fields], axis=-1)

    def _multipole(self, component: int, kind: tuple[int, int, bool]) -> dict[int, list[np.ndarray]]:
        own, rest = self.potential(kind, self.falling), self.others(kind, None)
        shape = {component: [a + b for a, b in zip(own, rest, strict=True)]}
        if component < 3:
            shape[3] = [-b for b in self.others(kind, component)]
        return shape

    def _fields(self, shape: dict[int, list[np.ndarray]], c: float, lame: float, shear: float) -> tuple[np.ndarray, np.ndarray]:
        n = self.points.shape[1]
        u, gradient = np.zeros((3, n)), np.zeros((3, 3, n))  # gradient[i, j] = ∂_j u_i
        for component, (value, slope, second) in shape.items():
            if component == 3:
                u -= c * slope
                gradient -= c * second
                continue
            x = self.points[component]
            u[component] += (1 - c) * value
            u -= c * x * slope
            gradient[component] += (1 - c) * slope
            gradient[:, component] -= c * slope
            gradient -= c * x * second
        strain = 0.5 * (gradient + np.swapaxes(gradient, 0, 1))
        stress = lame * np.trace(strain) * np.eye(3)[:, :, None] + 2 * shear * strain
        traction = np.einsum("ijn,jn->in", stress[:, :, self.on_sphere], self.normals)
        return u, traction

    def mean_stress(self, load: str, strain: np.ndarray) -> np.ndarray:
        """Mean stress (3, 3) under a mean strain."""
        lame, shear = self.lame[0]
        u, traction = self.columns(load, 0)
        count, skin, ends = u.shape[-1], self.on_sphere, slice(self.normals.shape[1], None)
        root = np.sqrt(self.weights)[None, :, None]
        rows = [(root * traction).reshape(-1, count)]
        if not self.hole:
            other, pull = self.columns(load, 1)
            inner = other.shape[-1]
            size = shear / self.radius
            rows = [
                np.hstack([rows[0], -(root * pull).reshape(-1, inner)]),
                size * np.hstack([(root * u[:, skin]).reshape(-1, count), -(root * other[:, skin]).reshape(-1, inner)]),
            ]
            rows.append(shear * np.hstack([2 * u[:, ends].reshape(-1, count), np.zeros((9, inner))]))
        else:
            rows.append(shear * 2 * u[:, ends].reshape(-1, count))
        right = np.concatenate([np.zeros(sum(map(len, rows[:-1]))), shear * (2 * strain @ self.ends).ravel()])
        matrix = np.concatenate(rows)
        scale = np.linalg.norm(matrix, axis=0)
        scale = np.where(scale > 0, scale, 1.0)  # a constant potential moves nothing
        found = np.linalg.lstsq(matrix / scale, right, rcond=1e-15)[0] / scale
        u, traction = u[:, skin] @ found[:count], traction @ found[:count]
        weight = 8 * self.weights * self.radius**2 * len(SITES[self.lattice])
        pull = np.einsum("in,jn,n->ij", traction, self.radius * self.normals, weight)
        left = strain - np.einsum("in,jn,n->ij", u, self.normals, weight)
        left = 0.5 * (left + left.T)
        pull = np.where(strain + np.eye(3) * (load == "normal") != 0, pull, 0.0)  # the octant knows the even parts only
        left = np.where(strain + np.eye(3) * (load == "normal") != 0, left, 0.0)
        return lame * np.trace(left) * np.eye(3) + 2 * shear * left + 0.5 * (pull + pull.T)
