"""TIFF pictures and stacks."""

import contextlib
import dataclasses
import logging
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.description import KEY, describe, described
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.orientation import TAG, TRANSPOSED, UPRIGHT, as_stored, note, on_axes, upright
from jaxmicro.io.problems import ReadError, check_size, unreadable, warn_if_blurred
from jaxmicro.io.tiff_scale import Scale, tiff_scale
from jaxmicro.microstructures import Microstructure

PLAIN, PACKBITS, DEFLATE = (1,), (32773,), (8, 32946)
LOSSY = (6, 7, 34892, 50001)  # JPEG in three ways, and WebP, which may be
INFLATION = 1032  # the most that deflate can inflate
BROKEN = (
    OSError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    ZeroDivisionError,
    RuntimeError,
    struct.error,
    zlib.error,
    EOFError,
    SyntaxError,
)
COLOUR_PALETTE = 3
# Where zero is white: a picture is what it looks like, a volume is its numbers, which ImageJ and tifffile leave as they are, too.
PICTURE_INVERTED = "the file stores white as zero: values were inverted, as a viewer shows them"
VOLUME_KEPT = "the file says that zero is white: the numbers of the volume were kept as they are stored"
NOT_COLOURS = "If these are slices of a volume, name the axes: axes='zyx'."


@dataclasses.dataclass(frozen=True)
class Page:
    """What the first page says about the numbers, read while the file is open."""

    white_is_zero: bool
    bits: int
    orientation: int
    lossy: bool
    palette: np.ndarray | None
    phases: tuple[str, ...]
    scale: Scale


def load_tiff(path: Path, max_bytes: int, channel: int | None = None, axes: str | None = None) -> Raster:
    """Read the first series of a TIFF: a picture (rows along y, columns along x) or a stack (pages along z)."""
    import tifffile

    with log_lines() as lines:
        try:
            with tifffile.TiffFile(path) as file:
                series = file.series[0]
                size = math.prod(series.shape) * series.dtype.itemsize
                check_size(path, size, max_bytes, f"{' x '.join(map(str, series.shape))} numbers of type {series.dtype}")
                check_whole(path, lines)
                stored, count, page = series.axes, len(file.series), first_page(file, series.keyframe)
                values = _decode(path, file, series, max_bytes)
        except ReadError:
            raise
        except BROKEN as error:
            raise unreadable(path, f"is no readable TIFF file ({error})", "Save it again, or check that it was copied whole.") from error
    oddities = [f"the TIFF reader said: {line}" for line in lines]
    if count > 1:
        oddities.append(f"the file holds {count} series of pictures: the first one was read")
    names, values = _named_axes(path, stored, values, axes)
    if axes is not None and page.scale.edges and _squeeze(stored, np.empty([1 if n == 1 else 2 for n in series.shape]))[0] != names:
        page = dataclasses.replace(page, scale=Scale({}, notes=("the file says a voxel size for other axes: it was not taken",)))
    return _raster(path, values, names, page, channel, oddities)


def check_whole(path: Path, lines: list[str]) -> None:
    """A chain of pages that leads out of the file means that pages are missing, and a part of a volume is another volume."""
    if any("invalid page offset" in line for line in lines):
        raise unreadable(
            path, "ends before its list of pages does, so that pages are missing", "Save it again, or check that it was copied whole."
        )


def first_page(file: Any, page: Any) -> Page:
    """What the first page and its file say."""
    palette = None
    if int(page.photometric) == COLOUR_PALETTE and page.colormap is not None:
        palette = (np.asarray(page.colormap).T >> 8).astype(np.uint8)
    shaped = file.shaped_metadata or ({},)
    return Page(
        white_is_zero=int(page.photometric) == 0,
        bits=int(page.bitspersample),
        orientation=int(page.tags.valueof(TAG, UPRIGHT)),
        lossy=int(page.compression) in LOSSY,
        palette=palette,
        phases=described(shaped[0].get(KEY)),
        scale=tiff_scale(file, page),
    )


