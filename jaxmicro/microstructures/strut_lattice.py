"""Struts along periodic segments: capsules by distance, sharp or smooth."""

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, check_finite, check_shape, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures.gaussian_field import check_positive
from jaxmicro.microstructures.level_cut import level, sharp_levels, soft_share, two_shares
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.resolution import per_axis
from jaxmicro.microstructures.soft_random_field import interface_width

SLACK = 1e-6  # of a cell edge: half a cell is as long as a half strut may be


def strut_lattice(
    grid: Grid,
    nodes: Float[ArrayLike, "d n"] | Sequence[Sequence[ArrayLike]],
    struts: Sequence[Sequence[int]] | ArrayLike,
    radius: ArrayLike | None = None,
    *,
    volume_fraction: ArrayLike | None = None,
    cells: int | Sequence[int] = 1,
    width: ArrayLike | None = None,
    phases: Sequence[Phase | str] = ("void", "solid"),
) -> Microstructure:
    """A periodic lattice of round struts: all that is within the radius of a segment between two nodes.

    With d_i(x) the distance to segment i and its images, the sharp lattice is min d_i ≤ r, and the soft one

        φ = s(4 (r − D) / width),   D = −(width / 4) ln Σ_i exp(−4 d_i / width),

    s the logistic. Along a strut D = d; where m struts meet, D is smaller than the least distance by up to (width / 4) ln m, a fillet.
    In 2D struts are bars with round ends.

    Args:
        grid: the periodic cell.
        nodes: `(d, n)`, in shares of the edges of the unit cell, anywhere.
        struts: `(struts, 2 + d)` whole numbers: two nodes, and the unit cell of the second one relative to the first; `(0, 0, 1, 0, 0)` goes
            from node 0 to its next image along x. None may be longer than the unit cell along an axis.
        radius: of the struts, in the unit of `grid.lengths`, one number; or
        volume_fraction: of the solid, phase 1, for which the radius is solved.
        cells: unit cells along the axes, one number or one per axis.
        width: None for a sharp cut (labels); or the width of the interfaces in the unit of `grid.lengths`, for the soft form.
        phases: names of void and solid.

    Returns:
        The microstructure: labels (a fraction that is asked for is exact to one voxel) or fractions (its mean is exact). `provenance` names
        the radius, also where it was solved for.

    Raises:
        ValueError: if not exactly one of radius and volume fraction is given, struts do not fit the nodes, or a number is out of range; where
            it is traced the soft form is NaN.

    Reference: distances to capsules; the soft minimum is derived from the logistic above.

    Example:
        >>> ms = strut_lattice(Grid((16, 16)), [[0.5], [0.5]], [(0, 0, 1, 0), (0, 0, 0, 1)], radius=2.0)
        >>> ms.labels[:4, 8].tolist(), ms.labels[3, 4:12].tolist()
        ([1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0, 0])

    The soft form (`width=`) is differentiable in the nodes, the radius or volume fraction, the width and the edge lengths, in both modes.
    """
    places = jnp.asarray(nodes, grid.lengths.dtype)
    check_shape("nodes", places, (grid.ndim, "n"), "Nodes have one column each.")
    check_finite("nodes", places)
    ends = _checked_struts(struts, places)
    check(
        (radius is None) != (volume_fraction is None),
        f"Exactly one of `radius` and `volume_fraction` must be given, but they are {radius!r} and {volume_fraction!r}.",
    )
    check_positive(radius=radius)
    repeats = per_axis("cells", cells, grid.ndim)
    shares = None if volume_fraction is None else two_shares(volume_fraction, grid.lengths.dtype)
    size = None if radius is None else jnp.asarray(radius, grid.lengths.dtype)
    check(size is None or size.ndim == 0, "`radius` must be one number for all struts.")
    thickness = None if width is None else interface_width(grid, width)
    distance = _distance(grid, places, ends, repeats, thickness)
    content, solved = _cut(distance, size, shares, thickness)
    asked: dict[str, Any] = {} if shares is None else {"volume_fractions": shares}
    text = f"strut_lattice: {len(ends)} struts, {' x '.join(map(str, repeats))} cells"
    if is_concrete(solved):
        text += f", radius {float(solved):.6g}"
    return Microstructure(grid=grid, phases=phases, provenance=text, asked=asked, **content)  # pyright: ignore[reportArgumentType]


def _checked_struts(struts: Any, nodes: Array) -> np.ndarray:
    """Whole numbers that fit the nodes, no strut without length or longer than the cell."""
    check(is_concrete(struts), "`struts` must be known: they decide what is compiled. Close over them.")
    given = np.asarray(struts)
    ndim, count = nodes.shape
    check_shape("struts", given, ("struts", 2 + ndim), "Give two nodes and the shift of the second one's cell, for each strut.")
    check(given.dtype.kind in "iu", f"`struts` must hold whole numbers, but their dtype is {given.dtype}.", TypeError)
    ends = given[:, :2]
    check(
        len(given) > 0 and ends.min() >= 0 and ends.max() < count,
        f"`struts` must join nodes 0 … {count - 1}, but they name {ends.min() if len(given) else 'none'} … {ends.max() if len(given) else ''}.",
    )
    if is_concrete(nodes):
        along = _spans(np.asarray(nodes), given)
        longest, shortest = np.abs(along).max(axis=0), np.abs(along).max(axis=0).argmin()
        check(longest[shortest] > 0, f"`struts` must have a length, but strut {shortest} joins {given[shortest].tolist()} at one place.")
        worst = int(longest.argmax())
        check(
            longest[worst] <= 1 + SLACK,
            f"`struts` must not be longer than the unit cell along an axis, but strut {worst} spans {along[:, worst].tolist()} cells. "
            "Put a node in its middle.",
        )
    return given


