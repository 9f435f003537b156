"""Pole figures, inverse pole figures and surfaces of Young's modulus."""

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxmicro.homogenization import directional_young
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import direction_color, from_euler, pole_density, random_orientations, symmetry_operators, to_matrix
from jaxmicro.plotting import inverse_pole_figure, pole_figure, young_surface
from jaxmicro.plotting.axial_density import axial_density, binned
from jaxmicro.plotting.crystal_samples import crystal_sample, equivalent_axes
from jaxmicro.plotting.hemisphere import disc, project, upper

IDENTITY = np.array([[1.0], [0.0], [0.0], [0.0]])
UNINDEXED = Microstructure(labels=np.zeros((2, 2), int), orientation=np.ones((4, 2, 2)) / 2, mask=np.zeros((2, 2), bool))
CUBIC = np.zeros((6, 6))
CUBIC[:3, :3] = 157.0
np.fill_diagonal(CUBIC, [243.9] * 3 + [2 * 117.9] * 3)


def points(axes):
    return {(round(float(x), 6) + 0.0, round(float(y), 6) + 0.0) for x, y in axes.collections[0].get_offsets()}


def scattered(n, spread, seed=0):
    """Crystals about one orientation, and their weights."""
    angles = np.radians([30.0, 40.0, 20.0])[:, None] + spread * np.random.default_rng(seed).normal(size=(3, n))
    return np.asarray(from_euler(angles)), np.random.default_rng(seed).uniform(1, 2, n)


def kappa(halfwidth):
    return np.log(0.5) / np.log(np.cos(np.radians(halfwidth) / 2) ** 2)


@pytest.mark.parametrize(("projection", "radius"), [("equal_area", np.sqrt(2) * np.sin(np.pi / 8)), ("stereographic", np.tan(np.pi / 8))])
def test_poles_lie_at_their_places(projection, radius):
    figure = pole_figure(IDENTITY, [(1, 1, 0)], density=False, projection=projection)
    diagonal = round(np.sqrt(0.5), 6)
    tilted = {(round(x * radius, 6) + 0.0, round(y * radius, 6) + 0.0) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))}
    assert {(abs(x), abs(y)) for x, y in points(figure.axes[0]) - tilted} == {(diagonal, diagonal)}
    assert tilted <= points(figure.axes[0])


def test_x_points_right_and_y_down_as_in_maps():
    # The crystal's [001] in sample axes is s = gᵀ (0, 0, 1): (sin φ1 sin Φ, −cos φ1 sin Φ, cos Φ).
    q = from_euler(np.array([[150.0], [40.0], [0.0]]), degrees=True)
    axes = pole_figure(np.asarray(q), [(0, 0, 1)], laue="4/m", density=False).axes[0]
    ((x, y),) = points(axes)
    assert (x > 0, y > 0) == (True, True)
    axes.figure.draw_without_rendering()
    right, down = axes.transData.transform((x, y)) - axes.transData.transform((0, 0))
    assert right > 0 > down
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


@pytest.mark.parametrize(
    ("laue", "names"),
    [
        ("m-3m", ["{100}", "{110}", "{111}"]),
        ("6/mmm", ["{0001}", "{2$\\bar{1}$$\\bar{1}$0}", "{10$\\bar{1}$0}"]),
        ("mmm", ["{001}", "{100}", "{010}"]),
    ],
)
def test_every_crystal_system_has_its_usual_poles(laue, names):
    assert [axes.get_title() for axes in pole_figure(IDENTITY, laue=laue, density=False).axes] == names


def test_the_equivalents_of_a_pole_are_counted_once():
    assert [equivalent_axes(np.array(h) / np.linalg.norm(h), "m-3m").shape[1] for h in ((1, 0, 0), (1, 1, 0), (1, 1, 1))] == [3, 6, 4]
    assert equivalent_axes(np.array([0.0, 0.0, 1.0]), "6/mmm").shape[1] == 1


@pytest.mark.parametrize("halfwidth", [5.0, 10.0, 25.0])
def test_a_density_is_one_on_average_and_has_its_half_width(halfwidth):
    at, x, y = disc("equal_area", rings=181)
    axis = np.array([[0.48], [0.6], [0.64]])
    values = axial_density(at, axis, np.ones(1), halfwidth)
    radius = np.hypot(x, y)[:, :-1]
    assert (values[:, :-1] * radius).sum() / radius.sum() == pytest.approx(1, rel=0.01)
    turned = np.radians(halfwidth)
    aside = np.cos(turned) * axis + np.sin(turned) * np.array([[0.8], [0.0], [-0.6]])
    top, half = axial_density(np.concatenate([axis, aside], axis=1), axis, np.ones(1), halfwidth)
    assert top == pytest.approx((kappa(halfwidth) + 1) / 2, rel=1e-3)
    assert half == pytest.approx(top / 2, rel=5e-3)


