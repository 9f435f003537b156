"""The heaps of an HDF5 file that hold texts of variable length, checked before HDF5 follows them.

HDF5 walks a heap object by object, each by the size that the one before claims: a damaged size of zero makes it walk
in place for ever (HDF5 2.0). Layout of a heap (HDF5 File Format Specification 3.0, III.E): "GCOL", version 1, three zero
bytes, its size in 8 bytes; then objects of 16 bytes: index (2), references (2), zeros (4), size (8), followed by the
data, padded to 8 bytes. Index 0 is free space and counts its own 16 bytes.
"""

import contextlib
import mmap
import struct
from pathlib import Path

from jaxmicro.io.problems import unreadable

SIGNATURE = b"GCOL\x01\x00\x00\x00"
HEAD, OBJECT = 16, 16


def check_heaps(path: Path) -> None:
    """Refuse a file in which the objects of a heap do not lead from its start to its end."""
    if path.stat().st_size < HEAD:
        return
    with open(path, "rb") as stream, contextlib.closing(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) as data:
        start = data.find(SIGNATURE)
        while start >= 0:
            if not _is_sound(data, start):
                raise unreadable(
                    path, f"holds damaged texts (the heap at byte {start})", "Save it again, or check that it was copied whole."
                )
            start = data.find(SIGNATURE, start + HEAD)


def _is_sound(data: mmap.mmap, start: int) -> bool:
    if start + HEAD > len(data):
        return False
    (size,) = struct.unpack_from("<Q", data, start + 8)
    place, end = start + HEAD, start + size
    if end > len(data):
        return False
    while place + OBJECT <= end:
        index, size = struct.unpack_from("<H6xQ", data, place)
        step = size if index == 0 else OBJECT + size + -size % 8
        if not OBJECT <= step <= end - place:
            return False
        place += step
    return True
