"""The front doors `effective_stiffness` and `effective_conductivity`."""

from collections.abc import Sequence
from typing import Any

from jaxtyping import ArrayLike, Float

from jaxmicro._core import as_float_array, check
from jaxmicro.fields import Grid, conduction, elasticity
from jaxmicro.homogenization.linear import Options, answer
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.materials.laws import Isotropic, Phases, Scalar, Tensor


def effective_stiffness(
    stiffness: Float[ArrayLike, "..."] | Tensor | Isotropic | Phases,
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
            compile. `"auto"` takes multigrid for grey fields of high contrast, such as densities, green_jacobi for smooth
            ones where multigrid is not to be had, and else green. Under a tracer it cannot look at the field before it
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
    _check_is_grid(grid)
    law, batched = _elastic_law(stiffness, grid)
    size = law.values.shape[1] if batched else law.components
    kinematics = elasticity(grid.ndim, size)
    options = Options(discretization, preconditioner, rtol, tensor_rtol, max_steps, precision, start, throw, fields)
    return answer("effective_stiffness", "stiffness", law, batched, kinematics, grid, options)


def effective_conductivity(
    conductivity: Float[ArrayLike, "..."] | Scalar | Tensor,
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
) -> EffectiveResult:
    """Effective conductivity of a periodic cell (also diffusivity, permittivity, permeability).

    Minimises ⟨g · k g⟩ over g = G + ∇φ for each unit mean gradient G.

    Args:
        conductivity: isotropic (*grid) or tensor (d, d, *grid) per voxel, or a batch of either.
        grid: the periodic grid.
        discretization: `"finite_element"`, `"rotated"` or `"fourier"`, as in `effective_stiffness`, or `"finite_volume"`: cells
            that conduct through their faces only, with harmonic means (isotropic conductivities, takes zero).
        preconditioner: `"auto"`, `"green"`, `"green_jacobi"` or `"multigrid"`, as in `effective_stiffness`.
        rtol: relative error of the fluctuation in the energy norm; default 1e-5 in float64, 1e-3 in float32.
        tensor_rtol: instead of `rtol`, relative error of the diagonal entries of the tensor.
        max_steps: largest number of CG steps per load case.
        precision: None or `"mixed"`, as in `effective_stiffness`.
        start: a guess of the potentials, as in `effective_stiffness`.
        throw: raise for a failed solve, else return the best iterate with its status.
        fields: any of `"strain"` (the potential gradient), `"stress"` (k times it, minus the flux), `"energy_density"` and
            `"displacement"` (the periodic part of the potential).

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
    options = Options(discretization, preconditioner, rtol, tensor_rtol, max_steps, precision, start, throw, fields)
    return answer("effective_conductivity", "conductivity", law, batched, conduction(grid.ndim), grid, options)


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
