import io
import struct
import zipfile

import numpy as np
import pytest

from jaxmicro.io import ReadError, read
from jaxmicro.io.npy import read_npy

LABELS = np.array([[0, 1, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]])


def header_only(shape, dtype="<f8"):
    """A .npy header that claims an array, and nothing behind it."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def test_arrays_are_taken_as_they_are_or_as_pictures(tmp_path):
    np.savez(tmp_path / "map.npz", phase=LABELS)
    np.save(tmp_path / "map.npy", LABELS)
    for name in ("map.npz", "map.npy"):
        np.testing.assert_array_equal(read(tmp_path / name).labels, LABELS)
        np.testing.assert_array_equal(read(tmp_path / name, axes="yx").labels, LABELS.T)
    assert "axes='yx' reads it as a picture" in read(tmp_path / "map.npz").notes[0]


@pytest.mark.parametrize(
    "change", [np.asfortranarray, lambda a: a.astype(">i4"), lambda a: a.astype(np.float32), lambda a: a > 0, lambda a: a[None]]
)
def test_layouts_and_types(tmp_path, change):
    np.savez_compressed(tmp_path / "map.npz", a=change(LABELS))
    np.testing.assert_array_equal(read(tmp_path / "map.npz").labels, LABELS)


def test_which_array_is_asked_when_it_is_not_clear(tmp_path):
    np.savez(tmp_path / "one.npz", phase=LABELS, pixel=0.5, names=np.arange(3))
    assert read(tmp_path / "one.npz").grid.shape == (4, 3)
    np.savez(tmp_path / "two.npz", phase=LABELS, other=LABELS)
    with pytest.raises(
        ReadError,
        match=r"holds 2 arrays with 2 or 3 axes, but 'phase' of shape \(4, 3\), 'other' of shape \(4, 3\). Say which one with key=",
    ):
        read(tmp_path / "two.npz")
    with pytest.raises(ReadError, match=r"holds no array 'phases', but 'phase', 'other'. Did you mean key='phase'"):
        read(tmp_path / "two.npz", key="phases")
    assert read(tmp_path / "two.npz", key="other").n_phases == 2


def test_colour_arrays_are_recognised(tmp_path):
    picture = np.repeat(np.kron(LABELS, np.ones((2, 2), int))[..., None], 3, axis=2).astype(np.uint8)
    np.save(tmp_path / "map.npy", picture)
    with pytest.warns(UserWarning, match=r"shape \(8, 6, 3\) was read as a colour picture"):
        assert read(tmp_path / "map.npy", axes="yx").grid.shape == (6, 8)


@pytest.mark.parametrize("depth", [3, 4])
def test_volumes_whose_last_axis_could_hold_colours_are_read_where_axes_say_so(tmp_path, depth):
    volume = (np.arange(30 * depth).reshape(5, 6, depth) % 7 // 2).astype(np.uint8)
    np.savez(tmp_path / "map.npz", phase=volume)
    np.testing.assert_array_equal(read(tmp_path / "map.npz", axes="xyz").labels, volume)
    np.testing.assert_array_equal(read(tmp_path / "map.npz", axes="zyx").labels, volume.T)
    with pytest.raises(ReadError, match=r"is a colour picture with .* If its last axis holds no colours, pass axes='xyz'"):
        read(tmp_path / "map.npz")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([["a", "b"], ["c", "d"]]), "of type <U1, and only numbers are read"),
        (np.array([[None, 1], [2, 3]], object), "of type object, and only numbers are read"),
        (np.zeros((2, 2), [("a", "f8")]), "only numbers are read"),
        (np.array([[1j, 2], [3, 4]]), "of type complex128"),
        (np.zeros(5), r"holds no arrays with 2 or 3 axes, but 'a' of shape \(5,\). A map has 2 or 3 axes"),
        (np.zeros((2, 2, 2, 2)), r"holds no arrays with 2 or 3 axes, but 'a' of shape \(2, 2, 2, 2\)"),
        (np.array([[0.0, np.nan], [1.0, 1.0]]), "1 values that are not finite, of 4"),
        (np.full((3, 3), 7), "is constant: every voxel has the value 7"),
        (np.arange(6).reshape(6, 1), "A map needs 2 or 3 axes of at least two voxels each"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, array, message):
    np.savez(tmp_path / "map.npz", a=array)
    with pytest.raises(ReadError, match=message):
        read(tmp_path / "map.npz")


def test_sizes_are_checked_before_anything_is_decoded(tmp_path):
    np.savez_compressed(tmp_path / "map.npz", a=np.zeros((1000, 1000)))
    with pytest.raises(
        ReadError, match=r"holds 'a' of shape \(1000, 1000\) and type float64: 7.629 MiB once decoded, and `max_bytes` allows 1 MiB"
    ):
        read(tmp_path / "map.npz", max_bytes=1 << 20)
    (tmp_path / "claim.npy").write_bytes(header_only((10**6, 10**6)))
    with pytest.raises(ReadError, match=r"claim\.npy` holds .* 7451 GiB once decoded"):
        read(tmp_path / "claim.npy")
    (tmp_path / "short.npy").write_bytes(header_only((100, 100)) + bytes(16))
    with pytest.raises(ReadError, match=r"ends inside 'short.npy': 16 of 80000 bytes are there"):
        read(tmp_path / "short.npy")


def raw_header(text, version=1):
    """A .npy file of which only the header is written, as it is."""
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (4, 3",
        b"{ descr': '<i8', 'fortran_order': False, 'shape': (4, 3), }",
        b"{'descr': 3, 'fortran_order': False, 'shape': (4, 3), }",
        b"{'descr': ('<i8',), 'fortran_order': False, 'shape': (4, 3), }",
        b"{[]: '<i8', 'fortran_order': False, 'shape': (4, 3), }",
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (4, 10000000000000000000000000), }",
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (" + b"9," * 60 + b")}",
        b"(" * 9000,
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_damaged_headers_are_named(tmp_path, header):
    (tmp_path / "map.npy").write_bytes(raw_header(header))
    with pytest.raises(ReadError, match=r"map\.npy` (holds|claims) .*(Save it again)"):
        read(tmp_path / "map.npy")


def test_a_header_that_claims_gigabytes_is_refused_before_it_is_read(tmp_path):
    class Endless(io.BytesIO):
        def read(self, size=-1):
            assert 0 <= size < 1 << 20
            return super().read(size)

    with pytest.raises(ReadError, match="its header claims 4000000000 bytes"):
        read_npy(tmp_path, Endless(b"\x93NUMPY\x02\x00" + struct.pack("<I", 4_000_000_000)), "a", 1000)


def test_a_zip_header_that_lies_about_sizes_is_not_trusted(tmp_path):
    """The directory says 200 bytes; the array's own header and the bytes behind it decide."""
    with zipfile.ZipFile(tmp_path / "map.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", header_only((3000, 1000)) + bytes(3000 * 1000 * 8))
    data = bytearray((tmp_path / "map.npz").read_bytes())
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 200)
    (tmp_path / "map.npz").write_bytes(data)
    with pytest.raises(ReadError, match="'a'"):
        read(tmp_path / "map.npz", max_bytes=1 << 20)
    with pytest.raises(ReadError, match="'a'"):
        read(tmp_path / "map.npz")


def test_no_more_is_read_than_the_header_claims(tmp_path):
    class Endless(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            assert size >= 0
            Endless.taken += size
            return super().read(size)

    content = header_only((4, 3), "<i8") + LABELS.astype("<i8").tobytes() + bytes(1 << 20)
    np.testing.assert_array_equal(read_npy(tmp_path, Endless(content), "a", 1000), LABELS)
    assert Endless.taken < 400


def test_damaged_archives_are_named(tmp_path):
    np.savez_compressed(tmp_path / "map.npz", a=np.random.default_rng(0).integers(0, 9, (50, 50)))
    data = bytearray((tmp_path / "map.npz").read_bytes())
    (tmp_path / "half.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(ReadError, match=r"half\.npz` is no readable \.npz archive"):
        read(tmp_path / "half.npz")
    data[300:340] = bytes(40)
    (tmp_path / "bits.npz").write_bytes(data)
    with pytest.raises(ReadError, match=r"bits\.npz` holds .*'a'.* (damaged|readable)"):
        read(tmp_path / "bits.npz")
    (tmp_path / "text.npy").write_text("not an array")
    with pytest.raises(ReadError, match=r"text\.npy` holds 'text.npy', which is no readable array"):
        read(tmp_path / "text.npy")
