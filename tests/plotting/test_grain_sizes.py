"""Sizes of grains beside log-normal curves, and two grain structures side by side."""

import jax
import numpy as np
import pytest
from scipy.special import ndtri

import jaxmicro as jm
from jaxmicro.descriptors import compare_grains, grain_statistics, measure_grains
from jaxmicro.plotting import grain_comparison, size_distribution

LOG_NORMAL = 3.0 * np.exp(0.4 * ndtri((np.arange(200) + 0.5) / 200))


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_fit_finds_the_log_normal_it_is_given():
    figure = size_distribution(LOG_NORMAL, unit="µm")
    assert texts(figure) == ["200 grains", "log-normal fit: median 3 µm, spread 0.40; KS 0.00"]
    x, y = figure.axes[0].lines[0].get_data()
    assert x[y.argmax()] == pytest.approx(3 * np.exp(-0.16), abs=0.03)  # the mode
    assert sum(bar.get_height() * bar.get_width() for bar in figure.axes[0].patches) == pytest.approx(1)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("equivalent diameter (µm)", "share per µm")


def test_the_curve_asked_for_and_its_distance():
    assert texts(size_distribution(LOG_NORMAL, asked=(30.0, 0.4)))[1] == "log-normal asked for: median 30, spread 0.40; KS 1.00"
    assert texts(size_distribution([2.0, 2.0, 2.0])) == ["3 grains"]  # nothing to fit


def test_weights_and_what_the_edge_cuts():
    assert texts(size_distribution([1.0, 2.0, 4.0, 50.0], weights=[1, 1, 1, 0]))[1].startswith("log-normal fit: median 2,")
    ms = jm.microstructures.polycrystal(jm.Grid((48, 48)), 40, key=jax.random.key(0))
    grains = measure_grains(ms)
    cut = int(np.asarray(grains.touches_edge).sum())
    assert texts(size_distribution(grains))[0] == f"{grains.count} grains, {cut} of them cut by the edge"
    assert texts(size_distribution(grain_statistics(ms, grains)))[0] == f"{grains.count - cut} grains"


@pytest.mark.slow
def test_a_comparison_shows_every_distribution_and_its_distances():
    made = [jm.microstructures.polycrystal(jm.Grid((64, 32)), 60, key=jax.random.key(k)) for k in (0, 1)]
    comparison = compare_grains(*made, periodic=(True, True), names=("map", "twin"))
    figure = grain_comparison(comparison, unit="µm")
    assert texts(figure) == [
        f"map  {comparison.first.diameters.size} grains",
        f"twin  {comparison.second.diameters.size} grains",
        "halves of map",
        "without texture",
    ]
    for axes, name in zip(figure.axes, ("diameters", "aspect_ratios", "neighbour_counts", "misorientations"), strict=True):
        assert axes.get_title() == f"KS {comparison.distances[name]:.2f} (halves {comparison.noise[name]:.2f})"
        assert len(axes.lines) == 4 + (name == "misorientations")
        values, weights = comparison.first.sample(name)
        x, share = axes.lines[-2].get_data()
        middle = np.median(values)
        assert share[np.searchsorted(x, middle, side="right") - 1] == pytest.approx(weights[values <= middle].sum() / weights.sum())
    random, start = figure.axes[3].lines[2].get_data()[1], figure.axes[3].lines[2].get_data()[0][0]
    assert (random[0], start) == pytest.approx((0, min(each.misorientations.min() for each in (comparison.first, comparison.second))))
    assert figure.axes[0].get_xlabel() == "equivalent diameter (µm)"


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: size_distribution([]), ValueError, "`grains` must hold positive diameters, but there are none"),
        (lambda: size_distribution([0.0, 1.0]), ValueError, "`grains` must hold positive diameters, but they span \\[0, 1\\]"),
        (lambda: size_distribution([1.0], weights=[1, 2]), ValueError, "`weights` must be one per grain, but there are 2 for 1"),
        (lambda: size_distribution([1.0], weights=[0]), ValueError, "`weights` must not be negative nor all zero"),
        (lambda: size_distribution([1.0], asked=(1, 0)), ValueError, "`asked` must be two positive numbers"),
        (lambda: size_distribution([1.0], asked=("a", "b")), ValueError, "`asked` must be two positive numbers"),
        (lambda: size_distribution([1.0], bins=0), ValueError, "`bins` must be a positive whole number, but it is 0"),
        (lambda: grain_comparison([1.0]), TypeError, "`comparison` must be a GrainComparison, but it is a list"),
    ],
)
def test_what_makes_no_distribution_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
