import numpy as np
import pytest
from scipy import stats

from jaxmicro.plotting import Statistic, data_against_samples, ks_distance, property_distributions

LABELS = np.zeros((6, 4), dtype=int)
LABELS[:3] = 1


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    rng = np.random.default_rng(2)
    first, second = np.round(rng.normal(size=57), 1), np.round(rng.normal(0.4, 1.3, size=31), 1)  # with ties
    assert ks_distance(first, second) == pytest.approx(stats.ks_2samp(first, second).statistic, abs=1e-14)
    assert ks_distance(first, first) == 0
    assert ks_distance([1.0], [2.0]) == 1


def test_an_ecdf_rises_by_one_share_at_each_value():
    axes = property_distributions({"data": [3.0, 1.0, 2.0, 2.0], "samples": [9.0]}, "C_11", "GPa", marks={"target": 2.5}).axes[0]
    data, samples, target = axes.lines
    assert data.get_xdata().tolist() == [1, 1, 2, 2, 3]
    assert data.get_ydata().tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert data.get_drawstyle() == "steps-post"
    assert data.get_label() == "data (4)"
    assert samples.get_label() == "samples (1), KS 1.00"
    assert target.get_xdata() == [2.5, 2.5]
    assert axes.get_xlabel() == r"$C_{\mathrm{11}}$ (GPa)"


def test_a_violin_marks_median_and_quartiles():
    values = np.arange(101.0)
    axes = property_distributions({"data": values, "one": np.array([5.0, 5.0])}, "E", kind="violin").axes[0]
    quartiles, median = axes.lines[:2]
    assert list(quartiles.get_ydata()) == [25, 75]
    assert list(median.get_ydata()) == [50]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["data (101)", "one (2)\nKS 0.94"]
    assert len(axes.collections) == 1  # equal values have no shape


def test_galleries_stand_above_their_statistics():
    x = np.array([0.0, 1.0, 2.0])
    curves = np.arange(33.0).reshape(11, 3)
    figure = data_against_samples(
        [LABELS] * 3,
        [1 - LABELS] * 2,
        [Statistic("fraction", [0.1, 0.2], [0.2, 0.3]), Statistic("S2", curves, curves + 1, x=x, x_name="distance", x_unit="µm")],
        shown=2,
        spacing=0.5,
        unit="µm",
    )
    *pictures, fraction, correlation = figure.axes
    assert len(pictures) == 4
    assert [axes.get_ylabel() for axes in pictures] == ["data", "", "samples", ""]
    first, second = (np.asarray(pictures[index].images[0].get_array()) for index in (0, 2))
    np.testing.assert_array_equal(first[:, :3], second[:, 3:])
    assert fraction.lines[0].get_xdata().tolist() == [0.1, 0.1, 0.2]
    assert fraction.get_title() == "KS distance 0.50"
    assert correlation.get_xlabel() == "distance (µm)"
    np.testing.assert_allclose(correlation.lines[0].get_ydata(), curves[5])
    low, high = np.quantile(curves, [0.1, 0.9], axis=0)
    band = correlation.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(low.min())
    assert band[:, 1].max() == pytest.approx(high.max())


def test_volume_fractions_are_compared_where_nothing_else_is_asked():
    figure = data_against_samples([LABELS] * 2, [np.ones_like(LABELS)] * 3, names=["a", "b"])
    axes = figure.axes[-1]
    assert axes.get_xlabel() == "volume fraction of b"
    assert axes.lines[0].get_xdata().tolist() == [0.5] * 3
    assert axes.lines[1].get_xdata().tolist() == [1.0] * 4


def test_many_statistics_take_several_rows():
    listed = [Statistic(f"s{i}", [0.0, 1.0], [1.0, 2.0]) for i in range(5)]
    figure = data_against_samples([LABELS], [LABELS], listed)
    assert [axes.get_xlabel() for axes in figure.axes[2:]] == [f"s{i}" for i in range(5)]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: property_distributions({}, "E"), "at least one group"),
        (lambda: property_distributions({"a": []}, "E"), "must hold numbers, but it is empty"),
        (lambda: property_distributions({"a": [1.0, np.nan]}, "E"), "finite, but 1 of its 2 numbers are not"),
        (lambda: property_distributions({"a": [1.0]}, "E", kind="box"), "`kind` must be one of"),
        (lambda: data_against_samples([], [LABELS]), "`data` must hold at least one cell"),
        (lambda: data_against_samples([LABELS], [LABELS], shown=0), "`shown` must be a whole number from 1"),
        (
            lambda: data_against_samples([LABELS], [LABELS], [Statistic("S2", np.zeros((2, 3)), np.zeros((2, 3)), x=np.zeros(4))]),
            "curves \\(n, 4\\) over x \\(4,\\) for data, but their shape is \\(2, 3\\)",
        ),
    ],
)
def test_bad_numbers_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
