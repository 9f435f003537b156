"""Stiffness tensors from engineering and crystal constants, in Mandel notation."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_choice, is_concrete


def isotropic_stiffness(young: ArrayLike, poisson: ArrayLike, dim: int = 3, plane: str = "strain") -> Float[Array, "m m ..."]:
    """Isotropic stiffness from Young's modulus and Poisson's ratio.

    Args:
        young: Young's modulus, a number or a field (*grid), in the user's unit of stress.
        poisson: Poisson's ratio in (−1, ½), a number or a field.
        dim: 3 for the 6 × 6 tensor, 2 for the in-plane 3 × 3.
        plane: in 2D, `"strain"` (no strain across the plane) or `"stress"` (a thin sheet).

    Returns:
        (6, 6, …) or (3, 3, …) in Mandel notation. Differentiable in both constants.

    Raises:
        ValueError: if Young's modulus is negative or Poisson's ratio leaves (−1, ½).

    Example:
        >>> isotropic_stiffness(210.0, 0.3)[0, :2].round(3).tolist()
        [282.692, 121.154]
    """
    check(dim in (2, 3), f"`dim` must be 2 or 3, but it is {dim}.")
    check_choice("plane", plane, ("strain", "stress"))
    e, nu = as_float_arrays(young=young, poisson=poisson)
    if is_concrete(e, nu):
        check(bool((np.asarray(e) >= 0).all()), f"`young` must not be negative, but its smallest value is {np.min(np.asarray(e)):g}.")
        low, high = float(np.min(np.asarray(nu))), float(np.max(np.asarray(nu)))
        check(low > -1 and high < 0.5, f"`poisson` must lie in (-1, 0.5), but it spans [{low:g}, {high:g}].")
    shear = e / (2 * (1 + nu))
    lame = e * nu / ((1 + nu) * (1 - 2 * nu)) if dim == 3 or plane == "strain" else e * nu / (1 - nu**2)
    return _from_lame(lame, shear, dim)


def lame_stiffness(lame_lambda: ArrayLike, shear: ArrayLike, dim: int = 3) -> Float[Array, "m m ..."]:
    """Isotropic stiffness λ 1⊗1 + 2 μ I from the Lamé constants; (6, 6, …) or, for plane strain, (3, 3, …).

    Example:
        >>> lame_stiffness(1.0, 2.0, dim=2).tolist()
        [[5.0, 1.0, 0.0], [1.0, 5.0, 0.0], [0.0, 0.0, 4.0]]
    """
    check(dim in (2, 3), f"`dim` must be 2 or 3, but it is {dim}.")
    lame, mu = as_float_arrays(lame_lambda=lame_lambda, shear=shear)
    return _from_lame(lame, mu, dim)


def _from_lame(lame: Array, shear: Array, dim: int) -> Array:
    lame, shear = jnp.broadcast_arrays(lame, shear)
    size = 3 if dim == 2 else 6
    zero = jnp.zeros_like(shear)
    rows = [[lame + 2 * shear if i == j else lame for j in range(dim)] + [zero] * (size - dim) for i in range(dim)]
    rows += [[2 * shear if i == j else zero for j in range(size)] for i in range(dim, size)]
    return jnp.stack([jnp.stack(row) for row in rows])


def cubic_stiffness(c11: ArrayLike, c12: ArrayLike, c44: ArrayLike) -> Float[Array, "6 6 ..."]:
    """Stiffness of a cubic crystal in its own axes (Voigt constants in, Mandel tensor out).

    Example:
        >>> cubic_stiffness(243.9, 157.0, 117.9).diagonal().round(1).tolist()  # Inconel 625, GPa
        [243.9, 243.9, 243.9, 235.8, 235.8, 235.8]
    """
    return orthotropic_stiffness(c11, c11, c11, c12, c12, c12, c44, c44, c44)


def hexagonal_stiffness(c11: ArrayLike, c12: ArrayLike, c13: ArrayLike, c33: ArrayLike, c44: ArrayLike) -> Float[Array, "6 6 ..."]:
    """Stiffness of a hexagonal crystal, c axis along the third axis; c66 = (c11 − c12)/2.

    Example:
        >>> titanium = hexagonal_stiffness(162.5, 91.8, 68.9, 180.6, 46.8)  # GPa
        >>> round(float(titanium[5, 5]), 3)
        70.7
    """
    c11, c12, c13, c33, c44 = as_float_arrays(c11=c11, c12=c12, c13=c13, c33=c33, c44=c44)
    return orthotropic_stiffness(c11, c11, c33, c12, c13, c13, c44, c44, (c11 - c12) / 2)


def orthotropic_stiffness(
    c11: ArrayLike,
    c22: ArrayLike,
    c33: ArrayLike,
    c12: ArrayLike,
    c13: ArrayLike,
    c23: ArrayLike,
    c44: ArrayLike,
    c55: ArrayLike,
    c66: ArrayLike,
) -> Float[Array, "6 6 ..."]:
    """Stiffness of an orthotropic crystal in its own axes from its nine Voigt constants (Mandel tensor out).

    Example:
        >>> olivine = orthotropic_stiffness(320.5, 196.5, 233.5, 68.15, 71.6, 76.8, 64.0, 77.0, 78.7)  # GPa
        >>> round(float(olivine[1, 2]), 2)
        76.8
    """
    names = ("c11", "c22", "c33", "c12", "c13", "c23", "c44", "c55", "c66")
    values = (c11, c22, c33, c12, c13, c23, c44, c55, c66)
    arrays = jnp.broadcast_arrays(*as_float_arrays(**dict(zip(names, values, strict=True))))
    c: dict[str, Array] = dict(zip(names, arrays, strict=True))
    zero = jnp.zeros_like(c["c11"])
    block = [["c11", "c12", "c13"], ["c12", "c22", "c23"], ["c13", "c23", "c33"]]
    rows = [[c[name] for name in row] + [zero] * 3 for row in block]
    rows += [[zero] * 3 + [2 * c[name] if i == j else zero for j in range(3)] for i, name in enumerate(("c44", "c55", "c66"))]
    return jnp.stack([jnp.stack(row) for row in rows])


def plane_stiffness(stiffness: Float[Array, "6 6 ..."], plane: str = "strain") -> Float[Array, "3 3 ..."]:
    """The in-plane 3 × 3 of a 3D stiffness, point by point: `"strain"` cuts it out, `"stress"` condenses σ33 = σ23 = σ13 = 0.

    Exact where the plane is a mirror plane of the material. A crystal in general position couples to shear across the
    plane: the cut is then the model with no displacement across the plane (u_z = 0, whose out-of-plane tractions are
    reactions), and the condensed tensor that of a sheet whose every point is free of stress across it. The columnar 6 × 6
    problem makes neither assumption.

    Args:
        stiffness: (6, 6, …) in Mandel notation, a tensor or a field of them; rotate crystals first.
        plane: `"strain"` or `"stress"`.

    Returns:
        (3, 3, …). Differentiable; a void stays zero with a finite derivative.

    Example:
        >>> sheet = plane_stiffness(isotropic_stiffness(210.0, 0.3), "stress")
        >>> (1 / jnp.linalg.inv(sheet)[0, 0]).round(3).item()
        210.0
    """
    check_choice("plane", plane, ("strain", "stress"))
    if plane == "stress":
        smallest = ROUNDING * jnp.finfo(stiffness.dtype).eps * jnp.max(jnp.abs(stiffness), axis=(0, 1))
        for component in ACROSS:
            stiffness = _released(stiffness, component, smallest)
    return stiffness[IN_PLANE[:, None], IN_PLANE]


IN_PLANE, ACROSS = np.array([0, 1, 5]), (2, 3, 4)
ROUNDING = 64  # a pivot counts as zero below this many eps of the tensor's largest entry


def _released(stiffness: Array, k: int, smallest: Array) -> Array:
    """C − C[:, k] C[k, :] / C[k, k]: the stiffness when strain k adjusts itself so that stress k vanishes.

    A semi-definite tensor without stiffness against strain k does not couple to it, and stays as it is (a void stays zero).
    """
    pivot = stiffness[k, k]
    free = pivot <= smallest
    compliance = jnp.where(free, 0.0, 1.0 / jnp.where(free, 1.0, pivot))
    return stiffness - stiffness[:, None, k] * stiffness[None, k, :] * compliance
