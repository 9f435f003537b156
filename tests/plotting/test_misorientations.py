"""Distributions of misorientation angles."""

import numpy as np
import pytest

from jaxmicro.plotting import misorientation_distribution


def bars(figure):
    return {round(bar.get_x()): bar.get_height() for bar in figure.axes[0].patches if bar.get_height() > 0}


def test_angles_that_are_not_finite_are_left_out():
    assert bars(misorientation_distribution([np.nan, 21.0, np.inf], weights=[5.0, 1.0, 2.0])) == {20: pytest.approx(0.5)}


def test_weights_count_angles():
    assert bars(misorientation_distribution([21.0, 45.0], weights=[3.0, 1.0])) == {20: pytest.approx(0.375), 44: pytest.approx(0.125)}


def test_the_legend_hides_no_bar():
    figure = misorientation_distribution([1.0, 1.0, 60.0])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert legend.get_window_extent().y1 < figure.axes[0].get_window_extent().y0


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: misorientation_distribution([np.nan]), "at least one finite angle"),
        (
            lambda: misorientation_distribution([-5.0, 20.0]),
            "from 0 to 62.8 degrees, the largest misorientation of m-3m, but they span \\[-5, 20\\]",
        ),
        (lambda: misorientation_distribution([60.0, 170.0]), "but they span \\[60, 170\\]"),
        (lambda: misorientation_distribution([94.5], laue="6/mmm"), "from 0 to 93.84 degrees"),
        (lambda: misorientation_distribution([1.0, 2.0], weights=[0, 0]), "`weights` must not be negative nor all zero"),
        (lambda: misorientation_distribution([1.0, 2.0], weights=[-1, 2]), "`weights` must not be negative"),
    ],
)
def test_what_makes_no_distribution_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
