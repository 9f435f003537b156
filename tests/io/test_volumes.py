"""Volumes that are opened and read box by box, against the same file read whole."""

import os
import zipfile

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.io import DataWarning, ReadError, open_volume, otsu_thresholds, read, volume_sources
from jaxmicro.io import volume as volume_module

RNG = np.random.default_rng(0)
VALUES = RNG.choice([0, 5, 255], (7, 6, 5), p=(0.5, 0.3, 0.2)).astype(np.uint8)  # x, y, z
VALUES[:4, :3, :2] = 0  # a box of one phase
LABELS = np.searchsorted([0, 5, 255], VALUES)
PLAIN = {"shape": (7, 6, 5)}


def raw(path, values=VALUES, order="zyx"):
    np.transpose(values, ["xyz".index(letter) for letter in order]).tofile(path)


def tiff(**options):
    return lambda path: tifffile.imwrite(path, VALUES.T, photometric="minisblack", **options)


def by_pillow(compression):
    def save(path):
        pages = [Image.fromarray(page) for page in VALUES.T]
        pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)

    return save


def hdf5(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("scan/volume", data=VALUES.T[None], chunks=(1, 2, 3, 4), compression="gzip")
        file["scan/number"] = 3.0


def in_zip(compression, save, name):
    def write(path):
        save(path.with_name(name))
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("notes.txt", "nothing")
            archive.write(path.with_name(name), f"sub/{name}")

    return write


def folder(path):
    path.mkdir()
    for k, page in enumerate(VALUES.T):
        Image.fromarray(page).save(path / f"s{k + 8}.png")


def npy(path):
    np.save(path, VALUES)


FILES = {
    "raw": ("a.raw", raw, PLAIN),
    "raw, z fastest": ("a.raw", lambda path: raw(path, order="xyz"), PLAIN | {"axes": "xyz"}),
    "raw, y fastest, big-endian": ("a.bin", lambda path: raw(path, VALUES.astype(">i2"), "xzy"), PLAIN | {"axes": "xzy", "dtype": ">i2"}),
    "npy": ("a.npy", npy, {}),
    "npy in Fortran's order, floats": ("a.npy", lambda path: np.save(path, np.asfortranarray(VALUES.astype(np.float32))), {}),
    "npy, last axis x": ("a.npy", lambda path: np.save(path, VALUES.T), {"axes": "zyx"}),
    "npz stored": ("a.npz", lambda path: np.savez(path, a=VALUES, b=VALUES), {"key": "a"}),
    "npz packed": ("a.npz", lambda path: np.savez_compressed(path, a=VALUES), {}),
    "tiff": ("a.tif", tiff(), {}),
    "tiff, big-endian": ("a.tif", lambda path: tifffile.imwrite(path, VALUES.T.astype(">u2"), byteorder=">", photometric="minisblack"), {}),
    "tiff, deflated": ("a.tif", tiff(compression="zlib", predictor=True), {}),
    "tiff, packed bits": ("a.tif", by_pillow("packbits"), {}),
    "tiff, LZW": ("a.tif", by_pillow("tiff_lzw"), {}),
    "tiff of ImageJ": ("a.tif", lambda path: tifffile.imwrite(path, VALUES.T, imagej=True, metadata={"axes": "ZYX"}), {}),
    "hdf5": ("a.h5", hdf5, {"axes": "zyx"}),
    "zip, stored": ("a.zip", in_zip(zipfile.ZIP_STORED, raw, "a.raw"), PLAIN),
    "zip, packed": ("a.zip", in_zip(zipfile.ZIP_DEFLATED, raw, "a.raw"), PLAIN),
    "zip, stored npy": ("a.zip", in_zip(zipfile.ZIP_STORED, npy, "a.npy"), {}),
    "zip, tiff": ("a.zip", in_zip(zipfile.ZIP_DEFLATED, tiff(), "a.tif"), {}),
    "folder": ("slices", folder, {}),
}


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    name, save, options = FILES[request.param]
    save(tmp_path / name)
    return tmp_path / name, options


def test_boxes_are_those_of_the_whole_file(file):
    path, options = file
    with open_volume(path, **options) as volume:
        assert volume.shape == (7, 6, 5)
        whole = volume.read()
        assert whole.dtype == volume.dtype
        assert whole.dtype.isnative
        np.testing.assert_array_equal(whole, VALUES)
        np.testing.assert_array_equal(volume[2:5, :3, 1:4], VALUES[2:5, :3, 1:4])
        np.testing.assert_array_equal(volume[::-2, -1, ..., ::2], VALUES[::-2, -1, ..., ::2])
        np.testing.assert_array_equal(volume[-3], VALUES[-3])
        assert volume[3:3].shape == (0, 6, 5)
        found, counts = volume.values()
        np.testing.assert_array_equal(found, [0, 5, 255])
        np.testing.assert_array_equal(counts, np.unique(VALUES, return_counts=True)[1])


def test_blocks_fill_the_volume_once(file):
    path, options = file
    got, times = np.zeros(VALUES.shape, int), np.zeros(VALUES.shape, int)
    with open_volume(path, **options) as volume:
        for block in volume.blocks((3, None, 2), overlap=(1, 0, 2)):
            core = tuple(slice(*pair) for pair in block.core)
            values = block.read()
            np.testing.assert_array_equal(values, VALUES[tuple(slice(*pair) for pair in block.window)])
            got[core], times[core] = values[block.inside], times[core] + 1
    np.testing.assert_array_equal(got, VALUES)
    assert (times == 1).all()


def test_labels_mean_the_same_in_every_box(file):
    path, options = file
    whole = read(path, **options)
    with open_volume(path, **options) as volume:
        one = volume.microstructure(((0, 4), (0, 3), (0, 2)))
        assert one.phases == whole.phases
        assert (np.asarray(one.labels) == 0).all()
        part = volume.microstructure(((3, 7), (2, 6), (1, 5)))
        np.testing.assert_array_equal(part.labels, whole.labels[3:7, 2:6, 1:5])
        assert [note for note in whole.notes if "values taken as labels" in note] == [note for note in part.notes if "taken as" in note]
        named = volume.microstructure(phases={255: "solid", None: "pore"})
        np.testing.assert_array_equal(named.labels, VALUES != 255)


def test_white_as_zero_leaves_the_numbers_of_a_volume(tmp_path):
    for name, options in (("plain.tif", {}), ("packed.tif", {"compression": "zlib"})):
        tifffile.imwrite(tmp_path / name, VALUES.T, photometric="miniswhite", **options)
        with open_volume(tmp_path / name) as volume:
            assert any("zero is white" in note for note in volume.notes)
            found = volume.microstructure()
        with pytest.warns(DataWarning, match="zero is white"):
            whole = read(tmp_path / name)
        assert found == whole
        np.testing.assert_array_equal(found.labels, LABELS)


GREY = (RNG.normal(np.where(VALUES > 0, 180, 60), 12)).clip(0, 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("options", [{"threshold": 100}, {"threshold": (60, 100)}, {"threshold": "otsu"}, {"phases": ("a", "b", "c")}])
def test_grey_levels_are_cut_where_those_of_the_whole_file_are(tmp_path, monkeypatch, dtype, options):
    monkeypatch.setattr(volume_module, "MOST_VALUES", 130)  # the floats are binned, the integers counted
    monkeypatch.setattr(volume_module, "PIECE", 64)
    np.save(tmp_path / "grey.npy", GREY.astype(dtype))
    whole = read(tmp_path / "grey.npy", **options)
    with open_volume(tmp_path / "grey.npy") as volume:
        part = volume.microstructure(((1, 6), (2, 5), (0, 4)), **options)
        assert part.phases == whole.phases
        np.testing.assert_array_equal(part.labels, whole.labels[1:6, 2:5, 0:4])
        if dtype is np.float32:
            values, counts = volume.values()
            assert (values.size, counts.sum()) == (256, GREY.size)
            assert otsu_thresholds(values, 2, counts) == otsu_thresholds(GREY.astype(dtype), 2)


def test_a_map_is_opened_too(tmp_path):
    VALUES[..., 0].T.tofile(tmp_path / "map.raw")
    with open_volume(tmp_path / "map.raw", shape=(7, 6), spacing=(0.5, 0.25), unit="nm") as volume:
        np.testing.assert_array_equal(volume[1:3, 2:4], VALUES[1:3, 2:4, 0])
        assert (volume.spacing, volume.unit) == ((0.5, 0.25), "nm")
        ms = volume.microstructure(((3, 7), (2, 6)), periodic="mirror")
        np.testing.assert_allclose(ms.grid.lengths, (4, 2))
        assert "unit of length: nm" in ms.notes
        assert [block.core for block in volume.blocks((None, 4))] == [((0, 7), (0, 4)), ((0, 7), (4, 6))]


def test_a_volume_larger_than_its_limit_is_read_in_pieces(tmp_path, monkeypatch):
    """A sparse file of 300 MiB with a limit of 1 MiB at once."""
    monkeypatch.setattr(volume_sources, "MAPPED", 1 << 20)
    n = (640, 640, 768)
    with open(tmp_path / "big.raw", "wb") as file:
        file.truncate(int(np.prod(n)))
        file.seek(700 * n[0] * n[1])
        file.write(bytes([7]) * 1000)
    with open_volume(tmp_path / "big.raw", shape=n, max_bytes=1 << 20) as volume:
        assert volume[:, :2, 700].sum() == 7 * 1000
        ms = volume.microstructure(((0, 64), (0, 64), (690, 720)), phases=("a", "b"), threshold=1)
        np.testing.assert_allclose(ms.volume_fractions[1], 64 * 2 / (64 * 64 * 30))
        with pytest.raises(ReadError, match=r"holds a box of 640 x 640 x 768 voxels: 300 MiB once decoded, and `max_bytes` allows 1 MiB"):
            volume.read()


def test_closed_volumes_are_refused_and_unpacked_files_removed(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "temporary").mkdir()
    FILES["zip, packed"][1](tmp_path / "a.zip")
    with open_volume(tmp_path / "a.zip", **PLAIN) as volume:
        assert len(list((tmp_path / "temporary").rglob("a.raw"))) == 1
    assert os.listdir(tmp_path / "temporary") == []
    with pytest.raises(ValueError, match="must be open to be read, but it was closed"):
        volume[0]
    with pytest.raises(ReadError, match=r"packed, which is unpacked into a temporary file: 210 bytes .* allows 100 bytes"):
        open_volume(tmp_path / "a.zip", max_unpacked=100, **PLAIN)
    with pytest.raises(ReadError, match="takes 252"):
        open_volume(tmp_path / "a.zip", shape=(7, 6, 6))
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda v: v[7], IndexError, "7 is outside of its 7 voxels"),
        (lambda v: v[0, 0, 0, 0], IndexError, "up to 3 slices or whole numbers"),
        (lambda v: v[[0, 1]], IndexError, "up to 3 slices or whole numbers"),
        (lambda v: v.read(((0, 8), (0, 6), (0, 5))), ValueError, r"`crop` must be \(\(x0, x1\), .* inside of \(7, 6, 5\)"),
        (lambda v: v.read(((0, 2),)), ValueError, "`crop` must be"),
        (lambda v: v.microstructure(((0, 1), (0, 6), (0, 5))), ValueError, "at least two wide"),
        (lambda v: list(v.blocks(0)), ValueError, "`shape` must be a positive whole number, or one per axis"),
        (lambda v: list(v.blocks((2, 2))), ValueError, "`shape` must be"),
        (lambda v: list(v.blocks(2, overlap=-1)), ValueError, "`overlap` must be a whole number, 0 or more"),
        (lambda v: v.microstructure(phases=2), ReadError, "holds 3 distinct values"),
        (lambda v: v.microstructure(phases={0: "a", 5: "b"}), ReadError, r"does not name: 255: \d"),
        (lambda v: v.microstructure(threshold="li"), ReadError, "threshold='li' needs all values at once"),
    ],
)
def test_bad_boxes_are_named(as_user, tmp_path, use, error, message):
    raw(tmp_path / "a.raw")
    with open_volume(tmp_path / "a.raw", **PLAIN) as volume, pytest.raises(error, match=message):
        use(volume)


