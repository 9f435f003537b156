"""Crops of maps and folders of files: each window is where its record says."""

import jax
import numpy as np
import pytest

from jaxmicro.datasets import crops, from_folder
from jaxmicro.io import read, write
from jaxmicro.microstructures import Microstructure


def numbered(shape, seed=0):
    return Microstructure(labels=np.random.default_rng(seed).integers(0, 3, shape), phases=("a", "b", "c"), provenance=f"map {seed}")


def test_a_window_is_where_its_origin_says():
    ms = numbered((9, 12))
    pieces = crops(ms, (4, 5), 30, key=jax.random.key(0))
    assert pieces.images.shape == (30, 3, 4, 5)
    assert not pieces.periodic
    labels = np.asarray(ms.labels)
    for image, (x, y) in zip(np.asarray(pieces.images), pieces.origins, strict=True):
        np.testing.assert_array_equal(image.argmax(axis=0), labels[x : x + 4, y : y + 5])
    assert pieces.origins.min(axis=0).tolist() == [0, 0]
    assert pieces.origins.max(axis=0).tolist() == [5, 7]
    assert "map 0" in pieces.description


def test_fractions_stay_fractions():
    fractions = np.random.default_rng(1).dirichlet([1, 1], size=(6, 6)).transpose(2, 0, 1)
    pieces = crops(Microstructure(fractions=fractions), 3, 5, key=jax.random.key(0))
    assert pieces.images.dtype == "float32"
    x, y = pieces.origins[0]
    np.testing.assert_allclose(pieces.images[0], fractions[:, x : x + 3, y : y + 3], atol=1e-6)


def test_maps_get_windows_in_proportion_to_their_places():
    with pytest.warns(UserWarning, match=r"do not fit into 1 of 3 maps, which are left out: map 2 \(3 x 9\)"):
        pieces = crops([numbered((5, 5)), numbered((5, 13), 1), numbered((3, 9), 2)], 4, 400, key=jax.random.key(0))
    assert pieces.description == "400 random crops of 4 x 4 voxels from map 0; map 1"
    counts = np.bincount(pieces.sources, minlength=3)
    assert counts[2] == 0  # too small for any window
    assert abs(counts[0] / 400 - 4 / 24) < 0.06


def test_a_description_names_files_in_the_middle_of_its_sentence(tmp_path):
    write(tmp_path / "small.png", numbered((6, 8)))
    pieces = crops(read(tmp_path / "small.png"), 4, 3, key=jax.random.key(0))
    assert pieces.description == "3 random crops of 4 x 4 voxels from small.png"


def test_the_same_key_cuts_the_same_windows():
    ms = numbered((9, 12))
    one, two, other = (crops(ms, 4, 10, key=jax.random.key(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.images, two.images)
    assert not np.array_equal(one.origins, other.origins)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: crops(numbered((5, 5)), 6, 3, key=jax.random.key(0)), r"\(6, 6\) and they have \[\(5, 5\)\] voxels"),
        (lambda: crops(numbered((5, 5)), (2, 2, 2), 3, key=jax.random.key(0)), "2 numbers of at least 2 voxels"),
        (lambda: crops(numbered((5, 5)), 4, 0, key=jax.random.key(0)), "at least 1, but it is 0"),
        (lambda: crops([], 4, 1, key=jax.random.key(0)), "at least one microstructure"),
        (
            lambda: crops([numbered((5, 5)), Microstructure(labels=np.eye(5, dtype=int))], 4, 9, key=jax.random.key(0)),
            "the same phases",
        ),
    ],
)
def test_bad_crops_are_explained(call, words):
    with pytest.raises(ValueError, match=words):
        call()


@pytest.fixture
def folder(tmp_path):
    for seed in range(2):
        write(tmp_path / f"map-{seed}.npz", numbered((6, 8), seed))
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_a_folder_is_read_in_the_order_of_its_names(folder):
    whole = from_folder(folder)
    assert whole.images.shape == (2, 3, 6, 8)
    assert whole.phases == ("a", "b", "c")
    assert not whole.periodic
    np.testing.assert_array_equal(np.asarray(whole.images[1]).argmax(axis=0), numbered((6, 8), 1).labels)
    pieces = from_folder(folder, 4, 7, key=jax.random.key(0))
    assert pieces.images.shape == (7, 3, 4, 4)


def test_bad_folders_are_explained(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="must be a folder"):
        from_folder(folder / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"known kind \(.*\.png"):
        from_folder(tmp_path / "empty")
    with pytest.raises(ValueError, match="`n` and `key` must be given"):
        from_folder(folder, 4)
    with pytest.raises(ValueError, match="files are taken whole"):
        from_folder(folder, n=4)


def test_crops_of_a_real_micrograph(shared_data):
    file = shared_data / "micrograph_dual_phase_steel" / "odd_image.npz"
    if not file.is_file():
        pytest.skip(f"{file} not found")
    ms = read(file, phases=("ferrite", "martensite"), axes="yx")
    pieces = crops(ms, 64, 200, key=jax.random.key(0))
    assert pieces.images.shape == (200, 2, 64, 64)
    share = np.asarray(pieces.images[:, 1], float).mean()
    assert abs(float(ms.volume_fractions[1]) - 0.1171) < 1e-4
    assert abs(share - 0.1171) < 0.02
