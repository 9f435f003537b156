"""Boundaries of orientation maps, counted by hand and on measured maps with independent counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import boundary_statistics, coincidence_shares, neighbour_misorientation
from jaxmicro.orientations import from_axis_angle, from_euler, multiply, random_orientations, symmetry_operators


def stripes(angles, width=3, phases=("Ni",), labels=None, **more):
    """Vertical stripes turned about z by the given degrees."""
    turns = from_euler(
        jnp.stack([jnp.repeat(jnp.asarray(angles), 2), jnp.zeros(2 * len(angles)), jnp.zeros(2 * len(angles))]), degrees=True
    )
    shape = (turns.shape[1], width)
    return jm.Microstructure(
        grid=jm.Grid(shape, (0.5 * shape[0], 2.0 * shape[1])), labels=np.zeros(shape, int) if labels is None else labels,
        orientation=jnp.broadcast_to(turns[:, :, None], (4, *shape)), phases=phases, **more,
    )  # fmt: skip


def test_stripes_are_counted_by_hand():
    found = boundary_statistics(stripes([0.0, 30.0, 33.0]), angle=5.0)
    assert (found.pairs, found.judged, found.between_phases, found.boundaries) == (5 * 3 + 6 * 2, 27, 0, 3)
    assert found.across == pytest.approx(30.0)
    assert found.inside == pytest.approx(3 * 3.0 / 24)
    assert found.twins == 0.0
    assert found.density == pytest.approx(3 * 2.0 / (18 * 0.5 * 2.0))  # three faces of 2 µm on eighteen voxels of 1 µm²


def test_symmetry_hides_what_is_no_boundary():
    assert boundary_statistics(stripes([0.0, 90.0])).boundaries == 0
    hexagonal = jm.microstructures.Phase("Ti", laue="6/mmm")
    assert boundary_statistics(stripes([0.0, 90.0], phases=(hexagonal,))).across == pytest.approx(30.0)
    assert boundary_statistics(stripes([0.0, 60.0], phases=(hexagonal,))).boundaries == 0
    assert np.isnan(boundary_statistics(stripes([0.0, 90.0], phases=(hexagonal,))).twins)


def test_masked_points_and_other_phases_are_not_judged():
    labels = np.zeros((4, 3), int)
    labels[2:] = 1
    mask = np.ones((4, 3), bool)
    mask[0, 0] = False
    found = boundary_statistics(stripes([0.0, 30.0], phases=("Ni", "Fe"), labels=labels, mask=mask))
    assert (found.pairs, found.judged, found.between_phases, found.boundaries) == (17, 17 - 2 - 3, 3, 0)
    along = neighbour_misorientation(stripes([0.0, 30.0], phases=("Ni", "Fe"), labels=labels, mask=mask), 0)
    assert np.isnan(along[0, 0])
    assert np.isnan(along[1]).all()


def test_twins_are_found_in_every_variant():
    twin = from_axis_angle((1.0, 1.0, 1.0), 60.0, degrees=True)
    q = random_orientations(jax.random.key(0), 24)
    turned = multiply(twin[:, None], multiply(jnp.asarray(symmetry_operators("m-3m")), q))
    ms = jm.Microstructure(labels=np.zeros((2, 24), int), orientation=jnp.stack([q, turned], axis=1))
    along = neighbour_misorientation(ms, 0, degrees=True)
    assert np.allclose(along, 60.0)
    column = jm.Microstructure(labels=np.zeros((2, 2), int), orientation=jnp.stack([q[:, :1], turned[:, :1]], axis=1).repeat(2, axis=2))
    assert boundary_statistics(column).twins == 1.0


def test_volumes_have_three_kinds_of_faces():
    turns = from_euler(jnp.zeros((3, 2, 2, 2)).at[0, :, :, 1].set(20.0), degrees=True)
    ms = jm.Microstructure(grid=jm.Grid((2, 2, 2), (2.0, 4.0, 6.0)), labels=np.zeros((2, 2, 2), int), orientation=turns)
    found = boundary_statistics(ms)
    assert (found.judged, found.boundaries) == (12, 4)
    assert found.density == pytest.approx(4 * 2.0 / 48.0)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="must have orientations"):
        boundary_statistics(jm.Microstructure(labels=np.zeros((2, 2), int)))
    with pytest.raises(ValueError, match="`axis` must be an axis from 0 … 1"):
        neighbour_misorientation(stripes([0.0]), 2)
    with pytest.raises(ValueError, match="`angle` must be an angle in degrees"):
        boundary_statistics(stripes([0.0]), angle=0.0)


def test_angles_and_coincidences_that_make_no_sense_are_named(as_user):
    for angle in (180.1, np.inf, "5", None, True, np.array([5.0, 6.0])):
        with pytest.raises(ValueError, match="`angle` must be an angle in degrees"):
            boundary_statistics(stripes([0.0]), angle)
        with pytest.raises(ValueError, match="`angle` must be an angle in degrees"):
            coincidence_shares(stripes([0.0]), angle=angle)
    assert boundary_statistics(stripes([0.0, 30.0]), np.array(5.0)).boundaries == 3
    for sigmas in (3, "13a"):
        with pytest.raises(TypeError, match="`sigmas` must be a sequence of coincidences"):
            coincidence_shares(stripes([0.0]), sigmas)
    with pytest.raises(TypeError, match="`ms` must be a Microstructure, but it is a ndarray"):
        boundary_statistics(np.zeros((4, 4)))


def test_a_coincidence_named_twice_counts_once():
    twin = from_axis_angle((1.0, 1.0, 1.0), 60.0, degrees=True)
    turns = jnp.zeros((4, 4, 4)).at[0].set(1.0).at[:, 2:].set(twin[:, None, None])
    assert coincidence_shares(jm.Microstructure(labels=np.zeros((4, 4), int), orientation=turns), (3, 3)) == {3: 1.0}


def test_a_measured_superalloy_has_the_boundaries_that_another_program_counted(shared_data):
    """DefDAP counts 3,250 and 3,730 boundary pairs along the two axes at 5°, and nothing else."""
    ms = jm.io.read(shared_data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.cpr")
    found = boundary_statistics(ms, angle=5.0)
    assert (found.pairs, found.judged, found.boundaries) == (173_872, 173_872, 6_980)
    assert found.inside == pytest.approx(0.373, abs=0.0005)
    assert found.across == pytest.approx(52.0, abs=0.05)
    assert found.twins == pytest.approx(0.574, abs=0.0005)


def test_coincidences_need_an_indexed_voxel(as_user):
    ms = stripes([0.0])
    with pytest.raises(ValueError, match="must have a voxel that is indexed"):
        coincidence_shares(ms.replace(mask=np.zeros(ms.grid.shape, bool)))
