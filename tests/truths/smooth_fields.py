"""Manufactured solutions: a displacement, a stress in equilibrium and a stiffness, all smooth, and the eigenstrain that joins them.

Any ε* = ε(u) + E − C⁻¹ σ with div σ = 0 makes u the periodic part of the displacement, and σ the stress, of the cell with the mean
strain E. In the plane σ comes from Airy's function, in the columnar problem also from a stress function of the shears across the
plane, in 3D from Beltrami's symmetric stress functions. Derivatives are those of sums of waves, so nothing is approximated, and
nothing of the library is used here.
"""

from dataclasses import dataclass

import numpy as np

PAIRS = {3: ((0, 0), (1, 1), (0, 1)), 6: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}
LEVI_CIVITA = np.zeros((3, 3, 3))
for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
    LEVI_CIVITA[i, j, k], LEVI_CIVITA[i, k, j] = 1.0, -1.0


@dataclass(frozen=True)
class Wave:
    """exp(a cos φ + b cos ψ) of two plane waves: periodic, smooth, of infinitely many harmonics.

    Attributes:
        first, second: wave vectors (3,), whole multiples of 2π over the edges.
        phases: of the two.
        strengths: a and b.
    """

    first: np.ndarray
    second: np.ndarray
    phases: tuple[float, float]
    strengths: tuple[float, float]

    def derivatives(self, x: np.ndarray, order: int) -> list[np.ndarray]:
        """Value and all derivatives up to an order (at most 2) at points x (3, …): shapes (…), (3, …), (3, 3, …)."""
        angles = [np.tensordot(k, x, 1) + p for k, p in zip((self.first, self.second), self.phases, strict=True)]
        a, b = self.strengths
        value = np.exp(a * np.cos(angles[0]) + b * np.cos(angles[1]))
        found = [value]
        if order > 0:
            slope = -a * _outer(self.first, np.sin(angles[0])) - b * _outer(self.second, np.sin(angles[1]))
            found.append(slope * value)
        if order > 1:
            bend = -a * _outer(np.outer(self.first, self.first), np.cos(angles[0]))
            bend = bend - b * _outer(np.outer(self.second, self.second), np.cos(angles[1]))
            found.append((bend + slope[:, None] * slope[None]) * value)
        return found


def _outer(tensor: np.ndarray, field: np.ndarray) -> np.ndarray:
    return np.multiply.outer(tensor, field)


class Manufactured:
    """One cell: fields at any points.

    Args:
        lengths: edges of the cell, two or three.
        size: 3 (plane) or 6 (columnar or 3D) Mandel components.
    """

    def __init__(self, lengths: tuple[float, ...], size: int):
        self.dim, self.size = len(lengths), size
        self.lengths = np.array(lengths)
        self.components = 2 if size == 3 else 3
        rng = np.random.default_rng(10 * self.dim + size)
        waves = np.zeros((4, 3))
        waves[:, : self.dim] = 2 * np.pi / self.lengths * np.array([[1, 0, 0], [0, 1, 1], [1, 1, 0], [1, -1, 1]])[:, : self.dim]

        def wave(strength: float) -> Wave:
            first, second = waves[rng.permutation(4)[:2]]
            return Wave(first, second, tuple(rng.uniform(0, 6, 2)), (strength, 0.8 * strength))

        self.displacements = [wave(0.5) for _ in range(self.components)]
        count = {(2, 3): 1, (2, 6): 3, (3, 6): 6}[self.dim, size]
        self.stress_functions = [wave(0.4) for _ in range(count)]
        self.weights = [wave(0.7), wave(0.7)]
        draws = [rng.normal(size=(size, size)) for _ in range(2)]
        self.phases = [scale * (0.3 * a @ a.T + np.eye(size)) for scale, a in zip((1.0, 6.0), draws, strict=True)]
        self.mean_strain = rng.normal(size=size)
        self.uniform_stress = 10.0 * rng.normal(size=size)

    def padded(self, x: np.ndarray) -> np.ndarray:
        """Points with three coordinates."""
        return np.concatenate([x, np.zeros((3 - self.dim, *x.shape[1:]))])

    def displacement(self, x: np.ndarray) -> np.ndarray:
        """The periodic part u (components, …)."""
        return np.stack([w.derivatives(self.padded(x), 0)[0] for w in self.displacements])

    def strain(self, x: np.ndarray) -> np.ndarray:
        """ε(u) + E (size, …)."""
        gradient = np.zeros((3, 3, *x.shape[1:]))
        for component, wave in enumerate(self.displacements):
            gradient[component] = wave.derivatives(self.padded(x), 1)[1]
        return _mandel(gradient, self.size) + self.mean_strain.reshape(-1, *(1,) * (x.ndim - 1))

    def stress(self, x: np.ndarray) -> np.ndarray:
        """σ (size, …), without divergence."""
        full = self.padded(x)
        tensor = np.zeros((3, 3, *x.shape[1:]))
        if self.dim == 3:  # σ = curl (curl Φ)ᵀ
            second = np.zeros((3, 3, 3, 3, *x.shape[1:]))
            for (i, j), wave in zip(PAIRS[6], self.stress_functions, strict=True):
                second[:, :, i, j] = second[:, :, j, i] = wave.derivatives(full, 2)[2]
            tensor = np.einsum("ikm,jln,klmn...->ij...", LEVI_CIVITA, LEVI_CIVITA, second)
        else:
            bend = self.stress_functions[0].derivatives(full, 2)[2]
            tensor[0, 0], tensor[1, 1], tensor[0, 1] = bend[1, 1], bend[0, 0], -bend[0, 1]
            tensor[1, 0] = tensor[0, 1]
            if self.size == 6:
                slope = self.stress_functions[1].derivatives(full, 1)[1]
                tensor[0, 2] = tensor[2, 0] = slope[1]
                tensor[1, 2] = tensor[2, 1] = -slope[0]
                tensor[2, 2] = self.stress_functions[2].derivatives(full, 0)[0]
        return _mandel(tensor, self.size) + self.uniform_stress.reshape(-1, *(1,) * (x.ndim - 1))

    def stiffness(self, x: np.ndarray) -> np.ndarray:
        """C (size, size, …): two anisotropic tensors with smooth positive weights."""
        weights = [w.derivatives(self.padded(x), 0)[0] for w in self.weights]
        return sum(_outer(c, w) for c, w in zip(self.phases, weights, strict=True))

    def eigenstrain(self, x: np.ndarray) -> np.ndarray:
        """ε* = ε − C⁻¹ σ (size, …)."""
        c = np.moveaxis(self.stiffness(x), (0, 1), (-2, -1))
        elastic = np.linalg.solve(c, np.moveaxis(self.stress(x), 0, -1)[..., None])[..., 0]
        return self.strain(x) - np.moveaxis(elastic, -1, 0)


def _mandel(tensor: np.ndarray, size: int) -> np.ndarray:
    return np.stack([tensor[i, j] if i == j else (tensor[i, j] + tensor[j, i]) * 0.5**0.5 for i, j in PAIRS[size]])