def test_bins_stand_for_the_axes_in_them():
    q, weights = scattered(3000, 0.2)
    axes = np.asarray(to_matrix(q))[2]
    at, *_ = disc("equal_area", 12, 24)
    few, shares = binned(axes, weights, 10.0)
    assert len(shares) < 1500
    assert shares.sum() == pytest.approx(weights.sum())
    exact = axial_density(at, upper(axes), weights, 10.0)
    np.testing.assert_allclose(axial_density(at, few, shares, 10.0), exact, atol=0.02 * exact.max())


def test_random_crystals_have_no_texture():
    q = np.asarray(random_orientations(jax.random.key(3), 20000))
    figure = pole_figure(q, [(1, 0, 0)], halfwidth=15)
    assert float(figure.axes[0].get_title().split()[-1]) < 1.1


def test_pole_figures_and_inverse_ones_are_two_views_of_one_density():
    # The density of poles h along s is that of directions s along h.
    q, weights = scattered(40, 0.3)
    sample = crystal_sample(q, None, None, weights)
    h, s = np.array([0.1, 0.5, 0.86]), np.array([0.6, 0.0, 0.8])
    h /= np.linalg.norm(h)
    poles = equivalent_axes(h, "m-3m")
    of_poles = np.einsum("ijn,ik->jkn", sample.matrices, poles).reshape(3, -1)
    along = np.einsum("kij,jln,l->kin", np.moveaxis(np.asarray(to_matrix(symmetry_operators("m-3m"))), -1, 0), sample.matrices, s)
    one = axial_density(s[:, None], of_poles, np.tile(weights, poles.shape[1]), 10.0)
    two = axial_density(h[:, None], np.moveaxis(along, 1, 0).reshape(3, -1), np.tile(weights, 24), 10.0)
    np.testing.assert_allclose(one, two, rtol=1e-4)
    assert one[0] > 0.1


@pytest.mark.parametrize("laue", ["m-3m", "6/mmm"])
def test_densities_of_figures_are_those_of_the_library(laue):
    q, weights = scattered(200, 0.3)
    h = np.array([0.3, 0.5, 0.8])
    poles = equivalent_axes(h / np.linalg.norm(h), laue)
    axes = np.einsum("ijn,ik->jkn", np.asarray(to_matrix(q)), poles).reshape(3, -1)
    at, *_ = disc("equal_area", 8, 12)
    exact = np.asarray(pole_density(q, h, at, weights, laue=laue, halfwidth=10.0, degrees=True))
    drawn = axial_density(at, *binned(axes, np.tile(weights, poles.shape[1]), 10.0), 10.0)
    np.testing.assert_allclose(drawn, exact, atol=0.02 * exact.max())


def test_an_inverse_figure_shows_the_directions_in_their_colours():
    q, _ = scattered(20, 0.3)
    axes = inverse_pole_figure(q, "x", density=False).axes[0]
    h = np.sort(np.abs(np.asarray(to_matrix(q))[:, 0]), axis=0)[[1, 0, 2]]
    np.testing.assert_allclose(np.asarray(axes.collections[0].get_offsets()).T, project(h, "stereographic"), atol=1e-9)
    np.testing.assert_allclose(axes.collections[0].get_facecolors()[:, :3], np.asarray(direction_color(h)).T, atol=1e-9)


def test_an_inverse_figure_peaks_where_the_crystals_are():
    figure = inverse_pole_figure(IDENTITY, "x", halfwidth=10)
    # One crystal: three axes ⟨100⟩ share the density.
    assert float(figure.axes[0].get_title().split()[-1]) == pytest.approx((kappa(10.0) + 1) / 2 / 3, rel=5e-3)
    assert [text.get_text() for text in figure.axes[0].texts] == ["001", "101", "111"]


def test_weights_count_crystals():
    q = np.concatenate([IDENTITY, np.asarray(from_euler(np.array([[45.0], [0.0], [0.0]]), degrees=True))], axis=1)
    alone, equal, first = (
        float(figure.axes[0].get_title().split()[-1])
        for figure in (pole_figure(IDENTITY, halfwidth=12), pole_figure(q, halfwidth=12), pole_figure(q, weights=[1, 0], halfwidth=12))
    )
    assert first == pytest.approx(alone)
    assert equal == pytest.approx(alone, rel=0.02)  # both share [001], where the density is largest


