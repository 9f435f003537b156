"""Level sets like triply periodic minimal surfaces: networks and sheets with exact volume fractions."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, check_choice, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.level_cut import sharp_levels, soft_share, two_shares, typical_slope
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.resolution import per_axis
from jaxmicro.microstructures.soft_random_field import interface_width

# Area of the minimal surface in a cube of edge a, over a²: what the level set near zero comes close to.
AREAS = {"gyroid": 3.0915, "diamond": 3.8378, "primitive": 2.3451}
FEWEST = 16  # voxels per cell from which on crossings count the surface to a few percent


def tpms(
    grid: Grid,
    kind: str = "gyroid",
    volume_fraction: ArrayLike | None = None,
    *,
    level: ArrayLike | None = None,
    cells: int | Sequence[int] = 1,
    style: str = "network",
    width: ArrayLike | None = None,
    phases: Sequence[Phase | str] = ("void", "solid"),
) -> Microstructure:
    """A network or a sheet bounded by level sets of a nodal function, f(2π n x / L), the leading Fourier terms of a minimal surface.

    - `"network"`: the solid is f < t, one of the two labyrinths, thickened or thinned;
    - `"sheet"`: the solid is |f| < t, a wall along the surface f = 0, with a labyrinth on either side.

    Kinds, with the surface that f = 0 comes close to: "gyroid" (G), "diamond" (Schwarz D), "primitive" (Schwarz P), "iwp" (Schoen I-WP),
    "neovius" (C(P)), "frd" (Schoen F-RD), "lidinoid", "split_p", "fischer_koch_s". Of G, D and P the two labyrinths are alike. In a cube of
    edge a (one cell) the minimal surfaces have areas of 3.0915 a² (G), 3.8378 a² (D, of the cell in which f has its period) and
    2.3451 a² (P); level sets are within 1 % of them.

    Args:
        grid: a 3D cell; edges of unequal length stretch the surface.
        kind: name of the nodal function.
        volume_fraction: of the solid, phase 1; by default one half, unless `level` is given.
        level: t, instead of the volume fraction.
        cells: periods along the axes, one number or one per axis.
        style: "network" or "sheet".
        width: None for a sharp cut (labels); or the width of the interfaces in the unit of `grid.lengths`, for the soft form.
        phases: names of void and solid.

    Returns:
        The microstructure: labels whose fractions are exact to one voxel, or fractions whose means are exact. In `asked` the fractions, and
        of half-filled networks of G, D and P in cubic cells, the surface density.

    Raises:
        ValueError: if the grid is not 3D, the kind or style is not known, both volume fraction and level are given, or a number is out of
            range; where it is traced the soft form is NaN.

    Reference:
        H. G. von Schnering, R. Nesper, Z. Phys. B 83, 407 (1991), doi:10.1007/BF01313411; M. Wohlgemuth et al., Macromolecules 34, 6083
        (2001), doi:10.1021/ma0019499. Areas: A. H. Schoen, NASA TN D-5541 (1970).

    Example:
        >>> ms = tpms(Grid((16, 16, 16)), "gyroid", 0.3, style="sheet", width=2.0)
        >>> round(float(ms.volume_fractions[1]), 6)
        0.3

    The soft form (`width=`) is differentiable in the fraction or level, the width and the edge lengths, in both modes; labels are not.
    """
    check(grid.ndim == 3, f"`grid` must be 3D for a minimal surface, but it has {grid.ndim} axes.")
    check_choice("kind", kind, FUNCTIONS)
    check_choice("style", style, ("network", "sheet"))
    check(volume_fraction is None or level is None, "`volume_fraction` and `level` must not both be given. Keep one of them.")
    repeats = per_axis("cells", cells, 3)
    dtype = grid.lengths.dtype
    field = _nodal(kind, grid.shape, repeats, np.dtype(dtype).name)
    shares = None if level is not None else two_shares(0.5 if volume_fraction is None else volume_fraction, dtype)
    threshold = jnp.asarray(0.0 if level is None else level, dtype)
    check(threshold.ndim == 0, f"`level` must be one number, but its shape is {threshold.shape}.")
    if width is None:
        content: dict[str, Any] = {"labels": _sharp(field, shares, threshold, style)}
    else:
        thickness = interface_width(grid, width) * typical_slope(field, grid)
        solid = _soft(field, None if shares is None else shares[1], threshold, thickness, style)
        content = {"fractions": jnp.stack([1 - solid, solid])}
    asked = {} if shares is None else {"volume_fractions": shares} | _area(grid, kind, shares, repeats, style)
    text = f"tpms: {kind} {style}, {' x '.join(map(str, repeats))} cells"
    return Microstructure(grid=grid, phases=phases, provenance=text, asked=asked, **content)


def _sharp(field: Array, shares: Array | None, threshold: Array, style: str) -> Array:
    values = field if style == "network" else jnp.abs(field)
    return (values < threshold).astype(jnp.int32) if shares is None else 1 - sharp_levels(values, shares[::-1])


@functools.partial(jax.jit, static_argnames="style")
def _soft(field: Array, share: Array | None, threshold: Array, width: Array, style: str) -> Float[Array, "*grid"]:
    """Share of the solid. A sheet is s(t − f) + s(t + f) − 1: one cut of f and −f together, of which (1 + v) / 2 lie below t."""
    both = field[None] if style == "network" else jnp.stack([field, -field])
    if share is None:
        sound = (width > 0) & ((threshold >= 0) | (style == "network"))  # a sheet of negative thickness is none
        below = jax.nn.sigmoid(4 * (threshold - both) / width) * jnp.where(sound, 1.0, jnp.nan)
    else:
        part = share if style == "network" else jnp.where(share >= 0, (1 + share) / 2, jnp.nan)
        below = soft_share(both, part, width, jnp.ones_like(both))
    return below[0] if style == "network" else below[0] + below[1] - 1


def _area(grid: Grid, kind: str, shares: Array, cells: tuple[int, ...], style: str) -> dict[str, float]:
    """Surface per volume of the minimal surface, where the level set is close to it."""
    if kind not in AREAS or style != "network" or not is_concrete(grid, shares) or float(shares[1]) != 0.5:
        return {}
    edges = np.asarray(grid.lengths, float) / cells
    resolved = min(n / k for n, k in zip(grid.shape, cells, strict=True)) >= FEWEST
    return {"surface_density": AREAS[kind] / edges[0]} if np.ptp(edges) <= 1e-6 * edges[0] and resolved else {}


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _nodal(kind: str, shape: tuple[int, ...], cells: tuple[int, ...], dtype: str) -> Float[Array, "*grid"]:
    """The function at the voxel centres."""
    angles = [2 * math.pi * k * (np.arange(n) + 0.5) / n for n, k in zip(shape, cells, strict=True)]
    x, y, z = (jnp.asarray(a.reshape([-1 if k == axis else 1 for k in range(3)]), dtype) for axis, a in enumerate(angles))
    return jnp.broadcast_to(FUNCTIONS[kind](x, y, z), shape)


def _turns(one: Callable[..., Array]) -> Callable[..., Array]:
    """Sum over the three cyclic orders of the axes."""
    return lambda x, y, z: one(x, y, z) + one(y, z, x) + one(z, x, y)


_s, _c = jnp.sin, jnp.cos
_waves = _turns(lambda x, y, z: _c(x) + 0 * (y + z))
_pairs = _turns(lambda x, y, z: _c(x) * _c(y) + 0 * z)
_handed = _turns(lambda x, y, z: _s(2 * x) * _c(y) * _s(z))
_twice = lambda f: lambda x, y, z: f(2 * x, 2 * y, 2 * z)  # noqa: E731
_triple = lambda x, y, z: _c(x) * _c(y) * _c(z)  # noqa: E731

FUNCTIONS: dict[str, Callable[..., Array]] = {
    "gyroid": _turns(lambda x, y, z: _s(x) * _c(y) + 0 * z),
    "diamond": lambda x, y, z: _s(x) * _s(y) * _s(z) + _turns(lambda a, b, c: _s(a) * _c(b) * _c(c))(x, y, z),
    "primitive": _waves,
    "iwp": lambda x, y, z: 2 * _pairs(x, y, z) - _twice(_waves)(x, y, z),
    "neovius": lambda x, y, z: 3 * _waves(x, y, z) + 4 * _triple(x, y, z),
    "frd": lambda x, y, z: 4 * _triple(x, y, z) - _twice(_pairs)(x, y, z),
    "lidinoid": lambda x, y, z: (_handed(x, y, z) - _twice(_pairs)(x, y, z)) / 2 + 0.15,
    "split_p": lambda x, y, z: 1.1 * _handed(x, y, z) - 0.2 * _twice(_pairs)(x, y, z) - 0.4 * _twice(_waves)(x, y, z),
    "fischer_koch_s": _turns(lambda x, y, z: _c(2 * x) * _s(y) * _c(z)),
}
