"""A linear question from options to a result: check, choose, solve, report."""

import dataclasses
import functools
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import Status, check, check_choice, default_rtol, is_concrete, poison, raise_for_status, tensor_rtol_root
from jaxmicro.fields import Grid
from jaxmicro.homogenization.cell import effective_tensor, fluctuations, loads, stationary_tensor
from jaxmicro.homogenization.coarser import discretization_error
from jaxmicro.homogenization.guaranteed import guaranteed_bounds
from jaxmicro.homogenization.memory import check_memory
from jaxmicro.homogenization.operators import Operator
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.preconditioners import NAMES, choose
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.homogenization.solve import Medium, Setup, for_each
from jaxmicro.solvers import Outcome

ROUNDING = 8  # eps of C that its evaluation may lose
FIELDS = ("strain", "stress", "energy_density", "displacement")
ALIASES = {"gradient": "strain", "flux": "stress", "potential": "displacement"}  # their names in conduction


class Options(NamedTuple):
    """The keyword arguments that all linear questions share, as given."""

    discretization: str
    preconditioner: str
    rtol: float | None
    tensor_rtol: float | None
    max_steps: int
    precision: str | None
    start: Any
    throw: bool
    fields: Sequence[str]
    bounds: bool = False
    discretization_error: bool = False

    @property
    def extras(self) -> tuple[str, ...]:
        """What is asked for beside the tensor."""
        return tuple(name for name in ("bounds", "discretization_error") if getattr(self, name))


def answer(question: str, name: str, law: Any, batched: bool, operator: Operator, grid: Grid, options: Options) -> EffectiveResult:
    """The effective tensor of a law on a grid.

    Args:
        question: the front door, for messages.
        name: its first argument, for messages.
        law: constants on the grid, possibly with a leading batch axis.
        batched: whether it has one.
        operator: the discretisation.
        grid: the grid.
        options: as given by the user.
    """
    fields = asked_fields(options.fields)
    setup = setup_of(law, operator, options)
    batch = jax.tree.leaves(law)[0].shape[0] if batched else None
    spacing = grid.spacing.astype(law.dtype)
    start = starting_guess(options.start, setup, grid, batch, law.dtype)
    setup = fitted(setup, law, grid.shape, batch, fields, options.bounds)
    result = _compiled(law, spacing, start, setup, fields, batched, options.throw, options.extras)
    result = EffectiveResult(**result, discretization=options.discretization, quantity=name)
    report(question, name, law, batched, result, options)
    return result


def asked_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """The names of the fields, checked and in order."""
    names = [ALIASES.get(name, name) for name in ((fields,) if isinstance(fields, str) else fields)]
    for name in names:
        check_choice("fields", name, FIELDS)
    return tuple(sorted(set(names)))


def fitted(setup: Setup, law: Any, shape: tuple[int, ...], batch: int | None, fields: tuple[str, ...], bounds: bool = False) -> Setup:
    """The setup with its preconditioner chosen, if it fits into memory."""
    check_memory(setup, law, shape, batch, fields, bounds)
    if setup.preconditioner != "auto":
        return setup
    chosen = dataclasses.replace(setup, preconditioner=choose(setup.operator, law, shape, batch is not None))
    check_memory(chosen, law, shape, batch, fields, bounds)
    return chosen


def report(question: str, name: str, law: Any, batched: bool, result: Any, options: Options) -> None:
    """Raise for a failed solve or bad input, where both are concrete and the user wants it."""
    if not options.throw or not is_concrete(law, result.status):
        return
    if bool((np.asarray(result.status) == Status.BAD_INPUT).any()):
        _explain(name, law, batched, options.discretization)
    raise_for_status(question, result.status, result.residual, result.steps)