def test_of_several_phases_one_is_drawn():
    q, _ = scattered(12, 0.3)
    phases = (Phase("iron", "m-3m"), Phase("zirconium", "6/mmm"))
    ms = Microstructure(labels=np.arange(12).reshape(4, 3) % 2, orientation=q.reshape(4, 4, 3), phases=phases)
    figure = pole_figure(ms, [(0, 0, 1)], phase="zirconium", density=False)
    assert figure.axes[0].collections[0].get_offsets().shape == (6, 2)
    assert figure.get_suptitle() == "zirconium"
    with pytest.raises(ValueError, match="`phase` must name one phase, but it is left out and there are 'iron', 'zirconium'"):
        pole_figure(ms)


def test_a_surface_of_a_cubic_crystal_spans_its_moduli():
    figure = young_surface({"crystal": CUBIC, "softer": 0.9 * CUBIC}, unit="GPa")
    least, most = (float(directional_young(CUBIC, np.array(n))) for n in ([1.0, 0, 0], [1.0, 1, 1]))
    bar = figure.axes[-1]
    assert bar.get_ylim() == pytest.approx((0.9 * least, most), rel=1e-3)
    for axes in figure.axes[:2]:
        limits = [axes.get_xlim(), axes.get_ylim(), axes.get_zlim()]
        np.testing.assert_allclose(limits, [limits[0]] * 3)  # to scale
    assert [axes.get_title() for axes in figure.axes[:2]] == ["crystal", "softer"]


def test_points_of_one_figure_have_one_size():
    q, _ = scattered(60, 0.3)
    few, many = pole_figure(q, [(1, 0, 0), (3, 1, 1)], density=False).axes[:2]
    assert few.collections[0].get_sizes() == many.collections[0].get_sizes()


def test_ticks_of_a_surface_keep_clear_of_the_corners():
    axes = young_surface(np.diag([280.0] * 3 + [160.0] * 3)).axes[0]
    for name in "xyz":
        low, middle, high = getattr(axes, f"get_{name}ticks")()
        assert (low, middle) == (-high, 0)
        assert high < 0.75 * getattr(axes, f"get_{name}lim")()[1]


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pole_figure(np.zeros((3, 2))), "`source` must be quaternions \\(4, …\\), scalar first, but its shape is \\(3, 2\\)"),
        (lambda: pole_figure(IDENTITY, []), "`poles` must hold at least one crystal direction"),
        (lambda: pole_figure(IDENTITY, [(0, 0, 0)]), "`poles` must hold directions of three or four numbers, not all 0"),
        (lambda: pole_figure(IDENTITY, [(1, 0, -1, 1)]), "`poles` of four indices must be \\(0001\\) or \\(hki0\\)"),
        (
            lambda: pole_figure(IDENTITY, [(1, 0, 0), (1, 0, 0)]),
            "`poles` must not hold a direction twice, but they are \\{100\\}, \\{100\\}",
        ),
        (lambda: pole_figure(UNINDEXED), "none of its 4 points is measured"),
        (lambda: inverse_pole_figure(UNINDEXED), "none of its 4 points is measured"),
        (lambda: pole_figure(IDENTITY, projection="gnomonic"), "`projection` must be one of 'equal_area', 'stereographic'"),
        (lambda: pole_figure(IDENTITY, halfwidth=0), "`halfwidth` must be from 1 to 60 degrees, but it is 0"),
        (lambda: pole_figure(IDENTITY, weights=[-1.0]), "`weights` must not be negative nor all zero"),
        (lambda: pole_figure(IDENTITY, weights=[1.0, 2.0]), "`weights` must have one weight per orientation \\(1,\\)"),
        (lambda: pole_figure(IDENTITY, phase=0), "`phase` must be left out for quaternions"),
        (lambda: pole_figure(IDENTITY, laue="m3m"), "`laue` must be one of"),
        (lambda: pole_figure(Microstructure(labels=np.zeros((2, 2), int))), "`source.orientation` is None"),
        (lambda: inverse_pole_figure(IDENTITY, ("x", "x")), "`direction` must not name a direction twice"),
        (lambda: inverse_pole_figure(IDENTITY, "a"), "`direction` must be one of 'x', 'y', 'z'"),
        (lambda: young_surface(np.eye(3)), "`stiffness` must be a 6×6 matrix, but its shape is \\(3, 3\\)"),
        (lambda: young_surface(-np.eye(6)), "must be positive definite"),
    ],
)
def test_bad_input_is_refused_with_the_way_out(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_long_titles_of_panels_beside_each_other_make_the_figure_higher_once():
    from jaxmicro.plotting.style import set_title

    figure = Figure(figsize=(6.0, 3.0))
    for axes in figure.subplots(1, 6):
        set_title(axes, "a title that needs two lines")
    one = Figure(figsize=(6.0, 3.0))
    set_title(one.subplots(1, 6)[0], "a title that needs two lines")
    assert figure.get_figheight() == one.get_figheight() > 3.0
