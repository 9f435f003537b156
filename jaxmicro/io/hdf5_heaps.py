"""Texts of variable length in an HDF5 file, read from its heaps without HDF5.

HDF5 (2.0) believes what a damaged file says of such texts: it allocates up to 4 GiB for one that claims to be so long before
it looks for it, and walks in place for ever through a heap with an object of size zero. Layout (HDF5 File Format
Specification 3.0, III.E and IV.A.2.d): each text is a reference of length (4), address of a heap (8), index in the heap (4).
A heap is "GCOL", version 1, three zero bytes, its size (8); then objects of 16 bytes, index (2), references (2), zeros (4),
size (8), followed by the data, padded to 8 bytes. Index 0 is free space and counts its own 16 bytes.
"""

import dataclasses
import struct
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.problems import unreadable

SIGNATURE = b"GCOL\x01\x00\x00\x00"
HEAD, OBJECT = 16, 16
REFERENCE = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
LARGEST_HEAP = 1 << 24  # bytes; HDF5 makes heaps of 4 KiB, or as large as one text
WHOLE = "Save it again, or check that it was copied whole."


def variable_texts(path: Path, dataset: Any, place: str, most: int) -> list[bytes]:
    """All texts of a dataset in order, at most `most` bytes of them; `place` is its name for the wording of errors."""
    references = _references(path, dataset, place).ravel()
    total = int(references["length"].astype(np.int64).sum())
    if total > most:
        raise unreadable(path, f"holds {place!r} with more than {most} bytes of text", WHOLE)
    heaps = Heaps(path, dataset.file.userblock_size)
    return [heaps.text(*map(int, reference)) if reference["length"] else b"" for reference in references]


def _references(path: Path, dataset: Any, place: str) -> np.ndarray:
    """The references as they are stored, plain or in chunks without filters."""
    import h5py

    plan, shape = dataset.id.get_create_plist(), tuple(dataset.shape)
    layout, found = plan.get_layout(), np.zeros(shape, REFERENCE)
    if tuple(dataset.file.id.get_create_plist().get_sizes()) != (8, 8):
        raise unreadable(path, "has addresses that are not of 8 bytes", "Save it again.")
    if layout == h5py.h5d.CONTIGUOUS:
        stored = dataset.id.get_space_status() == h5py.h5d.SPACE_STATUS_ALLOCATED
        return np.frombuffer(_bytes(path, dataset.id.get_offset(), found.nbytes), REFERENCE) if stored else found
    if layout != h5py.h5d.CHUNKED or plan.get_nfilters():
        raise unreadable(path, f"holds {place!r} as texts of variable length that are packed", "Save it with texts of fixed length.")
    for k in range(dataset.id.get_num_chunks()):
        offset = dataset.id.get_chunk_info(k).chunk_offset
        block = np.frombuffer(dataset.id.read_direct_chunk(offset)[1], REFERENCE).reshape(dataset.chunks)
        inside = tuple(slice(start, start + n) for start, n in zip(offset, dataset.chunks, strict=True))
        part = found[inside]
        part[...] = block[tuple(slice(n) for n in part.shape)]
    return found


def _bytes(path: Path, start: int, size: int) -> bytes:
    """That many bytes of the file."""
    with open(path, "rb") as stream:
        stream.seek(start)
        data = stream.read(size)
    if len(data) != size:
        raise unreadable(path, f"ends before byte {start + size}", WHOLE)
    return data


@dataclasses.dataclass
class Heaps:
    """The heaps of one file, each read once; addresses count from `base`."""

    path: Path
    base: int
    found: dict[int, dict[int, bytes]] = dataclasses.field(default_factory=dict)

    def text(self, length: int, address: int, index: int) -> bytes:
        """A text by its reference."""
        if address not in self.found:
            self.found[address] = self._objects(address)
        data = self.found[address].get(index)
        if index == 0 or data is None or len(data) < length:
            raise self._damaged(address)
        return data[:length]

    def _objects(self, address: int) -> dict[int, bytes]:
        """The objects of a heap, which must lead from its start to its end."""
        start, end = self.base + address, self.path.stat().st_size
        if start + HEAD > end:
            raise self._damaged(address)
        head = _bytes(self.path, start, HEAD)
        (size,) = struct.unpack_from("<Q", head, 8)
        if not head.startswith(SIGNATURE) or not HEAD <= size <= min(end - start, LARGEST_HEAP):
            raise self._damaged(address)
        heap, place, objects = _bytes(self.path, start, size), HEAD, {}
        while place + OBJECT <= size:
            index, length = struct.unpack_from("<H6xQ", heap, place)
            step = length if index == 0 else OBJECT + length + -length % 8
            if not OBJECT <= step <= size - place:
                raise self._damaged(address)
            objects[index] = heap[place + OBJECT : place + OBJECT + length]
            place += step
        return objects

    def _damaged(self, address: int) -> Exception:
        return unreadable(self.path, f"holds damaged texts (the heap at byte {self.base + address})", WHOLE)
