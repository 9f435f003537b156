"""Sizes of the pores or particles of a phase: the balls that fit into it."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Num

from jaxmicro._core import check, check_choice, check_whole, is_concrete, record, static
from jaxmicro.descriptors.distances import TARGETS, squared_distance
from jaxmicro.descriptors.masks import as_mask, flags
from jaxmicro.fields import Grid

METHODS = ("distance", "opening")
LEVELS = 40  # radii of an opening where none are given and the phase has more distances than that


@record
class PoreSizes:
    """How much of a phase is how wide; a pytree.

    Attributes:
        radii: edges of the bins, ascending, (bins + 1,).
        cumulative: share of the phase's volume whose local radius is at least `radii`, (bins + 1,).
        density: share of the volume per length of radius in each bin, (bins,); its integral over the bins is the share within them.
        mean_radius: mean over the volume of the phase.
        r10: local radius that 10 % of the volume do not exceed.
        r50: the median.
        r90: local radius that 90 % of the volume do not exceed.
        method: "distance" or "opening", static.
    """

    radii: Float[Array, " edges"]
    cumulative: Float[Array, " edges"]
    density: Float[Array, " bins"]
    mean_radius: Float[Array, ""]
    r10: Float[Array, ""]
    r50: Float[Array, ""]
    r90: Float[Array, ""]
    method: str = static(default="opening")

    @property
    def mean_diameter(self) -> Float[Array, ""]:
        """Twice the mean radius."""
        return 2 * self.mean_radius

    @property
    def d10(self) -> Float[Array, ""]:
        """Diameter that 10 % of the volume do not exceed."""
        return 2 * self.r10

    @property
    def d50(self) -> Float[Array, ""]:
        """Median of the diameters."""
        return 2 * self.r50

    @property
    def d90(self) -> Float[Array, ""]:
        """Diameter that 90 % of the volume do not exceed."""
        return 2 * self.r90

    def __str__(self) -> str:
        if not is_concrete(self.r50) or np.ndim(self.r50):
            return repr(self)
        return (
            f"sizes by {self.method}: mean diameter {float(self.mean_diameter):.5g}, "
            f"d10 {float(self.d10):.5g}, d50 {float(self.d50):.5g}, d90 {float(self.d90):.5g}"
        )


def pore_size_distribution(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"],
    grid: Grid | None = None,
    method: str = "opening",
    *,
    periodic: bool | tuple[bool, ...] = True,
    bins: int | Sequence[float] | Float[ArrayLike, " edges"] = 20,
    to: str = "centres",
    radii: Sequence[float] | Float[ArrayLike, " levels"] | None = None,
) -> PoreSizes:
    """How the volume of a phase is distributed over local radii.

    - `"opening"`: the local radius of a voxel is that of the largest ball in the phase that holds it (half of `local_thickness`):
      what mercury would fill, were all pores open, and the size of a pore or particle as an eye sees it;
    - `"distance"`: the local radius is the distance to the nearest voxel outside: how far a molecule is from a wall. A third of
      the radius of a slab's half width counts as a small pore there, so means are smaller.

    Args:
        mask: the phase, truth values or 0 and 1, (*grid).
        grid: the cell; by default unit voxels.
        method: "opening" or "distance".
        periodic: whether the cell repeats, along all axes or along each. Where it does not, pores end nowhere but at walls.
        bins: how many bins of equal width from 0 to the largest radius, or their edges, ascending.
        to: whether distances end at the "centres" of outside voxels or at their "faces", as in `distance_transform`: the radius of
            a flat slab is up to half an edge too large with the former, and too small with the latter.
        radii: of the opening, as in `local_thickness`.

    Returns:
        `PoreSizes`. Percentiles and mean are of the voxels, whatever the bins.

    Raises:
        ValueError: if the phase is empty or fills the cell, so that it has no sizes, or bins are not ascending. Under a tracer the
            result is NaN.

    Reference:
        J. Serra, "Image Analysis and Mathematical Morphology", Academic Press (1982).

    Example:
        >>> slab = jnp.zeros((16, 4), bool).at[3:11].set(True)
        >>> sizes = pore_size_distribution(slab, bins=[0.0, 2.0, 4.0, 6.0])
        >>> float(sizes.d50), sizes.cumulative.tolist()
        (8.0, [1.0, 1.0, 1.0, 0.0])
        >>> float(pore_size_distribution(slab, method="distance").mean_radius)
        2.5

    Not differentiable. "distance" runs under `jit` and `vmap`, "opening" too if `radii` are given.
    """
    check_choice("method", method, METHODS)
    check(method == "opening" or radii is None, "`radii` are for method='opening', but the method is 'distance'. Leave them out.")
    inside, grid = as_mask(mask, grid)
    if is_concrete(inside):
        count = int(jnp.sum(inside))
        check(count > 0, "`mask` must hold a voxel of the phase, but it is empty, so that there are no sizes.")
        check(count < inside.size, "`mask` must leave a voxel outside of the phase, but it fills the cell, so that no size is finite.")
    if method == "opening":
        local = local_thickness(inside, grid, periodic=periodic, to=to, radii=radii) / 2
    else:
        check_choice("to", to, TARGETS)
        local = jnp.sqrt(squared_distance(~inside, grid.spacing, flags(periodic, grid.ndim), to))
    if isinstance(bins, int | np.integer) and not isinstance(bins, bool):
        check_whole("bins", bins, 1)
        edges = jnp.max(jnp.where(inside, local, 0.0)) * jnp.linspace(0.0, 1.0, int(bins) + 1, dtype=local.dtype)
    else:
        edges = _ascending("bins", bins, local.dtype, least=2)
    return PoreSizes(**_distribution(local, inside, edges), method=method)


def local_thickness(
    mask: Bool[ArrayLike, "*grid"] | Num[ArrayLike, "*grid"],
    grid: Grid | None = None,
    *,
    periodic: bool | tuple[bool, ...] = True,
    to: str = "centres",
    radii: Sequence[float] | Float[ArrayLike, " levels"] | None = None,
) -> Float[Array, "*grid"]:
    """Diameter of the largest ball that fits into the phase and holds the voxel.

        τ(x) = 2 max { r : |x − c| < r ≤ D(c) for a voxel c },   D the distance transform

    Of a slab it is the width everywhere, of a ball the diameter. One opening of the phase for each radius.

    Args:
        mask: the phase, truth values or 0 and 1, (*grid).
        grid: the cell; by default unit voxels.
        periodic: whether the cell repeats, along all axes or along each. Where it does not, balls may reach beyond the edge.
        to: whether balls end at the "centres" of outside voxels or at their "faces", as in `distance_transform`.
        radii: of the balls to try, ascending; a voxel gets the largest that holds it, or 0. By default all distances that occur,
            if they are no more than 40, and else 40 of them, evenly spread from the smallest to the largest.

    Returns:
        (*grid), in the unit of `grid.lengths`: 0 outside, inf where the phase fills the cell.

    Raises:
        ValueError: for a mask with other values, or radii that are not positive and ascending, or left out under a tracer.

    Reference:
        T. Hildebrand, P. Rüegsegger, "A new method for the model-independent assessment of thickness in three-dimensional
        images", Journal of Microscopy 185, 67 (1997), doi:10.1046/j.1365-2818.1997.1340694.x.

    Example:
        >>> slab = jnp.zeros((9, 3), bool).at[2:6].set(True)
        >>> local_thickness(slab)[:, 0].tolist()
        [0.0, 0.0, 4.0, 4.0, 4.0, 4.0, 0.0, 0.0, 0.0]

    Not differentiable. Runs under `jit` and `vmap` if `radii` are given.
    """
    check_choice("to", to, TARGETS)
    inside, grid = as_mask(mask, grid)
    wraps, spacing = flags(periodic, grid.ndim), grid.spacing
    square = squared_distance(~inside, spacing, wraps, to)
    if radii is not None:
        levels = _ascending("radii", radii, spacing.dtype, least=1)
        check(not is_concrete(levels) or float(levels[0]) > 0, f"`radii` must be positive, but the first is {levels[0]}.")
        levels = levels**2
    else:
        check(is_concrete(square), "`radii` must be given under jit, vmap and grad, where the distances that occur are not known.")
        levels = _levels(np.asarray(square))
    return 2 * _opened(square, inside, levels, spacing, wraps)


def _levels(square: np.ndarray) -> Float[Array, " levels"]:
    """Squared distances that occur, or as many of them as are tried, evenly spread in radius."""
    found = np.unique(square[(square > 0) & np.isfinite(square)])
    if len(found) > LEVELS:
        wanted = np.linspace(np.sqrt(found[0]), np.sqrt(found[-1]), LEVELS)
        found = np.unique(found[np.abs(np.sqrt(found)[:, None] - wanted).argmin(0)])
    return jnp.asarray(found)


@functools.partial(jax.jit, static_argnames="wraps")
def _opened(square: Array, inside: Array, levels: Array, spacing: Array, wraps: tuple[bool, ...]) -> Array:
    """Radius of the largest ball, of those of given squared radii, that fits and holds the voxel.

    A ball of radius r is open: a voxel at distance r is outside it. So that rounding leaves such voxels out, what fits is a little
    larger than what holds.
    """
    slack = 8 * jnp.finfo(square.dtype).eps

    def with_ball(radius: Array, level: Array) -> tuple[Array, None]:
        centres = inside & (square >= level * (1 - slack))
        held = squared_distance(centres, spacing, wraps, limit=level) < level * (1 - 2 * slack)
        return jnp.where(inside & held, jnp.sqrt(level), radius), None

    start = jnp.where(inside & jnp.isinf(square), jnp.inf, jnp.zeros_like(square))
    return jax.lax.scan(with_ball, start, levels)[0]


@jax.jit
def _distribution(local: Array, inside: Array, edges: Array) -> dict[str, Array]:
    """Shares of the voxels inside, NaN if there are none."""
    ranked = jnp.sort(jnp.where(inside, local, jnp.inf).ravel())
    count = jnp.sum(inside)
    total = jnp.where(count > 0, count, jnp.nan).astype(local.dtype)
    slack = 8 * jnp.finfo(local.dtype).eps
    below = jnp.searchsorted(ranked, edges * (1 - slack))
    cumulative = (count - jnp.minimum(below, count)) / total

    def at(share: float) -> Array:
        place = jnp.clip(jnp.ceil(share * count).astype(int) - 1, 0, ranked.size - 1)
        return jnp.where(count > 0, ranked[place], jnp.nan)

    # the last bin holds its upper edge
    beyond = jnp.searchsorted(ranked, edges[-1] * (1 + slack), side="right")
    upper = cumulative[1:].at[-1].set((count - jnp.minimum(beyond, count)) / total)
    return {
        "radii": edges, "cumulative": cumulative, "density": (cumulative[:-1] - upper) / jnp.diff(edges),
        "mean_radius": jnp.sum(jnp.where(inside, local, 0.0)) / total, "r10": at(0.1), "r50": at(0.5), "r90": at(0.9),
    }  # fmt: skip


def _ascending(argument: str, values: ArrayLike | Sequence[float], dtype: jnp.dtype, least: int) -> Array:
    """Numbers that are checked to rise."""
    array = jnp.asarray(values, dtype)
    check(array.ndim == 1 and array.shape[0] >= least, f"`{argument}` must hold at least {least} numbers, but its shape is {array.shape}.")
    if is_concrete(array):
        rising = bool((np.diff(np.asarray(array)) > 0).all())
        check(rising, f"`{argument}` must be ascending, but it is {np.asarray(array).tolist()}. Sort it and leave repetitions out.")
    return array
