"""Laminates of any rank: what lies where, exact shares, and the laminate rule when scales separate."""

import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.fields import Grid
from jaxmicro.homogenization import composite_conductivity
from jaxmicro.microstructures import Layers, laminate, ranked_laminate


def test_rank_one_is_a_laminate():
    grid = Grid((12, 10, 2), (3.0, 1.0, 1.0))
    ms = ranked_laminate(grid, [(0.3, (1, 2, 0), 1)])
    np.testing.assert_array_equal(ms.labels, 1 - np.asarray(laminate(grid, (0.3, 0.7), normal=(1, 2, 0)).labels))


def test_levels_fill_what_earlier_ones_leave():
    grid = Grid((8, 12, 16))
    ms = ranked_laminate(grid, [(0.25, (1, 0, 0), 1), (0.5, (0, 1, 0), 2), (0.5, (0, 0, 1), 4)])
    x, y, z = np.indices(grid.shape)
    expected = (x < 2) | (y % 6 < 3) | (z % 4 < 2)
    np.testing.assert_array_equal(ms.labels, expected)
    np.testing.assert_allclose(ms.asked["volume_fractions"], (0.75 * 0.25, 1 - 0.75 * 0.25))
    np.testing.assert_allclose(ms.volume_fractions, ms.asked["volume_fractions"])


def test_layers_nest_any_phases():
    inner = Layers((0.5, 0.5), (0, 3), (0, 1), 2)
    ms = ranked_laminate(Grid((8, 8)), Layers((0.25, 0.5, 0.25), (2, inner, 1), (1, 0)))
    np.testing.assert_array_equal(ms.labels[:, 0], [2, 2, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(ms.labels[3], [0, 0, 3, 3, 0, 0, 3, 3])
    assert ms.asked["volume_fractions"] == (0.25, 0.25, 0.25, 0.25)


def test_exact_shares_are_products_along_the_axes():
    grid, levels = Grid((7, 11)), [(0.31, (1, 0), 2), (0.43, (0, -1), 3)]
    ms = ranked_laminate(grid, levels, exact=True)
    np.testing.assert_allclose(ms.volume_fractions, [0.69 * 0.57, 1 - 0.69 * 0.57], atol=1e-12)
    fine = np.asarray(ranked_laminate(Grid((700, 1100)), levels).labels).reshape(7, 100, 11, 100).mean(axis=(1, 3))
    np.testing.assert_allclose(ms.fractions[1], fine, atol=0.02)  # layer edges inside a voxel, to a hundredth each


def rule(share, axis, inner, layer):
    """The laminate of one level: a share of `layer` across an axis, the rest `inner`."""
    normal = np.zeros((2, 2, 2))
    normal[axis] = 1
    return np.asarray(composite_conductivity(np.full((2, 2), share), normal, inner, layer))[:, :, 0, 0]


def error_of_rank_two(repeats):
    """Largest deviation from the rule, over the largest conductivity; the matrix is 1, the layers are 20."""
    low, high = np.eye(2), 20.0 * np.eye(2)
    expected = rule(0.4, 0, rule(0.5, 1, low, high), high)
    grid = Grid((5 * repeats, 8 * repeats), (20.0, 20.0))  # as many voxels in each fine period, along both axes
    ms = ranked_laminate(grid, [(0.4, (1, 0), 1), (0.5, (0, 1), repeats)])
    conductivity = np.where(np.asarray(ms.labels) == 1, 20.0, 1.0)
    return np.abs(np.asarray(jm.effective_conductivity(conductivity, ms.grid).tensor) - expected).max() / expected.max()


def test_conduction_is_near_the_rule_of_rank_two():
    """The error is of first order in the ratio of the periods: 0.033 at 4 and half of it at 8."""
    assert error_of_rank_two(8) < 0.55 * error_of_rank_two(4) < 0.02


@pytest.mark.slow
def test_the_error_of_rank_two_falls_with_the_ratio_of_periods():
    """Where scales meet, a layer as thick as a fine period is another one: the error is of first order in their ratio.

    It halves with the ratio to all that is left: layers at the two coarse faces are alike at every ratio once they do not feel each other, so
    that what follows is exponentially small.
    """
    errors = [error_of_rank_two(repeats) for repeats in (2, 4, 8)]
    np.testing.assert_allclose([errors[1] / errors[0], errors[2] / errors[1]], 0.5, rtol=0.01)


@pytest.mark.parametrize(
    ("levels", "options", "message"),
    [
        ([], {}, "at least one"),
        ([(1.2, (1, 0), 1)], {}, r"fraction of level 0 must lie in \[0, 1\], but it is 1.2"),
        ([(0.5, (1, 0))], {}, "entry 0 is"),
        ([(0.5, (0.5, 0), 1)], {}, "2 whole numbers"),
        ([(0.5, (1, 1), 1)], {"exact": True}, r"must lie across an axis, but a normal is \(1, 1\)"),
        ([(0.5, (1, 0), 1), (0.5, (1, 0), 4)], {"exact": True}, "axis 0 comes twice"),
        (Layers((0.5, 0.5), (0, 2), (1, 0)), {}, r"number the phases 0 … 2, but it holds \[0, 2\]"),
        (Layers((0.5, 0.5), (0,), (1, 0)), {}, "one entry per layer, but there are 1 for 2"),
        (Layers((0.5, 0.6), (0, 1), (1, 0)), {}, "sum to 1"),
    ],
)
def test_bad_input_is_named(as_user, levels, options, message):
    with pytest.raises(ValueError, match=message):
        ranked_laminate(Grid((8, 8)), levels, **options)
