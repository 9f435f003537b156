"""Analytic bounds: Voigt, Reuss, Hashin–Shtrikman, and the Loewner order they hold in."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check

ROUNDING = 64  # an eigenvalue counts as zero below this many eps of the tensor's largest entry


def voigt_bound(tensors: Float[ArrayLike, "p m m"], fractions: Float[ArrayLike, " p"] | Sequence[float]) -> Float[Array, "m m"]:
    """Arithmetic mean Σ f_p C_p: no cell with these phases is stiffer, in the Loewner order.

    Example:
        >>> voigt_bound(jnp.stack([jnp.eye(2), 3 * jnp.eye(2)]), jnp.array([0.5, 0.5]))[0, 0].item()
        2.0
    """
    c, f = _phases(tensors, fractions)
    return jnp.einsum("p,pij->ij", f, c)


def reuss_bound(tensors: Float[ArrayLike, "p m m"], fractions: Float[ArrayLike, " p"] | Sequence[float]) -> Float[Array, "m m"]:
    """Harmonic mean (Σ f_p C_p⁻¹)⁻¹: no cell with these phases is softer. Zero if a phase that is present is a void.

    A phase may be singular along some directions only (a fluid); the bound is then zero, which is still a bound.

    Example:
        >>> reuss_bound(jnp.stack([jnp.eye(2), 3 * jnp.eye(2)]), jnp.array([0.5, 0.5]))[0, 0].item()
        1.5
    """
    c, f = _phases(tensors, fractions)
    lowest, scale = jnp.min(jnp.linalg.eigvalsh(c), axis=-1), jnp.max(jnp.abs(c), axis=(-2, -1))
    singular = lowest <= ROUNDING * jnp.finfo(c.dtype).eps * scale
    void = jnp.any(singular & (f > 0))
    safe = jnp.where(singular[:, None, None], jnp.eye(c.shape[-1], dtype=c.dtype), c)
    harmonic = jnp.linalg.inv(jnp.einsum("p,pij->ij", f, jnp.linalg.inv(safe)))
    return jnp.where(void, jnp.zeros_like(harmonic), harmonic)


def _phases(tensors: ArrayLike, fractions: ArrayLike | Sequence[float]) -> tuple[Array, Array]:
    c, f = as_float_array("tensors", tensors), as_float_array("fractions", fractions)
    check(
        c.ndim == 3 and c.shape[1] == c.shape[2] and f.shape == (c.shape[0],),
        f"`tensors` must be (p, m, m) and `fractions` (p,), but their shapes are {c.shape} and {f.shape}.",
    )
    return jnp.where((f[:, None, None] > 0) | jnp.isfinite(c), c, 0.0), f  # what is absent counts for nothing, also where it is not finite


def hashin_shtrikman_conductivity(
    conductivities: Float[ArrayLike, " p"] | Sequence[float], fractions: Float[ArrayLike, " p"] | Sequence[float], dim: int
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Lower and upper bound of the conductivity of an isotropic mixture of isotropic phases.

    k = (Σ f_p / (k_p + a))⁻¹ − a with a = (d − 1) k_min or k_max.

    References: Hashin & Shtrikman (1962), doi:10.1063/1.1728579.

    Example:
        >>> [round(float(k), 4) for k in hashin_shtrikman_conductivity([1.0, 10.0], [0.5, 0.5], 2)]
        [2.3846, 4.1935]
    """
    k, f = as_float_array("conductivities", conductivities), as_float_array("fractions", fractions)
    return tuple(_shifted_harmonic(k, f, (dim - 1) * extreme) for extreme in (_present(k, f, "min"), _present(k, f, "max")))  # type: ignore[return-value]


def hashin_shtrikman_moduli(
    bulk: Float[ArrayLike, " p"] | Sequence[float],
    shear: Float[ArrayLike, " p"] | Sequence[float],
    fractions: Float[ArrayLike, " p"] | Sequence[float],
    dim: int,
) -> dict[str, tuple[Float[Array, ""], Float[Array, ""]]]:
    """Lower and upper bounds of bulk and shear modulus of an isotropic mixture of isotropic phases (Walpole's form).

    In 2D `bulk` is the plane bulk modulus λ + μ and the mixture is transversely isotropic across its fibres.

    References: Hashin & Shtrikman (1963), doi:10.1016/0022-5096(63)90060-7; Hashin (1965), doi:10.1016/0022-5096(65)90015-3;
    Walpole (1966), doi:10.1016/0022-5096(66)90035-4.

    Returns:
        `{"bulk": (lower, upper), "shear": (lower, upper)}` in the unit of the moduli.

    Example:
        >>> bounds = hashin_shtrikman_moduli([1.0, 10.0], [1.0, 5.0], [0.5, 0.5], 3)
        >>> bool(bounds["bulk"][0] < bounds["bulk"][1])
        True
    """
    k, g, f = as_float_array("bulk", bulk), as_float_array("shear", shear), as_float_array("fractions", fractions)
    found: dict[str, list[Array]] = {"bulk": [], "shear": []}
    for side in ("min", "max"):
        k0, g0 = _present(k, f, side), _present(g, f, side)
        if dim == 3:
            a, b = 4 * g0 / 3, g0 * (9 * k0 + 8 * g0) / (6 * jnp.where(k0 + 2 * g0 > 0, k0 + 2 * g0, 1.0))
        else:
            a, b = g0, k0 * g0 / jnp.where(k0 + 2 * g0 > 0, k0 + 2 * g0, 1.0)
        found["bulk"].append(_shifted_harmonic(k, f, a))
        found["shear"].append(_shifted_harmonic(g, f, b))
    return {name: (low, high) for name, (low, high) in found.items()}


def _present(values: Array, fractions: Array, side: str) -> Array:
    """Smallest or largest value among the phases that are present."""
    absent = jnp.inf if side == "min" else -jnp.inf
    chosen = jnp.where(fractions > 0, values, absent)
    return jnp.min(chosen) if side == "min" else jnp.max(chosen)


def _shifted_harmonic(values: Array, fractions: Array, shift: Array) -> Array:
    total = values + shift
    dead = jnp.any((total <= 0) & (fractions > 0))
    share = jnp.sum(fractions / jnp.where(total > 0, total, 1.0))
    return jnp.where(dead, 0.0, 1.0 / jnp.where(share > 0, share, 1.0) - shift)


def loewner_gap(lower: Float[ArrayLike, "m m"], upper: Float[ArrayLike, "m m"]) -> Float[Array, ""]:
    """Smallest eigenvalue of `upper` − `lower` relative to the size of `upper`: not negative if the order holds.

    Example:
        >>> loewner_gap(jnp.eye(2), 2 * jnp.eye(2)).item()
        0.5
    """
    low, high = as_float_array("lower", lower), as_float_array("upper", upper)
    return jnp.min(jnp.linalg.eigvalsh(high - low)) / jnp.maximum(jnp.max(jnp.abs(high)), jnp.finfo(high.dtype).tiny)
