"""Isotropic aggregates of crystals without texture: Voigt, Reuss, Hill, Hashin–Shtrikman, self-consistent.

All of them are one average with different constraints. Let C* (K₀, G₀) be the constraint that an infinite isotropic medium
puts on a sphere in it, 3K* = 4 G₀ and 2G* = G₀ (9K₀ + 8G₀) / (3 (K₀ + 2G₀)), and ⟨·⟩ the mean over phases and all rotations:

    C(K₀, G₀) = ⟨(C_p + C*)⁻¹⟩⁻¹ − C*

is the lower bound of Hashin & Shtrikman where no crystal is softer than the medium in any direction, their upper bound where
none is stiffer, and the self-consistent estimate where it is the medium itself. Reuss and Voigt are its limits for a medium
without stiffness and an infinitely stiff one.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxmicro._core import Status, as_float_array, check, is_concrete, raise_for_status, record
from jaxmicro.homogenization.moduli import nearest_isotropic
from jaxmicro.homogenization.self_consistency import largest_fixed_point
from jaxmicro.materials import is_definite

MEDIA = 600  # comparison media tried on each side; any of them gives a bound
UNCOUPLED = {
    "float64": 1e-12,
    "float32": 1e-5,
}  # share of the stiffness below which shear and dilation of a crystal do not couple (cubic: exactly)
SUM = 1e-6
SKEW = 1024  # roundings of the largest entry by which a tensor may miss being symmetric


@record
class IsotropicModuli:
    """Moduli of an isotropic solid in the unit of the stiffness; arrays of one shape, a pytree."""

    bulk: Float[Array, "..."]
    shear: Float[Array, "..."]

    @property
    def young(self) -> Float[Array, "..."]:
        """Young's modulus 9KG/(3K + G)."""
        return 9 * self.bulk * self.shear / (3 * self.bulk + self.shear)

    @property
    def poisson(self) -> Float[Array, "..."]:
        """Poisson's ratio (3K − 2G)/(6K + 2G)."""
        return (3 * self.bulk - 2 * self.shear) / (6 * self.bulk + 2 * self.shear)


@record
class PolycrystalEstimates:
    """Bounds and estimates of an aggregate without texture; a pytree.

    Attributes:
        voigt, reuss: bounds for any shape of grains.
        hill: their arithmetic mean.
        hashin_shtrikman: `(lower, upper)`, bounds where shapes and places of grains are isotropic too.
        self_consistent: every crystal is a sphere in the aggregate.
        status: how the self-consistent equation was solved, a `Status` code.
        steps: its Newton steps.
        residual: its relative residual.
    """

    voigt: IsotropicModuli
    reuss: IsotropicModuli
    hill: IsotropicModuli
    hashin_shtrikman: tuple[IsotropicModuli, IsotropicModuli]
    self_consistent: IsotropicModuli
    status: Int[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]


def polycrystal_estimates(
    stiffness: Float[ArrayLike, "..."] | Sequence[Any], fractions: Float[ArrayLike, " p"] | Sequence[float] | None = None
) -> PolycrystalEstimates:
    """Moduli of an isotropic aggregate of crystals of any symmetry, from their constants alone.

    Args:
        stiffness: of the crystal, (6, 6) in Mandel notation in any frame; or one per phase, (p, 6, 6).
        fractions: shares of the phases, (p,), sum 1; left out for one phase.

    Returns:
        The estimates, each with `.bulk`, `.shear`, `.young`, `.poisson` in the unit of the stiffness. Reuss ≤ lower
        Hashin–Shtrikman ≤ self-consistent ≤ upper ≤ Voigt. For cubic crystals the Hashin–Shtrikman bounds are the closed
        form; for others the best of comparison media along the border of those that are softer (stiffer) than every crystal, each
        of which is a bound.

    Raises:
        ValueError: for other shapes, no tensor, tensors that are not symmetric or not positive definite, or fractions that are negative or do not sum to 1;
            NaN under a tracer.
        SolveError: if the self-consistent equation could not be solved (NaN under a tracer).

    References: Hill (1952), doi:10.1088/0370-1298/65/5/307; Hashin & Shtrikman (1962), doi:10.1016/0022-5096(62)90005-4; Kröner
    (1958), doi:10.1007/BF01337948; Watt & Peselnick (1980), doi:10.1063/1.327804 (other symmetries); Berryman (2005),
    doi:10.1016/j.jmps.2005.05.004.

    Example:
        >>> from jaxmicro.materials import constants
        >>> found = polycrystal_estimates(constants("Cu").stiffness)
        >>> [round(float(g), 1) for g in (found.reuss.shear, found.self_consistent.shear, found.voigt.shear)]
        [40.2, 48.4, 54.9]

    Differentiable to first order in both modes in the constants and the fractions, the self-consistent one implicitly; the
    Hashin–Shtrikman bounds along changes that keep the symmetry of the crystal (others split equal eigenvalues: a kink).
    """
    tensors, shares = _phases(stiffness, fractions)
    found, fine, symmetric = _estimates(tensors, shares)
    if is_concrete(tensors, shares, found.status):
        check(
            bool(symmetric),
            "`stiffness` must hold symmetric tensors, but C − Cᵀ has an entry of "
            f"{float(jnp.max(jnp.abs(tensors - jnp.swapaxes(tensors, 1, 2)))):g}. Pass (C + Cᵀ)/2 where that is meant.",
        )
        check(
            bool(fine),
            "`stiffness` must hold positive definite tensors and `fractions` shares from 0 to 1 that sum to 1, but the smallest "
            f"eigenvalue is {float(jnp.min(jnp.linalg.eigvalsh(tensors))):g} and the fractions are {np.asarray(shares).tolist()}.",
        )
        raise_for_status("polycrystal_estimates", found.status, found.residual, found.steps)
    return found


