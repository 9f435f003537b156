import struct
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.io import DataWarning, ReadError, read
from jaxmicro.microstructures import Microstructure

VOLUME = np.random.default_rng(0).choice([0, 5, 255], (7, 6, 5)).astype(np.uint8)  # x, y, z
LABELS = np.searchsorted([0, 5, 255], VOLUME)


def zipped(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def as_bytes(tmp_path, name):
    if name.endswith(".tif"):
        tifffile.imwrite(tmp_path / name, VOLUME.T, photometric="minisblack")
    elif name.endswith(".npy"):
        np.save(tmp_path / name, VOLUME)
    else:
        (tmp_path / name).write_bytes(VOLUME.T.tobytes())
    return (tmp_path / name).read_bytes()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", ["rock.tif", "rock.npy", "rock.raw"])
def test_the_one_readable_member_is_read_as_a_file(tmp_path, name, compression):
    members = {"notes.txt": "scan of last week", f"deep/er/{name}": as_bytes(tmp_path, name), f"__MACOSX/._{name}": b"?"}
    options = {"shape": (7, 6, 5)} if name.endswith(".raw") else {}
    ms = read(zipped(tmp_path / "rock.zip", members, compression), **options)
    np.testing.assert_array_equal(ms.labels, LABELS)
    assert ms.provenance == "read from rock.zip"
    assert ms.notes[0] == f"read from deep/er/{name} in the archive"


def test_members_by_name(tmp_path):
    data = as_bytes(tmp_path, "a.npy")
    path = zipped(tmp_path / "two.zip", {"one/a.npy": data, "two/b.npy": data})
    with pytest.raises(ReadError, match=r"holds 2 files that can be read \('one/a.npy', 'two/b.npy'\). Say which one with member="):
        read(path)
    assert read(path, member="two/b.npy") == read(path, member="a.npy")
    with pytest.raises(ReadError, match=r"holds no member 'c.npy', but 'one/a.npy', 'two/b.npy'"):
        read(path, member="c.npy")
    with pytest.raises(ReadError, match=r"holds no files that can be read \('a.txt'\)"):
        read(zipped(tmp_path / "none.zip", {"a.txt": "?"}))
    with pytest.raises(ReadError, match="which is of no kind that is read from archives"):
        read(tmp_path / "none.zip", member="a.txt")
    with pytest.raises(TypeError, match=r"`shape` is no option of a NumPy array, which 'one/a.npy' in .* is: it has axes"):
        read(path, member="a.npy", shape=(7, 6, 5))


def test_names_that_lead_out_of_the_archive_stay_inside(tmp_path):
    path = zipped(tmp_path / "out.zip", {"../../escaped.npy": as_bytes(tmp_path, "a.npy")})
    np.testing.assert_array_equal(read(path).labels, LABELS)
    assert not list(tmp_path.parent.rglob("escaped.npy"))


def test_errors_name_the_archive_and_its_member(tmp_path):
    path = zipped(tmp_path / "bad.zip", {"bad.npy": b"no array"})
    with pytest.raises(ReadError, match=r"bad\.zip` \(member 'bad.npy'\) holds 'bad.npy', which is no readable array"):
        read(path)


def test_bombs_are_refused_by_their_headers(tmp_path, monkeypatch):
    path = zipped(tmp_path / "bomb.zip", {"bomb.raw": bytes(1 << 22)})
    assert path.stat().st_size < 1 << 13
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("something was unpacked"))
    with pytest.raises(ReadError, match=r"holds 'bomb.raw': 4 MiB once decoded, and `max_bytes` allows 1 MiB"):
        read(path, shape=(1 << 11, 1 << 11), max_bytes=1 << 20)


