import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.plotting import volume_view
from jaxmicro.plotting.camera import camera_for
from jaxmicro.plotting.pictures import phases_of
from jaxmicro.plotting.ray_casting import FINE_STRIDE, body, box_span, first_inside
from jaxmicro.plotting.volume_bodies import at, directions, refined, scene, voxel_of
from jaxmicro.plotting.volume_rendering import View, render

BOX = np.array([4.0, 3.0, 2.0])
SILHOUETTE = 0.01  # of the area of a ball of 20 voxels, which its voxels miss by less than that
CAST = 2e-2  # of a voxel, what six halvings of a stride leave


def ball(shape, spacing, radius):
    x = np.meshgrid(*[(np.arange(n) + 0.5) * h - n * h / 2 for n, h in zip(shape, spacing, strict=True)], indexing="ij")
    return (sum(each**2 for each in x) < radius**2).astype(int)


def view_of(labels, spacing=(1.0, 1.0, 1.0), opacity=(0.0, 1.0), smooth=0.6, hole=None, paint=None, **camera):
    camera = {"azimuth": -55.0, "elevation": 25.0, "perspective": 0.0, **camera}
    lengths = np.asarray(spacing) * np.asarray(labels.shape)
    drawn = scene(phases_of(labels), np.asarray(opacity), list(spacing), smooth, None)

    def black(places, phase):
        return np.zeros((places.shape[1], 3))

    return View(drawn, camera_for(lengths, **camera), hole, paint or black)


@pytest.mark.parametrize("perspective", [0, 30])
def test_rays_pass_through_the_points_that_are_projected_on_them(perspective):
    rng = np.random.default_rng(3)
    camera = camera_for(BOX, 40, -20, perspective)
    axes = np.stack([camera.right, camera.up, camera.towards])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    points = rng.uniform(size=(20, 3)) * BOX
    start, direction = camera.rays(camera.project(points))
    t = camera.travelled(points)
    np.testing.assert_allclose((start + t * direction).T, points, atol=1e-12)
    assert (t > 0).all()


def test_a_viewer_at_minus_y_sees_x_to_the_right_and_z_upwards():
    camera = camera_for(BOX, -90, 0, 0)
    np.testing.assert_allclose(camera.project(BOX[None] / 2 + np.eye(3)), [[1, 0], [0, 0], [0, 1]], atol=1e-12)
    above = camera_for(BOX, -90, 90, 0)
    np.testing.assert_allclose(above.project(BOX[None] / 2 + np.eye(3)), [[1, 0], [0, 1], [0, 0]], atol=1e-12)


def test_a_ray_along_an_axis_is_in_the_box_between_its_faces():
    start, direction = np.array([[-1.0, -1], [1, 5], [1, 1]]), np.array([[1.0, 1], [0, 0], [0, 0]])
    begin, end, into, out = box_span(start, direction, np.zeros(3), BOX)
    assert (begin[0], end[0], into[0], out[0]) == (1, 5, 0, 0)
    assert begin[1] > end[1]  # beside the box


def rays(rng, n):
    start = rng.uniform(-4, 14, size=(3, n))
    direction = rng.uniform(1, 9, size=(3, n)) - start
    return start, direction / np.linalg.norm(direction, axis=0)


