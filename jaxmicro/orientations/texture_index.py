"""The sharpness of a texture, from generalised spherical harmonics.

With D_l the irreducible representations of the rotation group, in ZXZ (Bunge) angles of the matrix of a quaternion,
g = Z(α) X(β) Z(γ), and V_l the eigenvectors of J_x:

    D_l,mn(g) = exp(−i m α) Σ_k V_mk V_nk exp(−i k β) exp(−i n γ).

A mean over orientations is thus a sum of exponentials G_mkn, three times a product of matrices, and a small sum for every l.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float

from jaxmicro._core import check
from jaxmicro.orientations.density_kernels import character_coefficients, checked_sources, exponent_of
from jaxmicro.orientations.equivalents import check_group, product
from jaxmicro.orientations.laue import symmetry_operators

MOST_DEGREES = 200
EXACT = jax.lax.Precision.HIGHEST
AT_ONCE = 1 << 20  # numbers in a block of exponentials
# Ideal orientations lie where the angles of Bunge have a seam; turned with the sample by this they do not.
OBLIQUE = np.array([0.763, 0.287, -0.419, 0.399]) / np.linalg.norm([0.763, 0.287, -0.419, 0.399])


def texture_index(
    orientations: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    laue: str = "m-3m",
    halfwidth: float | None = None,
    degrees: bool = False,
) -> Float[Array, ""]:
    """The texture index, the mean over all rotations of f², f the density of `odf` with the same half width.

    With the kernel K = Σ (2l + 1) A_l χ_l, F_l = Σ w_i D_l(g_i) and P_l the mean of D_l over the crystal's symmetry,
    ⟨f²⟩ = Σ (2l + 1) A_l² |P_l F_l|². It is exact: the series ends where the kernel's does to rounding. It is one for crystals without
    preferred orientation in the limit of many; n random ones give about 1 + (⟨K²⟩/symmetries − 1)/n. The work grows with n,
    not n², and with the third power of 1/halfwidth.

    Args:
        orientations: quaternions `(4, …)` of any length. NaN, as where a map is not indexed, counts for nothing.
        weights: not negative, of the trailing shape of `orientations`; equal by default.
        laue: Laue group, one of `LAUE_GROUPS`.
        halfwidth: of the kernel, from about 2° to 90°; 10° by default. The index of few orientations depends on it. A fixed
            number: not traced, no derivative.
        degrees: whether `halfwidth` is in degrees.

    Returns:
        A number `()` of one or more; NaN where nothing has a weight.

    Raises:
        ValueError: if the first axis is not 4, there is no orientation, the group is not known, the half width is out of
            range, or weights are negative or of another shape.
        TypeError: if the half width is not a number.

    Reference:
        H.-J. Bunge, Texture Analysis in Materials Science, Butterworths 1982, chapter 4; H. Schaeben, Textures and
        Microstructures 33, 365 (1999), doi:10.1155/TSM.33.365.

    Example:
        >>> cube = jnp.array([1.0, 0, 0, 0])
        >>> round(float(texture_index(cube, halfwidth=10.0, degrees=True)), 2)
        23.05

    Differentiable in `orientations` and `weights`.
    """
    check_group("laue", laue)
    exponent = exponent_of(halfwidth, degrees)
    q, share = checked_sources(orientations, weights)
    coefficients = character_coefficients(exponent, float(jnp.finfo(q.dtype).eps) / 8)
    check(
        len(coefficients) <= MOST_DEGREES,
        f"`halfwidth` must be so large that {MOST_DEGREES} degrees of harmonics carry the kernel, but {len(coefficients)} are needed. "
        "Take at least 2°.",
    )
    degree = len(coefficients) - 1
    factors = (2 * np.arange(degree + 1) + 1) * coefficients**2
    turned = jnp.stack(product(q, OBLIQUE.astype(q.dtype)))
    projections = crystal_projections(laue, degree)
    v, real, imaginary, factors = (
        jnp.asarray(a, q.dtype) for a in (eigenvectors(degree), np.real(projections), np.imag(projections), factors)
    )
    return _index(turned, share, jnp.asarray(_kept_orders(laue, degree)), v, (real, imaginary), factors)


@functools.cache
def eigenvectors(degree: int) -> Float[np.ndarray, "l k k"]:
    """The eigenvectors V_mk of J_x for l = 0 … degree, rows m and columns k from −degree to degree, zero beyond l."""
    table = np.zeros((degree + 1, 2 * degree + 1, 2 * degree + 1))
    for l in range(degree + 1):
        m = np.arange(-l, l)
        step = np.sqrt(l * (l + 1) - m * (m + 1)) / 2
        inside = slice(degree - l, degree + l + 1)
        table[l, inside, inside] = np.linalg.eigh(np.diag(step, 1) + np.diag(step, -1))[1]  # eigenvalues −l … l in order
    table.flags.writeable = False
    return table


@functools.cache
def crystal_projections(laue: str, degree: int) -> Complex[np.ndarray, "l m m"]:
    """P_l, the mean of D_l over the rotations of a group, for those m that its axis along z leaves."""
    operators = symmetry_operators(laue)
    orders, kept = np.arange(-degree, degree + 1), _kept_orders(laue, degree)
    v = eigenvectors(degree)[:, kept + degree]
    projections = np.zeros((degree + 1, len(kept), len(kept)), complex)
    for alpha, beta, gamma in zip(*_angles(operators, np), strict=True):
        middle = (v * np.exp(-1j * beta * orders)) @ v.transpose(0, 2, 1)
        projections += np.exp(-1j * alpha * kept)[:, None] * middle * np.exp(-1j * gamma * kept) / operators.shape[1]
    projections.flags.writeable = False
    return projections


def _kept_orders(laue: str, degree: int) -> np.ndarray:
    """The m that are multiples of the order of the crystal's axis along z: the mean over its turns leaves no others."""
    operators = symmetry_operators(laue)
    fold = int((np.abs(operators[1:3]).max(axis=0) < 1e-9).sum())
    return np.arange(-(degree // fold) * fold, degree + 1, fold)


@jax.jit
def _index(q: Array, share: Array, kept: Array, v: Array, projections: tuple[Array, Array], factors: Array) -> Float[Array, ""]:
    """Σ_l (2l + 1) A_l² tr(F_l† P_l F_l), real and imaginary parts apart."""
    degree = (v.shape[1] - 1) // 2
    real, imaginary = _waves(q, share, kept.astype(q.dtype), degree)
    # The column of −n is that of n, conjugate, with rows in reverse and signs (−1)^(m − n): its projection is as long.
    twice = jnp.full(degree + 1, 2.0, q.dtype).at[0].set(1.0)

    def add(total: Array, one: tuple[Array, ...]) -> tuple[Array, None]:
        vectors, part, other, factor = one
        rows, columns = vectors[kept + degree], vectors[degree:]
        a, b = (jnp.einsum("mk,nk,mkn->mn", rows, columns, wave, precision=EXACT) for wave in (real, imaginary))
        onto = jnp.matmul(part, a, precision=EXACT) - jnp.matmul(other, b, precision=EXACT)
        across = jnp.matmul(part, b, precision=EXACT) + jnp.matmul(other, a, precision=EXACT)
        return total + factor * jnp.sum(twice * (a * onto + b * across)), None

    return jax.lax.scan(jax.checkpoint(add), jnp.zeros((), q.dtype), (v, *projections, factors))[0]


def _waves(q: Array, share: Array, kept: Array, degree: int) -> tuple[Float[Array, "m k n"], Float[Array, "m k n"]]:
    """Σ_i w_i exp(−i (m α_i + k β_i + n γ_i)) for n ≥ 0, in blocks of orientations that the reverse pass works out again."""
    orders = jnp.arange(-degree, degree + 1).astype(q.dtype)
    size = kept.size * orders.size
    at_once = min(max(AT_ONCE // size, 16), share.size)
    blocks = -(-share.size // at_once)
    missing = blocks * at_once - share.size
    q = jnp.pad(q, ((0, 0), (0, missing)), constant_values=0.5).reshape(4, blocks, at_once)
    share = jnp.pad(share, (0, missing)).reshape(blocks, at_once)

    @jax.checkpoint
    def block(q: Array, share: Array) -> Array:
        alpha, beta, gamma = (order[:, None] * angle for order, angle in zip((kept, orders, orders[degree:]), _angles(q, jnp), strict=True))
        c, s, cb, sb = share * jnp.cos(alpha), share * jnp.sin(alpha), jnp.cos(beta), jnp.sin(beta)
        left = jnp.concatenate([c[:, None] * cb - s[:, None] * sb, -s[:, None] * cb - c[:, None] * sb]).reshape(2 * size, -1)
        right = jnp.concatenate([jnp.cos(gamma), -jnp.sin(gamma)])
        return jnp.matmul(left, right.T, precision=EXACT)

    start = jnp.zeros((2 * size, 2 * (degree + 1)), q.dtype)
    total, _ = jax.lax.scan(lambda total, piece: (total + block(*piece), None), start, (jnp.moveaxis(q, 1, 0), share))
    total = total.reshape(2, kept.size, orders.size, 2, degree + 1)
    return total[0, :, :, 0] - total[1, :, :, 1], total[0, :, :, 1] + total[1, :, :, 0]


def _angles(q: Any, xp: Any) -> tuple[Any, Any, Any]:
    """Angles of g = Z(α) X(β) Z(γ): w + i z = cos(β/2) exp(i (α + γ)/2) and x + i y = sin(β/2) exp(i (α − γ)/2)."""
    w, x, y, z = q
    sums, differences = xp.arctan2(z, w), xp.arctan2(y, x)
    return sums + differences, 2 * xp.arctan2(xp.sqrt(x**2 + y**2), xp.sqrt(w**2 + z**2)), sums - differences
