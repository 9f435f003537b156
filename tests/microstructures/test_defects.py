"""Bridges, pores, cracks, coated bodies and electrodes."""

import jax
import numpy as np
import pytest

from jaxmicro.descriptors import fidelity, percolating_share
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, PackingError, add_bridges, add_cracks, add_pores, core_shell, electrode, laminate

KEY = jax.random.key(6)
GRID = Grid((48, 40), (4.8, 2.0))


def test_a_through_crack_closes_the_cell():
    for shape in ((24, 20), (16, 14, 12)):
        solid = Microstructure(grid=Grid(shape, tuple(0.5 * n if k else 0.7 * n for k, n in enumerate(shape))), labels=np.zeros(shape, int))
        flat = add_cracks(solid, radius=30.0, count=1, normal=np.eye(len(shape))[0], key=KEY)
        assert float(percolating_share(np.asarray(flat.labels) == 0, 0)) == 0
        assert np.unique(np.nonzero(np.asarray(flat.labels))[0]).size == 1


@pytest.mark.parametrize("grid", [Grid((120, 100), (6.0, 5.0)), Grid((40, 36, 44), (4.0, 3.6, 4.4))])
def test_crack_density_is_found_on_the_voxels(grid):
    solid = Microstructure(grid=grid, labels=np.zeros(grid.shape, int))
    cracked = add_cracks(solid, 0.04, 0.9, key=KEY)
    assert fidelity(cracked).relative_deviation[0] == pytest.approx(0, abs=0.12)


def test_pores_stay_in_their_phase_with_exact_volume():
    ms = laminate(GRID, (0.5, 0.5)).replace(maps={"old": np.zeros(GRID.shape)})
    porous = add_pores(ms, 0.1, 0.15, key=KEY, within=1)
    labels = np.asarray(porous.labels)
    assert (labels == 2).sum() == round(0.1 * labels.size)
    assert (np.asarray(ms.labels)[labels == 2] == 1).all()
    assert set(porous.maps) == {"old", "pore"}
    with pytest.raises(PackingError, match="could not be reached"):
        add_pores(ms, 0.48, 0.15, key=KEY, within=1)
    with pytest.raises(ValueError, match="must be at most the share"):
        add_pores(ms, 0.6, 0.15, key=KEY, within=1)


def test_bridges_fill_the_neck_first_on_a_rolled_cell_too():
    labels = np.zeros((40, 30), int)
    labels[5:17, 5:25] = labels[20:32, 5:25] = 1
    ms = Microstructure(labels=labels, phases=("pore", "grain"))
    bound = np.asarray(add_bridges(ms, 40 / labels.size, host="grain", into="pore", width=2.0).labels)
    assert (bound[17:20, 7:23] == 2).mean() > 0.75
    rolled = Microstructure(labels=np.roll(labels, (20, 11), (0, 1)), phases=("pore", "grain"))
    again = np.asarray(add_bridges(rolled, 40 / labels.size, host="grain", into="pore", width=2.0).labels)
    assert (np.roll(bound, (20, 11), (0, 1)) != again).sum() <= 8  # ties of equal rank
    with pytest.raises(ValueError, match="`into` must be another phase"):
        add_bridges(ms, 0.1, host=1, into="grain")
    with pytest.raises(ValueError, match="`host` must be one of the phases"):
        add_bridges(ms, 0.1, host="iron", into="pore")


def test_electrodes_and_coated_bodies_have_their_fractions():
    cell = electrode(GRID, 0.5, 0.1, 0.2, key=KEY, scatter=0.2)
    np.testing.assert_allclose(cell.volume_fractions, (0.4, 0.5, 0.1), atol=1 / GRID.size)
    coated = core_shell(GRID, 0.4, 0.3, 0.4, measure="volume", key=KEY, supersample=4)
    np.testing.assert_allclose(coated.volume_fractions, (0.6, 0.16, 0.24), atol=3e-3)
    with pytest.raises(ValueError, match="`shell` must lie between 0 and the smallest radius"):
        core_shell(GRID, 0.4, 0.3, 0.4, measure="length", key=KEY)
