"""VTK's XML files for numbers on a box of voxels (ImageData, .vti), read with bounded memory.

A file is XML with one <DataArray> per array, whose numbers are text (ascii), base64 inside the element (binary), or lie behind a `_` at
the end of the file (appended, raw or base64). Binary numbers come behind a header: their size in bytes, or with a compressor the number
of blocks, the size of a block, that of the last one (0 for a whole one) and the packed size of each. Document types are refused: they
could define entities that grow without bound. (VTK File Formats, section on XML.)
"""

import base64
import binascii
import dataclasses
import lzma
import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from jaxmicro.io.problems import ReadError, check_size, unreadable

TYPES = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4", "Int64": "i8", "UInt64": "u8",
    "Float32": "f4", "Float64": "f8",
}  # fmt: skip
COMPRESSORS = ("vtkZLibDataCompressor", "vtkLZMADataCompressor")
TEXT_SHARE = 4  # bytes of text that one byte of a number takes, at most ("255 ", or 0.1234567890123456789 for 8 of them)
MAX_PIECES, MAX_BLOCKS, MAX_STRING = 1 << 12, 1 << 22, 1 << 20
MAX_EXTENT = 1 << 31
MARKUP = 1 << 20  # bytes of elements around the numbers, at most
BROKEN = (ValueError, KeyError, TypeError, IndexError, OverflowError, binascii.Error, zlib.error, lzma.LZMAError, EOFError, MemoryError)
WHOLE = "Save it again, or check that it was copied whole."


@dataclasses.dataclass(frozen=True)
class ImageArray:
    """One array of an image as its element describes it: `(components, *shape)`, read on request."""

    name: str
    dtype: np.dtype
    components: tuple[str, ...]
    shape: tuple[int, int, int]
    on_points: bool
    parts: tuple[tuple[Any, tuple[slice, ...]], ...]

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return math.prod(self.shape) * len(self.components) * self.dtype.itemsize


@dataclasses.dataclass(frozen=True)
class Image:
    """An opened file: voxels, edges, arrays by name (of the voxels before those of the points) and texts of the field data."""

    path: Path
    spacing: tuple[float, ...]
    arrays: dict[str, ImageArray]
    texts: dict[str, tuple[str, ...]]
    oddities: tuple[str, ...]
    _data: "Encoding"

    def numbers(self, array: ImageArray, max_bytes: int) -> np.ndarray:
        """The numbers of an array, `(components, nx, ny, nz)`."""
        check_size(self.path, array.nbytes, max_bytes, f"{array.name!r} of {' x '.join(map(str, array.shape))} voxels")
        count = len(array.components)
        values = np.zeros((count, *array.shape), array.dtype)
        for element, place in array.parts:
            extent = tuple(each.stop - each.start for each in place)
            try:
                part = self._data.decoded(element, array.dtype, count * math.prod(extent))
            except BROKEN as error:
                if isinstance(error, ReadError):
                    raise
                raise unreadable(self.path, f"holds {array.name!r}, which is damaged ({_short(error)})", WHOLE) from error
            values[(slice(None), *place)] = part.reshape(*extent[::-1], count).T
        return values


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How numbers are packed in a file."""

    path: Path
    order: str
    header: np.dtype
    compressor: str
    appended: bytes
    base64_behind: bool

    def decoded(self, element: Any, dtype: np.dtype, count: int) -> np.ndarray:
        """`count` numbers of an element."""
        kind = element.get("format", "ascii")
        if kind == "ascii":
            found = (element.text or "").split()
            _same_count(len(found), count)
            return np.array(found, np.float64 if dtype.kind == "f" else dtype).astype(dtype)
        if kind == "binary":
            data = self._unpacked(Base64("".join((element.text or "").split()).encode()), count * dtype.itemsize)
        elif kind == "appended":
            start = int(element.attrib["offset"])
            if not 0 <= start < len(self.appended):
                raise ValueError(f"its offset {start} is outside")
            rest = memoryview(self.appended)[start:]
            data = self._unpacked(Base64(rest) if self.base64_behind else Plain(rest), count * dtype.itemsize)
        else:
            raise ValueError(f"its format is {kind!r}")
        return np.frombuffer(data, np.dtype(self.order + dtype.str[1:])).astype(dtype, copy=False)

    def _unpacked(self, source: Any, size: int) -> bytes:
        """Exactly `size` bytes, or an error before more are made."""
        if not self.compressor:
            (said,) = self._header(source.take(self.header.itemsize))
            _same_count(said, size)
            return source.rest_of_run(self.header.itemsize, size)
        width = self.header.itemsize
        blocks, block, last = self._header(source.peek(3 * width))
        if blocks > MAX_BLOCKS or blocks * block > size + block or block > size + (1 << 26):
            raise ValueError(f"it claims {blocks} blocks of {block} bytes where {size} are expected")
        packed = self._header(source.take((3 + blocks) * width))[3:]
        source.align((3 + blocks) * width)
        sizes = [block] * blocks
        if blocks and last:
            sizes[-1] = last
        _same_count(sum(sizes), size)
        stream = source.run(sum(packed))
        return b"".join(self._block(stream(length), wanted) for length, wanted in zip(packed, sizes, strict=True))

    def _header(self, data: bytes) -> list[int]:
        return np.frombuffer(data, self.header).tolist()

    def _block(self, data: bytes, size: int) -> bytes:
        unpack = zlib.decompressobj() if self.compressor == COMPRESSORS[0] else lzma.LZMADecompressor(memlimit=1 << 28)
        found = unpack.decompress(data, size + 1)
        _same_count(len(found), size)
        return found


class Plain:
    """Bytes as they are."""

    def __init__(self, data: Any):
        self.data, self.place = data, 0

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay."""
        return _exactly(bytes(self.data[self.place : self.place + size]), size)

    def take(self, size: int) -> bytes:
        """The next bytes."""
        found = self.peek(size)
        self.place += size
        return found

    def align(self, size: int) -> None:
        """Nothing is padded here."""

    def rest_of_run(self, _: int, size: int) -> bytes:
        """The numbers behind their header."""
        return self.take(size)

    def run(self, _: int) -> Callable[[int], bytes]:
        """Blocks one after the other."""
        return self.take


