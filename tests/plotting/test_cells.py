import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import ipf_color
from jaxmicro.plotting import cell, cells, interpolation_strip, tiled
from jaxmicro.plotting.maps import round_length
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED
from jaxmicro.plotting.style import PHASES, hex_color

LABELS = np.zeros((6, 4), dtype=int)
LABELS[4, 1] = 1  # at x = 4.5, y = 1.5


def image(axes):
    """The drawn array with array axis 0 first, as it was given."""
    return np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)


def color(index):
    return np.asarray(hex_color(PHASES[index]))


def scale_bars(axes):
    return [artist for artist in axes.artists if isinstance(artist, AnchoredSizeBar)]


def test_axis_0_is_x_to_the_right_and_y_points_down():
    axes = cell(LABELS, spacing=(0.5, 2.0), unit="µm").axes[0]
    np.testing.assert_allclose(image(axes), np.where(LABELS[..., None] == 1, color(1), color(0)))
    assert axes.images[0].get_extent() == [0, 3.0, 8.0, 0]
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    assert left < right
    assert bottom > top
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x (µm)", "y (µm)")


def test_the_marked_voxel_is_where_it_belongs_on_paper():
    figure = cell(LABELS)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    x, y = axes.transData.transform((4.5, 1.5))
    box = axes.get_window_extent()
    assert (x - box.x0) / box.width == pytest.approx(4.5 / 6)
    assert (box.y1 - y) / box.height == pytest.approx(1.5 / 4)
    row, column = 1, 4  # matplotlib's rows run along y
    np.testing.assert_allclose(np.asarray(axes.images[0].get_array())[row, column], color(1))


def test_a_scale_bar_needs_a_unit():
    assert scale_bars(cell(LABELS, spacing=0.5).axes[0]) == []
    (bar,) = scale_bars(cell(np.zeros((64, 64), dtype=int), spacing=0.5, unit="µm").axes[0])
    assert bar.txt_label.get_text() == "5 µm"
    assert bar.size_bar.get_children()[0].get_width() == 5.0
    assert cell(LABELS).axes[0].get_xlabel() == "x (voxels)"


def test_axes_count_voxels_only_where_their_edges_are_one():
    for draw in (cell, tiled):
        assert draw(LABELS, spacing=0.5).axes[0].get_xlabel() == "x (length units)"
        assert draw(LABELS, spacing=(1.0, 0.5)).axes[0].get_ylabel() == "y (length units)"
        assert draw(LABELS, spacing=1.0).axes[0].get_ylabel() == "y (voxels)"
        assert draw(LABELS, spacing=0.5, unit="µm").axes[0].get_xlabel() == "x (µm)"


@pytest.mark.parametrize(("extent", "length"), [(64.0, 10.0), (1.0, 0.2), (7.0, 2.0), (0.017, 0.005), (2e4, 5e3), (10 / 3, 1.0)])
def test_scale_bars_have_round_lengths(extent, length):
    assert round_length(extent) == pytest.approx(length)


def test_mixed_voxels_get_the_mean_colour():
    fractions = np.zeros((3, 2, 2))
    fractions[:, 0, 0] = 0.2, 0.3, 0.5
    fractions[0, 0, 1] = fractions[1, 1, 0] = fractions[2, 1, 1] = 1
    shown = image(cell(fractions).axes[0])
    np.testing.assert_allclose(shown[0, 0], 0.2 * color(0) + 0.3 * color(1) + 0.5 * color(2))
    np.testing.assert_allclose(shown[1, 0], color(1))


@pytest.mark.parametrize("form", [lambda d: d, lambda d: d[None], lambda d: np.stack([1 - d, d]), lambda d: jnp.stack([1 - d, d])])
def test_a_density_is_the_second_of_two_phases(form):
    density = np.linspace(0, 1, 12).reshape(4, 3)
    expected = (1 - density[..., None]) * color(0) + density[..., None] * color(1)
    np.testing.assert_allclose(image(cell(form(density)).axes[0]), expected, atol=1e-6)


