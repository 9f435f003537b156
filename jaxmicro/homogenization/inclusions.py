"""Inclusions of one shape: the constants that describe their phases, and the stiffness with which a medium holds them.

Elastic phases are described by (κ, μ) for spheres, by the plane (κ, μ) for discs, and by Hill's (k, l, n, m, p) for aligned
fibres: plane bulk modulus k, axial coupling l, axial stiffness n, shear moduli m across and p along the fibres. Conductors
are described by k, and for fibres by (k across, k along). In this order every estimate is a formula for numbers.

An inclusion in a medium of moduli κ, μ meets the constraint moduli κ*, μ* ("star"), the stiffness of the medium with a hole
against a field that would be uniform in the hole, and its Hill tensor is P = (C + C*)⁻¹.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import check, check_choice

SHAPES = ("sphere", "disc", "fibre")
ROOT = 0.5**0.5
SIZES = {"sphere": (6, 3), "disc": (3, 2), "fibre": (6, 3)}  # rows of a stiffness and of a conductivity


class Kind(NamedTuple):
    """A shape and a physics: `shape` of the inclusions, and whether the tensors are stiffnesses."""

    shape: str
    elastic: bool

    @property
    def dim(self) -> int:
        """Dimensions in which the field around an inclusion decays."""
        return 3 if self.shape == "sphere" else 2


def kind_of(shape: str, size: int) -> Kind:
    """The problem that tensors of `size` rows belong to.

    Example:
        >>> kind_of("disc", 3)
        Kind(shape='disc', elastic=True)
    """
    check_choice("shape", shape, SHAPES)
    elastic, conductive = SIZES[shape]
    check(
        size in (elastic, conductive),
        f"`matrix` must be a ({elastic}, {elastic}) stiffness, a ({conductive}, {conductive}) conductivity or a number for shape={shape!r}, "
        f"but its shape is ({size}, {size}).",
    )
    return Kind(shape, size == elastic)


def basis(kind: Kind) -> Float[np.ndarray, "m m"]:
    """Rows that make the tensors of round phases diagonal (but for the coupling l of fibres, between the first two rows)."""
    if not kind.elastic:
        return np.eye(SIZES[kind.shape][1])
    if kind.shape == "disc":
        return np.array([[ROOT, ROOT, 0], [ROOT, -ROOT, 0], [0, 0, 1]])
    shears = np.eye(6)[3:]
    if kind.shape == "fibre":
        plane = np.array([[ROOT, ROOT, 0], [0, 0, 1], [ROOT, -ROOT, 0]])
    else:
        plane = np.array([[1, 1, 1], [1, -1, 0], [1, 1, -2]]) / np.sqrt([[3], [2], [6]])
    return np.concatenate([np.pad(plane, ((0, 0), (0, 3))), shears])


def constants_of(tensor: Float[Array, "m m"], kind: Kind) -> Float[Array, " c"]:
    """The constants of a phase: of the nearest round tensor, if it is not round itself. Linear.

    Example:
        >>> from jaxmicro.materials import lame_stiffness
        >>> constants_of(lame_stiffness(1.0, 2.0), Kind("fibre", True)).round(6).tolist()
        [3.0, 1.0, 5.0, 2.0, 2.0]
    """
    u = jnp.asarray(basis(kind), tensor.dtype)
    t = u @ tensor @ u.T
    if not kind.elastic:
        return jnp.stack([jnp.mean(jnp.diagonal(t)[:2]), t[2, 2]]) if kind.shape == "fibre" else jnp.mean(jnp.diagonal(t))[None]
    if kind.shape == "fibre":
        k, l, n = 0.5 * t[0, 0], ROOT * 0.5 * (t[0, 1] + t[1, 0]), t[1, 1]
        return jnp.stack([k, l, n, 0.25 * (t[2, 2] + t[5, 5]), 0.25 * (t[3, 3] + t[4, 4])])
    return jnp.stack([t[0, 0] / kind.dim, 0.5 * jnp.mean(jnp.diagonal(t)[1:])])


def tensor_of(constants: Float[Array, " c"], kind: Kind) -> Float[Array, "m m"]:
    """The round tensor with these constants: `constants_of` of it gives them back.

    Example:
        >>> tensor_of(jnp.array([3.0, 1.0]), Kind("disc", True)).round(6).tolist()
        [[4.0, 2.0, 0.0], [2.0, 4.0, 0.0], [0.0, 0.0, 2.0]]
    """
    u = jnp.asarray(basis(kind), constants.dtype)
    if not kind.elastic:
        diagonal = constants[np.array([0, 0, 1])] if kind.shape == "fibre" else jnp.broadcast_to(constants, (len(u),))
        return jnp.diag(diagonal)
    if kind.shape == "fibre":
        k, l, n, m, p = constants
        inner = jnp.diag(jnp.stack([2 * k, n, 2 * m, 2 * p, 2 * p, 2 * m]))
        inner = inner.at[np.array([0, 1]), np.array([1, 0])].set(2 * ROOT * l)
    else:
        inner = jnp.diag(jnp.concatenate([kind.dim * constants[:1], jnp.broadcast_to(2 * constants[1], (len(u) - 1,))]))
    return u.T @ inner @ u


def star(constants: Float[Array, " c"], kind: Kind) -> Float[Array, " c"]:
    """Constraint constants of a round medium, those that its field resists with: per constant, infinite for what it does not resist.

    Conduction k* = (d − 1) k; elasticity κ* = 4μ/3, μ* = μ (9κ + 8μ)/(6 (κ + 2μ)) in space, κ* = μ, μ* = κ μ/(κ + 2μ) in
    the plane, and p* = p along the fibres. Increasing and concave in the constants, zero with them.

    Example:
        >>> star(jnp.array([2.0, 1.0]), Kind("disc", True)).tolist()
        [1.0, 0.5]
    """
    if not kind.elastic:
        held = (kind.dim - 1) * constants[:1]
        return jnp.concatenate([held, jnp.full(1, jnp.inf, held.dtype)]) if kind.shape == "fibre" else held
    bulk, shear = (constants[0], constants[3]) if kind.shape == "fibre" else constants
    stiff = bulk + 2 * shear
    mixed = bulk * shear / jnp.where(stiff > 0, stiff, 1.0)
    if kind.shape == "sphere":
        return jnp.stack([4 * shear / 3, 2 * shear / 3 + 5 * mixed / 6])
    if kind.shape == "disc":
        return jnp.stack([shear, mixed])
    infinite = jnp.full_like(shear, jnp.inf)
    return jnp.stack([shear, infinite, infinite, mixed, constants[4]])


def resisting(kind: Kind) -> tuple[int, ...]:
    """Places of the constants that a medium holds an inclusion with: all but those along fibres.

    Example:
        >>> resisting(Kind("fibre", True))
        (0, 3, 4)
    """
    if kind.shape == "fibre":
        return (0, 3, 4) if kind.elastic else (0,)
    return (0, 1) if kind.elastic else (0,)


def change_by(inclusion: Float[Array, " c"], constants: Float[Array, " c"], felt: Float[Array, ""], kind: Kind) -> Float[Array, " c"]:
    """Change of a round medium per fraction of inclusions, (C₁ − C)(I + felt P (C₁ − C))⁻¹ in constants.

    Per constant Δ (c + c*)/(c + c* + felt Δ), and Δ itself along fibres, where Hill's l and n follow the plane dilation.

    Example:
        >>> change_by(jnp.array([0.0]), jnp.array([1.0]), jnp.array(1.0), Kind("sphere", False)).tolist()
        [-1.5]
    """
    held, change = star(constants, kind), inclusion - constants
    resists = jnp.isfinite(held)
    mine = constants + jnp.where(resists, held, 0.0)
    total = mine + felt * change
    inverse = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1.0), 0.0)
    located = jnp.where(resists, mine * inverse, 1.0)
    if not (kind.shape == "fibre" and kind.elastic):
        return change * located
    return (change * located).at[1].multiply(located[0]).at[2].add(-felt * change[1] ** 2 * inverse[0])


def holding(constants: Float[Array, " c"], kind: Kind) -> Float[Array, " m"]:
    """Inverse Hill tensor C + C* of a round medium in the basis, where it is diagonal; infinite along fibres.

    Example:
        >>> holding(jnp.array([2.0]), Kind("sphere", False)).tolist()
        [6.0, 6.0, 6.0]
    """
    held = constants + star(constants, kind)
    if not kind.elastic:
        return held[np.array([0, 0, 1])] if kind.shape == "fibre" else jnp.broadcast_to(held, (kind.dim,))
    if kind.shape == "fibre":
        return jnp.stack([2 * held[0], held[2], 2 * held[3], 2 * held[4], 2 * held[4], 2 * held[3]])
    rows = len(basis(kind))
    return jnp.concatenate([kind.dim * held[:1], jnp.broadcast_to(2 * held[1], (rows - 1,))])


def hill(constants: Float[Array, " c"], kind: Kind) -> Float[Array, "m m"]:
    """Hill's tensor P of one inclusion in a round medium, (m, m); infinite where the medium does not hold it at all.

    Example:
        >>> hill(jnp.array([2.0]), Kind("disc", False)).tolist()
        [[0.25, 0.0], [0.0, 0.25]]
    """
    u = jnp.asarray(basis(kind), constants.dtype)
    return u.T @ (u / holding(constants, kind)[:, None])


def permutation(kind: Kind, axis: int) -> Int[np.ndarray, " m"]:
    """Components in an order in which fibres along `axis` run along the third axis.

    Example:
        >>> permutation(Kind("fibre", True), 0).tolist()
        [1, 2, 0, 4, 5, 3]
    """
    check(axis in (0, 1, 2), f"`axis` must be 0, 1 or 2, but it is {axis!r}.")
    check(kind.shape == "fibre" or axis == 2, f"`axis` is the direction of fibres, but the shape is {kind.shape!r}. Leave it out.")
    if kind.shape != "fibre":
        return np.arange(SIZES[kind.shape][0 if kind.elastic else 1])
    order = (np.arange(3) + axis + 1) % 3
    return np.concatenate([order, 3 + order]) if kind.elastic else order
