"""One linear solve K u = f as a primitive of its own.

As a primitive the solve is never taken apart: it has its derivative from the equation at any order,

    K du = df − dK u,

and its own rule for `vmap`: a loop over the samples on CPU, where finished samples then cost nothing, and one batch elsewhere.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from jaxmicro.homogenization.green import apply_blocks, invert_symbol
from jaxmicro.homogenization.multigrid import multigrid
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
        preconditioner: `"green"` or `"multigrid"`.
    """

    operator: Operator
    rtol: float
    max_steps: int
    serial: bool
    preconditioner: str = "green"


class Medium(NamedTuple):
    """What varies: the law and the voxel edge lengths."""

    law: Any
    spacing: Float[Array, " d"]


def solve_force(setup: Setup, medium: Medium, force: Displacement, budget: Float[Array, ""]) -> tuple[Displacement, Outcome]:
    """Solve K u = force by preconditioned conjugate gradients.

    Args:
        setup: discretisation and tolerance.
        medium: law and voxel edge lengths.
        force: nodal forces.
        budget: energy of the load before relaxation, as in `Stopping`.

    Returns:
        The displacement and how the iteration ended. Differentiable: a derivative that fails is NaN.
    """
    leaves, tree = jax.tree.flatten((medium, force, budget))
    found = _solve.bind(*leaves, setup=setup, tree=tree)
    return tuple(found[: len(force)]), Outcome(*found[len(force) :])


def differential_solve(setup: Setup, medium: Medium, force: Displacement) -> Displacement:
    """Solve K du = force for a derivative: linear in the force, judged by its own energy, NaN if it fails."""
    return symmetric_solve(
        lambda v: setup.operator.force(medium.law, v, medium.spacing)[0],
        lambda rhs: solve_force(setup, medium, rhs, jnp.asarray(jnp.inf, medium.law.dtype)),
        force,
    )


def zero_tangent(leaf: Array) -> Any:
    """The tangent of what does not change."""
    return jnp.zeros_like(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else np.zeros(leaf.shape, jax.dtypes.float0)


def _iterate(*leaves: Array, setup: Setup, tree: Any) -> list[Array]:
    """The solve itself, from and to flat arguments."""
    (law, spacing), force, budget = jax.tree.unflatten(tree, leaves)
    precondition, smallest = _preconditioner(setup, Medium(law, spacing))
    u, outcome = conjugate_gradients(
        setup.operator.action(law, spacing, setup.serial),
        precondition,
        force,
        Stopping(rtol=setup.rtol, max_steps=setup.max_steps, budget=budget, smallest=smallest),
    )
    return [*u, *outcome]


def _preconditioner(setup: Setup, medium: Medium) -> tuple[Callable[[Displacement], Displacement], Array]:
    """An approximate inverse of K, and about the smallest eigenvalue of the two together (0 where unknown)."""
    (law, spacing), operator = medium, setup.operator  # which takes multigrid where that is asked for
    if setup.preconditioner == "multigrid":
        return multigrid(operator, law, spacing, setup.serial), jnp.zeros((), law.dtype)
    blocks = invert_symbol(operator.symbol(law.mean(), law.grid_shape, spacing), operator.kinematics.components, law.grid_shape)
    return functools.partial(apply_blocks, blocks), law.softest()


_solve = Primitive("cell_solve")
_solve.multiple_results = True
_solve.def_impl(jax.jit(_iterate, static_argnames=("setup", "tree")))


@_solve.def_abstract_eval
def _shapes(*leaves: Any, setup: Setup, tree: Any) -> list[Any]:
    like = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in leaves]
    found = jax.eval_shape(functools.partial(_iterate, setup=setup, tree=tree), *like)
    return [ShapedArray(leaf.shape, leaf.dtype) for leaf in found]


def _batched(leaves: Sequence[Any], axes: Sequence[Any], *, setup: Setup, tree: Any) -> tuple[list[Array], list[int]]:
    """All samples: in turn, or in one batch."""
    mapped = [axis is not None for axis in axes]
    rows = [jnp.moveaxis(leaf, axis, 0) for leaf, axis, moves in zip(leaves, axes, mapped, strict=True) if moves]

    def one(row: list[Array]) -> list[Array]:
        rest = iter(row)
        return _solve.bind(*(next(rest) if moves else leaf for leaf, moves in zip(leaves, mapped, strict=True)), setup=setup, tree=tree)

    def together(row: list[Array]) -> list[Array]:
        rest = iter(row)
        return _iterate(*(next(rest) if moves else leaf for leaf, moves in zip(leaves, mapped, strict=True)), setup=setup, tree=tree)

    found = jax.lax.map(one, rows) if setup.serial else jax.vmap(together)(rows)
    return found, [0] * len(found)


def _differential(primals: Sequence[Any], tangents: Sequence[Any], *, setup: Setup, tree: Any) -> tuple[list[Array], list[Any]]:
    """K du = df − dK u."""
    found = _solve.bind(*primals, setup=setup, tree=tree)
    medium, force, _ = jax.tree.unflatten(tree, primals)
    d_medium, d_force, _ = jax.tree.unflatten(tree, [ad.instantiate_zeros(tangent) for tangent in tangents])
    u = tuple(found[: len(force)])
    _, change = jax.jvp(lambda m: setup.operator.force(m.law, u, m.spacing)[0], (medium,), (d_medium,))
    du = differential_solve(setup, medium, jax.tree.map(jnp.subtract, d_force, change))
    return found, [*du, *(_nothing(leaf) for leaf in found[len(force) :])]


def _nothing(leaf: Any) -> ad.Zero:
    floating = jnp.issubdtype(leaf.dtype, jnp.floating)
    return ad.Zero(ShapedArray(leaf.shape, leaf.dtype if floating else jax.dtypes.float0))


batching.primitive_batchers[_solve] = _batched
ad.primitive_jvps[_solve] = _differential
mlir.register_lowering(_solve, mlir.lower_fun(_iterate, multiple_results=True))
