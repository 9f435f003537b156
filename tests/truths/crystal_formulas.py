"""Polycrystals of cubic crystals: bounds and the self-consistent modulus, written without the library."""

import numpy as np


def reuss_voigt(c11: float, c12: float, c44: float) -> tuple[float, float]:
    """Bounds of the shear modulus from uniform stress and uniform strain."""
    first, second = (c11 - c12) / 2, c44
    return 5 / (2 / first + 3 / second), (2 * first + 3 * second) / 5


def hashin_shtrikman_shear(c11: float, c12: float, c44: float) -> tuple[float, float]:
    """Hashin–Shtrikman bounds of the shear modulus of an isotropic polycrystal.

    With the crystal's shear moduli G₁ = (C₁₁ − C₁₂)/2 (two directions of five) and G₂ = C₄₄ (three), the bounds of two phases in
    shares 2/5 and 3/5 that share the bulk modulus: G = Σ-type (Σ f_i / (G_i + b))⁻¹ − b, b = G₀ (9K + 8G₀)/(6 (K + 2G₀)), with the
    smaller and the larger of both for G₀.

    Hashin & Shtrikman (1962), doi:10.1016/0022-5096(62)90005-4.
    """
    bulk, moduli, shares = (c11 + 2 * c12) / 3, np.array([(c11 - c12) / 2, c44]), np.array([0.4, 0.6])
    found = []
    for reference in (moduli.min(), moduli.max()):
        shift = reference * (9 * bulk + 8 * reference) / (6 * (bulk + 2 * reference))
        found.append(float(1 / np.sum(shares / (moduli + shift)) - shift))
    return found[0], found[1]


def self_consistent_shear(c11: float, c12: float, c44: float) -> float:
    """The positive root of 8 G³ + (5 C₁₁ + 4 C₁₂) G² − C₄₄ (7 C₁₁ − 4 C₁₂) G − C₄₄ (C₁₁ − C₁₂)(C₁₁ + 2 C₁₂) = 0.

    Hershey (1954), doi:10.1115/1.4010899; Kröner (1958), doi:10.1007/BF01337948.
    """
    roots = np.roots([8.0, 5 * c11 + 4 * c12, -c44 * (7 * c11 - 4 * c12), -c44 * (c11 - c12) * (c11 + 2 * c12)])
    real = roots[np.abs(roots.imag) < 1e-9 * np.abs(roots).max()].real
    return float(real[real > 0][0])
