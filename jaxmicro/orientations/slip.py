"""Slip systems of cubic and hexagonal crystals, and the shear stress a load resolves on them."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_broadcast, check_choice, in_reach, is_number, record, static
from jaxmicro.fields.mandel import PAIRS
from jaxmicro.orientations.equivalents import SAME
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.on_host import rotation_matrices
from jaxmicro.orientations.quaternions import checked, to_matrix
from jaxmicro.orientations.stiffness import WEIGHT, rotation_mandel

# One plane and one direction in it, as Miller or Miller–Bravais indices; the crystal's symmetry gives the others.
FAMILIES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "fcc": ((1, 1, 1), (0, 1, -1)),
    "bcc_110": ((0, 1, -1), (1, 1, 1)),
    "bcc_112": ((1, 1, -2), (1, 1, 1)),
    "bcc_123": ((1, 2, -3), (1, 1, 1)),
    "hcp_basal": ((0, 0, 0, 1), (2, -1, -1, 0)),
    "hcp_prismatic": ((0, 1, -1, 0), (2, -1, -1, 0)),
    "hcp_pyramidal_a": ((0, 1, -1, 1), (2, -1, -1, 0)),
    "hcp_pyramidal_ca": ((1, 0, -1, 1), (-2, 1, 1, 3)),
    "hcp_pyramidal_ca_second": ((1, 1, -2, 2), (-1, -1, 2, 3)),
}
GROUPS = {
    "bcc": ("bcc_110", "bcc_112"),
    "hcp": ("hcp_basal", "hcp_prismatic", "hcp_pyramidal_a", "hcp_pyramidal_ca", "hcp_pyramidal_ca_second"),
}
NEED_RATIO = tuple(name for name in FAMILIES if "pyramidal" in name)


@record
class SlipSystems:
    """Slip systems of a crystal, in its Cartesian axes (hexagonal: x ∥ a, z ∥ c).

    Attributes:
        directions: unit vectors `(3, n)` along which planes slip.
        normals: unit vectors `(3, n)` perpendicular to the planes, and to the directions.
        families: for each system the name of its family.
    """

    directions: Float[Array, "3 n"]
    normals: Float[Array, "3 n"]
    families: tuple[str, ...] = static(default=())


def slip_systems(name: str, c_over_a: float | None = None) -> SlipSystems:
    """The slip systems of a crystal structure or of one of its families.

    - "fcc": {111}⟨110⟩, 12;
    - "bcc_110", "bcc_112", "bcc_123": {110}, {112}, {123}⟨111⟩, 12, 12 and 24; "bcc" is the first two;
    - "hcp_basal", "hcp_prismatic", "hcp_pyramidal_a": (0001), {10-10}, {10-11}⟨11-20⟩, 3, 3 and 6;
    - "hcp_pyramidal_ca", "hcp_pyramidal_ca_second": {10-11}, {11-22}⟨11-23⟩, 12 and 6; "hcp" is all five.

    Args:
        name: as above.
        c_over_a: axial ratio, needed for pyramidal planes (Ti 1.587, Mg 1.624, Zr 1.593).

    Returns:
        A record with `directions` `(3, n)`, `normals` `(3, n)` and `families`. Opposite directions count as one system.

    Raises:
        ValueError: if the name is not known, or the axial ratio is missing or not positive.
        TypeError: if the axial ratio is not a number.

    Reference: P. G. Partridge, Metall. Rev. 12, 169 (1967), doi:10.1179/mtlr.1967.12.1.169 (hexagonal metals).

    Example:
        >>> slip_systems("fcc").normals.shape, slip_systems("hcp", c_over_a=1.587).directions.shape
        ((3, 12), (3, 30))

    Constant: there is nothing to differentiate.
    """
    check_choice("name", name, (*FAMILIES, *GROUPS))
    names = GROUPS.get(name, (name,))
    if any(each in NEED_RATIO for each in names):
        check(
            c_over_a is not None,
            f"`c_over_a` must be given for {name!r}, but it is None. Pass the axial ratio c/a, such as 1.587 for titanium.",
        )
    ratio = 1.0 if c_over_a is None else _axial_ratio(c_over_a)
    found = [_family(each, ratio) for each in names]
    families = tuple(each for each, (d, _) in zip(names, found, strict=True) for _ in range(d.shape[1]))
    directions, normals = (jnp.asarray(np.concatenate(arrays, axis=1), jnp.result_type(float)) for arrays in zip(*found, strict=True))
    return SlipSystems(directions=directions, normals=normals, families=families)


def _axial_ratio(value: Any) -> float:
    check(is_number(value), f"`c_over_a` must be a number, but it is {value!r}. Pass c/a, such as 1.587.", TypeError)
    check(0 < float(value) < np.inf, f"`c_over_a` must be positive, but it is {value}. Pass c/a.")
    return float(value)


def schmid_factors(q: ArrayLike, systems: SlipSystems, loading: Any) -> Float[Array, "n ..."]:
    """Schmid factors of a uniaxial load, or the shear stress that a stress tensor resolves: τ = d · σ n.

    Args:
        q: quaternions `(4, …)`, sample → crystal, of any length.
        systems: of `slip_systems`.
        loading: in the sample frame, either the direction `(3, …)` of a uniaxial load, of any length, or a stress `(6, …)`
            in Mandel notation; its trailing shape broadcasts with that of `q`. `(3, 3)` is refused, since it may be meant as a
            tensor: give that as `fields.tensor_to_mandel(stress)`, and three directions as `(3, 1, 3)`.

    Returns:
        `(n, …)`: for a direction the Schmid factors, from −1/2 to 1/2, whose sign tells the sense of slip under tension; for
        a stress the resolved shear stress in its unit.

    Raises:
        ValueError: if the shapes are others or do not broadcast.

    Reference: E. Schmid, W. Boas, "Kristallplastizität", Springer (1935), doi:10.1007/978-3-662-34532-0.

    Example:
        >>> factors = schmid_factors(jnp.array([1.0, 0, 0, 0]), slip_systems("fcc"), (0.0, 0.0, 1.0))
        >>> int((jnp.abs(factors) > 0.4).sum()), round(float(factors.max()), 3)
        (8, 0.408)

    Differentiable in `q` and `loading`.
    """
    q, load = as_float_arrays(q=q, loading=loading)
    q = checked("q", q)
    check(
        load.ndim >= 1 and load.shape[0] in (3, 6),
        f"`loading` must be a direction (3, …) or a Mandel stress (6, …), but its shape is {load.shape}. Give one of the two.",
    )
    check(
        load.shape != (3, 3),
        "`loading` must be a direction (3, …) or a Mandel stress (6, …), but its shape (3, 3) is that of a tensor and of three directions alike. "
        "Give a stress tensor as fields.tensor_to_mandel(stress), three directions as (3, 1, 3), by `directions[:, None]`.",
    )
    check_broadcast("loading", load.shape[1:], "q", q.shape[1:], "Give one load (3,) or (6,) for all, or one each.")
    return _resolved(q, systems.directions.astype(q.dtype), systems.normals.astype(q.dtype), load)


@jax.jit
def _resolved(q: Array, d: Array, n: Array, load: Array) -> Float[Array, "n ..."]:
    if load.shape[0] == 6:
        i, j = np.array(PAIRS[6]).T
        weight = jnp.asarray(0.5 * WEIGHT, q.dtype)[:, None]
        stress = _turned(rotation_mandel(q), load)
        return jnp.einsum("In,I...->n...", weight * (d[i] * n[j] + d[j] * n[i]), stress, precision="highest")
    load = in_reach(load)
    square = jnp.sum(load**2, axis=0)
    h = _turned(to_matrix(q), load / jnp.sqrt(jnp.where(square == 0, jnp.nan, square)))
    along, across = (jnp.einsum("in,i...->n...", vectors, h, precision="highest") for vectors in (d, n))
    return along * across


def _turned(matrix: Array, vector: Array) -> Float[Array, "m ..."]:
    """Matrix times vector at every point, components first, trailing shapes broadcast."""
    return jnp.stack([functools.reduce(jnp.add, [entry * v for entry, v in zip(row, vector, strict=True)]) for row in matrix])


@functools.cache
def _family(name: str, c_over_a: float) -> tuple[Float[np.ndarray, "3 n"], Float[np.ndarray, "3 n"]]:
    """Directions and normals of all systems equivalent to the one in the table."""
    plane, direction = FAMILIES[name]
    n, d = plane_normal(plane, c_over_a), _direction(direction, c_over_a)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for q in symmetry_operators("m-3m" if len(plane) == 3 else "6/mmm").T:
        g = rotation_matrices(q)
        new = (g @ d, g @ n)
        if not any(abs(new[0] @ a) > 1 - SAME and abs(new[1] @ b) > 1 - SAME for a, b in found):
            found.append(new)
    return np.stack([a for a, _ in found], axis=1), np.stack([b for _, b in found], axis=1)


def _direction(indices: tuple[int, ...], c_over_a: float) -> Float[np.ndarray, "3"]:
    """Unit vector of [uvw], or of [uvtw] = u a1 + v a2 + t a3 + w c."""
    if len(indices) == 4:
        u, v, t, w = indices
        indices = (u - (v + t) / 2, np.sqrt(0.75) * (v - t), w * c_over_a)  # pyright: ignore[reportAssignmentType]
    vector = np.array(indices, dtype=float)
    return vector / np.linalg.norm(vector)


def plane_normal(indices: tuple[int, ...], c_over_a: float) -> Float[np.ndarray, "3"]:
    """Unit normal of (hkl), or of (hkil), whose components along a1, a2 and c are h, k and l."""
    if len(indices) == 4:
        h, k, _, l = indices
        indices = (h, (h + 2 * k) / np.sqrt(3), l / c_over_a)  # pyright: ignore[reportAssignmentType]
    vector = np.array(indices, dtype=float)
    return vector / np.linalg.norm(vector)