def test_a_header_that_lies_about_the_size_is_no_way_around(tmp_path):
    path = zipped(tmp_path / "liar.zip", {"liar.raw": bytes(1 << 16)})
    data = bytearray(path.read_bytes())
    for place in (22, data.rindex(b"PK\x01\x02") + 24):
        struct.pack_into("<I", data, place, 64)
    path.write_bytes(data)
    with pytest.raises(ReadError, match=r"holds 'liar\.raw', which is damaged"):
        read(path, shape=(8, 8))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "is no readable .zip archive"),
        (lambda data: data.replace(b"\x93NUMPY", b"\x93NVMPY"), "damaged"),
        (lambda data: b"nothing", "is no readable .zip archive"),
    ],
)
def test_damaged_archives(tmp_path, damage, message):
    path = zipped(tmp_path / "a.zip", {"a.npy": as_bytes(tmp_path, "a.npy")}, zipfile.ZIP_STORED)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ReadError, match=message):
        read(path)


def test_encrypted_members_are_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a.npy": as_bytes(tmp_path, "a.npy")})
    data = bytearray(path.read_bytes())
    for place in (6, data.rindex(b"PK\x01\x02") + 8):
        data[place] |= 1
    path.write_bytes(data)
    with pytest.raises(ReadError, match=r"holds 'a\.npy' encrypted\. Save it without a password"):
        read(path)


def pictures(folder, names, pages=None):
    folder.mkdir()
    for name, page in zip(names, VOLUME.T if pages is None else pages, strict=True):
        Image.fromarray(page).save(folder / name)
    return folder


@pytest.mark.parametrize("ending", ["png", "tif", "bmp"])
def test_a_folder_of_pictures_is_a_volume_in_the_order_of_numbers(tmp_path, ending):
    ms = read(pictures(tmp_path / "slices", [f"slice{k}.{ending}" for k in range(8, 13)]), spacing=(1, 1, 2), unit="nm")
    np.testing.assert_array_equal(ms.labels, LABELS)
    assert f"volume of 5 pictures along z, from slice8.{ending} to slice12.{ending}" in ms.notes
    np.testing.assert_allclose(ms.grid.lengths, (7, 6, 10))


def test_slices_in_colour_and_missing_ones(tmp_path):
    red, blue = (255, 0, 0), (0, 0, 255)
    pages = [np.where(page[..., None] > 0, red, blue).astype(np.uint8) for page in VOLUME.T]
    folder = pictures(tmp_path / "slices", [f"z{k}.png" for k in (1, 2, 3, 4, 7)], pages)
    with pytest.warns(DataWarning, match="slices may be missing between z4.png and z7.png"):
        ms = read(folder, phases={blue: "pore", red: "solid"})
    np.testing.assert_array_equal(ms.labels, VOLUME > 0)


def test_slices_that_do_not_fit(tmp_path):
    folder = pictures(tmp_path / "slices", [f"z{k}.png" for k in range(5)])
    Image.fromarray(VOLUME.T[0][:4]).save(folder / "z3.png")
    with pytest.raises(ReadError, match=r"z3\.png` has 7 x 4 pixels, but the first slice, z0\.png, has 7 x 6"):
        read(folder)
    Image.fromarray(VOLUME.T[0].astype(np.uint16)).save(folder / "z3.png")
    with pytest.raises(ReadError, match=r"z3\.png` holds numbers of type uint16, but the first slice, z0\.png, uint8"):
        read(folder)
    with pytest.raises(ReadError, match=r"5 slices of 7 x 6 pixels: 210 bytes once decoded"):
        read(folder, max_bytes=209)
    Image.fromarray(VOLUME.T[0]).save(folder / "z9.bmp")
    with pytest.raises(ReadError, match=r"holds both \.bmp and \.png files"):
        read(folder)


def test_one_picture_is_no_volume(tmp_path):
    with pytest.raises(ReadError, match="is a folder with 1 picture, and a volume has at least two slices"):
        read(pictures(tmp_path / "slices", ["a.png"], VOLUME.T[:1]))


@pytest.mark.slow
def test_berea_is_read_from_its_archive(shared_data):
    with pytest.warns(DataWarning, match="zero is white: the numbers of the volume were kept"):
        ms = read(shared_data / "rock_berea" / "berea.zip", phases={0: "pore", 255: "grain"})
    assert isinstance(ms, Microstructure)
    assert ms.grid.shape == (400, 400, 400)
    np.testing.assert_allclose(ms.volume_fractions, (0.19645, 0.80355), atol=5e-6)
