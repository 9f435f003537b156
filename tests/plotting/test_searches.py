import numpy as np
import pytest
from matplotlib.patches import Polygon

from jaxmicro.plotting import convergence, pareto
from jaxmicro.plotting.fronts import nondominated
from jaxmicro.plotting.histories import median_run


def line(axes, start):
    return next(each for each in axes.lines if each.get_label().startswith(start))


def test_a_curve_holds_the_smallest_error_so_far():
    axes = convergence({"gradient": ([1, 3, 7], [0.5, 0.8, 0.004])}, name="error", unit="%", tolerance=0.01).axes[0]
    drawn = line(axes, "gradient")
    assert drawn.get_xdata().tolist() == [1, 3, 7]
    assert drawn.get_ydata().tolist() == [0.5, 0.5, 0.004]
    assert drawn.get_label() == "gradient: met after 7 solves"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("cell solves", "best error (%)")
    assert axes.get_yscale() == "log"
    assert line(axes, "tolerance").get_ydata() == [0.01, 0.01]


def test_every_value_can_be_drawn_instead():
    axes = convergence([0.5, 0.8, 0.6], best=False).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.8, 0.6]
    assert (axes.get_yscale(), axes.get_xscale(), axes.get_ylabel()) == ("linear", "linear", "relative error")


@pytest.mark.parametrize(
    "history",
    [[0.4, 0.2], np.array([[1, 0.4], [2, 0.2]]), ([1, 2], [0.4, 0.2]), (np.array([1, 2, 3]), np.array([0.4, 0.2, np.nan]))],
)
def test_all_forms_of_a_history_are_one(history):
    drawn = convergence(history).axes[0].lines[0]
    assert (drawn.get_xdata().tolist(), drawn.get_ydata().tolist()) == ([1, 2], [0.4, 0.2])


def test_several_runs_have_a_median_and_a_count():
    runs = [([1, 4], [0.4, 0.005]), ([2, 3], [0.3, 0.2]), ([1, 2], [0.6, 0.008])]
    axes = convergence({"gradient": runs}, tolerance=0.01).axes[0]
    drawn = line(axes, "gradient")
    assert drawn.get_label() == "gradient: met in 2 of 3 runs, median 3 solves"
    # solves 2: 0.4, 0.3, 0.008; 3: 0.4, 0.2, 0.008; 4: 0.005, 0.2, 0.008
    assert drawn.get_xdata().tolist() == [2, 3, 4]
    assert drawn.get_ydata().tolist() == [0.3, 0.2, 0.008]
    assert len([each for each in axes.lines if each.get_label() == "_run"]) == 3


def test_the_median_begins_where_all_runs_have_begun():
    solves, values = median_run([(np.array([1.0, 2.0]), np.array([4.0, 3.0])), (np.array([2.0]), np.array([1.0]))])
    assert (solves.tolist(), values.tolist()) == ([2.0], [2.0])


def test_methods_that_never_met_say_so():
    figure = convergence({"random": [0.5, 0.4], "runs": [[0.5, 0.3], [0.2, 0.1]]}, tolerance=0.01)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["random: not met", "runs: met in 0 of 2 runs", "tolerance 0.01"]


def test_an_error_of_exactly_zero_is_drawn_at_the_foot_of_a_log_axis():
    figure = convergence([1.0, 0.01, 0.0], tolerance=0.1)
    assert figure.axes[0].get_yscale() == "log"
    assert figure.axes[0].get_ylim()[0] > 0
    figure.draw_without_rendering()


