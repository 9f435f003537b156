"""Minkowski functionals: volume, surface, integral of mean curvature and Euler number, by counts of neighbouring voxels."""

import functools
import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from jaxmicro._core import as_float_array, check, check_choice, is_concrete, record, static
from jaxmicro.descriptors.image_edges import EDGES, blocks, framed, positions, reflections
from jaxmicro.descriptors.masks import cell_of, flags
from jaxmicro.descriptors.surface import shares, surface_density
from jaxmicro.fields import Grid
from jaxmicro.microstructures.connectivity import CONNECTIVITIES

Point = tuple[int, ...]  # a voxel of a block of 2^d neighbours
Term = tuple[tuple[Point, ...], float]  # voxels whose product is taken, and its weight


@record
class MinkowskiFunctionals:
    """Volume, surface, curvature and connectivity of a phase, per volume; a pytree.

    Attributes:
        volume_fraction: share of the volume (in 2D area).
        surface_density: interface area per volume (in 2D length per area), as `descriptors.surface_density`.
        curvature_density: integral of the mean curvature ½(κ₁ + κ₂) over the interface per volume, positive for balls (4πR each);
            None in 2D, where the integral of the curvature is 2π times the Euler number.
        euler_number: of the cell: pieces − handles + cavities (in 2D pieces − holes), a whole number for sharp masks.
        euler_density: the same per volume (area).
        volume: of the cell; a density times this is the functional of the cell.
        connectivity: "faces" or "corners", static.
    """

    volume_fraction: Float[Array, ""]
    surface_density: Float[Array, ""]
    curvature_density: Float[Array, ""] | None
    euler_number: Float[Array, ""]
    euler_density: Float[Array, ""]
    volume: Float[Array, ""]
    connectivity: str = static(default="faces")

    def __str__(self) -> str:
        if not is_concrete(self.euler_number, self.surface_density) or np.ndim(self.euler_number):
            return repr(self)
        curvature = "" if self.curvature_density is None else f", mean curvature {float(self.curvature_density):.6g}"
        return (
            f"volume fraction {float(self.volume_fraction):.6g}, per volume: surface {float(self.surface_density):.6g}{curvature}, "
            f"Euler number {float(self.euler_density):.6g} ({float(self.euler_number):g} in all, voxels joined by {self.connectivity})"
        )


def minkowski_functionals(
    mask: Num[ArrayLike, "*grid"] | ArrayLike,
    grid: Grid | None = None,
    *,
    connectivity: str = "faces",
    periodic: bool | tuple[bool, ...] = True,
    edges: str = "closed",
) -> MinkowskiFunctionals:
    """The Minkowski functionals of a phase.

    The Euler number is that of the voxels as a complex of cells, χ = n₀ − n₁ + n₂ − n₃, where with "faces" (6 neighbours, in 2D 4)
    n_k counts the blocks of 1, 2, 4, 8 neighbouring voxels that are all inside, and with "corners" (26, in 2D 8) the points, edges
    and faces of the closed voxels. A phase by "faces" and what is around it by "corners" belong together. Surface and curvature are
    averages over lines and planes of the lattice (Crofton): the integral of mean curvature is 2π times the mean over directions of
    the integral of the Euler number of plane sections, taken over the planes of 13 normals, each weighted by the solid angle that it
    is nearest to, of the phase and of its complement with the opposite sign. Both are right for unequal voxel edges: of smooth
    bodies to a few percent, of boxes along the axes up to 7 % too small. Gaps of less than a voxel are closed, which makes overlapping
    or nearly touching bodies of few voxels more connected than they are.

    Args:
        mask: (*grid), 1 inside the phase and 0 outside, or its volume fraction.
        grid: the cell; by default unit voxels. Its lengths must be concrete.
        connectivity: of the phase: "faces" or "corners".
        periodic: whether the cell repeats, along all axes or along each.
        edges: how it ends where it does not repeat. "closed": as a finite image, whose edge voxels are the body's last and whose
            edge is surface where the phase meets it. "open": as a piece of something larger, counted over the blocks of neighbours
            within the image, so that densities have no bias by the edge; the Euler number is then the density times the volume and
            no whole number.

    Returns:
        `MinkowskiFunctionals`.

    Raises:
        ValueError: for a shape that is not the grid's, an unknown name, or lengths that are traced.

    References:
        J. Ohser, F. Mücklich, "Statistical Analysis of Microstructures in Materials Science", Wiley (2000);
        D. Legland, K. Kiêu, M.-F. Devaux (2007), doi:10.5566/ias.v26.p83-92.

    Example:
        >>> ring = jnp.zeros((6, 6)).at[1:5, 1:5].set(1.0).at[2:4, 2:4].set(0.0)
        >>> m = minkowski_functionals(ring)
        >>> float(m.euler_number), round(float(m.volume_fraction), 4)
        (0.0, 0.3333)

    Differentiable in volume fractions: curvature and Euler number are linear in each voxel's, so that the derivative is the change
    that a voxel makes, and the expected value where voxels are independent and inside with these probabilities.
    """
    grid, values = cell_of("mask", mask, grid), _indicator(mask)
    check_choice("connectivity", connectivity, CONNECTIVITIES)
    check_choice("edges", edges, EDGES)
    wraps = flags(periodic, grid.ndim)
    check(is_concrete(grid), "`grid.lengths` must be concrete. Close over the grid instead of passing it through jit, vmap or grad.")
    voxel = float(np.prod(np.asarray(grid.lengths, float))) / grid.size
    euler, curvature = _local_means(values, tuple(_spacing(grid)), connectivity, wraps, edges)
    total = euler * (grid.size if edges == "open" else 1)
    return MinkowskiFunctionals(
        volume_fraction=jnp.mean(values), surface_density=surface_density(values, grid, periodic=wraps, edges=edges),
        curvature_density=curvature if grid.ndim == 3 else None, euler_number=total, euler_density=total / (voxel * grid.size), volume=jnp.asarray(voxel * grid.size, values.dtype), connectivity=connectivity,
    )  # fmt: skip


