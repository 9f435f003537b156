"""The periodic cell problem of a linear law, and the effective tensor with its derivatives.

The fluctuation u_j of load j minimises ⟨ε : C : ε⟩, ε = E_j + B u, so its nodal force vanishes:

    R(law, h; u_j, E_j) = Bᵀ C (E_j + B u_j) = 0,        C_eff[i, j] = ⟨ε_i : C : ε_j⟩ = E_i · S_j + u_i · R_j / N

with S_j the mean stress. The second form is the same energy: exactly symmetric up to rounding, with an error quadratic in
that of u. At the minimum the dependence on u drops out, so dC_eff[i, j] = ∂(E_i·S_j + u_i·R_j/N) with u held fixed: no
adjoint solve (the derivative holds for the constants and the edge lengths alike). The second derivative needs du, and

    K du = −∂R(u held fixed),

one more solve per direction and load case, from the rule of `solve_loads`.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.solve import Loading, Medium, Setup, for_each, solve_loads, zero_tangent
from jaxmicro.solvers import Outcome


def loads(medium: Medium, setup: Setup) -> Float[Array, "load m"]:
    """Unit mean strains."""
    every = jnp.eye(setup.operator.kinematics.size, dtype=medium.law.dtype)
    return every if setup.loads is None else every[np.array(setup.loads)]


def energy_value(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff from the fluctuations of all load cases (leading axis load), by the fast kernel: `energy_tensor` is for derivatives.

    Force and mean stress come from one and the same stress field: its rounding errors then do work on the strain alone, which
    is small where a stiff phase makes them large.
    """
    kernel = setup.operator.kernel(medium.law, medium.spacing, setup.serial)
    strains = loads(medium, setup)
    columns = for_each(lambda load: _column(kernel, medium, u, strains, *load), (u, strains), setup.serial)
    return 0.5 * (columns + columns.T)


def energy_tensor(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff from the fluctuations of all load cases (leading axis load), as an explicit function of all arguments."""
    strains = loads(medium, setup)

    @jax.checkpoint
    def column(load: tuple[Displacement, Array]) -> Array:
        return _column(lambda u, e: setup.operator.force(medium.law, u, medium.spacing, e), medium, u, strains, *load)

    columns = for_each(column, (u, strains), setup.serial)
    return 0.5 * (columns + columns.T)


def _column(
    kernel: Callable[..., Any], medium: Medium, u: Displacement, strains: Array, u_j: Displacement, strain: Array
) -> Float[Array, " load"]:
    """E_i · S_j + u_i · R_j / N for all loads i."""
    force, stress = kernel(u_j, strain)
    works = [jnp.matmul(a.reshape(a.shape[0], -1), b.ravel(), precision=jax.lax.Precision.HIGHEST) for a, b in zip(u, force, strict=True)]
    own = jnp.matmul(strains, stress, precision=jax.lax.Precision.HIGHEST)
    return own + functools.reduce(jnp.add, works) / math.prod(medium.law.grid_shape)


def fluctuations(setup: Setup, medium: Medium, start: Displacement | None = None) -> tuple[Displacement, Outcome]:
    """The fluctuations of all load cases, leading axis load, from guesses if given."""
    return solve_loads(setup, medium, Loading(mean_strain=loads(medium, setup), start=start))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def stationary_tensor(setup: Setup, medium: Medium, u: Displacement) -> Float[Array, "m m"]:
    """C_eff at the minimum: its derivative ignores that of u, which is stationary."""
    return energy_value(setup, medium, u)


@stationary_tensor.defjvp
def _stationary_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    medium, u = primals
    return energy_value(setup, medium, u), _change(setup, medium, u, tangents[0])


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def effective_tensor(setup: Setup, medium: Medium, start: Displacement | None = None) -> tuple[Float[Array, "m m"], Outcome, Displacement]:
    """C_eff, how its solves ended, and the fluctuations, which count as constants.

    First derivatives cost no solve, Hessian–vector products one per load case.
    """
    u, outcome = fluctuations(setup, medium, start)
    return energy_value(setup, medium, u), outcome, u


@effective_tensor.defjvp
def _effective_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    medium, start = primals
    u, outcome = fluctuations(setup, medium, start)
    value, change = energy_value(setup, medium, u), _change(setup, medium, u, tangents[0])
    return (value, outcome, u), (change, *jax.tree.map(zero_tangent, (outcome, u)))


def _change(setup: Setup, medium: Medium, u: Displacement, tangent: Medium) -> Float[Array, "m m"]:
    """Tangent of C_eff with u held fixed."""
    return jax.jvp(lambda m: energy_tensor(setup, m, u), (medium,), (tangent,))[1]
