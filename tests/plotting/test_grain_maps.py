"""Maps of grains, of their boundaries and of what deformation leaves in them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import dislocation_density, kernel_average_misorientation, measure_grains, segment_grains
from jaxmicro.orientations import coincidence, from_axis_angle, from_euler
from jaxmicro.plotting import boundary_map, deviation_map, dislocation_map, grain_map, local_misorientation_map
from jaxmicro.plotting.boundary_maps import COINCIDENT
from jaxmicro.plotting.grain_maps import COLORS, grain_colors
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED
from jaxmicro.plotting.style import INK, hex_color

STRIPES = np.repeat(np.arange(4), 4)[:, None] * np.ones((1, 6), int)  # four grains along x
GRID = jm.Grid((16, 6), (8.0, 12.0))  # voxels of 0.5 × 2


def striped(turns, labels=None, **more):
    """Four grains, of the turns (4, 4)."""
    labels = np.zeros(STRIPES.shape, int) if labels is None else labels
    return jm.Microstructure(grid=GRID, labels=labels, orientation=np.asarray(turns)[:, STRIPES], **more)


def about_z(*degrees):
    return np.asarray(from_euler(np.stack([np.array(degrees), np.zeros(4), np.zeros(4)]), degrees=True))


def image(axes):
    return np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)


def texts(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()] if figure.legends else []


def segments(axes):
    """Colour and ends of every line."""
    axes.figure.draw_without_rendering()
    return [
        (tuple(np.round(color[:3], 3)), np.asarray(ends).tolist())
        for lines in axes.collections
        for ends, color in zip(lines.get_segments(), np.broadcast_to(lines.get_colors(), (len(lines.get_segments()), 4)), strict=True)
    ]


def rgb(color):
    return tuple(np.round(hex_color(color), 3))


def test_neighbours_have_different_colours(shared_data):
    grains = segment_grains(jm.io.read(shared_data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.cpr"))
    colors = grain_colors(np.asarray(grains.neighbours), grains.count)
    first, second = np.asarray(grains.neighbours)
    assert (np.abs(colors[first] - colors[second]).max(axis=1) > 0.1).all()
    assert np.unique(colors, axis=0).shape[0] == len(COLORS)
    every = np.array(np.triu_indices(12, 1))  # a clique needs a colour for each
    assert np.unique(grain_colors(every, 12), axis=0).shape[0] == 12


def test_a_map_of_grains_is_to_scale_with_lines_numbers_and_ellipses():
    ms = striped(about_z(0.0, 20.0, 40.0, 60.0))
    grains = segment_grains(ms)
    axes = grain_map(grains, ms, numbers=True).axes[0]
    assert axes.images[0].get_extent() == pytest.approx([0, 8, 12, 0])
    assert {text.get_text() for text in axes.texts} == {"0", "1", "2", "3"}
    assert [ends for _, ends in segments(axes)] == [[[x, 0], [x, 12]] for x in (2.0, 4.0, 6.0)]
    for text in axes.texts:
        assert 2 * int(text.get_text()) < text.get_position()[0] < 2 * int(text.get_text()) + 2
    figure = grain_map(grains, ellipses=True)  # without the microstructure: centroids tell the edges
    assert figure.axes[0].images[0].get_extent() == pytest.approx([0, 8, 12, 0])
    assert figure.axes[0].get_ylim() == (12.0, 0.0)
    one = figure.axes[0].patches[0]
    assert one.get_center() == pytest.approx((1.0, 6.0))
    assert (one.width, one.height) == pytest.approx((12 * 2 / np.sqrt(3), 2 * 2 / np.sqrt(3)))
    assert abs(one.angle) == pytest.approx(90)
    assert texts(figure) == []


def test_what_is_in_no_grain_is_grey_and_named():
    mask = np.ones(GRID.shape, bool)
    mask[0, :3] = False
    labels = np.where(np.arange(16)[:, None] == 15, 1, 0) * np.ones((1, 6), int)
    ms = striped(about_z(0.0, 20.0, 40.0, 60.0), labels, mask=mask, phases=(jm.microstructures.Phase("a"), jm.microstructures.Phase("b")))
    grains = segment_grains(ms, min_size=10)
    figure = grain_map(grains, ms)
    np.testing.assert_allclose(image(figure.axes[0])[0, 0], hex_color(UNMEASURED))
    np.testing.assert_allclose(image(figure.axes[0])[15, 0], hex_color(NO_CRYSTAL))
    assert texts(figure) == ["not measured  3.1 %", "in no grain  6.2 %"]
    assert texts(grain_map(grains)) == ["in no grain  9.4 %"]


def test_volumes_show_three_slices():
    grid = jm.Grid((8, 6, 4), (8.0, 6.0, 8.0))
    ms = jm.microstructures.polycrystal(grid, 5, key=jax.random.key(0))
    grains = measure_grains(ms, periodic=True)
    assert [axes.get_title() for axes in grain_map(grains, ms).axes] == ["z = 5", "y = 3.5", "x = 4.5"]
    assert [axes.get_label() for axes in boundary_map(ms, grains).axes][3:] == ["<colorbar>"]
    lines = boundary_map(ms, grains).axes[0].collections
    labels = np.asarray(grains.labels)[:, :, 2]
    assert sum(len(each.get_segments()) for each in lines) == (np.diff(labels, axis=0) != 0).sum() + (np.diff(labels, axis=1) != 0).sum()
    with pytest.raises(ValueError, match="`ellipses` must be left out for a volume"):
        grain_map(grains, ellipses=True)


def test_boundaries_have_the_colour_of_their_kind():
    """20°, then Σ3, then another phase."""
    twin = jm.orientations.multiply(from_axis_angle((1.0, 1.0, 1.0), 59.0, degrees=True), about_z(20.0, 0, 0, 0)[:, 0])
    turns = np.stack([about_z(0.0, 0, 0, 0)[:, 0], about_z(20.0, 0, 0, 0)[:, 0], twin, twin], axis=1)
    ms = striped(turns, (STRIPES == 3).astype(int), phases=tuple(jm.microstructures.Phase(name, "m-3m") for name in ("fcc", "bcc")))
    figure = boundary_map(ms, segment_grains(ms))
    found = {(color, round(ends[0][0], 3)) for color, ends in segments(figure.axes[0])}
    scale = figure.axes[0].collections[0]
    assert (scale.norm.vmin, scale.norm.vmax) == (5.0, 62.8)
    assert found == {(tuple(np.round(scale.to_rgba(20.0)[:3], 3)), 2.0), (rgb(COINCIDENT[0]), 4.0), (rgb(INK), 6.0)}
    assert texts(figure) == ["Σ3  33.3 %", "between phases  33.3 %"]
    assert figure.axes[-1].get_ylabel() == "misorientation (°)"
    plain = boundary_map(ms, segment_grains(ms), coincidences=())
    assert texts(plain) == ["between phases  33.3 %"]


def test_a_boundary_is_the_coincidence_that_it_is_nearest_to():
    """20° about ⟨001⟩ lie within Brandon's angle of Σ13a (22.6°, 62 % of 4.2°), and not of Σ25a (16.3°)."""
    assert coincidence("25a", degrees=True)[1] == pytest.approx(16.26, abs=0.01)
    ms = striped(about_z(0.0, 20.0, 40.0, 60.0))
    assert texts(boundary_map(ms, segment_grains(ms), coincidences=("25a", "13a"))) == ["Σ13a  100.0 %"]
    hexagonal = striped(about_z(0.0, 20.0, 40.0, 60.0), phases=(jm.microstructures.Phase("Ti", "6/mmm"),))
    assert texts(boundary_map(hexagonal, segment_grains(hexagonal), coincidences=("25a", "13a"))) == []


