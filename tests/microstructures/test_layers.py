import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import checkerboard, laminate


def test_layers_along_each_axis():
    grid = Grid((4, 5, 10))
    np.testing.assert_array_equal(laminate(grid, (0.2, 0.3, 0.5), axis=2).labels[1, 2], [0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
    np.testing.assert_array_equal(laminate(grid, (0.4, 0.6), axis=-2).labels[0, :, 0], [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(laminate(grid, axis=0, repeats=2).labels[:, 0, 0], [0, 1, 0, 1])


def test_a_voxel_belongs_to_the_layer_at_its_centre():
    np.testing.assert_array_equal(laminate(Grid((4, 2)), (0.45, 0.55)).labels[:, 0], [0, 0, 1, 1])
    np.testing.assert_array_equal(laminate(Grid((4, 2)), (0.3, 0.7)).labels[:, 0], [0, 1, 1, 1])


def test_seven_equal_layers_fill_seven_voxels_each():
    """A seventh is no binary fraction: bounds that are meant to lie on voxel faces must."""
    for n in (7, 21, 49):
        labels = np.asarray(laminate(Grid((n, 2)), [1 / 7] * 7).labels[:, 0])
        np.testing.assert_array_equal(labels, np.repeat(np.arange(7), n // 7))


@pytest.mark.parametrize("n", [5, 8])
def test_the_diagonal_laminate_depends_on_the_sum_of_indices(n):
    labels = np.asarray(laminate(Grid((n, n)), (0.4, 0.6), normal=(1, 1)).labels)
    i, j = np.indices((n, n))
    for value in range(n):
        assert np.unique(labels[(i + j) % n == value]).size == 1
    np.testing.assert_array_equal(labels, np.roll(labels, (1, -1), (0, 1)))


def test_oblique_layers_are_periodic_on_unequal_grids():
    grid = Grid((12, 8), (3.0, 1.0))
    labels = np.asarray(laminate(grid, normal=(1, -2)).labels)
    t = (np.arange(12)[:, None] + 0.5) / 12 - 2 * (np.arange(8)[None] + 0.5) / 8
    off_bound = np.abs(((t % 1) * 2 + 0.5) % 1 - 0.5) > 1e-9
    np.testing.assert_array_equal(labels[off_bound], ((t % 1) >= 0.5).astype(int)[off_bound])
    assert labels.mean() == 0.5


def test_exact_layers_hold_exact_shares():
    ms = laminate(Grid((4, 2)), (0.3, 0.7), exact=True)
    np.testing.assert_allclose(ms.fractions[0, :, 0], [1.0, 0.2, 0, 0], atol=1e-14)
    np.testing.assert_allclose(laminate(Grid((9, 2)), (0.3, 0.7), exact=True, repeats=2).volume_fractions, [0.3, 0.7], atol=1e-14)
    np.testing.assert_allclose(
        laminate(Grid((4, 2)), (0.3, 0.7), normal=(-1, 0), exact=True).fractions[0, :, 0], [0, 0, 0.2, 1.0], atol=1e-14
    )


def test_checkerboard():
    labels = np.asarray(checkerboard(Grid((4, 6, 2)), (2, 6, 2)).labels)
    np.testing.assert_array_equal(labels[:, 0, 0], [0, 0, 1, 1])
    np.testing.assert_array_equal(labels[0, :, 0], [0, 1, 0, 1, 0, 1])
    assert labels.mean() == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g: laminate(g, (0.5, 0.6)), "non-negative and sum to 1, but they are"),
        (lambda g: laminate(g, axis=2), r"`axis` must be one of 0 … 1, but it is 2"),
        (lambda g: laminate(g, normal=(1.5, 0)), "2 whole numbers, not all zero"),
        (lambda g: laminate(g, normal=(0, 0)), "2 whole numbers, not all zero"),
        (lambda g: laminate(g, normal=(1, 1), exact=True), "but `normal` is oblique"),
        (lambda g: laminate(g, repeats=0), "`repeats` must be a positive whole number"),
        (lambda g: laminate(g, phases=("a",)), "one entry per layer, but there are 1 for 2 layers"),
        (lambda g: checkerboard(g, 3), r"must be even and divide the voxels along each axis, but they are \(3, 3\)"),
        (lambda g: checkerboard(g, 4), r"but they are \(4, 4\) on \(4, 6\)"),
    ],
)
def test_bad_input_is_named(as_user, make, message):
    with pytest.raises(ValueError, match=message):
        make(Grid((4, 6)))
