"""How anisotropic a structure is: the fabric tensor, by intercepts or by gradients."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Num

from jaxmicro._core import as_float_array, as_number, check, check_choice, is_concrete, record, static
from jaxmicro.descriptors.masks import cell_of
from jaxmicro.descriptors.surface import shares
from jaxmicro.fields import Grid, forward, frequencies, inverse

METHODS = ("mean_intercept_length", "gradient")
FURTHEST = {2: 2, 3: 1}  # steps along an axis of the directions that intercepts are counted along
BLUR = 1.5  # of a mask before its gradients are taken, in the longest voxel edges


@record
class Fabric:
    """The fabric tensor of a structure; a pytree.

    Attributes:
        tensor: (d, d), symmetric, trace d: the identity for isotropic structures; the longer the structure is in a direction, the
            larger.
        values: its principal values, ascending, (d,).
        directions: their unit vectors, as columns, (d, d).
        anisotropy: degree of anisotropy, the largest principal value over the smallest, from 1 to inf.
        lengths: the intercept lengths along the principal directions, in the unit of the grid (inf along perfect layers or fibres);
            by gradients the root mean square of the indicator's gradient to the power −1.
        method: "mean_intercept_length" or "gradient", static.
    """

    tensor: Float[Array, "d d"]
    values: Float[Array, " d"]
    directions: Float[Array, "d d"]
    anisotropy: Float[Array, ""]
    lengths: Float[Array, " d"]
    method: str = static(default="mean_intercept_length")

    def __str__(self) -> str:
        if not is_concrete(self.values, self.directions) or np.ndim(self.anisotropy):
            return repr(self)
        rows = [
            f"  {float(value):.5g} along ({', '.join(f'{c:.3f}' for c in direction)}), length {float(length):.5g}"
            for value, direction, length in zip(self.values, np.asarray(self.directions).T, self.lengths, strict=True)
        ]
        return "\n".join([f"fabric by {self.method.replace('_', ' ')}: degree of anisotropy {float(self.anisotropy):.5g}", *rows])


def fabric_tensor(
    mask: Num[ArrayLike, "*grid"] | ArrayLike,
    grid: Grid | None = None,
    method: str = "mean_intercept_length",
    *,
    smoothing: float | None = None,
) -> Fabric:
    """Fabric tensor of a phase in a periodic cell.

        H = M^(−1/2) d / tr M^(−1/2)

    - `"mean_intercept_length"`: the number of interfaces that a line of unit length crosses in the direction n is squared and fitted
      by the ellipsoid n · M n (Harrigan & Mann), over the 13 (in 2D 8) shortest lattice directions, each weighted by the share of
      directions nearest to it. The intercept length is the mean length of line between two interfaces. Voxels one and two
      steps apart are compared, so features thinner than four voxels are counted too seldom. A Gaussian field cut at a level has
      the stretch of its correlation for fabric (by Rice's formula its crossings are an ellipsoid).
    - `"gradient"`: M = ⟨∇f ∇fᵀ⟩, the structure tensor of the indicator f, by central differences. A smooth Gaussian field has the
      stretch of its correlation for fabric; of sharp phases it weights the normals of the interface, and its degree of anisotropy
      is smaller than that by intercepts.

    Args:
        mask: (*grid), 1 inside the phase and 0 outside, or its volume fraction, or any smooth field for "gradient".
        grid: the cell; by default unit voxels. Its lengths must be concrete.
        method: "mean_intercept_length" or "gradient".
        smoothing: standard deviation of a Gaussian blur before gradients are taken, in the unit of the grid; by default 1.5 of the
            longest voxel edges for masks (truth values, whole numbers) and 0 for others.

    Returns:
        `Fabric`.

    Raises:
        ValueError: for a shape that is not the grid's, an unknown name, or a structure without an interface. Under a tracer the
            latter is NaN.

    References:
        T. P. Harrigan, R. W. Mann (1984), doi:10.1007/BF00540446; W. J. Whitehouse (1974), doi:10.1111/j.1365-2818.1974.tb03878.x.

    Example:
        >>> layers = jnp.zeros((8, 8), bool).at[:4].set(True)
        >>> f = fabric_tensor(layers)
        >>> f.values.round(4).tolist(), float(f.anisotropy)
        ([0.0, 2.0], inf)

    Differentiable in volume fractions where they differ between neighbours and, for values and directions, where principal values do.
    """
    grid = cell_of("mask", mask, grid)
    check_choice("method", method, METHODS)
    check(is_concrete(grid), "`grid.lengths` must be concrete. Close over the grid instead of passing it through jit, vmap or grad.")
    given = jnp.asarray(mask)
    soft = jnp.issubdtype(given.dtype, jnp.floating)
    values = as_float_array("mask", given if soft else given.astype(grid.lengths.dtype))
    edges = np.asarray(grid.lengths, float) / grid.shape
    if method == "mean_intercept_length":
        check(smoothing is None, f"`smoothing` is for method='gradient', but the method is {method!r}. Leave it out.")
        quadratic = _crossings_squared(values, tuple(edges.tolist()))
    else:
        width = (0.0 if soft else BLUR * float(edges.max())) if smoothing is None else as_number(smoothing)
        check(math.isfinite(width) and width >= 0, f"`smoothing` must be a length from 0 on, but it is {smoothing!r}.")
        quadratic = _structure_tensor(values, grid, width)
    if is_concrete(quadratic):
        check(
            float(jnp.trace(quadratic)) > 0, "`mask` must hold an interface, but all of its voxels are alike, so that no direction differs."
        )
    return Fabric(**_fabric(quadratic), method=method)


@jax.jit
def _fabric(quadratic: Float[Array, "d d"]) -> dict[str, Array]:
    """The inverse root of a quadratic form; what rounding leaves of a zero is taken for one."""
    d = quadratic.shape[0]
    squares, directions = jnp.linalg.eigh(quadratic)
    largest = squares[-1]
    floor = largest * 100 * jnp.finfo(quadratic.dtype).eps
    flat = squares <= floor
    lengths = 1 / jnp.sqrt(jnp.where(flat, floor, squares))
    # where some lengths are infinite they share the trace between them
    endless = jnp.any(flat)
    relative = jnp.where(
        endless, flat.astype(lengths.dtype) / jnp.maximum(jnp.sum(flat), 1).astype(lengths.dtype), lengths / jnp.sum(lengths)
    )
    values = d * relative
    order = jnp.arange(d)[::-1]  # ascending lengths are descending squares
    values, lengths, directions = values[order], jnp.where(flat, jnp.inf, lengths)[order], directions[:, order]
    values = values * jnp.where(largest > 0, 1.0, jnp.nan)
    return {
        "tensor": (directions * values) @ directions.T, "values": values, "directions": directions, "lengths": lengths,
        "anisotropy": lengths[-1] / lengths[0] * jnp.where(largest > 0, 1.0, jnp.nan),
    }  # fmt: skip


def _lattice_directions(ndim: int) -> list[tuple[int, ...]]:
    """One of each pair of opposite primitive lattice vectors of few steps."""
    most = FURTHEST[ndim]
    steps = itertools.product(range(-most, most + 1), repeat=ndim)
    return [step for step in steps if step > (0,) * ndim and math.gcd(*step) == 1]


@functools.partial(jax.jit, static_argnames="edges")
def _crossings_squared(values: Float[Array, "*grid"], edges: tuple[float, ...]) -> Float[Array, "d d"]:
    """The quadratic form nearest to the squared number of crossings per length, over directions."""
    d = values.ndim
    steps = _lattice_directions(d)
    vectors = np.array(steps) * np.array(edges)
    lengths = np.linalg.norm(vectors, axis=1)
    normals = vectors / lengths[:, None]
    pairs = list(itertools.combinations_with_replacement(range(d), 2))
    forms = np.stack([normals[:, i] * normals[:, j] * (1 if i == j else 2) for i, j in pairs], axis=1)
    weights = shares(normals)
    solve = np.linalg.solve(forms.T @ (weights[:, None] * forms), forms.T * weights)  # least squares, weighted by solid angle
    crossings = jnp.stack([_crossings(values, step) for step in steps])
    entries = jnp.asarray(solve, values.dtype) @ (crossings / jnp.asarray(lengths, values.dtype)) ** 2
    matrix = jnp.zeros((d, d), values.dtype)
    for (i, j), entry in zip(pairs, entries, strict=True):
        matrix = matrix.at[i, j].set(entry).at[j, i].set(entry)
    return matrix


def _crossings(values: Float[Array, "*grid"], step: tuple[int, ...]) -> Float[Array, ""]:
    """Mean number of interfaces between a voxel and its neighbour at a step.

    The ends of a step differ where an odd number lies between them. Of smooth interfaces that loses a part like the cube of the
    length (R. Kirste, G. Porod, Kolloid-Z. 184, 1, 1962), which a step of twice the length tells.
    """
    once, twice = (jnp.mean(jnp.abs(jnp.roll(values, [k * n for k in step], tuple(range(values.ndim))) - values)) for n in (1, 2))
    return (8 * once - twice) / 6


def _structure_tensor(values: Float[Array, "*grid"], grid: Grid, width: float) -> Float[Array, "d d"]:
    """Mean outer product of the gradient with itself."""
    if width > 0:
        waves = [jnp.asarray(wave) * (2 * np.pi / length) for wave, length in zip(frequencies(grid.shape), grid.lengths, strict=True)]
        damping = jnp.exp(-0.5 * width**2 * sum(wave**2 for wave in waves)).astype(values.dtype)
        values = inverse(forward(values, grid.ndim) * damping, grid.shape)
    slopes = [(jnp.roll(values, -1, k) - jnp.roll(values, 1, k)) / (2 * grid.spacing[k].astype(values.dtype)) for k in range(grid.ndim)]
    return jnp.stack([jnp.stack([jnp.mean(a * b) for b in slopes]) for a in slopes])
