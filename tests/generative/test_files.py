"""Codecs as files: what is saved comes back, what is damaged or foreign is refused."""

import json

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from jaxmicro.generative import load, pretrained_names, save
from jaxmicro.generative.files import read_arrays


def test_a_saved_codec_comes_back_whole(tiny, tmp_path):
    tiny.save(tmp_path / "codec.safetensors")
    back = load(tmp_path / "codec.safetensors")
    assert back.config == tiny.config
    assert back.history == tiny.history
    assert back.card == json.loads(json.dumps(tiny.card))
    for a, b in zip(jax.tree.leaves(tiny), jax.tree.leaves(back), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [file.name for file in tmp_path.iterdir()] == ["codec.safetensors"]


def test_half_precision_is_half_the_size_and_close(tiny, latents, tmp_path):
    save(tiny, tmp_path / "full.safetensors")
    save(tiny, tmp_path / "half.safetensors", half=True)
    half = load(tmp_path / "half.safetensors")
    assert {leaf.dtype for leaf in jax.tree.leaves(half.weights)} == {np.dtype("float32")}
    assert (tmp_path / "half.safetensors").stat().st_size < 0.8 * (tmp_path / "full.safetensors").stat().st_size
    np.testing.assert_allclose(half.decode(latents), tiny.decode(latents), atol=5e-3)


def test_every_truncation_is_refused(tiny, tmp_path):
    tiny.save(tmp_path / "codec.safetensors")
    whole = (tmp_path / "codec.safetensors").read_bytes()
    for length in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.safetensors").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.safetensors.* truncated"):
            load(tmp_path / "cut.safetensors")


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "text").write_text("no codec at all, but long enough to be one")
    with pytest.raises(ValueError, match="must be a complete codec"):
        load(tmp_path / "text")
    save_file({"a": np.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="format 'jaxmicro-codec-1', but its format is None"):
        load(tmp_path / "other.safetensors")


def changed(tiny, folder, arrays=lambda x: x, header=lambda x: x):
    path = folder / "codec.safetensors"
    tiny.save(path)
    kept, card = load_file(path), read_arrays(path, "jaxmicro-codec-1", "codec")[1]
    save_file(arrays(kept), path, metadata=header(card))
    return path


def test_files_that_do_not_fit_themselves_are_refused(tiny, tmp_path):
    one = next(name for name in load_file(_saved(tiny, tmp_path)) if name.endswith("entry.kernel"))
    with pytest.raises(ValueError, match=f"must hold '{one}'"):
        load(changed(tiny, tmp_path, arrays=lambda x: {name: x[name] for name in x if name != one}))
    with pytest.raises(ValueError, match=r"of shape .* damaged"):
        load(changed(tiny, tmp_path, arrays=lambda x: x | {one: x[one][..., :1].copy()}))
    with pytest.raises(ValueError, match="unknown field `colour`"):
        load(changed(tiny, tmp_path, header=lambda x: x | {"config": '{"colour": 1}'}))


def _saved(tiny, folder):
    tiny.save(folder / "first.safetensors")
    return folder / "first.safetensors"


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(FileNotFoundError, match="Did you mean 'two-phase-64'"):
        load("two-phase-46")


def test_a_failed_write_leaves_nothing(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("os.replace", _refuse)
    with pytest.raises(OSError, match="disk"):
        tiny.save(tmp_path / "codec.safetensors")
    assert list(tmp_path.iterdir()) == []


def _refuse(*arguments):
    raise OSError("disk full")


def test_shipped_codecs_load(tmp_path):
    assert "two-phase-64" in pretrained_names()
    for name in pretrained_names():
        assert load(name).card["training_data"]["description"]
