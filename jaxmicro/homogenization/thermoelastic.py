"""Effective stiffness and thermal expansion in one: `effective_thermoelastic`.

The load cases are the unit mean strains E_j and, at E = 0, a unit temperature change, whose stress-free strain is α(x). The smallest
energy is quadratic in all of them,

    W(E, θ) = ½ E : C_eff : E − θ β : E + ½ θ² γ,     α_eff = C_eff⁻¹ β,

and every entry of its matrix comes from the same bilinear form of the minimisers, so that the error of β, too, is quadratic in that of
the fields (Rosen & Hashin 1970, doi:10.1016/0020-7225(70)90066-2). For two phases β follows from C_eff alone (Levin 1967), which the
tests use.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import Status, as_float_array, check, is_concrete, poison, record, static
from jaxmicro.fields import Grid, elasticity
from jaxmicro.homogenization.cell import fluctuations
from jaxmicro.homogenization.effective import elastic_law
from jaxmicro.homogenization.linear import Options, asked_fields, error_of_tensor, fitted, is_admissible, report, setup_of
from jaxmicro.homogenization.mixed_loading import divergence
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.homogenization.operators.contract import Displacement, mean_components
from jaxmicro.homogenization.solve import Loading, Medium, Setup, for_each, solve_loads
from jaxmicro.materials import Crystals, Isotropic, Phases, Tensor
from jaxmicro.solvers import Outcome

RTOL = {"float64": 1e-6, "float32": 1e-3}
UNSUPPORTED = 1e-9  # smallest eigenvalue of a stiffness, relative to its largest, that can hold an expansion


@record
class ThermoelasticResult:
    """Effective stiffness and expansion of a cell, and how its solves ended; a pytree.

    Attributes:
        stiffness: effective stiffness (m, m) in Mandel notation.
        expansion: effective expansion (m,) per unit temperature: the mean strain of the cell without mean stress.
        thermal_stress: β = C_eff α_eff (m,): minus the mean stress per unit temperature of the cell without mean strain.
        heat: β : α_eff − γ = ⟨α : σ⟩ ≤ 0 of the residual stress per unit temperature, minus twice its energy: by that times the absolute
            temperature the cell's specific heat per volume at constant mean stress differs from the mean of its phases'.
        status: worst `Status` code of the load cases; 0 is converged.
        steps: conjugate-gradient steps per load case, the temperature last, (m + 1,).
        residual: true preconditioned residual per load case relative to that of a zero start, (m + 1,).
        stiffness_error: estimated absolute error of the stiffness that the iteration and rounding leave, (m, m).
        strain: total strain (m, *grid) per unit temperature without mean stress, if asked for.
        stress: residual stress (m, *grid) per unit temperature without mean stress, if asked for.
        energy_density, displacement: likewise, if asked for.
        discretization: which scheme ran.
    """

    stiffness: Float[Array, "*batch m m"]
    expansion: Float[Array, "*batch m"]
    thermal_stress: Float[Array, "*batch m"]
    heat: Float[Array, "*batch"]
    status: Int[Array, "*batch"]
    steps: Int[Array, "*batch load"]
    residual: Float[Array, "*batch load"]
    stiffness_error: Float[Array, "*batch m m"]
    strain: Float[Array, "..."] | None = None
    stress: Float[Array, "..."] | None = None
    energy_density: Float[Array, "..."] | None = None
    displacement: Float[Array, "..."] | None = None
    discretization: str = static(default="finite_element")

    def __str__(self) -> str:
        if not is_concrete(self.stiffness, self.status) or np.ndim(self.status):
            return repr(self)
        code = Status(int(self.status)).name.lower()
        return (
            f"thermoelastic cell ({self.discretization}, {code}, steps {np.asarray(self.steps).tolist()})\n"
            f"{np.array2string(np.asarray(self.stiffness), precision=5, suppress_small=True)}\n"
            f"expansion {np.array2string(np.asarray(self.expansion), precision=6)}"
        )


def effective_thermoelastic(
    stiffness: Float[ArrayLike, "..."] | Tensor | Isotropic | Phases | Crystals,
    expansion: Float[ArrayLike, "..."],
    grid: Grid,
    *,
    discretization: str = "finite_element",
    preconditioner: str = "auto",
    rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
    fields: Sequence[str] = (),
) -> ThermoelasticResult:
    """Effective stiffness and thermal expansion of a periodic cell, σ = C : (ε − α θ).

    Args:
        stiffness: as in `effective_stiffness`: (m, m, *grid), a batch, or a linear law.
        expansion: strain per unit temperature without stress: isotropic (*grid), the same in all directions, or (m, *grid) in Mandel
            notation; with the batch axis of the stiffness in front, if there is one. In plane strain (m = 3) give what the plane
            problem sees, (1 + ν) α of an isotropic solid; the columnar problem (m = 6) needs no such care.
        grid: the periodic grid.
        discretization: as in `effective_stiffness`.
        preconditioner: as in `effective_stiffness`.
        rtol: as in `effective_stiffness`; default 1e-6 in float64, 1e-3 in float32. Stiffness and expansion are off by its square.
        max_steps: as in `effective_stiffness`.
        throw: as in `effective_stiffness`.
        fields: any of `"strain"`, `"stress"`, `"energy_density"`, `"displacement"`, all per unit temperature in the cell without mean
            stress: its stress is the residual stress.

    Returns:
        `ThermoelasticResult` with `.stiffness`, `.expansion`, `.thermal_stress`, `.heat`.

    Raises:
        ValueError: for wrong shapes, an expansion that is not finite, and a cell without stiffness in some direction, which has no
            expansion of its own there.
        SolveError: if a concrete solve did not converge and `throw` is true.

    Differentiable in both modes in stiffness, expansion and edge lengths, at no extra solve for stiffness and expansion.

    References:
        Levin (1967), Mech. Solids 2, 58; Rosen & Hashin (1970), doi:10.1016/0020-7225(70)90066-2.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> c = jnp.broadcast_to(isotropic_stiffness(70.0, 0.3)[:, :, None, None], (6, 6, 4, 4))
        >>> effective_thermoelastic(c, 23e-6 * jnp.ones((4, 4)), Grid((4, 4))).expansion.round(9).tolist()[:3]
        [2.3e-05, 2.3e-05, 2.3e-05]
    """
    if stiffness is None:
        raise ValueError("An expansion needs a `stiffness` to weigh it with, but it is None. Pass the stiffness of every voxel.")
    law, batched = elastic_law(stiffness, grid)
    size = law.values.shape[1] if batched else law.components
    batch = law.values.shape[0] if batched else None
    own = _expansion(expansion, size, grid, batch, law.dtype)
    rtol = RTOL[jnp.dtype(law.dtype).name] if rtol is None else rtol
    options = Options(discretization, preconditioner, rtol, None, max_steps, None, None, throw, fields)
    names = asked_fields(fields)
    setup = setup_of(law, make_operator(discretization, elasticity(grid.ndim, size)), options)
    setup = fitted(setup, law, grid.shape, batch, names)
    out = _compiled(law, own, grid.spacing.astype(law.dtype), setup, names, batched, throw)
    result = ThermoelasticResult(**out, discretization=discretization)
    report("effective_thermoelastic", "stiffness", law, batched, result, options)
    _check_stiff(result, throw)
    return result


def _expansion(value: Any, size: int, grid: Grid, batch: int | None, dtype: Any) -> Array:
    field = as_float_array("expansion", value).astype(dtype)
    lead = () if batch is None else (batch,)
    check(
        field.shape in ((*lead, *grid.shape), (*lead, size, *grid.shape)),
        f"`expansion` must have shape {(*lead, *grid.shape)} or {(*lead, size, *grid.shape)}, but its shape is {field.shape}.",
    )
    if is_concrete(field):
        bad = int(np.sum(~np.isfinite(np.asarray(field))))
        check(bad == 0, f"`expansion` must be finite in every voxel, but {bad} of its {field.size} numbers are not.")
    if field.ndim == len(lead) + grid.ndim:
        axes = 2 if size == 3 else 3
        normal = jnp.asarray([1.0] * axes + [0.0] * (size - axes), dtype).reshape(size, *(1,) * grid.ndim)
        field = jnp.expand_dims(field, len(lead)) * normal
    return field


def _check_stiff(result: ThermoelasticResult, throw: bool) -> None:
    """Refuse an expansion where nothing holds the cell together."""
    if not throw or not is_concrete(result.stiffness):
        return
    values = np.linalg.eigvalsh(np.asarray(result.stiffness))
    bad = values[..., 0] <= UNSUPPORTED * values[..., -1]
    check(
        not bad.any(),
        "The cell has no stiffness in some direction (its effective tensor is singular), so that it has no expansion of its own there. "
        "Give the voids a small stiffness, or read `.thermal_stress` with throw=False.",
    )


@functools.partial(jax.jit, static_argnames=("setup", "fields", "batched", "throw"))
def _compiled(law: Any, own: Array, spacing: Array, setup: Setup, fields: tuple[str, ...], batched: bool, throw: bool) -> dict[str, Array]:
    def one(sample: tuple[Any, Array]) -> dict[str, Array]:
        return _one(Medium(sample[0], spacing), sample[1], setup, fields, throw)

    return for_each(one, (law, own), setup.serial) if batched else one((law, own))


def _one(medium: Medium, own: Array, setup: Setup, fields: tuple[str, ...], throw: bool) -> dict[str, Array]:
    m = setup.operator.kinematics.size
    u, outcome = _minimisers(setup, medium, own)
    matrix = _stationary(setup, medium, own, u)
    stiffness, stress = matrix[:m, :m], -matrix[:m, m]
    supported = jnp.linalg.eigvalsh(stiffness)
    held = supported[0] > UNSUPPORTED * supported[-1]
    safe = jnp.where(held, stiffness, jnp.eye(m, dtype=stiffness.dtype))
    expansion = jnp.where(held, jnp.linalg.solve(safe, stress), jnp.nan)
    out = {"stiffness": stiffness, "expansion": expansion, "thermal_stress": stress}
    out["heat"] = jnp.dot(stress, expansion) - matrix[m, m]
    if fields:
        out |= _fields(setup, medium, own, u, expansion, fields)
    error = error_of_tensor(medium.law, jax.lax.stop_gradient(stiffness), jax.tree.map(lambda leaf: leaf[:m], outcome))
    sound = is_admissible(medium.law, setup) & jnp.all(jnp.isfinite(own))
    status = jnp.where(sound, jnp.max(outcome.status), Status.BAD_INPUT).astype(jnp.int32)
    out = poison(out, status == Status.CONVERGED if throw else status != Status.BAD_INPUT)
    return out | {"status": status, "steps": outcome.steps, "residual": outcome.residual, "stiffness_error": error}


def _minimisers(setup: Setup, medium: Medium, own: Array) -> tuple[Displacement, Outcome]:
    """The fluctuations under unit mean strains and, last, unit temperature."""
    u, outcome = fluctuations(setup, medium)
    push = divergence(setup.operator, medium.law.stress(tuple(own)), medium.spacing)
    hot, hot_outcome = solve_loads(setup, medium, Loading(force=tuple(field[None] for field in push)))
    join = functools.partial(jax.tree.map, lambda a, b: jnp.concatenate([a, b]))
    return join(u, hot), join(outcome, hot_outcome)


def _energies(setup: Setup, medium: Medium, own: Array, u: Displacement) -> Float[Array, "k k"]:
    """The matrix of W from fluctuations: Q_ij = E_i · S_j − θ_i ⟨α : σ_j⟩ + u_i · R_j / N, as an explicit function of all arguments."""
    m, operator, size = setup.operator.kinematics.size, setup.operator, math.prod(medium.law.grid_shape)
    strains = jnp.eye(m + 1, m, dtype=own.dtype)
    stress = medium.law.stress(tuple(own))
    push, mean = divergence(operator, stress, medium.spacing), mean_components(stress, own.dtype)
    stored = jnp.mean(sum(s * a for s, a in zip(stress, own, strict=True)))

    @jax.checkpoint
    def column(load: tuple[Displacement, Array, Array]) -> Array:
        one, strain, warm = load
        force, total = operator.force(medium.law, one, medium.spacing, strain)
        force = jax.tree.map(lambda f, p: f - warm * p, force, push)
        work = sum(jnp.matmul(a.reshape(m + 1, -1), b.ravel(), precision=jax.lax.Precision.HIGHEST) for a, b in zip(u, force, strict=True))
        met = jnp.dot(mean, strain) + sum(jnp.vdot(a, p) for a, p in zip(one, push, strict=True)) / size - warm * stored
        return jnp.concatenate([total - warm * mean, -met[None]]) + work / size

    columns = for_each(column, (u, strains, jnp.eye(m + 1, dtype=own.dtype)[m]), setup.serial)
    return 0.5 * (columns + columns.T)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _stationary(setup: Setup, medium: Medium, own: Array, u: Displacement) -> Float[Array, "k k"]:
    """The matrix of W at the minimum: its derivative ignores that of u, which is stationary."""
    return _energies(setup, medium, own, u)


@_stationary.defjvp
def _stationary_jvp(setup: Setup, primals: Any, tangents: Any) -> Any:
    medium, own, u = primals
    change = jax.jvp(lambda medium, own: _energies(setup, medium, own, u), (medium, own), tangents[:2])[1]
    return _energies(setup, medium, own, u), change


def _fields(setup: Setup, medium: Medium, own: Array, u: Displacement, expansion: Array, fields: tuple[str, ...]) -> dict[str, Array]:
    """Fields of the cell that is warmed by one unit and free of mean stress."""
    weights = jnp.concatenate([expansion, jnp.ones(1, expansion.dtype)])
    free = tuple(jnp.tensordot(weights, field, axes=1) for field in u)
    strain, stress = setup.operator.local(medium.law, free, medium.spacing, expansion)
    local = medium.law.stress(tuple(own))
    density = setup.operator.energy_density(medium.law, free, medium.spacing, expansion)
    density = density - sum(t * (e - 0.5 * a) for t, e, a in zip(local, strain, own, strict=True))
    every = {
        "strain": jnp.stack(strain), "stress": jnp.stack([s - t for s, t in zip(stress, local, strict=True)]), "energy_density": density,
        "displacement": jnp.stack(free),
    }  # fmt: skip
    return {name: every[name] for name in fields}
