"""VTK images of this library and of others; the encodings are written out here by the rules of the format."""

import base64
import lzma
import struct
import zlib

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.io import DataWarning, ReadError, noted_unit, read, write
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import random_orientations

RNG = np.random.default_rng(0)
VALUES = RNG.choice([0, 5, 255], (7, 6, 5))  # x, y, z
LABELS = np.searchsorted([0, 5, 255], VALUES)
TYPES = {"u1": "UInt8", "i2": "Int16", "i8": "Int64", "f4": "Float32", "f8": "Float64"}


def packed(data, compressor, order, width):
    """Header and body of an array."""
    number = order + {4: "I", 8: "Q"}[width]
    if not compressor:
        return struct.pack(number, len(data)), data
    blocks = [data[k : k + 100] for k in range(0, len(data), 100)]
    small = [zlib.compress(block) if compressor == "vtkZLibDataCompressor" else lzma.compress(block) for block in blocks]
    rest = len(data) % 100
    header = b"".join(struct.pack(number, n) for n in (len(blocks), 100, rest, *map(len, small)))
    return header, b"".join(small)


def image(values, *, mode="ascii", compressor="", order="<", width=4, points=False, kind="u1", more="", extent=None, name="lab", head=""):
    shape = [n - points for n in values.shape]
    extent = extent or " ".join(f"0 {n}" for n in shape)
    data = np.asarray(values).T.astype(order + kind).tobytes()
    body, appended = "", b""
    header, content = packed(data, compressor, order, width)
    both = base64.b64encode(header) + base64.b64encode(content) if compressor else base64.b64encode(header + content)
    where = "appended" if mode in ("raw", "base64") else mode
    if mode == "ascii":
        body = " ".join(map(str, np.asarray(values).T.ravel().tolist()))
    elif mode == "binary":
        body = both.decode()
    elif mode == "raw":
        appended = b'<AppendedData encoding="raw">\n_' + header + content + b"\n</AppendedData>\n"
    else:
        appended = b'<AppendedData encoding="base64">\n_' + both + b"\n</AppendedData>\n"
    place = ' offset="0"' if where == "appended" else ""
    array = f'<DataArray type="{TYPES[kind]}" Name="{name}" format="{where}"{place}>{body}</DataArray>'
    data_kind = "PointData" if points else "CellData"
    endian = {"<": "LittleEndian", ">": "BigEndian"}[order]
    packing = f' compressor="{compressor}"' if compressor else ""
    return (
        f'<?xml version="1.0"?>{head}<VTKFile type="ImageData" byte_order="{endian}" header_type="UInt{8 * width}"{packing}>'
        f'<ImageData WholeExtent="{extent}" Origin="1 2 3" Spacing="0.5 0.25 2">'
        f'<Piece Extent="{extent}"><{data_kind}>{array}{more}</{data_kind}></Piece></ImageData>\n'
    ).encode() + appended + b"</VTKFile>"  # fmt: skip


@pytest.mark.parametrize("points", [False, True])
@pytest.mark.parametrize("mode", ["ascii", "binary", "raw", "base64"])
@pytest.mark.parametrize("compressor", ["", "vtkZLibDataCompressor", "vtkLZMADataCompressor"])
@pytest.mark.parametrize(("order", "width", "kind"), [("<", 4, "u1"), (">", 8, "f4"), ("<", 8, "i8")])
def test_every_encoding(tmp_path, mode, compressor, order, width, points, kind):
    data = image(VALUES, mode=mode, compressor=compressor, order=order, width=width, points=points, kind=kind)
    (tmp_path / "a.vti").write_bytes(data)
    ms = read(tmp_path / "a.vti")
    np.testing.assert_array_equal(ms.labels, LABELS)
    np.testing.assert_allclose(ms.grid.spacing, (0.5, 0.25, 2))
    assert [phase.name for phase in ms.phases] == ["value 0", "value 5", "value 255"]
    assert f"array 'lab' of the {'points' if points else 'voxels'} read; x, y and z as in the image" in ms.notes


def test_maps_pieces_and_a_choice_of_arrays(tmp_path):
    (tmp_path / "map.vti").write_bytes(image(VALUES[..., :1], mode="raw"))
    ms = read(tmp_path / "map.vti", spacing=1, unit="mm")
    np.testing.assert_array_equal(ms.labels, LABELS[..., 0])
    assert any("the file says 0.5 x 0.25: the spacing as asked was taken" in note for note in ms.notes)
    other = '<DataArray type="Float32" Name="vector" NumberOfComponents="3" format="ascii">0</DataArray>'
    (tmp_path / "two.vti").write_bytes(image(VALUES, more=other + other.replace("vector", "u").replace('"3"', '"1"')))
    with pytest.raises(
        ReadError, match=r"holds 2 arrays of one component \('lab', 'vector' of 3 components, 'u'\). Say which one with key="
    ):
        read(tmp_path / "two.vti")
    np.testing.assert_array_equal(read(tmp_path / "two.vti", key="lab").labels, LABELS)
    with pytest.raises(ReadError, match=r"holds 'vector' with 3 components"):
        read(tmp_path / "two.vti", key="vector")
    with pytest.raises(ReadError, match=r"holds 'u', which is damaged \(it holds 1 where 210 are expected\)"):
        read(tmp_path / "two.vti", key="u")
    with pytest.raises(ReadError, match=r"holds no array 'lbl'"):
        read(tmp_path / "two.vti", key="lbl")