def euler_number(
    mask: Num[ArrayLike, "*grid"] | ArrayLike, *, connectivity: str = "faces", periodic: bool | tuple[bool, ...] = True
) -> Float[Array, ""]:
    """Euler number of a phase: pieces − handles + cavities, in 2D pieces − holes.

        χ = n₀ − n₁ + n₂ − n₃

    Args:
        mask: (*grid), 1 inside the phase and 0 outside, or its volume fraction.
        connectivity: of the phase: "faces" or "corners", as in `minkowski_functionals`.
        periodic: whether the cell repeats, along all axes or along each; where it does not, the phase ends with it.

    Returns:
        The number, whole for sharp masks.

    Raises:
        ValueError: for a mask without two or three axes, or an unknown connectivity.

    Example:
        >>> corners = jnp.eye(2).repeat(2, 0).repeat(2, 1)
        >>> [float(euler_number(corners, connectivity=c, periodic=False)) for c in ("faces", "corners")]
        [2.0, 1.0]

    Differentiable in volume fractions, linear in each voxel's.
    """
    cell_of("mask", mask, None)
    check_choice("connectivity", connectivity, CONNECTIVITIES)
    values = _indicator(mask)
    return _euler_number(values, connectivity, flags(periodic, values.ndim))


def _indicator(mask: ArrayLike) -> Float[Array, "*grid"]:
    given = jnp.asarray(mask)
    return given.astype(float) if given.dtype == bool else as_float_array("mask", given)


def _spacing(grid: Grid) -> list[float]:
    return [float(length) / n for length, n in zip(np.asarray(grid.lengths, float), grid.shape, strict=True)]