def _phases(stiffness: Any, fractions: Any) -> tuple[Array, Array]:
    listed = isinstance(stiffness, (list, tuple))
    check(
        np.shape(stiffness)[:1] != (0,) if not listed else len(stiffness) > 0, "`stiffness` must hold one tensor or more, but it is empty."
    )
    tensors = as_float_array("stiffness", jnp.stack([as_float_array("stiffness", c) for c in stiffness]) if listed else stiffness)
    check(
        tensors.ndim in (2, 3) and tensors.shape[-2:] == (6, 6),
        f"`stiffness` must be (6, 6) or (p, 6, 6) in Mandel notation, but its shape is {tensors.shape}.",
    )
    tensors = tensors[None] if tensors.ndim == 2 else tensors
    check(
        fractions is not None or tensors.shape[0] == 1,
        f"`fractions` must be given where there are several phases, but there are {tensors.shape[0]} and none. Pass one share per phase.",
    )
    shares = jnp.ones(1, tensors.dtype) if fractions is None else as_float_array("fractions", fractions).astype(tensors.dtype)
    check(shares.shape == tensors.shape[:1], f"`fractions` must have shape {tensors.shape[:1]}, but it is {shares.shape}.")
    return tensors, shares


@jax.jit
def _estimates(tensors: Array, shares: Array) -> tuple[PolycrystalEstimates, Bool[Array, ""], Bool[Array, ""]]:
    slack = SKEW * jnp.finfo(tensors.dtype).eps * jnp.max(jnp.abs(tensors), axis=(1, 2), keepdims=True)
    symmetric = ~jnp.any(jnp.abs(tensors - jnp.swapaxes(tensors, 1, 2)) > slack)
    definite = jnp.all(is_definite(jnp.moveaxis(tensors, 0, -1)))
    fine = symmetric & definite & jnp.all(shares >= 0) & (jnp.abs(jnp.sum(shares) - 1) <= SUM)
    tensors = jnp.where(definite, tensors, jnp.eye(6, dtype=tensors.dtype))
    voigt, reuss = _isotropic_mean(tensors, shares), _isotropic_mean(jnp.linalg.inv(tensors), shares)
    reuss = jnp.array([1 / (9 * reuss[0]), 1 / (4 * reuss[1])])
    lower, upper = (_hashin_shtrikman(tensors, shares, side) for side in (-1, 1))
    consistent, (status, steps, residual) = largest_fixed_point(lambda x: _average(tensors, shares, x), voigt, jnp.zeros_like(voigt))
    good = fine & (status == Status.CONVERGED)

    def moduli(pair: Array) -> IsotropicModuli:
        pair = jnp.where(good, pair, jnp.nan)
        return IsotropicModuli(pair[0], pair[1])

    status = jnp.where(fine, status, Status.BAD_INPUT).astype(jnp.int32)
    return PolycrystalEstimates(
        moduli(voigt), moduli(reuss), moduli((voigt + reuss) / 2), (moduli(lower), moduli(upper)), moduli(consistent), status, steps, residual
    ), fine, symmetric  # fmt: skip


def _isotropic_mean(tensors: Array, shares: Array) -> Array:
    """Bulk and shear modulus of the mean over phases and rotations."""
    return shares @ jnp.stack(jax.vmap(nearest_isotropic)(tensors), axis=1)


