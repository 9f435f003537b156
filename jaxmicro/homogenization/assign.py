"""From a microstructure and its phases' constants to a material field on the grid."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, check_choice, check_shape
from jaxmicro.fields import Kinematics, conduction, elasticity
from jaxmicro.homogenization.composite import check_interfaces, layered, poisoned
from jaxmicro.materials import embedded_stiffness, is_definite, is_semidefinite, plane_stiffness
from jaxmicro.microstructures import Microstructure, interface_normals
from jaxmicro.orientations import embedding_size, rotate_stiffness, to_matrix

SCHEMES = ("voigt", "reuss", "laminate")
ROUNDING = 64  # a share below this many eps is absent, and one this near to 1 is alone
PLANES = ("columnar", "strain", "stress")


def assign_stiffness(
    ms: Microstructure,
    stiffness: Sequence[Float[ArrayLike, "m m"]],
    scheme: str = "voigt",
    plane: str = "columnar",
    *,
    normals: Float[ArrayLike, "d *grid"] | None = None,
    embedding: Any = None,
) -> Float[Array, "n n *grid"]:
    """Stiffness field of a microstructure.

    C(x) = Σ_p f_p(x) C_p (`"voigt"`), its inverse mean (`"reuss"`; zero where a void or a fluid stands beside others), or the laminate of
    the voxel's phases across the interface (`"laminate"`, composite voxels: see `composite_stiffness` for what they are good at).
    A phase with a 6 × 6 tensor is first rotated by the voxel's orientation if the microstructure has one.

    Args:
        ms: microstructure with p phases.
        stiffness: one tensor per phase, in the order of `ms.phases`: (6, 6) in the crystal frame, or (3, 3) in plane on a 2D
            grid (isotropic in plane: it is not rotated).
        scheme: how a voxel that holds several phases mixes them; no difference where labels are sharp.
        plane: what a 2D grid makes of (6, 6) tensors after their rotation: `"columnar"` keeps them, `"strain"` and `"stress"`
            make (3, 3) of them as `plane_stiffness` does.
        normals: of the interfaces, (d, *grid), of any length and sign, for `"laminate"`. By default those of `interface_normals`,
            and the Voigt mean where the fractions have no gradient. All phases of a voxel are layers with one normal.
        embedding: orientations as `orientations.embed` makes them, (k, *grid), or blends of such, in place of `ms.orientation`; the
            stiffness is linear in them. One per phase in a list where there are several phases, None for those that are no
            crystals. The Laue groups are those of the phases, m-3m where they have none.

    Returns:
        (n, n, *grid) in Mandel notation and the unit of `stiffness`, n = m unless `plane` cuts. Differentiable in fractions, orientations and constants.

    Raises:
        ValueError: if the number or the shapes of the tensors do not fit, or if a voxel of several phases is given a normal of no
            length. Under a tracer such voxels are NaN.

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
    points = _embeddings(ms, embedding)
    fields = [in_plane(_oriented_stiffness(ms, c, k, points[k]), plane) for k, c in enumerate(tensors)]
    return _mix(ms, fields, scheme, elasticity(ms.grid.ndim, fields[0].shape[0]), normals)


def _embeddings(ms: Microstructure, embedding: Any) -> list[Array | None]:
    """One field of embeddings or None per phase."""
    listed = list(embedding) if isinstance(embedding, (list, tuple)) else [embedding] * ms.n_phases
    check(
        len(listed) == ms.n_phases,
        f"`embedding` must hold one field or None per phase ({ms.n_phases}), but it holds {len(listed)}.",
    )
    fields = [None if each is None else as_float_array("embedding", each) for each in listed]
    for field, phase in zip(fields, ms.phases, strict=True):
        if field is not None:
            laue = phase.laue or "m-3m"
            size = embedding_size(laue)
            check_shape("embedding", field, (size, *ms.grid.shape), f"Embeddings of {laue} have {size} components first, then the grid.")
    return fields


