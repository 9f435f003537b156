import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from jaxmicro.io import DataWarning, ReadError, read, write
from jaxmicro.microstructures import Microstructure

GREY = np.array([[0, 0, 7, 7, 7], [0, 0, 7, 7, 7], [0, 7, 7, 0, 0]], np.uint8)  # 3 rows, 5 columns


def saved(folder, array, name="map.png", **options):
    path = folder / name
    Image.fromarray(array).save(path, **options)
    return path


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_rows_are_y_and_columns_are_x(tmp_path):
    ms = read(saved(tmp_path, GREY))
    assert ms.grid.shape == (5, 3)
    np.testing.assert_array_equal(ms.labels, (GREY > 0).T)
    assert [phase.name for phase in ms.phases] == ["value 0", "value 7"]
    assert any("rows of the picture run along y" in note for note in ms.notes)
    assert ms.provenance == "read from map.png"


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
def test_a_written_picture_is_read_again(tmp_path, ending):
    labels = np.arange(20).reshape(5, 4) % 3
    Image.fromarray((labels * 100).astype(np.uint8).T).save(tmp_path / f"map.{ending}")
    np.testing.assert_array_equal(read(tmp_path / f"map.{ending}").labels, labels)


def test_written_microstructures_come_back(tmp_path):
    ms = Microstructure(labels=np.arange(20).reshape(5, 4) % 3, phases=("a", "b", "c"))
    write(tmp_path / "map.png", ms)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "map.png")), (np.asarray(ms.labels) * 127.5).round().T)
    assert read(tmp_path / "map.png", phases=("a", "b", "c")) == ms


@pytest.mark.parametrize("phases", [1, 2, 5, 17, 200, 256])
def test_labels_of_any_number_of_phases_come_back_with_their_names(tmp_path, phases):
    labels = np.arange(272).reshape(16, 17) % phases * (3 if phases == 5 else 1) % phases
    written = Microstructure(labels=labels, phases=[f"Phase {i} ä" for i in range(phases)])
    write(tmp_path / "map.png", written)
    found = read(tmp_path / "map.png")
    np.testing.assert_array_equal(found.labels, labels)
    assert found.phases == written.phases
    if phases > 1:
        assert read(tmp_path / "map.png", phases=[str(k) for k in range(phases)]).phases[-1].name == str(phases - 1)
        assert read(tmp_path / "map.png", phases={0: "first", None: "others"}).phases[1].name == "others"


def test_a_picture_that_was_edited_is_read_as_what_it_is(tmp_path):
    write(tmp_path / "map.png", Microstructure(labels=[[0, 1, 2], [2, 1, 0]], phases=("a", "b", "c")))
    with Image.open(tmp_path / "map.png") as picture:
        text = PngImagePlugin.PngInfo()
        for key, value in picture.text.items():
            text.add_text(key, value)
        grey = np.asarray(picture).copy()
    grey[0, 0] = 7
    Image.fromarray(grey).save(tmp_path / "edited.png", pnginfo=text)
    assert [phase.name for phase in read(tmp_path / "edited.png").phases] == ["value 0", "value 7", "value 128", "value 255"]


def test_fractions_of_two_phases_become_grey(tmp_path):
    share = np.linspace(0, 1, 12).reshape(4, 3)
    write(tmp_path / "map.png", Microstructure(fractions=np.stack([1 - share, share])))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "map.png")), np.rint(255 * share).T)
    soft = np.stack([share / 2, share / 2, 1 - share])
    with pytest.warns(DataWarning, match="written as the label of the largest one"):
        write(tmp_path / "map.png", Microstructure(fractions=soft))


def test_equal_channels_are_grey_and_others_are_refused_with_a_way_out(tmp_path):
    three = np.repeat(GREY[..., None], 3, axis=2)
    assert read(saved(tmp_path, three)).n_phases == 2
    three[0, 0] = (255, 0, 0)
    with pytest.raises(ReadError, match=r"map\.png` is a colour picture with 3 distinct colours.*phases=\{\(7, 7, 7\): 'name'"):
        read(saved(tmp_path, three))


def test_colours_can_be_named(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 0, 255]], [[0, 0, 255], [9, 9, 9]], [[255, 0, 0], [0, 0, 255]]], np.uint8)
    path = saved(tmp_path, colours)
    ms = read(path, phases={(255, 0, 0): "red", (0, 0, 255): "blue", None: "rest"})
    np.testing.assert_array_equal(ms.labels, [[0, 1, 0], [1, 2, 1]])
    np.testing.assert_array_equal(read(path, phases={"255,0,0": "red", "rest": "other"}).labels, [[0, 1, 0], [1, 1, 1]])
    with pytest.raises(ReadError, match=r"holds 1 colours that `phases` does not name: \(9, 9, 9\): 16.7 %"):
        read(path, phases={(255, 0, 0): "red", (0, 0, 255): "blue"})
    with pytest.warns(DataWarning, match=r"no voxel has the colour \(1, 2, 3\) of phase 'x'"):
        read(path, phases={(255, 0, 0): "red", (1, 2, 3): "x", None: "rest"})
    with pytest.raises(ReadError, match="is a grey picture, but `phases` names colours"):
        read(saved(tmp_path, GREY, "grey.png"), phases={(0, 0, 0): "a", None: "b"})