def _named_axes(path: Path, stored: str, values: np.ndarray, wanted: str | None) -> tuple[str, np.ndarray]:
    """A letter per axis: the file's own, or the user's for all axes or for those longer than one."""
    if wanted is None:
        return _squeeze(stored, values)
    letters = str(wanted).upper()
    good = len(set(letters)) == len(letters) and set("XY") <= set(letters) <= set("XYZCS")
    check(good, f"`axes` must name x, y and any of z, c (channels) and s (colours), each once, but it is {wanted!r}. Write axes='zyx'.")
    if len(letters) != values.ndim:
        stored, values = _squeeze(stored, values)
    if len(letters) != values.ndim:
        raise unreadable(path, f"holds {values.ndim} axes of sizes {values.shape}, but axes={wanted!r}", "Name each of them.")
    return _squeeze(letters, values)


def _decode(path: Path, file: Any, series: Any, max_bytes: int) -> np.ndarray:
    """Decode with bounded memory; what tifffile alone cannot decode goes through Pillow."""
    compression = int(series.keyframe.compression)
    if compression in DEFLATE:
        for page in series.pages:
            check_deflate(path, file, page, max_bytes)
    if compression in PLAIN + PACKBITS + DEFLATE:
        return series.asarray()
    return _decode_with_pillow(path, series.shape)


def check_deflate(path: Path, file: Any, page: Any, max_bytes: int) -> None:
    """Refuse segments that inflate to more than they may; only those that could are inflated, and only that far."""
    if page is None:
        return
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count * INFLATION <= max_bytes:
            continue
        file.filehandle.seek(offset)
        packed = zlib.decompressobj()
        data = file.filehandle.read(count)
        if len(packed.decompress(data, max_bytes)) == max_bytes and not packed.eof:
            raise unreadable(
                path, f"holds a block that inflates to more than `max_bytes` = {max_bytes}", "Raise `max_bytes` if you trust the file."
            )


