"""Colours of orientations: the key's corners, its symmetry, its smoothness, Euler angles as colours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    LAUE_GROUPS,
    direction_color,
    euler_color,
    euler_ranges,
    from_euler,
    ipf_color,
    multiply,
    random_orientations,
    sector_coordinates,
    sector_direction,
    symmetry_operators,
    to_matrix,
    to_sector,
)
from jaxmicro.orientations.sectors import SECTORS, direction_of_indices
from tests.orientations.groups import GROUPS

RED, GREEN, BLUE, CYAN = (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 1)
ROUNDING = 1e-6  # square roots of rounding errors near the edges of a sector
A = np.sqrt(0.75)

every = pytest.mark.parametrize("laue", GROUPS)


def directions(n=64):
    vectors = np.random.default_rng(5).normal(size=(3, n))
    return vectors / np.linalg.norm(vectors, axis=0)


def turned(h, laue):
    """All equivalents of directions, opposite ones too, (k, 3, n)."""
    matrices = np.asarray(to_matrix(symmetry_operators(laue)))
    images = np.einsum("ijk,jn->kin", matrices, h)
    return np.concatenate([images, -images])


@pytest.mark.parametrize(
    ("laue", "h", "color"),
    [
        ("m-3m", (0, 0, 1), RED),
        ("m-3m", (0, 1, 1), GREEN),
        ("m-3m", (1, 1, 1), BLUE),
        ("m-3m", (-3, 0, 0), RED),
        ("m-3m", (1, 0, -1), GREEN),
        ("m-3m", (-1, 1, -1), BLUE),
        ("m-3", (1, 0, 0), RED),
        ("m-3", (1, 1, 0), GREEN),
        ("m-3", (1, -1, 1), CYAN),
        ("6/mmm", (0, 0, 1), RED),
        ("6/mmm", (1, 0, 0), GREEN),  # [2-1-10]
        ("6/mmm", (A, 0.5, 0), BLUE),  # [10-10]
        ("6/m", (-0.5, A, 0), GREEN),
        ("-3m", (A, 0.5, 0), GREEN),
        ("4/mmm", (0, 1, 0), GREEN),
        ("4/mmm", (1, 1, 0), BLUE),
        ("mmm", (1, 0, 0), GREEN),
        ("mmm", (0, 1, 0), BLUE),
        ("2/m", (0, 1, 0), CYAN),
        ("-1", (0, 0, -1), RED),
    ],
)
def test_corners_have_the_well_known_colours(laue, h, color):
    np.testing.assert_allclose(direction_color(jnp.array(h, float), laue), color, atol=1e-12)
    np.testing.assert_allclose(direction_color(jnp.array(h, jnp.float32), laue), color, atol=1e-6)


@every
def test_labelled_corners_lie_where_their_indices_point(laue):
    for indices, t, s in SECTORS[laue].corners:
        np.testing.assert_allclose(sector_direction(t, s, laue), direction_of_indices(indices), atol=1e-12)


@every
def test_equivalent_and_opposite_crystals_have_one_colour(laue):
    q, along = random_orientations(jax.random.key(3), 64), jnp.array([0.2, -0.5, 0.7])
    expected = ipf_color(q, along, laue)
    equivalent = multiply(symmetry_operators(laue)[..., None], q[:, None])
    np.testing.assert_allclose(
        ipf_color(equivalent, along, laue), jnp.broadcast_to(expected[:, None], (3, *equivalent.shape[1:])), atol=ROUNDING
    )
    np.testing.assert_allclose(ipf_color(q, -along, laue), expected, atol=ROUNDING)


@every
def test_directions_of_symmetry_have_one_colour_too(laue):
    # Axes, faces and corners of the cube and the hexagon lie on edges of sectors, where rounding must not choose.
    cube = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3)).reshape(3, -1)
    hexagon = np.radians(np.arange(0, 360, 15))
    special = np.concatenate([cube[:, np.any(cube, axis=0)], [np.cos(hexagon), np.sin(hexagon), 0 * hexagon]], axis=1)
    for dtype, tolerance in ((np.float64, ROUNDING), (np.float32, 5e-3)):
        expected = direction_color(special.astype(dtype), laue)
        images = np.moveaxis(turned(special, laue), 0, 1)
        colors = np.asarray(direction_color(images.astype(dtype), laue))
        assert np.abs(colors - np.asarray(expected)[:, None]).max() < tolerance


@every
def test_the_sector_holds_one_of_all_equivalents(laue):
    h = directions()
    inside = np.asarray(to_sector(h, laue))
    np.testing.assert_allclose(to_sector(inside, laue), inside, atol=1e-12)
    nearest = np.einsum("kin,in->kn", turned(h, laue), inside).max(axis=0)
    np.testing.assert_allclose(nearest, 1, atol=1e-12)  # an equivalent of h
    others = np.asarray(to_sector(turned(h, laue)[-1], laue))
    np.testing.assert_allclose(others, inside, atol=1e-9)  # the same one for all


@every
def test_sectors_cover_their_share_of_the_sphere(laue):
    """Area by the map (t, s) → direction: 4π over the number of symmetries with inversion."""
    n = 200
    mid = (np.arange(n) + 0.5) / n
    t, s = np.meshgrid(mid, mid, indexing="ij")

    def vector(t, s):
        return sector_direction(t, s, laue)

    dt, ds = (jax.jvp(vector, (jnp.asarray(t), jnp.asarray(s)), step)[1] for step in ((1 + 0 * t, 0 * t), (0 * t, 1 + 0 * t)))
    area = float(jnp.linalg.norm(jnp.cross(dt, ds, axis=0), axis=0).mean())
    order = 2 * symmetry_operators(laue).shape[1]
    assert area == pytest.approx(4 * np.pi / order, rel=1e-4)


def test_a_colour_by_hand():
    # h at 25° from [001], azimuth 18°: the edge lies at atan(1/cos 18°) = 46.437°.
    polar, azimuth = np.radians([25.0, 18.0])
    h = np.array([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])
    t, s = 25 / np.degrees(np.arctan(1 / np.cos(azimuth))), 18 / 45
    channels = np.sqrt([1 - t, t * (1 - s), t * s])
    np.testing.assert_allclose(direction_color(-h[[1, 2, 0]]), channels / channels.max(), rtol=1e-10)


def test_the_middle_is_white_and_one_channel_is_always_full():
    np.testing.assert_allclose(direction_color(sector_direction(2 / 3, 0.5)), (1, 1, 1), atol=1e-12)
    colors = np.asarray(direction_color(directions(500)))
    np.testing.assert_allclose(colors.max(axis=0), 1, rtol=1e-15)
    assert colors.min() >= 0


@every
def test_colours_change_little_with_little_turns_inside_the_sector(laue):
    t, s = np.meshgrid(np.linspace(0.1, 0.9, 15), np.linspace(0.1, 0.9, 15))
    h = np.asarray(sector_direction(t, s, laue))
    step = 1e-4 * np.random.default_rng(1).normal(size=h.shape)
    change = np.abs(np.asarray(direction_color(h + step, laue)) - np.asarray(direction_color(h, laue)))
    assert change.max() < 5e-3


@pytest.mark.parametrize("laue", ["mmm", "4/mmm", "6/mmm", "m-3m"])
def test_colours_are_continuous_across_mirror_planes(laue):
    h = directions(3000)
    close = h + 1e-5 * np.random.default_rng(2).normal(size=h.shape)
    assert np.abs(np.asarray(direction_color(close, laue)) - np.asarray(direction_color(h, laue))).max() < 0.02


def test_colours_follow_the_passive_rotation():
    q = random_orientations(jax.random.key(1), (4, 3))
    along = jnp.array([1.0, 2.0, -1.0])
    np.testing.assert_allclose(ipf_color(q, along), direction_color(jnp.einsum("ij...,j->i...", to_matrix(q), along)), atol=1e-9)
    assert ipf_color(q, along).shape == (3, 4, 3)


def test_derivatives_are_right_inside_and_finite_everywhere():
    q = random_orientations(jax.random.key(8), 5)
    check_grads(jax.jit(lambda q: ipf_color(q, (0.0, 0.3, 1.0), "6/mmm")), (q,), order=1, modes=("fwd", "rev"), eps=1e-6)
    for laue in ("m-3m", "6/mmm"):
        gradient = jax.jit(jax.grad(lambda h, laue=laue: direction_color(h, laue).sum()))(jnp.array([[0.0, 0, 1], [0, 1, 1], [1, 1, 1]]).T)
        assert np.isfinite(gradient).all()


def test_jit_vmap_and_single_precision_agree():
    q = random_orientations(jax.random.key(2), 6)
    expected = ipf_color(q, laue="-3m")
    np.testing.assert_allclose(jax.jit(ipf_color, static_argnames="laue")(q, laue="-3m"), expected, atol=1e-12)
    np.testing.assert_allclose(jax.vmap(lambda q: ipf_color(q, laue="-3m"), 1, 1)(q), expected, atol=1e-12)
    single = ipf_color(q.astype(jnp.float32), laue="-3m")
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, expected, atol=1e-3)


def test_what_has_no_direction_has_no_colour():
    assert np.isnan(direction_color(jnp.zeros(3))).all()
    assert np.isnan(ipf_color(jnp.full(4, jnp.nan))).all()
    t, s = sector_coordinates(jnp.array([[0.0, 1.0], [0.0, jnp.nan], [0.0, 1.0]]))
    assert np.isnan([t, s]).all()
    assert np.isnan(jax.jit(ipf_color)(jnp.array([1.0, 0, 0, 0]), jnp.zeros(3))).all()


def test_euler_angles_of_files_are_shown_as_they_are():
    angles = np.array([[10.0, 200.0, 359.0], [5.0, 45.0, 89.0], [1.0, 44.0, 88.0]])
    np.testing.assert_allclose(euler_color(from_euler(angles, degrees=True)), angles / np.array([[360], [90], [90]]), atol=1e-9)
    for laue in LAUE_GROUPS:
        most = np.array(euler_ranges(laue))[:, None]
        inside = np.array([[0.1, 0.6, 0.9], [0.2, 0.5, 0.95], [0.3, 0.1, 0.7]]) * most
        np.testing.assert_allclose(euler_color(from_euler(inside, degrees=True), laue), inside / most, atol=1e-9)


@every
def test_euler_colours_know_the_symmetries_that_keep_the_axis(laue):
    q = random_orientations(jax.random.key(4), 16)
    expected = np.asarray(euler_color(q, laue))
    assert 0 <= float(expected.min()) <= float(expected.max()) <= 1
    operators = symmetry_operators(laue)
    kept = operators[:, np.abs(operators[0] ** 2 + operators[3] ** 2 - 0.5) > 0.1]  # z stays, or turns over
    colors = np.asarray(euler_color(multiply(kept[..., None], q[:, None]), laue))
    assert np.abs(colors - expected[:, None]).max() < 1e-9


def test_ranges_of_euler_angles():
    ranges = {laue: euler_ranges(laue)[1:] for laue in LAUE_GROUPS}
    assert ranges["m-3m"] == (90, 90)
    assert ranges["m-3"] == (90, 180)
    assert ranges["6/mmm"] == (90, 60)
    assert ranges["6/m"] == (180, 60)
    assert ranges["-3m"] == (90, 120)
    assert ranges["-1"] == (180, 360)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ipf_color(jnp.zeros((3, 4))), "`q` must be quaternions \\(4, …\\), scalar first, but its shape is \\(3, 4\\)"),
        (lambda: ipf_color(jnp.zeros(4), (0.0, 0.0, 0.0)), "`direction` must have some length, but its length is 0"),
        (lambda: ipf_color(jnp.zeros(4), (0.0, 1.0)), "`direction` must be one sample direction \\(3,\\), but its shape is \\(2,\\)"),
        (lambda: ipf_color(jnp.zeros(4), laue="m3m"), "`laue` must be one of .* Did you mean 'm-3m'?"),
        (lambda: direction_color(jnp.zeros((4, 2))), "`h` must be crystal directions \\(3, …\\), but its shape is \\(4, 2\\)"),
        (lambda: to_sector(jnp.zeros(3), "7/m"), "`laue` must be one of"),
        (lambda: euler_color(jnp.zeros((3,))), "`q` must be quaternions"),
        (lambda: euler_ranges("cubic"), "`laue` must be one of"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()