def _local_means(
    values: Float[Array, "*grid"], spacing: tuple[float, ...], connectivity: str, wraps: tuple[bool, ...], edges: str
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The Euler number (its mean per block if edges are open) and the density of the integral of mean curvature.

    The curvature is that of the phase by faces minus that of its complement by faces, halved, so that the two differ by the sign alone.
    """
    count = positions(values.shape, wraps, edges)
    euler = _euler_number(values, connectivity, wraps, edges) / (count if edges == "open" else 1)
    if values.ndim == 2:
        return euler, jnp.zeros((), values.dtype)
    terms = _plane_sections(spacing)
    difference = _sum_of_products(values, terms, wraps, edges, False) - _sum_of_products(values, terms, wraps, edges, True)
    return euler, np.pi * difference / count


def _euler_number(values: Float[Array, "*grid"], connectivity: str, wraps: tuple[bool, ...], edges: str = "closed") -> Float[Array, ""]:
    """Sum over the blocks of the signed count of the cells that start there.

    That of a phase by corners is that of its complement by faces, with the opposite sign in 2D, where a hole of the one is a piece of
    the other.
    """
    swapped, d = connectivity == "corners", values.ndim
    total = _sum_of_products(values, tuple(_cells((0,) * d, _units(d))), wraps, edges, swapped)
    return -total if swapped and d == 2 else total


@functools.partial(jax.jit, static_argnames=("terms", "wraps", "edges", "complement"))
def _sum_of_products(
    values: Float[Array, "*grid"], terms: tuple[Term, ...], wraps: tuple[bool, ...], edges: str, complement: bool
) -> Float[Array, ""]:
    """Sum over all blocks of 2^d neighbours of the weighted products of their voxels, layer by layer.

    The cells that start in one layer sum to a small whole number, of which single precision holds a long sum exactly.
    """
    frame = framed(values, wraps, edges)
    frame = 1 - frame if complement else frame
    offsets: list[Point] = list(itertools.product((0, 1), repeat=values.ndim))
    groups: dict[int, list[tuple[list[int], float]]] = {}
    for points, weight in terms:
        groups.setdefault(len(points), []).append(([offsets.index(point) for point in points], weight))

    def layer(total: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        corners = jnp.stack(list(blocks(jnp.stack(pair)).values()))[:, 0]
        for group in groups.values():
            places, weights = np.array([place for place, _ in group]), jnp.asarray([weight for _, weight in group], values.dtype)
            product = functools.reduce(lambda a, b: a * b, [corners[column] for column in places.T])
            total = total + jnp.sum(weights * jnp.sum(product, axis=tuple(range(1, product.ndim))))
        return total, None

    return jax.lax.scan(jax.checkpoint(layer), jnp.zeros((), values.dtype), (frame[:-1], frame[1:]))[0]


def _units(ndim: int) -> list[Point]:
    return [tuple(int(k == axis) for k in range(ndim)) for axis in range(ndim)]


def _cells(corner: Point, sides: list[Point], weight: float = 1.0) -> list[Term]:
    """Signed cells that start at a corner and are spanned by some sides: χ = n₀ − n₁ + n₂ − n₃, each inside if all of its points are."""
    terms = []
    for size in range(len(sides) + 1):
        for chosen in itertools.combinations(sides, size):
            parts = (part for n in range(size + 1) for part in itertools.combinations(chosen, n))
            points = tuple(tuple(c ^ sum(side[k] for side in part) for k, c in enumerate(corner)) for part in parts)
            terms.append((points, (-1) ** size * weight))
    return terms


def _plane_sections(spacing: tuple[float, ...]) -> tuple[Term, ...]:
    """The Euler number per area of plane sections, mean over the normals of 13 sets of lattice planes, in one block."""
    sections = _sections(np.array(spacing))
    areas = [float(np.linalg.norm(normal)) for normal, _ in sections]
    weights = shares(np.stack([normal / area for (normal, _), area in zip(sections, areas, strict=True)]))
    scaled = zip(weights / np.array(areas), sections, strict=True)
    return tuple((points, float(factor) * sign) for factor, (_, terms) in scaled for points, sign in terms)


def _sections(spacing: np.ndarray) -> list[tuple[np.ndarray, list[Term]]]:
    """Sets of lattice planes: their normal, as long as a cell of the plane is large, and the cells of the plane in a block."""
    units, found = _units(3), []
    for axis in range(3):
        one, other = (unit for k, unit in enumerate(units) if k != axis)
        both = tuple(a + b for a, b in zip(one, other, strict=True))
        found.append(_rectangles((0, 0, 0), one, other, spacing))
        found += [_rectangles(corner, units[axis], both, spacing) for corner in ((0, 0, 0), one)]  # an axis, a diagonal across it
    found += [_triangles(reflect, spacing) for reflect in reflections(3)]
    return found


def _rectangles(corner: Point, u: Point, v: Point, spacing: np.ndarray) -> tuple[np.ndarray, list[Term]]:
    """Planes of rectangles with sides u and v, which from a corner that is set lead back."""
    sign = 1 - 2 * np.array(corner)
    return np.cross(np.array(u) * sign * spacing, np.array(v) * sign * spacing), _cells(corner, [u, v])


def _triangles(reflect: Callable[[Point], Point], spacing: np.ndarray) -> tuple[np.ndarray, list[Term]]:
    """Planes of triangles across the diagonal of a block: one through the three neighbours of its one end, one of those of the other."""
    near = tuple(reflect(unit) for unit in _units(3))
    far = tuple(reflect(tuple(1 - k for k in unit)) for unit in _units(3))
    a, b, c = (np.array(point) * spacing for point in near)
    edges = [(pair, -1.0) for pair in itertools.combinations(near, 2)]
    return np.cross(b - a, c - a), [(near[:1], 1.0), *edges, (near, 1.0), (far, 1.0)]
