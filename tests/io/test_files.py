import os

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.io import FORMATS, Format, Raster, ReadError, files, read, read_euler_map, write, write_euler_map
from jaxmicro.microstructures import Microstructure, crop, make_periodic, random_field

LABELS = np.add.outer(np.arange(12), np.arange(10)) // 3 % 3


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "map.npy", LABELS)
    return tmp_path / "map.npy"


def test_crops_spacing_and_periodic_treatment(path):
    ms = read(path, crop=((2, 10), (0, 6)), spacing=(0.5, 2.0), periodic="mirror")
    assert ms.grid == Grid((16, 12), (8.0, 24.0))
    np.testing.assert_array_equal(ms.labels[:8, :6], LABELS[2:10, :6])
    assert any(note.startswith("periodic='mirror': phase changes across the seam x 0.0 %") for note in ms.notes)
    assert any("cropped to voxels 2 … 10, 0 … 6" in note for note in ms.notes)
    assert ms == make_periodic(crop(read(path, spacing=(0.5, 2.0)), ((2, 10), (0, 6))), "mirror")


def test_defaults_are_noted(path):
    notes = read(path).notes
    assert "no voxel size was given: edges of 1" in notes
    assert any(note.startswith("periodic='as_is': phase changes across the seam") for note in notes)
    assert not any("voxel size" in note for note in read(path, spacing=0.1).notes)


def test_phases_are_decided_on_the_whole_file(path):
    ms = read(path, crop=((0, 5), (0, 2)))
    assert (ms.n_phases, int(ms.labels.max())) == (3, 1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"crop": ((0, 13), (0, 4))}, ValueError, r"A window must lie inside the \(12, 10\) voxels"),
        ({"periodic": "mirorr"}, ValueError, "Did you mean 'mirror'"),
        ({"spacing": -1.0}, ValueError, r"`spacing` must be one positive number or one per axis \(2\), but it is -1.0"),
        ({"spacing": (1.0, 2.0, 3.0)}, ValueError, "`spacing` must be one positive number"),
        ({"key": "a"}, TypeError, "`key` is no option of a NumPy array: it has axes"),
        ({"spacing": "1um"}, ValueError, r"`spacing` must be one positive number .*, but it is '1um'. Write spacing=0.5"),
        ({"spacing": (1.0, None)}, ValueError, "`spacing` must be one positive number"),
        ({"max_bytes": 0}, ValueError, "`max_bytes` must be a positive number of bytes, but it is 0"),
        ({"max_bytes": "1GB"}, ValueError, r"`max_bytes` must be a positive number of bytes, but it is '1GB'. Write max_bytes=10\*\*9"),
        ({"max_bytes": float("inf")}, ValueError, "`max_bytes` must be a positive number of bytes, but it is inf"),
    ],
)
def test_bad_options_are_named(as_user, path, options, error, message):
    with pytest.raises(error, match=message):
        read(path, **options)


def test_missing_files_folders_and_unknown_endings(path):
    with pytest.raises(FileNotFoundError, match=r"mpa\.npy` does not exist. Did you mean 'map.npy'"):
        read(path.with_name("mpa.npy"))
    with pytest.raises(FileNotFoundError, match=r"zz\.npy` does not exist.$"):
        read(path.with_name("zz.npy"))
    with pytest.raises(ReadError, match=r"is a folder with 0 .ang or .ctf files"):
        read(path.parent)
    path.with_name("map.gif").touch()
    with pytest.raises(ReadError, match=r"has extension '.gif', which is not supported. Supported: .png, .jpg"):
        read(path.with_name("map.gif"))
    with pytest.raises(ValueError, match=r"has extension '.jpg', which is not supported. Supported: .png, .tif, .tiff, .npz"):
        write(path.with_name("map.jpg"), read(path))
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write(path.parent / "none" / "map.npz", read(path))
    path.with_name("folder.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        write(path.with_name("folder.npz"), read(path))


def test_a_failed_write_leaves_what_was_there(tmp_path):
    target = tmp_path / "map.tif"
    write(target, Microstructure(labels=LABELS))
    before = target.read_bytes()
    with pytest.raises(TypeError, match="A TIFF file holds a Microstructure, but the value is a Grid"):
        write(target, Grid((2, 2)))
    assert target.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["map.tif"]


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "map.npz", Microstructure(labels=LABELS))
    assert list(tmp_path.iterdir()) == []


def test_equal_values_give_equal_files_with_usual_permissions(tmp_path):
    for name in ("a.npz", "b.npz"):
        write(tmp_path / name, Microstructure(labels=LABELS))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_new_format_is_one_value(tmp_path, monkeypatch):
    def load(path, max_bytes, shift=0):
        return Raster(np.loadtxt(path, dtype=int) + shift)

    monkeypatch.setattr(files, "FORMATS", (*FORMATS, Format("text", (".txt",), load, options=("shift",))))
    np.savetxt(tmp_path / "map.txt", LABELS, fmt="%d")
    np.testing.assert_array_equal(read(tmp_path / "map.txt", shift=3).labels, LABELS)
    (tmp_path / "map.xyz").touch()
    with pytest.raises(ReadError, match=r"\.dream3d, \.txt"):
        read(tmp_path / "map.xyz")


def test_a_saved_cell_can_be_cropped_and_treated(tmp_path):
    ms = random_field(Grid((12, 10)), key=jax.random.key(0))
    write(tmp_path / "cell.npz", ms)
    assert read(tmp_path / "cell.npz").notes == ms.notes
    assert read(tmp_path / "cell.npz", crop=((0, 6), (0, 10)), periodic="mirror").grid.shape == (12, 20)
    with pytest.raises(ReadError, match=r"holds a whole Microstructure\. Leave `phases`, `threshold` and `spacing` out"):
        read(tmp_path / "cell.npz", phases=2)
    write(tmp_path / "grid.npz", ms.grid)
    with pytest.raises(ReadError, match="holds a Grid, which has no voxels to treat"):
        read(tmp_path / "grid.npz", periodic="mirror")


@pytest.mark.parametrize("path", [5, b"map.ctf", None])
def test_paths_that_are_none(as_user, path):
    for call in (
        read,
        lambda path: write(path, None),
        read_euler_map,
        lambda path: write_euler_map(path, Microstructure(labels=[[0, 1]] * 2)),
    ):
        with pytest.raises((TypeError, ValueError), match=r"`path` must be a text or a pathlib.Path, but it is|must have orientations"):
            call(path)


def test_an_empty_path_names_no_file():
    for call in (read, read_euler_map, lambda path: write(path, None)):
        with pytest.raises(ValueError, match="`path` must name a file, but it is empty"):
            call("")


def test_a_crop_that_does_not_fit_names_the_file(path):
    with pytest.raises(ReadError, match=r"map\.npy` holds 12 × 10 voxels and cannot be cropped so: A window must lie inside"):
        read(path, crop=((0, 13), (0, 4)))