def test_values_inside_grains_in_degrees_with_grey_where_unknown():
    ms = striped(about_z(0.0, 1.0, 2.0, 40.0))
    grains = segment_grains(ms)
    kam = kernel_average_misorientation(ms, grains=grains)
    figure = local_misorientation_map(np.where(STRIPES == 1, np.nan, kam), ms, grains)
    shown = figure.axes[0].images[0]
    np.testing.assert_allclose(np.ma.filled(image(figure.axes[0])[:4], np.nan), kam[:4])
    assert shown.norm.vmin == 0
    assert shown.norm.vmax == pytest.approx(np.percentile(kam[STRIPES != 1], 99))
    np.testing.assert_allclose(shown.cmap(np.ma.masked)[:3], hex_color(UNMEASURED))
    assert texts(figure) == ["not known  25.0 %"]
    assert [ends for _, ends in segments(figure.axes[0])] == [[[6.0, 0], [6.0, 12]]]
    deviation = deviation_map(grains, ms, limits=(0, 3))
    np.testing.assert_allclose(image(deviation.axes[0]), grains.deviations)
    assert deviation.axes[0].images[0].norm.vmax == 3
    assert texts(deviation) == []


def test_dislocations_on_a_logarithmic_scale():
    turns = from_euler(jnp.zeros((3, 8, 4)).at[0].set(0.01 * jnp.arange(8.0)[:, None] * jnp.ones(4)))
    ms = jm.Microstructure(labels=np.zeros((8, 4), int), orientation=turns)
    density = dislocation_density(ms, 2.5e-4)
    figure = dislocation_map(density, ms, segment_grains(ms))
    np.testing.assert_allclose(np.ma.filled(image(figure.axes[0])), 4e13)
    assert figure.axes[-1].get_ylabel().split() == ["dislocation", "density,", "GND", "(1/m²)"]
    values = np.geomspace(1e12, 1e15, 100).reshape(10, 10)
    values[0, 0] = 0.0
    shown = dislocation_map(values).axes[0].images[0]
    assert type(shown.norm).__name__ == "LogNorm"
    assert (shown.norm.vmin, shown.norm.vmax) == pytest.approx(tuple(np.percentile(values.ravel()[1:], (1, 99))))
    assert np.asarray(shown.get_array())[0, 0] == shown.norm.vmin  # zero is little, not unknown
    assert not np.ma.is_masked(shown.get_array())
    dislocation_map(np.zeros((4, 4))).draw_without_rendering()


