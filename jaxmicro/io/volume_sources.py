"""Volumes on disk from which boxes are read: plain numbers mapped into memory, pages of pictures, datasets of HDF5.

A source knows shape and type of a volume and fills a box of it; it decodes no more at once than the box and a page (or chunk).
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.formats import Raster
from jaxmicro.io.hdf5 import open_hdf5
from jaxmicro.io.hdf5_volumes import array_note, edges_of, find_dataset, stored_order
from jaxmicro.io.npy import read_layout
from jaxmicro.io.problems import unreadable
from jaxmicro.io.raw import Layout, raw_layout, raw_note
from jaxmicro.io.slices import picture_slices, slice_of, slices_notes
from jaxmicro.io.tiff_pages import open_pages

MAPPED = 1 << 26  # bytes of a file that are mapped into memory at once
Window = tuple[tuple[int, int], ...]


@dataclasses.dataclass(frozen=True)
class Source:
    """A volume on disk.

    Attributes:
        shape: voxels along x, y(, z).
        dtype: type of a number, in the byte order of this machine.
        box: `((x0, x1), …)` to an array of that box.
        slow: the axis along which the file advances slowest: pieces along it are the cheapest to read.
        about: all that a whole `Raster` would say beside its values.
        step: how many layers along the slow axis are decoded together (those of a chunk), 1 for pages.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    box: Callable[[Window], np.ndarray]
    slow: int
    about: Raster
    step: int = 1


