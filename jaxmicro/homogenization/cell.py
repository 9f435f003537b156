"""The periodic cell problem of a linear law, and the effective tensor with its derivatives.

The fluctuation u_j of load j minimises ⟨ε : C : ε⟩, ε = E_j + B u, so its nodal force vanishes:

    R(law, h; u_j, E_j) = Bᵀ C (E_j + B u_j) = 0,        C_eff[i, j] = ⟨ε_i : C : ε_j⟩ = S_j[i] + u_i · R_j / N

with S_j the mean stress. The second form is the same energy: exactly symmetric up to rounding, with an error quadratic in
that of u. At the minimum the dependence on u drops out, so dC_eff[i, j] = ∂(S_j[i] + u_i·R_j/N) with u held fixed: no
adjoint solve (the derivative holds for the constants and the edge lengths alike). The second derivative needs du, and

    K du = −∂R(u held fixed),

one more solve per direction and load case, from the rule of `relax`.
"""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import dot
from jaxmicro.homogenization.green import apply_blocks, invert_blocks
from jaxmicro.homogenization.operators import Operator
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.solvers import Outcome, Stopping, conjugate_gradients, symmetric_solve


@dataclasses.dataclass(frozen=True)
class Setup:
    """All that is static in a solve.

    Attributes:
        operator: the discretisation.
        rtol: relative tolerance in the energy norm.
        max_steps: largest number of CG steps per load case.
        serial: load cases and samples one after the other (CPU) or in one batch.
    """

    operator: Operator
    rtol: float
    max_steps: int
    serial: bool


class Medium(NamedTuple):
    """What varies: the law and the voxel edge lengths."""

    law: Any
    spacing: Float[Array, " d"]


def for_each(function: Any, xs: Any, serial: bool) -> Any:
    """Map over a leading axis: in a loop, or in one batch."""
    return jax.lax.map(function, xs) if serial else jax.vmap(function)(xs)


def loads(medium: Medium, setup: Setup) -> Float[Array, "load m"]:
    """Unit mean strains."""
    return jnp.eye(setup.operator.kinematics.size, dtype=medium.law.dtype)


def solve_force(setup: Setup, medium: Medium, force: Displacement, budget: Array) -> tuple[Displacement, Outcome]:
    """Solve K u = force by preconditioned conjugate gradients; never differentiated."""
    operator, law, spacing = setup.operator, medium.law, medium.spacing
    symbol = operator.symbol(law.mean(), law.grid_shape, spacing)
    blocks = invert_blocks(symbol, operator.kinematics.components, law.grid_shape)
    return conjugate_gradients(
        operator.action(law, spacing, setup.serial),
        lambda r: apply_blocks(blocks, r),
        force,
        Stopping(rtol=setup.rtol, max_steps=setup.max_steps, budget=budget),
    )


def _solve_force(setup: Setup, medium: Medium, force: Displacement, budget: Array) -> tuple[Displacement, Outcome]:
    """`solve_force` whose `vmap` is a loop where the setup says so: finished samples then cost nothing."""
    function = functools.partial(solve_force, setup)
    if setup.serial:
        function = jax.custom_batching.sequential_vmap(function)
    return function(medium, force, budget)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def relax(setup: Setup, medium: Medium, mean_strain: Float[Array, " m"]) -> tuple[Displacement, Outcome]:
    """The fluctuation under one mean strain, with implicit derivatives."""
    push, _ = setup.operator.force(medium.law, None, medium.spacing, mean_strain)
    count = medium.law.grid_shape
    voigt = dot(mean_strain, medium.law.mean() @ mean_strain) * _size(count)
    return _solve_force(setup, medium, jax.tree.map(jnp.negative, push), voigt)


@relax.defjvp
def _relax_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    medium, mean_strain = primals
    u, outcome = relax(setup, medium, mean_strain)

    def residual(medium: Medium, mean_strain: Array) -> Displacement:
        return setup.operator.force(medium.law, u, medium.spacing, mean_strain)[0]

    _, change = jax.jvp(residual, primals, tangents)
    du = differential_solve(setup, medium, jax.tree.map(jnp.negative, change))
    return (u, outcome), (du, jax.tree.map(_zero_tangent, outcome))


