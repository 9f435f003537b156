"""Pages of a TIFF stack one at a time, for volumes larger than memory."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.formats import Raster
from jaxmicro.io.orientation import UPRIGHT
from jaxmicro.io.problems import ReadError, check_size, unreadable
from jaxmicro.io.raw import Layout
from jaxmicro.io.tiff import (
    BROKEN,
    DEFLATE,
    PACKBITS,
    PICTURE_INVERTED,
    PLAIN,
    VOLUME_KEPT,
    as_shown,
    check_deflate,
    check_whole,
    first_page,
    log_lines,
    stored_page,
)

WHOLE = "Save it again, or check that it was copied whole."


@dataclasses.dataclass(frozen=True)
class Pages:
    """An opened stack.

    Attributes:
        shape: voxels along x, y(, z).
        dtype: type of a number.
        layout: where the numbers lie, if they lie in the file as one block; else None.
        shown: what turns values round where white is zero, as viewers show them; else None. Pages are turned round already.
        page: number of a page to its values `(nx, ny)`.
        about: all that a whole `Raster` would say beside its values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    layout: Layout | None
    shown: Callable[[np.ndarray], np.ndarray] | None
    page: Callable[[int], np.ndarray]
    about: Raster


def open_pages(path: Path, stack: contextlib.ExitStack, max_bytes: int, axes: str | None) -> Pages:
    """Open a stack of grey pages; `stack` closes it.

    Raises:
        ReadError: for colours, channels, turned pages and other axes than pages of rows of columns, which are read whole.
    """
    import tifffile

    with log_lines() as lines:
        try:
            file = stack.enter_context(tifffile.TiffFile(path))
            series, said = file.series[0], first_page(file, file.series[0].keyframe)
        except BROKEN as error:
            raise unreadable(path, f"is no readable TIFF file ({error})", WHOLE) from error
        check_whole(path, lines)
    letters = _letters(path, series, axes)
    _check_plain(path, series, said)
    sizes = tuple(n for n in series.shape if n > 1)
    page_bytes = math.prod(sizes[-2:]) * series.dtype.itemsize
    check_size(path, page_bytes, max_bytes, f"pages of {sizes[-1]} x {sizes[-2]} pixels")
    edges, unit, notes = said.scale.along(["X", "Y", *letters[:-2]])
    inverse = said.white_is_zero and series.dtype.kind in "bu"
    shown = functools.partial(as_shown, bits=said.bits) if inverse and len(sizes) == 2 else None
    layout = _layout(file, series, sizes)
    odd = tuple(f"the TIFF reader said: {line}" for line in lines)
    if len(file.series) > 1:
        odd += (f"the file holds {len(file.series)} series of pictures: the first one was read",)
    if inverse:
        odd += (PICTURE_INVERTED if shown else VOLUME_KEPT,)
    rows = "rows run along y (downwards), columns along x" + (", pages along z" if len(sizes) == 3 else "")
    about = Raster(
        np.zeros((0, 0)), palette=said.palette, lossy=said.lossy, phases=said.phases, spacing=edges, unit=unit,
        notes=(rows, *notes), oddities=odd,
    )  # fmt: skip
    page = _page_reader(path, file, series, stack, max_bytes)

    def upright(k: int) -> np.ndarray:
        try:
            values = page(k)
        except ReadError:
            raise
        except BROKEN as error:
            raise unreadable(path, f"holds page {k}, which is damaged ({error})", WHOLE) from error
        return (shown(values) if shown else values).reshape(sizes[-2:]).T

    return Pages(sizes[::-1], np.dtype(series.dtype.newbyteorder("=")), layout, shown, upright, about)


def _letters(path: Path, series: Any, axes: str | None) -> str:
    """Axes longer than one, which must be rows, columns and perhaps pages."""
    stored = "".join(letter for letter, n in zip(series.axes, series.shape, strict=True) if n > 1)
    letters = stored if axes is None else str(axes).upper()
    if len(letters) == len(stored) and letters in ("YX", "ZYX"):
        return letters
    if axes is None and letters[-2:] == "YX" and len(letters) == 3 and letters[0] not in "CS":
        return "ZYX"
    raise unreadable(
        path, f"holds axes {series.axes} of sizes {series.shape}", "Pass axes='zyx' if they are slices of a volume, or read it whole."
    )


def _check_plain(path: Path, series: Any, said: Any) -> None:
    if said.orientation != UPRIGHT:
        raise unreadable(
            path, f"asks to be shown turned or mirrored (orientation {said.orientation})", "Read it whole, or save it upright."
        )
    if series.dtype.kind not in "biuf":
        raise unreadable(path, f"holds numbers of type {series.dtype}", "Save integers or floats.")


def _layout(file: Any, series: Any, sizes: tuple[int, ...]) -> Layout | None:
    """Where the numbers lie, for a file that holds them as one block of plain bytes."""
    begin = series.dataoffset
    if begin is None or int(series.keyframe.bitspersample) != 8 * series.dtype.itemsize:
        return None
    if begin + math.prod(sizes) * series.dtype.itemsize > file.filehandle.size:
        return None
    return Layout(sizes, "zyx"[-len(sizes) :], np.dtype(series.dtype).newbyteorder(file.byteorder), int(begin))


def _page_reader(path: Path, file: Any, series: Any, stack: contextlib.ExitStack, max_bytes: int) -> Callable[[int], np.ndarray]:
    """How a page is decoded: by tifffile with its segments bounded, or by Pillow what tifffile alone cannot."""
    compression = int(series.keyframe.compression)
    if compression in PLAIN + PACKBITS + DEFLATE and len(series.pages) == max(
        1, math.prod(series.shape) // math.prod(series.keyframe.shape)
    ):

        def by_tifffile(k: int) -> np.ndarray:
            page = series.pages[k]
            if page is None:
                return np.zeros(series.keyframe.shape, series.dtype)
            if compression in DEFLATE:
                check_deflate(path, file, page, max_bytes)
            return page.asarray()

        return by_tifffile
    from PIL import TiffImagePlugin

    image = TiffImagePlugin.TiffImageFile(stack.enter_context(path.open("rb")))

    def by_pillow(k: int) -> np.ndarray:
        image.seek(k)
        if image.size[0] * image.size[1] > math.prod(series.keyframe.shape):
            raise unreadable(path, f"holds a page of {image.size} pixels, more than its first says", "Save it again.")
        return stored_page(image)

    return by_pillow
