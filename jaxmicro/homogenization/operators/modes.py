"""The monomials of a box element: their strains, and the dual columns of their stresses.

A mode T is a set of axes, the monomial Π_{t∈T} x_t. Its gradient's column along a ∉ T is the *stencil* T ∪ {a}: the
difference of the two ends of an edge along the axes in the stencil, their sum along the others, times

    factor(T, a) = 12^(−|T|/2) · 2^(|T|+1−d) / h_a,

which is the root mean square of the monomial over the voxel, Π h_t/√12, times 1/h for each difference and ½ for each sum.
Stencils, and the dual columns that their transposes turn into nodal forces, are keyed by the set of differenced axes.
"""

from collections.abc import Sequence
from typing import Any

from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics

Subset = frozenset[int]
Stencils = dict[Subset, list[Array]]
Columns = dict[Subset, list[Array | None]]
Factors = dict[tuple[Subset, int], Array]


def factors(modes: Sequence[Subset], spacing: Float[Array, " d"]) -> Factors:
    """The factor of each mode and axis."""
    d = spacing.shape[0]
    return {
        (mode, axis): (12.0 ** (-len(mode) / 2) * 2.0 ** (len(mode) + 1 - d)) / spacing[axis]
        for mode in modes
        for axis in range(d)
        if axis not in mode
    }


def stencil_keys(scale: Factors) -> tuple[Subset, ...]:
    """All stencils that the modes need."""
    return tuple(dict.fromkeys(mode | {axis} for mode, axis in scale))


def mode_strain(kinematics: Kinematics, stencils: Stencils | None, mode: Subset, scale: Factors) -> tuple[Array | None, ...]:
    """Strain components of one mode; None stands for zero."""
    if stencils is None:
        return (None,) * kinematics.size
    columns = [None if axis in mode else [scale[mode, axis] * field for field in stencils[mode | {axis}]] for axis in range(kinematics.dim)]
    return kinematics.strain(columns)


def add_constant(strain: Sequence[Array | None], constant: Float[Array, " m"] | None) -> tuple[Array | None, ...]:
    """The strain of the mode of the voxel mean, with a mean strain if there is one."""
    if constant is None:
        return tuple(strain)
    return tuple(constant[k] if s is None else s + constant[k] for k, s in enumerate(strain))


def add_dual(kinematics: Kinematics, dual: Columns, mode: Subset, stress: Sequence[Array | None], scale: Factors) -> None:
    """Add the columns of one mode's stress to the dual of the stencils."""
    for axis in range(kinematics.dim):
        if axis in mode:
            continue
        column = kinematics.column(stress, axis)
        target = dual.setdefault(mode | {axis}, [None] * len(column))
        for component, value in enumerate(column):
            if value is not None:
                term = scale[mode, axis] * value
                current = target[component]
                target[component] = term if current is None else current + term


def dual_columns(
    kinematics: Kinematics, law: Any, stencils: Stencils | None, scale: Factors, mean_strain: Float[Array, " m"] | None
) -> tuple[Columns, tuple[Array, ...]]:
    """Dual of the stencils, the columns of C ε of all modes, and the stress of the voxel means."""
    dual: Columns = {}
    mean_stress: tuple[Array, ...] = ()
    for mode in dict.fromkeys(mode for mode, _ in scale):
        strain = mode_strain(kinematics, stencils, mode, scale)
        stress = law.stress(strain if mode else add_constant(strain, mean_strain))
        add_dual(kinematics, dual, mode, stress, scale)
        mean_stress = mean_stress if mode else stress
    return dual, mean_stress
