"""How far a pore space conducts from one face of a cell to the other: percolation and tortuosity."""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Num

from jaxmicro._core import Status, check, is_concrete, record, static
from jaxmicro.fields import Grid
from jaxmicro.homogenization import effective_conductivity
from jaxmicro.microstructures import through_clusters


@record
class Tortuosity:
    """Transport through a cell along one axis; a pytree. `float(t)` is the factor.

    Attributes:
        factor: tortuosity factor τ = porosity / D_rel, with all of the porosity; for several conductivities mean conductivity over
            effective one; inf where nothing joins the two faces.
        relative: effective over largest conductivity: D_rel of one conducting phase.
        effective: effective conductivity or diffusivity, in the unit of the input.
        porosity: share of the voxels that conduct, isolated ones included.
        percolating_porosity: share of the voxels in clusters that join both faces.
        isolated_clusters: number of clusters that do not.
        status: a `Status` code: 0 converged, `NO_PATH` without a path.
        steps: conjugate-gradient steps.
        residual: relative residual of the solve.
        axis: along which.
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
    sides: str = "no_flux",
    discretization: str = "finite_volume",
    rtol: float | None = None,
    tensor_rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
) -> Tortuosity:
    """Tortuosity factor of a cell along an axis, between two walls of given potential.

    τ = porosity / D_rel. The porosity is that of the whole mask: isolated pores count in it, as in most tools. With
    `percolating_porosity` instead it would be that of the connected pores alone; both are reported.

    Args:
        conducting: a mask of the voxels that conduct, or conductivities (≥ 0), (*grid).
        axis: along which.
        grid: for voxels that are no cubes; unit voxels by default.
        sides: how the other axes end, `"no_flux"` or `"periodic"`.
        discretization: `"finite_volume"` or `"finite_element"`, as in `effective_conductivity`.
        rtol: as in `effective_conductivity`.
        tensor_rtol: as in `effective_conductivity`: relative error of the effective conductivity.
        max_steps: as in `effective_conductivity`.
        throw: as in `effective_conductivity`; no path is never an error.

    Returns:
        `Tortuosity`. Differentiable in conductivities.

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
    values = jnp.asarray(conducting)
    if not jnp.issubdtype(values.dtype, jnp.floating):
        values = values.astype(float)
    check(values.ndim in (2, 3), f"`conducting` must have two or three axes, but its shape is {values.shape}.")
    r = effective_conductivity(
        values, grid or Grid(values.shape), walls=axis, sides=sides, discretization=discretization,
        rtol=rtol, tensor_rtol=tensor_rtol, max_steps=max_steps, throw=throw,
    )  # fmt: skip
    largest = jnp.max(values)
    return Tortuosity(
        factor=r.tortuosity, relative=r.value / jnp.where(largest > 0, largest, 1.0), effective=r.value, porosity=r.porosity,
        percolating_porosity=r.percolating_porosity, isolated_clusters=r.isolated_clusters, status=r.status, steps=r.steps,
        residual=r.residual, axis=r.axis,
    )  # fmt: skip


def percolating_share(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"], axis: int, *, periodic_sides: bool = False, connectivity: str = "faces"
) -> Float[Array, ""]:
    """Share of a mask's voxels in clusters that reach from the first to the last layer along an axis.

    Args:
        mask: the voxels in question, (*grid).
        axis: along which.
        periodic_sides: whether the cell repeats along the other axes.
        connectivity: voxels touch through `"faces"` only, or through edges and `"corners"`, too.

    Returns:
        From 0 to 1; 0 for an empty mask. Not differentiable.

    Raises:
        ValueError: for a mask without two or three axes, or an axis that is not there.

    Example:
        >>> round(float(percolating_share(jnp.array([[True, False, True], [True, False, False]]), 0)), 4)
        0.6667
    """
    mask = jnp.asarray(mask) > 0
    found = through_clusters(mask, axis, periodic_sides=periodic_sides, connectivity=connectivity)
    return jnp.sum(found.voxels) / jnp.maximum(jnp.sum(mask), 1)
