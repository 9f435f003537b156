"""A cell under a mean strain of which some components are unknown, because the mean stress is prescribed there.

The unknowns are the fluctuation u and the free part of the mean strain, E = E₀ + P e, with the columns of P the components that are
free. They minimise ½ ⟨(ε − ε*) : C : (ε − ε*)⟩ − Σ : E, so that

    [ BᵀCB   BᵀCP ] [u]   [ Bᵀ C (ε* − E₀)          ]
    [ PᵀCB   PᵀCP ] [e] = [ Pᵀ (Σ − ⟨C (E₀ − ε*)⟩) ]

(second row times the number of voxels). In the energy of the reference medium u and e are orthogonal, so the preconditioner is that
of the periodic cell and the inverse of Pᵀ⟨C⟩P, and conjugate gradients need as many steps as for one load of the periodic cell
(Kabel, Fliegener & Schneider 2016, doi:10.1007/s00466-016-1277-4, for the strain-based solvers). Last comes an exact step in e alone,
after which the prescribed mean stresses hold to rounding.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import dot
from jaxmicro.homogenization.operators import Operator
from jaxmicro.homogenization.operators.contract import Displacement, mean_components
from jaxmicro.homogenization.preconditioners import prepare
from jaxmicro.homogenization.solve import Medium, Setup, zero_tangent
from jaxmicro.solvers import Outcome, Stopping, conjugate_gradients, symmetric_solve


class Unknown(NamedTuple):
    """Fluctuation and free mean strain, or the forces on them.

    Attributes:
        u: displacement components.
        e: components of the mean strain in the frame of the loads, zero where the strain is prescribed.
    """

    u: Displacement
    e: Float[Array, " m"]


class Control(NamedTuple):
    """Which components of the mean strain are free.

    Attributes:
        free: 1 where the stress is prescribed, else 0, in the frame of the loads.
        frame: the basis of that frame in Mandel notation, a column each.
    """

    free: Float[Array, " m"]
    frame: Float[Array, "m m"]


class Load(NamedTuple):
    """A load on a cell.

    Attributes:
        strain: prescribed mean strain in the frame, zero where it is free, (m,).
        stress: prescribed mean stress in the frame, zero where the strain is prescribed, (m,).
        eigenstrain: (m, *grid) in the axes of the grid, or None.
    """

    strain: Float[Array, " m"]
    stress: Float[Array, " m"]
    eigenstrain: Float[Array, "m *grid"] | None


class Solution(NamedTuple):
    """What a load does.

    Attributes:
        u: the fluctuation.
        strain: mean strain in the axes of the grid, (m,).
        stress: mean stress there, (m,).
        outcome: how the iteration ended.
    """

    u: Displacement
    strain: Float[Array, " m"]
    stress: Float[Array, " m"]
    outcome: Outcome


def solve_load(setup: Setup, medium: Medium, control: Control, load: Load) -> Solution:
    """Solve for the fluctuation and the free mean strain. Differentiable in medium, frame and load, in both modes.

    Args:
        setup: discretisation and tolerance.
        medium: law and voxel edge lengths.
        control: which mean strains are free.
        load: what is prescribed.
    """
    operator, size = setup.operator, math.prod(medium.law.grid_shape)
    given = control.frame @ load.strain
    force, stress = operator.force(medium.law, None, medium.spacing, given)
    own = jnp.zeros_like(stress)
    if load.eigenstrain is not None:
        eigenstress = medium.law.stress(tuple(load.eigenstrain))
        force = jax.tree.map(jnp.subtract, force, divergence(operator, eigenstress, medium.spacing))
        own = mean_components(eigenstress, medium.law.dtype)
    pull = size * control.free * (load.stress - control.frame.T @ (stress - own))
    b = Unknown(jax.tree.map(jnp.negative, force), pull)
    # The energy before relaxation, with which the error is compared, too, where all of it comes from a mean strain.
    moved = jnp.any(control.free > 0) | (load.eigenstrain is not None)
    budget = jnp.where(moved, jnp.inf, size * dot(given, stress))
    x, outcome = _solve(setup, medium, control, b, jax.lax.stop_gradient(budget))
    strain = given + control.frame @ (control.free * x.e)
    mean_stress = operator.force(medium.law, x.u, medium.spacing, strain)[1] - own
    return Solution(x.u, strain, mean_stress, outcome)


def divergence(operator: Operator, stress: tuple[Array, ...], spacing: Float[Array, " d"]) -> Displacement:
    """Bᵀσ of a stress that is uniform in each voxel: the transpose of its strain."""
    nothing = tuple(jax.ShapeDtypeStruct(stress[0].shape, stress[0].dtype) for _ in range(operator.kinematics.components))
    return jax.linear_transpose(lambda u: operator.strain(u, spacing), nothing)(stress)[0]


def _apply(setup: Setup, medium: Medium, control: Control, x: Unknown, serial: bool = False) -> Unknown:
    """The system's left-hand side; components of e that are not free are kept apart by a multiple of the identity."""
    mean = control.frame @ (control.free * x.e)
    if serial:
        force, stress = setup.operator.kernel(medium.law, medium.spacing, setup.serial)(x.u, mean)
    else:
        force, stress = setup.operator.force(medium.law, x.u, medium.spacing, mean)
    size = math.prod(medium.law.grid_shape)
    own = size * _unit(medium) * (1.0 - control.free) * x.e
    return Unknown(force, size * control.free * (jnp.matmul(control.frame.T, jnp.asarray(stress))) + own)


