"""Random checkerboards: exact counts, independent draws, chords and correlations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import random_checkerboard

KEY = jax.random.key(8)
GRID = Grid((24, 15, 8))


def blocks_of(labels, counts):
    sizes = [n // k for n, k in zip(labels.shape, counts, strict=True)]
    corner = labels[tuple(slice(None, None, s) for s in sizes)]
    filled = corner
    for axis, size in enumerate(sizes):
        filled = np.repeat(filled, size, axis)
    np.testing.assert_array_equal(labels, filled)
    return corner


@pytest.mark.parametrize("exact", [True, False])
def test_blocks_are_whole_and_counted(exact):
    fractions = np.array([0.2, 0.35, 0.45])
    ms = random_checkerboard(GRID, (12, 5, 8), fractions, key=KEY, exact=exact)
    counts = np.bincount(blocks_of(np.asarray(ms.labels), (12, 5, 8)).ravel(), minlength=3)
    # the scatter of independent draws is √(480 · 0.2 · 0.8) = 9 blocks or more; exact ones are within one
    assert np.abs(counts - 480 * fractions).max() < (1 if exact else 45)
    assert exact or np.abs(counts - 480 * fractions).max() > 0.5
    np.testing.assert_allclose(ms.asked["volume_fractions"], fractions)


def test_chords_and_correlations_are_those_of_independent_blocks():
    share, side = 0.3, 4
    labels = np.asarray(random_checkerboard(Grid((640, 640)), 160, volume_fraction=share, key=KEY, exact=False).labels)
    starts = (labels == 1) & (np.roll(labels, 1, 0) != 1)
    # mean chord: a share of 0.3 over the starts; some 5,400 chords with a scatter of the order of their length: 2 %
    assert abs((labels == 1).sum() / starts.sum() / (side / (1 - share)) - 1) < 0.05
    for lag in (1, 3, 4, 9):
        both = ((labels == 1) & (np.roll(labels, lag, 1) == 1)).mean()
        assert abs(both - share**2 - share * (1 - share) * max(1 - lag / side, 0)) < 0.008


def test_keys_decide_under_jit_and_vmap():
    draw = jax.jit(jax.vmap(lambda key, v: random_checkerboard(Grid((8, 12)), 4, volume_fraction=v, key=key).labels))
    keys, shares = jax.random.split(KEY, 2), jnp.array([0.25, 0.75])
    batch = draw(keys, shares)
    np.testing.assert_allclose(batch.mean(axis=(1, 2)), shares)
    np.testing.assert_array_equal(batch[0], random_checkerboard(Grid((8, 12)), 4, volume_fraction=0.25, key=keys[0]).labels)
    assert np.any(np.asarray(batch[0] != random_checkerboard(Grid((8, 12)), 4, volume_fraction=0.25, key=keys[1]).labels))


def test_bad_input_is_named(as_user):
    for options, message in [
        ({"blocks": 7}, r"must divide the voxels along each axis, but they are \(7, 7, 7\)"),
        ({"blocks": 0}, "positive whole number"),
        ({"blocks": (2, 3, 2), "fractions": (0.5, 0.4)}, "sum to 1"),
        ({"blocks": (2, 3, 2), "phases": ("a",)}, "one entry per fraction, but there are 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            random_checkerboard(GRID, key=KEY, **options)
