"""The force of box elements on a 2D grid: the kernel for CPUs.

The grid is a flat array of padded rows (flat.py), and three steps are kept apart (fence.py), or else the stress of a voxel would be
computed again for each of its nodes:

    1. pad the displacements,
    2. strain of every mode, stress, and the dual columns of the voxels,
    3. their transposes: the force at the nodes.
"""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics
from jaxmicro.homogenization.operators.contract import Displacement, Kernel, mean_components
from jaxmicro.homogenization.operators.fence import apart
from jaxmicro.homogenization.operators.flat import corner_shifts, face, inside, padded, scatter
from jaxmicro.homogenization.operators.modes import Stencils, Subset, dual_columns, factors, stencil_keys

AXES = (0, 1)


def planar(modes: Sequence[Subset], kinematics: Kinematics, law: Any, spacing: Float[Array, " d"]) -> Kernel:
    """The force of one law, whose fields are laid out once.

    Args:
        modes: of the element.
        kinematics: of a 2D grid.
        law: a linear law with fields on the grid.
        spacing: voxel edge lengths.

    Returns:
        The function (u, E) → Bᵀ C (E + B u) and the mean stress. Not for differentiation: `Operator.force` is.
    """
    nx, ny = law.grid_shape
    pitch = ny + 2
    voxels, nodes = (nx + 1) * pitch - 1, (nx - 1) * pitch + ny
    constants = law.map_fields(lambda field: padded(field, 2, rows=(1, 0))[..., :voxels])
    scale = factors(modes, spacing)
    keys = stencil_keys(scale)

    def duals(flat: Displacement, mean_strain: Float[Array, " m"] | None) -> tuple[Stencils, tuple[Array, ...]]:
        corners = [[field[shift : shift + voxels] for shift in corner_shifts(pitch)] for field in flat]
        dual, stress = dual_columns(kinematics, constants, face(corners, keys, AXES), scale, mean_strain)
        nothing = jnp.zeros(voxels, flat[0].dtype)
        filled = {key: [nothing if column is None else column for column in dual[key]] for key in keys}
        return filled, () if mean_strain is None else stress

    def forces(dual: Stencils) -> Displacement:
        found = [scatter(dual, component, AXES, pitch, nodes) for component in range(kinematics.components)]
        return tuple(jnp.pad(field, (0, pitch - ny)).reshape(nx, pitch)[:, :ny] for field in found)

    def kernel(u: Displacement, mean_strain: Float[Array, " m"] | None = None) -> tuple[Displacement, Float[Array, " m"] | None]:
        flat = apart(lambda u: tuple(padded(field, 2, rows=(1, 1)) for field in u))(u)
        dual, stress = apart(duals)(flat, mean_strain)
        if mean_strain is None:
            return forces(dual), None
        return forces(dual), mean_components([inside(jnp.pad(s, (0, 1)), pitch) for s in stress], u[0].dtype)

    return kernel
