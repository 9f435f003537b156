"""Layers of layers in closed form, written without the library."""

from collections.abc import Sequence

import numpy as np

PAIRS = {2: ((0, 0), (1, 1), (0, 1)), 3: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}


def relaxation(matrix: np.ndarray, normal: Sequence[float]) -> np.ndarray:
    """Γ(n) = N (Nᵀ C N)⁻¹ Nᵀ of one phase, with N a = sym(a ⊗ n) (elasticity) or N = n (conduction)."""
    n = np.asarray(normal, float) / np.linalg.norm(normal)
    jumps = n[:, None] if len(matrix) == len(n) else np.stack([_strain(np.outer(e, n)) for e in np.eye(len(n))], axis=1)
    return jumps @ np.linalg.solve(jumps.T @ matrix @ jumps, jumps.T)


def sequential_laminate(
    core: np.ndarray, matrix: np.ndarray, share: float, normals: Sequence[Sequence[float]], weights: Sequence[float]
) -> np.ndarray:
    """Effective tensor of a laminate of rank len(normals): the core in layers of the matrix, that in thicker layers of the matrix, …

    f (C − C₀)⁻¹ = (C₁ − C₀)⁻¹ + (1 − f) Σ m_i Γ₀(n_i) with the share f of the core C₁, the matrix C₀ and weights of sum 1.

    Tartar (1985) in Ennio De Giorgi Colloquium, 168; Francfort & Murat (1986), doi:10.1007/BF00280908; Milton (2002), The Theory
    of Composites, chapter 9, doi:10.1017/CBO9780511613357.

    Args:
        core: tensor C₁, in Mandel notation or a conductivity.
        matrix: tensor C₀.
        share: of the core.
        normals: of the layers, the innermost first.
        weights: m_i, which say how much of the matrix each step adds.
    """
    total = np.linalg.inv(core - matrix)
    total = total + (1 - share) * sum(w * relaxation(matrix, n) for w, n in zip(weights, normals, strict=True))
    return matrix + share * np.linalg.inv(total)


def thicknesses(share: float, weights: Sequence[float]) -> list[float]:
    """Share of the matrix in each step of a sequential laminate, the innermost first.

    With F_i the share of the core after i steps, m_i (1 − f) = F_{i−1} − F_i, and the step adds 1 − F_i/F_{i−1}.
    """
    left = 1 - (1 - share) * np.cumsum(weights)
    return list(1 - left / np.concatenate([[1.0], left[:-1]]))


def layers(tensors: Sequence[np.ndarray], shares: Sequence[float], normal: Sequence[float]) -> np.ndarray:
    """Layers of any tensors across one normal, by splitting each tensor in what the normal fixes and what it relaxes.

    With any reference C₀ and D = C − C₀, ⟨(D⁻¹ + Γ₀)⁻¹⟩ is that of the effective tensor.
    """
    reference = 0.37 * sum(np.trace(c) for c in tensors) / len(tensors[0]) * np.eye(len(tensors[0]))
    gamma = relaxation(reference, normal)
    one = np.eye(len(gamma))
    mean = sum(f * np.linalg.solve(one + (c - reference) @ gamma, c - reference) for f, c in zip(shares, tensors, strict=True))
    return reference + np.linalg.solve(one - mean @ gamma, mean)


def hashin_shtrikman(core: np.ndarray, matrix: np.ndarray, share: float, dim: int) -> np.ndarray:
    """The Hashin–Shtrikman bound on the side of the isotropic matrix: f (C − C₀)⁻¹ = (C₁ − C₀)⁻¹ + (1 − f) P₀.

    P₀ is Hill's tensor of a sphere or disc: 1/(d k₀) in conduction; in elasticity 1/(3κ₀ + 4μ₀) and 3(κ₀ + 2μ₀)/(5μ₀(3κ₀ + 4μ₀)) for
    hydrostatic and deviatoric parts, in the plane 1/(2(κ₀ + μ₀)) and (κ₀ + 2μ₀)/(4μ₀(κ₀ + μ₀)) with the plane bulk modulus κ₀.

    Hashin & Shtrikman (1962), doi:10.1063/1.1728579, and (1963), doi:10.1016/0022-5096(63)90060-7; Hashin (1965),
    doi:10.1016/0022-5096(65)90015-3.
    """
    if len(matrix) == dim:
        hill = np.eye(dim) / (dim * matrix[0, 0])
    else:
        shear = matrix[-1, -1] / 2
        bulk = matrix[0, 1] + 2 * shear / dim
        ball = np.zeros_like(matrix)
        ball[:dim, :dim] = 1 / dim
        if dim == 3:
            parts = 1 / (3 * bulk + 4 * shear), 3 * (bulk + 2 * shear) / (5 * shear * (3 * bulk + 4 * shear))
        else:
            parts = 1 / (2 * (bulk + shear)), (bulk + 2 * shear) / (4 * shear * (bulk + shear))
        hill = parts[0] * ball + parts[1] * (np.eye(len(matrix)) - ball)
    return matrix + share * np.linalg.inv(np.linalg.inv(core - matrix) + (1 - share) * hill)


def _strain(gradient: np.ndarray) -> np.ndarray:
    sym = 0.5 * (gradient + gradient.T)
    return np.array([sym[i, j] * (1.0 if i == j else np.sqrt(2)) for i, j in PAIRS[len(sym)]])