def _decode_with_pillow(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Values as stored: Pillow turns pictures upright and inverts those with white as zero on its own, which is undone."""
    from PIL import TiffImagePlugin

    with open(path, "rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of damaged tags: pixels that it cannot decode are errors
        image = TiffImagePlugin.TiffImageFile(stream)
        pages = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            if image.size[0] * image.size[1] > math.prod(shape):
                raise unreadable(path, f"holds a page of {image.size} pixels, more than its first series says", "Save it again.")
            pages.append(stored_page(image))
            if len(pages) * pages[0].size >= math.prod(shape):
                break
    return np.stack(pages).reshape(shape)


def stored_page(image: Any) -> np.ndarray:
    """One page of Pillow's as the file stores it."""
    orientation = int(image.tag_v2.get(TAG, UPRIGHT))
    layout = image.tile[0][3] if image.tile else ""
    layout = layout if isinstance(layout, str) else str(layout[0])
    values = np.asarray(image)  # loads, which turns the page upright
    if orientation != UPRIGHT:
        values = on_axes(as_stored, values, 0, 1, orientation)
    inverted = layout.partition(";")[2].startswith("I")
    if not inverted:
        return values
    return ~values if values.dtype == bool else np.iinfo(values.dtype).max - values


def _raster(path: Path, values: np.ndarray, axes: str, page: Page, channel: int | None, oddities: list[str]) -> Raster:
    notes = []
    if page.orientation != UPRIGHT and "X" in axes and "Y" in axes:
        values = on_axes(upright, values, axes.index("Y"), axes.index("X"), page.orientation)
        oddities = [*oddities, note(page.orientation)]
    if "C" in axes:
        axes, values = _one_channel(path, axes, values, channel)
        notes.append(f"channel {channel} was read")
    elif channel is not None:
        raise unreadable(path, f"holds no channels (axes {axes}), but channel={channel} was asked for", "Leave `channel` out.")
    colour = "S" in axes
    stack = [a for a in axes if a not in "XYS"]
    if "X" not in axes or "Y" not in axes or len(stack) > 1:
        raise unreadable(
            path, f"holds axes {axes} of sizes {values.shape}", "Save one picture, or one stack of pictures, or name the axes: axes='zyx'."
        )
    order = ["X", "Y", *stack] + (["S"] if colour else [])
    turned = page.orientation in TRANSPOSED
    edges, unit, more = page.scale.along(["Y", "X", *stack] if turned else ["X", "Y", *stack])
    values = np.transpose(values, [axes.index(a) for a in order])
    notes.insert(0, "rows run along y (downwards), columns along x" + (", pages along z" if stack else ""))
    notes += more
    if colour:
        values, colour, lost = _without_alpha(values)
        oddities = [*oddities, *lost]
    if page.white_is_zero and values.dtype.kind in "bu":
        oddities = [*oddities, VOLUME_KEPT if stack else PICTURE_INVERTED]
        values = values if stack else as_shown(values, page.bits)
    return Raster(
        values, colour=colour, palette=page.palette, lossy=page.lossy, advice=NOT_COLOURS if colour and not stack else "",
        phases=page.phases, spacing=edges, unit=unit, notes=tuple(notes), oddities=tuple(oddities),
    )  # fmt: skip


def as_shown(values: np.ndarray, bits: int) -> np.ndarray:
    """Values whose zero is white, turned round."""
    return ~values if values.dtype == bool else ((1 << bits) - 1 - values).astype(values.dtype)


def _one_channel(path: Path, axes: str, values: np.ndarray, channel: int | None) -> tuple[str, np.ndarray]:
    k = axes.index("C")
    if channel is None or not 0 <= channel < values.shape[k]:
        slices = "" if "Z" in axes else f", or axes={axes.replace('C', 'Z').lower()!r} if they are the slices of a volume"
        raise unreadable(
            path,
            f"holds {values.shape[k]} channels (axes {axes}, shape {values.shape}), and channel={channel}",
            f"Pass channel=0, 1, …{slices}.",
        )
    return axes.replace("C", ""), np.take(values, channel, axis=k)


def _squeeze(axes: str, values: np.ndarray) -> tuple[str, np.ndarray]:
    """Drop axes of length one, such as a stack of one page."""
    keep = [k for k, n in enumerate(values.shape) if n > 1 or axes[k] in "XY"]
    return "".join(axes[k] for k in keep), values.reshape([values.shape[k] for k in keep])


def _without_alpha(values: np.ndarray) -> tuple[np.ndarray, bool, list[str]]:
    samples = values.shape[-1]
    if samples in (1, 2):
        return values[..., 0], False, ["the second sample of each pixel (transparency) was ignored"] * (samples - 1)
    if samples == 3:
        return values, True, []
    opaque = samples == 4 and values[..., 3].min() == values[..., 3].max()
    return values[..., :3], True, [] if opaque else [f"each pixel has {samples} samples: the first three were read as red, green, blue"]


@contextlib.contextmanager
def log_lines() -> Iterator[list[str]]:
    """What tifffile writes to its log, collected instead of shown."""
    lines: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage()
            if text not in lines:
                lines.append(text)

    log, collector = logging.getLogger("tifffile"), Collector(logging.WARNING)
    passes_on = log.propagate
    log.addHandler(collector)
    log.propagate = False
    try:
        yield lines
    finally:
        log.removeHandler(collector)
        log.propagate = passes_on


def save_tiff(stream: BinaryIO, value: Any) -> None:
    """Write the labels of a microstructure: a picture, or a stack with pages along z."""
    import tifffile

    if not isinstance(value, Microstructure):
        raise TypeError(f"A TIFF file holds a Microstructure, but the value is a {type(value).__name__}. Write records to .npz.")
    if value.n_phases > 65536:
        raise ValueError(f"A TIFF file holds at most 65536 phases, but there are {value.n_phases}. Write .npz.")
    warn_if_blurred(value)
    labels = np.asarray(value.labels).astype(np.uint8 if value.n_phases <= 256 else np.uint16)
    axes = "YX" if value.grid.ndim == 2 else "ZYX"
    tifffile.imwrite(
        stream, np.ascontiguousarray(labels.T), photometric="minisblack", metadata={"axes": axes, KEY: describe(value)}, compression="zlib"
    )


TIFF = Format("TIFF", (".tif", ".tiff"), load_tiff, save_tiff, options=("channel", "axes"))
