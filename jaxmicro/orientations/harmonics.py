"""Solid spherical harmonics as polynomials, in the scale of the Legendre polynomials.

Y_l(x) has 2l+1 components, homogeneous polynomials of degree l with zero Laplacian, orthonormal in the sense of
Y_l(u) · Y_l(v) = P_l(u · v) for unit vectors, so |Y_l(u)| = 1. They are held as matrices that multiply the monomials
x^i y^j z^k of degree l: smooth everywhere, no angles.
"""

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


@functools.cache
def exponents(degree: int) -> tuple[tuple[int, int, int], ...]:
    """The powers (i, j, k) of the monomials of a degree, (degree + 1)(degree + 2)/2 of them."""
    return tuple((i, j, degree - i - j) for i in range(degree, -1, -1) for j in range(degree - i, -1, -1))


def monomials(x: Float[Array, "3 ..."], degree: int) -> Float[Array, "n ..."]:
    """All monomials of a degree at points x, in the order of `exponents`."""
    powers = [jnp.ones_like(x)]
    for _ in range(degree):
        powers.append(powers[-1] * x)
    return jnp.stack([powers[i][0] * powers[j][1] * powers[k][2] for i, j, k in exponents(degree)])


@functools.cache
def harmonic_matrix(degree: int) -> Float[np.ndarray, "k n"]:
    """Coefficients of Y_l (rows m = 0, cos 1, sin 1, cos 2, …) over the monomials (columns)."""
    column = {powers: n for n, powers in enumerate(exponents(degree))}
    rows = []
    for order in range(degree + 1):
        for part in ("real", "imag") if order else ("real",):
            row = np.zeros(len(column))
            for (i, j), around in _around(order, part).items():
                for (square, k), along in _along(degree, order).items():
                    for (a, b, c), share in _square(square).items():
                        row[column[i + 2 * a, j + 2 * b, k + 2 * c]] += around * along * share
            rows.append(row)
    matrix = np.stack(rows)
    matrix.flags.writeable = False
    return matrix


def harmonics(x: Float[Array, "3 ..."], degree: int) -> Float[Array, "k ..."]:
    """Y_l at points x, 2l+1 components."""
    return jnp.tensordot(jnp.asarray(harmonic_matrix(degree), x.dtype), monomials(x, degree), 1)


@functools.cache
def second_derivative_matrix(degree: int) -> Float[np.ndarray, "k 6 n"]:
    """∂²Y_l / ∂x_i ∂x_j (ij = 11, 22, 33, 23, 13, 12) over the monomials of degree l − 2 ≥ 0.

    They carry the rest too, by Euler's theorem: (l−1) ∇Y = (∇∇Y) x and l Y = x · ∇Y.
    """
    column = {powers: n for n, powers in enumerate(exponents(degree - 2))}
    matrix = np.zeros((2 * degree + 1, 6, len(column)))
    for pair, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))):
        for n, powers in enumerate(exponents(degree)):
            left = list(powers)
            factor = left[i]
            left[i] -= 1
            factor *= left[j]
            left[j] -= 1
            if factor:
                matrix[:, pair, column[left[0], left[1], left[2]]] += factor * harmonic_matrix(degree)[:, n]
    matrix.flags.writeable = False
    return matrix


def _around(order: int, part: str) -> dict[tuple[int, int], float]:
    """Re or Im of (x + iy)^m as {(power of x, power of y): coefficient}."""
    found = {}
    for j in range(order + 1):
        coefficient = getattr(math.comb(order, j) * 1j**j, part)
        if coefficient:
            found[order - j, j] = coefficient
    return found


def _along(degree: int, order: int) -> dict[tuple[int, int], float]:
    """The factor in r² and z of Y_lm: the m-th derivative of P_l, made homogeneous, {(power of r², power of z): …}."""
    scale = math.sqrt((2 if order else 1) * math.factorial(degree - order) / math.factorial(degree + order)) / 2**degree
    found = {}
    for k in range((degree - order) // 2 + 1):
        power = degree - 2 * k
        derivative = math.factorial(power) // math.factorial(power - order)
        found[k, power - order] = scale * (-1) ** k * math.comb(degree, k) * math.comb(2 * degree - 2 * k, degree) * derivative
    return found


def _square(power: int) -> dict[tuple[int, int, int], float]:
    """(x² + y² + z²)^n over the monomials in x², y², z²."""
    return {
        (a, b, power - a - b): math.factorial(power) / (math.factorial(a) * math.factorial(b) * math.factorial(power - a - b))
        for a in range(power + 1)
        for b in range(power - a + 1)
    }
