"""A cautious estimate of how far a tensor is from the exact one of its voxel cell, from one solve with elements of twice the size.

The elements of twice the size are those of the grid itself whose nodes in between follow their neighbours, u = P v, so that they see
every voxel and their energy is exact: they minimise over a part of the space, with K_c = Pᵀ K P, and C_2h ≥ C_h ≥ C in the Loewner
order. The estimate of C_h − C is C_2h − C_h, as for a convergence of order one. Elements that hold several voxels are worse at a sharp
interface than those that hold one, so that it is mostly too large: 0.8 to 20 times the true error in nine cells of 32² voxels and
contrast 10 to 1000 (discs, random voxels, layers, a smooth field). The guaranteed bounds are sharper: in the same cells the true error
of the elements was between a quarter and two fifths of their gap, and less only for soft discs.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import Status, poison
from jaxmicro.homogenization.cell import energy_value, fluctuations, loads
from jaxmicro.homogenization.green import apply_blocks, invert_symbol
from jaxmicro.homogenization.multigrid import prolong, restrict
from jaxmicro.homogenization.operators import BoxElement
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.solve import Medium, Setup, for_each
from jaxmicro.solvers import Stopping, conjugate_gradients

RTOL, STEPS = 1e-3, 1000  # of the coarser solve, whose square is far below what the elements differ by


def discretization_error(setup: Setup, medium: Medium, u: Displacement, tensor: Float[Array, "m m"]) -> Float[Array, "m m"]:
    """About the computed tensor less the exact one of the voxel cell. A constant for derivatives; NaN if a solve fails.

    Args:
        setup: of the solve; whatever its discretisation, elements make the estimate.
        medium: law and voxel edge lengths.
        u: the fluctuations that the solve has found, (load, *grid).
        tensor: what it has made of them.
    """
    medium, u, tensor = jax.lax.stop_gradient((medium, u, tensor))
    fine, good = tensor, jnp.ones((), bool)
    if not (isinstance(setup.operator, BoxElement) and setup.operator.full):
        setup = Setup(BoxElement(setup.operator.kinematics, full=True), setup.rtol, setup.max_steps, setup.serial)
        u, outcome = fluctuations(setup, medium)
        fine, good = energy_value(setup, medium, u), jnp.max(outcome.status) == Status.CONVERGED
    coarse, converged = _coarse_tensor(setup, medium)
    return jax.lax.stop_gradient(poison(tensor - (2.0 * fine - coarse), good & converged))


def _coarse_tensor(setup: Setup, medium: Medium) -> tuple[Float[Array, "m m"], Array]:
    """The tensor of elements of twice the size, and whether their solves converged."""
    shape, operator = medium.law.grid_shape, setup.operator
    halved = tuple(max((n + 1) // 2, min(n, 2)) for n in shape)
    spacing = medium.spacing * jnp.asarray(np.array(shape) / np.array(halved), medium.spacing.dtype)
    share = math.prod(shape) / math.prod(halved)
    blocks = invert_symbol(operator.symbol(medium.law.mean(), halved, spacing), operator.kinematics.components, halved)
    kernel = operator.kernel(medium.law, medium.spacing, setup.serial)
    spread = functools.partial(prolong, shape=shape)
    gather = functools.partial(restrict, shape=halved, factor=1.0)

    def one(strain: Array) -> tuple[Displacement, Array]:
        push, stress = operator.force(medium.law, None, medium.spacing, strain)
        budget = jnp.dot(strain, stress) * math.prod(shape)
        stopping = Stopping(RTOL, STEPS, budget, jnp.maximum(medium.law.softest(), 1e-3))
        v, outcome = conjugate_gradients(
            lambda v: gather(kernel(spread(v))[0]),
            lambda r: tuple(field / share for field in apply_blocks(blocks, r)),
            tuple(-field for field in gather(push)),
            stopping,
        )
        return spread(v), outcome.status

    u, status = for_each(one, loads(medium, setup), setup.serial)
    return energy_value(setup, medium, u), jnp.max(status) == Status.CONVERGED
