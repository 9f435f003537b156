import warnings
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.io import DataWarning, ReadError, read, write
from jaxmicro.microstructures import Microstructure

VOLUME = (np.arange(60).reshape(3, 4, 5) % 3).astype(np.uint8)  # pages, rows, columns


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.float32])
def test_pages_are_z_rows_are_y_columns_are_x(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME.astype(dtype), photometric="minisblack")
    ms = read(tmp_path / "map.tif")
    assert ms.grid.shape == (5, 4, 3)
    np.testing.assert_array_equal(ms.labels, VOLUME.transpose(2, 1, 0))
    assert any("pages along z" in note for note in ms.notes)


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
@pytest.mark.parametrize("phases", [1, 3, 17, 300])
def test_written_labels_come_back_with_their_names(tmp_path, shape, phases):
    labels = np.arange(np.prod(shape)).reshape(shape) % 3 * (phases // 3)  # most phases are absent
    written = Microstructure(labels=labels, phases=[f"p{i}" for i in range(phases)])
    write(tmp_path / "map.tiff", written)
    assert tifffile.imread(tmp_path / "map.tiff").shape == shape[::-1]
    found = read(tmp_path / "map.tiff")
    np.testing.assert_array_equal(found.labels, labels)
    assert found.phases == written.phases


@pytest.mark.parametrize("compression", ["packbits", "tiff_deflate", "tiff_lzw"])
def test_compressed_files(tmp_path, compression):
    pages = [Image.fromarray(page) for page in VOLUME]
    pages[0].save(tmp_path / "map.tif", save_all=True, append_images=pages[1:], compression=compression)
    np.testing.assert_array_equal(read(tmp_path / "map.tif").labels, VOLUME.transpose(2, 1, 0))


def test_a_stack_of_one_page_is_a_picture(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME[:1], photometric="minisblack")
    assert read(tmp_path / "map.tif").grid.shape == (5, 4)


def test_white_as_zero_is_turned_round_and_said(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME[0], photometric="miniswhite")
    with pytest.warns(DataWarning, match="white as zero: values were inverted"):
        found = read(tmp_path / "map.tif")
    assert [phase.name for phase in found.phases] == ["value 253", "value 254", "value 255"]


def test_a_volume_with_white_as_zero_keeps_its_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "volume.tif", VOLUME, photometric="miniswhite")
    with pytest.warns(DataWarning, match="zero is white: the numbers of the volume were kept"):
        found = read(tmp_path / "volume.tif")
    np.testing.assert_array_equal(found.labels, VOLUME.transpose(2, 1, 0))


def test_a_mask_that_is_stored_with_white_as_zero_is_no_silent_surprise(tmp_path):
    tifffile.imwrite(tmp_path / "mask.tif", VOLUME[0] == 1)
    with tifffile.TiffFile(tmp_path / "mask.tif") as file:
        assert int(file.pages[0].photometric) == 0  # what tifffile chooses for masks
    with pytest.warns(DataWarning, match="inverted"):
        np.testing.assert_array_equal(read(tmp_path / "mask.tif").labels, (VOLUME[0] != 1).T)


@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_stacks_without_axes_are_named_by_the_user(tmp_path, kind):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME, **{kind: True})
    with pytest.raises(ReadError, match=r"holds 3 channels .* or axes='zyx' if they are the slices of a volume"):
        read(tmp_path / "map.tif")
    np.testing.assert_array_equal(read(tmp_path / "map.tif", axes="zyx").labels, VOLUME.transpose(2, 1, 0))
    np.testing.assert_array_equal(read(tmp_path / "map.tif", axes="cyx", channel=1).labels, VOLUME[1].T)


def test_slices_that_look_like_colours_are_named_by_the_user(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME.transpose(1, 2, 0), photometric="rgb")
    with pytest.raises(ReadError, match=r"colour picture .* slices of a volume, name the axes: axes='zyx'"):
        read(tmp_path / "map.tif")
    np.testing.assert_array_equal(read(tmp_path / "map.tif", axes="yxz").labels, VOLUME.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("axes", "error", "words"),
    [
        ("zyz", ValueError, "each once"),
        ("zy", ValueError, "must name x, y"),
        ("tyx", ValueError, "must name"),
        ("yx", ReadError, "holds 3 axes"),
    ],
)
def test_impossible_axes_are_refused(tmp_path, axes, error, words):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME, photometric="minisblack")
    with pytest.raises(error, match=words):
        read(tmp_path / "map.tif", axes=axes)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(("writer", "compression"), [("tifffile", None), ("pillow", None), ("pillow", "tiff_lzw")])
def test_a_stack_that_was_not_copied_whole_is_no_smaller_volume(tmp_path, writer, compression, share):
    pages = np.random.default_rng(0).integers(0, 2, (5, 64, 64)).astype(np.uint8)
    if writer == "tifffile":
        tifffile.imwrite(tmp_path / "map.tif", pages, photometric="minisblack", metadata=None)
    else:
        first, *rest = [Image.fromarray(page) for page in pages]
        first.save(tmp_path / "map.tif", save_all=True, append_images=rest, compression=compression)
    whole = (tmp_path / "map.tif").read_bytes()
    assert read(tmp_path / "map.tif").grid.shape == (64, 64, 5)
    (tmp_path / "part.tif").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ReadError, match=r"part\.tif`.*copied whole"):
        read(tmp_path / "part.tif")


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate"])
def test_palettes_are_read_with_every_compression(tmp_path, compression):
    picture = Image.fromarray(VOLUME[0] % 2).convert("P")
    picture.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    picture.save(tmp_path / "map.tif", compression=compression)
    found = read(tmp_path / "map.tif", phases={(255, 0, 0): "red", (0, 0, 255): "blue"})
    np.testing.assert_array_equal(found.labels, VOLUME[0].T % 2)


