"""Numbers without a header (.raw, .bin, .vol): shape, type and order come from the user."""

import dataclasses
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check, check_choice
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.problems import check_size, unreadable

BYTE_ORDERS = ("little", "big")
KINDS = "biuf"
OTHER_TYPES = ("uint8", "uint16", "float32", "float64")
LONGEST = 1 << 48


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where numbers lie in a file.

    Attributes:
        stored: number of values along each axis as stored, the slowest first.
        axes: a letter of x, y, z per stored axis.
        dtype: type of a number, with its byte order.
        offset: bytes before the first number.
    """

    stored: tuple[int, ...]
    axes: str
    dtype: np.dtype
    offset: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all numbers."""
        return math.prod(self.stored) * self.dtype.itemsize

    @property
    def order(self) -> tuple[int, ...]:
        """Stored axes in the order x, y(, z)."""
        return tuple(self.axes.index(letter) for letter in "xyz"[: len(self.axes)])


def load_raw(
    path: Path,
    max_bytes: int,
    shape: Any = None,
    dtype: Any = "uint8",
    axes: str | None = None,
    byteorder: str | None = None,
    offset: int = 0,
) -> Raster:
    """Read a file of plain numbers.

    Args:
        path: the file.
        max_bytes: most bytes that the numbers may take.
        shape: voxels along x, y(, z), whatever the order in the file.
        dtype: type of a number, by NumPy's name.
        axes: order in the file, the slowest axis first: "zyx" (the default: x runs fastest) to "xyz" (z runs fastest).
        byteorder: "little" or "big"; by default as `dtype` says, and "little" where it does not.
        offset: bytes of a header to be skipped.

    Raises:
        ReadError: if the file does not hold exactly so many numbers; the message says which shapes and types would fit.
        ValueError: if an argument is no shape, type, order or offset.
    """
    layout = raw_layout(path, shape, dtype, axes, byteorder, offset)
    check_size(path, layout.nbytes, max_bytes, f"{_extent(layout.stored)} numbers of type {layout.dtype.name}")
    values = np.fromfile(path, layout.dtype, math.prod(layout.stored), offset=layout.offset).reshape(layout.stored)
    values = values.astype(layout.dtype.newbyteorder("="), copy=False)
    return Raster(np.transpose(values, layout.order), notes=(raw_note(layout),))


def raw_layout(path: Path, shape: Any, dtype: Any, axes: Any, byteorder: Any, offset: Any, size: int | None = None) -> Layout:
    """What the user says of a file of plain numbers, checked against its size (that of the file, where `size` is None)."""
    kind = _dtype(dtype, byteorder)
    good = isinstance(offset, int | np.integer) and not isinstance(offset, bool) and 0 <= offset < LONGEST
    check(good, f"`offset` must be a number of bytes, 0 or more, but it is {offset!r}. Write offset=0 where there is no header.")
    there = (path.stat().st_size if size is None else size) - int(offset)
    if shape is None:
        raise unreadable(
            path, f"holds {there:,} bytes without a header", f"Pass shape=(nx, ny, nz) and dtype='uint8'{_perhaps(path, there, kind)}."
        )
    extents = _shape(shape)
    letters = "zyx"[-len(extents) :] if axes is None else str(axes).lower()
    check(
        sorted(letters) == sorted("xyz"[: len(extents)]),
        f"`axes` must name each of {', '.join('xyz'[: len(extents)])} once, the slowest in the file first, but it is {axes!r}. "
        f"Write axes={'zyx'[-len(extents) :]!r} where x runs fastest.",
    )
    layout = Layout(tuple(extents["xyz".index(letter)] for letter in letters), letters, kind, int(offset))
    if layout.nbytes != there:
        behind = f" behind an offset of {offset}" if offset else ""
        raise unreadable(
            path,
            f"holds {there:,} bytes{behind}, but shape={extents} of type {kind.name} takes {layout.nbytes:,}",
            _fitting(there, layout, extents),
        )
    return layout


def raw_note(layout: Layout) -> str:
    """What was taken for granted, for a report."""
    order = {"<": "little-endian ", ">": "big-endian "}.get(layout.dtype.str[0], "")
    header = f", {layout.offset} bytes skipped" if layout.offset else ""
    return f"plain numbers read as {order}{layout.dtype.name}, {layout.axes[-1]} running fastest and {layout.axes[0]} slowest, as asked{header}"


def _dtype(dtype: Any, byteorder: Any) -> np.dtype:
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    good = kind.kind in KINDS and kind.itemsize <= 8 and kind.subdtype is None
    check(good, f"`dtype` must be a type of numbers, but it is {dtype!r}. Write dtype='uint8', 'int16', 'float32', …")
    if byteorder is None:
        return kind.newbyteorder("<") if kind.isnative else kind
    check_choice("byteorder", byteorder, BYTE_ORDERS)
    return kind.newbyteorder("<" if byteorder == "little" else ">")


def _shape(shape: Any) -> tuple[int, ...]:
    try:
        extents = tuple(shape)
    except TypeError:
        extents = ()
    good = len(extents) in (2, 3) and all(isinstance(n, int | np.integer) and not isinstance(n, bool) and 0 < n < LONGEST for n in extents)
    check(good, f"`shape` must be two or three numbers of voxels, (nx, ny) or (nx, ny, nz), but it is {shape!r}.")
    return tuple(int(n) for n in extents)


def _fitting(there: int, layout: Layout, extents: tuple[int, ...]) -> str:
    """Which other type, length of the slowest axis, header or cube the bytes would fit."""
    fits = []
    count = math.prod(extents)
    fits += [f"dtype={name!r}" for name in OTHER_TYPES if count * np.dtype(name).itemsize == there]
    slow = "xyz".index(layout.axes[0])
    rest = layout.nbytes // extents[slow]
    if there > 0 and there % rest == 0:
        fits.append(f"shape={tuple(there // rest if k == slow else n for k, n in enumerate(extents))}")
    numbers, left = divmod(there, layout.dtype.itemsize)
    edge = _edge(numbers, len(extents))
    if left == 0 and edge and (edge,) * len(extents) != extents:
        fits.append(f"shape={(edge,) * len(extents)}")
    if 0 < there - layout.nbytes < max(layout.nbytes // 2, 4097):
        fits.append(f"offset={layout.offset + there - layout.nbytes} (a header)")
    return f"What would fit: {' or '.join(dict.fromkeys(fits))}." if fits else "Check shape=, dtype= and offset=, or copy the file again."


def _perhaps(path: Path, there: int, kind: np.dtype) -> str:
    """A shape that the file's name or a cube suggests."""
    named = [tuple(map(int, re.findall(r"\d+", found[0]))) for found in re.finditer(r"\d{2,6}(?:[x_-]\d{2,6}){1,2}", path.stem)]
    for shape in named:
        for dtype in (kind.name, *OTHER_TYPES):
            if math.prod(shape) * np.dtype(dtype).itemsize == there:
                return f"; by its name perhaps shape={shape}, dtype={dtype!r}"
    edge = _edge(there, 3)
    return f"; it would fit a cube, shape={(edge,) * 3} of bytes" if edge else ""


def _edge(numbers: int, ndim: int) -> int:
    """The edge of a square or cube of so many numbers; 0 where there is none."""
    edge = round(max(numbers, 0) ** (1 / ndim))
    return edge if edge > 1 and edge**ndim == numbers else 0


def _extent(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


RAW_OPTIONS = ("shape", "dtype", "axes", "byteorder", "offset")
RAW = Format("file of plain numbers", (".raw", ".bin", ".vol"), load_raw, options=RAW_OPTIONS)
