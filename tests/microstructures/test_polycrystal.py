import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Phase, polycrystal

KEY = jax.random.key(11)


def test_grains_are_the_periodic_cells_of_their_centroids_after_relaxation():
    """Cells that Lloyd's steps have centred are nearest to their own centroid: brute force over 27 images."""
    grid = Grid((20, 15, 9), (2.0, 3.0, 1.8))
    ms = polycrystal(grid, grains=8, key=KEY, relax=60)
    grain = np.asarray(ms.maps["grain"])
    centres, lengths = np.asarray(grid.centres()), np.asarray(grid.lengths)
    seeds = []
    for index in range(8):
        points = centres[:, grain == index]
        turns = np.exp(2j * np.pi * points / lengths[:, None]).mean(axis=1)
        reference = np.angle(turns) / (2 * np.pi) * lengths
        offset = points - reference[:, None]
        seeds.append(reference + (offset - lengths[:, None] * np.round(offset / lengths[:, None])).mean(axis=1))
    images = np.array(np.meshgrid(*[[-1, 0, 1]] * 3)).reshape(3, -1) * lengths[:, None]
    distance = np.stack([min_distance(centres, seed, images) for seed in seeds])
    assert np.mean(distance.argmin(axis=0) == grain) > 0.98


def min_distance(points, seed, images):
    return np.min([np.linalg.norm(points - (seed + image)[:, None, None, None], axis=0) for image in images.T], axis=0)


def test_each_grain_has_one_orientation():
    ms = polycrystal(Grid((24, 18)), grains=12, key=KEY, phase=Phase("copper", laue="m-3m"))
    grain, orientation = np.asarray(ms.maps["grain"]), np.asarray(ms.orientation)
    assert (ms.n_phases, ms.phases[0].laue) == (1, "m-3m")
    assert not ms.labels.any()
    first = np.stack([orientation[:, grain == k][:, 0] for k in range(12)])
    np.testing.assert_array_equal(orientation, np.moveaxis(first[grain], -1, 0))
    assert len(np.unique(first.round(12), axis=0)) == 12


def test_the_cell_is_periodic():
    """Across the seam as many neighbours belong to one grain as inside."""
    same_seam, same_inside = [], []
    for key in jax.random.split(KEY, 8):
        grain = np.asarray(polycrystal(Grid((40, 40)), grains=20, key=key).maps["grain"])
        same_seam.append(np.mean(grain[0] == grain[-1]))
        same_inside.append(np.mean(grain[1:] == grain[:-1]))
    assert abs(np.mean(same_seam) - np.mean(same_inside)) < 0.05


def test_relaxation_evens_sizes():
    sizes = [np.bincount(np.asarray(polycrystal(Grid((64, 64)), 40, key=KEY, relax=n).maps["grain"]).ravel()) for n in (0, 10)]
    assert sizes[1].std() < 0.5 * sizes[0].std()


def test_too_many_seeds_are_renumbered_and_noted():
    ms = polycrystal(Grid((6, 6)), grains=30, key=KEY)
    numbers = np.unique(np.asarray(ms.maps["grain"]))
    np.testing.assert_array_equal(numbers, np.arange(numbers.size))
    assert numbers.size < 30
    assert f"30 seeds gave {numbers.size} grains" in ms.notes[0]


def test_single_precision_and_bad_input(as_user):
    grid = Grid((8, 8), jnp.array([1.0, 1.0], jnp.float32))
    assert polycrystal(grid, 3, key=KEY).orientation.dtype == jnp.float32
    with pytest.raises(ValueError, match="`grains` must be a whole number from 1 to the 64 voxels, but it is 65"):
        polycrystal(grid, 65, key=KEY)
    with pytest.raises(ValueError, match=r"`grains` must be a whole number .* but it is 2\.5"):
        polycrystal(grid, 2.5, key=KEY)