def flat_source(path: Path, layout: Layout, about: Raster, shown: Callable[[np.ndarray], np.ndarray] | None = None) -> Source:
    """Plain numbers in a file, mapped piece by piece, so that what has been read does not stay in memory; `shown` changes them."""
    order = layout.order
    lead = layout.stored[1:]
    layer = math.prod(lead) * layout.dtype.itemsize
    step = max(1, MAPPED // max(layer, 1))

    def box(window: Window) -> np.ndarray:
        (low, high), *rest = [window["xyz".index(letter)] for letter in layout.axes]
        found = np.empty((high - low, *(b - a for a, b in rest)), layout.dtype.newbyteorder("="))
        inside = tuple(slice(a, b) for a, b in rest)
        for start in range(low, high, step):
            stop = min(start + step, high)
            mapped = np.memmap(path, layout.dtype, "r", layout.offset + start * layer, (stop - start, *lead))
            part = mapped[(slice(None), *inside)]
            found[start - low : stop - low] = shown(part) if shown else part
            del mapped
        return np.transpose(found, order)

    return Source(tuple(layout.stored[k] for k in order), layout.dtype.newbyteorder("="), box, "xyz".index(layout.axes[0]), about)


@dataclasses.dataclass(frozen=True)
class Opening:
    """What is to be opened: a file, what closes it again, the user's limit and options, and for a stored member of an archive where its
    bytes begin and how many there are.
    """

    path: Path
    stack: contextlib.ExitStack
    max_bytes: int
    options: Mapping[str, Any]
    at: tuple[int, int] | None = None


def raw_source(opening: Opening) -> Source:
    """A file of plain numbers, or a stored member of an archive that begins at `at[0]` and has `at[1]` bytes."""
    given = {name: opening.options.get(name) for name in ("shape", "axes", "byteorder")}
    size = None if opening.at is None else opening.at[1]
    layout = raw_layout(
        opening.path, dtype=opening.options.get("dtype", "uint8"), offset=opening.options.get("offset", 0), size=size, **given
    )
    note = raw_note(layout)
    moved = layout if opening.at is None else dataclasses.replace(layout, offset=layout.offset + opening.at[0])
    return flat_source(opening.path, moved, _about(notes=(note,)))


def npy_source(opening: Opening) -> Source:
    """An array of NumPy's, or a stored member of an archive."""
    with open(opening.path, "rb") as stream:
        stream.seek(0 if opening.at is None else opening.at[0])
        shape, fortran, dtype = read_layout(opening.path, stream, opening.path.name)
        offset = stream.tell()
    end = opening.path.stat().st_size if opening.at is None else opening.at[0] + opening.at[1]
    if math.prod(shape) * dtype.itemsize > end - offset:
        raise unreadable(opening.path, f"ends inside its array: {end - offset:,} of {math.prod(shape) * dtype.itemsize:,} bytes are there")
    stored = tuple(n for n in shape if n > 1)
    if len(stored) not in (2, 3):
        raise unreadable(opening.path, f"holds an array of shape {shape}", "A map has 2 axes longer than one, a volume 3.")
    reverse = opening.options.get("axes") in ("yx", "zyx")
    letters = "xyz"[: len(stored)][:: -1 if reverse else 1]
    if fortran:
        stored, letters = stored[::-1], letters[::-1]
    how = "its axes reversed, the last one is x" if reverse else "as it is: its first axis is x (axes='zyx' takes the last one)"
    return flat_source(opening.path, Layout(stored, letters, dtype, offset), _about(notes=(f"array read {how}",)))


def tiff_source(opening: Opening) -> Source:
    """A stack of pages: mapped where it lies in the file as one block without compression, else decoded page by page."""
    pages = open_pages(opening.path, opening.stack, opening.max_bytes, opening.options.get("axes"))
    if pages.layout is not None:
        return flat_source(opening.path, pages.layout, pages.about, pages.shown)
    return _paged(pages.shape, pages.dtype, pages.page, pages.about)


def folder_source(opening: Opening) -> Source:
    """A folder of pictures, opened one at a time."""
    files = picture_slices(opening.path)
    first = slice_of(files[0], opening.max_bytes)
    if first.colour:
        raise unreadable(opening.path, "holds pictures in colour", "Convert them to grey or labels, or read them whole.")
    about = dataclasses.replace(first, values=np.zeros((0, 0)), notes=(*first.notes, *slices_notes(files)), spacing=())

    def page(k: int) -> np.ndarray:
        return slice_of(files[k], opening.max_bytes, files[0], first).values

    return _paged((*first.values.shape, len(files)), first.values.dtype, page, about)


def hdf5_source(opening: Opening) -> Source:
    """A dataset of numbers of an HDF5 file, read by its slices."""
    root = opening.stack.enter_context(open_hdf5(opening.path, opening.max_bytes))
    found = find_dataset(opening.path, root, opening.options.get("dataset"))
    order = stored_order(found, opening.options.get("axes"))
    edges, unit, notes = edges_of(found, order)
    long = [k for k, n in enumerate(found.shape) if n > 1]

    def box(window: Window) -> np.ndarray:
        whole = [slice(0, 1)] * len(found.shape)
        for axis, k in enumerate(order):
            whole[long[k]] = slice(*window[axis])
        values = found.node.box(found.name, tuple(whole), opening.max_bytes)
        return np.transpose(values.reshape([values.shape[k] for k in long]), order)

    step = found.node.chunks(found.name)[long[0]]
    about = _about(notes=(array_note(found, opening.options.get("axes")), *notes), spacing=edges, unit=unit)
    shape = tuple(found.shape[long[k]] for k in order)
    return Source(shape, found.node.type(found.name), box, order.index(0), about, step)


def _paged(shape: tuple[int, ...], dtype: np.dtype, page: Callable[[int], np.ndarray], about: Raster) -> Source:
    """Pages `(nx, ny)` along z, each decoded for every box that touches it."""

    def box(window: Window) -> np.ndarray:
        (x0, x1), (y0, y1), *rest = window
        if not rest:
            return np.array(page(0)[x0:x1, y0:y1])
        found = np.empty((x1 - x0, y1 - y0, rest[0][1] - rest[0][0]), dtype)
        for k in range(*rest[0]):
            found[:, :, k - rest[0][0]] = page(k)[x0:x1, y0:y1]
        return found

    return Source(shape, np.dtype(dtype), box, len(shape) - 1, about)


def _about(**said: Any) -> Raster:
    return Raster(np.zeros((0, 0)), **said)
