"""Labels on other grids, in three dimensions and by factors that are not whole, against the overlap of boxes counted voxel by voxel."""

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, downsample, resample, sharpen

OLD, NEW = (6, 5, 4), (4, 7, 3)
RNG = np.random.default_rng(2)
LABELS = RNG.integers(0, 3, OLD)
MS = Microstructure(
    grid=Grid(OLD, (3.0, 10.0, 2.0)), labels=LABELS, phases=("a", "b", "c", "absent"), maps={"place": np.arange(120).reshape(OLD)}
)


def shares():
    """Volume of each phase in each new voxel: the old cell split so finely that every new voxel is whole parts."""
    fine = LABELS
    for axis, n in enumerate(NEW):
        fine = np.repeat(fine, n, axis)
    blocks = fine.reshape(*[size for pair in zip(NEW, OLD, strict=True) for size in pair])
    return np.stack([(blocks == phase).mean(axis=(1, 3, 5)) for phase in range(4)])


def test_fractions_and_majority_in_three_dimensions():
    new = resample(MS, NEW)
    np.testing.assert_allclose(new.fractions, shares(), atol=1e-12)
    np.testing.assert_allclose(new.volume_fractions, MS.volume_fractions, atol=1e-12)
    labels = resample(MS, NEW, voxels="majority")
    assert labels.is_sharp
    assert labels.phases == MS.phases
    np.testing.assert_array_equal(labels.labels, np.argmax(np.round(shares(), 9), axis=0))
    np.testing.assert_array_equal(labels.labels, resample(new, NEW, voxels="majority").labels)
    np.testing.assert_allclose(labels.grid.lengths, MS.grid.lengths)


def test_equal_fractions_favour_the_first_phase():
    halves = Microstructure(labels=np.stack([np.ones((4, 4), int), np.zeros((4, 4), int)], axis=-1).repeat(2, axis=-1))
    np.testing.assert_array_equal(resample(halves, (2, 2, 2), voxels="majority").labels[..., 0], 1)
    checker = Microstructure(labels=np.indices((4, 4, 4)).sum(axis=0) % 2)
    np.testing.assert_array_equal(resample(checker, 2, voxels="majority").labels, sharpen(downsample(checker, 2)).labels)


def test_nearest_takes_everything_from_one_place():
    new = resample(MS, NEW, voxels="nearest")
    place = np.asarray(new.maps["place"])
    np.testing.assert_array_equal(new.labels, LABELS.ravel()[place])
    centres = [np.floor((np.arange(n) + 0.5) * old / n).astype(int) for old, n in zip(OLD, NEW, strict=True)]
    np.testing.assert_array_equal(place, np.arange(120).reshape(OLD)[np.ix_(*centres)])
    soft = resample(resample(MS, OLD), NEW, voxels="nearest")
    np.testing.assert_array_equal(soft.fractions.argmax(axis=0), new.labels)


@pytest.mark.parametrize("voxels", ["majority", "nearest"])
def test_finer_grids_keep_what_is_there(voxels):
    new = resample(MS, tuple(3 * n for n in OLD), voxels=voxels)
    np.testing.assert_array_equal(np.asarray(new.labels)[1::3, 1::3, 1::3], LABELS)
    np.testing.assert_allclose(new.volume_fractions, MS.volume_fractions)


def test_nearest_keeps_volumes_to_the_error_of_sampling():
    """Stratified sampling of n voxels errs by less than independent draws do: √(φ (1 − φ) / n)."""
    labels = (RNG.random((60, 60, 60)) < 0.2).astype(int)
    new = resample(Microstructure(labels=labels), (23, 31, 17), voxels="nearest")
    assert abs(float(new.volume_fractions[1]) - labels.mean()) < 3 * np.sqrt(0.2 * 0.8 / (23 * 31 * 17))


def test_spacing_in_place_of_a_shape():
    new = resample(MS, spacing=(0.75, 2.5, 0.7), voxels="nearest")
    assert new.grid.shape == (4, 4, 3)
    assert resample(MS, spacing=1.0).grid.shape == (3, 10, 2)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "Either `shape` or `spacing` must be given, but they are None and None"),
        ({"shape": 4, "spacing": 1.0}, ValueError, "Either `shape` or `spacing` must be given"),
        ({"spacing": -1.0}, ValueError, r"`spacing` must be a positive number, or one per axis \(3\), but it is -1.0"),
        ({"spacing": (1.0, 2.0)}, ValueError, "`spacing` must be a positive number, or one per axis"),
        ({"spacing": 2.0}, ValueError, r"`spacing` must leave at least two voxels along each axis, but 2.0 leaves \(2, 5, 1\)"),
        ({"shape": 4, "voxels": "mode"}, ValueError, "`voxels` must be"),
    ],
)
def test_bad_arguments_are_named(as_user, options, error, message):
    with pytest.raises(error, match=message):
        resample(MS, **options)


def test_traced_lengths_have_no_spacing():
    with pytest.raises(TypeError, match="lengths that are concrete"):
        jax.eval_shape(lambda ms: resample(ms, spacing=1.0).labels, MS)
