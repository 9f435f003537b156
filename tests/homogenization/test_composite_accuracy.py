"""What composite voxels are good for: cells whose effective tensor is known, and why finite elements gain little."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.fields import elasticity
from jaxmicro.homogenization import composite_conductivity, composite_stiffness
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.materials import isotropic_stiffness
from jaxmicro.materials.laws import Tensor
from jaxmicro.microstructures import disc, interface_of_layers, interface_of_spheres
from tests.homogenization.references import laminate_stiffness

SOLVED = 1e-10  # the tensor's error is about rtol², so 1e-7 leaves only rounding

PLANE = [np.asarray(isotropic_stiffness(young, 0.3, dim=2)) for young in (1.0, 10.0)]
RADIUS = (0.3 / np.pi) ** 0.5
# A disc of volume fraction 0.3 and contrast 10 in a square cell: elements of degree 16 that are curved like the disc, and
# Rayleigh's multipoles (benchmarks/inclusion_references.py).
DISC_STIFFNESS = np.array([[2.07500597, 0.79325060, 0.0], [0.79325060, 2.07500597, 0.0], [0.0, 0.0, 1.11406640]])
DISC_CONDUCTIVITY = 1.652036011082147 * np.eye(2)


def relative(found, exact):
    return float(np.abs(found - exact).max() / np.abs(exact).max())


@pytest.mark.slow
def test_diagonal_layers_of_any_share_are_exact_with_the_one_point_scheme():
    for n, fraction in ((7, 0.37), (9, 0.61)):  # on even grids but for the checkerboard, which is a null mode
        grid = jm.Grid((n, n))
        interface = interface_of_layers(grid, fraction, (1, 1))
        exact = laminate_stiffness(PLANE, [1 - fraction, fraction], np.full(2, 0.5**0.5), 2)
        field = composite_stiffness(*interface, *PLANE)
        assert relative(jm.effective_stiffness(field, grid, discretization="rotated", rtol=1e-7).tensor, exact) < SOLVED
        assert relative(jm.effective_stiffness(field, grid).tensor, exact) > 0.01  # finite elements pay for the kink


@pytest.mark.slow
@pytest.mark.parametrize("centre", [(0.513, 0.47), (0.49, 0.52)])
def test_a_composite_disc_is_more_accurate_than_a_plain_one_on_a_grid_four_times_as_fine(centre):
    coarse, fine = jm.Grid((32, 32), (1.0, 1.0)), jm.Grid((128, 128), (1.0, 1.0))
    interface = interface_of_spheres(coarse, np.array(centre)[:, None], np.array([RADIUS]))
    labels = np.asarray(disc(fine, 0.3, centre=centre).labels)
    composite = jm.effective_stiffness(composite_stiffness(*interface, *PLANE), coarse, discretization="rotated").tensor
    k = jm.effective_conductivity(composite_conductivity(*interface, 1.0, 10.0), coarse, discretization="rotated").tensor
    assert relative(composite, DISC_STIFFNESS) < 1.2e-3
    assert relative(k, DISC_CONDUCTIVITY) < 8e-4
    for scheme in ("rotated", "finite_element"):
        plain = jm.effective_stiffness(np.stack(PLANE, -1)[..., labels], fine, discretization=scheme).tensor
        assert relative(composite, DISC_STIFFNESS) < relative(plain, DISC_STIFFNESS)
        plain = jm.effective_conductivity(np.where(labels == 1, 10.0, 1.0), fine, discretization=scheme).tensor
        assert relative(k, DISC_CONDUCTIVITY) < relative(plain, DISC_CONDUCTIVITY)


@pytest.mark.slow
def test_fractions_over_two_voxels_raise_the_order():
    errors = {}
    for width in (1.0, 2.0):
        for n in (32, 128):
            grid = jm.Grid((n, n), (1.0, 1.0))
            interface = interface_of_spheres(grid, np.full((2, 1), 0.5), np.array([RADIUS]), width=width)
            found = jm.effective_stiffness(composite_stiffness(*interface, *PLANE), grid, discretization="fourier").tensor
            errors[width, n] = relative(found, DISC_STIFFNESS)
    assert np.log2(errors[2.0, 32] / errors[2.0, 128]) / 2 > 2
    assert np.log2(errors[1.0, 32] / errors[1.0, 128]) / 2 < 1.7
    assert errors[2.0, 128] < errors[1.0, 128]


def test_oblique_layers_are_almost_exact_with_fourier_and_fractions_over_two_voxels():
    grid = jm.Grid((16, 16))
    exact = laminate_stiffness(PLANE, [0.5, 0.5], np.array([2.0, 1.0]) / 5**0.5, 2)
    errors = []
    for width in (1.0, 2.0):
        field = composite_stiffness(*interface_of_layers(grid, 0.5, (2, 1), width=width), *PLANE)
        errors.append(relative(jm.effective_stiffness(field, grid, discretization="fourier").tensor, exact))
    assert errors[0] < 5e-3
    assert errors[1] < 3e-4


@pytest.mark.slow
def test_finite_elements_err_by_the_hourglass_energy_of_the_interface_voxels():
    grid = jm.Grid((32, 32), (1.0, 1.0))
    interface = interface_of_spheres(grid, np.full((2, 1), 0.5), np.array([RADIUS]))
    mixed = np.asarray((interface.fraction > 1e-9) & (interface.fraction < 1 - 1e-9))
    field = composite_stiffness(*interface, *PLANE)
    solved = {
        name: jm.effective_stiffness(field, grid, discretization=name, fields=("displacement",)) for name in ("finite_element", "rotated")
    }
    hourglass = {}
    for name, result in solved.items():
        parts = []
        for scheme in ("finite_element", "rotated"):
            operator = make_operator(scheme, elasticity(2, 3))
            parts.append(operator.energy_density(Tensor(field), tuple(result.displacement[0]), grid.spacing, jnp.eye(3)[0]))
        hourglass[name] = 2 * np.asarray(parts[0] - parts[1])
    gap = float(solved["finite_element"].tensor[0, 0] - solved["rotated"].tensor[0, 0])
    assert hourglass["finite_element"].mean() < gap < hourglass["rotated"].mean()  # both are minima
    assert mixed.mean() < 0.08
    assert hourglass["finite_element"][mixed].sum() > 0.8 * hourglass["finite_element"].sum()
    assert gap > 0.85 * (float(solved["finite_element"].tensor[0, 0]) - DISC_STIFFNESS[0, 0])
