"""HDF5 files from strangers, read with bounded memory.

An HDF5 file may name other files (external links, external storage, virtual datasets), claim sizes that it does not
hold, and hold chunks that inflate to any size. Here a file is walked by hard links alone, every size is checked from the
header before anything is decoded, and whatever HDF5 says of a broken file becomes a `ReadError`.
"""

import contextlib
import dataclasses
import itertools
import math
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.hdf5_heaps import variable_texts
from jaxmicro.io.problems import ReadError, check_size, unreadable

BROKEN = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    NotImplementedError,
    SystemError,
)
INFLATION = 1032  # the most that deflate can inflate
DEFLATE = 1  # HDF5's number of that filter
MAX_CHUNKS = 1 << 20
MAX_TEXTS = 1 << 12
MAX_TEXT = 1 << 20  # bytes of all texts of a dataset
MAX_CHILDREN = 1 << 14
WHOLE = "Save it again, or check that it was copied whole."


@contextlib.contextmanager
def open_hdf5(path: Path, max_bytes: int) -> Iterator["Node"]:
    """The root of a file; what goes wrong inside the block becomes a `ReadError` that names the file."""
    import h5py

    try:
        with h5py.File(path, "r", locking="best-effort") as file:
            yield Node(path, file, "/", Budget(max_bytes))
    except ReadError:
        raise
    except BROKEN as error:
        raise unreadable(path, f"is no readable HDF5 file ({_short(error)})", WHOLE) from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


@dataclasses.dataclass
class Budget:
    """How many bytes may still be read."""

    left: int

    def take(self, path: Path, size: int, what: str) -> None:
        """Spend some of it, or refuse."""
        check_size(path, size, self.left, what)
        self.left -= size