def test_pieces_are_put_together(tmp_path):
    whole = image(VALUES).decode()
    head, rest = whole.split("<Piece", 1)
    tail = rest.split("</Piece>", 1)[1]
    pieces = ""
    for low, high in ((0, 3), (3, 7)):
        body = " ".join(map(str, VALUES[low:high].T.ravel().tolist()))
        pieces += f'<Piece Extent="{low} {high} 0 6 0 5"><CellData><DataArray type="Int64" Name="lab" format="ascii">{body}</DataArray></CellData></Piece>'
    (tmp_path / "a.vti").write_text(head + pieces + tail)
    np.testing.assert_array_equal(read(tmp_path / "a.vti").labels, LABELS)
    (tmp_path / "a.vti").write_text(head + pieces.replace("3 7 0 6", "3 8 0 6") + tail)
    with pytest.raises(ReadError, match="a piece of extent '3 8 0 6 0 5' that is outside of its image"):
        read(tmp_path / "a.vti")


def everything(shape):
    size = int(np.prod(shape))
    maps = {"ci": np.linspace(0, 1, size, dtype=np.float32).reshape(shape), "label": np.arange(size).reshape(shape),
            "euler": np.arange(2.0 * size).reshape(2, *shape), "mask": np.ones(shape)}  # fmt: skip
    return Microstructure(
        grid=Grid(shape, (1.0, 2.0, 4.5)[: len(shape)]), labels=np.arange(size).reshape(shape) % 3,
        orientation=random_orientations(jax.random.key(0), size).reshape(4, *shape), mask=np.indices(shape).sum(axis=0) > 0,
        phases=(Phase("Ni γ", laue="m-3m"), "b & <c>", "absent", "last"), maps=maps, notes=("unit of length: µm",),
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(5, 4), (5, 4, 3)])
def test_what_is_written_comes_back(tmp_path, shape):
    ms = everything(shape)
    write(tmp_path / "cell.vti", ms)
    found = read(tmp_path / "cell.vti")
    assert found == ms
    assert found.phases == ms.phases
    assert noted_unit(found) == "µm"
    assert read(tmp_path / "cell.vti", crop=((1, 4), (0, 3), (0, 2))[: len(shape)]).grid.shape == (3, 3, 2)[: len(shape)]
    np.testing.assert_array_equal(read(tmp_path / "cell.vti", key="label").labels, ms.labels)


def test_fractions_come_back(tmp_path):
    share = np.linspace(0, 1, 12).reshape(4, 3)
    ms = Microstructure(fractions=np.stack([share, 1 - share]), phases=("pore", "solid"))
    with pytest.warns(DataWarning, match="written as the label"):
        write(tmp_path / "map.vti", ms)
    assert read(tmp_path / "map.vti") == ms


DOCUMENT = '<!DOCTYPE a [<!ENTITY b "boom">]>'


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (b"", {}, "is no readable XML"),
        (b"<VTKFile type='PolyData'></VTKFile>", {}, "is a VTK file of type 'PolyData', and ImageData is read"),
        (image(VALUES, head=DOCUMENT), {}, "defines a document type"),
        (image(VALUES, extent="0 7 0 6 0 99999999"), {}, "holds 'lab' of 7 x 6 x 99999999 voxels: .* GiB once decoded"),
        (image(VALUES, extent="0 7 0 6 5 0"), {}, "is no readable VTK image"),
        (image(VALUES), {"max_bytes": 209}, "210 bytes once decoded"),
        (image(VALUES, mode="raw")[:-80], {}, "damaged|no readable"),
        (image(VALUES, mode="binary", compressor="vtkLZ4DataCompressor"), {}, "is compressed by vtkLZ4DataCompressor. Save it with one of"),
        (image(VALUES, mode="raw").replace(b'offset="0"', b'offset="999"'), {}, "its offset 999 is outside"),
        (image(VALUES[:1]), {}, "holds 1 x 6 x 5 voxels. A map lies in the plane of x and y"),
        (image(VALUES, mode="binary").replace(b'"binary">', b'"binary">!'), {}, "which is damaged"),
    ],
)
def test_bad_files_are_named(tmp_path, data, options, message):
    (tmp_path / "a.vti").write_bytes(data)
    with pytest.raises(ReadError, match=message):
        read(tmp_path / "a.vti", **options)


def test_blocks_that_inflate_to_more_than_they_say_are_refused(tmp_path):
    bomb = zlib.compress(bytes(1 << 20))
    header = struct.pack("<4I", 1, 210, 0, len(bomb))
    body = (base64.b64encode(header) + base64.b64encode(bomb)).decode()
    text = image(VALUES, mode="binary", compressor="vtkZLibDataCompressor").decode()
    begin, end = text.index('"binary">') + 9, text.index("</DataArray>")
    (tmp_path / "a.vti").write_text(text[:begin] + body + text[end:])
    with pytest.raises(ReadError, match="holds 'lab', which is damaged"):
        read(tmp_path / "a.vti")
