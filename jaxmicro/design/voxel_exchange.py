"""Exchanges of voxels between phases that bring the statistics of a cell nearer to their targets; the shares stay exact.

Two ways: many exchanges at once where the gradient of the misfit promises most, for any statistics; and single exchanges of neighbours
by simulated annealing, for a full map of two-point correlations of two phases, whose change by an exchange is known in every wave.
C. L. Y. Yeong, S. Torquato, Phys. Rev. E 57, 495 (1998), doi:10.1103/PhysRevE.57.495, for the annealing.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from jaxmicro.design.statistics import Statistic
from jaxmicro.fields import Grid, frequencies, mirror_weights

MOST = 512  # exchanges at once
PATIENCE = 100  # failed attempts in a row with a single exchange
REACH = 2  # voxels between the two that are exchanged in annealing, along each axis
HEAT, COOL = 1e-5, 1e-7  # first and last temperature, in squares of relative errors: 0.3 % and 0.03 %


def misfit(fractions: Float[Array, "p *grid"], statistics: Sequence[Statistic], grid: Grid) -> Float[Array, ""]:
    """Sum of the squared relative errors."""
    return sum((each.square(fractions, grid) for each in statistics), jnp.zeros((), fractions.dtype))


@jax.jit
def _misfit_and_gradient(labels: Int[Array, "*grid"], statistics: list[Statistic], grid: Grid, like: Float[Array, " p"]):
    fractions = jax.nn.one_hot(labels, like.shape[0], dtype=like.dtype, axis=0)
    return jax.value_and_grad(misfit)(fractions, statistics, grid)


def exchange(
    labels: Int[np.ndarray, "*grid"],
    statistics: Sequence[Statistic],
    grid: Grid,
    phases: int,
    tolerance: float,
    steps: int,
    generator: np.random.Generator,
) -> tuple[Int[np.ndarray, "*grid"], list[float]]:
    """Exchange voxels where the gradient of the misfit promises most, as many at once as lower it.

    Args:
        labels: `(*grid)`.
        statistics: to be matched.
        grid: the cell.
        phases: number of phases.
        tolerance: of the relative error, at which to stop.
        steps: most evaluations.
        generator: for the choice among promising voxels.

    Returns:
        The labels and the relative error after each evaluation.
    """
    like = jnp.zeros(phases, grid.lengths.dtype)

    def evaluate(cell: Int[np.ndarray, "*grid"]) -> tuple[Array, Array]:
        return _misfit_and_gradient(jnp.asarray(cell), list(statistics), grid, like)

    value, gradient = evaluate(labels)
    value, gradient = float(value), np.asarray(gradient).reshape(phases, -1)
    history, many, failed = [np.sqrt(value)], min(MOST, labels.size // 64 + 1), 0
    pairs = [(i, j) for i in range(phases) for j in range(i + 1, phases)]
    for _ in range(steps):
        if history[-1] <= tolerance or failed > PATIENCE:
            break
        one, other = pairs[generator.integers(len(pairs))]
        trial = _exchanged(labels, gradient, one, other, many, max(2 * many, 8) * (1 + failed), generator)
        new, slope = evaluate(trial)
        if float(new) < value:
            labels, value, gradient = trial, float(new), np.asarray(slope).reshape(phases, -1)
            many, failed = min(2 * many, MOST), 0
        else:
            many, failed = max(1, many // 2), failed + (many == 1)
        history.append(np.sqrt(value))
    return labels, history


def _exchanged(
    labels: np.ndarray, gradient: np.ndarray, one: int, other: int, many: int, among: int, generator: np.random.Generator
) -> np.ndarray:
    """Exchange `many` voxels of two phases, drawn `among` the most promising of each."""
    flat = labels.ravel().copy()
    chosen = []
    for mine, theirs in ((one, other), (other, one)):
        voxels = np.flatnonzero(flat == mine)
        gain = (gradient[theirs] - gradient[mine])[voxels]
        most = min(among, voxels.size)
        best = voxels[np.argpartition(gain, most - 1)[:most]] if most < voxels.size else voxels
        chosen.append(generator.permutation(best))
    count = min(many, *(len(each) for each in chosen))
    flat[chosen[0][:count]], flat[chosen[1][:count]] = other, one
    return flat.reshape(labels.shape)


def anneal(
    cell: Float[np.ndarray, "*grid"], wanted: Complex[np.ndarray, "*half"], scale: float, key: Array, proposals: int
) -> tuple[Float[np.ndarray, "*grid"], float]:
    """Exchange neighbours across the interface at random, with falling temperature, until a map of correlations fits.

    Args:
        cell: indicator of phase 1, `(*grid)`.
        wanted: moduli of its Fourier coefficients.
        scale: ‖S₂ − φ²‖₂ of the target.
        key: typed random key.
        proposals: number of exchanges that are tried.

    Returns:
        The indicator and its relative error.
    """
    shape, size = cell.shape, cell.size
    weight = np.broadcast_to(mirror_weights(shape), wanted.shape).ravel() / size**3 / scale**2
    waves = [np.broadcast_to(wave, wanted.shape).ravel() for wave in frequencies(shape)]
    turns = [np.exp(-2j * np.pi * np.outer(np.arange(n), wave) / n) for n, wave in zip(shape, waves, strict=True)]
    parts = [(jnp.asarray(turn.real), jnp.asarray(turn.imag)) for turn in turns]
    spectrum = np.fft.rfftn(cell).ravel()
    power = np.abs(wanted.ravel()) ** 2
    found, square = _anneal(
        jnp.asarray(cell > 0.5), jnp.asarray(spectrum.real), jnp.asarray(spectrum.imag), jnp.asarray(power), jnp.asarray(weight), parts,
        key, steps=proposals,
    )  # fmt: skip
    return np.asarray(found, cell.dtype), float(np.sqrt(square))


@functools.partial(jax.jit, static_argnames="steps")
def _anneal(
    cell: Array, real: Array, imaginary: Array, power: Array, weight: Array, turns: list[tuple[Array, Array]], key: Array, *, steps: int
) -> tuple[Array, Array]:
    shape = cell.shape
    difference = real**2 + imaginary**2 - power
    decay = jnp.log(COOL / HEAT) / steps

    def propose(step: Array | int, state: tuple) -> tuple:
        cell, *spectrum, difference, square, key = state
        key, here = jax.random.split(key)
        bits = jax.random.bits(here, (2 * len(shape) + 1,), "uint32")
        place = tuple((bits[k] % n).astype(jnp.int32) for k, n in enumerate(shape))
        move = [(bits[len(shape) + k] % (2 * REACH + 1)).astype(jnp.int32) - REACH for k in range(len(shape))]
        target = tuple((x + m) % n for x, m, n in zip(place, move, shape, strict=True))
        threshold = -HEAT * jnp.exp(decay * step) * jnp.log((bits[-1].astype(real.dtype) + 0.5) / 2**32)
        state = (cell, *spectrum, difference, square)
        inside = cell[place]
        return (*jax.lax.cond(inside != cell[target], attempt, lambda state, *_: state, state, place, target, inside, threshold), key)

    def attempt(state: tuple, place: tuple, target: tuple, inside: Array, threshold: Array) -> tuple:
        """Exchange the two voxels where that lowers the misfit, or raises it by no more than the threshold."""
        cell, real, imaginary, difference, square = state
        sign = jnp.where(inside, 1.0, -1.0).astype(real.dtype)
        ahead, behind = _wave(turns, target), _wave(turns, place)
        da, db = sign * (ahead[0] - behind[0]), sign * (ahead[1] - behind[1])
        change = 2 * (real * da + imaginary * db) + da**2 + db**2
        growth = jnp.sum(weight * change * (2 * difference + change))

        def accept(_: None) -> tuple:
            moved = cell.at[place].set(~inside).at[target].set(inside)
            return moved, real + da, imaginary + db, difference + change, square + growth

        return jax.lax.cond(growth < threshold, accept, lambda _: state, None)

    square = jnp.sum(weight * difference**2)
    state = jax.lax.fori_loop(0, steps, propose, (cell, real, imaginary, difference, square, key))
    return state[0], jnp.sum(weight * (state[1] ** 2 + state[2] ** 2 - power) ** 2)


def _wave(turns: list[tuple[Array, Array]], place: tuple) -> tuple[Array, Array]:
    """Real and imaginary part of exp(−i k·x) of every wave: the product over the axes."""
    real, imaginary = turns[0][0][place[0]], turns[0][1][place[0]]
    for (a, b), x in zip(turns[1:], place[1:], strict=True):
        real, imaginary = real * a[x] - imaginary * b[x], real * b[x] + imaginary * a[x]
    return real, imaginary
