"""Bi- and trilinear finite elements on voxels, fully integrated or at one point.

The gradient of a bi/trilinear field, in coordinates from the voxel centre, is a sum of monomials Π_{t∈T} x_t over the proper
subsets T of the axes, and the column ∂_a of the coefficient of T is a sum of differences of the corner values (modes.py). The
monomials are orthogonal over the voxel and have mean squares Π h_t²/12, so each T is one mode with that weight and the
element is integrated exactly. T = ∅ alone is the one-point ("rotated") scheme of Willot (2015, doi:10.1016/j.crme.2014.12.005).
"""

import dataclasses
import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.fields import frequencies
from jaxmicro.homogenization.operators.contract import Displacement, Kernel, LinearLaw, Operator, Vector
from jaxmicro.homogenization.operators.modes import Subset, factors
from jaxmicro.homogenization.operators.planar import planar
from jaxmicro.homogenization.operators.sweep import sweep
from jaxmicro.homogenization.operators.whole import whole_energy, whole_force, whole_strain


@dataclasses.dataclass(frozen=True)
class BoxElement(Operator):
    """Bi/trilinear elements: all modes (`full`, "finite_element") or the voxel mean alone ("rotated").

    `finite_element` is symmetric positive definite on zero-mean displacements, free of ringing and hourglassing, takes zero
    stiffness, and its energy is an upper bound for the voxel cell. `rotated` has checkerboard null modes on even grids,
    which the preconditioner leaves at zero.
    """

    full: bool

    def modes(self) -> list[Subset]:
        """The monomials of the gradient, the voxel mean first."""
        axes = range(self.kinematics.dim)
        highest = self.kinematics.dim if self.full else 1
        return [frozenset(subset) for size in range(highest) for subset in itertools.combinations(axes, size)]

    def force(
        self, law: LinearLaw, u: Displacement | None, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"] | None = None
    ) -> tuple[Displacement, Float[Array, " m"]]:
        """Nodal force Bᵀ C (E + B u) and mean stress."""
        return whole_force(self.modes(), self.kinematics, law, u, spacing, mean_strain)

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Voxel means of the strain: the mode of the constant monomial."""
        return whole_strain(self.kinematics, u, spacing)

    def energy_density(self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]) -> Array:
        """½ Σ ε_k : C : ε_k over all modes, which are orthogonal in a voxel."""
        return whole_energy(self.modes(), self.kinematics, law, u, spacing, mean_strain)

    def kernel(self, law: Any, spacing: Float[Array, " d"], serial: bool) -> Kernel:
        """`force`, on CPU by kernels that keep its loops apart, and in 3D in the cache, too."""
        if not serial:
            return super().kernel(law, spacing, serial)
        build, packed = sweep if self.kinematics.dim == 3 else planar, law.packed() if hasattr(law, "packed") else law
        return build(self.modes(), self.kinematics, packed, spacing)

    def at_nodes(self, field: Array) -> Array:
        """Averages over the voxels around each node."""
        for axis in range(field.ndim):
            field = 0.5 * (field + jnp.roll(field, 1, axis))
        return field

    @property
    def takes_multigrid(self) -> bool:
        """Only without the checkerboards of the one-point scheme."""
        return self.full

    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """Real wave vectors of all modes."""
        # Half angles: a difference is 2i sin(θ/2) and a sum 2 cos(θ/2), up to the phase e^{iθ/2} common to all stencils.
        sines, cosines = [], []
        for k, n in zip(frequencies(shape), shape, strict=True):
            angle = np.pi * k / n
            sines.append(jnp.asarray(2 * np.sin(angle), spacing.dtype))
            cosines.append(jnp.asarray(np.where(2 * np.abs(k) == n, 0.0, 2 * np.cos(angle)), spacing.dtype))
        scale = factors(self.modes(), spacing)
        vectors = []
        for mode in self.modes():
            entries = []
            for axis in range(len(shape)):
                value = jnp.zeros((), spacing.dtype) if axis in mode else scale[mode, axis]
                for other in range(len(shape)) if axis not in mode else ():
                    value = value * (sines[other] if other in mode | {axis} else cosines[other])
                entries.append(value)
            vectors.append(tuple(entries))
        return vectors
