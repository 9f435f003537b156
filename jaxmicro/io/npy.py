"""Arrays in NumPy's files, read with bounded memory and without pickle.

A zip header may lie about sizes and an array header about shapes: each array is refused by its own header before it is
decoded, and then exactly as many bytes as that header claims are read.
"""

import io
import json
import math
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from jaxmicro.io.problems import check_size, unreadable

BROKEN = (
    OSError,
    ValueError,
    EOFError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,  # of Python's parser, for brackets nested too deeply
    RuntimeError,
    NotImplementedError,
    SyntaxError,
    TypeError,
    struct.error,
    tokenize.TokenError,
    zlib.error,
    zipfile.BadZipFile,
)
READERS = {(1, 0): (np.lib.format.read_array_header_1_0, "<H"), (2, 0): (np.lib.format.read_array_header_2_0, "<I")}
MAX_HEADER = 10_000  # as in NumPy
MAX_EXTENT = 1 << 48
MAX_AXES = 32
MAX_MEMBERS = 10_000
CHUNK = 1 << 24


def read_npy(path: Path, stream: Any, name: str, max_bytes: int) -> np.ndarray:
    """One array from a stream in .npy format."""
    shape, fortran, dtype = read_layout(path, stream, name)
    size = math.prod(shape) * dtype.itemsize
    check_size(path, size, max_bytes, f"{name!r} of shape {shape} and type {dtype}")
    data = _exactly(path, stream, size, name)
    array = np.frombuffer(data, dtype=dtype).reshape(shape[::-1] if fortran else shape)
    array = array.T if fortran else array
    return array.astype(dtype.newbyteorder("=")) if not dtype.isnative else array


def read_layout(path: Path, stream: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis runs fastest, and type, from a header that is no lie; the numbers follow in the stream."""
    shape, fortran, dtype = _header(path, stream, name)
    if dtype.hasobject or dtype.kind not in "biuf":
        raise unreadable(path, f"holds {name!r} of type {dtype}, and only numbers are read", "Save plain arrays of numbers.")
    if len(shape) > MAX_AXES or not all(isinstance(n, int) and 0 <= n < MAX_EXTENT for n in shape):
        raise unreadable(path, f"claims the impossible shape {shape} for {name!r}", "Save it again.")
    return shape, fortran, dtype


def _header(path: Path, stream: Any, name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    try:
        version = np.lib.format.read_magic(stream)
        if version in READERS:
            read_header, length = READERS[version]
            return read_header(_bounded(stream, length))
    except BROKEN as error:
        raise unreadable(
            path, f"holds {name!r}, which is no readable array ({error})", "Save it again, or check that it was copied whole."
        ) from error
    raise unreadable(path, f"holds {name!r} in version {version} of the .npy format", "Save it with numpy.save and plain numbers.")


def _bounded(stream: Any, length: str) -> io.BytesIO:
    """A header and its length; a length that no header has is refused before so many bytes are read."""
    prefix = stream.read(struct.calcsize(length))
    (size,) = struct.unpack(length, prefix)
    if size > MAX_HEADER:
        raise ValueError(f"its header claims {size} bytes")
    return io.BytesIO(prefix + stream.read(size))


def _exactly(path: Path, stream: Any, size: int, name: str) -> bytearray:
    """`size` bytes, in pieces, so that a short file costs no memory for what it only claims."""
    data = bytearray()
    try:
        while len(data) < size and (piece := stream.read(min(CHUNK, size - len(data)))):
            data += piece
    except BROKEN as error:
        raise unreadable(
            path, f"holds {name!r}, which is damaged ({error})", "Save it again, or check that it was copied whole."
        ) from error
    if len(data) < size:
        raise unreadable(path, f"ends inside {name!r}: {len(data)} of {size} bytes are there", "Copy it again.")
    return data


class Archive:
    """A .npz file opened for reading: names first, arrays on request, all within one budget of bytes."""

    def __init__(self, path: Path, max_bytes: int):
        self.path, self.left, self.oddities = path, max_bytes, list[str]()
        try:
            self._zip = zipfile.ZipFile(path)
        except BROKEN as error:
            raise unreadable(
                path, f"is no readable .npz archive ({error})", "Save it with numpy.savez, or check that it was copied whole."
            ) from error
        if len(self._zip.namelist()) > MAX_MEMBERS:
            self._zip.close()
            raise unreadable(path, f"holds {len(self._zip.namelist())} members, more than {MAX_MEMBERS}", "Split it.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return [name.removesuffix(".npy") for name in self._zip.namelist() if name.endswith(".npy")]

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of an array, from its header."""
        with self._member(f"{name}.npy") as stream:
            return _header(self.path, stream, name)[0]

    def array(self, name: str) -> np.ndarray:
        """One array; what it takes counts against the budget."""
        with self._member(f"{name}.npy") as stream:
            array = read_npy(self.path, stream, name, self.left)
        self.left -= array.nbytes
        return array

    def json(self, name: str) -> Any:
        """A JSON member, or None where there is none."""
        if name not in self._zip.namelist():
            return None
        with self._member(name) as stream:
            text = stream.read(self.left + 1)
        check_size(self.path, len(text), self.left, f"a description {name!r}")
        self.left -= len(text)
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise unreadable(self.path, f"holds a damaged description {name!r} ({error})", "Copy it again.") from error

    def oddity(self, line: str) -> None:
        """Remember something that was resolved, once."""
        if line not in self.oddities:
            self.oddities.append(line)

    def _member(self, name: str) -> Any:
        try:
            return self._zip.open(name)
        except BROKEN as error:
            raise unreadable(
                self.path, f"holds {name!r}, which cannot be opened ({error})", "Save it without encryption, with numpy.savez."
            ) from error


def write_npz(stream: BinaryIO, arrays: dict[str, np.ndarray], documents: dict[str, Any]) -> None:
    """Arrays as .npy members and documents as JSON members, compressed."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
        for name, document in documents.items():
            archive.writestr(_member_info(name), json.dumps(document, ensure_ascii=False, indent=1))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
            archive.writestr(_member_info(f"{name}.npy"), buffer.getbuffer())


def _member_info(name: str) -> zipfile.ZipInfo:
    """A fixed date, so that equal values give equal files."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