def _average(tensors: Array, shares: Array, medium: Array) -> Array:
    """C(K₀, G₀) of the header as bulk and shear modulus."""
    bulk, shear = medium
    dilating = 4 * shear
    shearing = shear * (9 * bulk + 8 * shear) / (3 * (bulk + 2 * shear))
    J = jnp.zeros((6, 6), tensors.dtype).at[:3, :3].set(1 / 3)
    constraint = dilating * J + shearing * (jnp.eye(6, dtype=tensors.dtype) - J)
    soft = _isotropic_mean(jnp.linalg.inv(tensors + constraint), shares)
    return jnp.stack([(1 / (3 * soft[0]) - dilating) / 3, (1 / (2 * soft[1]) - shearing) / 2])


def _hashin_shtrikman(tensors: Array, shares: Array, side: int) -> Float[Array, " 2"]:
    """The best bounds of bulk and shear modulus among the media of the border.

    The places are chosen with constants held, and the bounds follow them with derivatives: between places they are stationary or
    pinned by the crystals.
    """
    places = jnp.concatenate([jnp.zeros(1), jnp.logspace(-9, 0 if side < 0 else 1, MEDIA - 1)]).astype(tensors.dtype)

    def at(place: Array) -> Array:
        return _average(tensors, shares, _border(tensors, shares, side, place))

    tried = jax.lax.stop_gradient(jax.vmap(at)(places))
    best = jnp.nanargmax(-side * tried, axis=0)
    return jnp.stack([at(places[best[0]])[0], at(places[best[1]])[1]])


def _border(tensors: Array, shares: Array, side: int, place: Array) -> Float[Array, " 2"]:
    """The medium (K₀, G₀) at a place on the border of those softer (side −1) or stiffer (+1) than every crystal in every direction.

    With C split into dilation C_v, shear block D and their coupling c, C − C₀ is semidefinite for 2G₀ beyond the eigenvalues of D
    up to 3K₀ = C_v − c·(D − 2G₀)⁻¹·c. Where a side leaves no positive K₀ the medium is NaN.
    """
    split = [_split(c) for c in tensors]
    present, most = shares > 0, jnp.max if side > 0 else jnp.min
    edges = jnp.stack([each[2][-1 if side > 0 else 0] for each in split])
    free = jnp.stack([each[4][-1 if side > 0 else 0] for each in split])
    edge = most(jnp.where(present, edges, -side * jnp.inf))
    reached = jnp.all(free | ~present | (edges != edge)) | (place > 0)  # at the edge itself (D − 2G₀)⁻¹ exists only without coupling
    twice = edge * (1 + side * place)
    pulled = jnp.stack([volumetric - _pull(shearing, coupling, spread, twice) for volumetric, (shearing, coupling), spread in
                        ((each[0], each[1], each[3]) for each in split)])  # fmt: skip
    bulk = most(jnp.where(present, pulled, -side * jnp.inf)) / 3
    usable = reached & (bulk > 0) & (twice > 0) & jnp.isfinite(bulk)
    return jnp.where(usable, jnp.stack([jnp.where(usable, bulk, 1.0), jnp.where(usable, twice, 1.0) / 2]), jnp.nan)


def _split(c: Array) -> tuple[Array, tuple[Array, Array], Array, Array, Array]:
    """Dilation 3K, shear block with its coupling to dilation, the block's eigenvalues, what of it does not couple, as projector and flags."""
    basis = jnp.asarray(_BASIS, c.dtype)
    turned = basis.T @ c @ basis
    volumetric, coupling, shearing = turned[0, 0], turned[0, 1:], turned[1:, 1:]
    vectors = jax.lax.stop_gradient(jnp.linalg.eigh(shearing)[1])
    values = jnp.einsum("ki,kl,li->i", vectors, shearing, vectors)  # to first order the vectors of a change do not count
    alone = jnp.abs(coupling @ vectors) <= UNCOUPLED[c.dtype.name] * volumetric
    projector = jax.lax.stop_gradient((vectors * alone) @ vectors.T)
    return volumetric, (shearing, coupling), values, projector, alone


def _pull(shearing: Array, coupling: Array, alone: Array, twice: Array) -> Array:
    """c·(D − 2G₀)⁻¹·c without the directions that do not couple, in which the inverse may not exist."""
    size = jax.lax.stop_gradient(jnp.trace(shearing))
    eye = jnp.eye(5, dtype=shearing.dtype)
    rest = eye - alone
    block = rest @ (shearing - twice * eye) @ rest + size * alone
    return (rest @ coupling) @ jnp.linalg.solve(block, rest @ coupling)


_BASIS = np.linalg.qr(np.column_stack([[1.0, 1, 1, 0, 0, 0], *np.eye(6)[[0, 1, 3, 4, 5]]]))[0]
