"""The linear solves K u = f of all load cases as a primitive of its own.

As a primitive the solve is never taken apart: it has its derivative from the equation at any order,

    K du = df − dK u,

and its own rule for `vmap`: a loop over the samples on CPU, where finished samples then cost nothing, and one batch elsewhere.
What belongs to the cell alone, such as the preconditioner, is prepared once for all its loads.
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

from jaxmicro._core import dot
from jaxmicro.homogenization.operators import Operator
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.preconditioners import lowered, prepare, unit_sized
from jaxmicro.solvers import Outcome, Stopping, conjugate_gradients, largest, refine, symmetric_solve, tree_dot


@dataclasses.dataclass(frozen=True)
class Setup:
    """All that is static in a solve.

    Attributes:
        operator: the discretisation.
        rtol: relative tolerance in the energy norm.
        max_steps: largest number of CG steps per load case.
        serial: load cases and samples one after the other (CPU) or in one batch.
        preconditioner: one of `preconditioners.NAMES`.
        tensor_rtol: relative tolerance of the diagonal of the effective tensor, instead of `rtol`, if given.
        mixed: whether the iteration runs in float32 inside a refinement in float64.
        loads: which unit mean strains are applied, by default all.
    """

    operator: Operator
    rtol: float
    max_steps: int
    serial: bool
    preconditioner: str = "green"
    tensor_rtol: float | None = None
    mixed: bool = False
    loads: tuple[int, ...] | None = None

    @property
    def load_count(self) -> int:
        """Number of load cases."""
        return self.operator.kinematics.size if self.loads is None else len(self.loads)


class Medium(NamedTuple):
    """What varies: the law and the voxel edge lengths."""

    law: Any
    spacing: Float[Array, " d"]


class Loading(NamedTuple):
    """The loads of a cell: mean strains or nodal forces.

    Attributes:
        mean_strain: (load, m), or None.
        force: nodal forces, components (load, *grid), or None.
        start: guesses of the displacements, components (load, *grid), or None.
    """

    mean_strain: Float[Array, "load m"] | None = None
    force: Displacement | None = None
    start: Displacement | None = None


def for_each(function: Any, xs: Any, serial: bool) -> Any:
    """Map over a leading axis: in a loop, or in one batch."""
    return jax.lax.map(function, xs) if serial else jax.vmap(function)(xs)


def solve_loads(setup: Setup, medium: Medium, loading: Loading) -> tuple[Displacement, Outcome]:
    """Solve K u = force by preconditioned conjugate gradients, load by load.

    Args:
        setup: discretisation and tolerance.
        medium: law and voxel edge lengths.
        loading: the loads and, possibly, guesses.

    Returns:
        The displacements and how the iterations ended, with leading axis load. Differentiable with respect to medium and
        loads: a derivative that fails is NaN.
    """
    leaves, tree = jax.tree.flatten((medium, loading))
    found = _solve.bind(*leaves, setup=setup, tree=tree)
    count = setup.operator.kinematics.components
    return tuple(found[:count]), Outcome(*found[count:])


def differential_solve(setup: Setup, medium: Medium, force: Displacement) -> Displacement:
    """Solve K du = force for derivatives, leading axis load: linear in the force, judged by its own energy, NaN if it fails."""
    setup = dataclasses.replace(setup, tensor_rtol=None)
    return symmetric_solve(
        lambda v: for_each(lambda one: setup.operator.force(medium.law, one, medium.spacing)[0], v, setup.serial),
        lambda rhs: _worst(solve_loads(setup, medium, Loading(force=rhs))),
        force,
    )


def _worst(found: tuple[Displacement, Outcome]) -> tuple[Displacement, Outcome]:
    return found[0], jax.tree.map(jnp.max, found[1])


def zero_tangent(leaf: Array) -> Any:
    """The tangent of what does not change."""
    return jnp.zeros_like(leaf) if jnp.issubdtype(leaf.dtype, jnp.floating) else np.zeros(leaf.shape, jax.dtypes.float0)


def _iterate(*leaves: Array, setup: Setup, tree: Any) -> list[Array]:
    """The solves themselves, from and to flat arguments."""
    medium, loading = jax.tree.unflatten(tree, leaves)
    method = _mixed(setup, medium) if setup.mixed else _plain(setup, medium)

    def one(load: Loading) -> tuple[Displacement, Outcome]:
        if load.force is not None:
            return _rescaled(method, load.force, load.start, setup.operator.holds_means)
        mean_strain = jnp.asarray(load.mean_strain)
        push, stress = setup.operator.force(medium.law, None, medium.spacing, mean_strain)
        budget = dot(mean_strain, stress) * int(np.prod(medium.law.grid_shape))
        return method(jax.tree.map(jnp.negative, push), mean_strain, budget, load.start)

    u, outcome = for_each(one, loading, setup.serial)
    return [*u, *outcome]


# Solves for a force: from the force, the mean strain that makes it, if one does, the energy of that, and a guess.
Method = Callable[[Displacement, Array | None, Array, Displacement | None], tuple[Displacement, Outcome]]


def _rescaled(method: Method, force: Displacement, start: Displacement | None, with_mean: bool) -> tuple[Displacement, Outcome]:
    """Solve for a force of largest entry one, so that none is too small or too large for its dtype, and without its mean.

    A mean does no work on a periodic fluctuation, but a large one would hide the rest from a lower precision.
    """
    force = force if with_mean else tuple(field - jnp.mean(field) for field in force)
    size = largest(force)
    factor = jnp.where(size > 0, size, 1.0)
    u, outcome = method(tuple(field / factor for field in force), None, jnp.full_like(size, jnp.inf), start)
    return tuple(factor * field for field in u), outcome._replace(error=factor**2 * outcome.error)


def _plain(setup: Setup, medium: Medium) -> Method:
    """Conjugate gradients in the dtype of the law."""
    kernel = setup.operator.kernel(medium.law, medium.spacing, setup.serial)
    precondition, smallest, softest = prepare(setup.preconditioner, setup.operator, medium.law, medium.spacing, setup.serial)

    def method(force: Displacement, mean_strain: Array | None, budget: Array, start: Displacement | None) -> tuple[Displacement, Outcome]:
        stopping = _stopping(setup, budget, smallest)._replace(softest=softest)
        return conjugate_gradients(lambda u: kernel(u)[0], precondition, force, stopping, start, _residual(kernel, mean_strain))

    return method


def _mixed(setup: Setup, medium: Medium) -> Method:
    """Conjugate gradients in float32 inside a refinement in float64."""
    law, spacing = medium
    kernel = setup.operator.kernel(law, spacing, setup.serial)
    low, low_spacing, factor = lowered(law, spacing)
    low_action = setup.operator.action(low, low_spacing, setup.serial)
    precondition, smallest, _ = prepare(setup.preconditioner, setup.operator, low, low_spacing, setup.serial)

    def correct(r: Displacement, rtol: Array, max_steps: Array) -> tuple[Displacement, Outcome]:
        force, size = unit_sized(r)
        # What rounding hides is judged by the directions it has met alone, for the refinement looks at the truth itself.
        stopping = Stopping(rtol.astype(jnp.float32), max_steps, smallest=smallest, softest=jnp.inf)
        u, outcome = conjugate_gradients(low_action, precondition, force, stopping)
        error = factor * size**2 * outcome.error.astype(law.dtype)
        return tuple(factor * size * field.astype(law.dtype) for field in u), outcome._replace(error=error)

    def measure(r: Displacement) -> Array:
        force, size = unit_sized(r)
        return factor * size**2 * tree_dot(force, precondition(force)).astype(law.dtype)

    def method(force: Displacement, mean_strain: Array | None, budget: Array, start: Displacement | None) -> tuple[Displacement, Outcome]:
        residual = _residual(kernel, mean_strain)
        return refine(lambda u: kernel(u)[0], correct, measure, force, _stopping(setup, budget, smallest), start, residual)

    return method


def _residual(kernel: Callable[..., Any], mean_strain: Array | None) -> Callable[[Displacement], tuple[Displacement, Array]] | None:
    """The residual of a displacement under a mean strain, and its energy ⟨ε : C : ε⟩ times the number of voxels.

    From the whole strain, which in a stiff phase is much smaller than its parts.
    """
    if mean_strain is None:
        return None

    def whole(u: Displacement) -> tuple[Displacement, Array]:
        internal, stress = kernel(u, mean_strain)
        return jax.tree.map(jnp.negative, internal), dot(mean_strain, stress) * u[0].size + tree_dot(u, internal)

    return whole


def _stopping(setup: Setup, budget: Array, smallest: Array | float) -> Stopping:
    return Stopping(setup.rtol, setup.max_steps, budget, smallest, setup.tensor_rtol)


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
    medium, loading = jax.tree.unflatten(tree, primals)
    d_medium, d_loading = jax.tree.unflatten(tree, [ad.instantiate_zeros(tangent) for tangent in tangents])
    count = setup.operator.kinematics.components

    def change(load: tuple[Displacement, Any, Any]) -> Displacement:
        u, at, along = load

        def force(m: Medium, at: Loading) -> Displacement:
            internal = setup.operator.force(m.law, u, m.spacing, at.mean_strain)[0]
            return internal if at.force is None else jax.tree.map(jnp.subtract, internal, at.force)

        return jax.tree.map(jnp.negative, jax.jvp(force, (medium, at), (d_medium, along))[1])

    loads, d_loads = loading._replace(start=None), d_loading._replace(start=None)
    du = differential_solve(setup, medium, for_each(change, (tuple(found[:count]), loads, d_loads), setup.serial))
    return found, [*du, *(_nothing(leaf) for leaf in found[count:])]


def _nothing(leaf: Any) -> ad.Zero:
    floating = jnp.issubdtype(leaf.dtype, jnp.floating)
    return ad.Zero(ShapedArray(leaf.shape, leaf.dtype if floating else jax.dtypes.float0))


batching.primitive_batchers[_solve] = _batched
ad.primitive_jvps[_solve] = _differential
mlir.register_lowering(_solve, mlir.lower_fun(_iterate, multiple_results=True))
