import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import PackingError, disc, inclusions, pack_spheres, rasterise_spheres, sphere

KEY = jax.random.key(7)


def smallest_gap(centres, radii, lengths):
    """Smallest distance between two surfaces over all pairs and periodic images."""
    between = centres[:, :, None] - centres[:, None, :]
    lengths = np.asarray(lengths)[:, None, None]
    between -= lengths * np.round(between / lengths)
    gaps = np.linalg.norm(between, axis=0) - radii[:, None] - radii[None, :]
    return gaps[~np.eye(len(radii), dtype=bool)].min()


@pytest.mark.parametrize(("lengths", "share", "gap"), [((20.0, 13.0), 0.75, 0.0), ((20.0, 13.0), 0.5, 0.4), ((9.0, 7.0, 8.0), 0.5, 0.0)])
def test_spheres_never_overlap(lengths, share, gap):
    size = np.prod(lengths)
    radii = np.linspace(0.8, 1.2, 40)
    volume = np.pi * radii**2 if len(lengths) == 2 else 4 / 3 * np.pi * radii**3
    radii *= (share * size / volume.sum()) ** (1 / len(lengths))
    centres = pack_spheres(lengths, radii, gap, key=KEY)
    assert smallest_gap(centres, radii, lengths) >= gap
    assert (centres >= 0).all()
    assert (centres < np.array(lengths)[:, None]).all()


def test_the_undrawn_volume_fraction_is_exact_and_the_drawn_one_converges():
    coarse, fine = (inclusions(Grid((32, 24), (4.0, 3.0)), 0.4, radius=0.4, key=KEY, scatter=0.2, supersample=s) for s in (1, 12))
    assert coarse.is_sharp
    assert not fine.is_sharp
    assert abs(float(fine.volume_fractions[1]) - 0.4) < 5e-4
    assert abs(float(coarse.volume_fractions[1]) - 0.4) < 0.03
    numbers = np.unique(np.asarray(coarse.maps["inclusion"]))
    np.testing.assert_array_equal(numbers, np.arange(numbers.size))
    assert str(numbers.size - 1) in coarse.provenance


def test_the_minimum_gap_keeps_voxels_apart():
    ms = inclusions(Grid((48, 48)), 0.35, radius=5.0, gap=3.0, key=KEY)
    number = np.asarray(ms.maps["inclusion"])
    for axis in range(2):
        for step in (1, 2):
            other = np.roll(number, step, axis)
            assert not ((number != other) & (number > 0) & (other > 0)).any()


def test_scatter_and_count():
    ms = inclusions(Grid((40, 40)), 0.3, count=12, scatter=0.5, key=KEY)
    areas = np.bincount(np.asarray(ms.maps["inclusion"]).ravel())[1:]
    assert areas.size == 12
    assert areas.max() > 3 * areas.min()


def test_what_cannot_be_reached_says_what_was():
    with pytest.raises(
        PackingError, match=r"`volume_fraction` 0.88 could not be reached with .* inclusions of mean radius .*; 0\.[78]\d* was reached"
    ):
        inclusions(Grid((32, 32)), 0.88, radius=4.0, key=KEY)
    with pytest.raises(PackingError, match="does not fit into a cell"):
        pack_spheres((1.0, 1.0), [0.6], key=KEY)


def test_the_area_of_a_disc_converges_and_wraps_around():
    grid = Grid((30, 20), (3.0, 2.0))
    for centre in ([1.5, 1.0], [0.0, 0.0], [2.95, 1.97]):
        share, index = rasterise_spheres(grid, np.array(centre)[:, None], [0.7], supersample=20)
        assert abs(share.mean() * 6.0 - np.pi * 0.49) < 1e-3
        np.testing.assert_array_equal(index > 0, share > 0)
    corner = disc(grid, radius=0.7, centre=(0.0, 0.0)).labels
    np.testing.assert_array_equal(np.roll(corner, (15, 10), (0, 1)), disc(grid, radius=0.7).labels)


def test_a_sphere_that_fills_the_cell_is_counted_once():
    grid = Grid((12, 12, 12), (1.0, 1.0, 1.0))
    assert abs(float(sphere(grid, radius=0.5, supersample=5).volume_fractions[1]) - np.pi / 6) < 1e-3
    assert abs(float(sphere(grid, 0.3, supersample=5).volume_fractions[1]) - 0.3) < 2e-3


def test_single_precision_lengths():
    grid = Grid((16, 16), jax.numpy.array([1.0, 1.0], "float32"))
    assert inclusions(grid, 0.3, key=KEY, supersample=2).fractions.dtype == np.float32


def test_bad_input_is_named(as_user):
    grid = Grid((16, 16))
    with pytest.raises(ValueError, match="`volume_fraction` must lie between 0 and 1, but it is 30"):
        inclusions(grid, 30, key=KEY)
    with pytest.raises(ValueError, match="`radius` and `count` must not both"):
        inclusions(grid, 0.3, radius=2.0, count=3, key=KEY)
    with pytest.raises(ValueError, match="Exactly one of `volume_fraction` and `radius` must be given"):
        disc(grid)
    with pytest.raises(ValueError, match=r"diameter of the disc must lie between 0 and the shortest edge 16, but it is 20"):
        disc(grid, radius=10.0)
    with pytest.raises(ValueError, match="Use sphere"):
        disc(Grid((4, 4, 4)), radius=1.0)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda key: inclusions(grid, 0.3, key=key).labels)(KEY)
    with pytest.raises(ValueError, match="`supersample` must be a positive whole number"):
        disc(grid, radius=2.0, supersample=0)