def test_wide_ranges_of_solves_get_a_log_axis_with_plain_numbers():
    figure = convergence({"a": (np.arange(1, 301), np.linspace(2, 1, 300))})
    figure.draw_without_rendering()
    assert figure.axes[0].get_xscale() == "log"
    assert "100" in [label.get_text() for label in figure.axes[0].get_xticklabels()]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: convergence({}), "at least one history"),
        (lambda: convergence({"a": ([1, 2], [1.0])}), "as many solves as values, but their shapes are \\(2,\\) and \\(1,\\)"),
        (lambda: convergence({"a": [np.nan, np.inf]}), "at least one finite value"),
        (lambda: convergence({"a": ([2, 1], [1.0, 2.0])}), "count solves upwards"),
        (lambda: convergence({"a": np.zeros((2, 3))}), "columns \\(n, 2\\)"),
        (lambda: convergence({"a": ([1], [1.0], [2])}), "pair \\(solves, values\\), but it has 3 parts"),
        (lambda: convergence([-1.0, -2.0], log=True), "`log` must be False"),
        (lambda: pareto(np.zeros((3, 4))), "\\(n, 2\\) or \\(n, 3\\), but its shape is \\(3, 4\\)"),
        (lambda: pareto(np.full((3, 2), np.nan)), "at least one design with finite objectives"),
        (lambda: pareto(np.zeros((3, 2)), reference=[1.0]), "`reference` must have shape \\(2,\\)"),
        (lambda: pareto(np.zeros((3, 2)), names=["a"]), "`names` must hold 2 names"),
        (lambda: pareto(np.zeros((3, 2)), senses=["min", "up"]), "`senses` must be one of"),
        (lambda: pareto({"a": np.zeros((3, 2)), "b": np.zeros((3, 3))}), "same objectives for every method"),
        (lambda: pareto(np.zeros((3, 2)), units=["GPa"]), "`units` must hold 2 units"),
    ],
)
def test_bad_histories_and_values_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


VALUES = np.array([[1.0, 4.0], [2.0, 2.0], [2.0, 3.0], [4.0, 1.0], [5.0, 5.0], [np.nan, 0.0]])


def points(axes, label):
    found = line(axes, label)
    return np.stack(found.get_data(), axis=1).tolist()


def area(axes):
    (patch,) = [patch for patch in axes.patches if isinstance(patch, Polygon)]
    x, y = patch.get_xy()[:-1].T
    return 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))


def test_the_front_is_what_nothing_dominates():
    axes = pareto(VALUES).axes[0]
    assert points(axes, "front") == [[1, 4], [2, 2], [4, 1]]
    assert axes.collections[0].get_offsets().tolist() == VALUES[:5].tolist()
    assert nondominated(np.array([[1.0, 1.0], [1.0, 1.0], [1.0, 2.0]])).tolist() == [True, True, False]


def test_the_shaded_area_is_the_hypervolume():
    # staircase below (6, 6): 5·2 + 4·2 + 2·1 strips
    assert area(pareto(VALUES, reference=[6.0, 6.0]).axes[0]) == pytest.approx(5 * 2 + 4 * 2 + 2 * 1)
    flipped = pareto(VALUES * [1, -1], reference=[6.0, -6.0], senses=["min", "max"]).axes[0]
    assert area(flipped) == pytest.approx(20.0)
    assert points(flipped, "front") == [[1, -4], [2, -2], [4, -1]]
    assert flipped.get_ylabel() == "objective 2, larger is better"


def test_a_front_that_is_given_is_drawn_as_given_and_stairs_keep_to_it():
    axes = pareto(VALUES, [[4.0, 1.0], [1.0, 4.0]], names=["k_xx", "cost"], units=["W/m/K", None]).axes[0]
    assert points(axes, "front") == [[4, 1], [1, 4]]
    assert points(axes, "_stairs") == [[1, 4], [4, 4], [4, 1]]
    assert axes.get_xlabel() == r"$k_{\mathrm{xx}}$ (W/m/K), smaller is better"
    assert axes.get_ylabel() == "cost, smaller is better"


def test_nothing_beyond_the_reference_is_shaded():
    figure = pareto(VALUES, reference=[0.5, 0.5])
    assert area(figure.axes[0]) == 0
    figure.draw_without_rendering()


def test_methods_share_a_diagram_and_have_a_hypervolume_curve_each():
    figure = pareto({"a": VALUES, "b": VALUES + 1}, hypervolume_history={"a": [1.0, 2.0], "b": ([10, 20], [0.5, 1.5])})
    left, right = figure.axes
    assert points(left, "b: front") == [[2, 5], [3, 3], [5, 2]]
    assert right.get_ylabel() == "hypervolume, larger is better"
    assert line(right, "b").get_xdata().tolist() == [10, 20]
    assert line(right, "b").get_ydata().tolist() == [0.5, 1.5]


def test_three_objectives_are_shown_in_pairs():
    rng = np.random.default_rng(0)
    values = rng.random((30, 3))
    figure = pareto(values, hypervolume_history=[1.0, 2.0])
    assert len(figure.axes) == 4
    front = values[nondominated(values)]
    for axes, (i, j) in zip(figure.axes, [(0, 1), (0, 2), (1, 2)], strict=False):
        assert points(axes, "front") == front[:, [i, j]].tolist()