def differential_solve(setup: Setup, medium: Medium, force: Displacement) -> Displacement:
    """Solve K du = force for a derivative: differentiable itself, judged by its own energy, NaN if it fails."""
    return symmetric_solve(
        lambda v: setup.operator.force(medium.law, v, medium.spacing)[0],
        lambda rhs: _solve_force(setup, medium, rhs, jnp.asarray(jnp.inf, medium.law.dtype)),
        force,
    )


def _size(shape: tuple[int, ...]) -> int:
    return functools.reduce(lambda a, b: a * b, shape, 1)


def _zero_tangent(leaf: Array) -> Any:
    return jnp.zeros_like(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else np.zeros(leaf.shape, jax.dtypes.float0)


def energy_value(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff from the fluctuations of all load cases (leading axis load), by the fast kernel.

    With b_j = Bᵀ C E_j it is C̄[i, j] + (u_j · b_i + u_i · (K u_j + b_j))/N; `energy_tensor` is the same for derivatives.
    """
    operator, (law, spacing) = setup.operator, medium
    if not operator.has_kernel(setup.serial):
        return energy_tensor(setup, medium, u)
    action, count = operator.action(law, spacing, setup.serial), _size(law.grid_shape)

    def column(j: tuple[Displacement, Array]) -> tuple[Array, Array]:
        push, _ = operator.force(law, None, spacing, j[1])
        forces = tuple(a + b for a, b in zip(action(j[0]), push, strict=True))
        return _work(u, push), _work(u, forces)

    pushed, worked = for_each(column, (u, loads(medium, setup)), setup.serial)
    columns = law.mean() + (pushed + worked.T) / count
    return 0.5 * (columns + columns.T)


def energy_tensor(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff from the fluctuations of all load cases (leading axis load), as an explicit function of all arguments."""
    strains = loads(medium, setup)

    @jax.checkpoint
    def column(j: tuple[Displacement, Array]) -> Array:
        u_j, strain = j
        force, stress = setup.operator.force(medium.law, u_j, medium.spacing, strain)
        return stress + _work(u, force) / _size(medium.law.grid_shape)

    columns = for_each(column, (u, strains), setup.serial)
    return 0.5 * (columns + columns.T)


def _work(fields: Displacement, force: Displacement) -> Float[Array, " load"]:
    """Inner products of a force with the fluctuations of all loads."""
    parts = [
        jnp.matmul(a.reshape(a.shape[0], -1), b.ravel(), precision=jax.lax.Precision.HIGHEST) for a, b in zip(fields, force, strict=True)
    ]
    return functools.reduce(jnp.add, parts)


def fluctuations(setup: Setup, medium: Medium) -> tuple[Displacement, Outcome]:
    """The fluctuations of all load cases, leading axis load."""
    return for_each(lambda strain: relax(setup, medium, strain), loads(medium, setup), setup.serial)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def stationary_tensor(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff at the minimum: its derivative ignores that of u, which is stationary."""
    return energy_value(setup, medium, u)


@stationary_tensor.defjvp
def _stationary_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    medium, u = primals
    return energy_value(setup, medium, u), _change(setup, medium, u, tangents[0])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def effective_tensor(setup: Setup, medium: Medium) -> tuple[Float[Array, "m m"], Outcome]:
    """C_eff and how its solves ended. First derivatives cost no solve, Hessian–vector products one per load case."""
    u, outcome = fluctuations(setup, medium)
    return energy_value(setup, medium, u), outcome


@effective_tensor.defjvp
def _effective_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    (medium,) = primals
    u, outcome = fluctuations(setup, medium)
    value, change = energy_value(setup, medium, u), _change(setup, medium, u, tangents[0])
    return (value, outcome), (change, jax.tree.map(_zero_tangent, outcome))


def _change(setup: Setup, medium: Medium, u: Displacement, tangent: Medium) -> Float[Array, "m m"]:
    """Tangent of C_eff with u held fixed."""
    return jax.jvp(lambda m: energy_tensor(setup, m, u), (medium,), (tangent,))[1]
