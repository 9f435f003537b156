"""Bi- and trilinear finite elements on voxels, fully integrated or at one point.

Per axis let S be the average and D the difference quotient of the two ends of an edge. The gradient of a bi/trilinear
field, in coordinates from the voxel centre, is a sum of monomials Π_{t∈T} x_t over the proper subsets T of the axes; the
column ∂_a of the coefficient of T is the stencil with D along T ∪ {a} and S along the other axes. The monomials are
orthogonal over the voxel and have mean squares Π h_t²/12, so each T is one mode with that weight and the element is
integrated exactly. T = ∅ alone is the one-point ("rotated") scheme of Willot (2015, doi:10.1016/j.crme.2014.12.005).
"""

import dataclasses
import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics, frequencies
from jaxmicro.homogenization.operators.contract import Displacement, LinearLaw, Operator, Vector, mean_components

Subset = frozenset[int]


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
        stencils = None if u is None else _differences(u, spacing, self.kinematics.dim)
        dual: dict[Subset, list[Array | None]] = {}
        mean_stress = jnp.zeros(self.kinematics.size, spacing.dtype)
        for mode in self.modes() if stencils is not None else [frozenset()]:
            strain = self._mode_strain(stencils, mode, spacing) if stencils is not None else (None,) * self.kinematics.size
            if not mode and mean_strain is not None:
                strain = _add_constant(strain, mean_strain)
            stress = law.stress(strain)
            if not mode:
                mean_stress = mean_components(stress, spacing.dtype)
            for axis in range(self.kinematics.dim):
                if axis not in mode:
                    column = self.kinematics.column(stress, axis)
                    _accumulate(dual, mode | {axis}, column, _weight(mode, spacing))
        return _scatter(dual, spacing, self.kinematics), mean_stress

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Voxel means of the strain: the mode of the constant monomial."""
        strain = self._mode_strain(_differences(u, spacing, self.kinematics.dim), frozenset(), spacing)
        return tuple(jnp.zeros_like(u[0]) if s is None else s for s in strain)

    def _mode_strain(self, stencils: dict[Subset, list[Array]], mode: Subset, spacing: Array) -> tuple[Array | None, ...]:
        weight = _weight(mode, spacing)
        columns = [
            None if axis in mode else [field if weight is None else weight * field for field in stencils[mode | {axis}]]
            for axis in range(self.kinematics.dim)
        ]
        return self.kinematics.strain(columns)

    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """Real wave vectors of all modes."""
        # Half angles: D = 2i sin(θ/2)/h and S = cos(θ/2), up to the phase e^{iθ/2} common to all stencils.
        sines, cosines = [], []
        for axis, (k, n) in enumerate(zip(frequencies(shape), shape, strict=True)):
            angle = np.pi * k / n
            cosine = np.where(2 * np.abs(k) == n, 0.0, np.cos(angle))
            sines.append(jnp.asarray(2 * np.sin(angle), spacing.dtype) / spacing[axis])
            cosines.append(jnp.asarray(cosine, spacing.dtype))
        vectors = []
        for mode in self.modes():
            weight = _weight(mode, spacing)
            entries = []
            for axis in range(len(shape)):
                value = jnp.zeros((), spacing.dtype)
                if axis not in mode:
                    value = jnp.ones((), spacing.dtype) if weight is None else weight
                    for other in range(len(shape)):
                        value = value * (sines[other] if other in mode | {axis} else cosines[other])
                entries.append(value)
            vectors.append(tuple(entries))
        return vectors


def _weight(mode: Subset, spacing: Array) -> Array | None:
    """Root mean square of the monomial over the voxel, Π h_t/√12; None stands for one."""
    weight = None
    for axis in sorted(mode):
        factor = spacing[axis] / 12**0.5
        weight = factor if weight is None else weight * factor
    return weight


def _add_constant(strain: Sequence[Array | None], constant: Float[Array, " m"]) -> tuple[Array, ...]:
    return tuple(constant[k] if s is None else s + constant[k] for k, s in enumerate(strain))


def _accumulate(dual: dict[Subset, list[Array | None]], key: Subset, column: Sequence[Array | None], weight: Array | None) -> None:
    target = dual.setdefault(key, [None] * len(column))
    for component, value in enumerate(column):
        if value is not None:
            term = value if weight is None else weight * value
            current = target[component]
            target[component] = term if current is None else current + term


def _differences(u: Displacement, spacing: Array, dim: int) -> dict[Subset, list[Array]]:
    """All stencils with at least one difference: `out[subset][component]` has D along the subset and S elsewhere."""
    out: dict[Subset, list[Array]] = {}
    for field in u:
        terms = {frozenset[int](): field}
        for axis in range(dim):
            field_terms = {}
            for subset, term in terms.items():
                following = jnp.roll(term, -1, axis)
                field_terms[subset] = 0.5 * (term + following)
                field_terms[subset | {axis}] = (following - term) / spacing[axis]
            terms = field_terms
        for subset, term in terms.items():
            if subset:
                out.setdefault(subset, []).append(term)
    return out


def _scatter(dual: dict[Subset, list[Array | None]], spacing: Array, kinematics: Kinematics) -> Displacement:
    """The exact transpose of `_differences`."""
    out = []
    for component in range(kinematics.components):
        terms = {subset: fields[component] for subset, fields in dual.items() if fields[component] is not None}
        for axis in reversed(range(kinematics.dim)):
            merged: dict[Subset, Array] = {}
            for rest in {subset - {axis} for subset in terms}:
                average, difference = terms.get(rest), terms.get(rest | {axis})
                merged[rest] = _node_values(average, difference, spacing[axis], axis)
            terms = merged
        out.append(terms[frozenset()])
    return tuple(out)


def _node_values(average: Array | None, difference: Array | None, h: Array, axis: int) -> Array:
    """Sᵀ a + Dᵀ d along one axis: each voxel gives a/2 − d/h to its first node and a/2 + d/h to its second."""
    half = 0.0 if average is None else 0.5 * average
    slope = 0.0 if difference is None else difference / h
    return jnp.asarray(half - slope) + jnp.roll(jnp.asarray(half + slope), 1, axis)
