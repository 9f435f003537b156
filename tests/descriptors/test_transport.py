"""Percolation and tortuosity of pore spaces."""

import jax
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import percolating_share, tortuosity


def test_a_bent_channel_is_as_tortuous_as_its_resistances_say():
    """A channel along x that steps aside by its width: in the shadow of the step the flux turns, by a network solved by hand."""
    mask = np.zeros((2, 4), bool)
    mask[0, :2] = mask[1, 1:3] = True
    # Voxels a = (0,0), b = (0,1), c = (1,1), d = (1,2); walls through half voxels of conductance 2. d and a hang at b and c.
    matrix = np.array([[3.0, -1, 0, 0], [-1, 4, -1, 0], [0, -1, 4, -1], [0, 0, -1, 3]])
    potential = np.linalg.solve(matrix, [0, 0, 2, 2])
    relative = 2 * potential[:2].sum() * 2 / 4
    t = tortuosity(mask, 0)
    assert float(t.relative) == pytest.approx(relative, rel=1e-10)
    assert float(t) == float(t.factor) == pytest.approx(0.5 / relative, rel=1e-10)
    assert int(t.isolated_clusters) == 0
    assert "tortuosity factor" in str(t)


def test_isolated_pores_count_in_the_porosity():
    mask = np.zeros((6, 6))
    mask[:, 2] = 3.0
    mask[1, 5] = 3.0
    t = tortuosity(mask, 0)
    assert float(t.factor) == pytest.approx(7 / 6, rel=1e-10)
    assert float(t.porosity) == pytest.approx(7 / 36)
    assert float(t.percolating_porosity) == pytest.approx(6 / 36)
    assert float(t.effective) == pytest.approx(0.5, rel=1e-10)
    assert float(percolating_share(mask, 0)) == pytest.approx(6 / 7)
    closed = tortuosity(mask, 1)
    assert np.isinf(float(closed))
    assert int(closed.status) == jm.Status.NO_PATH
    assert float(percolating_share(mask, 1)) == 0.0
    assert float(percolating_share(np.zeros((3, 3), bool), 0)) == 0.0


@pytest.mark.slow
def test_its_derivative_is_that_of_the_effective_conductivity():
    k = np.random.default_rng(0).uniform(0.5, 2.0, (5, 4))
    grid = jm.Grid((5, 4), (2.0, 1.0))
    found = jax.grad(lambda k: tortuosity(k, 1, grid=grid, rtol=1e-8).factor)(k)
    step = np.zeros_like(k)
    step[2, 1] = 1e-5
    slope = (float(tortuosity(k + step, 1, grid=grid, rtol=1e-9)) - float(tortuosity(k - step, 1, grid=grid, rtol=1e-9))) / 2e-5
    assert float(found[2, 1]) == pytest.approx(slope, rel=1e-6)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match=r"`conducting` must have two or three axes, but its shape is \(4,\)"):
        tortuosity(np.ones(4), 0)
    with pytest.raises(ValueError, match="`walls` must be the number of an axis of the grid, below 2, but it is 3"):
        tortuosity(np.ones((4, 4)), 3)
    with pytest.raises(ValueError, match="must be positive semi-definite in every voxel"):
        tortuosity(-np.ones((4, 4)), 0)
