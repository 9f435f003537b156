import numpy as np
import pytest

from jaxmicro.homogenization import directional_young
from jaxmicro.plotting import conductivity_polar, young_polar


def cubic(c11, c12, c44):
    stiffness = np.full((6, 6), 0.0)
    stiffness[:3, :3] = c12
    np.fill_diagonal(stiffness, [c11] * 3 + [2 * c44] * 3)
    return stiffness


def plane_strain(young, poisson):
    factor = young / ((1 + poisson) * (1 - 2 * poisson))
    return factor * np.array([[1 - poisson, poisson, 0], [poisson, 1 - poisson, 0], [0, 0, 1 - 2 * poisson]])


def at(line, degrees):
    angles, radius = line.get_data()
    return radius[np.argmin(np.abs(angles - np.radians(degrees)))]


def test_an_isotropic_solid_is_a_circle_of_its_modulus():
    young, poisson = 210.0, 0.3
    lam, mu = young * poisson / ((1 + poisson) * (1 - 2 * poisson)), young / (2 * (1 + poisson))
    (line,) = young_polar(cubic(lam + 2 * mu, lam, mu)).axes[0].lines
    np.testing.assert_allclose(line.get_ydata(), young, rtol=1e-12)


def test_plane_strain_is_stiffer_and_says_so():
    axes = young_polar(plane_strain(210.0, 0.3), unit="GPa").axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 210.0 / (1 - 0.3**2), rtol=1e-12)
    assert axes.get_xlabel() == "in-plane Young's modulus (GPa)"


def test_a_cubic_crystal_matches_its_closed_form():
    # 1/E = s11 − 2 (s11 − s12 − s44/2) (n1²n2² + …), Nye; copper, GPa
    c11, c12, c44 = 168.4, 121.4, 75.4
    s11 = (c11 + c12) / ((c11 - c12) * (c11 + 2 * c12))
    s12 = -c12 / ((c11 - c12) * (c11 + 2 * c12))
    e100 = 1 / s11
    e110 = 1 / (s11 - 0.5 * (s11 - s12 - 0.5 / c44))
    (line,) = young_polar(cubic(c11, c12, c44)).axes[0].lines
    assert [at(line, degrees) for degrees in (0, 90, 180)] == pytest.approx([e100] * 3, rel=1e-12)
    assert [at(line, degrees) for degrees in (45, 135)] == pytest.approx([e110] * 2, rel=1e-12)
    assert e100 == pytest.approx(66.7, abs=0.1)
    assert e110 == pytest.approx(130.3, abs=0.1)


@pytest.mark.parametrize("plane", ["xy", "xz", "yz"])
def test_any_tensor_in_any_plane_agrees_with_the_physics(plane):
    rng = np.random.default_rng(4)
    root = rng.normal(size=(6, 6))
    stiffness = root @ root.T + 6 * np.eye(6)
    (line,) = young_polar(stiffness, plane=plane).axes[0].lines
    angles, radius = line.get_data()
    directions = np.zeros((3, angles.size))
    directions["xyz".index(plane[0])], directions["xyz".index(plane[1])] = np.cos(angles), np.sin(angles)
    np.testing.assert_allclose(radius, np.asarray(directional_young(stiffness, directions)), rtol=1e-10)


def test_angles_run_towards_y_which_points_down():
    axes = conductivity_polar(np.diag([2.0, 5.0])).axes[0]
    axes.figure.draw_without_rendering()
    box = axes.get_window_extent()
    x, y = axes.transData.transform((np.pi / 2, 1.0))
    assert y < (box.y0 + box.y1) / 2
    assert x == pytest.approx((box.x0 + box.x1) / 2)
    assert at(axes.lines[0], 0) == pytest.approx(2.0)
    assert at(axes.lines[0], 90) == pytest.approx(5.0)
    assert axes.get_ylim()[0] == 0
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["x", "45°", "y ↓"]


def test_several_tensors_are_told_apart_without_colour():
    tensors = {"target": cubic(3.0, 1.0, 1.0), "predicted": cubic(3.1, 1.0, 1.0), "split 4×4": cubic(2.9, 1.0, 1.0)}
    figure = young_polar(tensors, unit="GPa")
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == list(tensors)
    assert len({line.get_linestyle() + str(line.get_dash_capstyle()) + str(line._dash_pattern) for line in lines}) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == list(tensors)
    stacked = young_polar(np.stack(list(tensors.values())), list(tensors))
    for one, other in zip(lines, stacked.axes[0].lines, strict=True):
        np.testing.assert_array_equal(one.get_ydata(), other.get_ydata())


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: young_polar(np.eye(4)), "3×3 or 6×6 matrix, but its shape is \\(4, 4\\)"),
        (lambda: young_polar(np.zeros(6)), "must have shape \\(m, m\\) or \\(n, m, m\\), but its shape is \\(6,\\)"),
        (lambda: young_polar(np.diag([1.0, 1.0, 0.0])), "positive definite, but its smallest eigenvalue is 0"),
        (lambda: young_polar(np.eye(3) + np.eye(3, k=1)), "symmetric, but it differs from its transpose by 1"),
        (lambda: young_polar(np.full((3, 3), np.nan)), "must be finite"),
        (lambda: young_polar({"a": np.eye(3)}, ["b"]), "`labels` must be left out"),
        (lambda: young_polar(np.stack([np.eye(3)] * 2), ["a", "a"]), "`labels` must differ"),
        (lambda: young_polar({}), "at least one tensor"),
        (lambda: young_polar(np.eye(3), plane="xz"), "`plane` must be 'xy' for a 3×3"),
        (lambda: young_polar(np.eye(6), plane="zx"), "`plane` must be one of"),
        (lambda: conductivity_polar(np.eye(6)), "2×2 or 3×3 matrix"),
    ],
)
def test_bad_tensors_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