def test_leaps_find_the_first_voxel_that_small_steps_find():
    rng = np.random.default_rng(3)
    inside = rng.uniform(size=(9, 10, 11)) < 0.02
    each = body(inside, 1, FINE_STRIDE, lambda places: inside[voxel_of(places, inside.shape)])
    start, direction = rays(rng, 400)
    begin, end, _, _ = box_span(start, direction, np.zeros(3), np.array(inside.shape, float))
    found = first_inside(each, start, direction, begin, end)
    t = np.linspace(0, 1, 4000)[:, None] * (end - begin) + begin
    places = start[:, None] + t * direction[:, None]
    hit = inside[voxel_of(places.reshape(3, -1), inside.shape)].reshape(t.shape) & (begin < end)
    stride = FINE_STRIDE / np.abs(direction).max(axis=0)
    for ray in np.flatnonzero(begin < end):  # what a ray passes through for a whole stride stops it; what it grazes may
        ends = np.flatnonzero(np.diff(np.concatenate([[False], hit[:, ray], [False]]).astype(int))).reshape(-1, 2)
        step = t[1, ray] - t[0, ray]
        long = [first for first, last in ends if (last - first) * step > stride[ray] + 2 * step]
        assert found[ray] <= (t[long[0], ray] + CAST if long else np.inf)
    stopped = np.isfinite(found)
    assert 60 < stopped.sum() < 300
    assert not (stopped & (begin >= end)).any()
    after = start[:, stopped] + (found[stopped] + CAST) * direction[:, stopped]
    assert inside[voxel_of(after, inside.shape)].mean() > 0.97  # a grazed corner may be thinner
    assert (np.abs(found - t[hit.argmax(axis=0), np.arange(400)])[stopped] < CAST).mean() > 0.9


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 0.8, 2.0)])
@pytest.mark.parametrize("smooth", [0.6, 0])
def test_a_ball_is_a_disc_of_its_radius_with_unequal_voxels_too(spacing, smooth):
    shape = tuple(round(48 / h) for h in spacing)
    picture = render(view_of(ball(shape, spacing, 20.0), spacing, smooth=smooth, azimuth=20, elevation=35), 240)
    left, right, *_ = picture.extent
    pixel = (right - left) / picture.image.shape[1]
    dark = 1 - picture.image.mean(axis=-1)
    area = dark.sum() * pixel**2
    if not smooth:  # voxels whose centres are in a ball hold a ball, and lie in one, that differ by half their diagonal
        half = np.linalg.norm(spacing) / 2
        assert np.pi * (20 - half) ** 2 < area < np.pi * (20 + half) ** 2
        return
    assert area == pytest.approx(np.pi * 20**2, rel=SILHOUETTE)
    rows, columns = np.nonzero(dark > 0.5)
    assert (np.ptp(rows) + 1) * pixel == pytest.approx(40, abs=1.0)
    assert (np.ptp(columns) + 1) * pixel == pytest.approx(40, abs=1.0)
    middle = picture.depth[picture.depth.shape[0] // 2, picture.depth.shape[1] // 2]
    camera = camera_for(np.asarray(spacing) * np.asarray(shape), 20, 35, 0)
    assert middle == pytest.approx(camera.middle - 20, abs=0.5)


def test_normals_of_a_ball_point_outwards_in_space():
    rng = np.random.default_rng(3)
    spacing = (1.0, 0.8, 2.0)
    shape = tuple(round(48 / h) for h in spacing)
    drawn = view_of(ball(shape, spacing, 20.0), spacing).scene
    out = rng.normal(size=(3, 200))
    out /= np.linalg.norm(out, axis=0)
    places = (24 + 20 * out) / np.asarray(spacing)[:, None]
    normal = directions(drawn, drawn.opaque, places, -out)
    assert np.degrees(np.arccos(np.clip((normal * out).sum(axis=0), -1, 1))).mean() < 5


def test_refined_values_are_interpolated_at_the_middle_of_parts():
    rng = np.random.default_rng(3)
    field = rng.uniform(size=(4, 3, 2)).astype(np.float32)
    fine = refined(field, 3)
    where = np.stack(np.meshgrid(*[(np.arange(3 * n) + 0.5) / 3 for n in field.shape], indexing="ij")).reshape(3, -1)
    np.testing.assert_allclose(fine.ravel(), at(field, where), atol=1e-6)


def test_what_is_cut_away_shows_what_is_behind_it():
    labels = np.zeros((12, 12, 12), int)
    labels[6:, :6, 6:] = 1  # next to the viewer, who is at +x, -y, +z
    seen = set()

    def paint(places, phase):
        seen.update(phase.tolist())
        assert not ((places[0] > 6.01) & (places[1] < 5.99) & (places[2] > 6.01)).any() or hole is None
        return np.zeros((places.shape[1], 3))

    hole = None
    render(view_of(labels, opacity=(1.0, 1.0), smooth=0, paint=paint), 60)
    assert seen == {0, 1}
    seen.clear()
    hole = (np.array([6.0, 0, 6]), np.array([12.0, 6, 12]))
    whole = render(view_of(labels, opacity=(1.0, 1.0), smooth=0, hole=hole, paint=paint), 60)
    assert seen == {0}
    closed = render(view_of(labels, opacity=(1.0, 1.0), smooth=0), 60)
    deeper = whole.depth[np.isfinite(whole.depth)] - closed.depth[np.isfinite(closed.depth)]
    assert deeper.min() > -1e-6
    assert deeper.max() == pytest.approx(6 / np.abs(camera_for(BOX, -55, 25, 0).towards).max(), rel=0.02)


def test_a_see_through_slab_lets_its_share_of_what_is_behind_through():
    labels = np.zeros((8, 8, 8), int)
    labels[:, 2:4] = 1
    front = {"smooth": 0, "azimuth": -90, "elevation": 0}
    clear = render(view_of(labels, opacity=(0.0, 0.3), **front), 50).image[25, 25]
    solid = render(view_of(labels, opacity=(0.0, 1.0), **front), 50).image[25, 25]
    assert clear == pytest.approx(0.7 + 0.3 * solid, abs=0.005)  # of a slab, whose surface hardly shades itself
    assert (solid < 0.1).all()
    labels[:, 6:] = 2
    both = render(view_of(labels, opacity=(0.0, 0.3, 1.0), **front), 50).image[25, 25]
    assert (both < 0.1).all()  # black behind


def test_hidden_phases_and_masks_are_not_drawn():
    ms = Microstructure(grid=Grid((8, 8, 8)), labels=ball((8, 8, 8), (1, 1, 1), 3.0), phases=(Phase("pore"), Phase("grain")))
    assert [text.get_text() for text in volume_view(ms, pixels=40).legends[0].get_texts()] == ["grain  26.6 %"]
    shown = volume_view(ms, show=("pore", "grain"), pixels=40)
    assert [text.get_text() for text in shown.legends[0].get_texts()] == ["pore  73.4 %", "grain  26.6 %"]
    mask = np.zeros((8, 8, 8), bool)
    mask[:4] = True
    half = Microstructure(grid=Grid((8, 8, 8)), labels=np.zeros((8, 8, 8), int), mask=mask, phases=(Phase("grain"),))
    assert phases_of(half).share([0]).sum() == 4 * 64


def test_many_labels_and_mixed_voxels_are_drawn():
    volume_view(np.arange(512).reshape(8, 8, 8) // 32, pixels=40)
    soft = np.linspace(0, 1, 512).reshape(8, 8, 8)
    dark = volume_view(np.stack([1 - soft, soft]), show="phase 1", pixels=40).axes[0].images[0].get_array()
    assert 0.2 < (dark.min(axis=-1) < 0.9).mean() < 0.7


def test_values_colour_surfaces_and_do_not_bleed_out_of_hidden_phases():
    labels = ball((10, 10, 10), (1, 1, 1), 4)
    figure = volume_view(labels, show="phase 1", values=np.where(labels == 1, 2.0, np.nan), name="stress", value_unit="GPa", pixels=40)
    assert figure.axes[1].get_ylabel() == "stress (GPa)"
    wild = volume_view(labels, show="phase 1", values=np.where(labels == 1, 2.0, 1e9), limits=(0.0, 4.0), pixels=40)
    same = volume_view(labels, show="phase 1", values=np.full(labels.shape, 2.0), limits=(0.0, 4.0), pixels=40)
    np.testing.assert_array_equal(wild.axes[0].images[0].get_array(), same.axes[0].images[0].get_array())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"show": "grian"}, "`show`.*'grain'"),
        ({"opacity": {"grain": 2.0}}, "`opacity` must lie between"),
        ({"opacity": {"grain": 0.0}, "show": "grain"}, "something to draw"),
        ({"azimuth": np.nan}, "`azimuth`"),
        ({"elevation": 100}, "`elevation`"),
        ({"perspective": 90}, "`perspective`"),
        ({"cut": 1.5}, "`cut`"),
        ({"cut": (0.5, 0.5)}, "`cut`"),
        ({"cut": 1.0}, "`cut`"),
        ({"smooth": -1}, "`smooth`"),
        ({"pixels": 3}, "`pixels`"),
        ({"pixels": 100000}, "`pixels` must be at most"),
        ({"color_by": "grain"}, "`color_by`"),
        ({"color_by": "orientation"}, "must carry orientations|must be used with a Microstructure"),
        ({"values": np.zeros((2, 2, 2))}, "`values` must have the shape"),
        ({"values": np.full((4, 4, 4), np.nan)}, "`values` must be finite"),
        ({"colors": {"grain": "nocolour"}}, "`colors`"),
        ({"spacing": (1.0, 0.0, 1.0)}, "`spacing`"),
        ({"names": ["a"]}, "`names`"),
    ],
)
def test_bad_options_are_refused_by_name(options, message, as_user):
    labels = ball((4, 4, 4), (1, 1, 1), 1.5)
    with pytest.raises(ValueError, match=message):
        volume_view(labels, **{"names": ["pore", "grain"], **options})


def test_what_is_no_volume_is_refused(as_user):
    with pytest.raises(ValueError, match="`cell` must be a volume"):
        volume_view(np.eye(4, dtype=int))
