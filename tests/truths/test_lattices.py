"""The references of arrays of inclusions themselves, and the solver against them."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from tests.truths import disc_lattices, sphere_lattices

# Perfectly conducting cylinders in a square array, volume fraction and conductivity, Perrins, McKenzie & McPhedran (1979), table 1.
PERRINS = {0.1: 1.222, 0.2: 1.500, 0.3: 1.860, 0.4: 2.351, 0.5: 3.080, 0.6: 4.342}


@pytest.mark.parametrize(("fraction", "published"), PERRINS.items())
def test_rayleighs_method_gives_the_published_table(fraction, published):
    found = disc_lattices.conductivity("square", np.sqrt(fraction / np.pi), (1.0, np.inf))
    assert found == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize("lattice", ["SC", "BCC", "FCC"])
def test_few_spheres_are_those_of_maxwell(lattice):
    cells = {"SC": 1, "BCC": 2, "FCC": 4}[lattice]
    fraction, contrast = 0.01, (10.0 - 1.0) / (10.0 + 2.0)
    radius = (3 * fraction / (4 * np.pi * cells)) ** (1 / 3)
    maxwell = (1 + 2 * contrast * fraction) / (1 - contrast * fraction)
    assert sphere_lattices.conductivity(lattice, radius, (1.0, 10.0)) == pytest.approx(maxwell, rel=1e-6)


@pytest.mark.parametrize("discretization", ["finite_element", "rotated", "fourier", "finite_volume"])
def test_a_square_array_of_discs(discretization):
    """Within two percent at 64² and contrast 10, where steps in the disc's edge are worth about one."""
    exact = disc_lattices.conductivity("square", np.sqrt(0.3 / np.pi), (1.0, 10.0))
    x = (np.arange(64) + 0.5) / 64 - 0.5
    k = jnp.where(x[:, None] ** 2 + x**2 < 0.3 / np.pi, 10.0, 1.0)
    found = float(jm.effective_conductivity(k, jm.Grid((64, 64)), discretization=discretization).tensor[0, 0])
    assert found == pytest.approx(exact, rel=0.02)