def test_palettes_are_indices_or_colours_or_greys(tmp_path):
    image = Image.fromarray(GREY // 7)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(tmp_path / "map.png")
    assert [phase.name for phase in read(tmp_path / "map.png").phases] == ["phase 0", "phase 1"]
    np.testing.assert_array_equal(read(tmp_path / "map.png", phases={(200, 100, 50): "a", (10, 20, 30): "b"}).labels, (GREY == 0).T)
    image.putpalette([50, 50, 50, 20, 20, 20])
    image.save(tmp_path / "map.png")
    np.testing.assert_array_equal(read(tmp_path / "map.png", phases={20: "dark", 50: "bright"}).labels, (GREY == 0).T)


def test_transparency_is_ignored_with_a_warning_where_it_says_something(tmp_path):
    alpha = np.full_like(GREY, 255)
    assert not any("transparency" in note for note in read(saved(tmp_path, np.stack([GREY, alpha], axis=2))).notes)
    alpha[0] = 0
    with pytest.warns(DataWarning, match=r"transparency was ignored \(33.3 % of the pixels"):
        ms = read(saved(tmp_path, np.stack([GREY, GREY, GREY, alpha], axis=2)))
    assert any("transparency" in note for note in ms.notes)


def test_sixteen_and_one_bit_pictures(tmp_path):
    np.testing.assert_array_equal(read(saved(tmp_path, GREY.astype(np.uint16) * 9000), threshold=30000).labels, (GREY > 0).T)
    np.testing.assert_array_equal(read(saved(tmp_path, GREY > 0)).labels, (GREY > 0).T)


def test_jpeg_needs_a_threshold(tmp_path):
    rows = np.kron(GREY, np.ones((30, 30), np.uint8)) * 36
    path = saved(tmp_path, rows, "map.jpg", quality=40)
    with pytest.raises(
        ReadError, match=r"distinct grey values .* where labels were expected.*as in a smoothed or JPEG-compressed label picture"
    ):
        read(path)
    assert np.mean(np.asarray(read(path, threshold="otsu").labels) != (rows > 0).T) < 0.001


@pytest.mark.parametrize(("name", "options"), [("map.jpg", {}), ("map.tif", {"compression": "jpeg"})])
def test_few_values_of_a_jpeg_are_no_labels(tmp_path, name, options):
    truth = np.kron(GREY > 0, np.ones((4, 4), bool))  # edges inside the blocks of 8 x 8 pixels, so that they ring
    path = saved(tmp_path, truth.astype(np.uint8) * 12 + 100, name, quality=50, **options)
    assert 2 < len(np.unique(np.asarray(Image.open(path)))) <= 16
    with pytest.raises(
        ReadError, match=r"compressed with loss \(JPEG\), so that its \d+ distinct grey values are no labels.*threshold='otsu'"
    ):
        read(path)
    for asked in ({"phases": 2}, {"phases": ("a", "b")}, {"threshold": "otsu"}, {"threshold": 106}):
        np.testing.assert_array_equal(read(path, **asked).labels, truth.T)
    with pytest.warns(DataWarning, match="what no longer has a named value exactly became 'others'"):
        read(path, phases={100: "named", None: "others"})


def test_sizes_are_checked_before_anything_is_decoded(tmp_path):
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(bytes(10))) + png_chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(ReadError, match=r"bomb\.png` holds 100000 x 100000 pixels: 9\.313 GiB once decoded, and `max_bytes` allows 1 GiB"):
        read(tmp_path / "bomb.png")
    with pytest.raises(ReadError, match=r"`max_bytes` allows 14 bytes. Pass max_bytes=15 "):
        read(saved(tmp_path, GREY), max_bytes=14)
    assert read(saved(tmp_path, GREY), max_bytes=15).grid.size == 15


def test_a_picture_larger_than_pillows_own_limit_is_ours_to_judge(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    assert read(saved(tmp_path, GREY)).grid.size == 15


def test_damaged_files_are_named(tmp_path):
    whole = saved(tmp_path, np.kron(GREY, np.ones((40, 40), np.uint8))).read_bytes()
    (tmp_path / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=r"half\.png` is a damaged PNG picture"):
        read(tmp_path / "half.png")
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(ReadError, match=r"text\.png` is no PNG, JPEG or BMP picture: it begins with b'not a pi'"):
        read(tmp_path / "text.png")
    (tmp_path / "empty.png").write_bytes(b"")
    with pytest.raises(ReadError, match="is no PNG"):
        read(tmp_path / "empty.png")


def test_volumes_do_not_fit_a_picture(tmp_path):
    with pytest.raises(ValueError, match=r"A PNG file holds a 2D microstructure, but the grid is \(2, 2, 2\)"):
        write(tmp_path / "map.png", Microstructure(labels=np.zeros((2, 2, 2), int)))
    assert list(tmp_path.iterdir()) == []


def test_the_orientation_of_a_photograph_is_applied_and_said(tmp_path):
    values = np.zeros((16, 32), np.uint8)
    values[:8, :16] = 255
    path = tmp_path / "photograph.png"
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(values).save(path, exif=exif)
    with pytest.warns(DataWarning, match="orientation 6"):
        found = read(path)
    assert np.array_equal(np.asarray(found.labels).T, np.rot90(values, -1) > 0)
