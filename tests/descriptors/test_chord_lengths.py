"""Chords against lines walked one by one, the lineal path, and Cauchy's mean chords."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import chord_lengths, lineal_path
from jaxmicro.fields import Grid
from jaxmicro.microstructures import disc, laminate, sphere

KEY = jax.random.key(11)


def by_walking(mask, axis, measured=None):
    """Whole and cut chords of a window, line by line: `measured` is a border, too."""
    text = np.where(mask, "x", ".")
    if measured is not None:
        text = np.where(measured, text, "?")
    whole, cut = [], []
    for line in np.moveaxis(text, axis, -1).reshape(-1, mask.shape[axis]):
        for piece in "".join(["?", *line, "?"]).split("."):
            for part in piece.split("?"):
                if part:
                    (cut if "?" in piece else whole).append(len(part))
    return whole, cut


@pytest.mark.parametrize(("shape", "axis"), [((9, 7), 0), ((5, 6, 8), -1)])
@pytest.mark.parametrize("masked", [False, True])
def test_a_window_is_walked_line_by_line(shape, axis, masked):
    first, second = jax.random.split(KEY)
    mask = np.asarray(jax.random.uniform(first, shape) < 0.7)
    measured = np.asarray(jax.random.uniform(second, shape) < 0.9) if masked else None
    whole, cut = by_walking(mask, axis, measured)
    n = shape[axis]
    left = chord_lengths(mask, axis, periodic=False, measured=measured)
    np.testing.assert_array_equal(left.counts, np.bincount(whole, minlength=n + 1)[1:])
    assert int(left.cut) == len(cut) > 0
    assert int(left.endless) == 0
    counted = chord_lengths(mask, axis, periodic=False, cut="count", measured=measured)
    np.testing.assert_array_equal(counted.counts, np.bincount(whole + cut, minlength=n + 1)[1:])
    np.testing.assert_allclose([left.mean, counted.mean], [np.mean(whole), np.mean(whole + cut)], rtol=1e-14)
    assert int((counted.counts * np.arange(1, n + 1)).sum()) == (mask if measured is None else mask & measured).sum()


@pytest.mark.parametrize(("shape", "axis"), [((9, 7), 0), ((6, 8), (1, 1)), ((5, 6, 4), 1)])
def test_it_is_the_second_derivative_of_the_lineal_path(shape, axis):
    mask = np.array(jax.random.uniform(KEY, shape) < 0.7)
    if axis == 0:
        mask[:, 2] = True  # a line without an end adds the same to every L
    chords = chord_lengths(mask, axis)
    n = len(chords.counts)
    path = np.asarray(lineal_path(mask, axis=axis, max_length=n + 1))
    second = np.concatenate([[0.0], path[:-2] - 2 * path[1:-1] + path[2:]])[1:]
    np.testing.assert_allclose(chords.counts / mask.size, second, atol=1e-14)
    assert int(chords.endless) == round(float(path[-1]) * mask.size) // n
    assert axis != 0 or int(chords.endless) == mask.all(axis=0).sum() > 0
    inside = int((chords.counts * np.arange(1, n + 1)).sum()) + int(chords.endless) * n
    assert inside == mask.sum()


def test_layers_have_chords_of_their_width():
    ms = laminate(Grid((16, 4, 3), (6.0, 4.0, 3.0)), (0.75, 0.25), repeats=2)
    chords = chord_lengths(ms.labels == 1, 0, ms.grid, periodic=(True, False, False))
    np.testing.assert_allclose([chords.mean, chords.lengths[2]], [0.75, 1.125], rtol=1e-14)
    np.testing.assert_allclose(jnp.sum(chords.density) * 0.375, 1.0, rtol=1e-14)
    along = chord_lengths(ms.labels == 1, 1, ms.grid)
    assert (int(along.endless), int(along.total), np.isnan(along.mean)) == (12, 0, True)
    assert "12 endless" in str(along)
    cut = chord_lengths(ms.labels == 1, 1, ms.grid, periodic=False)
    assert (int(cut.endless), int(cut.cut)) == (0, 12)


def test_mean_chord_of_a_disc_and_a_sphere():
    """π A/P = π R/2 of a disc and 4 V/S = 4 R/3 of a sphere; p(z) of a sphere is z/(2 R²) up to 2 R."""
    flat = disc(Grid((240, 200), (6.0, 10.0)), radius=2.4)
    chords = chord_lengths(flat.fractions[1] > 0.5, 1, flat.grid)
    np.testing.assert_allclose(chords.mean, np.pi * 2.4 / 2, rtol=0.02)
    ball = sphere(Grid((60, 64, 50), (6.0, 6.4, 5.0)), radius=2.2)
    chords = chord_lengths(ball.fractions[1] > 0.5, 2, ball.grid)
    np.testing.assert_allclose(chords.mean, 4 * 2.2 / 3, rtol=0.02)
    z = np.asarray(chords.lengths)
    shares = np.asarray(chords.counts) / float(chords.total)
    expected = [(b**2 - a**2) / (4 * 2.2**2) for a, b in ((0, 1), (1, 2), (2, 3), (3, 4.4))]
    found = [shares[(z > a + 0.05) & (z <= b + 0.05)].sum() for a, b in ((0, 1), (1, 2), (2, 3), (3, 4.4))]
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_a_diagonal_is_longer():
    mask = np.zeros((6, 6), bool)
    mask[1:4, 1:4] = True
    chords = chord_lengths(mask, (1, 1), Grid((6, 6), (6.0, 12.0)))
    np.testing.assert_array_equal(chords.counts[:4], [2, 2, 1, 0])
    np.testing.assert_allclose(chords.lengths[:3], np.sqrt(5) * np.arange(1, 4), rtol=1e-14)


def test_jit_vmap_and_single_precision():
    batch = jax.random.uniform(KEY, (3, 8, 9)) < 0.7
    grid = Grid((8, 9), np.array([1.0, 2.0], np.float32))
    found = jax.jit(jax.vmap(lambda m: chord_lengths(m, 1, grid, periodic=False)))(batch)
    assert found.mean.dtype == jnp.float32
    assert found.counts.shape == (3, 9)
    single = chord_lengths(batch[1], 1, grid, periodic=False)
    np.testing.assert_array_equal(found.counts[1], single.counts)
    np.testing.assert_allclose(found.mean[1], single.mean, rtol=1e-6)
    slope = jax.grad(lambda lengths: chord_lengths(batch[1], 1, Grid((8, 9), lengths)).mean)(grid.lengths)
    np.testing.assert_allclose(slope, [0, chord_lengths(batch[1], 1, grid).mean / 2], rtol=1e-6)


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"`mask` must have 2 or 3 axes, but its shape is \(3,\)"):
        chord_lengths(np.ones(3), 0)
    with pytest.raises(ValueError, match=r"`mask` must hold truth values, 0 or 1, but it holds \[2\]. Compare it first"):
        chord_lengths(np.array([[0, 1], [2, 1]]), 0)
    with pytest.raises(ValueError, match="`axis` must be below the number of axes, 2, but it is 2"):
        chord_lengths(np.ones((3, 3)), 2)
    with pytest.raises(ValueError, match="`cut` must be one of 'leave_out', 'count'"):
        chord_lengths(np.ones((3, 3)), 0, cut="leave out")
    with pytest.raises(ValueError, match=r"`mask` must have shape \(3, 4\)"):
        chord_lengths(np.ones((3, 3)), 0, Grid((3, 4)))
    empty = chord_lengths(np.zeros((3, 3)), 0)
    assert (int(empty.total), np.isnan(empty.mean), np.isnan(empty.density).all()) == (0, True, True)
