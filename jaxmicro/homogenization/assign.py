"""From a microstructure and its phases' constants to a material field on the grid."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice
from jaxmicro.materials import is_definite, is_semidefinite, plane_stiffness
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import rotate_stiffness, to_matrix

SCHEMES = ("voigt", "reuss")
ROUNDING = 64  # a share below this many eps is absent, and one this near to 1 is alone
PLANES = ("columnar", "strain", "stress")


def assign_stiffness(
    ms: Microstructure, stiffness: Sequence[Float[ArrayLike, "m m"]], scheme: str = "voigt", plane: str = "columnar"
) -> Float[Array, "n n *grid"]:
    """Stiffness field of a microstructure.

    C(x) = Σ_p f_p(x) C_p (`"voigt"`), or its inverse mean (`"reuss"`; zero where a void or a fluid stands beside others), where a phase with a 6 × 6 tensor is first rotated by
    the voxel's orientation if the microstructure has one.

    Args:
        ms: microstructure with p phases.
        stiffness: one tensor per phase, in the order of `ms.phases`: (6, 6) in the crystal frame, or (3, 3) in plane on a 2D
            grid (isotropic in plane: it is not rotated).
        scheme: how a voxel that holds several phases mixes them; no difference where labels are sharp.
        plane: what a 2D grid makes of (6, 6) tensors after their rotation: `"columnar"` keeps them, `"strain"` and `"stress"`
            make (3, 3) of them as `plane_stiffness` does.

    Returns:
        (n, n, *grid) in Mandel notation and the unit of `stiffness`, n = m unless `plane` cuts. Differentiable in fractions, orientations and constants.

    Raises:
        ValueError: if the number or the shapes of the tensors do not fit.

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> ms = Microstructure(labels=[[0, 1], [1, 0]])
        >>> assign_stiffness(ms, [isotropic_stiffness(1.0, 0.3, dim=2), isotropic_stiffness(10.0, 0.3, dim=2)]).shape
        (3, 3, 2, 2)
    """
    check_choice("scheme", scheme, SCHEMES)
    check_choice("plane", plane, PLANES)
    tensors = [as_float_array(f"stiffness[{k}]", c) for k, c in enumerate(stiffness)]
    _check_count("stiffness", len(tensors), ms)
    sizes = {c.shape for c in tensors}
    allowed = {(6, 6)} if ms.grid.ndim == 3 else {(3, 3), (6, 6)}
    check(
        len(sizes) == 1 and sizes <= allowed,
        f"`stiffness` must hold one {' or '.join(map(str, sorted(allowed)))} tensor per phase, but the shapes are {sorted(sizes)}.",
    )
    check(
        plane == "columnar" or (ms.grid.ndim == 2 and sizes == {(6, 6)}),
        f"`plane` is for (6, 6) tensors on a 2D grid, but it is {plane!r} with {sizes.pop()} on a {ms.grid.ndim}D grid. Leave it out.",
    )
    return _mix(ms, [in_plane(_oriented_stiffness(ms, c), plane) for c in tensors], scheme)


def _oriented_stiffness(ms: Microstructure, c: Array) -> Array:
    """A phase's tensor in every voxel; the grid has edges of 1 where it is the same in all."""
    if c.shape == (6, 6) and ms.orientation is not None:
        return rotate_stiffness(c, ms.orientation)
    return _everywhere(ms, c)


def _everywhere(ms: Microstructure, tensor: Array) -> Array:
    return tensor.reshape(tensor.shape + (1,) * ms.grid.ndim)


def assign_conductivity(ms: Microstructure, conductivity: Sequence[Any], scheme: str = "voigt") -> Float[Array, "..."]:
    """Conductivity field of a microstructure: (*grid) from one number per phase, (d, d, *grid) if any phase has a tensor.

    Args:
        ms: microstructure with p phases.
        conductivity: a number or a tensor per phase, in the order of `ms.phases`. A (3, 3) tensor is in the crystal frame and
            is rotated by the voxel's orientation if the microstructure has one; a 2D grid takes the in-plane 2 × 2 of it,
            which is exact where the potential varies in the plane alone. A (2, 2) tensor on a 2D grid is in the sample frame.
        scheme: `"voigt"` (arithmetic) or `"reuss"` (harmonic) mixing in voxels that hold several phases.

    Differentiable in fractions, orientations and constants.

    Raises:
        ValueError: if the number or the shapes of the tensors do not fit.

    Example:
        >>> assign_conductivity(Microstructure(labels=[[0, 1], [1, 0]]), [1.0, 10.0]).tolist()
        [[1.0, 10.0], [10.0, 1.0]]
    """
    check_choice("scheme", scheme, SCHEMES)
    values = [as_float_array(f"conductivity[{k}]", k_p) for k, k_p in enumerate(conductivity)]
    _check_count("conductivity", len(values), ms)
    d = ms.grid.ndim
    check(
        all(v.shape in ((), (d, d), (3, 3)) for v in values),
        f"`conductivity` must hold a number or a {' or '.join(f'({n}, {n})' for n in range(d, 4))} tensor per phase, but the shapes are {[v.shape for v in values]}.",
    )
    if all(v.ndim == 0 for v in values):
        return _mix(ms, [_everywhere(ms, v[None, None]) for v in values], scheme)[0, 0]
    return _mix(ms, [_oriented_conductivity(ms, as_tensor(v, d)) for v in values], scheme)


