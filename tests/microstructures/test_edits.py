import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmicro.fields import Grid
from jaxmicro.microstructures import (
    Microstructure,
    crop,
    downsample,
    make_periodic,
    mirror,
    random_field,
    resample,
    seam_report,
    sharpen,
    split_voxels,
    tile,
)
from jaxmicro.orientations import random_orientations

KEY = jax.random.key(1)
GRID = Grid((6, 5), (3.0, 10.0))


def everything(sharp=True):
    """A microstructure with every part; the map `place` numbers the voxels, so that it shows where each one went."""
    ms = random_field(GRID, (0.3, 0.3, 0.4), key=KEY)
    parts = {} if sharp else {"fractions": jax.random.dirichlet(KEY, jnp.ones(3), GRID.shape).transpose(2, 0, 1)}
    return ms.replace(
        orientation=random_orientations(KEY, GRID.shape),
        mask=np.arange(30).reshape(6, 5) % 7 > 0,
        maps={"place": np.arange(30).reshape(6, 5), "vector": np.stack([np.arange(30.0).reshape(6, 5)] * 2)},
        **parts,
    )


def check_moved_together(before, after):
    """Every part of each voxel came from the same place."""
    place = np.asarray(after.maps["place"]).ravel()
    shape = after.grid.shape
    for name in ("labels", "orientation", "mask"):
        old, new = np.asarray(getattr(before, name)), np.asarray(getattr(after, name))
        np.testing.assert_array_equal(
            new, old.reshape(*old.shape[: old.ndim - 2], -1)[..., place].reshape(*old.shape[: old.ndim - 2], *shape)
        )
    np.testing.assert_array_equal(after.maps["vector"], np.stack([np.asarray(after.maps["place"])] * 2))


EDITS = {
    "crop": (lambda ms: crop(ms, ((1, 4), (0, 5))), (3, 5)),
    "tile": (lambda ms: tile(ms, (1, 3)), (6, 15)),
    "mirror": (mirror, (12, 10)),
    "mirror x": (lambda ms: mirror(ms, 0), (12, 5)),
}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("sharp", [True, False])
def test_all_parts_move_together_and_voxels_keep_their_size(edit, sharp):
    change, shape = EDITS[edit]
    before = everything(sharp)
    after = change(before)
    assert after.grid.shape == shape
    assert after.is_sharp == sharp
    check_moved_together(before, after)
    np.testing.assert_allclose(after.grid.spacing, before.grid.spacing, rtol=1e-15)
    assert after.provenance == before.provenance
    assert len(after.notes) == len(before.notes) + 1


def test_the_places_are_the_expected_ones():
    place = np.arange(30).reshape(6, 5)
    np.testing.assert_array_equal(crop(everything(), ((1, 4), (2, 5))).maps["place"], place[1:4, 2:5])
    np.testing.assert_array_equal(tile(everything(), 2).maps["place"], np.tile(place, (2, 2)))
    np.testing.assert_array_equal(mirror(everything(), 1).maps["place"], np.concatenate([place, place[:, ::-1]], axis=1))
    np.testing.assert_array_equal(split_voxels(everything(), (1, 2)).maps["place"], np.repeat(place, 2, axis=1))


def test_split_voxels_keep_the_cell():
    ms = split_voxels(everything(), 4)
    assert ms.grid == Grid((24, 20), (3.0, 10.0))
    np.testing.assert_allclose(ms.volume_fractions, everything().volume_fractions, atol=1e-15)
    np.testing.assert_array_equal(ms.labels[::4, ::4], everything().labels)
    np.testing.assert_array_equal(ms.orientation[:, 3::4, 3::4], everything().orientation)
    flat = split_voxels(everything(sharp=False), 2)
    np.testing.assert_array_equal(flat.fractions[:, 1::2, ::2], everything(sharp=False).fractions)


@pytest.mark.slow
@given(shape=st.tuples(st.integers(2, 13), st.integers(2, 13)))
@settings(max_examples=5, deadline=None)
def test_resampling_keeps_every_volume(shape):
    ms = everything().replace(mask=None)
    new = resample(ms, shape)
    np.testing.assert_allclose(new.volume_fractions, ms.volume_fractions, atol=1e-14)
    np.testing.assert_allclose(new.fractions.sum(axis=0), 1, atol=1e-14)
    assert new.grid == Grid(shape, GRID.lengths)


def test_downsampling_undoes_splitting_and_averages_blocks():
    ms = everything(sharp=False)
    back = downsample(split_voxels(ms, (2, 3)), (2, 3))
    np.testing.assert_allclose(back.fractions, ms.fractions, atol=1e-15)
    np.testing.assert_array_equal(back.maps["place"], ms.maps["place"])
    np.testing.assert_array_equal(back.orientation, ms.orientation)
    blocks = np.asarray(ms.fractions).reshape(3, 3, 2, 5).mean(axis=2)
    np.testing.assert_allclose(downsample(ms, (2, 1)).fractions, blocks, atol=1e-15)
    with pytest.raises(ValueError, match=r"`factor` must divide the voxels along each axis, but it is \(4, 4\) on \(6, 5\). Use resample"):
        downsample(ms, 4)


def test_sharpening():
    ms = everything(sharp=False)
    np.testing.assert_array_equal(sharpen(ms).labels, np.asarray(ms.fractions).argmax(axis=0))
    assert sharpen(everything()).notes == everything().notes