def _oriented_stiffness(ms: Microstructure, c: Array, phase: int, embedding: Array | None) -> Array:
    """A phase's tensor in every voxel; the grid has edges of 1 where it is the same in all."""
    if embedding is not None:
        check(c.shape == (6, 6), f"`stiffness[{phase}]` must be (6, 6) where an embedding is given, but its shape is {c.shape}.")
        return embedded_stiffness(c, embedding, ms.phases[phase].laue or "m-3m")
    if c.shape == (6, 6) and ms.orientation is not None:
        return rotate_stiffness(c, ms.orientation)
    return _everywhere(ms, c)


def _everywhere(ms: Microstructure, tensor: Array) -> Array:
    return tensor.reshape(tensor.shape + (1,) * ms.grid.ndim)


def assign_conductivity(
    ms: Microstructure, conductivity: Sequence[Any], scheme: str = "voigt", *, normals: Float[ArrayLike, "d *grid"] | None = None
) -> Float[Array, "..."]:
    """Conductivity field of a microstructure: (*grid) from one number per phase, (d, d, *grid) if any phase has a tensor.

    Args:
        ms: microstructure with p phases.
        conductivity: a number or a tensor per phase, in the order of `ms.phases`. A (3, 3) tensor is in the crystal frame and
            is rotated by the voxel's orientation if the microstructure has one; a 2D grid takes the in-plane 2 × 2 of it,
            which is exact where the potential varies in the plane alone. A (2, 2) tensor on a 2D grid is in the sample frame.
        scheme: `"voigt"` (arithmetic), `"reuss"` (harmonic) or `"laminate"` (arithmetic along and harmonic across the interface,
            always (d, d, *grid)) mixing in voxels that hold several phases.
        normals: of the interfaces, for `"laminate"`, as in `assign_stiffness`.

    Differentiable in fractions, orientations and constants.

    Raises:
        ValueError: if the number or the shapes of the tensors do not fit, or as `assign_stiffness` for normals.

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
    if scheme != "laminate" and all(v.ndim == 0 for v in values):
        return _mix(ms, [_everywhere(ms, v[None, None]) for v in values], scheme, conduction(d), normals)[0, 0]
    return _mix(ms, [_oriented_conductivity(ms, as_tensor(v, d)) for v in values], scheme, conduction(d), normals)


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


def _mix(ms: Microstructure, fields: list[Array], scheme: str, kinematics: Kinematics, normals: Any) -> Array:
    check(
        normals is None or scheme == "laminate",
        f"`normals` are for scheme='laminate', but it is {scheme!r}. Leave them out, or ask for 'laminate'.",
    )
    shares = ms.fractions.astype(jnp.result_type(*fields))
    clean = [_without_absent(shares[p], field) for p, field in enumerate(fields)]
    if scheme == "laminate" and not ms.is_sharp and len(clean) > 1:
        return _laminate(ms, clean, kinematics, normals)
    return _reuss(clean) if scheme == "reuss" else _voigt(clean)


def _laminate(ms: Microstructure, parts: list[tuple[Array, Array]], kinematics: Kinematics, normals: Any) -> Array:
    """Layers with the normals that are given, or with those of the fractions and the mean where these have none."""
    shares, tensors = zip(*parts, strict=True)
    dtype = tensors[0].dtype
    if normals is None:
        mixed = layered(kinematics, shares, tensors, interface_normals(ms.fractions, ms.grid).astype(dtype))
    else:
        given = as_float_array("normals", normals).astype(dtype)
        check_shape("normals", given, (ms.grid.ndim, *ms.grid.shape), "Normals have one component per axis of the grid first.")
        largest = jnp.max(ms.fractions.astype(dtype), axis=0)
        check_interfaces(largest, given, "normals")
        mixed = poisoned(layered(kinematics, shares, tensors, given), largest, given)
    return jnp.where(jnp.isnan(sum(shares)), jnp.nan, mixed)


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
