import numpy as np
import pytest

from jaxmicro.homogenization import homogenize, nearest_isotropic
from jaxmicro.plotting import field, moduli_of, stiffness_bounds
from jaxmicro.plotting.style import ALERT


def image(axes):
    return np.swapaxes(np.ma.filled(axes.images[0].get_array(), np.nan), 0, 1)


def test_a_field_is_drawn_as_given_with_its_bar():
    values = np.arange(12.0).reshape(4, 3)
    figure = field(values, name="stress", unit="GPa", spacing=2.0, length_unit="µm", title="Tension")
    axes, bar = figure.axes
    np.testing.assert_array_equal(image(axes), values)
    assert axes.images[0].get_extent() == [0, 8, 6, 0]
    assert axes.images[0].get_clim() == (0, 11)
    assert (axes.get_xlabel(), axes.get_title(), bar.get_ylabel()) == ("x (µm)", "Tension", "stress (GPa)")


def test_fields_of_both_signs_have_a_scale_about_zero():
    shown = field(np.array([[-1.0, 3.0], [0.0, 2.0]])).axes[0].images[0]
    assert shown.get_clim() == (-3, 3)
    assert shown.get_cmap().name == "RdBu_r"
    barely = field(np.array([[-0.01, 3.0], [0.0, 2.0]])).axes[0].images[0]
    assert barely.get_clim() == (-0.01, 3)
    assert field(np.array([[-1.0, 3.0], [0.0, 2.0]]), limits=(0.0, 1.0)).axes[0].images[0].get_clim() == (0, 1)


def test_components_share_one_scale():
    values = np.stack([np.full((3, 2), 1.0), np.full((3, 2), 4.0)])
    figure = field(values, components=["11", "22"])
    assert [axes.get_title() for axes in figure.axes[:2]] == ["11", "22"]
    assert {axes.images[0].get_clim() for axes in figure.axes[:2]} == {(1.0, 4.0)}
    np.testing.assert_array_equal(image(figure.axes[1]), values[1])


def test_a_volume_and_a_hole_are_shown():
    values = np.arange(60.0).reshape(3, 4, 5)
    values[0, 0] = np.nan
    figure = field(values)
    np.testing.assert_array_equal(image(figure.axes[0]), values[:, :, 2])
    np.testing.assert_array_equal(image(figure.axes[2]), values[1])
    figure.draw_without_rendering()


def test_a_constant_field_has_a_scale_of_some_width():
    low, high = field(np.full((3, 3), 2.0)).axes[0].images[0].get_clim()
    assert low < 2 < high


ROWS = {"K": {"reuss": 1.0, "hs_lower": 1.5, "effective": 2.0, "hs_upper": 3.0, "voigt": 4.0}, "G": {"effective": 1.0}}


def diamonds(axes):
    return [each for each in axes.lines if each.get_marker() == "D"]


def test_bars_span_the_bounds():
    axes = stiffness_bounds(ROWS, unit="GPa").axes[0]
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(1, 3), (1.5, 1.5)]
    assert [each.get_xdata()[0] for each in diamonds(axes)] == [2, 1]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["K", "G"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first modulus on top


def test_a_value_beyond_a_bound_is_named():
    rows = {"K": {**ROWS["K"], "effective": 3.2}, "G": {"reuss": 1.0, "effective": 1.2, "voigt": 2.0}}
    axes = stiffness_bounds(rows).axes[0]
    assert [each.get_color() == ALERT for each in diamonds(axes)] == [True, False]
    assert [text.get_text() for text in axes.texts] == ["3.2  outside Hashin – Shtrikman", "1.2"]


def test_relative_places():
    axes = stiffness_bounds({"K": ROWS["K"]}, relative=True).axes[0]
    assert diamonds(axes)[0].get_xdata() == [pytest.approx(1 / 3)]
    assert axes.get_xlabel() == "place between Reuss (0) and Voigt (1)"


def test_a_homogenized_cell_lies_between_its_bounds():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (8, 6))
    result = homogenize(labels, [{"young": 70.0, "poisson": 0.33, "unit": "GPa"}, {"young": 210.0, "poisson": 0.3, "unit": "GPa"}])
    moduli = moduli_of(result)
    assert list(moduli) == ["C_11", "C_22", "C_66", "bulk", "shear"]
    for name, row in moduli.items():
        assert row["reuss"] < row["effective"] < row["voigt"], name
    assert moduli["C_66"]["effective"] == pytest.approx(float(result.stiffness[2, 2]) / 2)
    bulk, shear = nearest_isotropic(result.stiffness)
    assert (moduli["bulk"]["effective"], moduli["shear"]["effective"]) == pytest.approx((float(bulk), float(shear)))
    axes = stiffness_bounds(result).axes[0]
    assert axes.get_xlabel() == f"modulus ({result.unit})"
    assert len(diamonds(axes)) == 5


def test_hashin_shtrikman_bounds_are_taken_over():
    labels = np.zeros((8, 6), dtype=int)
    labels[2:6, 1:4] = 1
    result = homogenize(labels, [{"young": 1.0, "poisson": 0.3}, {"young": 1.1, "poisson": 0.3}])
    assert result.analytic_bounds.bulk is not None
    assert moduli_of(result)["bulk"]["hs_lower"] == pytest.approx(float(result.analytic_bounds.bulk[0]))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: field(np.zeros(4)), "must have shape \\(\\*grid\\) in 2D or 3D, but it is \\(4,\\)"),
        (lambda: field(np.zeros((2, 3, 4, 5))), "Name the components"),
        (lambda: field(np.full((3, 3), np.nan)), "must hold finite numbers"),
        (lambda: field(np.zeros((2, 3, 3)), components=["11"]), "`components` must hold 2 names"),
        (lambda: field(np.zeros((3, 3)), limits=(1.0, 0.0)), "`limits` must be \\(low, high\\)"),
        (lambda: stiffness_bounds({}), "at least one modulus"),
        (lambda: stiffness_bounds({"K": {"reuss": 1.0}}), "must hold 'effective'"),
        (lambda: stiffness_bounds({"K": {"effective": 1.0, "reuss": 1.0}}), "both or neither of 'reuss' and 'voigt'"),
        (lambda: stiffness_bounds({"K": {"effective": 1.0, "hill": 1.0}}), "but it holds 'hill'"),
        (lambda: stiffness_bounds({"K": {"effective": np.nan}}), "must be finite"),
        (lambda: stiffness_bounds({"K": {"effective": 1.0}}, relative=True), "`relative=True` must be used with"),
        (lambda: stiffness_bounds(object()), "a homogenized cell with a stiffness and its bounds, but it is object"),
    ],
)
def test_bad_fields_and_moduli_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
