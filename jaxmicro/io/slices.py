"""A folder of pictures as one volume."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.ebsd.slice_order import gaps, in_order, order_line
from jaxmicro.io.ebsd.stack import READERS
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.pictures import PICTURES, PNG, load_picture
from jaxmicro.io.problems import check_size, unreadable
from jaxmicro.io.tiff import TIFF, load_tiff

LOADERS: dict[str, Callable[..., Raster]] = {
    **dict.fromkeys((*PNG.extensions, *PICTURES.extensions), load_picture),
    **dict.fromkeys(TIFF.extensions, load_tiff),
}
ALIKE = {".jpeg": ".jpg", ".tiff": ".tif"}


def holds_pictures(path: Path) -> bool:
    """Whether a folder is one of pictures: there are some, and no EBSD slices that they might illustrate."""
    endings = {entry.suffix.lower() for entry in _files(path)}
    return bool(endings & LOADERS.keys()) and not endings & READERS.keys()


def load_slices(path: Path, max_bytes: int) -> Raster:
    """Read a folder of pictures of one kind and size, in the order of the numbers in their names, as slices along z.

    Raises:
        ReadError: if there are pictures of several kinds or fewer than two, if the order is ambiguous, or if one cannot be read or
            differs in size or type from the first.
    """
    files = picture_slices(path)
    first = slice_of(files[0], max_bytes)
    check_size(path, first.values.nbytes * len(files), max_bytes, f"{len(files)} slices of {_size(first)} pixels")
    volume = np.empty((*first.values.shape[:2], len(files), *first.values.shape[2:]), first.values.dtype)
    oddities = dict.fromkeys(gaps(files))
    for k, file in enumerate(files):
        page = first if k == 0 else slice_of(file, max_bytes, files[0], first)
        volume[:, :, k] = page.values
        oddities |= dict.fromkeys(page.oddities)
    return dataclasses.replace(
        first, values=volume, notes=(*first.notes, *slices_notes(files)), oddities=tuple(oddities), spacing=(), phases=first.phases
    )


def picture_slices(path: Path) -> list[Path]:
    """The pictures of a folder in order."""
    entries = [entry for entry in _files(path) if entry.suffix.lower() in LOADERS]
    kinds = sorted({ALIKE.get(entry.suffix.lower(), entry.suffix.lower()) for entry in entries})
    if len(kinds) > 1:
        raise unreadable(path, f"holds both {' and '.join(kinds)} files", "Keep the slices of one volume in a folder of their own.")
    if len(entries) < 2:
        raise unreadable(path, f"is a folder with {len(entries)} picture, and a volume has at least two slices", "Name the one file.")
    return in_order(path, entries)


def slice_of(file: Path, max_bytes: int, first_file: Path | None = None, first: Raster | None = None) -> Raster:
    """One picture, which is refused where it does not fit the first one."""
    page = LOADERS[file.suffix.lower()](file, max_bytes)
    if page.values.ndim - page.colour != 2:
        raise unreadable(file, f"holds a stack of shape {page.values.shape}, where one slice is expected", "Read it by itself.")
    if first is None or first_file is None:
        return page
    if page.values.shape != first.values.shape:
        raise unreadable(
            file, f"has {_size(page)} pixels, but the first slice, {first_file.name}, has {_size(first)}", "Crop all slices to one size."
        )
    if page.values.dtype != first.values.dtype:
        raise unreadable(
            file,
            f"holds numbers of type {page.values.dtype}, but the first slice, {first_file.name}, {first.values.dtype}",
            "Convert them.",
        )
    if not _same_palette(page.palette, first.palette):
        raise unreadable(file, f"has another palette than the first slice, {first_file.name}", "Convert all slices to grey.")
    if (page.phases, page.label_step) != (first.phases, first.label_step):
        raise unreadable(
            file, f"has phases {page.phases}, but the first slice, {first_file.name}, {first.phases}", "Name one list for all."
        )
    return page


def slices_notes(files: list[Path]) -> tuple[str, ...]:
    """What was put on top of what."""
    return (
        f"volume of {len(files)} pictures along z, from {files[0].name} to {files[-1].name}",
        f"order of the slices: {order_line(files)}",
    )


def _files(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if not entry.name.startswith(".") and entry.is_file()]


def _same_palette(one: Any, other: Any) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _size(raster: Raster) -> str:
    return " x ".join(map(str, raster.values.shape[:2])) + (" coloured" if raster.colour else "")


SLICES = Format("folder of pictures", (), load_slices)