@pytest.mark.slow
def test_a_map_cut_from_a_larger_one_loses_its_jump():
    """Changes across the seam over those inside, for ten maps together: one seam alone holds few features."""
    found = {"whole": [], "as_is": [], "mirror": [], "blend": []}
    for key in jax.random.split(KEY, 10):
        whole = random_field(Grid((40, 40)), key=key, correlation_length=2.5)
        cut = crop(whole, ((3, 35), (5, 37)))
        found["whole"].append(seam_report(whole))
        for treatment in ("as_is", "mirror", "blend"):
            found[treatment].append(seam_report(make_periodic(cut, treatment)))
    seam = {name: np.mean([r.seam for r in reports]) for name, reports in found.items()}
    inside = {name: np.mean([r.inside for r in reports]) for name, reports in found.items()}
    assert seam["as_is"] > 3 * inside["as_is"]
    assert seam["mirror"] == 0
    assert seam["blend"] < 1.8 * inside["blend"]  # one step of the fade over four layers is left of the jump, and features
    assert abs(seam["whole"] / inside["whole"] - 1) < 0.25  # a cell that is periodic shows no seam
    np.testing.assert_allclose(inside["blend"], inside["as_is"], rtol=0.1)


def test_mirrored_orientations_are_kept():
    ms = everything()
    np.testing.assert_array_equal(make_periodic(ms, "mirror").orientation[:, 11, 9], ms.orientation[:, 0, 0])


def test_a_blend_cross_fades_linearly_and_is_shorter():
    ramp = jnp.broadcast_to(jnp.arange(8.0)[:, None] / 8, (8, 4))
    ms = Microstructure(fractions=jnp.stack([1 - ramp, ramp]), maps={"place": np.arange(32).reshape(8, 4)})
    new = make_periodic(ms, "blend", width=(3, 1))
    assert new.grid.shape == (5, 3)
    values = np.arange(8) / 8
    weights = np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(new.fractions[1, :, 1], [*(weights * values[:3] + (1 - weights) * values[5:]), values[3], values[4]])
    np.testing.assert_array_equal(np.asarray(new.maps["place"])[:, 1] // 4, [5, 1, 2, 3, 4])  # each from the nearer edge
    np.testing.assert_allclose(new.grid.spacing, [1, 1])


def test_the_effect_is_in_the_notes():
    note = make_periodic(everything(), "mirror").notes[-1]
    assert note.startswith("periodic='mirror': phase changes across the seam x 0.0 % against")
    assert "untreated x" in note


def test_reports_of_labels_and_of_fractions_agree():
    ms = everything()
    sharp, soft = seam_report(ms), seam_report(ms.replace(fractions=ms.fractions))
    np.testing.assert_allclose(sharp.seam, soft.seam, atol=1e-15)
    np.testing.assert_allclose(sharp.inside, soft.inside, atol=1e-15)
    labels = np.asarray(ms.labels)
    np.testing.assert_allclose(sharp.seam, [np.mean(labels[0] != labels[-1]), np.mean(labels[:, 0] != labels[:, -1])])


def test_the_ratio_of_a_cell_that_changes_only_at_its_seam_is_infinite():
    ms = Microstructure(labels=[[0, 0], [1, 1]])
    np.testing.assert_array_equal(seam_report(ms).ratio, [1, 0])
    edge = Microstructure(fractions=np.ones((1, 2, 2)))
    np.testing.assert_array_equal(seam_report(edge).ratio, [0, 0])
    report = seam_report(ms)
    np.testing.assert_array_equal(type(report)(seam=jnp.ones(2), inside=jnp.array([0.0, 0.5])).ratio, [np.inf, 2])


def test_edits_run_under_jit_and_are_linear_in_fractions():
    ms = everything(sharp=False)

    def through(fractions):
        new = make_periodic(resample(tile(split_voxels(ms.replace(fractions=fractions), 2), 2), (9, 7)), "blend")
        return jnp.sum(new.fractions[1] ** 2)

    weights = jax.random.normal(KEY, ms.fractions.shape)
    forward, gradient = jax.jit(lambda f: (jax.jvp(through, (f,), (weights,))[1], jax.grad(through)(f)))(ms.fractions)
    call = jax.jit(through)
    expected = (call(ms.fractions + 1e-6 * weights) - call(ms.fractions - 1e-6 * weights)) / 2e-6
    np.testing.assert_allclose([forward, jnp.vdot(gradient, weights)], [expected] * 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda ms: crop(ms, ((0, 7), (0, 5))), r"inside the \(6, 5\) voxels and be at least two wide, but it is \(\(0, 7\), \(0, 5\)\)"),
        (lambda ms: crop(ms, ((2, 3), (0, 5))), "at least two wide"),
        (lambda ms: crop(ms, (0, 3)), r"A window must be \(\(x0, x1\), \(y0, y1\)\) in whole voxels, but it is \(0, 3\)"),
        (lambda ms: crop(ms, ((0, 2.5), (0, 3))), r"in whole voxels, but it is \(\(0, 2.5\), \(0, 3\)\)"),
        (lambda ms: tile(ms, 0), "`times` must be a positive whole number, or one per axis"),
        (lambda ms: mirror(ms, (0, 0)), "distinct axes"),
        (lambda ms: split_voxels(ms, (2, 2, 2)), r"one per axis \(2\), but it is \(2, 2, 2\)"),
        (lambda ms: make_periodic(ms, "mirrored"), "Did you mean 'mirror'"),
        (lambda ms: make_periodic(ms, "mirror", width=2), "`width` belongs to treatment='blend'"),
        (lambda ms: make_periodic(ms, "blend", width=4), r"at most half of each edge, but it is \(4, 4\) on \(6, 5\)"),
    ],
)
def test_bad_input_is_named(as_user, edit, message):
    with pytest.raises(ValueError, match=message):
        edit(everything())