def test_the_legend_names_phases_and_their_shares():
    figure = cell(LABELS, names=["ferrite", "costs $5"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["ferrite  95.8 %", r"costs \$5  4.2 %"]
    figure.draw_without_rendering()


def test_many_grains_have_many_colours_and_no_legend():
    labels = np.arange(36).reshape(6, 6)
    figure = cell(labels)
    assert len(np.unique(image(figure.axes[0]).reshape(-1, 3), axis=0)) == 36
    assert figure.legends == []


def test_labels_with_wild_numbers_do_not_make_a_palette_of_millions():
    shown = image(cell(np.array([[0, 2**40], [7, 0]])).axes[0])
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 3


def test_a_microstructure_brings_its_names_spacing_and_shares():
    ms = Microstructure(grid=Grid((6, 4), lengths=(3.0, 8.0)), labels=LABELS, phases=("matrix", "fibre"))
    figure = cell(ms, unit="µm")
    np.testing.assert_allclose(image(figure.axes[0]), image(cell(LABELS).axes[0]))
    assert figure.axes[0].images[0].get_extent() == pytest.approx([0, 3.0, 8.0, 0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["matrix  95.8 %", "fibre  4.2 %"]


def test_unmeasured_voxels_are_white_and_do_not_count():
    mask = np.ones((6, 4), dtype=bool)
    mask[0] = False
    figure = cell(Microstructure(labels=LABELS, mask=mask, phases=("a", "b")))
    shown = image(figure.axes[0])
    np.testing.assert_array_equal(shown[0], 1.0)
    np.testing.assert_allclose(shown[4, 1], color(1))
    assert figure.legends[0].get_texts()[1].get_text() == "b  5.0 %"


def test_orientation_colours_fold_cubic_symmetry():
    # z along [001], [011], [111] of the crystal: red, green, blue; the second column holds symmetric equivalents.
    half = np.pi / 4
    about_x = np.array([np.cos(half / 2), np.sin(half / 2), 0, 0])
    angle = np.arccos(1 / np.sqrt(3))
    axis = np.array([1.0, -1.0, 0]) / np.sqrt(2)
    to_111 = np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * axis])
    quarter_z = np.array([np.cos(half), 0, 0, np.sin(half)])

    def product(p, q):
        return np.concatenate([[p[0] * q[0] - p[1:] @ q[1:]], p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:])])

    listed = [np.array([1.0, 0, 0, 0]), about_x, to_111]
    q = np.stack([np.stack([each, product(quarter_z, each)], axis=-1) for each in listed], axis=1)
    ms = Microstructure(labels=np.zeros((3, 2), dtype=int), orientation=q, phases=(Phase("Ni", laue="m-3m"),))
    shown = image(cell(ms, color_by="orientation").axes[0])
    np.testing.assert_allclose(shown[:, 0], np.eye(3), atol=1e-6)
    np.testing.assert_allclose(shown[:, 1], np.eye(3), atol=1e-6)


def test_orientation_colours_are_those_of_the_one_key():
    q = np.array([0.3, -0.5, 0.7, 0.2])
    q /= np.linalg.norm(q)
    labels = np.array([[0, 1], [1, 2]])
    phases = (Phase("Ni", laue="cubic"), Phase("Ti", laue="6/mmm"), Phase("pore"))
    mask = np.array([[True, True], [False, True]])
    ms = Microstructure(labels=labels, orientation=np.broadcast_to(q[:, None, None], (4, 2, 2)), phases=phases, mask=mask)
    shown = image(cell(ms, color_by="orientation").axes[0])
    expected = [[ipf_color(q, laue="m-3m"), ipf_color(q, laue="6/mmm")], [hex_color(UNMEASURED), hex_color(NO_CRYSTAL)]]
    np.testing.assert_allclose(shown, expected, rtol=1e-6)


def test_a_volume_shows_three_middle_slices():
    labels = np.arange(4 * 6 * 8).reshape(4, 6, 8)
    figure = cell(labels, spacing=(1.0, 2.0, 0.5), unit="µm")
    assert [axes.get_title() for axes in figure.axes] == ["z = 2.25 µm", "y = 7 µm", "x = 2.5 µm"]
    assert [(axes.get_xlabel()[0], axes.get_ylabel()[0]) for axes in figure.axes] == [("x", "y"), ("x", "z"), ("y", "z")]
    whole = cell(labels[:, :, 4]).axes[0]
    assert image(figure.axes[0]).shape == image(whole).shape
    colors = [image(axes) for axes in figure.axes]
    np.testing.assert_array_equal(colors[0][2, 3], colors[1][2, 4])  # voxel (2, 3, 4) lies in all three
    np.testing.assert_array_equal(colors[0][2, 3], colors[2][3, 4])
    assert figure.axes[1].images[0].get_extent() == [0, 4.0, 4.0, 0]