class Base64:
    """Bytes as text: a header and its numbers are one run without a compressor, and two runs with one, each padded to 4 characters."""

    def __init__(self, text: Any):
        self.text, self.place = text, 0

    def peek(self, size: int) -> bytes:
        """The first bytes of the run that begins here."""
        return _exactly(self._decoded(size), size)

    def take(self, size: int) -> bytes:
        """As `peek`: a run is left only by `align`."""
        return self.peek(size)

    def align(self, size: int) -> None:
        """Leave a run of so many bytes."""
        self.place += -(-size // 3) * 4

    def rest_of_run(self, header: int, size: int) -> bytes:
        """The numbers behind their header in the same run, or in a run of their own where the header ends in padding."""
        if header % 3 and bytes(self.text[self.place + -(-header // 3) * 4 - 1 :][:1]) == b"=":
            self.align(header)
            return _exactly(self._decoded(size), size)
        return _exactly(self._decoded(header + size)[header:], size)

    def run(self, size: int) -> Callable[[int], bytes]:
        """Blocks of a run one after the other."""
        return Plain(_exactly(self._decoded(size), size)).take

    def _decoded(self, size: int) -> bytes:
        text = bytes(self.text[self.place : self.place + -(-size // 3) * 4])
        return base64.b64decode(text, validate=True)[:size]


def open_image(path: Path, max_bytes: int) -> Image:
    """The elements of a file; its arrays are decoded on request.

    Raises:
        ReadError: if it is no ImageData, or its extents contradict each other.
    """
    size = path.stat().st_size
    check_size(path, size, TEXT_SHARE * max_bytes + MARKUP, "numbers as text")
    root, appended, in_base64 = _elements(path)
    if root.tag != "VTKFile" or root.get("type") != "ImageData":
        raise unreadable(path, f"is a VTK file of type {root.get('type')!r}, and ImageData is read", "Resample it to an image.")
    try:
        return _image(path, root, _encoding(path, root, appended, in_base64))
    except BROKEN as error:
        if isinstance(error, ReadError):
            raise
        raise unreadable(path, f"is no readable VTK image ({_short(error)})", WHOLE) from error


def _elements(path: Path) -> tuple[Any, bytes, bool]:
    """The root element, and what is appended, which need not be text."""
    data = path.read_bytes()
    begin = data.find(b"<AppendedData")
    head = data if begin < 0 else data[:begin]
    appended, in_base64 = b"", False
    if begin >= 0:
        mark = data.find(b"_", data.find(b">", begin))
        end = data.rfind(b"</AppendedData>")
        in_base64 = b"base64" in data[begin : data.find(b">", begin)]
        appended = data[mark + 1 : end] if 0 <= mark < end else b""
        head += b"</VTKFile>"
    if b"<!DOCTYPE" in head[:4096] or b"<!ENTITY" in head:
        raise unreadable(path, "defines a document type, which no VTK file needs", "Save it again.")
    try:
        return ET.fromstring(head), appended, in_base64  # noqa: S314 (without a document type there are no entities to expand)
    except ET.ParseError as error:
        raise unreadable(path, f"is no readable XML ({error})", WHOLE) from error


def _encoding(path: Path, root: Any, appended: bytes, in_base64: bool) -> Encoding:
    compressor = root.get("compressor", "")
    if compressor and compressor not in COMPRESSORS:
        raise unreadable(path, f"is compressed by {compressor}", f"Save it with one of {', '.join(COMPRESSORS)}, or without.")
    order = ">" if root.get("byte_order", "LittleEndian") == "BigEndian" else "<"
    header = np.dtype(order + ("u8" if root.get("header_type", "UInt32") == "UInt64" else "u4"))
    return Encoding(path, order, header, compressor, appended, in_base64)


def _image(path: Path, root: Any, encoding: Encoding) -> Image:
    image = root.find("ImageData")
    low, high = _extent(image.attrib["WholeExtent"])
    pieces = image.findall("Piece")
    if not 1 <= len(pieces) <= MAX_PIECES:
        raise unreadable(path, f"holds {len(pieces)} pieces of an image", "Save it as one.")
    spacing = tuple(float(h) for h in image.get("Spacing", "1 1 1").split())
    found: dict[str, ImageArray] = {}
    for kind, more in (("CellData", 0), ("PointData", 1)):
        shape = tuple(b - a + more for a, b in zip(low, high, strict=True))
        if more == 0:
            shape = tuple(max(n, 1) for n in shape) if min(shape) >= 0 and sum(n > 0 for n in shape) >= 2 else shape
        for name, each in _arrays(path, pieces, kind, low, shape, more).items():
            found.setdefault(name, each)
    texts = {each.get("Name", ""): _strings(each) for each in image.iterfind("FieldData/Array") if each.get("type") == "String"}
    direction = [float(x) for x in image.get("Direction", "1 0 0 0 1 0 0 0 1").split()]
    turned = direction != [1, 0, 0, 0, 1, 0, 0, 0, 1]
    odd = ("the image is turned in space (its Direction): its axes were read as x, y, z",) if turned else ()
    return Image(path, spacing, found, texts, odd, encoding)


def _arrays(path: Path, pieces: list[Any], kind: str, low: tuple[int, ...], shape: tuple[int, ...], more: int) -> dict[str, ImageArray]:
    """The arrays of all pieces by name; each must be in every piece."""
    parts: dict[str, list[tuple[Any, tuple[slice, ...]]]] = {}
    for piece in pieces:
        begin, end = _extent(piece.attrib["Extent"])
        place = tuple(slice(a - o, max(b - o + more, a - o + 1)) for a, b, o in zip(begin, end, low, strict=True))
        if not all(0 <= each.start < each.stop <= n for each, n in zip(place, shape, strict=True)):
            raise unreadable(path, f"holds a piece of extent {piece.attrib['Extent']!r} that is outside of its image", WHOLE)
        for element in piece.iterfind(f"{kind}/DataArray"):
            parts.setdefault(element.get("Name", ""), []).append((element, place))
    arrays = {}
    for name, each in parts.items():
        first = each[0][0]
        count = int(first.get("NumberOfComponents", "1") or 1)
        known = first.get("type") in TYPES and 1 <= count <= 64 and len(each) == len(pieces)
        if not known or any(
            (e.get("type"), e.get("NumberOfComponents")) != (first.get("type"), first.get("NumberOfComponents")) for e, _ in each
        ):
            continue
        names = tuple(first.get(f"ComponentName{k}", "") for k in range(count))
        arrays[name] = ImageArray(name, np.dtype(TYPES[first.get("type")]), names, shape, bool(more), tuple(each))  # pyright: ignore[reportArgumentType]
    return arrays


def _extent(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    numbers = [int(n) for n in text.split()]
    if len(numbers) != 6 or not all(-MAX_EXTENT < a <= b < MAX_EXTENT for a, b in zip(numbers[::2], numbers[1::2], strict=True)):
        raise ValueError(f"extent {text!r}")
    return tuple(numbers[::2]), tuple(numbers[1::2])


def _strings(element: Any) -> tuple[str, ...]:
    """Texts as VTK writes them: the codes of their bytes, each text ended by a zero."""
    text = element.text or ""
    if element.get("format") != "ascii" or len(text) > MAX_STRING:
        return ()
    codes = bytes(int(code) % 256 for code in text.split())
    return tuple(part.decode("utf-8", "replace") for part in codes.split(b"\0")[:-1])


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError(f"{len(data)} of {size} bytes are there")
    return data


def _same_count(found: int, wanted: int) -> None:
    if found != wanted:
        raise ValueError(f"it holds {found} where {wanted} are expected")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
