"""The front doors `effective_stiffness` and `effective_conductivity`."""

from collections.abc import Sequence
from typing import Any, overload

from jaxtyping import ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro.fields import Grid, conduction, elasticity
from jaxmicro.homogenization.linear import Options, answer
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.homogenization.results import EffectiveResult, WalledResult
from jaxmicro.homogenization.walls import answer_between_walls
from jaxmicro.materials import Crystals, Isotropic, Phases, Scalar, Tensor


def effective_stiffness(
    stiffness: Float[ArrayLike, "..."] | Tensor | Isotropic | Phases | Crystals,
    grid: Grid,
    *,
    discretization: str = "finite_element",
    preconditioner: str = "auto",
    rtol: float | None = None,
    tensor_rtol: float | None = None,
    max_steps: int = 1000,
    precision: str | None = None,
    start: Float[ArrayLike, "..."] | EffectiveResult | None = None,
    throw: bool = True,
    fields: Sequence[str] = (),
    bounds: bool = False,
    discretization_error: bool = False,
) -> EffectiveResult:
    """Effective stiffness of a periodic cell.

    Minimises ⟨ε : C : ε⟩ over ε = E + sym ∇u for each unit mean strain E; C_eff is the energy of the minimisers, so it is
    symmetric and its error is quadratic in that of the strain.

    Args:
        stiffness: (m, m, *grid) in Mandel notation, or a batch of them, or a linear law whose constants are fields. On a 2D
            grid m = 3 is the in-plane problem the 3 × 3 was made for, m = 6 the columnar one (full macroscopic strain).
        grid: the periodic grid. Shapes must agree.
        discretization: `"finite_element"` (default, an upper bound for the voxel cell), `"rotated"` or `"fourier"`.
        preconditioner: `"green"`, a homogeneous reference medium; `"green_jacobi"`, the same scaled by the local stiffness;
            `"multigrid"`, a V-cycle that sees the material (finite elements only): fewer but dearer steps, and longer to
            compile. `"auto"` takes, for finite elements, multigrid for grey fields of high contrast, such as densities,
            green_jacobi for smooth ones on small grids, and else green. Under a tracer it cannot look at the field before it
            compiles, and multigrid must be asked for by name.
        rtol: relative error of the fluctuation in the energy norm; that of the tensor is about its square, that of a
            gradient about `rtol`. Default 1e-5 in float64, 1e-3 in float32.
        tensor_rtol: instead of `rtol`: relative error of the diagonal entries of the tensor, by the solver's own estimate,
            which `.tensor_error` returns. Loose solves (1e-3, say) are cheap.
        max_steps: largest number of CG steps per load case.
        precision: `"mixed"` iterates in float32 inside a refinement in float64, which pays where memory bandwidth is the limit,
            with the accuracy of float64. None works in the dtype of the constants.
        start: a guess of the displacements, (load, component, *grid) with the batch axis in front if there is one, or the
            result of a similar cell solved with `fields=("displacement",)`. It saves steps and does not change the answer.
        throw: raise `SolveError` for a failed solve. Under a tracer a failed solve is NaN, in value and derivative.
            `throw=False` returns the best iterate with its status.
        fields: any of `"strain"`, `"stress"`, `"energy_density"`, `"displacement"` (the periodic part, at the nodes).
        bounds: add guaranteed two-sided bounds of the exact tensor of this voxel cell, whatever scheme ran: from above the energy of
            finite elements, from below that of a stress in equilibrium, both integrated exactly. Costs about as much as the solve.
        discretization_error: add a cautious estimate of how far the tensor is from the exact one of this voxel cell, from one solve
            with elements of twice the size (mostly too large: `bounds` are sharper). A constant for derivatives.

    Returns:
        `EffectiveResult` with `.tensor` (m, m) in the unit of `stiffness`, `.status`, `.steps`, `.residual`, `.tensor_error`.

    Raises:
        ValueError: for wrong shapes and for values that are not finite, symmetric and positive semi-definite.
        SolveError: if a concrete solve did not converge and `throw` is true.
        MemoryError: if the solve would not fit into memory, before anything is allocated.

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
    law, batched = elastic_law(stiffness, grid)
    size = law.values.shape[1] if batched else law.components
    kinematics = elasticity(grid.ndim, size)
    options = Options(
        discretization, preconditioner, rtol, tensor_rtol, max_steps, precision, start, throw, fields, bounds, discretization_error
    )
    return answer("effective_stiffness", "stiffness", law, batched, make_operator(discretization, kinematics), grid, options)


# fmt: off
@overload
def effective_conductivity(
    conductivity: Float[ArrayLike, "..."] | Scalar | Tensor, grid: Grid, *, walls: None = None, sides: str = ..., discretization: str | None = ...,
    preconditioner: str = ..., rtol: float | None = ..., tensor_rtol: float | None = ..., max_steps: int = ..., precision: str | None = ...,
    start: Float[ArrayLike, "..."] | EffectiveResult | None = ..., throw: bool = ..., fields: Sequence[str] = ..., bounds: bool = ..., discretization_error: bool = ...,
) -> EffectiveResult: ...
@overload
def effective_conductivity(
    conductivity: Float[ArrayLike, "..."] | Scalar | Tensor, grid: Grid, *, walls: int, sides: str = ..., discretization: str | None = ...,
    preconditioner: str = ..., rtol: float | None = ..., tensor_rtol: float | None = ..., max_steps: int = ..., precision: str | None = ...,
    start: Float[ArrayLike, "..."] | WalledResult | None = ..., throw: bool = ..., fields: Sequence[str] = ..., bounds: bool = ..., discretization_error: bool = ...,
) -> WalledResult: ...
# fmt: on
def effective_conductivity(
    conductivity: Float[ArrayLike, "..."] | Scalar | Tensor,
    grid: Grid,
    *,
    walls: int | None = None,
    sides: str = "no_flux",
    discretization: str | None = None,
    preconditioner: str = "auto",
    rtol: float | None = None,
    tensor_rtol: float | None = None,
    max_steps: int = 1000,
    precision: str | None = None,
    start: Float[ArrayLike, "..."] | EffectiveResult | WalledResult | None = None,
    throw: bool = True,
    fields: Sequence[str] = (),
    bounds: bool = False,
    discretization_error: bool = False,
) -> EffectiveResult | WalledResult:
    """Effective conductivity of a cell (also diffusivity, permittivity, permeability), periodic or between two walls.

    Minimises ⟨g · k g⟩ over g = G + ∇φ for each unit mean gradient G: over all periodic φ or, with `walls`, over those that vanish
    at the outer faces of one axis, for the gradient along it.

    Args:
        conductivity: isotropic (*grid) or tensor (d, d, *grid) per voxel, or a batch of either.
        grid: the periodic grid.
        walls: an axis. A potential drop is then applied between its two outer faces, and the result is a `WalledResult`, with the
            tortuosity factor. Voxels of zero conductivity, and what does not join the walls, are left out.
        sides: between walls, how the other axes end: `"no_flux"` or `"periodic"`.
        discretization: `"finite_element"`, `"rotated"` or `"fourier"`, as in `effective_stiffness`, or `"finite_volume"`: cells
            that conduct through their faces only, with harmonic means (isotropic conductivities, takes zero). By default
            `"finite_element"` for periodic cells and `"finite_volume"` between walls, where there are these two; elements, which
            conduct through corners too, then work on the cell and its mirror images.
        preconditioner: `"auto"`, `"green"` (between walls by sines and cosines), `"green_jacobi"` or `"multigrid"`, as in
            `effective_stiffness`; for finite volumes `"auto"` is multigrid on all but small grids, under a tracer too.
        rtol: relative error of the fluctuation in the energy norm; default 1e-5 in float64, 1e-3 in float32.
        tensor_rtol: instead of `rtol`, relative error of the diagonal entries of the tensor.
        max_steps: largest number of CG steps per load case.
        precision: None or `"mixed"`, as in `effective_stiffness`.
        start: a guess of the potentials, as in `effective_stiffness`; between walls of the potential from 0 to 1, (*grid), or a
            result with `fields=("potential",)`.
        throw: raise for a failed solve, else return the best iterate with its status.
        fields: any of `"strain"` (the potential gradient), `"stress"` (k times it, minus the flux), `"energy_density"` and
            `"displacement"` (the periodic part of the potential; between walls the potential itself). `"gradient"`, `"flux"` and
            `"potential"` are other names of the first two and the last, here and in the result.
        bounds: as in `effective_stiffness`; for periodic cells.
        discretization_error: as in `effective_stiffness`; for periodic cells.

    Returns:
        `EffectiveResult` with `.tensor` (d, d) in the unit of `conductivity`; with `walls` a `WalledResult` with `.value`,
        `.tortuosity`, `.porosity`, `.percolating_porosity`, `.isolated_clusters`. No path between the walls is
        `Status.NO_PATH` with value 0 and tortuosity inf, and no error.

    Raises:
        ValueError: for wrong shapes and for values that are not finite and positive semi-definite.
        SolveError: if a concrete solve did not converge and `throw` is true.

    Differentiable in both modes at no extra solve.

    References:
        Cooper et al. (2016), doi:10.1016/j.softx.2016.09.002 (tortuosity factor); Tjaden et al. (2016), doi:10.1016/j.coche.2016.02.006.

    Example:
        >>> k = jnp.ones((8, 8)).at[:4].set(3.0)  # layers across x: harmonic mean along x, arithmetic along y
        >>> effective_conductivity(k, Grid((8, 8))).tensor.diagonal().round(4).tolist()
        [1.5, 2.0]
        >>> round(float(effective_conductivity(k, Grid((8, 8)), walls=0).value), 4)
        1.5
    """
    _check_is_grid(grid)
    law, batched = _conductive_law(conductivity, grid)
    check(
        walls is not None or sides == "no_flux", f"`sides` is for cells between walls, but it is {sides!r} without `walls`. Leave it out."
    )
    extra = "bounds" if bounds else "discretization_error" if discretization_error else ""
    check(walls is None or not extra, f"`{extra}` is for periodic cells, but `walls` are given. Leave one of them out.")
    discretization = discretization or ("finite_element" if walls is None else "finite_volume")
    options = Options(
        discretization, preconditioner, rtol, tensor_rtol, max_steps, precision, start, throw, fields, bounds, discretization_error
    )
    if walls is not None:
        return answer_between_walls(law, batched, walls, sides, grid, options)
    operator = make_operator(discretization, conduction(grid.ndim))
    return answer("effective_conductivity", "conductivity", law, batched, operator, grid, options)


def elastic_law(stiffness: Any, grid: Grid) -> tuple[Any, bool]:
    """A stiffness as given, as a linear law, and whether it has a batch axis."""
    _check_is_grid(grid)
    if isinstance(stiffness, (Tensor, Isotropic, Phases, Crystals)):
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
