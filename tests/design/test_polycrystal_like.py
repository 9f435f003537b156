"""Synthetic twins of maps whose statistics are known."""

import jax
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import coincidence_shares, compare_grains, segment_grains
from jaxmicro.design import polycrystal_like
from jaxmicro.design.polycrystal_like import _read
from jaxmicro.microstructures import Phase, add_twins, polycrystal
from jaxmicro.orientations import sample_components

NICKEL = Phase("Ni", laue="m-3m")


@pytest.fixture(scope="module")
def measured():
    """A rolled map with lamellae: grains twice as long as high, textured."""
    turns = sample_components(jax.random.key(5), 60, {"copper": 1.0}, 8.0, degrees=True)
    cells = polycrystal(
        jm.Grid((128, 96), (64.0, 48.0)), 60, key=jax.random.key(0), sizes=0.3, aspect=(2.0, 1.0), phase=NICKEL, orientations=turns
    )
    return add_twins(cells, 0.15, key=jax.random.key(1), thickness=1.5)


def test_the_statistics_are_those_of_the_map(measured):
    made = polycrystal_like(measured.with_notes("frame: raw", "of no matter"), key=jax.random.key(2), periodic=True)
    found = compare_grains(measured, made, periodic=(True, True), halfwidth=15.0)
    assert made.grid == measured.grid
    assert found.distances["diameters"] < 0.2
    assert found.distances["misorientations"] < 0.12
    assert coincidence_shares(made, (3,), periodic=True)[3] == pytest.approx(coincidence_shares(measured, (3,), periodic=True)[3], abs=0.03)
    assert found.second.texture == pytest.approx(found.first.texture, rel=0.2)
    assert "like the map" in made.notes[-1]
    assert "frame: raw" in made.notes
    assert "of no matter" not in made.notes


@pytest.mark.slow
def test_a_texture_without_twins_is_kept():
    turns = sample_components(jax.random.key(5), 120, {"copper": 0.7, "brass": 0.3}, 15.0, degrees=True)
    cells = polycrystal(jm.Grid((128, 96), (64.0, 48.0)), 120, key=jax.random.key(0), phase=NICKEL, orientations=turns)
    made = polycrystal_like(cells, key=jax.random.key(2), twins=None, periodic=True)
    found = compare_grains(cells, made, periodic=(True, True), halfwidth=15.0)
    assert found.second.texture == pytest.approx(found.first.texture, rel=0.15)
    for name in ("diameters", "aspect_ratios", "misorientations"):
        assert found.distances[name] < found.noise[name]  # nearer to the map than its halves are to each other


@pytest.mark.slow
def test_another_grid_and_no_twins(measured):
    made = polycrystal_like(measured, jm.Grid((96, 96), (96.0, 96.0)), key=jax.random.key(3), twins=None, periodic=True)
    density = segment_grains(measured, periodic=True).count / (64 * 48)
    assert int(made.maps["grain"].max()) + 1 == pytest.approx(96 * 96 * density, rel=0.05)
    assert "twin" not in made.maps
    again = polycrystal_like(measured, jm.Grid((96, 96), (96.0, 96.0)), key=jax.random.key(3), twins=None, periodic=True)
    np.testing.assert_array_equal(made.orientation, again.orientation)


def test_the_angle_of_the_grains_is_kept_where_lamellae_are_merged(measured):
    """Grains that are measured anew have none; the share of Σ3 of the twin must count the boundaries that the map's did."""
    wanted = _read(measured, segment_grains(measured, 12.0, periodic=True), "fcc", "keep")
    assert wanted.lamellae > 0.05
    assert wanted.angle == 12.0


def test_bad_input_is_named(as_user, measured):
    with pytest.raises(ValueError, match=r"too few\. Give a larger"):
        polycrystal_like(measured, jm.Grid((8, 8), (4.0, 4.0)), key=jax.random.key(0), twins=None, periodic=True)
    with pytest.raises(ValueError, match="dimensions of the map"):
        polycrystal_like(measured, jm.Grid((8, 8, 8)), key=jax.random.key(0))
    with pytest.raises(ValueError, match="fcc"):
        polycrystal_like(measured, key=jax.random.key(0), twins="hcp_10-12")
    with pytest.raises(ValueError, match="`halfwidth` must be degrees from 0"):
        polycrystal_like(measured, key=jax.random.key(0), halfwidth=-1.0)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda m: polycrystal_like(m, key=jax.random.key(0)).orientation)(measured)
