"""The front doors `effective_stiffness` and `effective_conductivity`: convert, check, solve, report."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import Status, as_float_array, check, check_choice, default_rtol, is_concrete, poison, raise_for_status
from jaxmicro.fields import Grid, Kinematics, conduction, elasticity
from jaxmicro.homogenization.cell import effective_tensor, fluctuations, for_each, loads, stationary_tensor
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.homogenization.solve import Medium, Setup
from jaxmicro.materials.laws import Isotropic, Phases, Scalar, Tensor

FIELDS = ("strain", "stress", "energy_density")
PRECONDITIONERS = ("auto", "green", "multigrid")


def effective_stiffness(
    stiffness: Float[ArrayLike, "..."] | Tensor | Isotropic | Phases,
    grid: Grid,
    *,
    discretization: str = "finite_element",
    preconditioner: str = "auto",
    rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
    fields: Sequence[str] = (),
) -> EffectiveResult:
    """Effective stiffness of a periodic cell.

    Minimises ⟨ε : C : ε⟩ over ε = E + sym ∇u for each unit mean strain E; C_eff is the energy of the minimisers, so it is
    symmetric and its error is quadratic in that of the strain.

    Args:
        stiffness: (m, m, *grid) in Mandel notation, or a batch of them, or a linear law whose constants are fields. On a 2D
            grid m = 3 is the in-plane problem the 3 × 3 was made for, m = 6 the columnar one (full macroscopic strain).
        grid: the periodic grid. Shapes must agree.
        discretization: `"finite_element"` (default, an upper bound for the voxel cell), `"rotated"` or `"fourier"`.
        preconditioner: `"green"`, the homogeneous reference medium; `"multigrid"`, a V-cycle that sees the material (finite
            elements only): fewer but dearer steps, worth them on smooth fields of high contrast; `"auto"` is `"green"` so far.
        rtol: relative error of the fluctuation in the energy norm; that of the tensor is about its square, that of a
            gradient about `rtol`. Default 1e-5 in float64, 1e-3 in float32.
        max_steps: largest number of CG steps per load case.
        throw: raise `SolveError` for a failed solve. Under a tracer a failed solve is NaN, in value and derivative.
            `throw=False` returns the best iterate with its status.
        fields: any of `"strain"`, `"stress"`, `"energy_density"`.

    Returns:
        `EffectiveResult` with `.tensor` (m, m) in the unit of `stiffness`, `.status`, `.steps`, `.residual`.

    Raises:
        ValueError: for wrong shapes and for values that are not finite, symmetric and positive semi-definite.
        SolveError: if a concrete solve did not converge and `throw` is true.

    Differentiable in both modes with respect to stiffness and edge lengths, at no extra solve; a Hessian–vector product
    costs one solve per load case. At exactly zero stiffness the derivative is one-sided.

    References:
        Schneider, Merkert & Kabel (2017), doi:10.1002/nme.5336; Leute et al. (2022), doi:10.1016/j.jcp.2021.110931.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> c = isotropic_stiffness(210.0, 0.3, dim=2)
        >>> r = effective_stiffness(jnp.broadcast_to(c[:, :, None, None], (3, 3, 8, 8)), Grid((8, 8)))
        >>> bool(abs(r.tensor - c).max() < 1e-4)
        True
    """
    _check_is_grid(grid)
    law, batched = _elastic_law(stiffness, grid)
    size = law.values.shape[1] if batched else law.components
    kinematics = elasticity(grid.ndim, size)
    return _solve(
        "effective_stiffness", "stiffness", law, batched, kinematics, grid, discretization, preconditioner, rtol, max_steps, throw, fields
    )


def effective_conductivity(
    conductivity: Float[ArrayLike, "..."] | Scalar | Tensor,
    grid: Grid,
    *,
    discretization: str = "finite_element",
    preconditioner: str = "auto",
    rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
    fields: Sequence[str] = (),
) -> EffectiveResult:
    """Effective conductivity of a periodic cell (also diffusivity, permittivity, permeability).

    Minimises ⟨g · k g⟩ over g = G + ∇φ for each unit mean gradient G.

    Args:
        conductivity: isotropic (*grid) or tensor (d, d, *grid) per voxel, or a batch of either.
        grid: the periodic grid.
        discretization: `"finite_element"`, `"rotated"` or `"fourier"`, as in `effective_stiffness`, or `"finite_volume"`: cells
            that conduct through their faces only, with harmonic means (isotropic conductivities, takes zero).
        preconditioner: `"auto"`, `"green"` or `"multigrid"`, as in `effective_stiffness`.
        rtol: relative error of the fluctuation in the energy norm; default 1e-5 in float64, 1e-3 in float32.
        max_steps: largest number of CG steps per load case.
        throw: raise for a failed solve, else return the best iterate with its status.
        fields: any of `"strain"` (the potential gradient), `"stress"` (k times it, minus the flux) and `"energy_density"`.

    Returns:
        `EffectiveResult` with `.tensor` (d, d) in the unit of `conductivity`.

    Raises:
        ValueError: for wrong shapes and for values that are not finite and positive semi-definite.
        SolveError: if a concrete solve did not converge and `throw` is true.

    Differentiable in both modes at no extra solve.

    Example:
        >>> k = jnp.ones((8, 8)).at[:4].set(3.0)  # layers across x: harmonic mean along x, arithmetic along y
        >>> effective_conductivity(k, Grid((8, 8))).tensor.diagonal().round(4).tolist()
        [1.5, 2.0]
    """
    _check_is_grid(grid)
    law, batched = _conductive_law(conductivity, grid)
    return _solve(
        "effective_conductivity", "conductivity", law, batched, conduction(grid.ndim), grid, discretization, preconditioner, rtol, max_steps, throw, fields
    )  # fmt: skip


def _elastic_law(stiffness: Any, grid: Grid) -> tuple[Any, bool]:
    if isinstance(stiffness, (Tensor, Isotropic, Phases)):
        _check_grid("stiffness", stiffness.grid_shape, grid)
        _check_components("stiffness", stiffness.components, (3, 6) if grid.ndim == 2 else (6,), grid)
        return stiffness, False
    values = as_float_array("stiffness", stiffness)
    sizes = (3, 6) if grid.ndim == 2 else (6,)
    batched = values.ndim == grid.ndim + 3
    shape = values.shape[1:] if batched else values.shape
    allowed = " or ".join(f"({m}, {m}, {', '.join(map(str, grid.shape))})" for m in sizes)
    check(
        shape in [(m, m, *grid.shape) for m in sizes],
        f"`stiffness` must have shape {allowed} for this grid, with one leading batch axis at most, but its shape is {values.shape}. "
        "Components come first and the grid last; `from_voigt` and `assign_stiffness` make such fields.",
    )
    return Tensor(values), batched


def _conductive_law(conductivity: Any, grid: Grid) -> tuple[Any, bool]:
    if isinstance(conductivity, (Scalar, Tensor)):
        _check_grid("conductivity", conductivity.grid_shape, grid)
        _check_components("conductivity", conductivity.components, (grid.ndim,), grid)
        return conductivity, False
    values = as_float_array("conductivity", conductivity)
    d = grid.ndim
    for shape, law in ((grid.shape, Scalar), ((d, d, *grid.shape), Tensor)):
        if values.shape == shape or values.shape[1:] == shape:
            return law(values), values.shape != shape
    raise ValueError(
        f"`conductivity` must have shape {grid.shape} or {(d, d, *grid.shape)}, with one leading batch axis at most, but its shape is {values.shape}."
    )


def _check_grid(name: str, shape: tuple[int, ...], grid: Grid) -> None:
    check(shape == grid.shape, f"`{name}` must be given on the grid {grid.shape}, but its constants have shape {shape}.")


def _check_is_grid(grid: Any) -> None:
    """Refuse what is no `Grid`."""
    check(isinstance(grid, Grid), f"`grid` must be a Grid, but it is {grid!r}. Write jaxmicro.Grid(shape).", TypeError)


def _check_components(name: str, count: int, allowed: tuple[int, ...], grid: Grid) -> None:
    sizes = " or ".join(map(str, allowed))
    check(count in allowed, f"`{name}` must have {sizes} components on a {grid.ndim}D grid, but it has {count}.")


def _solve(
    question: str, name: str, law: Any, batched: bool, kinematics: Kinematics, grid: Grid,
    discretization: str, preconditioner: str, rtol: float | None, max_steps: int, throw: bool, fields: Sequence[str],
) -> EffectiveResult:  # fmt: skip
    check_choice("preconditioner", preconditioner, PRECONDITIONERS)
    max_steps = _whole("max_steps", max_steps)
    if isinstance(fields, str):
        fields = (fields,)
    for field in fields:
        check_choice("fields", field, FIELDS)
    check(max_steps >= 1, f"`max_steps` must be at least 1, but it is {max_steps}.")
    scheme = make_operator(discretization, kinematics)
    scheme.admit(law)
    check(
        preconditioner != "multigrid" or scheme.takes_multigrid,
        f"`preconditioner` 'multigrid' is for discretization='finite_element', but it is {discretization!r}. Use preconditioner='green'.",
    )
    chosen = "green" if preconditioner == "auto" else preconditioner
    setup = Setup(scheme, default_rtol(law.dtype, rtol), max_steps, jax.default_backend() == "cpu", chosen)
    spacing = grid.spacing.astype(law.dtype)
    result = _compiled(law, spacing, setup, tuple(sorted(set(fields))), batched, throw)
    result = EffectiveResult(**result, discretization=discretization)
    if throw and is_concrete(law, spacing, result.status):
        if bool((np.asarray(result.status) == Status.BAD_INPUT).any()):
            _explain(name, law, batched, discretization)
        raise_for_status(question, result.status, result.residual, result.steps)
    return result


@functools.partial(jax.jit, static_argnames=("setup", "fields", "batched", "throw"))
def _compiled(law: Any, spacing: Array, setup: Setup, fields: tuple[str, ...], batched: bool, throw: bool) -> dict[str, Array]:
    def one(law: Any) -> dict[str, Array]:
        return _one(law, spacing, setup, fields, throw)

    return for_each(one, law, setup.serial) if batched else one(law)


def _one(law: Any, spacing: Array, setup: Setup, fields: tuple[str, ...], throw: bool) -> dict[str, Array]:
    medium = Medium(law, spacing)
    if fields:
        u, outcome = fluctuations(setup, medium)
        out = {"tensor": stationary_tensor(setup, medium, u)} | _field_outputs(setup, medium, u, fields)
    else:
        tensor, outcome = effective_tensor(setup, medium)
        out = {"tensor": tensor}
    status = jnp.where(_admissible(law, setup), jnp.max(outcome.status), Status.BAD_INPUT).astype(jnp.int32)
    out = poison(out, status == Status.CONVERGED if throw else status != Status.BAD_INPUT)
    return out | {"status": status, "steps": outcome.steps, "residual": outcome.residual}


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be a whole number, but it is {value!r}.") from None


def _field_outputs(setup: Setup, medium: Medium, u: Any, fields: tuple[str, ...]) -> dict[str, Array]:
    def of_load(pair: tuple[Any, Array]) -> dict[str, Array]:
        fluctuation, mean = pair
        found = {}
        if {"strain", "stress"} & set(fields):
            strain, stress = setup.operator.local(medium.law, fluctuation, medium.spacing, mean)
            found = {"strain": jnp.stack(strain), "stress": jnp.stack(stress)}
        if "energy_density" in fields:
            found["energy_density"] = setup.operator.energy_density(medium.law, fluctuation, medium.spacing, mean)
        return {name: found[name] for name in fields}

    return for_each(of_load, (u, loads(medium, setup)), setup.serial)


def _admissible(law: Any, setup: Setup) -> Array:
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