def test_tiles_repeat_the_cell_and_outline_one_period():
    axes = tiled(LABELS, 3, spacing=(0.5, 2.0)).axes[0]
    np.testing.assert_array_equal(image(axes), np.tile(image(cell(LABELS).axes[0]), (3, 3, 1)))
    outlines = {(*patch.get_xy(), patch.get_width(), patch.get_height()) for patch in axes.patches if isinstance(patch, Rectangle)}
    assert outlines == {(3.0, 8.0, 3.0, 8.0)}


def test_a_gallery_has_one_picture_per_cell():
    stack = np.stack([np.roll(LABELS, shift, axis=0) for shift in range(5)])
    figure = cells(stack, [f"cell {i}" for i in range(5)], unit="µm")
    assert [axes.get_title() for axes in figure.axes] == [f"cell {i}" for i in range(5)]
    for given, axes in zip(stack, figure.axes, strict=True):
        np.testing.assert_array_equal(image(axes), image(cell(given).axes[0]))
    assert [len(scale_bars(axes)) for axes in figure.axes] == [1, 0, 0, 0, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["phase 0", "phase 1"]


def test_a_strip_says_where_on_the_path_each_cell_lies():
    figure = interpolation_strip([LABELS] * 3, [0.0, 0.25, 1.0])
    assert [axes.get_title() for axes in figure.axes] == ["0.00", "0.25", "1.00"]
    assert [axes.get_title() for axes in interpolation_strip([LABELS] * 2, captions=["a", "b"]).axes] == ["a", "b"]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cell(np.zeros((2, 3, 4, 5, 6))), "`cell` must be labels"),
        (lambda: cell(np.full((2, 4, 4), 0.7)), "add up to 1 over axis 0, but a sum is off by 0.4"),
        (lambda: cell(np.full((4, 4), 1.7)), "fractions in \\[0, 1\\], but it spans \\[1.7, 1.7\\]"),
        (lambda: cell(-np.ones((4, 4), dtype=int)), "labels from 0, but the smallest is -1"),
        (lambda: cell(np.full((4, 4), np.nan)), "`cell` must be finite"),
        (lambda: cell(np.zeros(4, dtype=int)), "labels on a 2D or 3D grid, but its shape is \\(4,\\)"),
        (lambda: cell(LABELS, names=["one"]), "`names` must hold 2 names"),
        (lambda: cell(LABELS, spacing=(1.0, 2.0, 3.0)), "`spacing` must be one positive voxel edge"),
        (lambda: cell(LABELS, spacing=0.0), "`spacing` must be one positive voxel edge"),
        (lambda: cell(LABELS, color_by="orientation"), "must be used with a Microstructure"),
        (lambda: cell(Microstructure(labels=LABELS), color_by="orientation"), "`cell.orientation` is None"),
        (lambda: cell(LABELS, color_by="grain"), "`color_by` must be one of"),
        (lambda: tiled(LABELS, 0), "`repeats` must be a whole number from 1 to 20, but it is 0"),
        (lambda: cells([]), "`cells` must hold at least one cell"),
        (lambda: cells([LABELS], ["a", "b"]), "`captions` must hold 1 names"),
        (lambda: cells([LABELS, np.full((4, 4), 3.0)]), "`cells\\[1\\]` must hold fractions"),
        (lambda: cells([LABELS], columns=0), "`columns` must be a whole number from 1"),
        (lambda: interpolation_strip([LABELS], [0.0, 1.0]), "`positions` must have shape \\(1,\\)"),
    ],
)
def test_bad_cells_are_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_text_is_no_cell():
    with pytest.raises(TypeError, match="`cell` must be numeric"):
        cell(np.array([["a", "b"]]))


def test_a_laue_group_that_nobody_knows_is_refused():
    q = np.zeros((4, 2, 2))
    q[0] = 1
    ms = Microstructure(labels=np.zeros((2, 2), dtype=int), orientation=q, phases=(Phase("Ti", laue="6mmm"),))
    with pytest.raises(ValueError, match=r"`laue of phase 'Ti'` must be one of .* Did you mean '6/mmm'"):
        cell(ms, color_by="orientation")
