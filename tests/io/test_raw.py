import numpy as np
import pytest

from jaxmicro.io import ReadError, read

RNG = np.random.default_rng(0)
VOLUME = RNG.choice([0, 5, 255], (7, 6, 5))  # x, y, z
LABELS = np.searchsorted([0, 5, 255], VOLUME)


@pytest.mark.parametrize("axes", [None, "zyx", "xyz", "yzx"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", ">u4", "float32", ">f8"])
def test_any_order_and_type(tmp_path, axes, dtype):
    stored = np.transpose(VOLUME, ["xyz".index(letter) for letter in axes or "zyx"])
    stored.astype(dtype).tofile(tmp_path / "rock.raw")
    ms = read(tmp_path / "rock.raw", shape=(7, 6, 5), dtype=dtype, axes=axes)
    np.testing.assert_array_equal(ms.labels, LABELS)
    assert [phase.name for phase in ms.phases] == ["value 0", "value 5", "value 255"]


def test_byte_order_header_and_two_axes(tmp_path):
    head = b"a header"
    (tmp_path / "map.bin").write_bytes(head + VOLUME[..., 0].T.astype(">u2").tobytes())
    ms = read(tmp_path / "map.bin", shape=(7, 6), dtype="uint16", byteorder="big", offset=len(head), spacing=0.5, unit="um")
    np.testing.assert_array_equal(ms.labels, LABELS[..., 0])
    assert "plain numbers read as big-endian uint16, x running fastest and y slowest, as asked, 8 bytes skipped" in ms.notes
    np.testing.assert_allclose(ms.grid.lengths, (3.5, 3.0))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("v.raw", {}, r"holds 210 bytes without a header. Pass shape=\(nx, ny, nz\)"),
        (
            "v.raw",
            {"shape": (7, 6, 4)},
            r"holds 210 bytes, but shape=\(7, 6, 4\) of type uint8 takes 168. What would fit: shape=\(7, 6, 5\)",
        ),
        ("v.raw", {"shape": (7, 15), "dtype": "uint8"}, r"What would fit: dtype='uint16' or shape=\(7, 30\)"),
        ("v.raw", {"shape": (10, 10, 2)}, r"takes 200. What would fit: offset=10 \(a header\)"),
        ("v.raw", {"shape": (11, 11, 11)}, r"takes 1,331. Check shape=, dtype= and offset="),
        ("v.raw", {"shape": (7, 6, 5), "max_bytes": 209}, r"5 x 6 x 7 numbers of type uint8: 210 bytes once decoded"),
        ("v.raw", {"shape": (7, 6, 5), "offset": 1}, r"holds 209 bytes behind an offset of 1, but"),
    ],
)
def test_what_does_not_fit_says_what_would(tmp_path, name, options, message):
    (tmp_path / name).write_bytes(VOLUME.astype(np.uint8).tobytes())
    with pytest.raises(ReadError, match=message):
        read(tmp_path / name, **options)


def test_shapes_in_names_and_cubes_are_proposed(tmp_path):
    (tmp_path / "rock_10x12x14_16bit.raw").write_bytes(bytes(2 * 10 * 12 * 14))
    with pytest.raises(ReadError, match=r"by its name perhaps shape=\(10, 12, 14\), dtype='uint16'"):
        read(tmp_path / "rock_10x12x14_16bit.raw")
    (tmp_path / "rock.raw").write_bytes(bytes(1000))
    with pytest.raises(ReadError, match=r"it would fit a cube, shape=\(10, 10, 10\)"):
        read(tmp_path / "rock.raw")
    with pytest.raises(ReadError, match=r"What would fit: shape=\(10, 10, 10\)"):
        read(tmp_path / "rock.raw", shape=(11, 10, 9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": 210}, r"`shape` must be two or three numbers of voxels, \(nx, ny\) or \(nx, ny, nz\), but it is 210"),
        ({"shape": (7, 6, 0)}, r"`shape` must be .* but it is \(7, 6, 0\)"),
        ({"shape": (7, 6, 2.5)}, r"`shape` must be"),
        ({"shape": (7, 6, 5), "dtype": "uint7"}, "`dtype` must be a type of numbers, but it is 'uint7'"),
        ({"shape": (7, 6, 5), "dtype": object}, "`dtype` must be a type of numbers"),
        ({"shape": (7, 6, 5), "axes": "zy"}, "`axes` must name each of x, y, z once, the slowest in the file first, but it is 'zy'"),
        ({"shape": (7, 6, 5), "byteorder": "middle"}, "`byteorder` must be"),
        ({"shape": (7, 6, 5), "offset": -1}, "`offset` must be a number of bytes, 0 or more, but it is -1"),
    ],
)
def test_bad_arguments_are_named(as_user, tmp_path, options, message):
    (tmp_path / "v.raw").write_bytes(VOLUME.astype(np.uint8).tobytes())
    with pytest.raises(ValueError, match=message):
        read(tmp_path / "v.raw", **options)