def _unit(medium: Medium) -> Array:
    """A stiffness to measure by: the mean of the diagonal of the mean stiffness."""
    return jnp.mean(jnp.diagonal(medium.law.mean()))


def _conjugate_gradients(setup: Setup, medium: Medium, control: Control, b: Unknown, budget: Array) -> tuple[Unknown, Outcome]:
    """Solve, and put the mean stresses right."""
    size = math.prod(medium.law.grid_shape)
    precondition, smallest, softest = prepare(setup.preconditioner, setup.operator, medium.law, medium.spacing, setup.serial)
    mean = control.frame.T @ medium.law.mean() @ control.frame
    block = jnp.outer(control.free, control.free) * mean + jnp.diag((1.0 - control.free) * _unit(medium))
    inverse = jnp.linalg.pinv(block, hermitian=True) / size
    stopping = Stopping(setup.rtol, setup.max_steps, budget, smallest, softest=softest)

    def operator(x: Unknown) -> Unknown:
        return _apply(setup, medium, control, x, serial=True)

    centred = b._replace(u=b.u if setup.operator.holds_means else tuple(field - jnp.mean(field) for field in b.u))
    x, outcome = conjugate_gradients(operator, lambda r: Unknown(precondition(r.u), inverse @ r.e), centred, stopping)
    return x._replace(e=x.e + inverse @ (b.e - operator(x).e)), outcome


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _solve(setup: Setup, medium: Medium, control: Control, b: Unknown, budget: Array) -> tuple[Unknown, Outcome]:
    return _conjugate_gradients(setup, medium, control, b, budget)


@_solve.defjvp
def _solve_jvp(setup: Setup, primals: tuple, tangents: tuple) -> tuple:
    medium, control, b, budget = primals
    x, outcome = _solve(setup, medium, control, b, budget)
    change = jax.jvp(lambda medium, control: _apply(setup, medium, control, x), (medium, control), tangents[:2])[1]
    dx = symmetric_solve(
        lambda v: _apply(setup, medium, control, v),
        lambda rhs: _conjugate_gradients(setup, medium, control, rhs, jnp.full_like(budget, jnp.inf)),
        jax.tree.map(jnp.subtract, tangents[2], change),
    )
    return (x, outcome), (dx, jax.tree.map(zero_tangent, outcome))
