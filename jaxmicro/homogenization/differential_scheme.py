"""The differential scheme: inclusions enter a little at a time, each time a dilute suspension in what is there already.

With C(f) the stiffness at the fraction f, dC/df = (C₁ − C) A(C)/(1 − f), where A is the localisation in a single inclusion
and 1 − f accounts for the inclusions that the next ones replace. In t = −ln(1 − f) and per constant

    dc/dt = (c₁ − c)(c + c*)/(c₁ + c*),

which is stiff where an inclusion softens a constant that its surroundings hardly hold (voids in rubber: κ drops from infinity
at once). A stiffened constant is therefore followed by s in c = c₀ + (c₁ − c₀) s and a softened one by w in
c = c₁ + (c₀ − c₁)/w, whose equations are tame for any contrast:

    ds/dt = (1 − s)(c + c*)/(c₁ + c*),      dw/dt = w + (c₀ − c₁)/(c₁ + c*).
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.homogenization.inclusions import Kind, resisting, star

STEPS = 64  # of t, growing linearly from zero, because a sharp change can only come at the start; errors are below 1e-8 up to f = 0.99
SUBSTEPS = (2, 4, 6, 8)  # midpoint substeps of a step, extrapolated to order eight
ALIKE = 1e-2  # relative difference of two plane bulk moduli below which their quotient form of n loses digits


def differential_constants(
    matrix: Float[Array, " c"], inclusion: Float[Array, " c"], fraction: Float[Array, ""], kind: Kind, steps: int = STEPS
) -> Float[Array, " c"]:
    """Constants of the composite by the differential scheme; at f = 1 those of the inclusion.

    The path ends where 1 − f is √eps and goes straight on to the inclusion's, so that f = 1 has its value and derivative too.

    Example:
        >>> differential_constants(jnp.array([1.0]), jnp.array([0.0]), jnp.array(0.5), Kind("disc", False)).round(9).tolist()
        [0.25]
    """
    last = 1 - jnp.finfo(matrix.dtype).eps ** 0.5
    reached = jnp.minimum(fraction, last)
    end = _followed(matrix, inclusion, reached, kind, steps)
    return end + (fraction - reached) / (1 - reached) * (inclusion - end)


def _followed(matrix: Array, inclusion: Array, fraction: Array, kind: Kind, steps: int) -> Array:
    held = np.array(resisting(kind))
    first, second = matrix[held], inclusion[held]
    rises = second >= first

    def constants(state: Array) -> Array:
        return jnp.where(rises, first + (second - first) * state, second + (first - second) / jnp.where(rises, 1.0, state))

    def rate(state: Array) -> Array:
        c = constants(state[: held.size])
        around = star(jnp.zeros_like(matrix).at[held].set(c), kind)[held]
        total = second + around
        inverse = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1.0), 0.0)
        path = state[: held.size]
        change = jnp.where(rises, (1 - path) * (c + around) * inverse, path + (first - second) * inverse)
        left = _left(path[0], rises[0])
        return jnp.append(change, -state[-1] - left**2 * inverse[0])

    start = jnp.append(jnp.where(rises, 0.0, 1.0), 0.0).astype(matrix.dtype)
    lengths = -jnp.log1p(-fraction) * jnp.asarray((2 * np.arange(steps) + 1) / steps**2, matrix.dtype)
    end, _ = jax.lax.scan(lambda state, step: (_extrapolated(rate, state, step), None), start, lengths)
    found = jnp.zeros_like(matrix).at[held].set(constants(end[: held.size]))
    return _with_axial(found, matrix, inclusion, fraction, kind, _left(end[0], rises[0]), end[-1])


def _left(path: Array, rises: Array) -> Array:
    """Share of the difference c₀ − c₁ that is left."""
    return jnp.where(rises, 1 - path, 1 / jnp.where(rises, 1.0, path))


def _with_axial(found: Array, matrix: Array, inclusion: Array, fraction: Array, kind: Kind, left: Array, bent: Array) -> Array:
    """The constants along fibres, which follow the plane bulk modulus exactly (Hill 1964).

    l = l₁ + (l₀ − l₁) φ with the share φ = (k − k₁)/(k₀ − k₁) that is left of the difference, and
    n = Σ f n + (l₀ − l₁)² ψ, ψ = (φ − (1 − f))/(k₀ − k₁), or its own equation dψ/dt = −ψ − φ²/(k₁ + k*) where k₀ is near k₁.
    """
    if kind.shape != "fibre":
        return found
    mean = (1 - fraction) * matrix + fraction * inclusion
    if not kind.elastic:
        return found.at[1].set(mean[1])
    gap = matrix[0] - inclusion[0]
    apart = jnp.abs(gap) > ALIKE * (matrix[0] + inclusion[0])
    psi = jnp.where(apart, (left - (1 - fraction)) / jnp.where(apart, gap, 1.0), bent)
    coupling = matrix[1] - inclusion[1]
    return found.at[1].set(inclusion[1] + coupling * left).at[2].set(mean[2] + coupling**2 * psi)


def _extrapolated(rate: Callable[[Array], Array], state: Array, step: Array) -> Array:
    """One step by midpoint rules of 2, 4, 6 and 8 substeps side by side, whose even errors cancel in a weighted sum (Gragg)."""
    counts = np.array(SUBSTEPS)
    weights = [np.prod([n**2 / (n**2 - m**2) for m in SUBSTEPS if m != n]) for n in SUBSTEPS]
    h = step / jnp.asarray(counts, state.dtype)[:, None]
    number = np.arange(counts.max() + 1)[:, None, None]
    # Substep k of n takes (before, now) to (now, a before + b now + c h rate): Euler first, the smoothing step at k = n, then rest.
    last, over = number == counts[:, None], number > counts[:, None]
    table = [np.where(over, rest, np.where(last, 0.5, middle)) for rest, middle in ((0, 1), (1, 0), (0, np.where(number == 0, 1, 2)))]

    def substep(pair: tuple[Array, Array], factors: list[Array]) -> tuple[tuple[Array, Array], None]:
        before, now = pair
        a, b, c = factors
        return (now, a * before + b * now + c * h * jax.vmap(rate)(now)), None

    start = jnp.broadcast_to(state, (counts.size, *state.shape))
    (_, ends), _ = jax.lax.scan(substep, (start, start), [jnp.asarray(factor, state.dtype) for factor in table])
    return state + jnp.asarray(weights, state.dtype) @ (ends - state)
