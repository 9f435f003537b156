"""Composites of two phases, and mean-field schemes written with integrals of the acoustic tensor and general-purpose solvers."""

import numpy as np
from scipy.integrate import solve_ivp

from jaxmicro.homogenization import nearest_isotropic
from jaxmicro.materials import hexagonal_stiffness, isotropic_stiffness, lame_stiffness
from tests.homogenization.references import strain_of

METHODS = ("dilute", "mori_tanaka", "differential", "self_consistent")
ROUNDING = 1e-12  # of a few dozen operations on tensors of condition 100 or so
VOID = np.zeros((6, 6))


def from_moduli(bulk, shear, dim=3):
    """Isotropic stiffness of a bulk (plane bulk) and a shear modulus."""
    return lame_stiffness(bulk - 2 * shear / dim, shear, dim=dim)


def moduli_of(c):
    return np.array([float(x) for x in nearest_isotropic(c)])


FIBRE_MATRIX = np.asarray(hexagonal_stiffness(9.0, 4.0, 3.0, 21.0, 2.2))
FIBRE = np.asarray(hexagonal_stiffness(22.0, 9.0, 11.0, 240.0, 19.0))
PAIRS = {
    "spheres": ("sphere", np.asarray(isotropic_stiffness(3.5, 0.33)), np.asarray(isotropic_stiffness(71.0, 0.22))),
    "discs": ("disc", np.asarray(isotropic_stiffness(9.0, 0.4, dim=2)), np.asarray(isotropic_stiffness(1.0, 0.1, dim=2))),
    "fibres": ("fibre", FIBRE_MATRIX, FIBRE),
    "conducting spheres": ("sphere", 2.0 * np.eye(3), 30.0 * np.eye(3)),
    "conducting discs": ("disc", 2.0 * np.eye(2), 0.1 * np.eye(2)),
    "conducting fibres": ("fibre", np.diag([2.0, 2.0, 5.0]), np.diag([30.0, 30.0, 7.0])),
}


def directions(shape):
    """Directions (n, 3) and weights of the mean over a sphere, or over the circle across the third axis."""
    angle = np.arange(32) * np.pi / 16
    circle = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    if shape != "sphere":
        return circle, np.full(32, 1 / 32)
    heights, weights = np.polynomial.legendre.leggauss(16)
    points = np.sqrt(1 - heights**2)[:, None, None] * circle + heights[:, None, None] * np.array([0.0, 0.0, 1.0])
    return points.reshape(-1, 3), np.repeat(weights / 64, 32)


def integrated_hill(c, shape):
    """Mean of sym(n ⊗ Γ⁻¹ ⊗ n) over the directions in which the field of an inclusion varies, without any closed form."""
    size = c.shape[0]
    conducts = size == {"sphere": 3, "disc": 2, "fibre": 3}[shape]
    total, components = np.zeros((size, size)), {3: 2, 6: 3}.get(size, 2)
    for n, weight in zip(*directions(shape), strict=True):
        n = n[: 2 if shape == "disc" else 3]
        b = n[:, None] if conducts else np.stack([strain_of(np.outer(e, n), size) for e in np.eye(components)], axis=1)
        total += weight * b @ np.linalg.solve(b.T @ c @ b, b.T)
    return total


def integrated_scheme(method, c0, c1, f, shape):
    """The estimates with integrated Hill tensors, full tensors and general-purpose solvers."""

    def localisation(c, medium, felt=1.0):
        return np.linalg.inv(np.eye(len(c)) + felt * integrated_hill(medium, shape) @ (c - medium))

    if method == "dilute":
        return c0 + f * (c1 - c0) @ localisation(c1, c0)
    if method == "mori_tanaka":
        return c0 + f * (c1 - c0) @ localisation(c1, c0, 1 - f)
    if method == "differential":

        def rate(_, c):
            c = c.reshape(c0.shape)
            return ((c1 - c) @ localisation(c1, c)).ravel()

        return solve_ivp(rate, (0, -np.log1p(-f)), c0.ravel(), method="DOP853", rtol=1e-10, atol=1e-10).y[:, -1].reshape(c0.shape)
    c = (1 - f) * c0 + f * c1
    for _ in range(400):
        a0, a1 = localisation(c0, c), localisation(c1, c)
        new = np.linalg.solve(((1 - f) * a0 + f * a1).T, ((1 - f) * c0 @ a0 + f * c1 @ a1).T).T
        if np.abs(new - c).max() < 1e-13 * np.abs(c).max():
            break
        c = new
    return new