def test_channels_are_chosen(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME[:2], photometric="minisblack", metadata={"axes": "CYX"})
    with pytest.raises(ReadError, match=r"holds 2 channels .* and channel=None. Pass channel=0"):
        read(tmp_path / "map.tif")
    np.testing.assert_array_equal(read(tmp_path / "map.tif", channel=1).labels, VOLUME[1].T)


def test_colours(tmp_path):
    grey = np.repeat(VOLUME[0][..., None], 4, axis=2)
    grey[..., 3] = 255
    tifffile.imwrite(tmp_path / "map.tif", grey, photometric="rgb", extrasamples=("unassalpha",))
    np.testing.assert_array_equal(read(tmp_path / "map.tif").labels, VOLUME[0].T)
    grey[0, 0, 3] = 0
    tifffile.imwrite(tmp_path / "map.tif", grey, photometric="rgb", extrasamples=("unassalpha",))
    with pytest.warns(DataWarning, match="each pixel has 4 samples"):
        read(tmp_path / "map.tif")


def test_sizes_are_checked_before_anything_is_decoded(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", VOLUME, photometric="minisblack")
    with pytest.raises(
        ReadError, match=r"map\.tif` holds 3 x 4 x 5 numbers of type uint8: 60 bytes once decoded, and `max_bytes` allows 59 bytes"
    ):
        read(tmp_path / "map.tif", max_bytes=59)
    claim = tifffile.TiffWriter(tmp_path / "claim.tif")
    claim.write(VOLUME[0], photometric="minisblack")
    claim.close()
    with tifffile.TiffFile(tmp_path / "claim.tif", mode="r+b") as file:
        file.pages[0].tags["ImageWidth"].overwrite(2**20)
        file.pages[0].tags["ImageLength"].overwrite(2**20)
    with pytest.raises(ReadError, match=r"claim\.tif`.*(once decoded|no readable TIFF)"):
        read(tmp_path / "claim.tif")


def test_a_block_that_inflates_too_far_is_refused(tmp_path):
    """A strip that claims 20 numbers and holds deflated zeros without end."""
    tifffile.imwrite(tmp_path / "map.tif", VOLUME[0], photometric="minisblack", compression="zlib")
    data = bytearray((tmp_path / "map.tif").read_bytes())
    bomb = zlib.compress(bytes(1 << 20), 9)
    offset = len(data)
    (tmp_path / "map.tif").write_bytes(data + bomb)
    with tifffile.TiffFile(tmp_path / "map.tif", mode="r+b") as file:
        file.pages[0].tags["StripOffsets"].overwrite([offset])
        file.pages[0].tags["StripByteCounts"].overwrite([len(bomb)])
    with pytest.raises(ReadError, match="inflates to more than `max_bytes`"):
        read(tmp_path / "map.tif", max_bytes=1 << 16)


def test_damaged_files_are_named(tmp_path):
    tifffile.imwrite(tmp_path / "map.tif", np.kron(VOLUME[0], np.ones((50, 50), np.uint8)), photometric="minisblack", compression="zlib")
    whole = (tmp_path / "map.tif").read_bytes()
    (tmp_path / "half.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"half\.tif` is no readable TIFF file"):
        read(tmp_path / "half.tif")
    (tmp_path / "text.tif").write_text("not a picture")
    with pytest.raises(ReadError, match=r"text\.tif` is no readable TIFF file"):
        read(tmp_path / "text.tif")


GENERAL = [None, "tiff_lzw", "tiff_deflate", "packbits"]


@pytest.mark.parametrize(
    ("bilevel", "compression"), [(True, each) for each in [*GENERAL, "group3", "group4"]] + [(False, each) for each in [*GENERAL, "jpeg"]]
)
def test_white_as_zero_means_the_same_for_every_compression(tmp_path, compression, bilevel):
    values = np.zeros((40, 64), np.uint8)
    values[:16] = 255
    path = tmp_path / "scan.tif"
    Image.fromarray(values > 0 if bilevel else values).save(path, compression=compression, tiffinfo={262: 0})
    with tifffile.TiffFile(path) as file:
        assert int(file.pages[0].photometric) == 0
    with pytest.warns(DataWarning, match="white as zero"):
        found = read(path) if bilevel else read(path, threshold=128)
    assert found.volume_fractions.tolist() == pytest.approx([0.6, 0.4])  # phase 1 is what a viewer shows white


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_the_orientation_of_a_scan_is_applied_and_said(tmp_path, orientation, compression):
    values = np.zeros((12, 20), np.uint8)
    values[1:4, 2:9] = 255
    path = tmp_path / "turned.tif"
    Image.fromarray(values).save(path, compression=compression, tiffinfo={274: orientation})
    turned = {1: values, 2: values[:, ::-1], 3: values[::-1, ::-1], 4: values[::-1], 5: values.T, 7: values[::-1, ::-1].T}
    shown = turned.get(orientation, np.rot90(values, -1 if orientation == 6 else 1))
    caught = warnings.catch_warnings() if orientation == 1 else pytest.warns(DataWarning, match=f"orientation {orientation}")
    with caught:
        found = read(path)
    assert np.array_equal(np.asarray(found.labels).T, shown > 0)