def _spans(nodes: Any, struts: np.ndarray) -> Any:
    """From the first to the second end, in cell edges, `(d, struts)`."""
    return nodes[:, struts[:, 1]] + struts[:, 2:].T - nodes[:, struts[:, 0]]


def _cut(distance: Array, radius: Array | None, shares: Array | None, width: Array | None) -> tuple[dict[str, Array], Array]:
    """Labels or fractions, and the radius."""
    if width is None:
        if radius is not None:
            return {"labels": (distance <= radius).astype(jnp.int32)}, radius
        labels = 1 - sharp_levels(distance, shares[::-1])  # pyright: ignore[reportOptionalSubscript]
        return {"labels": labels}, jnp.max(jnp.where(labels == 1, distance, 0.0))
    if radius is not None:
        solid = jax.nn.sigmoid(4 * (radius - distance) / width) * jnp.where(width > 0, 1.0, jnp.nan)
        return {"fractions": jnp.stack([1 - solid, solid])}, radius
    cut = (distance, shares[1], width, jnp.ones_like(distance))  # pyright: ignore[reportOptionalSubscript]
    solid = soft_share(*cut)
    return {"fractions": jnp.stack([1 - solid, solid])}, level(*cut)


def _distance(grid: Grid, nodes: Array, struts: np.ndarray, cells: tuple[int, ...], width: Array | None) -> Float[Array, "*grid"]:
    """Least distance, or its soft minimum, on one unit cell where whole voxels fill it, else on all."""
    fits = all(n % k == 0 for n, k in zip(grid.shape, cells, strict=True))
    shape = tuple(n // k for n, k in zip(grid.shape, cells, strict=True)) if fits else grid.shape
    edges = grid.lengths / jnp.asarray(cells, grid.lengths.dtype)
    first = nodes[:, struts[:, 0]]
    found = _unit(shape, grid.spacing, edges, first, jnp.asarray(_spans(nodes, struts)), width)
    return jnp.tile(found, cells) if fits else found


@functools.partial(jax.jit, static_argnums=0)
def _unit(
    shape: tuple[int, ...],
    spacing: Array,
    edges: Array,
    first: Float[Array, "d struts"],
    spans: Float[Array, "d struts"],
    width: Array | None,
) -> Float[Array, "*grid"]:
    """Strut by strut, so that memory does not grow with their number; in reverse mode each is computed again.

    For a point at u from the middle of a strut, wrapped to half a cell, only the images at u and at u − sign(u) L along each axis can be
    the nearest: a strut spans at most half a cell to either side, so u + sign(u) L is no nearer to any of its points than the better of
    the two.
    """
    axes = [(jnp.arange(n, dtype=edges.dtype) + 0.5) * h for n, h in zip(shape, spacing, strict=True)]

    @jax.checkpoint
    def add(total: Array, strut: tuple[Array, Array]) -> tuple[Array, None]:
        start, span = strut
        half = span * edges / 2
        middle = start * edges + half
        offsets = [x - m - e * jnp.round((x - m) / e) for x, m, e in zip(axes, middle, edges, strict=True)]
        images = [(u, u - jnp.where(u >= 0, e, -e)) for u, e in zip(offsets, edges, strict=True)]
        for choice in itertools.product((0, 1), repeat=len(shape)):
            place = [
                pair[k].reshape([-1 if a == axis else 1 for a in range(len(shape))])
                for axis, (pair, k) in enumerate(zip(images, choice, strict=True))
            ]
            distance = _to_segment(place, half)
            total = jnp.minimum(total, distance) if width is None else jnp.logaddexp(total, -4 * distance / width)
        return total, None

    start = jnp.full(shape, jnp.inf if width is None else -jnp.inf, edges.dtype)
    total, _ = jax.lax.scan(add, start, (first.T, spans.T))
    return total if width is None else -width / 4 * total


def _to_segment(place: list[Array], half: Float[Array, " d"]) -> Array:
    """Distance from `place` to the segment from −half to half; its slope is zero on the segment itself."""
    along = sum(p * h for p, h in zip(place, half, strict=True)) / jnp.sum(half**2)
    nearest = jnp.clip(along, -1.0, 1.0)
    square = sum((p - nearest * h) ** 2 for p, h in zip(place, half, strict=True))
    off = square > 0
    return jnp.where(off, jnp.sqrt(jnp.where(off, square, 1.0)), 0.0)