def setup_of(law: Any, scheme: Operator, options: Options) -> Setup:
    """The static part of the options, checked."""
    check_choice("preconditioner", options.preconditioner, NAMES)
    max_steps = _whole("max_steps", options.max_steps)
    check(max_steps >= 1, f"`max_steps` must be at least 1, but it is {max_steps}.")
    scheme.admit(law)
    check(
        options.preconditioner != "multigrid" or scheme.takes_multigrid,
        f"`preconditioner` 'multigrid' is for discretization='finite_element' or 'finite_volume', but it is {options.discretization!r}. Use preconditioner='green'.",
    )
    rtol = options.rtol
    if options.tensor_rtol is not None:
        check(rtol is None, "`rtol` and `tensor_rtol` are two ways to ask for one thing, but both are given. Give one of them.")
        rtol = tensor_rtol_root(law.dtype, options.tensor_rtol)
    return Setup(
        scheme, default_rtol(law.dtype, rtol), max_steps, jax.default_backend() == "cpu", options.preconditioner,
        None if options.tensor_rtol is None else float(options.tensor_rtol), _is_mixed(options.precision, law.dtype),
    )  # fmt: skip


def _is_mixed(precision: str | None, dtype: jnp.dtype) -> bool:
    if precision is None:
        return False
    check_choice("precision", precision, ("mixed",))
    check(
        jnp.dtype(dtype) == jnp.float64,
        f"`precision` 'mixed' refines in float64, but the constants are {jnp.dtype(dtype).name}. "
        "Give float64 constants with JAX's x64 mode on: jax.config.update('jax_enable_x64', True).",
    )
    return True


def starting_guess(start: Any, setup: Setup, grid: Grid, batch: int | None, dtype: jnp.dtype) -> Displacement | None:
    """The guesses as displacement components with leading axes batch and load."""
    if start is None:
        return None
    if isinstance(start, EffectiveResult):
        check(
            start.displacement is not None,
            "`start` is a result without displacements. Ask for them where it is made: fields=('displacement',).",
        )
        start = start.displacement
    values = jnp.asarray(start, dtype)
    kinematics = setup.operator.kinematics
    shape = (setup.load_count, kinematics.components, *grid.shape)
    shape = shape if batch is None else (batch, *shape)
    check(
        values.shape == shape,
        f"`start` must have shape {shape}, (load, component, *grid), as `.displacement` of a result has, but its shape is {values.shape}.",
    )
    if not setup.operator.holds_means:
        values = values - jnp.mean(values, axis=tuple(range(-grid.ndim, 0)), keepdims=True)  # fluctuations have no mean
    # A guess that is not finite is none: the solver begins from zero then.
    return tuple(jnp.moveaxis(jax.lax.stop_gradient(values), -1 - grid.ndim, 0))


@functools.partial(jax.jit, static_argnames=("setup", "fields", "batched", "throw", "extras"))
def _compiled(
    law: Any, spacing: Array, start: Any, setup: Setup, fields: tuple[str, ...], batched: bool, throw: bool, extras: tuple[str, ...] = ()
) -> dict[str, Any]:
    def one(pair: tuple[Any, Any]) -> dict[str, Any]:
        return _one(pair[0], spacing, pair[1], setup, fields, throw, extras)

    return for_each(one, (law, start), setup.serial) if batched else one((law, start))


def _one(
    law: Any, spacing: Array, start: Displacement | None, setup: Setup, fields: tuple[str, ...], throw: bool, extras: tuple[str, ...]
) -> dict[str, Any]:
    medium = Medium(law, spacing)
    if fields:
        u, outcome = fluctuations(setup, medium, start)
        out = {"tensor": stationary_tensor(setup, medium, u)} | field_outputs(setup, medium, u, fields)
    else:
        tensor, outcome, u = effective_tensor(setup, medium, start)
        out = {"tensor": tensor}
    if "bounds" in extras:
        out["bounds"] = guaranteed_bounds(setup, medium, u, out["tensor"])
    if "discretization_error" in extras:
        out["discretization_error"] = discretization_error(setup, medium, u, out["tensor"])
    tensor_error = error_of_tensor(law, jax.lax.stop_gradient(out["tensor"]), outcome)
    status = jnp.where(is_admissible(law, setup), jnp.max(outcome.status), Status.BAD_INPUT).astype(jnp.int32)
    out = poison(out, status == Status.CONVERGED if throw else status != Status.BAD_INPUT)
    return out | {"status": status, "steps": outcome.steps, "residual": outcome.residual, "tensor_error": tensor_error}