@dataclasses.dataclass(frozen=True)
class Node:
    """A group of the file; names are single steps, never paths."""

    path: Path
    group: Any
    place: str
    budget: Budget

    @property
    def names(self) -> list[str]:
        """What the group holds, in alphabetical order."""
        if len(self.group) > MAX_CHILDREN:
            raise unreadable(self.path, f"holds {len(self.group)} objects in {self.place}, more than any scan", WHOLE)
        return sorted(self.group)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def is_group(self, name: str) -> bool:
        """Whether there is a group of that name."""
        import h5py

        return name in self and self._is_plain(name) and isinstance(self._open(name), h5py.Group)

    def is_numeric(self, name: str) -> bool:
        """Whether a dataset holds numbers."""
        return self._dataset(name).dtype.kind in "biuf"

    def child(self, name: str) -> "Node":
        """A group in this one."""
        if not self.is_group(name):
            raise unreadable(self.path, f"has no group {self._at(name)!r}{self._instead()}")
        return Node(self.path, self._open(name), self._at(name) + "/", self.budget)

    def walk(self, *names: str) -> "Node":
        """A group further down."""
        node = self
        for name in names:
            node = node.child(name)
        return node

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a dataset, which is not read."""
        return tuple(self._dataset(name).shape)

    def numbers(self, name: str, size: int | None = None) -> np.ndarray:
        """A dataset of numbers, as it is; `size` is how many there must be."""
        dataset = self._dataset(name)
        shape, dtype = tuple(dataset.shape), dataset.dtype
        if dtype.kind not in "biuf" or dtype.itemsize > 8:
            raise unreadable(self.path, f"holds {self._at(name)!r} of type {dtype}, and numbers are expected")
        what = f"{self._at(name)!r} of shape {shape} and type {dtype}"
        if size is not None and math.prod(shape) != size:
            raise unreadable(self.path, f"holds {what}, and {size:,} numbers are expected", WHOLE)
        self.budget.take(self.path, math.prod(shape) * dtype.itemsize, what)
        self._check_chunks(dataset, name)
        values = np.asarray(dataset[()]).astype(dtype.newbyteorder("="), copy=False)
        lost = np.isnan(values) if dtype.kind == "f" else np.zeros(0, bool)
        return np.where(lost, np.array(np.nan, values.dtype), values) if lost.any() else values  # signalling NaNs warn in every cast

    def box(self, name: str, window: tuple[slice, ...], most: int) -> np.ndarray:
        """A box of a dataset of numbers, with at most `most` bytes decoded at once; the budget is not spent."""
        dataset = self._dataset(name)
        size = math.prod(each.stop - each.start for each in window) * dataset.dtype.itemsize
        if dataset.dtype.kind not in "biuf" or dataset.dtype.itemsize > 8:
            raise unreadable(self.path, f"holds {self._at(name)!r} of type {dataset.dtype}, and numbers are expected")
        check_size(self.path, size, most, f"a box of {self._at(name)!r}")
        if dataset.chunks is not None:
            chunk = math.prod(dataset.chunks) * dataset.dtype.itemsize
            check_size(self.path, chunk, most, f"{self._at(name)!r} in chunks of shape {dataset.chunks}")
            _check_deflate(self.path, dataset, self._at(name), most, _touched(dataset.chunks, window))
        return np.asarray(dataset[window]).astype(dataset.dtype.newbyteorder("="), copy=False)

    def chunks(self, name: str) -> tuple[int, ...]:
        """Shape of the chunks of a dataset, which are decoded whole; of single numbers where it has none."""
        dataset = self._dataset(name)
        return tuple(dataset.chunks) if dataset.chunks is not None else (1,) * len(dataset.shape)

    def type(self, name: str) -> np.dtype:
        """Type of the numbers of a dataset, in the byte order of this machine."""
        return np.dtype(self._dataset(name).dtype.newbyteorder("="))

    def integers(self, name: str, size: int | None = None) -> np.ndarray:
        """As `numbers`, of a dataset of whole numbers."""
        dtype = self._dataset(name).dtype
        if dtype.kind not in "iu":
            raise unreadable(self.path, f"holds {self._at(name)!r} of type {dtype}, and whole numbers are expected")
        return self.numbers(name, size)

    def number(self, name: str) -> float:
        """A dataset of one number; one in single precision becomes the shortest decimal that it stands for."""
        value = self.numbers(name, 1).ravel()[0]
        return float(str(value)) if value.dtype.kind == "f" else float(value)

    def whole(self, name: str) -> int:
        """A dataset of one whole number."""
        value = self.number(name)
        if not (math.isfinite(value) and value == int(value)):
            raise unreadable(self.path, f"holds {self._at(name)!r} = {value:g}, and a whole number is expected")
        return int(value)

    def texts(self, name: str) -> list[str]:
        """A dataset of texts, of fixed or variable length."""
        import h5py

        dataset = self._dataset(name)
        kind, shape = h5py.check_string_dtype(dataset.dtype), tuple(dataset.shape)
        if kind is None:
            raise unreadable(self.path, f"holds {self._at(name)!r} of type {dataset.dtype}, and text is expected")
        if math.prod(shape) > MAX_TEXTS or math.prod(shape) * dataset.dtype.itemsize > MAX_TEXT:
            raise unreadable(self.path, f"holds {self._at(name)!r} of shape {shape}, more text than any scan", WHOLE)
        self._check_chunks(dataset, name)
        if kind.length is None:
            return [_decoded(text) for text in variable_texts(self.path, dataset, self._at(name), MAX_TEXT)]
        return [_decoded(text) for text in np.asarray(dataset[()]).ravel().tolist()]

    def text(self, name: str) -> str:
        """A dataset of one text."""
        found = self.texts(name)
        if len(found) != 1:
            raise unreadable(self.path, f"holds {len(found)} texts in {self._at(name)!r}, and one is expected")
        return found[0]

    def attribute(self, name: str, of: str | None = None) -> Any:
        """An attribute of this group, or of what it holds as `of`: an array of numbers, a text, or None where there is none."""
        import h5py

        owner = self.group if of is None else self._checked(of)
        if name not in owner.attrs:
            return None
        ident = owner.attrs.get_id(name)
        if math.prod(ident.shape) * ident.dtype.itemsize > MAX_TEXT or math.prod(ident.shape) > MAX_TEXTS:
            raise unreadable(self.path, f"holds the attribute {name!r} of shape {ident.shape} at {self.place}")
        if ident.dtype.kind not in "biufS":
            what = "text of variable length" if h5py.check_string_dtype(ident.dtype) else f"{ident.dtype}"
            raise unreadable(
                self.path, f"holds the attribute {name!r} at {self.place} as {what}", "Numbers and text of fixed length are read."
            )
        value = owner.attrs[name]
        if isinstance(value, bytes | str):
            return _decoded(value)
        array = np.asarray(value)
        if array.dtype.kind == "S" and array.size == 1:
            return _decoded(array.ravel()[0])
        if array.dtype.kind not in "biuf":
            raise unreadable(self.path, f"holds the attribute {name!r} of type {array.dtype} at {self.place}")
        return array.astype(array.dtype.newbyteorder("="))

    def _checked(self, name: str) -> Any:
        """What a hard link names; every other link may lead out of the file."""
        if name not in self:
            raise unreadable(self.path, f"has no {self._at(name)!r}{self._instead()}")
        if not self._is_plain(name):
            raise unreadable(self.path, f"holds {self._at(name)!r} as a link, which is not followed", "Store what it links to.")
        return self._open(name)

    def _dataset(self, name: str) -> Any:
        import h5py

        found = self._checked(name)
        if not isinstance(found, h5py.Dataset):
            raise unreadable(self.path, f"holds {self._at(name)!r}, which is no dataset")
        if found.is_virtual or found.external:
            raise unreadable(
                self.path, f"holds {self._at(name)!r} with its numbers in other files, which are not read", "Store them inside."
            )
        if found.shape is None:
            raise unreadable(self.path, f"holds {self._at(name)!r} without numbers")
        return found

    def _check_chunks(self, dataset: Any, name: str) -> None:
        """Refuse chunks that are larger, more, or inflate to more than may be read."""
        if dataset.chunks is None:
            return
        count = math.prod(-(-n // chunk) for n, chunk in zip(dataset.shape, dataset.chunks, strict=True))
        size = math.prod(dataset.chunks) * dataset.dtype.itemsize
        check_size(self.path, size, self.budget.left, f"{self._at(name)!r} in chunks of shape {dataset.chunks}")
        if count > MAX_CHUNKS:
            raise unreadable(self.path, f"holds {self._at(name)!r} in {count} chunks, more than any scan", "Save it with larger chunks.")
        if dataset.id.get_storage_size() * INFLATION > self.budget.left:
            everywhere = (dataset.id.get_chunk_info(k).chunk_offset for k in range(dataset.id.get_num_chunks()))
            _check_deflate(self.path, dataset, self._at(name), self.budget.left, everywhere)

    def _is_plain(self, name: str) -> bool:
        import h5py

        return isinstance(self.group.get(name, getlink=True), h5py.HardLink)

    def _open(self, name: str) -> Any:
        return self.group[name]

    def _at(self, name: str) -> str:
        return self.place + name

    def _instead(self) -> str:
        names = self.names
        listed = ", ".join(repr(name) for name in names[:8]) + (", …" if len(names) > 8 else "")
        return f" (in {self.place}: {listed or 'nothing'})"


def _decoded(text: Any) -> str:
    """Text of bytes in UTF-8, or else in Latin-1, without what C puts at the end."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError:
            text = text.decode("latin-1")
    return str(text).split("\0")[0].strip()


def _touched(chunks: tuple[int, ...], window: tuple[slice, ...]) -> Iterator[tuple[int, ...]]:
    """Where the chunks begin that a box touches."""
    return itertools.product(*(range(each.start // n * n, each.stop, n) for n, each in zip(chunks, window, strict=True)))


def _check_deflate(path: Path, dataset: Any, place: str, most: int, offsets: Iterable[tuple[int, ...]]) -> None:
    """HDF5 inflates a chunk to whatever it holds: those that could pass the limit are inflated here first, and only that far."""
    pipeline = dataset.id.get_create_plist()
    if not any(pipeline.get_filter(k)[0] == DEFLATE for k in range(pipeline.get_nfilters())):
        return
    for offset in offsets:
        info = dataset.id.get_chunk_info_by_coord(offset)
        if info.size * INFLATION <= most:
            continue
        _, data = dataset.id.read_direct_chunk(offset)
        with contextlib.suppress(zlib.error):  # HDF5 will say so
            packed = zlib.decompressobj()
            if len(packed.decompress(data, most)) == most and not packed.eof:
                raise unreadable(
                    path, f"holds a chunk of {place!r} that inflates to more than {most} bytes", "Raise `max_bytes` if you trust the file."
                )
