"""The Cahn–Hilliard equation on a periodic cell, by a stabilised semi-implicit Fourier method.

    ∂c/∂t = ∇·(M(c) ∇μ),     μ = f′(c) − κ ∇²c,     f = W c² (1 − c)²,

lowers the energy ∫ f + κ/2 |∇c|² and keeps ∫ c. One step, with the part that makes large steps unstable taken at the new time,

    (1 + Δt M₀ k² (S + κ k²)) (ĉⁿ⁺¹ − ĉⁿ) = Δt [∇·(M ∇μⁿ)]^,

M₀ the largest mobility. With constant M and S at least half the largest f″ on the way, the energy never rises, however long the step (Eyre's
argument); f″ is 2 W at the two phases and −W between them. The default S = 2 W covers overshoots of a quarter. Long steps are stable but
slow the evolution: Δt M W² / κ of about 1 is accurate.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import (
    SolveError,
    as_float_array,
    check,
    check_choice,
    check_finite,
    check_shape,
    check_whole,
    is_concrete,
    poison,
    record,
)
from jaxmicro.fields import Grid, forward, frequencies, inverse, mirror_weights
from jaxmicro.microstructures.gaussian_field import check_positive

RISE = {"float64": 1e-11, "float32": 2e-5}  # of the first energy, to which rounding may lift it in one step
STABILIZATION = 2.0  # over W


@record
class Evolution:
    """How a composition went.

    Attributes:
        composition: at the end, `(*grid)`.
        times: of the energies, `(steps + 1,)`.
        energies: mean of f + κ/2 |∇c|² over the cell, before the first and after every step, `(steps + 1,)`.
        snapshots: compositions at equal times up to the end, `(snapshots, *grid)`.
    """

    composition: Float[Array, "*grid"]
    times: Float[Array, " n"]
    energies: Float[Array, " n"]
    snapshots: Float[Array, "snapshots *grid"]


def cahn_hilliard(
    composition: Float[ArrayLike, "*grid"],
    grid: Grid,
    *,
    time_step: ArrayLike,
    steps: int,
    gradient_energy: ArrayLike,
    barrier: ArrayLike = 1.0,
    mobility: ArrayLike = 1.0,
    mobility_law: str = "constant",
    stabilization: ArrayLike | None = None,
    snapshots: int = 0,
    throw: bool = True,
) -> Evolution:
    """Evolve a composition by the Cahn–Hilliard equation with the double well W c² (1 − c)².

    A small wave of number k about a mean c₀ grows as exp(R t), R = −M k² (f″(c₀) + κ k²); the fastest has k² = −f″ / (2 κ), which at
    c₀ = 1/2 is the wavelength 2π √(2 κ / W). Between the phases c = 1 / (1 + exp(−x √(2 W / κ))). Late, domains grow as t^(1/3).

    Args:
        composition: at the start, `(*grid)`.
        grid: the periodic cell.
        time_step: Δt; κ / (M W²) is a good one.
        steps: how many.
        gradient_energy: κ, in W times length².
        barrier: W.
        mobility: M.
        mobility_law: "constant", or "degenerate": 4 M c (1 − c), zero in the pure phases, where matter moves along interfaces only.
        stabilization: S; by default 2 W.
        snapshots: how many compositions to keep; it must divide `steps`.
        throw: raise where the energy rose or a number is not finite.

    Returns:
        `Evolution`: composition, times, energies, snapshots; NaN where unstable under a tracer.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.
        SolveError: if a step was unstable.

    Reference:
        J. W. Cahn, J. E. Hilliard, J. Chem. Phys. 28, 258 (1958), doi:10.1063/1.1744102; L. Q. Chen, J. Shen, Comput. Phys. Commun. 108, 147
        (1998), doi:10.1016/S0010-4655(97)00115-X; D. J. Eyre, MRS Proc. 529, 39 (1998), doi:10.1557/PROC-529-39.

    Example:
        >>> start = 0.5 + 0.1 * jnp.cos(2 * jnp.pi * jnp.arange(16) / 16)[:, None] * jnp.ones((16, 4))
        >>> end = cahn_hilliard(start, Grid((16, 4)), time_step=2.0, steps=20, gradient_energy=2.0)
        >>> bool(end.energies[-1] < end.energies[0]), round(float(end.composition.mean()), 6), float(end.times[-1])
        (True, 0.5, 40.0)

    Differentiable in the composition, time step, κ, W, M, S and edge lengths in both modes; reverse mode stores √steps fields and computes each
    step twice.
    """
    start = as_float_array("composition", composition)
    check_shape("composition", start, grid.shape, "It has the shape of the grid.")
    check_finite("composition", start)
    check_whole("steps", steps, 1)
    check_whole("snapshots", snapshots, 0)
    check(
        snapshots == 0 or steps % snapshots == 0,
        f"`snapshots` must divide `steps`, but they are {snapshots} and {steps}. Take {steps} or a divisor.",
    )
    check_choice("mobility_law", mobility_law, ("constant", "degenerate"))
    check_positive(time_step=time_step, gradient_energy=gradient_energy, barrier=barrier, mobility=mobility)
    stable = STABILIZATION * jnp.asarray(barrier, start.dtype) if stabilization is None else stabilization
    numbers = [jnp.asarray(x, start.dtype) for x in (time_step, gradient_energy, barrier, mobility, stable)]
    check(all(x.ndim == 0 for x in numbers), f"Constants must be single numbers, but their shapes are {[x.shape for x in numbers]}.")
    _check_resolved(grid, *numbers[1:3])
    found, rises = _evolve(start, grid, tuple(numbers), steps, snapshots, mobility_law)
    if throw and is_concrete(rises):
        _raise_if_unstable(np.asarray(rises), np.asarray(found.energies), time_step)
    return poison(found, ~jnp.any(rises)) if throw or not is_concrete(rises) else found


def _check_resolved(grid: Grid, gradient_energy: Array, barrier: Array) -> None:
    """The interface must span two voxels between its tangents, or it is pinned to the grid."""
    if is_concrete(grid, gradient_energy, barrier):
        thickness, edge = float(4 * jnp.sqrt(gradient_energy / (2 * barrier))), float(jnp.max(grid.spacing))
        check(
            thickness >= 2 * edge,
            f"Interfaces must span at least two voxels, but √(8 κ / W) = {thickness:g} and the longest voxel edge is {edge:g}. "
            f"Take a `gradient_energy` from {float(barrier) * edge**2 / 2:g} on, or a finer grid.",
        )


def _raise_if_unstable(rises: np.ndarray, energies: np.ndarray, time_step: Any) -> None:
    if rises.any():
        step = int(rises.argmax())
        raise SolveError(
            f"`cahn_hilliard` is unstable: in step {step + 1} of {rises.size} the energy went from {energies[step]:.6g} to "
            f"{energies[step + 1]:.6g}. Take a smaller `time_step` than {float(time_step):g}, or a larger `stabilization`."
        )


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _evolve(start: Array, grid: Grid, numbers: tuple[Array, ...], steps: int, snapshots: int, law: str) -> tuple[Evolution, Array]:
    """All steps, and for each whether its energy rose or is not finite."""
    waves = [jnp.asarray(w, start.dtype) * 2 * jnp.pi / length for w, length in zip(frequencies(grid.shape), grid.lengths, strict=True)]
    square = sum(w**2 for w in waves) * jnp.ones((), start.dtype)
    advance = functools.partial(_step, waves=waves, square=square, numbers=numbers, law=law)
    if snapshots:

        def leg(c: Array, _: None) -> tuple[Array, tuple[Array, Array]]:
            c, energies = _many(advance, c, steps // snapshots)
            return c, (c, energies)

        end, (kept, energies) = jax.lax.scan(leg, start, None, length=snapshots)
        energies = energies.ravel()
    else:
        (end, energies), kept = _many(advance, start, steps), jnp.zeros((0, *start.shape), start.dtype)
    energies = jnp.append(energies, _energy(end, forward(end, end.ndim), square, numbers))
    slack = RISE[start.dtype.name] * jnp.abs(energies[0])
    # only comparisons that hold are sound, so that NaN counts as a rise
    rises = ~(jnp.diff(energies) <= slack) | ~jnp.isfinite(energies[1:])
    return Evolution(composition=end, times=numbers[0] * jnp.arange(steps + 1), energies=energies, snapshots=kept), rises


def _many(advance: Any, c: Array, count: int) -> tuple[Array, Array]:
    """`count` steps in blocks of about √count: reverse mode keeps the composition before each block, and one block's steps."""
    block = max(math.isqrt(count), 1)

    def run(c: Array, length: int) -> tuple[Array, Array]:
        return jax.lax.scan(lambda c, _: advance(c), c, None, length=length)

    def whole(c: Array, _: None) -> tuple[Array, Array]:
        return jax.checkpoint(functools.partial(run, length=block))(c)

    c, energies = jax.lax.scan(whole, c, None, length=count // block)
    energies = energies.ravel()
    if count % block:
        c, rest = jax.checkpoint(functools.partial(run, length=count % block))(c)
        energies = jnp.concatenate([energies, rest])
    return c, energies


def _step(c: Array, waves: Sequence[Array], square: Array, numbers: tuple[Array, ...], law: str) -> tuple[Array, Array]:
    """One step, and the energy before it."""
    dt, kappa, barrier, mobility, stable = numbers
    spectrum = forward(c, c.ndim)
    potential = forward(2 * barrier * c * (1 - c) * (1 - 2 * c), c.ndim) + kappa * square * spectrum
    if law == "constant":
        rate = -mobility * square * potential
    else:
        local = 4 * mobility * jnp.maximum(c * (1 - c), 0.0)
        slopes = [_odd(wave, c.shape, axis) for axis, wave in enumerate(waves)]
        rate = sum(slope * forward(local * inverse(slope * potential, c.shape), c.ndim) for slope in slopes)
    change = dt * rate / (1 + dt * mobility * square * (stable + kappa * square))
    return c + inverse(change, c.shape), _energy(c, spectrum, square, numbers)


def _odd(wave: Array, shape: tuple[int, ...], axis: int) -> Array:
    """I k without the Nyquist wave of an even axis, which has no sign."""
    nyquist = shape[axis] % 2 == 0
    last = jnp.max(jnp.abs(wave))
    return 1j * (jnp.where(jnp.abs(wave) >= last, 0.0, wave) if nyquist else wave)


def _energy(c: Array, spectrum: Array, square: Array, numbers: tuple[Array, ...]) -> Array:
    """Mean of f + κ/2 |∇c|²."""
    _, kappa, barrier, _, _ = numbers
    gradient = jnp.sum(square * (spectrum.real**2 + spectrum.imag**2) * jnp.asarray(mirror_weights(c.shape), c.dtype)) / c.size**2
    return barrier * jnp.mean((c * (1 - c)) ** 2) + kappa / 2 * gradient