def test_names_of_colour_bars_fit_slender_maps():
    turns = from_euler(jnp.zeros((3, 40, 5)).at[0].set(0.01 * jnp.arange(40.0)[:, None] * jnp.ones(5)))
    ms = jm.Microstructure(labels=np.zeros((40, 5), int), orientation=turns)
    grains = segment_grains(ms)
    kam = kernel_average_misorientation(ms, grains=grains)
    for figure in (
        deviation_map(grains, ms),
        local_misorientation_map(kam, ms),
        dislocation_map(dislocation_density(ms, 2.5e-4), title="x"),
    ):
        figure.draw_without_rendering()
        box = figure.axes[-1].yaxis.label.get_window_extent()
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
        assert box.x1 <= figure.bbox.x1
        assert ",\n" in figure.axes[-1].get_ylabel()


def test_rounding_is_shown_as_no_deviation():
    ms = striped(about_z(0.0, 20.0, 40.0, 60.0))
    grains = segment_grains(ms)
    assert 0 <= float(grains.deviations.max()) < 1e-6
    assert deviation_map(grains, ms).axes[0].images[0].norm.vmax == 1.0


def test_a_threshold_beyond_all_angles_leaves_a_rising_scale():
    ms = striped(about_z(0.0, 20.0, 40.0, 60.0), STRIPES // 2, phases=("a", "b"))
    figure = boundary_map(ms, segment_grains(ms, 70.0))
    scale = figure.axes[0].collections[0].norm
    assert (scale.vmin, scale.vmax) == (0.0, 62.8)
    assert texts(figure) == ["between phases  100.0 %"]


MS = striped(about_z(0.0, 20.0, 40.0, 60.0))
OTHER = jm.Microstructure(labels=np.zeros((4, 4), int))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: grain_map(g, OTHER), "`ms` must have the grid of the grains, \\(16, 6\\), but its grid is \\(4, 4\\)"),
        (lambda g: boundary_map(OTHER, g), "`ms` must have orientations"),
        (lambda g: boundary_map(MS, g, coincidences=(3, 5, 7, 9, 11, 15)), "`coincidences` must be 5 at most, but they are 6"),
        (lambda g: boundary_map(MS, g, coincidences=(4,)), "`sigma` must be one of"),
        (lambda g: boundary_map(MS, g, limits=(30, 10)), "`limits` must be a rising pair of angles from 0 to 180 degrees"),
        (lambda g: local_misorientation_map(np.ones((4, 4)), None, g), "`grains` must have the grid of the values, \\(4, 4\\)"),
        (lambda g: local_misorientation_map(np.full((4, 4), np.nan)), "`values` must hold finite numbers, but none of its 16 is"),
        (lambda g: local_misorientation_map(-np.ones((4, 4))), "`values` must not be negative, but the smallest is -1"),
        (lambda g: local_misorientation_map(np.ones(4)), "`values` must have shape \\(\\*grid\\) in 2D or 3D, but it is \\(4,\\)"),
        (
            lambda g: dislocation_map(np.ones((4, 4)), limits=(0, 1)),
            "`limits` must be a rising pair of positive numbers, but they are \\(0, 1\\)",
        ),
        (lambda g: deviation_map(g, limits=(2, 1)), "`limits` must be a rising pair of numbers"),
        (lambda g: deviation_map(g, limits=("a", "b")), "`limits` must be a rising pair of numbers, but they are \\('a', 'b'\\)"),
        (lambda g: boundary_map(MS, g, limits=("a", "b")), "`limits` must be a rising pair of angles"),
    ],
)
def test_maps_that_do_not_fit_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(segment_grains(MS))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda g: grain_map(MS),
            "`grains` must be descriptors.Grains, but it is a Microstructure. Make them with descriptors.segment_grains",
        ),
        (lambda g: deviation_map(MS), "`grains` must be descriptors.Grains, but it is a Microstructure"),
        (lambda g: boundary_map(g, MS), "`ms` must be a Microstructure, but it is a Grains"),
        (lambda g: boundary_map(MS, MS), "`grains` must be descriptors.Grains"),
        (lambda g: local_misorientation_map(np.ones(GRID.shape), MS, MS), "`grains` must be descriptors.Grains"),
        (
            lambda g: boundary_map(MS, g, coincidences=3),
            "`coincidences` must be a sequence of coincidences, such as \\(3, 9\\), but it is 3",
        ),
    ],
)
def test_what_is_no_grain_is_refused(call, message):
    with pytest.raises(TypeError, match=message):
        call(segment_grains(MS))
