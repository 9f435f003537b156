"""Maps of orientations, their keys and the lines between grains."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import LAUE_GROUPS, direction_color, euler_color, from_euler, ipf_color, random_orientations, sector_direction
from jaxmicro.plotting import euler_map, ipf_key, ipf_map
from jaxmicro.plotting.hemisphere import project
from jaxmicro.plotting.orientation_colors import NO_CRYSTAL, UNMEASURED
from jaxmicro.plotting.style import hex_color

SHAPE = (6, 4)
RANDOM = np.asarray(random_orientations(jax.random.key(7), SHAPE))
NICKEL, TITANIUM = Phase("Ni", "m-3m"), Phase("Ti", "6/mmm")


def one_phase(q=RANDOM, phase=NICKEL, **parts):
    return Microstructure(grid=Grid(SHAPE, (3.0, 8.0)), labels=np.zeros(SHAPE, int), orientation=q, phases=(phase,), **parts)


def two_grains(angle, column=2):
    """Crystals turned about z: by `angle` degrees from y = `column` pixels on."""
    angles = np.zeros((3, *SHAPE))
    angles[0, :, column:] = angle
    return np.array(from_euler(angles, degrees=True))


def image(axes):
    """The drawn array with array axis 0 first."""
    return np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)


def lines(figure):
    return [np.asarray(line).tolist() for line in figure.axes[0].collections[0].get_segments()]


@pytest.mark.parametrize("direction", ["x", "z", (1.0, -1.0, 2.0)])
def test_a_map_shows_the_colours_of_the_key(direction):
    vector = {"x": (1.0, 0, 0), "z": (0.0, 0, 1)}.get(direction, direction)
    figure = ipf_map(one_phase(), direction)
    np.testing.assert_allclose(image(figure.axes[0]), np.moveaxis(np.asarray(ipf_color(RANDOM, vector)), 0, -1), atol=1e-9)
    assert figure.axes[0].images[0].get_extent() == pytest.approx([0, 3.0, 8.0, 0])  # y downwards
    assert figure.axes[1].get_title() == "m$\\bar{3}$m\nNi"


@pytest.mark.parametrize("laue", LAUE_GROUPS)
def test_the_key_has_the_colour_of_each_direction_at_its_place(laue):
    axes = ipf_key(laue).axes[0]
    drawn, (left, right, low, high) = np.asarray(axes.images[0].get_array()), axes.images[0].get_extent()
    t, s = np.meshgrid([0.15, 0.4, 0.7, 0.95], [0.05, 0.3, 0.55, 0.9])
    h = np.asarray(sector_direction(t, s, laue))
    x, y = project(h, "stereographic")
    row, column = (
        ((y - low) / (high - low) * (len(drawn) - 1)).round().astype(int),
        ((x - left) / (right - left) * (len(drawn) - 1)).round(),
    )
    np.testing.assert_allclose(drawn[row, column.astype(int)], np.moveaxis(np.asarray(direction_color(h, laue)), 0, -1), atol=0.06)


def test_the_key_names_its_corners():
    assert [text.get_text() for text in ipf_key("m-3m").axes[0].texts] == ["001", "101", "111"]
    assert [text.get_text() for text in ipf_key("6/mmm").axes[0].texts] == ["0001", "2$\\bar{1}$$\\bar{1}$0", "10$\\bar{1}$0"]


def test_every_phase_has_the_key_of_its_own_laue_group():
    labels = np.zeros(SHAPE, int)
    labels[3:] = 1
    labels[0, 0] = 2
    ms = Microstructure(labels=labels, orientation=RANDOM, phases=(NICKEL, TITANIUM, Phase("pore")))
    figure = ipf_map(ms, "y")
    shown = image(figure.axes[0])
    np.testing.assert_allclose(shown[3:], np.moveaxis(np.asarray(ipf_color(RANDOM, (0.0, 1, 0), "6/mmm")), 0, -1)[3:], atol=1e-9)
    np.testing.assert_allclose(shown[1:3], np.moveaxis(np.asarray(ipf_color(RANDOM, (0.0, 1, 0), "m-3m")), 0, -1)[1:3], atol=1e-9)
    np.testing.assert_allclose(shown[0, 0], hex_color(NO_CRYSTAL))
    assert [axes.get_title() for axes in figure.axes[1:]] == ["m$\\bar{3}$m\nNi", "6/mmm\nTi"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["pore: no Laue group"]
    assert len(ipf_map(ms, key=False).axes) == 1


def test_an_assumed_laue_group_is_said():
    assert "(assumed)" in ipf_map(one_phase(phase=Phase("metal"))).axes[1].get_title()


def test_what_was_not_measured_is_grey_and_has_no_lines():
    q, mask = two_grains(20.0), np.ones(SHAPE, bool)
    q[:, 1, 2] = np.nan
    mask[1, 2] = False
    figure = ipf_map(one_phase(q, mask=mask), boundaries=5)
    np.testing.assert_allclose(image(figure.axes[0])[1, 2], hex_color(UNMEASURED))
    assert lines(figure) == [[[0.0, 4.0], [0.5, 4.0]], [[1.0, 4.0], [3.0, 4.0]]]
    assert figure.legends[0].get_texts()[0].get_text() == "not measured  4.2 %"


def test_lines_run_between_crystals_that_differ():
    assert lines(ipf_map(one_phase(two_grains(20.0)), boundaries=5)) == [[[0.0, 4.0], [3.0, 4.0]]]  # at y = 2 pixels of 2
    assert lines(ipf_map(one_phase(two_grains(20.0)), boundaries=21)) == []
    assert lines(ipf_map(one_phase(two_grains(90.0)), boundaries=5)) == []  # one crystal, for a cube
    assert len(lines(ipf_map(one_phase(two_grains(90.0), Phase("Ti", "6/mmm")), boundaries=29))) == 1  # 30° for a hexagon
    assert lines(ipf_map(one_phase(two_grains(90.0), Phase("Ti", "6/mmm")), boundaries=31)) == []


def test_lines_run_between_phases_whatever_their_orientations():
    labels = np.zeros(SHAPE, int)
    labels[2:] = 1
    ms = Microstructure(grid=Grid(SHAPE, (3.0, 8.0)), labels=labels, orientation=two_grains(0.0), phases=(NICKEL, Phase("iron", "m-3m")))
    assert lines(ipf_map(ms, boundaries=10)) == [[[1.0, 0.0], [1.0, 8.0]]]


def test_lines_of_a_measured_map_are_as_long_as_its_boundaries(shared_data):
    layout = np.dtype({"names": ["euler"], "formats": [("<f4", 3)], "offsets": [1], "itemsize": 25})
    scan = np.fromfile(shared_data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.crc", dtype=layout).reshape(243, 359)
    q = np.asarray(from_euler(np.transpose(scan["euler"], (2, 1, 0))))
    ms = Microstructure(grid=Grid((359, 243)), labels=np.zeros((359, 243), int), orientation=q, phases=(NICKEL,))
    ends = np.asarray(lines(ipf_map(ms, boundaries=5)))
    assert np.abs(ends[:, 1] - ends[:, 0]).sum() == pytest.approx(6980)  # pairs of 5° and more


def test_a_volume_shows_the_slices_of_its_colours_and_lines():
    labels = np.zeros((4, 5, 6), int)
    labels[:, 3:] = 1
    q = np.asarray(random_orientations(jax.random.key(0), 1))[:, 0]
    field = np.broadcast_to(q[:, None, None, None], (4, 4, 5, 6))
    figure = ipf_map(Microstructure(labels=labels, orientation=field, phases=(NICKEL, Phase("iron", "m-3m"))), boundaries=5, unit=None)
    assert [axes.get_title() for axes in figure.axes[:3]] == ["z = 3.5", "y = 2.5", "x = 2.5"]
    drawn = [[np.asarray(line).tolist() for line in axes.collections[0].get_segments()] for axes in figure.axes[:3]]
    assert drawn == [[[[0, 3], [4, 3]]], [], [[[3, 0], [3, 6]]]]
    for axes in figure.axes[:3]:
        np.testing.assert_allclose(image(axes), np.broadcast_to(np.asarray(ipf_color(q)), image(axes).shape), atol=1e-9)


def test_a_unit_is_claimed_only_where_it_is_known():
    assert ipf_map(one_phase()).axes[0].get_xlabel() == "x (length units)"
    assert euler_map(one_phase(notes=("frame: raw, all numbers as in the file",))).axes[0].get_xlabel() == "x (µm)"
    assert ipf_map(one_phase(), unit="mm").axes[0].get_xlabel() == "x (mm)"


def test_a_slender_map_has_few_ticks_and_no_bar_over_it():
    q = np.broadcast_to(np.eye(4)[:, 0, None, None], (4, 40, 4))
    flat = Microstructure(labels=np.zeros((40, 4), int), orientation=q, phases=(NICKEL,), notes=("frame: raw",))
    axes = ipf_map(flat).axes[0]
    assert [type(each).__name__ for each in axes.artists] == []
    axes.figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
    assert all(not one.overlaps(two) for k, one in enumerate(boxes) for two in boxes[k + 1 :])


def test_phase_boundaries_are_thicker_and_named():
    labels = np.zeros(SHAPE, int)
    labels[2:] = 1
    ms = Microstructure(grid=Grid(SHAPE, (3.0, 8.0)), labels=labels, orientation=two_grains(20.0), phases=(NICKEL, Phase("iron", "m-3m")))
    figure = ipf_map(ms, boundaries=10)
    thin, thick = figure.axes[0].collections
    assert [np.asarray(line).tolist() for line in thick.get_segments()] == [[[1.0, 0.0], [1.0, 8.0]]]
    assert thick.get_linewidths()[0] > thin.get_linewidths()[0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["phase boundary"]


def test_a_long_title_is_cut_into_lines():
    title = "One grain with a rather long title that could well be cut at the edge of the figure"
    figure = ipf_map(one_phase(), title=title)
    figure.draw_without_rendering()
    box = figure.axes[0].title.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert figure.axes[0].get_title().replace("\n", " ") == title


def test_low_quality_is_darker():
    quality = np.arange(24.0).reshape(SHAPE)
    plain, shaded = image(ipf_map(one_phase()).axes[0]), image(ipf_map(one_phase(maps={"iq": quality}), quality="iq").axes[0])
    ratio = shaded.sum(axis=-1) / plain.sum(axis=-1)
    assert (np.diff(ratio.ravel()) > -1e-12).all()
    assert ratio.min() == pytest.approx(0.25)
    assert ratio.max() == pytest.approx(1)


def test_an_euler_map_shows_angles_as_colours():
    figure = euler_map(one_phase(), boundaries=5, title="Angles")
    np.testing.assert_allclose(image(figure.axes[0]), np.moveaxis(np.asarray(euler_color(RANDOM)), 0, -1), atol=1e-9)
    assert [text.get_text() for text in figure.axes[1].texts] == ["φ₁  0 … 360°", "Φ  0 … 90°", "φ₂  0 … 90°"]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ipf_map(np.zeros((4, 4))), "`ms` must carry orientations, but `ms.orientation` is missing from a ndarray"),
        (lambda: ipf_map(Microstructure(labels=np.zeros((4, 4), int))), "`ms.orientation` is None. Read them with the map"),
        (lambda: ipf_map(one_phase(), "w"), "`direction` must be one of 'x', 'y', 'z'"),
        (
            lambda: ipf_map(one_phase(), ["x", "y"]),
            "`direction` must be 'x', 'y', 'z' or three numbers that are not all 0, but it is \\['x', 'y'\\]",
        ),
        (lambda: ipf_map(one_phase(), (0, 0, 0)), "`direction` must be 'x', 'y', 'z' or three numbers that are not all 0"),
        (lambda: ipf_map(one_phase(), boundaries=0), "`boundaries` must be an angle between 0 and 180 degrees, but it is 0"),
        (
            lambda: ipf_map(one_phase(), quality="iq"),
            "`quality` must name a map of the microstructure, but it is 'iq' and there are no maps",
        ),
        (lambda: ipf_map(one_phase(maps={"bc": jnp.ones(SHAPE)}), quality="iq"), "`quality` must be one of 'bc'"),
        (lambda: ipf_map(one_phase(maps={"bc": jnp.ones((2, *SHAPE))}), quality="bc"), "a map of one number per voxel \\(6, 4\\)"),
        (lambda: ipf_key("m3m"), "`laue` must be one of .* Did you mean 'm-3m'"),
        (lambda: euler_map(one_phase(phase=Phase("x", "6mm"))), "`laue of phase 'x'` must be one of"),
    ],
)
def test_bad_maps_are_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()
