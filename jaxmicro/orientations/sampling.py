"""Orientations at random: about one orientation, about a fibre, of named components, of a distribution of weighted orientations."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, check_choice, check_whole, in_reach, is_concrete, split_named
from jaxmicro.orientations.axis_angle import from_axis_angle
from jaxmicro.orientations.components import FIBRES, texture_component
from jaxmicro.orientations.even_sampling import even_choice, even_points, even_rotations, even_turns
from jaxmicro.orientations.quaternions import checked, multiply, normalize, random_orientations

KERNELS = ("de_la_vallee_poussin", "von_mises_fisher")
TABLE = 8192  # angles of the table that is inverted for the von Mises–Fisher kernel
UNIFORM = "uniform"
PARALLEL = 1e-6


def sample_kernel(
    key: Array, n: int, centre: ArrayLike, halfwidth: Any, *, kernel: str = "de_la_vallee_poussin", degrees: bool = False
) -> Float[Array, "4 n"]:
    """Orientations about one, alike in all directions.

    The density falls to a half at the angle `halfwidth`: "de_la_vallee_poussin", ∝ cos^2κ(ω/2), or "von_mises_fisher", ∝ exp(κ cos ω).
    The first is drawn exactly: cos²(ω/2) has the beta distribution with parameters κ + 1/2 and 3/2.

    Args:
        key: typed random key.
        n: how many.
        centre: quaternion `(4,)`, or one each `(4, n)`.
        halfwidth: angle, in radians.
        kernel: "de_la_vallee_poussin" or "von_mises_fisher".
        degrees: whether `halfwidth` is in degrees.

    Returns:
        Unit quaternions `(4, n)`.

    Raises:
        ValueError: for other kernels and shapes, or a half width outside (0°, 180°); NaN under a tracer.

    Reference: H. Schaeben, phys. stat. sol. (b) 200, 367 (1997),
    doi:10.1002/1521-3951(199704)200:2<367::AID-PSSB367>3.0.CO;2-I.

    Example:
        >>> sample_kernel(jax.random.key(0), 5, jnp.array([1.0, 0, 0, 0]), 10.0, degrees=True).shape
        (4, 5)

    Differentiable in the centre.
    """
    check_choice("kernel", kernel, KERNELS)
    _check_count(n)
    middle = normalize(checked("centre", centre))
    check(middle.shape in ((4,), (4, n)), f"`centre` must be (4,) or (4, {n}), but its shape is {middle.shape}.")
    return multiply(_small_turns(key, n, _half_width(halfwidth, degrees, middle.dtype), kernel), middle.reshape(4, -1))


def sample_fibre(
    key: Array, n: int, crystal_direction: ArrayLike | tuple[float, ...] | str, sample_direction: ArrayLike | tuple[float, ...] | None = None,
    halfwidth: Any = 0.0, *, degrees: bool = False,
) -> Float[Array, "4 n"]:  # fmt: skip
    """Orientations of a fibre: a crystal direction along a sample direction, any turn about it, and a spread.

    Args:
        key: typed random key.
        n: how many.
        crystal_direction: three numbers in crystal axes; or the name of a fibre of cubic metals, "alpha", "gamma", "theta", "eta" or
            "tau", which needs no sample direction.
        sample_direction: three numbers in sample axes.
        halfwidth: of the de la Vallée Poussin spread about the fibre, in radians; 0 for none.
        degrees: whether `halfwidth` is in degrees.

    Returns:
        Unit quaternions `(4, n)`.

    Raises:
        ValueError: for an unknown name, directions of no length, or a half width outside [0°, 180°).

    Example:
        >>> from jaxmicro.orientations import to_matrix
        >>> q = sample_fibre(jax.random.key(0), 3, (1.0, 1.0, 1.0), (0.0, 0.0, 1.0))
        >>> jnp.einsum("ijn,j->in", to_matrix(q), jnp.array([0.0, 0, 1]))[:, 0].round(4).tolist()
        [0.5774, 0.5774, 0.5774]

    Differentiable in the directions where they are not opposite.
    """
    _check_count(n)
    if isinstance(crystal_direction, str):
        check_choice("crystal_direction", crystal_direction, tuple(FIBRES))
        check(sample_direction is None, "`sample_direction` must be left out where a fibre is named, but it is given.")
        crystal_direction, sample_direction = FIBRES[crystal_direction]
    check(sample_direction is not None, "`sample_direction` must be given with a crystal direction, but it is None.")
    h, s = (_unit(name, d) for name, d in (("crystal_direction", crystal_direction), ("sample_direction", sample_direction)))
    keys = split_named(key, "turn", "spread")
    about = from_axis_angle(h[:, None], jax.random.uniform(keys["turn"], (n,), h.dtype, 0.0, 2 * np.pi))
    q = multiply(about, _onto(s, h)[:, None])
    if _is_zero(halfwidth):
        return q
    return sample_kernel(keys["spread"], n, q, halfwidth, degrees=degrees)


def sample_components(
    key: Array, n: int, shares: Mapping[str, float], halfwidth: Any, *, degrees: bool = False, even: bool = False
) -> Float[Array, "4 n"]:
    """Orientations of a texture made of named components.

    Args:
        key: typed random key.
        n: how many.
        shares: weight of each component of `texture_component`, of fibres by their names, and of "uniform"; they are divided by their
            sum. The variants of a component are equally likely.
        halfwidth: of the spread about each, in radians; 0 for none.
        degrees: whether `halfwidth` is in degrees.
        even: whether to draw them evenly instead of independently: each component and variant as often as its share says, and the turns
            about it from a sequence without clusters. A few hundred then have the texture index of the distribution.

    Returns:
        Unit quaternions `(4, n)`, in random order.

    Raises:
        ValueError: for an unknown name, a negative weight or no weight at all.
        TypeError: if `shares` is no mapping.

    Example:
        >>> sample_components(jax.random.key(0), 100, {"cube": 0.7, "gamma": 0.2, "uniform": 0.1}, 10.0, degrees=True).shape
        (4, 100)

    Not differentiable: which component is drawn is a choice.
    """
    _check_count(n)
    check(
        isinstance(shares, Mapping),
        f"`shares` must give a weight for each name, but it is {shares!r}. Use {{'cube': 0.7, 'uniform': 0.3}}.",
        TypeError,
    )
    names, weights = list(shares), np.asarray(list(shares.values()), float)
    check(
        len(names) > 0 and bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0),
        f"`shares` must give weights that are not negative and not all zero, but they are {dict(shares)}.",
    )
    keys = split_named(key, "choice", "members")
    if even:
        return _even_components(key, n, dict(zip(names, weights, strict=True)), halfwidth, degrees)
    chosen = jax.random.choice(keys["choice"], len(names), (n,), p=jnp.asarray(weights / weights.sum()))
    found = jnp.zeros((4, n), jnp.result_type(float))
    for index, (name, draw) in enumerate(zip(names, jax.random.split(keys["members"], len(names)), strict=True)):
        found = jnp.where(chosen == index, _members(draw, n, name, halfwidth, degrees), found)
    return found


def _even_components(key: Array, n: int, shares: Mapping[str, float], halfwidth: Any, degrees: bool) -> Float[Array, "4 n"]:
    """Components one after the other, each with a stretch of one sequence, then in random order."""
    keys = split_named(key, "choice", "turns", "points", "order")
    dtype = jnp.result_type(float)
    chosen = even_choice(keys["choice"], n, jnp.asarray(list(shares.values()), dtype))
    points, about = even_points(keys["points"], n, 3, dtype), even_points(keys["turns"], n, 1, dtype)[0]
    found = jnp.zeros((4, n), dtype)
    for index, name in enumerate(shares):
        if name == UNIFORM:
            members = even_rotations(points)
        else:
            spread = even_turns(points, _half_width(halfwidth, degrees, dtype)) if not _is_zero(halfwidth) else None
            centres = _even_centres(name, about, chosen == index)
            members = centres if spread is None else multiply(spread, centres)
        found = jnp.where(chosen == index, members, found)
    return jax.random.permutation(keys["order"], found, axis=1)


def _even_centres(name: str, about: Float[Array, " n"], here: Array) -> Float[Array, "4 n"]:
    """Turns about the axis of a fibre, or the variants of a component in turn."""
    if name in FIBRES:
        h, s = (_unit(side, tuple(map(float, d))) for side, d in zip(("crystal_direction", "sample_direction"), FIBRES[name], strict=True))
        return multiply(from_axis_angle(h[:, None], 2 * np.pi * about), _onto(s, h)[:, None])
    variants = texture_component(name)
    return variants[:, (jnp.cumsum(here) - 1) % variants.shape[1]]


def _is_zero(halfwidth: Any) -> bool:
    return is_concrete(halfwidth) and float(halfwidth) == 0.0


def _members(key: Array, n: int, name: str, halfwidth: Any, degrees: bool) -> Array:
    if name == UNIFORM:
        return random_orientations(key, n)
    if name in FIBRES:
        return sample_fibre(key, n, name, halfwidth=halfwidth, degrees=degrees)
    keys = split_named(key, "variant", "spread")
    variants = texture_component(name)
    centres = variants[:, jax.random.randint(keys["variant"], (n,), 0, variants.shape[1])]
    return centres if _is_zero(halfwidth) else sample_kernel(keys["spread"], n, centres, halfwidth, degrees=degrees)


def sample_odf(
    key: Array, n: int, orientations: ArrayLike, weights: ArrayLike | None = None, halfwidth: Any = 0.0, *, degrees: bool = False,
    even: bool = False,
) -> Float[Array, "4 n"]:  # fmt: skip
    """Orientations of a distribution that is given as weighted orientations, each with a spread.

    Args:
        key: typed random key.
        n: how many.
        orientations: quaternions `(4, m)`, for instance of a measured map. NaN, as where a map is not indexed, and zero are never drawn.
        weights: `(m,)`, not negative; by default all alike.
        halfwidth: of the de la Vallée Poussin spread, in radians; 0 draws the orientations themselves.
        degrees: whether `halfwidth` is in degrees.
        even: as in `sample_components`; each orientation as often as its weight says.

    Returns:
        Unit quaternions `(4, n)`; NaN where weights make no sense under a tracer.

    Raises:
        ValueError: for other shapes, weights that are negative, not finite or all zero, or where no orientation with a weight is a number.

    Example:
        >>> sample_odf(jax.random.key(0), 6, jnp.eye(4)[:, :2], jnp.array([1.0, 3.0]), 5.0, degrees=True).shape
        (4, 6)

    Differentiable in the orientations, not in the weights.
    """
    _check_count(n)
    given = checked("orientations", orientations)
    check(given.ndim == 2 and given.shape[1] > 0, f"`orientations` must be (4, m), but their shape is {given.shape}.")
    members, share = _weighted(given, weights)
    if even:
        return _even_odf(key, n, members, share, halfwidth, degrees)
    keys = split_named(key, "choice", "spread")
    centres = members[:, jax.random.choice(keys["choice"], members.shape[1], (n,), p=share / jnp.sum(share))]
    if _is_zero(halfwidth):
        return centres
    return sample_kernel(keys["spread"], n, centres, halfwidth, degrees=degrees)


def _check_count(n: Any) -> None:
    check_whole("n", n, 0, "Give the number of orientations to draw.")


def _weighted(given: Float[Array, "4 m"], weights: Any) -> tuple[Float[Array, "4 m"], Float[Array, " m"]]:
    """Unit quaternions and weights, zero of those that are no orientation; all are NaN where weights make no sense under a tracer."""
    share = jnp.ones(given.shape[1], given.dtype) if weights is None else as_float_array("weights", weights)
    check(share.shape == given.shape[1:], f"`weights` must be {given.shape[1:]}, but their shape is {share.shape}.")
    if is_concrete(share):
        host = np.asarray(share)  # also where a trace closes over the weights
        good = bool(np.isfinite(host).all() and (host >= 0).all()) and host.sum() > 0
        check(good, f"`weights` must not be negative, infinite, NaN or all zero, but they range from {host.min():g} to {host.max():g}.")
    sensible = jnp.isfinite(share).all() & (share >= 0).all()
    known = jnp.isfinite(given).all(axis=0) & (given != 0).any(axis=0)
    share = jnp.where(known, share, 0.0)
    if is_concrete(given, share):
        some = bool((np.asarray(share) > 0).any())
        check(some, "`orientations` must hold one that is a number and has a weight, but all are NaN, zero or of no weight.")
    members = normalize(jnp.where(known, given, 0.0))
    return jnp.where(sensible & (share > 0).any(), members, jnp.nan), share


def _even_odf(key: Array, n: int, members: Array, share: Array, halfwidth: Any, degrees: bool) -> Float[Array, "4 n"]:
    keys = split_named(key, "choice", "points", "order")
    found = members[:, even_choice(keys["choice"], n, share)]
    if not _is_zero(halfwidth):
        turns = even_turns(even_points(keys["points"], n, 3, members.dtype), _half_width(halfwidth, degrees, members.dtype))
        found = multiply(turns, found)
    return jax.random.permutation(keys["order"], found, axis=1)


def _half_width(halfwidth: Any, degrees: bool, dtype: Any) -> Array:
    """In radians; NaN where it makes no sense under a tracer."""
    angle = jnp.asarray(jnp.deg2rad(halfwidth) if degrees else halfwidth, dtype)
    check(angle.shape == (), f"`halfwidth` must be one angle, but its shape is {angle.shape}.")
    good = (angle > 0) & (angle < np.pi)
    if is_concrete(angle):
        value = float(np.asarray(angle))
        check(0 < value < math.pi, f"`halfwidth` must lie between 0 and 180 degrees, but it is {math.degrees(value):g}.")
    return jnp.where(good, angle, jnp.nan)


def _small_turns(key: Array, n: int, halfwidth: Array, kernel: str) -> Float[Array, "4 n"]:
    """Turns about axes of all directions, by angles of the kernel."""
    keys = split_named(key, "angle", "axis")
    if kernel == "de_la_vallee_poussin":
        kappa = -math.log(2.0) / jnp.log1p(-(jnp.sin(halfwidth / 2) ** 2))
        square = jax.random.beta(keys["angle"], kappa + 0.5, 1.5, (n,), halfwidth.dtype)
        cosine, sine = jnp.sqrt(square), jnp.sqrt(1 - square)
    else:
        half = _inverse_of_table(jax.random.uniform(keys["angle"], (n,), halfwidth.dtype), halfwidth)
        cosine, sine = jnp.cos(half), jnp.sin(half)
    axis = normalize(jnp.concatenate([jnp.zeros((1, n), halfwidth.dtype), jax.random.normal(keys["axis"], (3, n), halfwidth.dtype)]))
    return jnp.concatenate([cosine[None], sine * axis[1:]])


def _inverse_of_table(uniform: Array, halfwidth: Array) -> Array:
    """Half of the angles ω with density ∝ sin²(ω/2) exp(κ cos ω), κ (1 − cos halfwidth) = ln 2."""
    kappa = math.log(2.0) / (1 - jnp.cos(halfwidth))
    angles = jnp.linspace(0.0, math.pi, TABLE, dtype=uniform.dtype)
    reach = jnp.minimum(math.pi, 12.0 / jnp.sqrt(jnp.maximum(kappa, 1e-6)))  # beyond, nothing is left of a narrow kernel
    angles = angles * reach / math.pi
    density = jnp.sin(angles / 2) ** 2 * jnp.exp(kappa * (jnp.cos(angles) - 1))
    area = jnp.concatenate([jnp.zeros(1, density.dtype), jnp.cumsum((density[1:] + density[:-1]) / 2)])
    return 0.5 * jnp.interp(uniform * area[-1], area, angles)


def _unit(name: str, direction: Any) -> Float[Array, " 3"]:
    vector = as_float_arrays(**{name: jnp.asarray(direction, jnp.result_type(float)) if isinstance(direction, tuple) else direction})[0]
    check(vector.shape == (3,), f"`{name}` must be three numbers, but its shape is {vector.shape}.")
    if is_concrete(vector):
        check(bool(np.any(np.asarray(vector) != 0)), f"`{name}` must have a length, but it is {np.asarray(vector).tolist()}.")
    vector = in_reach(vector)
    return vector / jnp.sqrt(jnp.sum(vector**2))


def _onto(s: Array, h: Array) -> Float[Array, " 4"]:
    """The rotation with g s = h that turns least; of opposite directions, a half turn about any axis across them."""
    cosine = s @ h
    opposite = cosine < PARALLEL - 1
    across = jnp.cross(s, jnp.where(jnp.abs(s) == jnp.min(jnp.abs(s)), 1.0, 0.0))
    plain = jnp.concatenate([1 + cosine[None], jnp.cross(s, h)])
    return normalize(jnp.where(opposite, jnp.concatenate([jnp.zeros(1, s.dtype), across]), plain))
