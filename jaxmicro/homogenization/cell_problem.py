"""The front door `solve_cell_problem`: one load on a periodic cell, prescribed in strain, stress, or both."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import SolveError, Status, as_float_array, check, is_concrete, poison, record, static
from jaxmicro.fields import Grid, elasticity
from jaxmicro.homogenization.effective import effective_stiffness, elastic_law
from jaxmicro.homogenization.linear import Options, asked_fields, fitted, is_admissible, report, setup_of
from jaxmicro.homogenization.loads import NAMES, read_load
from jaxmicro.homogenization.mixed_loading import Control, Load, solve_load
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.homogenization.solve import Medium, Setup, for_each
from jaxmicro.materials import Crystals, Isotropic, Phases, Tensor

RTOL = {"float64": 1e-7, "float32": 1e-4}  # means and fields are off by about that, not by its square
UNSUPPORTED = 1e-7  # stiffness relative to the largest below which a cell does not carry a stress


@record
class CellSolution:
    """One load on a cell, and how its solve ended; a pytree.

    Attributes:
        mean_strain: mean strain (m,) in Mandel notation, in the axes of the grid.
        mean_stress: mean stress (m,), in the unit of the stiffness: the mean of `stress`.
        status: a `Status` code; 0 is converged.
        steps: conjugate-gradient steps.
        residual: true preconditioned residual relative to that of a zero start.
        energy: stored energy per volume, ½ ⟨(ε − ε*) : C : (ε − ε*)⟩.
        strain: total strain (m, *grid), voxel means, if asked for.
        stress: stress (m, *grid), voxel means, if asked for.
        energy_density: stored energy per volume of each voxel, (*grid), if asked for.
        displacement: periodic part of the displacement at the nodes, (component, *grid), if asked for.
        discretization: which scheme ran.
    """

    mean_strain: Float[Array, "*batch m"]
    mean_stress: Float[Array, "*batch m"]
    status: Int[Array, "*batch"]
    steps: Int[Array, "*batch"]
    residual: Float[Array, "*batch"]
    energy: Float[Array, "*batch"]
    strain: Float[Array, "..."] | None = None
    stress: Float[Array, "..."] | None = None
    energy_density: Float[Array, "..."] | None = None
    displacement: Float[Array, "..."] | None = None
    discretization: str = static(default="finite_element")

    def __str__(self) -> str:
        if not is_concrete(self.mean_strain, self.status) or np.ndim(self.status):
            return repr(self)
        names = NAMES[self.mean_strain.shape[-1]]
        lines = [f"cell under load ({self.discretization}, {Status(int(self.status)).name.lower()}, steps {int(self.steps)})"]
        lines.append("           " + "".join(f"{name:>13}" for name in names))
        for name, vector in (("strain", self.mean_strain), ("stress", self.mean_stress)):
            lines.append(f"  mean {name}" + "".join(f"{float(v):13.5g}" for v in vector))
        return "\n".join(lines)


def solve_cell_problem(
    stiffness: Float[ArrayLike, "..."] | Tensor | Isotropic | Phases | Crystals,
    grid: Grid,
    *,
    strain: Float[ArrayLike, " m"] | Sequence[float] | None = None,
    stress: Float[ArrayLike, " m"] | Sequence[float] | None = None,
    control: Sequence[str] | str | None = None,
    eigenstrain: Float[ArrayLike, "..."] | None = None,
    frame: Float[ArrayLike, "..."] | None = None,
    discretization: str = "finite_element",
    preconditioner: str = "auto",
    rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
    fields: Sequence[str] = ("strain", "stress"),
) -> CellSolution:
    """Strain and stress in a periodic cell under one load: σ = C : (ε − ε*), div σ = 0, ε = E + sym ∇u.

    Of each component of the mean, the strain or the stress is prescribed. So uniaxial tension with free contraction is
    `strain=[1e-3, 0, 0], control=["strain", "stress", "stress"]`, a columnar cell in plane stress on average has a mean stress of
    zero in 33, 23 and 13, and `stress=0` in all components with an eigenstrain gives residual stresses.

    Args:
        stiffness: as in `effective_stiffness`: (m, m, *grid), a batch, or a linear law.
        grid: the periodic grid.
        strain: mean strain (m,) in Mandel notation (√2 on the shears), by default zero. NaN where it is not prescribed.
        stress: mean stress (m,), by default zero. NaN where it is not prescribed.
        control: `"strain"` or `"stress"`, for all components or each: which one rules. Without it what is given rules, and if both are,
            NaN must say which of them is not.
        eigenstrain: stress-free strain ε* in the axes of the grid, uniform in each voxel, (m, *grid) or (m,): thermal strain, say.
        frame: axes of the load if they are not the grid's: (d, d) with an axis in each row, or a unit quaternion (4,); components of
            strain, stress and control belong to them. Results are in the axes of the grid.
        discretization: as in `effective_stiffness`.
        preconditioner: as in `effective_stiffness`.
        rtol: relative error of the strain in the energy norm. Default 1e-7 in float64, 1e-4 in float32: means and fields are off by
            about that. Prescribed means hold to rounding.
        max_steps: largest number of CG steps.
        throw: as in `effective_stiffness`.
        fields: any of `"strain"`, `"stress"`, `"energy_density"`, `"displacement"`.

    Returns:
        `CellSolution` with `.mean_strain`, `.mean_stress`, `.strain`, `.stress`, `.status`, `.steps`, `.residual`, `.energy`.

    Raises:
        ValueError: for a load that is contradictory, incomplete, or prescribes a stress where the cell has no stiffness (the message names
            the components), and for bad constants as in `effective_stiffness`.
        SolveError: if a concrete solve did not converge and `throw` is true.

    Differentiable in both modes in stiffness, edge lengths, strain, stress, eigenstrain and frame; one adjoint solve in reverse.

    References:
        Kabel, Fliegener & Schneider (2016), doi:10.1007/s00466-016-1277-4; Lucarini & Segurado (2019), doi:10.1007/s00466-018-1598-0.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> c = jnp.broadcast_to(isotropic_stiffness(210.0, 0.3)[:, :, None, None], (6, 6, 4, 4))
        >>> tension = solve_cell_problem(c, Grid((4, 4)), strain=[1e-3, 0, 0, 0, 0, 0], control=["strain"] + 5 * ["stress"])
        >>> [round(float(tension.mean_stress[0]), 6), round(float(tension.mean_strain[1]), 6)]
        [0.21, -0.0003]
    """
    law, batched = elastic_law(stiffness, grid)
    size = law.values.shape[1] if batched else law.components
    kinematics = elasticity(grid.ndim, size)
    rtol = RTOL[jnp.dtype(law.dtype).name] if rtol is None else rtol
    options = Options(discretization, preconditioner, rtol, None, max_steps, None, None, throw, fields)
    operator = make_operator(discretization, kinematics)
    names = asked_fields(fields)
    setup = setup_of(law, operator, options)
    batch = law.values.shape[0] if batched else None
    setup = fitted(setup, law, grid.shape, batch, names)
    ruled, load = read_load(strain, stress, control, frame, size, law.dtype)
    load = load._replace(eigenstrain=_eigenstrain(eigenstrain, size, grid, law.dtype))
    if throw:
        _check_supported(law, batched, ruled)
    spacing = grid.spacing.astype(law.dtype)
    result = CellSolution(**_compiled(law, spacing, ruled, load, setup, names, batched, throw), discretization=discretization)
    try:
        report("solve_cell_problem", "stiffness", law, batched, result, options)
    except SolveError as error:
        raise SolveError(f"{error}{_unsupported_advice(law, batched, grid, ruled, discretization)}") from None
    return result


def _eigenstrain(value: Any, size: int, grid: Grid, dtype: Any) -> Array | None:
    if value is None:
        return None
    field = as_float_array("eigenstrain", value).astype(dtype)
    check(
        field.shape in ((size,), (size, *grid.shape)),
        f"`eigenstrain` must have shape {(size, *grid.shape)} or ({size},), but its shape is {field.shape}.",
    )
    if is_concrete(field):
        bad = int(np.sum(~np.isfinite(np.asarray(field))))
        check(bad == 0, f"`eigenstrain` must be finite, but {bad} of its {field.size} numbers are not.")
    field = field.reshape(size, *(1,) * grid.ndim) if field.ndim == 1 else field
    return jnp.broadcast_to(field, (size, *grid.shape))


@functools.partial(jax.jit, static_argnames=("setup", "fields", "batched", "throw"))
def _compiled(
    law: Any, spacing: Array, control: Control, load: Load, setup: Setup, fields: tuple[str, ...], batched: bool, throw: bool
) -> dict[str, Array]:
    def one(law: Any) -> dict[str, Array]:
        return _one(Medium(law, spacing), control, load, setup, fields, throw)

    return for_each(one, law, setup.serial) if batched else one(law)


def _one(medium: Medium, control: Control, load: Load, setup: Setup, fields: tuple[str, ...], throw: bool) -> dict[str, Array]:
    operator, law = setup.operator, medium.law
    found = solve_load(setup, medium, control, load)
    strain, stress = operator.local(law, found.u, medium.spacing, found.strain)
    density = operator.energy_density(law, found.u, medium.spacing, found.strain)
    if load.eigenstrain is not None:
        own = law.stress(tuple(load.eigenstrain))
        # ½ (ε − ε*) : C : (ε − ε*), of whose parts only the voxel mean of ε meets ε*
        density = density - sum(t * (e - 0.5 * f) for t, e, f in zip(own, strain, load.eigenstrain, strict=True))
        stress = tuple(s - t for s, t in zip(stress, own, strict=True))
    every = {
        "strain": jnp.stack(strain), "stress": jnp.stack(stress), "energy_density": density, "displacement": jnp.stack(found.u),
    }  # fmt: skip
    out = {"mean_strain": found.strain, "mean_stress": found.stress, "energy": jnp.mean(density)} | {name: every[name] for name in fields}
    status = jnp.where(is_admissible(law, setup), found.outcome.status, Status.BAD_INPUT).astype(jnp.int32)
    finite = jnp.all(jnp.isfinite(load.strain) & jnp.isfinite(load.stress))
    status = jnp.where(finite, status, Status.BAD_INPUT)
    out = poison(out, status == Status.CONVERGED if throw else status != Status.BAD_INPUT)
    return out | {"status": status, "steps": found.outcome.steps, "residual": found.outcome.residual}


def _check_supported(law: Any, batched: bool, control: Control) -> None:
    """Refuse a prescribed stress where no voxel has any stiffness."""
    if not is_concrete(law, control) or not np.asarray(control.free).any():
        return
    with jax.ensure_compile_time_eval():
        means = np.asarray(jax.vmap(lambda one: one.mean())(law) if batched else law.mean()[None])
    for mean in means:
        bad = _soft_components(mean, control)
        check(
            not bad or not np.isfinite(mean).all(),
            f"The load is singular: the stress is prescribed in the components {', '.join(bad)}, but no voxel has a stiffness there. "
            "Prescribe the strain of those components.",
        )


def _soft_components(stiffness: np.ndarray, control: Control) -> list[str]:
    """Components of prescribed stress that a stiffness does not carry."""
    free, frame = np.flatnonzero(np.asarray(control.free)), np.asarray(control.frame)
    if not np.isfinite(stiffness).all():
        return []
    block = (frame.T @ stiffness @ frame)[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(0.5 * (block + block.T))
    soft = vectors[:, values <= UNSUPPORTED * max(np.abs(stiffness).max(), 1e-300)]
    names = NAMES[len(stiffness)]
    return [names[k] for k, row in zip(free, soft, strict=True) if np.abs(row).max(initial=0.0) > 0.1]


def _unsupported_advice(law: Any, batched: bool, grid: Grid, control: Control, discretization: str) -> str:
    """What to say of a failed solve whose prescribed stresses nothing carries."""
    if batched or not np.asarray(control.free).any():
        return ""
    tensor = effective_stiffness(law, grid, discretization=discretization, throw=False).tensor
    bad = _soft_components(np.asarray(tensor), control)
    return (
        f" The cell as a whole has no stiffness in the components {', '.join(bad)}, whose stress is prescribed: prescribe their strain."
        if bad
        else ""
    )
