"""Pores and cracks: exact volumes, densities, and what passes through."""

import jax
import numpy as np
import pytest

from jaxmicro.descriptors import fidelity, percolating_share
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, PackingError, add_cracks, add_pores, laminate, through_clusters
from jaxmicro.microstructures.cracks_on_grid import draw_cracks

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


@pytest.mark.parametrize("closed", ["faces", "corners"])
@pytest.mark.parametrize(("shape", "lengths"), [((24, 15), (24.0, 18.0)), ((18, 9, 10), (18.0, 12.0, 9.0))])
def test_oblique_cracks_close_faces_and_if_asked_corners(shape, lengths, closed):
    """A crack from wall to wall: steps across faces end at it always, those across edges and corners where that was asked for."""
    ndim = len(shape)
    normal = np.array([1.0, 0.4, -0.3])[:ndim] / np.linalg.norm([1.0, 0.4, -0.3][:ndim])
    radius = 0.6 * np.linalg.norm(lengths[1:]) / normal[0]
    passes = {"faces": [], "corners": []}
    for offset in np.linspace(0, 1, 7):  # against the voxels
        centre = np.array(lengths) / 2 + np.array([offset, 0.3, 0.7])[:ndim]
        number = draw_cracks(Grid(shape, lengths), centre[None], normal[None], np.array([radius]), None, closed)
        for steps, found in passes.items():
            found.append(bool(np.asarray(through_clusters(number == 0, 0, connectivity=steps).voxels).any()))
    assert not any(passes["faces"])
    assert any(passes["corners"]) == (closed == "faces")


def test_cracks_that_close_corners_are_thicker():
    solid = Microstructure(grid=Grid((20, 20)), labels=np.zeros((20, 20), int))
    few, many = (add_cracks(solid, radius=7.0, count=1, normal=(1.0, 1.0), key=KEY, closed=c).labels for c in ("faces", "corners"))
    assert (np.asarray(few) == 1).sum() * 1.5 < (np.asarray(many) == 1).sum()
    assert (np.asarray(many)[np.asarray(few) == 1] == 1).all()
