"""Synthetic datasets: reproducible, within the ranges asked for, in the proportions asked for."""

import jax
import numpy as np
import pytest

from jaxmicro.datasets import packings, random_fields, synthetic
from jaxmicro.fields import Grid
from jaxmicro.generative import two_point

GRID = Grid((16, 16))


@pytest.fixture(scope="module")
def mixed():
    generators = [
        random_fields(GRID, volume_fraction=(0.2, 0.3)),
        packings(GRID, volume_fraction=(0.3, 0.4), radius=(3.0, 4.0), swapped=0.0),
    ]
    return generators, synthetic(40, generators, key=jax.random.key(0), shares=(0.75, 0.25))


def test_images_are_pure_phases_that_sum_to_one(mixed):
    _, cells = mixed
    assert cells.images.shape == (40, 2, 16, 16)
    assert cells.images.dtype == "uint8"
    np.testing.assert_array_equal(cells.images.sum(axis=1), 1)
    assert cells.periodic
    assert len(cells) == 40


def test_volume_fractions_lie_in_the_range_of_their_generator(mixed):
    _, cells = mixed
    share = np.asarray(cells.images[:, 1], float).mean(axis=(1, 2))
    fields = cells.sources == 0
    assert ((share[fields] > 0.195) & (share[fields] < 0.305)).all()  # exact to half a voxel in 256
    assert ((share[~fields] > 0.22) & (share[~fields] < 0.48)).all()  # discs are drawn on few voxels
    assert share[fields].std() > 0.015
    assert 4 <= (~fields).sum() <= 18


def test_a_cell_depends_on_the_key_and_its_number_alone(mixed):
    generators, cells = mixed
    one = synthetic(8, generators[:1], key=jax.random.key(0))
    two = synthetic(3, generators[:1], key=jax.random.key(0))
    np.testing.assert_array_equal(one.images[:3], two.images)
    assert not np.array_equal(one.images, synthetic(8, generators[:1], key=jax.random.key(1)).images)
    assert len({image.tobytes() for image in np.asarray(one.images)}) == 8
    assert cells.phases == ("phase 0", "phase 1")


def test_directions_are_drawn_too():
    cells = synthetic(30, [random_fields(GRID, (0.5, 0.5), (1.5, 1.5), anisotropy=(4.0, 4.0))], key=jax.random.key(2))
    s2 = np.asarray(two_point(cells.images.astype("float32"))[:, 1])
    lean = s2[:, 2, 0] - s2[:, 0, 2]
    assert lean.max() > 0.05
    assert lean.min() < -0.05


def test_discs_may_be_either_phase():
    cells = synthetic(12, [packings(GRID, (0.2, 0.3), (3.0, 3.0), swapped=0.5)], key=jax.random.key(3))
    share = np.asarray(cells.images[:, 1], float).mean(axis=(1, 2))
    assert (share < 0.5).any()
    assert (share > 0.5).any()


def test_three_dimensions():
    cells = synthetic(2, [random_fields(Grid((4, 6, 8)))], key=jax.random.key(0))
    assert cells.images.shape == (2, 2, 4, 6, 8)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda key: synthetic(0, [random_fields(GRID)], key=key), "at least 1, but it is 0"),
        (lambda key: synthetic(2, [], key=key), "at least one function"),
        (lambda key: synthetic(2, [random_fields(GRID)], key=key, shares=(0.5, 0.5)), r"one non-negative number per generator \(1\)"),
        (lambda key: random_fields(GRID, volume_fraction=(0.5, 0.2)), r"range 0 < low ≤ high, but it is \(0\.5, 0\.2\)"),
        (
            lambda key: synthetic(6, [random_fields(GRID), random_fields(Grid((8, 8)))], key=key),
            r"one shape, but they have \[\(8, 8\), \(16, 16\)\]",
        ),
        (
            lambda key: synthetic(6, [random_fields(GRID), random_fields(GRID, phases=("a", "b"))], key=key),
            "the same phases",
        ),
    ],
)
def test_bad_input_is_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call(jax.random.key(0))
