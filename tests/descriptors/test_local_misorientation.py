"""KAM by hand, and no hot grains where only the stored equivalents jump."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import kernel_average_misorientation, segment_grains
from jaxmicro.orientations import from_euler, multiply, symmetry_operators


def bent(shape, per_voxel, jump=0.0):
    angles = jnp.zeros((3, *shape)).at[0].set((per_voxel * jnp.arange(shape[0]))[(slice(None),) + (None,) * (len(shape) - 1)])
    angles = angles.at[0, shape[0] // 2 :].add(jump)
    return jm.Microstructure(labels=np.zeros(shape, int), orientation=from_euler(angles, degrees=True))


def test_by_hand():
    found = kernel_average_misorientation(bent((6, 5), 1.0))
    np.testing.assert_allclose(found[1:-1, 1:-1], 0.5, atol=1e-9)  # two of four neighbours differ by a degree
    np.testing.assert_allclose(found[0, 1:-1], 1 / 3, atol=1e-9)
    second = kernel_average_misorientation(bent((7, 7), 0.5), 2)
    np.testing.assert_allclose(second[3, 3], 0.5 * (2 * 1 + 2 * 2 + 4 * 1) / 12, atol=1e-9)
    shell = kernel_average_misorientation(bent((7, 7), 0.5), 2, kernel="shell")
    np.testing.assert_allclose(shell[3, 3], 0.5 * (2 * 2 + 4 * 1) / 8, atol=1e-9)
    solid = kernel_average_misorientation(bent((4, 4, 4), 0.6))
    np.testing.assert_allclose(solid[1:-1, 1:-1, 1:-1], 0.2, atol=1e-9)


def test_grains_and_angles_bound_the_kernel():
    ms = bent((8, 4), 1.0, jump=20.0)
    np.testing.assert_allclose(kernel_average_misorientation(ms)[3:5, 1], 1 / 3, atol=1e-9)
    low = bent((8, 4), 1.0, jump=2.0)  # a boundary of 3°, which the angle of 5° does not see
    grains = segment_grains(low, 2.5)
    assert grains.count == 2
    assert kernel_average_misorientation(low)[3, 1] > 0.9
    np.testing.assert_allclose(kernel_average_misorientation(low, grains=grains, angle=None)[3, 1], 1 / 3, atol=1e-9)


def test_stored_equivalents_do_not_show():
    ms = bent((6, 6), 0.5)
    choice = np.random.default_rng(1).integers(24, size=(6, 6))
    other = ms.replace(orientation=multiply(jnp.asarray(symmetry_operators("m-3m")[:, choice]), ms.orientation))
    np.testing.assert_allclose(kernel_average_misorientation(other), kernel_average_misorientation(ms), atol=1e-6)


def test_what_is_not_known_is_nan():
    mask = np.ones((5, 5), bool)
    mask[2, 2] = False
    mask[0, 1] = mask[1, 0] = False  # the corner has no neighbour left
    found = kernel_average_misorientation(bent((5, 5), 1.0).replace(mask=mask))
    assert np.isnan(found[2, 2])
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[4, 4])


def test_a_voxel_is_no_neighbour_of_its_own():
    """Once around a periodic cell of three the kernel of order three comes back to where it began."""
    angles = jnp.zeros((3, 3, 3)).at[0].set(jnp.array([0.0, 1.0, 3.0])[:, None])
    ms = jm.Microstructure(labels=np.zeros((3, 3), int), orientation=from_euler(angles, degrees=True))
    found = kernel_average_misorientation(ms, 3, kernel="shell", periodic=True)
    # of twelve steps (±3, 0), (0, ±3) end at the voxel itself; (±1, ±2) and (±2, ±1) reach both other rows four times
    np.testing.assert_allclose(found[:, 0], [(1 + 3) / 2, (1 + 2) / 2, (3 + 2) / 2], atol=1e-9)


def test_oxford_map_has_no_false_hot_grain(shared_data):
    """0.39 % of the pairs inside grains are stored as different equivalents; without symmetry they would read 60° and more."""
    found = kernel_average_misorientation(jm.io.read(shared_data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.cpr"))
    assert np.nanmean(found) == pytest.approx(0.373, abs=0.01)
    assert np.nanmax(found) < 5.0


def test_bad_input_is_named(as_user):
    ms = bent((4, 4), 1.0)
    with pytest.raises(ValueError, match="`order` must be"):
        kernel_average_misorientation(ms, 0)
    with pytest.raises(ValueError, match="`angle` must be an angle"):
        kernel_average_misorientation(ms, angle=200.0)
    with pytest.raises(ValueError, match="`angle` must be given"):
        kernel_average_misorientation(ms, angle=None)
    with pytest.raises(ValueError, match="shell"):
        kernel_average_misorientation(ms, kernel="ring")
    with pytest.raises(ValueError, match="`grains` must be those of `ms`"):
        kernel_average_misorientation(bent((5, 3), 1.0), grains=segment_grains(ms))
    with pytest.raises(ValueError, match="none of the 16"):
        kernel_average_misorientation(ms.replace(mask=np.zeros((4, 4), bool)))
