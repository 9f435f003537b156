"""Each oddity is found where it is, and nothing is found where nothing is odd."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import oddities
from jaxmicro.orientations import from_euler, multiply, symmetry_operators


def plate(n=12, **more):
    """One crystal."""
    turns = jnp.broadcast_to(from_euler((0.3, 0.2, 0.1))[:, None, None], (4, n, n))
    return jm.Microstructure(labels=np.zeros((n, n), int), orientation=turns, phases=("Ni",), **more)


def turned(ms, where, degrees=30.0):
    other = multiply(from_euler((degrees, 0.0, 0.0), degrees=True)[:, None, None], ms.orientation)
    return ms.replace(orientation=jnp.where(jnp.asarray(where), other, ms.orientation))


def test_one_crystal_is_not_odd():
    assert oddities(plate()) == ()


def test_missing_margins_are_named():
    mask = np.ones((12, 12), bool)
    mask[:2], mask[:, -1:] = False, False
    assert oddities(plate(mask=mask)) == (
        "34 points (23.61 %) are not measured; whole layers at the edges: 2 and 0 along x, 0 and 1 along y. Crop them",
    )


def test_scarce_and_absent_phases_are_named():
    labels = np.zeros((40, 40), int)
    labels[20, 20] = 1
    ms = jm.Microstructure(labels=labels, phases=("Ni", "carbide", "oxide"))
    assert oddities(ms) == (
        "phase 'carbide' has 1 points (0.06 %), which may be misindexing",
        "phase 'oxide' is named but nowhere in the map",
    )


def test_uneven_steps_are_named():
    assert oddities(plate(grid=jm.Grid((12, 12), (12.0, 6.0)))) == ("the steps differ: 1 x 0.5",)


def test_lonely_points_are_counted_and_grains_are_not():
    where = np.zeros((12, 12), bool)
    where[5, 5] = True
    assert oddities(turned(plate(), where))[0].startswith("1 points (0.69 %) differ by 5° or more from all their neighbours")
    where[5, 6] = True
    assert oddities(turned(plate(), where)) == ()


def test_equivalents_in_one_grain_are_counted():
    ms = plate()
    other = multiply(jnp.asarray(symmetry_operators("m-3m"))[:, 5][:, None, None], ms.orientation)
    where = np.zeros((12, 12), bool)
    where[:6] = True
    found = oddities(ms.replace(orientation=jnp.where(where, other, ms.orientation)))
    assert len(found) == 1
    assert found[0].startswith("12 pairs of neighbours inside grains (4.55 %)")


def test_edges_that_do_not_fit_and_coarse_maps_are_named():
    half = np.zeros((12, 12), bool)
    half[6:] = True
    assert oddities(turned(plate(), half))[0].startswith("opposite edges do not fit: x 100 %, y 0 %")
    checks = np.indices((12, 12)).sum(axis=0) % 2 > 0
    assert any(line.startswith("boundaries are 1.0 points apart") for line in oddities(turned(plate(), checks)))


@pytest.mark.parametrize("name", ["ebsd_ni_superalloy_oxford/testDataEBSD.cpr", "ebsd_in100/Small_IN100_Slice1.dream3d"])
def test_measured_maps(shared_data, name):
    """Of the superalloy 0.39 % of the pairs inside grains are known to jump; the edge of the IN100 slice was not measured."""
    found = " | ".join(oddities(jm.io.read(shared_data / name)))
    assert ("(0.39 %) are stored as different equivalents" if "oxford" in name else "whole layers at the edges") in found
