"""How well a phase conducts through a cell, from face to face or periodically: tortuosity and effective diffusivity."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Num

from jaxmicro._core import Status, as_number, check, check_choice, is_concrete, poison, record, static
from jaxmicro.descriptors.masks import cell_of
from jaxmicro.descriptors.percolation import BOUNDARIES, percolating_clusters
from jaxmicro.fields import Grid
from jaxmicro.homogenization import effective_conductivity
from jaxmicro.microstructures import Through


@record
class Tortuosity:
    """Transport through a cell along one axis; a pytree. `float(t)` is the factor.

    Attributes:
        factor: tortuosity factor τ = porosity / D_rel, with all of the porosity; for several conductivities mean conductivity over
            effective one; inf where nothing percolates.
        relative: effective over largest conductivity: D_rel of one conducting phase.
        effective: effective conductivity or diffusivity, in the unit of the input.
        porosity: share of the voxels that conduct, isolated ones included.
        percolating_porosity: share of the voxels in clusters that join both faces, or wind around a periodic cell along the axis.
        isolated_clusters: number of clusters that do not.
        status: a `Status` code: 0 converged, `NO_PATH` without a path.
        steps: conjugate-gradient steps.
        residual: relative residual of the solve.
        axis: along which.
        boundary: "walls" or "periodic".
    """

    factor: Float[Array, ""]
    relative: Float[Array, ""]
    effective: Float[Array, ""]
    porosity: Float[Array, ""]
    percolating_porosity: Float[Array, ""]
    isolated_clusters: Int[Array, ""]
    status: Int[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    axis: int = static(default=0)
    boundary: str = static(default="walls")

    def __float__(self) -> float:
        return float(self.factor)

    def __str__(self) -> str:
        if not is_concrete(self.factor, self.status):
            return repr(self)
        return (
            f"tortuosity factor {float(self):.6g} along axis {self.axis} (D_rel {float(self.relative):.6g}, porosity "
            f"{float(self.porosity):.6g}, percolating {float(self.percolating_porosity):.6g}, {int(self.isolated_clusters)} clusters left "
            f"out, {Status(int(self.status)).name.lower()})"
        )


def tortuosity(
    conducting: Num[ArrayLike, "*grid"] | Bool[ArrayLike, "*grid"],
    axis: int,
    *,
    grid: Grid | None = None,
    boundary: str = "walls",
    sides: str = "no_flux",
    discretization: str = "finite_volume",
    rtol: float | None = None,
    tensor_rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
) -> Tortuosity:
    """Tortuosity factor of a cell along an axis, between two walls of given potential or in a periodic cell.

    τ = porosity / D_rel. The porosity is that of the whole mask: isolated pores count in it, as in most tools. With
    `percolating_porosity` instead it would be that of the connected pores alone; both are reported.

    Args:
        conducting: a mask of the voxels that conduct, or conductivities (≥ 0), (*grid).
        axis: along which.
        grid: for voxels that are no cubes; unit voxels by default.
        boundary: `"walls"` at the two faces of the axis, as in measurements and most tools; or `"periodic"`: the cell repeats along
            all axes, D_rel is the entry of the effective tensor, and what does not join a voxel to its image does not conduct. A real
            volume does not repeat: at its seams paths end that went on.
        sides: between walls, how the other axes end, `"no_flux"` or `"periodic"`.
        discretization: `"finite_volume"` or `"finite_element"`, as in `effective_conductivity`.
        rtol: as in `effective_conductivity`.
        tensor_rtol: as in `effective_conductivity`: relative error of the effective conductivity.
        max_steps: as in `effective_conductivity`.
        throw: as in `effective_conductivity`; no path is never an error.

    Returns:
        `Tortuosity`. Differentiable in conductivities. Without a path, as in a cell without a conducting voxel, the factor is inf, the
        status `NO_PATH`, and nothing is solved.

    Raises:
        ValueError: for a mask without two or three axes, an axis that is not there, or values that are negative or not finite.
        SolveError: if the solve does not converge and `throw` is true.

    References:
        Cooper et al. (2016), doi:10.1016/j.softx.2016.09.002; Tjaden et al. (2016), doi:10.1016/j.coche.2016.02.006.

    Example:
        >>> channel = jnp.zeros((6, 6)).at[:, 2:4].set(1.0)
        >>> t = tortuosity(channel, 0)
        >>> round(float(t), 6), round(float(t.relative), 6)
        (1.0, 0.333333)
        >>> float(tortuosity(channel, 1))
        inf
    """
    values, grid = _conductivities(conducting, grid)
    check_choice("boundary", boundary, BOUNDARIES)
    options = {
        "discretization": discretization, "rtol": rtol, "tensor_rtol": tensor_rtol, "max_steps": max_steps, "throw": throw,
    }  # fmt: skip
    if boundary == "periodic":
        check(sides == "no_flux", f"`sides` is for boundary='walls', but it is {sides!r} in a periodic cell. Leave it out.")
        check(-grid.ndim <= axis < grid.ndim, f"`axis` must be the number of an axis of the grid, below {grid.ndim}, but it is {axis}.")
        return _periodic(values, grid, (axis % grid.ndim,), options)[0]
    r = effective_conductivity(values, grid, walls=axis, sides=sides, **options)
    largest = jnp.max(values)
    return Tortuosity(
        factor=r.tortuosity, relative=r.value / jnp.where(largest > 0, largest, 1.0), effective=r.value, porosity=r.porosity,
        percolating_porosity=r.percolating_porosity, isolated_clusters=r.isolated_clusters, status=r.status, steps=r.steps,
        residual=r.residual, axis=r.axis,
    )  # fmt: skip


def effective_diffusivity(
    conducting: Num[ArrayLike, "*grid"] | Bool[ArrayLike, "*grid"],
    axis: int | None = None,
    *,
    diffusivity: ArrayLike = 1.0,
    grid: Grid | None = None,
    boundary: str = "walls",
    **options: Any,
) -> Float[Array, "..."]:
    """Effective diffusivity of a cell along an axis, or along each.

        D_eff = D ε/τ

    Args:
        conducting: a mask of the voxels that conduct, or diffusivities relative to `diffusivity`, (*grid).
        axis: along which; by default along each.
        diffusivity: D of the free phase, in any unit.
        grid: for voxels that are no cubes; unit voxels by default.
        boundary: "walls" or "periodic", as in `tortuosity`.
        **options: of `tortuosity`.

    Returns:
        One number, or (d,), in the unit of `diffusivity`; 0 where nothing percolates. Differentiable in conductivities.

    Raises:
        ValueError: as in `tortuosity`, or for a diffusivity that is no positive number.

    Example:
        >>> channel = jnp.zeros((6, 6)).at[:, 2:4].set(1.0)
        >>> effective_diffusivity(channel, diffusivity=3.0).round(6).tolist()
        [1.0, 0.0]
    """
    if is_concrete(diffusivity):
        check(
            as_number(diffusivity) > 0,
            f"`diffusivity` must be one positive number, but it is {diffusivity!r}. Put a field into `conducting`.",
        )
    if axis is None:
        found = transport(conducting, grid, boundary, **options).effective
    else:
        found = tortuosity(conducting, axis, grid=grid, boundary=boundary, **options).effective
    return jnp.asarray(diffusivity, found.dtype) * found


@record
class Transport:
    """Transport through a cell along each axis; a pytree, and a table when printed.

    Attributes:
        factor: tortuosity factors, (d,); inf where nothing percolates.
        relative: effective over largest conductivity, (d,).
        effective: effective conductivities or diffusivities, (d,).
        porosity: share of the voxels that conduct.
        percolating_share: share of those in clusters that percolate along each axis, (d,).
        isolated_clusters: number of the other clusters, (d,).
        status: `Status` codes, (d,): 0 converged, `NO_PATH` where nothing percolates.
        steps: conjugate-gradient steps, (d,); 0 where nothing was solved.
        residual: relative residuals, (d,).
        boundary: "walls" or "periodic", static.
    """

    factor: Float[Array, " d"]
    relative: Float[Array, " d"]
    effective: Float[Array, " d"]
    porosity: Float[Array, ""]
    percolating_share: Float[Array, " d"]
    isolated_clusters: Int[Array, " d"]
    status: Int[Array, " d"]
    steps: Int[Array, " d"]
    residual: Float[Array, " d"]
    boundary: str = static(default="walls")

    def __str__(self) -> str:
        if not is_concrete(self.factor, self.status) or np.ndim(self.factor) > 1:
            return repr(self)
        ends = "between walls" if self.boundary == "walls" else "in a periodic cell"
        lines = [
            f"transport {ends}, porosity {float(self.porosity):.6g}",
            f"{'axis':>4}  {'tortuosity factor':>17}  {'D_rel':>10}  {'percolating':>11}  {'clusters left out':>17}  {'steps':>5}  status",
        ]
        rows = zip(self.factor, self.relative, self.percolating_share, self.isolated_clusters, self.steps, self.status, strict=True)
        for axis, (factor, relative, share, isolated, steps, status) in enumerate(rows):
            lines.append(
                f"{axis:>4}  {float(factor):>17.6g}  {float(relative):>10.6g}  {float(share):>11.4f}  {int(isolated):>17}  {int(steps):>5}  "
                f"{Status(int(status)).name.lower()}"
            )
        return "\n".join(lines)


def transport(
    conducting: Num[ArrayLike, "*grid"] | Bool[ArrayLike, "*grid"],
    grid: Grid | None = None,
    boundary: str = "walls",
    *,
    sides: str = "no_flux",
    discretization: str = "finite_volume",
    rtol: float | None = None,
    tensor_rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
) -> Transport:
    """Tortuosity factors, relative diffusivities and percolating shares along all axes.

    Args:
        conducting: a mask of the voxels that conduct, or conductivities (≥ 0), (*grid).
        grid: for voxels that are no cubes; unit voxels by default.
        boundary: as in `tortuosity`, like the rest.
        sides: likewise.
        discretization: likewise.
        rtol: likewise.
        tensor_rtol: likewise.
        max_steps: likewise.
        throw: likewise.

    Returns:
        `Transport`. Differentiable in conductivities.

    Raises:
        ValueError: as in `tortuosity`.
        SolveError: likewise.

    Example:
        >>> channel = jnp.zeros((6, 6), bool).at[:, 2:4].set(True)
        >>> print(transport(channel))
        transport between walls, porosity 0.333333
        axis  tortuosity factor       D_rel  percolating  clusters left out  steps  status
           0                  1    0.333333       1.0000                  0      0  converged
           1                inf           0       0.0000                  1      0  no_path
    """
    values, grid = _conductivities(conducting, grid)
    check_choice("boundary", boundary, BOUNDARIES)
    options = {
        "discretization": discretization, "rtol": rtol, "tensor_rtol": tensor_rtol, "max_steps": max_steps, "throw": throw,
    }  # fmt: skip
    if boundary == "periodic":
        check(sides == "no_flux", f"`sides` is for boundary='walls', but it is {sides!r} in a periodic cell. Leave it out.")
        each = _periodic(values, grid, tuple(range(grid.ndim)), options)
    else:
        each = [_between_walls(values, grid, axis, sides, options) for axis in range(grid.ndim)]
    names = ("factor", "relative", "effective", "isolated_clusters", "status", "steps", "residual")
    together = {name: jnp.stack([getattr(t, name) for t in each]) for name in names}
    porosity = each[0].porosity
    share = jnp.stack([t.percolating_porosity for t in each]) / jnp.where(porosity > 0, porosity, 1.0)
    return Transport(**together, porosity=porosity, percolating_share=share, boundary=boundary)


def _between_walls(values: Array, grid: Grid, axis: int, sides: str, options: dict[str, Any]) -> Tortuosity:
    """One axis between walls, without a solve where it is known beforehand that nothing percolates."""
    if is_concrete(values) and bool((jnp.isfinite(values) & (values >= 0)).all()):
        through = _through(values > 0, axis, "walls", sides == "periodic", options["discretization"])
        if not bool(through.voxels.any()):
            return _no_path(values, through, axis, "walls")
    return tortuosity(values, axis, grid=grid, sides=sides, **options)


def _through(live: Array, axis: int, boundary: str, periodic_sides: bool, discretization: str) -> Through:
    """What percolates, by the connectivity of the scheme."""
    touching = "faces" if discretization == "finite_volume" else "corners"
    return percolating_clusters(live, axis, boundary, periodic_sides=periodic_sides, connectivity=touching)


def _no_path(values: Array, through: Through, axis: int, boundary: str) -> Tortuosity:
    zero = jnp.zeros((), values.dtype)
    return Tortuosity(
        factor=zero + jnp.inf, relative=zero, effective=zero, porosity=jnp.mean(values > 0, dtype=values.dtype), percolating_porosity=zero,
        isolated_clusters=through.isolated, status=jnp.asarray(Status.NO_PATH, jnp.int32), steps=jnp.asarray(0, jnp.int32), residual=zero,
        axis=axis, boundary=boundary,
    )  # fmt: skip


def _periodic(values: Array, grid: Grid, axes: tuple[int, ...], options: dict[str, Any]) -> list[Tortuosity]:
    """Some axes of a periodic cell: one solve of what percolates along any of them."""
    throughs = [_through(values > 0, axis, "periodic", False, options["discretization"]) for axis in axes]
    live = jnp.any(jnp.stack([through.voxels for through in throughs]), axis=0)
    sound = jnp.all(jnp.isfinite(values) & (values >= 0))
    if is_concrete(values) and bool(sound) and not bool(live.any()):
        return [_no_path(values, through, axis, "periodic") for through, axis in zip(throughs, axes, strict=True)]
    # what winds around the cell along none of the axes carries no flux; under a tracer an empty cell is solved as a uniform one
    solved = jnp.where(jnp.any(live), jnp.where(live | (values < 0) | ~jnp.isfinite(values), values, 0.0), 1.0)
    r = effective_conductivity(poison(solved, sound) if not is_concrete(values) else solved, grid, **options)
    largest = jnp.max(values)
    found = []
    for through, axis in zip(throughs, axes, strict=True):
        joined = jnp.any(through.voxels)
        effective = r.tensor[axis, axis] * joined
        failed = r.status > Status.CONVERGED
        found.append(Tortuosity(
            factor=jnp.where(joined, jnp.mean(values) / jnp.where(joined, effective, 1.0), jnp.inf),
            relative=effective / jnp.where(largest > 0, largest, 1.0), effective=effective,
            porosity=jnp.mean(values > 0, dtype=values.dtype), percolating_porosity=jnp.mean(through.voxels, dtype=values.dtype),
            isolated_clusters=through.isolated, status=jnp.where(joined | failed, r.status, Status.NO_PATH).astype(jnp.int32),
            steps=jnp.where(joined, r.steps[axis], 0), residual=jnp.where(joined, r.residual[axis], 0.0), axis=axis, boundary="periodic",
        ))  # fmt: skip
    return found


def _conductivities(conducting: Any, grid: Grid | None) -> tuple[Float[Array, "*grid"], Grid]:
    """Conductivities in floating point, and their grid."""
    values = jnp.asarray(conducting)
    grid = cell_of("conducting", values, grid)
    return values if jnp.issubdtype(values.dtype, jnp.floating) else values.astype(float), grid