def as_tensor(conductivity: Array, d: int) -> Array:
    """A number as an isotropic (d, d) tensor; a tensor as it is."""
    return conductivity * jnp.eye(d, dtype=conductivity.dtype) if conductivity.ndim == 0 else conductivity


def _oriented_conductivity(ms: Microstructure, k: Array) -> Array:
    """K = gᵀ k g of a phase in every voxel, in the plane of a 2D grid."""
    d = ms.grid.ndim
    if k.shape == (3, 3) and ms.orientation is not None:
        g = to_matrix(ms.orientation)
        return jnp.einsum("ki...,kl,lj...->ij...", g, k, g)[:d, :d]
    return _everywhere(ms, k[:d, :d])


def _check_count(name: str, count: int, ms: Microstructure) -> None:
    names = ", ".join(repr(p.name) for p in ms.phases)
    check(count == ms.n_phases, f"`{name}` must hold one entry per phase ({ms.n_phases}: {names}), but it holds {count}.")


def _mix(ms: Microstructure, fields: list[Array], scheme: str) -> Array:
    shares = ms.fractions.astype(jnp.result_type(*fields))
    clean = [_without_absent(shares[p], field) for p, field in enumerate(fields)]
    return _voigt(clean) if scheme == "voigt" else _reuss(clean)


def _without_absent(share: Array, field: Array) -> tuple[Array, Array]:
    """The share and tensors of a phase such that tensors that are not finite spoil only voxels that hold the phase."""
    bad = ~jnp.all(jnp.isfinite(field), axis=(0, 1))
    return jnp.where(bad & (share > 0), jnp.nan, share), jnp.where(bad, 0.0, field)


def _voigt(parts: list[tuple[Array, Array]]) -> Array:
    return sum(share * field for share, field in parts)  # type: ignore[return-value]


def _reuss(parts: list[tuple[Array, Array]]) -> Array:
    """(Σ f_p C_p⁻¹)⁻¹; zero where a phase that yields to some strain without stress stands beside others; C_p where alone."""
    size = parts[0][1].shape[0]
    one = jnp.eye(size, dtype=parts[0][1].dtype).reshape(size, size, *(1,) * (parts[0][1].ndim - 2))
    rounding = ROUNDING * jnp.finfo(one.dtype).eps
    compliance, alone = jnp.zeros_like(one), jnp.zeros_like(one)
    soft = jnp.zeros((), bool)
    for share, field in parts:
        yields = is_semidefinite(field) & ~is_definite(field)
        compliance = compliance + share * jnp.where(yields, 0.0, _invert(jnp.where(yields, one, field)))
        alone = alone + jnp.where(yields & (share >= 1 - rounding), field, 0.0)
        soft = soft | (yields & ~(share <= rounding))
    mixed = jnp.where(soft, alone, _invert(jnp.where(soft, one, compliance)))
    return jnp.where(jnp.isnan(sum(share for share, _ in parts)), jnp.nan, mixed)


def _invert(field: Array) -> Array:
    return jnp.moveaxis(jnp.linalg.inv(jnp.moveaxis(field, (0, 1), (-2, -1))), (-2, -1), (0, 1))


def in_plane(stiffness: Float[ArrayLike, "k k ..."], plane: str) -> Float[Array, "m m ..."]:
    """The tensors of a phase for a 2D problem: 3 × 3 for `"strain"` and `"stress"`, unchanged for `"columnar"`."""
    c = as_float_array("stiffness", stiffness)
    return c if plane == "columnar" else plane_stiffness(c, plane)
