"""The lineal path function against segments looked at one by one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.descriptors import lineal_path
from jaxmicro.fields import Grid
from jaxmicro.microstructures import checkerboard, laminate

KEY = jax.random.key(5)


def by_segments(values, step, reach, wraps, measured=None):
    shape = values.shape
    measured = np.ones(shape, bool) if measured is None else measured
    found = []
    for r in range(reach + 1):
        products = []
        for x in np.ndindex(*shape):
            places = [[a + k * s for a, s in zip(x, step, strict=True)] for k in range(r + 1)]
            if any(not wrap and not 0 <= a < n for place in places for a, n, wrap in zip(place, shape, wraps, strict=True)):
                continue
            places = [tuple(a % n for a, n in zip(place, shape, strict=True)) for place in places]
            if all(measured[place] for place in places):
                products.append(np.prod([values[place] for place in places]))
        found.append(np.mean(products) if products else np.nan)
    return np.array(found)


CASES = [
    ((7, 6), 0, (1, 0), (True, True)),
    ((7, 6), 1, (0, 1), (False, False)),
    ((7, 6), (1, -1), (1, -1), (True, False)),
    ((7, 6), (2, 1), (2, 1), (True, True)),
    ((4, 5, 6), (0, -1, 1), (0, -1, 1), (False, True, False)),
]


@pytest.mark.parametrize(("shape", "axis", "step", "wraps"), CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_both_ways_agree_with_segments_one_by_one(shape, axis, step, wraps, masked):
    keys = jax.random.split(KEY, 3)
    reach = min((n - 1) // abs(s) for n, s in zip(shape, step, strict=True) if s)
    measured = np.asarray(jax.random.uniform(keys[1], shape) < 0.8) if masked else None
    sharp = np.asarray(jax.random.uniform(keys[0], shape) < 0.75)
    expected = by_segments(sharp, step, reach, wraps, measured)
    found = lineal_path(sharp, axis=axis, periodic=wraps, mask=measured)
    np.testing.assert_allclose(found, expected, rtol=1e-14)
    np.testing.assert_allclose(lineal_path(sharp.astype(float), axis=axis, periodic=wraps, mask=measured), found, rtol=0)
    recursion = jax.jit(lambda f: lineal_path(f, axis=axis, periodic=wraps, mask=measured))
    np.testing.assert_allclose(recursion(sharp.astype(float)), expected, rtol=1e-14)
    soft = np.asarray(jax.random.uniform(keys[2], shape))
    np.testing.assert_allclose(recursion(soft), by_segments(soft, step, reach, wraps, measured), rtol=1e-12)


def test_every_axis_and_lengths_beyond_the_cell():
    sharp = np.array(jax.random.uniform(KEY, (5, 9, 4)) < 0.8)
    found = lineal_path(sharp)
    assert found.shape == (3, 4)
    np.testing.assert_array_equal(found[1], lineal_path(sharp, axis=-2, max_length=3))
    np.testing.assert_array_equal(found[:, 0], np.full(3, sharp.mean()))
    np.testing.assert_array_equal(lineal_path(sharp, axis=2, max_length=0), [sharp.mean()])
    sharp[2, 3] = True
    around = lineal_path(sharp, axis=2, max_length=11)
    assert (around[4:] == around[3]).all()
    assert around[3] >= 4 / 180


def test_layers_and_checkers():
    """Along layers the phase never ends; across, a layer of m voxels holds max(m − r, 0) segments."""
    layers = laminate(Grid((10, 3)), (0.7, 0.3)).labels == 1
    np.testing.assert_allclose(lineal_path(layers, axis=1, max_length=8), np.full(9, 0.3), rtol=1e-14)
    np.testing.assert_allclose(lineal_path(layers, axis=0), np.maximum(3 - np.arange(10), 0) / 10, rtol=1e-14)
    board = checkerboard(Grid((8, 8)), 2).labels == 0  # squares of four voxels
    np.testing.assert_allclose(lineal_path(board)[:, :5], np.tile([0.5, 0.375, 0.25, 0.125, 0], (2, 1)), rtol=1e-14)
    diagonal = lineal_path(board, axis=(1, 1), max_length=7)
    assert (diagonal >= 0.125).all()  # squares of one phase touch at their corners, and the diagonal runs through them


def test_derivatives_in_both_modes():
    fractions = jax.random.uniform(KEY, (6, 5))
    weights = jnp.array([1.0, -2.0, 3.0, 0.5, 4.0])
    mask = np.arange(30).reshape(6, 5) % 7 > 0
    check_grads(jax.jit(lambda f: jnp.vdot(weights, lineal_path(f, axis=(1, 1)))), (fractions,), order=1)
    check_grads(jax.jit(lambda f: jnp.sum(lineal_path(f, periodic=False, mask=mask, max_length=2))), (fractions,), order=1)


def test_derivative_at_sharp_values():
    """∂L(1)/∂I(x) = [I(x + 1) + I(x − 1)]/N, where products of zeros must not be divided."""
    sharp = np.asarray(jax.random.uniform(KEY, (4, 8)) < 0.6).astype(float)
    gradient = jax.grad(lambda f: lineal_path(f, axis=1, max_length=3)[1])(sharp)
    np.testing.assert_allclose(gradient, (np.roll(sharp, 1, 1) + np.roll(sharp, -1, 1)) / 32, rtol=1e-14)


def test_reverse_mode_keeps_the_root_of_the_lengths():
    """Compiled for 48 lengths it needs about 4 √48 fields, not 2 · 48."""
    field = jnp.full((64, 64), 0.9)
    compiled = jax.jit(jax.grad(lambda f: jnp.sum(lineal_path(f, axis=0, max_length=47)))).lower(field).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 48 * field.nbytes


def test_single_precision_and_batches():
    batch = jax.random.uniform(KEY, (3, 8, 9))
    call = jax.jit(jax.vmap(lambda f: lineal_path(f, max_length=6)))
    exact, single = call(batch), call(batch.astype(jnp.float32))
    assert exact.shape == (3, 2, 7)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, exact, rtol=3e-6)
    sharp = jax.jit(jax.vmap(lambda f: lineal_path(f, axis=1)))(batch < 0.7)
    np.testing.assert_array_equal(sharp[2], lineal_path(batch[2] < 0.7, axis=1))


def test_bad_input_is_named(as_user):
    field = np.ones((4, 6))
    with pytest.raises(ValueError, match=r"`indicator` must have 2 or 3 axes, but its shape is \(4,\)"):
        lineal_path(np.ones(4))
    with pytest.raises(ValueError, match=r"`indicator` must lie in \[0, 1\], but it spans \[0, 2\]"):
        lineal_path(np.array([[0, 1], [2, 1]]))
    with pytest.raises(ValueError, match=r"`indicator` must lie in \[0, 1\], but it spans \[nan, nan\]"):
        lineal_path(np.where(field > 0, np.nan, 1.0))
    with pytest.raises(ValueError, match=r"`indicator` must have shape \(4, 4\), but its shape is \(4, 6\)"):
        lineal_path(field, Grid((4, 4)))
    with pytest.raises(ValueError, match="`axis` must be below the number of axes, 2, but it is -3"):
        lineal_path(field, axis=-3)
    with pytest.raises(ValueError, match=r"`axis` must be one axis or a step of 2 whole numbers that are not all 0, but it is \(0, 0\)"):
        lineal_path(field, axis=(0, 0))
    with pytest.raises(ValueError, match="`max_length` must be at most 5, the longest segment in the window, but it is 6"):
        lineal_path(field, axis=1, max_length=6, periodic=False)
    with pytest.raises(ValueError, match="`max_length` must be a whole number from 0 on, but it is -1"):
        lineal_path(field, max_length=-1)
