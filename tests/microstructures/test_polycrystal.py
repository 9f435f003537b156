import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, lognorm

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Phase, laguerre, log_normal_sizes, polycrystal
from jaxmicro.orientations import embed

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


# ------------------------------------------------------------------------------------------------------ sizes, shapes, textures


@pytest.mark.parametrize(("shape", "relax"), [((256, 256), 0), pytest.param((64, 64, 64), 2, marks=pytest.mark.slow)])
def test_sizes_follow_the_log_normal_that_was_asked(shape, relax):
    ms = polycrystal(Grid(shape), 500, key=KEY, sizes=0.35, relax=relax)
    counts = np.bincount(np.asarray(ms.maps["grain"]).ravel(), minlength=500)
    diameters = (counts / counts.sum()) ** (1 / len(shape))
    median = np.exp(np.log(log_normal_sizes(500, 0.35, dim=len(shape))).mean() / len(shape))
    assert kstest(diameters, lognorm(0.35, scale=median).cdf).statistic <= 0.02
    assert "the largest relative error of a grain's volume is" in ms.notes[0]
    assert np.corrcoef(np.arange(500), counts)[0, 1] < 0.2  # in random order


def test_sizes_of_given_seeds_are_theirs():
    seeds = np.array([[5.0, 25.0, 15.0], [5.0, 10.0, 30.0]])
    ms = polycrystal(Grid((40, 40)), 3, key=KEY, seeds=seeds, sizes=[1.0, 2.0, 5.0])
    counts = np.bincount(np.asarray(ms.maps["grain"]).ravel())
    np.testing.assert_allclose(counts / 1600, np.array([1, 2, 5]) / 8, atol=15 / 1600)  # a hundredth of the largest, and four voxels
    voronoi = polycrystal(Grid((40, 40)), 3, key=KEY, seeds=seeds)
    np.testing.assert_array_equal(voronoi.maps["grain"], laguerre(Grid((40, 40)), seeds))


@pytest.mark.parametrize("sizes", [None, 0.2])
def test_aspect_stretches_the_grains(sizes):
    """Mean chords, from the faces across each axis, have the ratio that was asked."""
    ms = polycrystal(Grid((120, 120)), 60, key=KEY, aspect=(3, 1), relax=5, sizes=sizes)
    grain = np.asarray(ms.maps["grain"])
    faces = [np.sum(grain != np.roll(grain, 1, axis)) for axis in (0, 1)]
    assert faces[1] / faces[0] == pytest.approx(3.0, rel=0.1)


def test_the_texture_by_volume_is_that_by_number():
    grains, rng = 80, np.random.default_rng(1)
    q = rng.normal(size=(4, grains)) + np.array([[2.0], [0.0], [1.0], [0.0]])
    q /= np.linalg.norm(q, axis=0)
    points = np.asarray(embed(q, laue="m-3m"))
    miss = {}
    for assign in ("balanced", "ordered"):
        ms = polycrystal(Grid((96, 96)), grains, key=KEY, sizes=0.5, orientations=q, assign=assign)
        grain, there = np.asarray(ms.maps["grain"]).ravel(), np.asarray(ms.orientation).reshape(4, -1)
        counts = np.bincount(grain)
        taken = np.abs(q.T @ there[:, np.unique(grain, return_index=True)[1]]).argmax(axis=0)  # which orientation each grain has
        np.testing.assert_array_equal(np.sort(taken), np.arange(grains))
        np.testing.assert_allclose(there, q[:, taken][:, grain], atol=1e-15)
        miss[assign] = np.linalg.norm(points[:, taken] @ counts / counts.sum() - points.mean(axis=1))
    np.testing.assert_array_equal(taken, np.arange(grains))  # of "ordered", the last
    assert miss["balanced"] < 0.05 * miss["ordered"]


def test_what_cannot_be_made_says_what_to_do(as_user):
    grid, quaternions = Grid((16, 16)), np.tile([[1.0], [0.0], [0.0], [0.0]], 4)
    for match, options in {
        r"\d+ of 100 grains would be smaller \(the smallest .* voxels\)\. Use a grid of .* fewer grains": {"grains": 100, "sizes": 0.9},
        r"`sizes` must be one number or 4 relative volumes, one per grain, but their shape is \(3,\)": {"sizes": [1.0, 2.0, 3.0]},
        "`sizes` must be positive and finite, but 1 of 4 are not": {"sizes": [1.0, np.nan, 1.0, 1.0]},
        "`sizes` must be a spread of .*, but it is '0.3'": {"sizes": "0.3"},
        "`sizes` must be a spread of .*, but it is True": {"sizes": True},
        r"`relax` must be a whole number from 0 on, but it is 2\.5": {"relax": 2.5},
        "`relax` must be a whole number from 0 on, but it is '3'": {"relax": "3"},
        "`sizes` must be a spread": {"sizes": -0.3},
        "`aspect` must be positive": {"aspect": (1.0, 0.0)},
        r"`orientations` must have shape \(4, 4\)": {"orientations": quaternions[:, :3]},
        "`orientations` must be unit quaternions, but 4 are not": {"orientations": 2 * quaternions},
        "`assign` must be one of 'balanced', 'ordered', but it is 'orderd'": {"orientations": quaternions, "assign": "orderd"},
        r"`seeds` must have shape \(2, 4\)": {"seeds": [[1.0], [2.0]]},
        "seeds 0 and 1 are at one place": {"seeds": np.ones((2, 4)), "sizes": 0.1},
    }.items():
        with pytest.raises(ValueError, match=match):
            polycrystal(grid, **({"grains": 4} | options), key=KEY)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda grains: polycrystal(grid, grains, key=KEY).orientation)(4)


def test_grains_longer_than_the_cell_are_noted():
    """Of two grains asked to be 50 times as long as high none ends along x; of 40 with an aspect of 2 all do."""
    long = polycrystal(Grid((24, 24)), 2, key=KEY, aspect=(50, 1))
    assert "2 of 2 grains have no end along an axis: the cell is too short for this aspect" in long.notes[-1]
    np.testing.assert_array_equal(np.asarray(long.maps["grain"]), np.asarray(long.maps["grain"])[:1].repeat(24, axis=0))
    assert not any("no end" in note for note in polycrystal(Grid((64, 64)), 40, key=KEY, aspect=(2, 1), relax=3).notes)


@pytest.mark.parametrize(("aspect", "lengths"), [((0.2, 1.0), (1.0, 1.0)), ((5.0, 1.0), (3.0, 1.0)), ((1.0, 5.0), (1.0, 2.0))])
def test_second_moments_have_the_aspect(aspect, lengths):
    """Of grains put together about their circular means, in voxels that are no squares; also along the other axis."""
    grid = Grid((180, 150), lengths)
    grain = np.asarray(polycrystal(grid, 150, key=KEY, aspect=aspect, relax=5).maps["grain"]).ravel()
    counts, spreads = np.bincount(grain), []
    for x, length in zip(np.asarray(grid.centres()).reshape(2, -1), lengths, strict=True):
        turn = np.exp(2j * np.pi * x / length)
        about = np.angle(np.bincount(grain, turn.real) + 1j * np.bincount(grain, turn.imag)) / (2 * np.pi) * length
        offset = (x - about[grain] + length / 2) % length - length / 2
        spreads.append(np.bincount(grain, offset**2).sum() - (np.bincount(grain, offset) ** 2 / counts).sum())
    assert np.sqrt(spreads[0] / spreads[1]) == pytest.approx(aspect[0] / aspect[1], rel=0.05)
