from pathlib import Path

import numpy as np
import pytest

from jaxmicro.io import ReadError
from jaxmicro.io.ebsd.points import arrange
from tests.io.ebsd.samples import hexagonal, sample

FILE = Path("map.ctf")


def positions(s, order=None):
    p = np.stack([s.x, s.y])
    return p if order is None else p[:, order]


@pytest.mark.parametrize(("step", "origin"), [((0.5, 0.5), (0, 0)), ((0.12, 0.3), (-7.3, 1e3)), ((1 / 3, 1 / 7), (0.01, 0))])
def test_points_in_any_order_find_their_place(step, origin):
    s = sample((7, 4), step=step, origin=origin)
    order = np.random.default_rng(1).permutation(28)
    found = arrange(FILE, positions(s, order).round(4))
    assert found.rows.shape == (7, 4)
    np.testing.assert_allclose(found.spacing, step, rtol=1e-3)
    np.testing.assert_array_equal(found.take(s.quality[order]), s.grid(s.quality))
    np.testing.assert_array_equal(found.take(s.euler[:, order]), s.grid(s.euler))
    assert "out of order" in found.notes[0]
    assert arrange(FILE, positions(s)).notes == ()


def test_positions_rounded_to_a_fifth_of_a_step_are_still_a_grid():
    s = sample((9, 6), step=(0.033, 0.033))
    assert arrange(FILE, positions(s).round(2)).rows.shape == (9, 6)


def test_volumes():
    x, y, z = (axis.ravel() for axis in np.meshgrid(np.arange(3), np.arange(4), np.arange(2) * 0.5, indexing="ij"))
    found = arrange(FILE, np.stack([x, y, z]))
    assert found.rows.shape == (3, 4, 2)
    np.testing.assert_array_equal(found.take(100 * x + 10 * y + z), (100 * x + 10 * y + z).reshape(3, 4, 2))


def test_scattered_points_are_no_grid():
    p = np.random.default_rng(0).uniform(0, 100, (2, 500))
    with pytest.raises(ReadError, match=r"`map.ctf` holds no grid: x takes 500 values with steps of .* Export the map"):
        arrange(FILE, p)


def test_rows_of_different_steps_are_no_grid():
    s = sample((6, 5))
    with pytest.raises(ReadError, match="holds no grid: y takes 5 values"):
        arrange(FILE, np.stack([s.x, s.y**2]))


@pytest.mark.parametrize("missing", [0, 13, 29])
def test_a_missing_point_is_named(missing):
    s = sample((6, 5))
    with pytest.raises(ReadError, match=r"holds 29 points, but their positions span 6 × 5 = 30 places"):
        arrange(FILE, np.delete(positions(s), missing, axis=1))


def test_a_point_that_is_there_twice_is_named():
    p = positions(sample((6, 5)))
    p[:, 7] = p[:, 3]
    with pytest.raises(ReadError, match=r"two points at one position \(rows 4 and 8 of its data\). 1 place of the grid is empty"):
        arrange(FILE, p)


def test_huge_extents_cost_nothing():
    p = positions(sample((6, 5)))
    p[0, 3] = 1e12
    with pytest.raises(ReadError):
        arrange(FILE, p)


@pytest.mark.parametrize("ragged", [True, False])
def test_hexagonal_grids_are_refused_or_resampled_to_the_nearest_point(ragged):
    s = hexagonal(7, 8, step=0.4, ragged=ragged)
    order = np.random.default_rng(0).permutation(s.x.size)
    p = positions(s, order).round(5)
    with pytest.raises(
        ReadError, match=rf"holds a hexagonal grid of {s.x.size} points, 0.4 apart in rows 0.34641 apart. Pass resample='nearest'"
    ):
        arrange(FILE, p)
    found = arrange(FILE, p, "nearest")
    assert found.hexagonal
    np.testing.assert_allclose(found.spacing, (0.4, 0.4), rtol=1e-4)
    x, y = np.meshgrid(*(0.4 * np.arange(n) for n in found.rows.shape), indexing="ij")
    every = np.hypot(p[0][:, None, None] - x, p[1][:, None, None] - y)
    chosen = np.take_along_axis(every, found.rows[None], axis=0)[0]
    np.testing.assert_allclose(chosen, every.min(axis=0), atol=1e-4)
    assert "resampled by nearest neighbour" in found.notes[0]


def test_hexagonal_grids_with_holes_are_refused():
    s = hexagonal(7, 8)
    with pytest.raises(ReadError, match=r"hexagonal grid in which 1 of 52 places are empty"):
        arrange(FILE, np.delete(positions(s), 20, axis=1), "nearest")


def test_only_known_ways_to_resample(as_user):
    with pytest.raises(ValueError, match="`resample` must be one of 'nearest', but it is 'linear'"):
        arrange(FILE, positions(sample()), "linear")