def error_of_tensor(law: Any, tensor: Array, outcome: Outcome) -> Array:
    """|ΔC_ij| ≤ (e_i e_j)^½ / N, with e the squared errors of the fluctuations in the energy norm, and what rounding does to C_ij."""
    root = jnp.sqrt(jnp.maximum(outcome.error, 0.0) / int(np.prod(law.grid_shape)))
    size = jnp.sqrt(jnp.abs(jnp.diagonal(tensor)))
    return jnp.outer(root, root) + ROUNDING * float(jnp.finfo(tensor.dtype).eps) * jnp.outer(size, size)


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number, but it is {value!r}.") from None


def field_outputs(setup: Setup, medium: Medium, u: Any, fields: tuple[str, ...]) -> dict[str, Array]:
    """The fields asked for, with leading axis load."""

    def of_load(pair: tuple[Any, Array]) -> dict[str, Array]:
        fluctuation, mean = pair
        found = {}
        if {"strain", "stress"} & set(fields):
            strain, stress = setup.operator.local(medium.law, fluctuation, medium.spacing, mean)
            found = {"strain": jnp.stack(strain), "stress": jnp.stack(stress)}
        if "energy_density" in fields:
            found["energy_density"] = setup.operator.energy_density(medium.law, fluctuation, medium.spacing, mean)
        if "displacement" in fields:
            found["displacement"] = jnp.stack(fluctuation)
        return {name: found[name] for name in fields}

    return for_each(of_load, (u, loads(medium, setup)), setup.serial)


def is_admissible(law: Any, setup: Setup) -> Array:
    """Whether the constants are such that the discretisation takes them."""
    faults = law.faults()
    bad = jnp.any(faults.unknown | faults.non_finite | faults.asymmetric | faults.indefinite)
    if not setup.operator.takes_voids:
        bad |= jnp.any(faults.void)
    return ~bad


def _explain(name: str, law: Any, batched: bool, discretization: str) -> None:
    """Raise the error that names the first bad voxel."""
    faults = jax.vmap(type(law).faults)(law) if batched else law.faults()
    reasons = {
        "unknown": ("must have a tensor in the table", "Labels run from 0 to the number of phases less one."),
        "non_finite": ("must be finite", "Mask or fill those voxels first."),
        "asymmetric": ("must be symmetric", "Symmetrise it: 0.5 * (C + C.swapaxes(0, 1))."),
        "indefinite": ("must be positive semi-definite", "Check signs, units and the order of the constants."),
        "void": (
            f"must be positive for discretization={discretization!r}",
            "Use discretization='finite_element', which takes voids, or a small positive value.",
        ),
    }
    for kind, (rule, advice) in reasons.items():
        flags = np.asarray(getattr(faults, kind))
        if flags.any():
            where = tuple(int(i) for i in np.argwhere(flags)[0])
            place = f"batch entry {where[0]}, voxel {where[1:]}" if batched else f"voxel {where}"
            raise ValueError(
                f"`{name}` {rule} in every voxel, but {int(flags.sum())} of {flags.size} fail (the first is {place}{'' if kind == 'unknown' else _value(law, where, batched)}). {advice}"
            )


def _value(law: Any, where: tuple[int, ...], batched: bool) -> str:
    one = jax.tree.map(lambda leaf: leaf[where[0]], law) if batched else law
    voxel = np.asarray(one.tensor())[(slice(None), slice(None), *(where[1:] if batched else where))]
    return f", with diagonal {np.array2string(np.diagonal(voxel), precision=4, threshold=6)}"