def test_what_cannot_be_opened_is_said(as_user, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        open_volume(tmp_path / "a.raw")
    raw(tmp_path / "a.raw")
    with pytest.raises(TypeError, match="`key` is no option of a file of plain numbers that is opened: it has shape"):
        open_volume(tmp_path / "a.raw", key="a")
    Image.fromarray(VALUES[..., 0]).save(tmp_path / "a.png")
    with pytest.raises(ReadError, match="is a single picture"):
        open_volume(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((5, 6, 3), np.uint8), photometric="rgb")
    with pytest.raises(ReadError, match="holds axes YXS"):
        open_volume(tmp_path / "c.tif")
    np.save(tmp_path / "short.npy", VALUES)
    (tmp_path / "short.npy").write_bytes((tmp_path / "short.npy").read_bytes()[:-1])
    with pytest.raises(ReadError, match="ends inside its array: 209 of 210 bytes are there"):
        open_volume(tmp_path / "short.npy")
    np.save(tmp_path / "nan.npy", np.where(VALUES > 0, np.nan, 1.0))
    with open_volume(tmp_path / "nan.npy") as volume, pytest.raises(ReadError, match="holds values that are not finite"):
        volume.values()


def test_chunks_that_inflate_without_end_are_refused(tmp_path):
    with h5py.File(tmp_path / "bomb.h5", "w") as file:
        file.create_dataset("v", data=np.zeros((64, 256, 256), np.uint8), chunks=(64, 256, 256), compression="gzip")
    with open_volume(tmp_path / "bomb.h5", max_bytes=1 << 20) as volume, pytest.raises(ReadError, match=r"in chunks of shape \(64, 256"):
        volume[0, :2, :2]


@pytest.mark.slow
def test_berea_by_blocks(shared_data):
    with open_volume(shared_data / "rock_berea" / "berea.zip") as volume:
        found, counts = volume.values()
        porosity = [np.mean(block.read() == 0) for block in volume.blocks(200)]
    np.testing.assert_array_equal(found, [0, 255])
    np.testing.assert_allclose(counts[0] / counts.sum(), 0.19645, atol=5e-6)
    np.testing.assert_allclose(np.mean(porosity), counts[0] / counts.sum())
