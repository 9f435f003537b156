import numpy as np
import pytest
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from jaxmicro.plotting import cell, field, orthogonal_views, scale_bar, slices

FIELD = np.arange(120.0).reshape(6, 5, 4)
EDGES = (0.5, 1.0, 2.0)


def image(axes):
    return np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)


def test_three_sections_meet_in_the_chosen_voxel_and_mark_each_other():
    figure = orthogonal_views(FIELD, (1, 2, 3), spacing=EDGES, unit="µm")
    xy, zy, xz = figure.axes[:3]
    np.testing.assert_array_equal(image(xy), FIELD[:, :, 3])
    np.testing.assert_array_equal(image(zy), FIELD[1].T)
    np.testing.assert_array_equal(image(xz), FIELD[:, 2])
    assert [axes.get_xlabel() + " " + axes.get_ylabel() for axes in (xy, zy, xz)] == ["x (µm) y (µm)", "z (µm) y (µm)", "x (µm) z (µm)"]
    assert [axes.get_title() for axes in (xy, zy, xz)] == ["z = 7 µm", "x = 0.75 µm", "y = 2.5 µm"]
    places = [[line.get_xdata()[0] if k == 0 else line.get_ydata()[0] for k, line in enumerate(axes.lines)] for axes in (xy, zy, xz)]
    assert places == [[0.75, 2.5], [7.0, 2.5], [0.75, 7.0]]
    assert xy.lines[0].get_color() == zy.spines["left"].get_edgecolor() or xy.lines[0].get_color() == zy.title.get_color()


def test_sections_of_a_volume_are_to_one_scale_on_paper():
    figure = orthogonal_views(FIELD, spacing=EDGES)
    figure.draw_without_rendering()
    scales = []
    for axes in figure.axes[:3]:
        box = axes.get_window_extent()
        left, right = axes.get_xlim()
        bottom, top = axes.get_ylim()
        scales += [box.width / abs(right - left), box.height / abs(top - bottom)]
    np.testing.assert_allclose(scales, scales[0], rtol=0.03)


def test_slices_are_in_the_middle_of_equal_parts():
    figure = slices(FIELD, "y", 2, spacing=EDGES, limits=(0.0, 200.0))
    np.testing.assert_array_equal(image(figure.axes[0]), FIELD[:, 1])
    np.testing.assert_array_equal(image(figure.axes[1]), FIELD[:, 3])
    assert figure.axes[0].images[0].get_clim() == (0, 200)


def test_a_field_is_cut_at_a_section():
    np.testing.assert_array_equal(image(field(FIELD, section=("x", 4)).axes[0]), FIELD[4])


def test_a_scale_bar_has_the_length_asked_for():
    axes = cell(np.eye(64, dtype=int), spacing=0.5).axes[0]
    scale_bar(axes, "µm", 8)
    (bar,) = [artist for artist in axes.artists if isinstance(artist, AnchoredSizeBar)]
    assert bar.size_bar.get_children()[0].get_width() == 8
    assert bar.txt_label.get_text() == "8 µm"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: orthogonal_views(np.eye(3, dtype=int)), "`cell` must be a volume"),
        (lambda: orthogonal_views(FIELD, (0, 0)), "`at`"),
        (lambda: orthogonal_views(FIELD, (0, 0, 4)), "`at`"),
        (lambda: orthogonal_views(FIELD * np.nan), "`cell` must hold finite"),
        (lambda: slices(FIELD, 3), "`axis`"),
        (lambda: slices(FIELD, "w"), "`axis`"),
        (lambda: slices(FIELD, 2, 5), "`count` must be at most"),
        (lambda: slices(FIELD, 2, 0), "`count`"),
        (lambda: field(FIELD, section=(0, 6)), "`section`"),
        (lambda: field(FIELD[0], section=(0, 1)), "`section` must be left out"),
        (lambda: scale_bar(cell(np.eye(8, dtype=int)).axes[0], "µm", 9), "`length`"),
    ],
)
def test_bad_input_is_refused_by_name(call, message, as_user):
    with pytest.raises(ValueError, match=message):
        call()
