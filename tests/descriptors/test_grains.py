"""Grains counted by hand, in one piece across periodic edges, and one to one with those of another program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import fill_grains, measure_grains, segment_grains
from jaxmicro.orientations import from_euler, mean_orientation, multiply, random_orientations, symmetry_operators
from jaxmicro.orientations.on_host import angle_between

CUBIC = symmetry_operators("m-3m")


def from_labels(labels, lengths=None, key=0, **more):
    """A map of grains with random orientations, each voxel in an equivalent of its own."""
    labels = np.asarray(labels)
    turns = np.asarray(random_orientations(jax.random.key(key), int(labels.max()) + 1))[:, labels]
    choice = np.random.default_rng(0).integers(24, size=labels.shape)
    turns = np.asarray(multiply(jnp.asarray(CUBIC[:, choice]), jnp.asarray(turns)))
    grid = jm.Grid(labels.shape, lengths)
    return jm.Microstructure(grid=grid, labels=np.zeros(labels.shape, int), orientation=turns, **more)


QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((6, 4), int))


def test_four_rectangles_by_hand():
    grains = segment_grains(from_labels(QUARTERS, (6.0, 16.0)), min_size=1)  # voxels of 0.5 × 2
    assert grains.count == 4
    np.testing.assert_array_equal(grains.labels, QUARTERS)
    np.testing.assert_allclose(grains.areas, 24.0)
    np.testing.assert_allclose(grains.equivalent_diameters, 2 * np.sqrt(24 / np.pi))
    np.testing.assert_allclose(grains.centroids, [[1.5, 1.5, 4.5, 4.5], [4.0, 12.0, 4.0, 12.0]])
    np.testing.assert_allclose(grains.axes, np.array([[8.0], [3.0]]) * np.full(4, 2 / np.sqrt(3)))  # a rectangle's are 2/√3 of its edges
    np.testing.assert_allclose(np.abs(grains.directions[:, 0]), np.array([[0.0], [1.0]]) * np.ones(4), atol=1e-12)
    np.testing.assert_array_equal(grains.neighbours, [[0, 0, 1, 2], [1, 2, 3, 3]])
    np.testing.assert_allclose(grains.shared, [3.0, 8.0, 8.0, 3.0])
    np.testing.assert_allclose(grains.perimeters, 11.0)
    np.testing.assert_allclose(grains.spreads, 0.0, atol=1e-6)
    assert np.asarray(grains.touches_edge).all()
    means = np.asarray(grains.mean_orientations)
    expected = np.rad2deg(angle_between(means[:, [0, 0, 1, 2]], means[:, [1, 2, 3, 3]], "m-3m"))
    np.testing.assert_allclose(grains.misorientations, expected, atol=1e-9)


def test_a_grain_across_the_edges_is_one():
    ms = from_labels(np.roll(QUARTERS, (3, 2), (0, 1)), (6.0, 16.0))
    assert segment_grains(ms, min_size=1).count == 9
    grains = segment_grains(ms, min_size=1, periodic=True)
    assert grains.count == 4
    assert not np.asarray(grains.touches_edge).any()
    np.testing.assert_allclose(grains.axes, np.array([[8.0], [3.0]]) * np.full(4, 2 / np.sqrt(3)))
    np.testing.assert_allclose(np.sort(np.asarray(grains.centroids), axis=1), [[0.0, 0.0, 3.0, 3.0], [0.0, 0.0, 8.0, 8.0]], atol=1e-12)
    np.testing.assert_allclose(grains.perimeters, 22.0)


def test_an_ellipsoid_has_its_axes():
    grid = jm.Grid((40, 30, 24), (20.0, 15.0, 24.0))
    x, y, z = (c - 0.5 * length for c, length in zip(np.indices(grid.shape) * 0.5 + 0.25, (20, 15, 24), strict=True))
    z = np.indices(grid.shape)[2] + 0.5 - 12.0
    inside = (x / 8) ** 2 + (y / 5) ** 2 + (z / 10) ** 2 < 1
    grains = segment_grains(from_labels(inside.astype(int), (20.0, 15.0, 24.0)))
    ball = int(np.asarray(grains.labels)[20, 15, 12])
    np.testing.assert_allclose(grains.axes[:, ball], [20.0, 16.0, 10.0], rtol=0.02)
    np.testing.assert_allclose(np.abs(grains.directions[:, 0, ball]), [0, 0, 1], atol=1e-3)
    assert float(grains.aspect_ratios[ball]) == pytest.approx(2.0, rel=0.02)
    assert float(grains.equivalent_diameters[ball]) == pytest.approx(2 * np.cbrt(8 * 5 * 10), rel=0.02)


def test_mean_and_spread_of_a_bent_grain():
    angles = jnp.zeros((3, 9, 4)).at[0].set(jnp.arange(-4.0, 5.0)[:, None] + 44.0)  # beyond 45° the nearest equivalents change
    ms = jm.Microstructure(labels=np.zeros((9, 4), int), orientation=from_euler(angles, degrees=True))
    grains = segment_grains(ms)
    assert grains.count == 1
    np.testing.assert_allclose(grains.deviations[:, 0], np.abs(np.arange(-4.0, 5.0)), atol=1e-9)
    assert float(grains.spreads[0]) == pytest.approx(20 / 9)
    expected = mean_orientation(ms.orientation)
    assert np.rad2deg(angle_between(np.asarray(grains.mean_orientations), np.asarray(expected)[:, None], "m-3m")) == pytest.approx(
        0.0, abs=1e-9
    )


def test_small_grains_and_unknown_voxels_are_left_out_and_filled():
    labels = QUARTERS.copy()
    labels[1, 1] = 4
    mask = np.ones(labels.shape, bool)
    mask[10, 6] = False
    ms = from_labels(labels, mask=mask, maps={"iq": np.ones(labels.shape)})
    grains = segment_grains(ms, min_size=2)
    assert grains.count == 4
    assert (np.asarray(grains.labels)[[1, 10], [1, 6]] == -1).all()
    whole = fill_grains(ms, grains)
    np.testing.assert_array_equal(whole.maps["grain"], QUARTERS)
    assert bool(whole.mask.all())
    assert np.asarray(whole.maps["filled"]).sum() == 2
    assert whole.maps["iq"].shape == labels.shape
    assert segment_grains(whole).count == 4
    by_mean = fill_grains(ms, grains, method="mean")
    np.testing.assert_allclose(by_mean.orientation[:, 10, 6], grains.mean_orientations[:, 3])
    near = fill_grains(ms, grains, reach=0.5)
    assert np.asarray(near.maps["grain"])[1, 1] == -1


def test_filling_reaches_across_periodic_edges():
    labels = np.repeat([0, 0, 0, 0, 1, 1, 1, 1, 0, 0], 3).reshape(10, 3)
    mask = np.ones(labels.shape, bool)
    mask[6:10] = False
    ms = from_labels(labels, mask=mask)
    filled = fill_grains(ms, min_size=1, periodic=True).maps["grain"]
    np.testing.assert_array_equal(np.asarray(filled)[6:10, 0], [1, 1, 0, 0])


def test_phases_are_never_one_grain():
    ms = from_labels(np.zeros((8, 8), int)).replace(labels=np.repeat([0, 1], 32).reshape(8, 8), phases=("a", "b"))
    grains = segment_grains(ms)
    assert grains.phases.tolist() == [0, 1]
    assert np.isnan(grains.misorientations).all()


def test_measured_labels_of_a_polycrystal():
    ms = jm.microstructures.polycrystal(jm.Grid((32, 32)), 9, key=jax.random.key(3))
    known, found = measure_grains(ms, periodic=True), segment_grains(ms, min_size=1, periodic=True)
    assert known.count == found.count == 9
    np.testing.assert_allclose(np.sort(known.areas), np.sort(found.areas))
    assert float(np.mean(np.asarray(known.neighbour_counts))) == pytest.approx(6.0, abs=0.7)
    assert float(known.areas.sum()) == pytest.approx(1024.0)


def test_single_precision_gives_the_same_grains():
    ms = from_labels(QUARTERS)
    single = ms.replace(orientation=jnp.asarray(ms.orientation, jnp.float32), grid=jm.Grid(QUARTERS.shape))
    grains = segment_grains(single, min_size=1)
    np.testing.assert_array_equal(grains.labels, QUARTERS)
    assert grains.mean_orientations.dtype == jnp.float32


def test_bad_input_is_named(as_user):
    ms = from_labels(QUARTERS)
    for angle in (0.0, -5.0, 181.0, np.nan, "5"):
        with pytest.raises(ValueError, match="`angle` must be an angle in degrees"):
            segment_grains(ms, angle)
    with pytest.raises(ValueError, match="`min_size` must be"):
        segment_grains(ms, min_size=0)
    with pytest.raises(ValueError, match=r"No grain has `min_size` = 25 voxels: the largest has 24\. Lower"):
        segment_grains(ms, min_size=25)
    with pytest.raises(ValueError, match=r"none of the 96 is.*Loosen the filter"):
        segment_grains(ms.replace(mask=np.zeros(QUARTERS.shape, bool)))
    with pytest.raises(ValueError, match="must have orientations"):
        segment_grains(jm.Microstructure(labels=QUARTERS * 0))
    with pytest.raises(ValueError, match="no map `grain`"):
        measure_grains(ms)
    with pytest.raises(TypeError, match="whole numbers"):
        measure_grains(ms, QUARTERS + 0.5)
    with pytest.raises(ValueError, match="shape of the grid"):
        measure_grains(ms, QUARTERS[:3])
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda m: segment_grains(m).labels)(ms)
    with pytest.raises(ValueError, match="nearest"):
        fill_grains(ms, method="middle")
    with pytest.raises(ValueError, match="`reach` must be"):
        fill_grains(ms, reach=0.0)


def test_filling_refuses_what_it_would_ignore(as_user):
    ms = from_labels(QUARTERS)
    grains = segment_grains(ms)
    with pytest.raises(ValueError, match="`angle` must be left out where `grains` are given"):
        fill_grains(ms, grains, angle=3.0)
    with pytest.raises(ValueError, match="`ms` must have orientations"):
        fill_grains(jm.Microstructure(labels=QUARTERS * 0), grains)
    with pytest.raises(ValueError, match=r"`grains` must be those of `ms`, on its grid \(6, 4\), but their labels have shape \(12, 8\)"):
        fill_grains(from_labels(QUARTERS[:6, :4]), grains)
    for reach in ("1", np.nan, True, np.ones(2)):
        with pytest.raises(ValueError, match="`reach` must be a positive length"):
            fill_grains(ms, grains, reach=reach)


def test_a_margin_without_measurements_is_no_part_of_the_map():
    """Grains are cut where measurements end, whether the file goes on or not; a hole inside cuts none."""
    labels = np.kron(np.arange(9).reshape(3, 3), np.ones((4, 4), int))
    mask = np.ones(labels.shape, bool)
    mask[5, 5] = False
    whole = segment_grains(from_labels(labels, mask=mask), min_size=1)
    assert np.asarray(whole.touches_edge).tolist() == [True] * 4 + [False] + [True] * 4
    frame = [(2, 1), (3, 0)]
    ms = from_labels(np.pad(labels, frame), mask=np.pad(mask, frame))
    assert np.asarray(segment_grains(ms, min_size=1).touches_edge).tolist() == [True] * 4 + [False] + [True] * 4
    assert not np.asarray(segment_grains(ms, min_size=1, periodic=True).touches_edge).any()


def test_voxels_of_another_phase_do_not_turn_the_mean_of_a_grain():
    ms = from_labels(np.arange(2)[:, None] * np.ones((2, 6), int), phases=("a", "b")).replace(labels=np.eye(2, 6, dtype=int)[::-1])
    grains = measure_grains(ms, np.zeros((2, 6), int))
    assert grains.phases.tolist() == [0]
    np.testing.assert_array_equal(np.isnan(grains.deviations), np.asarray(ms.labels) == 1)
    alone = measure_grains(ms, np.where(np.asarray(ms.labels) == 1, -1, 0))
    np.testing.assert_allclose(grains.mean_orientations, alone.mean_orientations, atol=1e-12)


@pytest.mark.parametrize(("degrees", "shift"), [(0, 0), (17, 0), (90, 7), (163, 31)])
def test_a_tilted_ellipse_on_oblong_voxels(degrees, shift):
    """Half axes 11 and 4 in a cell of 30 × 32, voxels of 0.2 × 0.5, also across the edges."""
    x, y = np.meshgrid((np.arange(150) + 0.5) * 0.2 - 15, (np.arange(64) + 0.5) * 0.5 - 16, indexing="ij")
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    inside = ((c * x + s * y) / 11) ** 2 + ((c * y - s * x) / 4) ** 2 < 1
    grains = segment_grains(from_labels(np.roll(inside, (2 * shift, shift), (0, 1)).astype(int), (30.0, 32.0)), periodic=True)
    one = int(np.argmin(np.asarray(grains.areas)))
    np.testing.assert_allclose(grains.axes[:, one], [22.0, 8.0], rtol=0.01)  # of a staircase
    assert float(grains.areas[one]) == pytest.approx(np.pi * 44, rel=0.01)
    along = np.asarray(grains.directions)[:, 0, one]
    assert abs((np.rad2deg(np.arctan2(along[1], along[0])) - degrees + 90) % 180 - 90) < 0.3


@pytest.mark.parametrize("laue", ["2/m", "-3m", "4/m", "6/mmm", "m-3"])
def test_equivalents_and_signs_change_nothing(laue):
    rng = np.random.default_rng(1)
    labels = np.kron(rng.permutation(18).reshape(3, 3, 2), np.ones((2, 2, 3), int))
    phases, mask = (jm.microstructures.Phase("x", laue),), rng.random(labels.shape) > 0.1
    turns = np.asarray(random_orientations(jax.random.key(4), 18))[:, labels] + 0.01 * rng.normal(size=(4, *labels.shape))
    turns /= np.linalg.norm(turns, axis=0)
    operators = symmetry_operators(laue)
    other = np.array(multiply(jnp.asarray(operators[:, rng.integers(operators.shape[1], size=labels.shape)]), jnp.asarray(turns)))
    other *= rng.choice([-1.0, 1.0], labels.shape)
    first, second = (
        segment_grains(jm.Microstructure(labels=labels * 0, orientation=each, phases=phases, mask=mask), 3.0, 1) for each in (turns, other)
    )
    assert first.count > 18  # noise splits some
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_allclose(first.deviations, second.deviations, atol=1e-9)
    np.testing.assert_allclose(first.misorientations, second.misorientations, atol=1e-9)


def test_one_grain_has_no_neighbours():
    grains = segment_grains(from_labels(np.zeros((6, 5), int)))
    assert grains.count == 1
    assert grains.neighbours.shape == (2, 0)
    assert "1 grains" in str(grains)


def test_oxford_map_one_to_one_with_defdap(shared_data):
    folder = shared_data / "ebsd_ni_superalloy_oxford"
    grains = segment_grains(jm.io.read(folder / "testDataEBSD.cpr"))
    with np.load(folder / "defdap_expected_ebsd_grains_5deg_10.npz") as stored:
        theirs = stored[stored.files[0]].T
    assert grains.count == 109
    ours = np.asarray(grains.labels)
    np.testing.assert_array_equal(ours >= 0, theirs > 0)
    assert np.unique(np.stack([ours, theirs])[:, ours >= 0], axis=1).shape[1] == 109


@pytest.mark.parametrize(
    ("file", "options", "counts"),
    [
        ("ebsd_ni_edax_h5/EdaxAngOnly.h5", {"min_ci": 0.1}, [249]),
        ("ebsd_in100/Small_IN100_slice_out_of_order.ang", {"min_ci": 0.1}, [199]),
        ("ebsd_duplex_steel/sdss_ferrite_austenite.ang", {}, [75, 27]),
    ],
)
@pytest.mark.filterwarnings("ignore::jaxmicro.io.DataWarning")
def test_counts_of_measured_maps(shared_data, file, options, counts):
    """Reference numbers from the provenance notes of the data, made with independent code."""
    grains = segment_grains(jm.io.read(shared_data / file, **options))
    assert np.bincount(np.asarray(grains.phases)).tolist() == counts
