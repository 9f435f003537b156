from types import SimpleNamespace

import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.plotting import flux_map, potential_map, stress_map

GRID = jm.Grid((8, 6), lengths=(4.0, 6.0))


def image(axes):
    return np.swapaxes(np.asarray(axes.images[0].get_array()), 0, 1)


@pytest.fixture(scope="module")
def conduction():
    return jm.effective_conductivity(np.full((8, 6), 2.0), GRID, fields=("flux", "potential"))


def test_a_result_flows_down_its_potential(conduction):
    axes = flux_map(conduction, load=0, spacing=(0.5, 1.0)).axes[0]
    np.testing.assert_allclose(image(axes), 2.0, rtol=1e-6)
    arrows = [patch for patch in axes.patches if hasattr(patch, "_posA_posB")]
    assert arrows
    assert all(each._posA_posB[1][0] < each._posA_posB[0][0] for each in arrows)  # towards smaller x


def test_the_whole_potential_of_a_unit_load_is_linear_in_a_homogeneous_cell(conduction):
    x = image(potential_map(conduction, load=0, spacing=(0.5, 1.0)).axes[0])
    np.testing.assert_allclose(x, np.broadcast_to((np.arange(8)[:, None] + 0.5) * 0.5, (8, 6)), atol=1e-6)
    y = image(potential_map(conduction, load=1, spacing=(0.5, 1.0)).axes[0])
    np.testing.assert_allclose(y, np.broadcast_to(np.arange(6) + 0.5, (8, 6)), atol=1e-6)


def test_the_magnitude_in_a_section_is_that_of_all_components():
    flux = np.stack([np.full((4, 5, 6), each) for each in (2.0, 3.0, 6.0)])
    np.testing.assert_allclose(image(flux_map(flux, section=("y", 1)).axes[0]), 7.0)


def test_components_are_those_of_the_tensor_and_von_mises_that_of_a_bar_in_shear():
    stress = np.zeros((6, 4, 5, 3))
    stress[5] = np.sqrt(2) * 3.0
    stress[0] = 1.0
    figure = stress_map(stress, ("12", "11", "mean", "von Mises"), section=(0, 2))
    shown = [image(axes).ravel()[0] for axes in figure.axes if axes.images and axes.get_label() != "<colorbar>"]
    np.testing.assert_allclose(shown, [3, 1, 1 / 3, np.sqrt(1 + 3 * 9)])


def test_stresses_in_the_plane_need_the_third_one():
    stress = np.ones((3, 4, 5))
    assert image(stress_map(stress, plane="stress").axes[0])[0, 0] == pytest.approx(np.sqrt(1 + 3 / 2))
    assert image(stress_map(stress, "mean", out_of_plane=1.0).axes[0])[0, 0] == pytest.approx(1)


def test_the_load_is_chosen():
    result = SimpleNamespace(tensor=np.eye(3), stress=np.arange(3.0)[:, None, None, None] * np.ones((3, 3, 4, 5)))
    assert image(stress_map(result, "11", load=2).axes[0])[0, 0] == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: flux_map(np.ones((3, 4, 5))), "`flux` must have shape"),
        (lambda: flux_map(np.full((2, 4, 5), np.nan)), "`flux` must be finite"),
        (lambda: flux_map(SimpleNamespace(flux=None)), "fields=.'flux',"),
        (lambda: flux_map(np.ones((2, 4, 5)), density=0), "`density`"),
        (lambda: flux_map(np.ones((3, 4, 5, 6)), section=(0, 9)), "`section`"),
        (lambda: stress_map(np.ones((4, 4, 5))), "`stress` must have shape"),
        (lambda: stress_map(np.ones((3, 4, 5))), "σ₃₃|out_of_plane"),
        (lambda: stress_map(np.ones((3, 4, 5)), ("33",)), "`components`"),
        (lambda: stress_map(np.ones((3, 4, 5)), ("mean",)), "needs σ₃₃"),
        (lambda: stress_map(SimpleNamespace(tensor=np.eye(3), stress=np.ones((3, 3, 4, 5))), "11", load=3), "`load`"),
        (lambda: stress_map(SimpleNamespace(tensor=np.ones((2, 3, 3)), stress=np.ones((2, 3, 3, 4, 5))), "11"), "one cell"),
        (lambda: potential_map(np.ones(4)), "`potential` must have shape"),
        (lambda: potential_map(np.ones((4, 4)), lines=-1), "`lines`"),
    ],
)
def test_bad_input_is_refused_by_name(call, message, as_user):
    with pytest.raises(ValueError, match=message):
        call()
