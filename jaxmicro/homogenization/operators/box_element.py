"""Bi- and trilinear finite elements on voxels, fully integrated or at one point.

The gradient of a bi/trilinear field, in coordinates from the voxel centre, is a sum of monomials Π_{t∈T} x_t over the proper
subsets T of the axes, and the column ∂_a of the coefficient of T is a sum of differences of the corner values (modes.py). The
monomials are orthogonal over the voxel and have mean squares Π h_t²/12, so each T is one mode with that weight and the
element is integrated exactly. T = ∅ alone is the one-point ("rotated") scheme of Willot (2015, doi:10.1016/j.crme.2014.12.005).
"""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics, frequencies
from jaxmicro.homogenization.operators.contract import Displacement, LinearLaw, Operator, Vector, half_product, mean_components
from jaxmicro.homogenization.operators.modes import Columns, Stencils, Subset, add_dual, factors, mode_strain
from jaxmicro.homogenization.operators.planar import planar
from jaxmicro.homogenization.operators.sweep import sweep


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
        """Nodal force Bᵀ C (E + B u) and mean stress, mode by mode."""
        stencils = None if u is None else _stencils(u, self.kinematics.dim)
        dual: Columns = {}
        mean_stress = jnp.zeros(self.kinematics.size, spacing.dtype)
        modes = self.modes() if stencils is not None else [frozenset[int]()]
        scale = factors(modes, spacing)
        for mode in modes:
            strain = (None,) * self.kinematics.size if stencils is None else mode_strain(self.kinematics, stencils, mode, scale)
            if not mode and mean_strain is not None:
                strain = _add_constant(strain, mean_strain)
            stress = law.stress(strain)
            if not mode:
                mean_stress = mean_components(stress, spacing.dtype)
            add_dual(self.kinematics, dual, mode, stress, scale)
        return _scatter(dual, self.kinematics), mean_stress

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Voxel means of the strain: the mode of the constant monomial."""
        mean: Subset = frozenset()
        strain = mode_strain(self.kinematics, _stencils(u, self.kinematics.dim), mean, factors([mean], spacing))
        return tuple(jnp.zeros_like(u[0]) if s is None else s for s in strain)

    def energy_density(self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]) -> Array:
        """½ Σ ε_k : C : ε_k over all modes, which are orthogonal in a voxel."""
        stencils, scale = _stencils(u, self.kinematics.dim), factors(self.modes(), spacing)
        total = jnp.zeros_like(u[0])
        for mode in self.modes():
            strain = mode_strain(self.kinematics, stencils, mode, scale)
            strain = strain if mode else _add_constant(strain, mean_strain)
            total = total + half_product(strain, law.stress(strain))
        return total

    def action(self, law: Any, spacing: Float[Array, " d"], serial: bool) -> Callable[[Displacement], Displacement]:
        """The function u → K u, on CPU by kernels that keep its loops apart, and in 3D in the cache, too."""
        if not serial:
            return super().action(law, spacing, serial)
        kernel, packed = sweep if self.kinematics.dim == 3 else planar, law.packed() if hasattr(law, "packed") else law
        return kernel(self.modes(), self.kinematics, packed, spacing)

    def energy_by_action(self, serial: bool) -> bool:
        """On CPU and in 3D: in 2D `force` is fast enough, and its energies lose no digits to cancellation."""
        return serial and self.kinematics.dim == 3

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


def _add_constant(strain: Sequence[Array | None], constant: Float[Array, " m"]) -> tuple[Array, ...]:
    return tuple(constant[k] if s is None else s + constant[k] for k, s in enumerate(strain))


def _stencils(u: Displacement, dim: int) -> Stencils:
    """All stencils with at least one difference, of every component."""
    out: Stencils = {}
    for field in u:
        terms = {frozenset[int](): field}
        for axis in range(dim):
            wider = {}
            for subset, term in terms.items():
                following = jnp.roll(term, -1, axis)
                wider[subset], wider[subset | {axis}] = following + term, following - term
            terms = wider
        for subset, term in terms.items():
            if subset:
                out.setdefault(subset, []).append(term)
    return out


def _scatter(dual: Columns, kinematics: Kinematics) -> Displacement:
    """The exact transpose of `_stencils`."""
    out = []
    for component in range(kinematics.components):
        terms = {subset: fields[component] for subset, fields in dual.items() if fields[component] is not None}
        for axis in reversed(range(kinematics.dim)):
            terms = {rest: _node_values(terms.get(rest), terms.get(rest | {axis}), axis) for rest in {subset - {axis} for subset in terms}}
        out.append(terms[frozenset()])
    return tuple(out)


def _node_values(mean: Array | None, difference: Array | None, axis: int) -> Array:
    """Transpose along one axis: each voxel gives m − d to its first node and m + d to its second."""
    first, second = 0.0 if mean is None else mean, 0.0 if difference is None else difference
    return jnp.asarray(first - second) + jnp.roll(jnp.asarray(first + second), 1, axis)
