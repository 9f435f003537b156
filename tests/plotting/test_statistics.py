import numpy as np
import pytest

from jaxmicro.descriptors import Fidelity, chord_lengths, pore_size_distribution, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.plotting import (
    asked_against_got,
    chord_histogram,
    correlation_curves,
    correlation_map,
    lineal_path_plot,
    representative_volume,
)
from jaxmicro.plotting import pore_size_distribution as size_plot

MASK = np.random.default_rng(0).uniform(size=(12, 10)) < 0.4


@pytest.mark.parametrize(("periodic", "shape"), [(True, (12, 10)), (False, (13, 11))])
def test_zero_lag_is_in_the_middle_of_a_map(periodic, shape):
    s2 = np.asarray(two_point_correlation(MASK.astype(float), periodic=periodic))
    axes = correlation_map(s2, Grid((12, 10), lengths=(6.0, 20.0)), unit="µm").axes[0]
    shown = np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)
    assert shown.shape == shape
    left, right, bottom, top = axes.images[0].get_extent()
    i, j = int((0 - left) / (right - left) * shape[0]), int((0 - top) / (bottom - top) * shape[1])
    assert shown[i, j] == pytest.approx(MASK.mean())
    assert shown[i + 2, j + 1] == pytest.approx(s2[2, 1])
    assert (right - left, bottom - top) == pytest.approx((shape[0] * 0.5, shape[1] * 2.0))


def test_a_map_reaches_as_far_as_asked():
    axes = correlation_map(np.ones((9, 8)), spacing=0.5, reach=1.0).axes[0]
    assert axes.images[0].get_extent() == [-1.25, 1.25, 1.25, -1.25]


def test_the_fraction_and_its_square_are_marked():
    axes = correlation_curves([0.0, 1.0], {"a": [0.4, 0.2]}).axes[0]
    assert sorted(line.get_ydata()[0] for line in axes.lines[1:]) == pytest.approx([0.16, 0.4])
    axes = correlation_curves([0.5, 1.0], {"a": [0.4, 0.2], "b": [0.4, 0.3]}, fraction={"a": 0.5, "b": 0.6}).axes[0]
    assert sorted(line.get_ydata()[0] for line in axes.lines[2:]) == pytest.approx([0.25, 0.36, 0.5, 0.6])


def test_bands_and_shells_without_lags():
    axes = correlation_curves([0.0, 1.0, 2.0], [[0.4, np.nan, 0.2], [0.3, np.nan, 0.1], [0.5, np.nan, 0.3]]).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [0, 2]
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == 0.1
    assert band[:, 1].max() == 0.5


@pytest.mark.parametrize("bins", [None, 3])
def test_chords_have_density_one_and_their_mean(bins):
    chords = chord_lengths(MASK, 0, Grid((12, 10), lengths=(6.0, 10.0)))
    axes = chord_histogram(chords, bins=bins).axes[0]
    values, edges, _ = axes.patches[0].get_data()
    assert (values * np.diff(edges)).sum() == pytest.approx(1)
    assert axes.lines[0].get_xdata()[0] == pytest.approx(float(chords.mean))
    if bins is None:
        np.testing.assert_allclose(values, np.asarray(chords.density)[: len(values)])


def test_lineal_paths_have_the_lengths_of_their_axes():
    axes = lineal_path_plot([[0.5, 0.2], [0.5, 0.3]], spacing=(0.5, 2.0)).axes[0]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 0.5], [0, 2.0]]


def test_sizes_are_diameters_by_volume():
    sizes = pore_size_distribution(MASK, bins=[0.0, 1.0, 2.0, 6.0])
    bars, curve = size_plot(sizes).axes
    values, edges, _ = bars.patches[0].get_data()
    assert edges.tolist() == [0, 2, 4, 12]
    np.testing.assert_allclose(values * np.diff(edges), -np.diff(np.asarray(sizes.cumulative)), atol=1e-6)
    assert curve.lines[0].get_ydata()[-1] == 1


def test_deviations_are_in_percent_and_zero_has_none():
    axes = asked_against_got(Fidelity(np.array([0.5, 0.0]), np.array([0.45, 0.2]), ("a", "b"))).axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([-10, 0])
    assert {"-10.00 %", "+0.2"} <= {text.get_text() for text in axes.texts}


STUDY = {"sizes": [1.0, 2.0], "mean": [1.0, 1.0], "low": [0.5, 0.9], "high": [2.0, 1.1]}


def test_a_study_has_its_band():
    axes = representative_volume(STUDY).axes[0]
    assert sorted(set(axes.collections[0].get_paths()[0].vertices[:, 1].tolist())) == [0.5, 0.9, 1.1, 2.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: correlation_map(np.ones(4)), ValueError, "`correlation`"),
        (lambda: correlation_map(np.full((4, 4), np.nan)), ValueError, "`correlation` must hold finite"),
        (lambda: correlation_map(np.ones((4, 4)), Grid((4, 5))), ValueError, "`correlation` must have n or"),
        (lambda: correlation_map(np.ones((4, 4)), reach=0), ValueError, "`reach`"),
        (lambda: correlation_curves([0, 1], {}), ValueError, "`curves`"),
        (lambda: correlation_curves([0, 1], {"a": [1.0]}), ValueError, r"curves\['a'\]"),
        (lambda: correlation_curves([0, 1], [[1.0, 1], [2, 2], [0, 0]]), ValueError, "low ends"),
        (lambda: correlation_curves([0, 1], [0.4, 0.2], fraction=1.4), ValueError, "`fraction`"),
        (lambda: correlation_curves([0, 1], {"a": [0.4, 0.2]}, fraction={"b": 0.4}), ValueError, "`fraction` must name"),
        (lambda: chord_histogram([1, 2]), TypeError, "`chords`"),
        (lambda: chord_histogram(chord_lengths(np.zeros((4, 4), bool), 0)), ValueError, "there are none"),
        (lambda: chord_histogram(chord_lengths(MASK, 0), bins=0), ValueError, "`bins`"),
        (lambda: lineal_path_plot([0.0, 0.0]), ValueError, "`paths`"),
        (lambda: size_plot(3.0), TypeError, "`sizes`"),
        (lambda: asked_against_got({}), TypeError, "`fidelity`"),
        (lambda: representative_volume({"sizes": [1]}), ValueError, "lacks 'mean'"),
        (lambda: representative_volume({**STUDY, "sizes": [2, 1]}), ValueError, "ascending"),
        (lambda: representative_volume({**STUDY, "low": [3.0, 3.0]}), ValueError, "low ends"),
        (lambda: representative_volume(STUDY, "k"), ValueError, "`names`"),
    ],
)
def test_bad_input_is_refused_by_name(call, error, message, as_user):
    with pytest.raises(error, match=message):
        call()
