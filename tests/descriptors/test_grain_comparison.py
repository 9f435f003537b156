"""Two structures side by side: distances by hand, the correction at edges, a structure with itself."""

import jax
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import compare_grains, grain_statistics, measure_grains, segment_grains
from jaxmicro.descriptors.grain_comparison import weighted_distance
from jaxmicro.microstructures import crop, polycrystal
from jaxmicro.orientations import from_euler


@pytest.fixture(scope="module")
def cell():
    return polycrystal(jm.Grid((128, 96)), 300, key=jax.random.key(1))


def test_distances_by_hand():
    one = np.ones(4)
    four = np.arange(1.0, 5.0)
    assert weighted_distance(four, one, four, one) == 0.0
    assert weighted_distance(four, one, four + 4, one) == 1.0
    assert weighted_distance(four, one, four[:2], one[:2]) == 0.5
    assert weighted_distance(four, one, np.array([3.5, 3.5]), np.array([1.0, 2.0])) == 0.75
    assert np.isnan(weighted_distance(one[:0], one[:0], one, one))


def test_edges_do_not_bias_the_mean_size(cell):
    """Windows of a large cell: with the correction their mean area is that of the cell, without it too large or too small."""
    truth = 128 * 96 / 300
    corrected, cut = [], []
    for x in range(0, 97, 12):
        for y in range(0, 65, 12):
            window = crop(cell, ((x, x + 32), (y, y + 32)))
            grains = measure_grains(window)
            inside = ~np.asarray(grains.touches_edge)
            areas = np.asarray(grains.areas)
            owner = np.asarray(grains.labels)
            spans = [[np.ptp(np.nonzero(owner == g)[axis]) + 1 for g in range(grains.count)] for axis in (0, 1)]
            places = np.prod([31 - np.array(span) for span in spans], axis=0)
            corrected.append((np.sum(areas * inside / np.maximum(places, 1)), np.sum(inside / np.maximum(places, 1))))
            cut.append(areas.mean())
            found = grain_statistics(window, grains, halfwidth=20.0) if x == y == 0 else None
            if found is not None:
                expected = inside / np.maximum(places, 1) / np.sum(inside / np.maximum(places, 1))
                np.testing.assert_allclose(found.weights, expected)
    total, number = np.sum(corrected, axis=0)
    assert total / number == pytest.approx(truth, rel=0.06)
    assert np.mean(cut) < 0.85 * truth


def test_a_margin_without_measurements_changes_no_statistics(cell):
    """The same window, as it is and with a frame that was never scanned."""
    window = crop(cell, ((0, 40), (0, 32)))
    pad = [(3, 5), (0, 4)]
    mask = np.pad(np.ones((40, 32), bool), pad)
    framed = jm.Microstructure(
        labels=np.pad(np.asarray(window.labels), pad),
        orientation=np.pad(np.asarray(window.orientation), [(0, 0), *pad], mode="edge"),
        mask=mask,
    )
    plain, wide = (grain_statistics(ms, segment_grains(ms, min_size=1), halfwidth=None) for ms in (window, framed))
    assert (plain.weights == 0).any()
    np.testing.assert_allclose(wide.weights, plain.weights)
    np.testing.assert_allclose(wide.diameters, plain.diameters)


def test_misorientations_are_of_the_crystals_they_are_compared_with():
    """Cubic crystals beside hexagonal ones, which can be turned by more than 62.8°."""
    turns = from_euler(np.stack([np.zeros(6), [0.0, 20.0, 0.0, 0.0, 90.0, 0.0], np.zeros(6)]), degrees=True)[:, :, None] * np.ones(
        (1, 1, 3)
    )
    phases = (jm.microstructures.Phase("Fe", "m-3m"), jm.microstructures.Phase("Ti", "6/mmm"))
    labels = np.repeat([0, 0, 0, 1, 1, 1], 3).reshape(6, 3)
    for main, expected in ((0, 20.0), (1, 90.0)):
        ms = jm.Microstructure(labels=np.repeat(labels, np.where(labels[:, 0] == main, 2, 1), axis=0), phases=phases,
            orientation=np.repeat(np.asarray(turns), np.where(labels[:, 0] == main, 2, 1), axis=1))  # fmt: skip
        found = grain_statistics(ms, segment_grains(ms, min_size=1), edges="keep", halfwidth=None)
        assert found.laue == phases[main].laue
        np.testing.assert_allclose(found.misorientations, expected, atol=1e-6)


def test_a_structure_is_like_itself_and_unlike_a_coarser_one(cell):
    same = compare_grains(cell, cell, periodic=(True, True), min_size=1, halfwidth=20.0)
    assert all(distance == 0.0 for distance in same.distances.values())
    assert all(0.0 < noise < 0.25 for noise in same.noise.values())
    assert same.random[0] < 0.06  # random orientations
    coarse = polycrystal(jm.Grid((128, 96)), 60, key=jax.random.key(2))
    other = compare_grains(cell, coarse, periodic=(True, True), min_size=1, halfwidth=20.0, names=("map", "twin"))
    assert other.distances["diameters"] > 2 * other.noise["diameters"]
    text = str(other)
    assert "map" in text
    assert "Σ3 share of boundary" in text
    assert len({len(line) for line in text.splitlines()}) == 1


def test_bad_input_is_named(as_user, cell):
    one = crop(cell, ((0, 4), (0, 4)))
    grains = segment_grains(one, min_size=1)
    with pytest.raises(ValueError, match=r"cuts all of its \d+ grains.*edges='keep'"):
        grain_statistics(one, grains)
    assert grain_statistics(one, grains, edges="keep", halfwidth=20.0).weights.sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="correct"):
        grain_statistics(one, grains, edges="drop")
    with pytest.raises(ValueError, match="two flags"):
        compare_grains(cell, cell, periodic=(True,))
    for periodic in (True, "no", (1, 2)):
        with pytest.raises(ValueError, match="two flags"):
            compare_grains(cell, cell, periodic=periodic)
    for names in ("ab", ("a",)):
        with pytest.raises(ValueError, match="`names` must be two titles"):
            compare_grains(cell, cell, names=names)
    with pytest.raises(ValueError, match="`grains` must be those of `ms`"):
        grain_statistics(cell, grains)
