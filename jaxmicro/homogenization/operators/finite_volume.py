"""Finite volumes for conduction: potentials at the voxel centres, fluxes through the faces between them.

Half a voxel on either side of a face conducts in series, so a face conducts with the harmonic mean of its two voxels,

    q = 2 k₁ k₂ / (k₁ + k₂) · (G + (φ₂ − φ₁)/h),

and nothing passes through edges and corners, where finite elements do conduct (Patankar, Numerical Heat Transfer and Fluid
Flow, 1980, §4.2; the scheme of the tools for tortuosity, Cooper et al. 2016, doi:10.1016/j.softx.2016.09.002).
"""

import dataclasses
import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check
from jaxmicro.fields import frequencies
from jaxmicro.homogenization.operators.contract import Displacement, Operator, Vector
from jaxmicro.materials import Scalar


@dataclasses.dataclass(frozen=True)
class FiniteVolume(Operator):
    """Seven-point finite volumes (five in 2D) with harmonic faces; takes voids, isotropic conductivity only."""

    def __post_init__(self) -> None:
        check(
            self.kinematics.components == 1,
            "`discretization` 'finite_volume' is for conduction only. Use 'finite_element' or 'rotated' for a stiffness.",
        )

    def admit(self, law: Any) -> None:
        """Refuse tensors: their flux through a face depends on the gradient along it, which two voxels do not know."""
        check(
            isinstance(law, Scalar),
            "`discretization` 'finite_volume' takes one conductivity per voxel, but it is given a tensor. Use 'finite_element'.",
        )

    def force(
        self, law: Any, u: Displacement | None, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"] | None = None
    ) -> tuple[Displacement, Float[Array, " m"]]:
        """Net flux out of each voxel per volume, and the mean flux."""
        out, means = jnp.zeros_like(law.values), []
        for axis in range(self.kinematics.dim):
            flux = _series(law.values, axis) * _difference(u, axis, spacing, mean_strain, law.values)
            means.append(jnp.mean(flux))
            out = out + (jnp.roll(flux, 1, axis) - flux) / spacing[axis]
        return (out,), jnp.stack(means)

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Gradients averaged over the two faces of each voxel; `local` knows how a face shares its drop."""
        faces = [_difference(u, axis, spacing, None, u[0]) for axis in range(self.kinematics.dim)]
        return tuple(0.5 * (g + jnp.roll(g, 1, axis)) for axis, g in enumerate(faces))

    def local(
        self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Mean gradient and mean flux of each voxel: of its two halves along each axis."""
        strain = tuple(behind + before for behind, before in self._halves(law.values, u, spacing, mean_strain))
        return strain, law.stress(strain)

    def energy_density(self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]) -> Array:
        """½ k g² of the halves of each voxel."""
        squares = [behind**2 + before**2 for behind, before in self._halves(law.values, u, spacing, mean_strain)]
        return law.values * functools.reduce(jnp.add, squares)

    def _halves(self, k: Array, u: Displacement, spacing: Array, mean_strain: Array) -> list[tuple[Array, Array]]:
        """Half of the gradient in the two halves of each voxel, behind its centre and before it, along each axis.

        The drop across a face falls on its two halves as their resistances.
        """
        out = []
        for axis in range(self.kinematics.dim):
            drop = _difference(u, axis, spacing, mean_strain, k)
            share = _share(jnp.roll(k, -1, axis), k)
            out.append((share * drop, jnp.roll((1.0 - share) * drop, 1, axis)))
        return out

    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """One mode per axis: its difference."""
        zero = jnp.zeros((), spacing.dtype)
        sines = [
            jnp.asarray(2 * np.sin(np.pi * k / n), spacing.dtype) / spacing[axis]
            for axis, (k, n) in enumerate(zip(frequencies(shape), shape, strict=True))
        ]
        return [tuple(sines[axis] if axis == mode else zero for axis in range(len(shape))) for mode in range(len(shape))]


def _share(first: Array, second: Array) -> Array:
    """Share of the first in both; one half where both vanish."""
    total = first + second
    empty = total <= 0
    return jnp.where(empty, 0.5, first / jnp.where(empty, 1.0, total))


def _series(k: Array, axis: int) -> Array:
    """Conductivity of the face behind each voxel: the harmonic mean, zero where either side is."""
    after = jnp.roll(k, -1, axis)
    return 2.0 * k * _share(after, k)


def _difference(u: Displacement | None, axis: int, spacing: Array, mean: Array | None, like: Array) -> Array:
    """Gradient across the face behind each voxel."""
    g = jnp.zeros_like(like) if u is None else (jnp.roll(u[0], -1, axis) - u[0]) / spacing[axis]
    return g if mean is None else g + mean[axis]
