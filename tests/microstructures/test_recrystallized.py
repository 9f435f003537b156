"""Partially recrystallised metals: volume, necklace, shapes of old and new grains, textures."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Phase, recrystallized

KEY = jax.random.key(8)


def faces(grain):
    return [np.sum(grain != np.roll(grain, 1, axis)) for axis in range(grain.ndim)]


def boundary_distance(grain):
    """Distance of each voxel to the nearest one beside another grain, in the periodic cell."""
    at_boundary = np.any([grain != np.roll(grain, shift, axis) for axis in range(grain.ndim) for shift in (-1, 1)], axis=0)
    wide = distance_transform_edt(~np.pad(at_boundary, [(size, size) for size in grain.shape], mode="wrap"))
    return wide[tuple(slice(size, 2 * size) for size in grain.shape)]


@pytest.mark.parametrize(
    ("shape", "fraction", "new"), [((96, 80), 0.1, 30), ((96, 80), 0.5, 80), ((96, 80), 0.9, 120), ((24, 30, 20), 0.3, 60)]
)
def test_the_volume_is_reached_by_whole_grains_and_numbers_have_no_gaps(shape, fraction, new):
    ms = recrystallized(Grid(shape), fraction, key=KEY, deformed=10, recrystallized=new)
    grain, is_new = np.asarray(ms.maps["grain"]), np.asarray(ms.maps["recrystallized"])
    assert abs(is_new.mean() - fraction) < 0.01
    np.testing.assert_array_equal(np.unique(grain), np.arange(grain.max() + 1))
    assert len(np.unique(grain[is_new])) == new
    assert grain[~is_new].max() < grain[is_new].min()
    assert f"({fraction:g} asked), {new} new grains" in ms.notes[0]
    orientation = np.asarray(ms.orientation)
    first = np.unique(grain, return_index=True)[1]
    np.testing.assert_array_equal(orientation, orientation.reshape(len(orientation), -1)[:, first][:, grain])


def test_new_grains_lie_along_the_boundaries_of_the_old_ones():
    """The same key with no new grain shows where those were; new grains are equiaxed, old ones as long as asked."""
    old = recrystallized(Grid((128, 128)), 0.0, key=KEY, deformed=16, aspect=(3, 1))
    ms = recrystallized(Grid((128, 128)), 0.25, key=KEY, deformed=16, recrystallized=120, aspect=(3, 1))
    before, grain, new = (np.asarray(each) for each in (old.maps["grain"], ms.maps["grain"], ms.maps["recrystallized"]))
    assert not np.asarray(old.maps["recrystallized"]).any()
    across = faces(before)
    assert across[1] / across[0] == pytest.approx(3.0, rel=0.15)
    distance = boundary_distance(before)
    assert new[distance == 0].mean() > 0.6 > 0.25 > new[distance > 4].mean()
    assert not new[distance > 12].any()
    points = [np.argwhere(grain == number) for number in np.unique(grain[new])]
    spreads = np.sum([p.var(axis=0) for p in points if np.ptp(p, axis=0).max() < 64], axis=0)  # those that the seam does not cut
    assert spreads[0] / spreads[1] == pytest.approx(1.0, rel=0.15)
    np.testing.assert_array_equal([len(np.unique(grain[(before == k) & ~new])) for k in range(16)], 1)


def test_orientations_are_those_given():
    rng = np.random.default_rng(0)
    rolled, cube = (q / np.linalg.norm(q, axis=0) for q in (rng.normal(size=(4, 20)), rng.normal(size=(4, 20)) * 0.1 + np.eye(4)[:, :1]))
    options = {"deformed_orientations": rolled, "recrystallized_orientations": cube, "phase": Phase("copper", laue="m-3m"), "sizes": 0.3}
    ms = recrystallized(Grid((64, 64)), 0.2, key=KEY, deformed=20, recrystallized=20, **options)
    grain, orientation = np.asarray(ms.maps["grain"]).ravel(), np.asarray(ms.orientation).reshape(4, -1)
    each = orientation[:, np.unique(grain, return_index=True)[1]]
    for found, given in ((each[:, :20], rolled), (each[:, 20:], cube)):
        np.testing.assert_allclose(found[:, np.lexsort(found)], given[:, np.lexsort(given)], atol=1e-15)
    assert abs(float(ms.maps["recrystallized"].mean()) - 0.2) < 0.01
    assert ms.phases[0].laue == "m-3m"


def test_all_may_be_recrystallised_and_single_precision(as_user):
    grid = Grid((32, 32), jnp.array([1.0, 1.0], jnp.float32))
    ms = recrystallized(grid, 1.0, key=KEY, deformed=3, recrystallized=20)
    assert np.asarray(ms.maps["recrystallized"]).all()
    assert ms.orientation.dtype == jnp.float32
    assert "nothing is left of 3 of 3 deformed grains" in ms.notes[1]


def test_what_cannot_be_made_says_what_to_do(as_user):
    grid, turns = Grid((24, 24)), np.tile([[1.0], [0.0], [0.0], [0.0]], 5)
    for match, options in {
        r"`fraction` must lie in \[0, 1\], but it is 1\.2": {"fraction": 1.2},
        r"`fraction` must lie in \[0, 1\], but it is None": {"fraction": None},
        r"`fraction` must be at least 0\.0069, the share of one new grain of 4 voxels in 576, but it is 0\.001": {"fraction": 0.001},
        "`deformed` must be a whole number from 2 to the 576 voxels, but it is 1": {"deformed": 1},
        r"`recrystallized` must be a whole number from 1 .* but it is 2\.5": {"recrystallized": 2.5},
        r"`recrystallized` must be at most 43 for a fraction of 0\.3 in 576 voxels, .* but it is 50": {"recrystallized": 50},
        r"must be reached within 0\.01, but 1 whole new grains miss 0\.4 by 0\.\d+\. Use more recrystallized": {
            "recrystallized": 1,
            "fraction": 0.4,
        },
        r"`deformed_orientations` must have shape \(4, 4\)": {"deformed_orientations": turns},
        "`recrystallized_orientations` must be unit quaternions, but lengths from 2 to 2": {"recrystallized_orientations": 2 * turns},
        "`aspect` must be positive": {"aspect": (1.0, 0.0)},
        "outside jit": {"key": None},
    }.items():
        arguments = {"fraction": 0.3, "deformed": 4, "recrystallized": 5, "key": KEY} | options
        if arguments["key"] is None:
            with pytest.raises(ValueError, match=match):
                jax.jit(lambda key: recrystallized(grid, 0.3, key=key).orientation)(KEY)
            continue
        with pytest.raises(ValueError, match=match):
            recrystallized(grid, **arguments)


@pytest.mark.parametrize("seed", range(3))
def test_few_new_grains_of_unequal_size_reach_the_volume(seed):
    """The next grains are all of like size by chance; farther ones are exchanged then, too."""
    ms = recrystallized(Grid((24, 20, 28)), 0.2, key=jax.random.key(seed + 1), deformed=8, recrystallized=30, sizes=0.4)
    assert abs(float(ms.maps["recrystallized"].mean()) - 0.2) < 0.01
