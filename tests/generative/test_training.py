"""Training: same key same codec, resumption bit for bit, errors with the way out."""

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from jaxmicro.generative import CodecConfig, train
from jaxmicro.generative.augmentation import augment
from jaxmicro.generative.checkpoint import FILE


def same(one, other):
    leaves = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


class Interrupted(Exception):
    """Stands for a power cut."""


def stop_at(step):
    def progress(done, total, values):
        if done >= step:
            raise Interrupted

    return progress


def test_the_same_key_gives_the_same_codec_bit_for_bit(tiny, cells, tiny_config):
    again = train(cells, tiny_config, key=jax.random.key(0))
    assert same(again, tiny)
    assert again.history == tiny.history
    assert {leaf.dtype for leaf in jax.tree.leaves(again.weights)} == {np.dtype("float32")}


def test_another_key_gives_another_codec(tiny, cells, tiny_config):
    assert not same(train(cells, tiny_config, key=jax.random.key(1)), tiny)


def test_training_reduces_the_loss_and_reports(tiny, tiny_config):
    assert [entry.epoch for entry in tiny.history] == [1, 2]
    assert tiny.history[1].loss < tiny.history[0].loss
    assert 0.4 < tiny.history[1].accuracy <= 1
    assert tiny.card["training_data"]["images"] == 24
    assert tiny.phases == ("phase 0", "phase 1")


def test_an_interrupted_run_resumes_bit_for_bit(tiny, cells, tiny_config, tmp_path):
    with pytest.raises(Interrupted):
        train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=tmp_path, progress=stop_at(4))
    assert [file.name for file in tmp_path.iterdir()] == [FILE]
    resumed = train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=tmp_path, resume=True)
    assert same(resumed, tiny)
    assert resumed.history == tiny.history
    finished = train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=tmp_path, resume=True)
    assert same(finished, tiny)


@pytest.fixture
def run(cells, tiny_config, tmp_path):
    """A folder with the checkpoint of an interrupted run."""
    with pytest.raises(Interrupted):
        train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=tmp_path, progress=stop_at(4))
    return tmp_path


def test_another_configuration_is_refused_by_name(run, cells, tiny_config):
    other = msgspec.structs.replace(tiny_config, epochs=5, kl_weight=0.7)
    with pytest.raises(ValueError, match=r"differs in: epochs \(5 here, 2 there\); kl_weight \(0\.7 here, 0\.3 there\)"):
        train(cells, other, key=jax.random.key(0), checkpoint_dir=run, resume=True)


def test_another_architecture_is_refused_by_name(run, cells, tiny_config):
    other = msgspec.structs.replace(tiny_config, widths=(6, 10))
    with pytest.raises(ValueError, match=r"widths \(\(6, 10\) here, \(6, 8\) there\)"):
        train(cells, other, key=jax.random.key(0), checkpoint_dir=run, resume=True)


def test_another_key_or_dataset_is_refused_by_name(run, cells, tiny_config):
    with pytest.raises(ValueError, match=r"differs in: key \(another seed\); dataset"):
        train(cells.images[:20], tiny_config, key=jax.random.key(1), checkpoint_dir=run, resume=True)


def test_a_run_is_never_overwritten(run, cells, tiny_config):
    before = (run / FILE).read_bytes()
    with pytest.raises(FileExistsError, match="resume=True or another folder"):
        train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=run)
    assert (run / FILE).read_bytes() == before


def test_a_damaged_checkpoint_is_refused(run, cells, tiny_config):
    (run / FILE).write_bytes((run / FILE).read_bytes()[:-100])
    with pytest.raises(ValueError, match="truncated"):
        train(cells, tiny_config, key=jax.random.key(0), checkpoint_dir=run, resume=True)


def test_resumption_needs_a_folder(cells, tiny_config):
    with pytest.raises(ValueError, match="`checkpoint_dir` must be given to resume"):
        train(cells, tiny_config, key=jax.random.key(0), resume=True)


def test_a_loss_that_explodes_stops_the_run(cells):
    wild = CodecConfig(patch=4, widths=(4,), blocks=1, learning_rate=1e30, batch_size=8, epochs=3)
    with pytest.raises(FloatingPointError, match="Lower `learning_rate`"):
        train(cells.images, wild, key=jax.random.key(0))


@pytest.mark.parametrize(
    ("change", "data", "words"),
    [
        ({"patch": 8}, lambda x: x[:, :, :12, :12], "multiples of the codec's factor 16"),
        ({"phases": 3}, lambda x: x, "3 channels"),
        ({"rotations": True}, lambda x: x[:, :, :8], "square for `rotations`"),
        ({}, lambda x: x[:1], "at least 2 images, but it holds 1"),
        ({}, lambda x: jnp.zeros_like(x).at[:, 0].set(1), "more than one phase"),
        ({}, lambda x: x / jnp.where(x.at[0, 0, 0, 0].get() > 5, 1.0, 0.5), r"\[0, 1\]"),
        ({}, lambda x: x.astype(float).at[0, :, 0, 0].set(jnp.nan), "must be finite"),
    ],
)
def test_bad_datasets_are_explained(cells, tiny_config, change, data, words):
    with pytest.raises(ValueError, match=words):
        train(data(cells.images), msgspec.structs.replace(tiny_config, **change), key=jax.random.key(0))


def test_crops_are_not_rolled(cells, tiny_config):
    import dataclasses

    with pytest.raises(ValueError, match=r"`config\.periodic` must be False"):
        train(dataclasses.replace(cells, periodic=False), tiny_config, key=jax.random.key(0))


def test_augmentation_moves_images_and_changes_no_statistics(tiny_config):
    images = jnp.asarray(np.random.default_rng(0).uniform(size=(40, 2, 6, 6)))
    key = jax.random.key(0)
    plain = msgspec.structs.replace(tiny_config, periodic=False)
    np.testing.assert_array_equal(augment(images, plain, key), images)
    rolled = augment(images, tiny_config, key)
    matches = [
        any(np.array_equal(np.roll(a, (i, j), (1, 2)), b) for i in range(6) for j in range(6)) for a, b in zip(images, rolled, strict=True)
    ]
    assert all(matches)
    assert len({tuple(np.argwhere(np.isclose(b[0], a[0, 0, 0]))[0]) for a, b in zip(images, rolled, strict=True)}) > 10
    turned = augment(images, msgspec.structs.replace(plain, flips=True, rotations=True), key)
    symmetries = {}
    for a, b in zip(images, turned, strict=True):
        for turns in range(4):
            for flip in (False, True):
                candidate = np.rot90(a[:, ::-1] if flip else a, turns, (1, 2))
                if np.array_equal(candidate, b):
                    symmetries[turns, flip] = symmetries.get((turns, flip), 0) + 1
    assert sum(symmetries.values()) == 40
    assert len(symmetries) == 8
