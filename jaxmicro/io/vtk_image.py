"""VTK's XML format for numbers on a box of voxels (ImageData, .vti), written as VTK's own writer lays it out.

Each array is one <DataArray format="binary">: base64 of a header (number of blocks, size of a block, size of the last
one, compressed size of each), followed by base64 of the blocks, each compressed by zlib. x runs fastest.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from typing import BinaryIO
from xml.sax.saxutils import quoteattr

import numpy as np

BLOCK = 1 << 20
LEVEL = 6
TYPES = {
    "b1": "UInt8", "i1": "Int8", "u1": "UInt8", "i2": "Int16", "u2": "UInt16", "i4": "Int32", "u4": "UInt32", "i8": "Int64", "u8": "UInt64",
    "f4": "Float32", "f8": "Float64",
}  # fmt: skip


def write_image(
    stream: BinaryIO,
    shape: Sequence[int],
    spacing: Sequence[float],
    arrays: Mapping[str, np.ndarray],
    components: Mapping[str, Sequence[str]] | None = None,
    texts: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write arrays `(*shape)` or `(components, *shape)` as data of the voxels; `components` names those of an array.

    `texts` go with the whole image (its field data).
    """
    nz = shape[2] if len(shape) == 3 else 1
    extent = f"0 {shape[0]} 0 {shape[1]} 0 {nz}"
    edges = " ".join(repr(float(edge)) for edge in spacing)
    _line(stream, '<?xml version="1.0"?>')
    _line(
        stream, '<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64" compressor="vtkZLibDataCompressor">'
    )
    _line(stream, f'  <ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{edges}" Direction="1 0 0 0 1 0 0 0 1">')
    if texts:
        _write_texts(stream, texts)
    _line(stream, f'  <Piece Extent="{extent}">')
    _line(stream, "    <PointData>")
    _line(stream, "    </PointData>")
    _line(stream, "    <CellData>")
    for name, values in arrays.items():
        _write_array(stream, name, np.asarray(values), len(shape), (components or {}).get(name, ()))
    _line(stream, "    </CellData>")
    _line(stream, "  </Piece>")
    _line(stream, "  </ImageData>")
    _line(stream, "</VTKFile>")


def _write_texts(stream: BinaryIO, texts: Mapping[str, Sequence[str]]) -> None:
    """Texts as codes of their bytes in UTF-8, each ended by a zero."""
    _line(stream, "    <FieldData>")
    for name, listed in texts.items():
        codes = " ".join(str(code) for text in listed for code in (*text.replace("\0", "").encode(), 0))
        _line(stream, f'      <Array type="String" Name={quoteattr(name)} NumberOfTuples="{len(listed)}" format="ascii">')
        _line(stream, f"        {codes}")
        _line(stream, "      </Array>")
    _line(stream, "    </FieldData>")


def _write_array(stream: BinaryIO, name: str, values: np.ndarray, ndim: int, names: Sequence[str]) -> None:
    """One array: its components run fastest, then x, y, z."""
    count = values.shape[0] if values.ndim > ndim else 1
    listed = "".join(f" ComponentName{k}={quoteattr(each)}" for k, each in enumerate(names))
    kind = TYPES[values.dtype.str[1:]]
    _line(stream, f'      <DataArray type="{kind}" Name={quoteattr(name)} NumberOfComponents="{count}"{listed} format="binary">')
    stream.write(b"        ")
    stream.write(_packed(np.ascontiguousarray(values.T).astype(values.dtype.newbyteorder("<"), copy=False)))
    stream.write(b"\n")
    _line(stream, "      </DataArray>")


def _packed(values: np.ndarray) -> bytes:
    data = values.tobytes()
    blocks = [zlib.compress(data[start : start + BLOCK], LEVEL) for start in range(0, len(data), BLOCK)]
    rest = len(data) % BLOCK  # zero where the last block is a whole one
    header = np.array([len(blocks), BLOCK, rest, *map(len, blocks)], "<u8")
    return base64.b64encode(header.tobytes()) + base64.b64encode(b"".join(blocks))


def _line(stream: BinaryIO, text: str) -> None:
    stream.write(text.encode() + b"\n")
