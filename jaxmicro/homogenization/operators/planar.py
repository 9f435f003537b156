"""K u of box elements on a 2D grid: the kernel for CPUs.

Written over whole grids, K rolls its fields along each axis in turn, and the compiler makes loops of it that use no vector
instructions. Here the grid is a flat array of padded rows (flat.py), and three steps are kept apart (fence.py), or else the stress of a
voxel would be computed again for each of its nodes:

    1. pad the displacements,
    2. strain of every mode, stress, and the dual columns of the voxels,
    3. their transposes: the force at the nodes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.operators.fence import apart
from jaxmicro.homogenization.operators.flat import corner_shifts, face, padded, scatter
from jaxmicro.homogenization.operators.modes import Stencils, Subset, dual_columns, factors, stencil_keys

AXES = (0, 1)


def planar(
    modes: Sequence[Subset], kinematics: Kinematics, law: Any, spacing: Float[Array, " d"]
) -> Callable[[Displacement], Displacement]:
    """The action of K for one law, whose fields are laid out once.

    Args:
        modes: of the element.
        kinematics: of a 2D grid.
        law: a linear law with fields on the grid.
        spacing: voxel edge lengths.

    Returns:
        The function u → K u. Not for differentiation: `Operator.force` is.
    """
    nx, ny = law.grid_shape
    pitch = ny + 2
    voxels, nodes = (nx + 1) * pitch - 1, (nx - 1) * pitch + ny
    constants = law.map_fields(lambda field: padded(field, 2, rows=(1, 0))[..., :voxels])
    scale = factors(modes, spacing)
    keys = stencil_keys(scale)

    def duals(flat: Displacement) -> Stencils:
        corners = [[field[shift : shift + voxels] for shift in corner_shifts(pitch)] for field in flat]
        dual = dual_columns(kinematics, constants, face(corners, keys, AXES), scale)
        nothing = jnp.zeros(voxels, flat[0].dtype)
        return {key: [nothing if column is None else column for column in dual[key]] for key in keys}

    def forces(dual: Stencils) -> Displacement:
        found = [scatter(dual, component, AXES, pitch, nodes) for component in range(kinematics.components)]
        return tuple(jnp.pad(field, (0, pitch - ny)).reshape(nx, pitch)[:, :ny] for field in found)

    def action(u: Displacement) -> Displacement:
        flat = apart(lambda u: tuple(padded(field, 2, rows=(1, 1)) for field in u))(u)
        return forces(apart(duals)(flat))

    return action
