"""Force, strain and energy of box elements over the whole grid at once: for derivatives, and where no kernel is at hand."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics
from jaxmicro.homogenization.operators.contract import Displacement, half_product, mean_components
from jaxmicro.homogenization.operators.flat import Padded
from jaxmicro.homogenization.operators.modes import (
    Factors,
    Stencils,
    Subset,
    add_constant,
    dual_columns,
    factors,
    mode_strain,
    stencil_keys,
)
from jaxmicro.homogenization.operators.stencils import differences, nodal

Modes = Sequence[Subset]
MEAN: Subset = frozenset()


def whole_force(
    modes: Modes,
    kinematics: Kinematics,
    law: Any,
    u: Displacement | None,
    spacing: Float[Array, " d"],
    mean_strain: Float[Array, " m"] | None,
) -> tuple[Displacement, Float[Array, " m"]]:
    """Nodal force Bᵀ C (E + B u) and mean stress.

    Args:
        modes: of the element.
        kinematics: of the grid.
        law: a linear law with fields on the grid.
        u: displacements, or None for zero.
        spacing: voxel edge lengths.
        mean_strain: E, or None for zero.
    """
    layout = Padded(law.grid_shape)
    scale = factors([MEAN] if u is None else modes, spacing)
    constants = law.map_fields(layout.voxels_of)
    dual, stress = dual_columns(kinematics, constants, None if u is None else _stencils(layout, scale, u), scale, mean_strain)
    force = []
    for component in range(kinematics.components):
        known = {key: column for key, columns in dual.items() if (column := columns[component]) is not None}
        force.append(nodal(layout, tuple(known), list(known.values())))
    return tuple(force), mean_components([layout.inside(s) for s in stress], spacing.dtype)


def whole_strain(kinematics: Kinematics, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
    """Voxel means of the strain: the mode of the constant monomial."""
    layout, scale = Padded(u[0].shape), factors([MEAN], spacing)
    strain = mode_strain(kinematics, _stencils(layout, scale, u), MEAN, scale)
    return tuple(jnp.zeros_like(u[0]) if s is None else layout.inside(s) for s in strain)


def whole_energy(
    modes: Modes, kinematics: Kinematics, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]
) -> Float[Array, "*grid"]:
    """½ Σ ε_k : C : ε_k over all modes, which are orthogonal in a voxel."""
    layout, scale = Padded(law.grid_shape), factors(modes, spacing)
    constants, stencils = law.map_fields(layout.voxels_of), _stencils(layout, scale, u)
    total = jnp.zeros(layout.voxels, u[0].dtype)
    for mode in modes:
        strain = mode_strain(kinematics, stencils, mode, scale)
        strain = strain if mode else add_constant(strain, mean_strain)
        total = total + half_product(strain, constants.stress(strain))
    return layout.inside(total)


def _stencils(layout: Padded, scale: Factors, u: Displacement) -> Stencils:
    keys = stencil_keys(scale)
    found = [differences(layout, keys, field) for field in u]
    return {key: [fields[i] for fields in found] for i, key in enumerate(keys)}
