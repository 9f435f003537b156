"""Cells with a given map of two-point correlations, by phase retrieval.

A full periodic map gives the moduli of the Fourier coefficients of every phase, and for several phases how their phase angles
differ. What is missing is one angle per wave. Relaxed reflections between the two sets "coefficients of these moduli" (M) and
"one phase per voxel, in the shares wanted" (V) look for it: x ← x + β [P_M(2 P_V x − x) − P_V x].

D. T. Fullwood, S. R. Niezgoda, S. R. Kalidindi, Acta Mater. 56, 942 (2008), doi:10.1016/j.actamat.2007.10.044; V. Elser, "Matrix
product constraints by projection methods", J. Glob. Optim. 68, 329 (2017), doi:10.1007/s10898-016-0466-6, for the relaxed reflections.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

from jaxmicro.fields import forward, inverse, mirror_weights

HALVINGS = 45  # of the interval that holds a threshold
SWEEPS = 4  # over the offsets of several phases
RELAXATIONS = (0.5, 0.9, 0.3)  # β, in turn: which one finds a cell soonest differs between cells
TURN = 300  # steps with one β
NEGATIVE = 0.01  # of the largest power, by which a power may be negative: targets are rounded or averaged


class Search(NamedTuple):
    """Where a search stands.

    Attributes:
        field: the iterate x, one component for two phases, else one per phase.
        offsets: of the thresholds, one per component.
        best: indicator of the best cell so far, components as in `field`.
        error: its relative error.
    """

    field: Float[Array, "q *grid"]
    offsets: Float[Array, " q"]
    best: Float[Array, "q *grid"]
    error: Float[Array, ""]


def coefficients(correlations: Float[np.ndarray, "pairs *grid"], shares: np.ndarray) -> Complex[np.ndarray, "q *half"] | None:
    """Fourier coefficients up to one angle per wave; None where no real cell can have the correlations.

    For two phases one component (phase 1), else one per phase, with angles relative to the component of largest modulus.
    """
    shape = correlations.shape[1:]
    size, phases = int(np.prod(shape)), len(shares)
    spectra = np.fft.rfftn(correlations, axes=tuple(range(1, len(shape) + 1))) * size
    if phases == 2:
        power = spectra[0].real
        return np.sqrt(np.maximum(power, 0))[None] + 0j if power.min() > -NEGATIVE * power.max() else None
    matrix = np.zeros((phases, phases, *spectra.shape[1:]), complex)
    pairs = [(i, j) for i in range(1, phases) for j in range(i, phases)]
    for (i, j), spectrum in zip(pairs, spectra, strict=True):
        matrix[i, j], matrix[j, i] = spectrum, np.conj(spectrum)
    # phase 0 is what is left: beyond the mean its coefficient is minus the sum of all others
    matrix[0, 1:] = -matrix[1:, 1:].sum(0)
    matrix[1:, 0] = np.conj(matrix[0, 1:])
    matrix[0, 0] = matrix[1:, 1:].sum((0, 1))
    mean = (slice(None), *(0,) * len(shape))
    power = np.stack([matrix[i, i].real for i in range(phases)])
    if power.min() < -NEGATIVE * power[:, 1:].max():
        return None
    first = power.argmax(0)
    row = np.take_along_axis(matrix, first[None, None], axis=0)[0]
    moduli = np.sqrt(np.maximum(power, 0))
    vectors = moduli * row / np.maximum(np.abs(row), 1e-300)
    vectors[mean] = shares * size
    return vectors


@functools.partial(jax.jit, static_argnames=("steps", "shape"))
def search(
    state: Search,
    wanted: Complex[Array, "q *half"],
    counts: Int[Array, " q"],
    scale: Array,
    beta: Array,
    *,
    shape: tuple[int, ...],
    steps: int,
) -> tuple[Search, Float[Array, " steps"]]:
    """Some steps with one relaxation; also the error of the cell of each step."""

    def step(state: Search, _: None) -> tuple[Search, Array]:
        cell, offsets = _cell(state.field, state.offsets, counts)
        error = _error(forward(cell, len(shape)), wanted, shape, scale)
        reflected = 2 * cell - state.field
        moved = state.field + beta * (_with_moduli(reflected, wanted, shape) - cell)
        better = error < state.error
        return Search(moved, offsets, jnp.where(better, cell, state.best), jnp.where(better, error, state.error)), error

    return jax.lax.scan(step, state, None, length=steps)


def start(key: Array, wanted: Complex[Array, "q *half"], shape: tuple[int, ...]) -> Search:
    """Noise with the moduli that are wanted."""
    dtype = wanted.real.dtype
    field = _with_moduli(jax.random.normal(key, (wanted.shape[0], *shape), dtype), wanted, shape)
    return Search(field, jnp.zeros(wanted.shape[0], dtype), jnp.zeros_like(field), jnp.asarray(jnp.inf, dtype))


def _with_moduli(field: Float[Array, "q *grid"], wanted: Complex[Array, "q *half"], shape: tuple[int, ...]) -> Float[Array, "q *grid"]:
    """The nearest field with the coefficients that are wanted, but for one angle per wave: that of Σ_i X_i conj(v_i)."""
    spectrum = forward(field, len(shape))
    overlap = jnp.sum(spectrum * jnp.conj(wanted), axis=0)
    size = jnp.abs(overlap)
    turn = jnp.where(size > 0, overlap / jnp.where(size > 0, size, 1.0), 1.0)
    return inverse(wanted * turn, shape)


def _error(
    spectrum: Complex[Array, "q *half"], wanted: Complex[Array, "q *half"], shape: tuple[int, ...], scale: Array
) -> Float[Array, ""]:
    """‖S₂ − target‖₂/scale over the components' own correlations, by Parseval's theorem."""
    difference = jnp.abs(spectrum) ** 2 - jnp.abs(wanted) ** 2
    total = jnp.sum(difference**2 * jnp.asarray(mirror_weights(shape), difference.dtype))
    size = float(np.prod(shape))
    return jnp.sqrt(total / size) / size / scale


def _cell(field: Float[Array, "q *grid"], offsets: Array, counts: Int[Array, " q"]) -> tuple[Float[Array, "q *grid"], Array]:
    """The nearest indicator with the numbers of voxels that are wanted (to ties), and the offsets that give it."""
    if field.shape[0] == 1:
        level = _level(field[0], counts[0])
        return (field >= level).astype(field.dtype), offsets
    # the nearest assignment takes the largest of x_i + λ_i, where the offsets λ give each phase its number of voxels
    phases = field.shape[0]

    def sweep(step: Array | int, offsets: Array) -> Array:
        phase = step % phases
        others = jnp.where(jnp.arange(phases).reshape(-1, *(1,) * (field.ndim - 1)) == phase, -jnp.inf, field + _spread(offsets, field))
        margin = jnp.take(field, phase, axis=0) - jnp.max(others, axis=0)
        return offsets.at[phase].set(-_level(margin, counts[phase]))

    offsets = jax.lax.fori_loop(0, SWEEPS * phases, sweep, offsets)
    offsets = offsets - offsets.mean()
    winner = jnp.argmax(field + _spread(offsets, field), axis=0)
    return jax.nn.one_hot(winner, phases, dtype=field.dtype, axis=0), offsets


def _spread(offsets: Array, field: Array) -> Array:
    return offsets.reshape(-1, *(1,) * (field.ndim - 1))


def _level(values: Float[Array, "*grid"], count: Array) -> Float[Array, ""]:
    """The largest threshold that at least `count` values reach, by halving."""

    def halve(_: Array | int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        enough = jnp.sum(values >= middle) >= count
        return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

    lowest, highest = jnp.min(values), jnp.max(values)
    return jax.lax.fori_loop(0, HALVINGS, halve, (lowest, highest + 1e-6 * (highest - lowest)))[0]
