"""PNG, JPEG and BMP pictures."""

import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxmicro.io.description import KEY, describe, described
from jaxmicro.io.formats import Format, Raster
from jaxmicro.io.orientation import TAG, UPRIGHT, note, on_axes, upright
from jaxmicro.io.problems import check_size, unreadable, warn_if_blurred
from jaxmicro.microstructures import Microstructure

SIGNATURES = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "BMP": b"BM"}
BYTES = {"1": 1, "L": 1, "P": 1, "LA": 2, "PA": 2, "I;16": 2, "I;16L": 2, "I;16B": 2, "RGB": 3, "RGBA": 4, "I": 4, "F": 4}
BROKEN = (OSError, SyntaxError, ValueError, struct.error, zlib.error, EOFError, IndexError, KeyError)


def load_picture(path: Path, max_bytes: int) -> Raster:
    """Read a picture; its rows run along y (downwards), its columns along x."""
    with open(path, "rb") as stream:
        kind = _kind(path, stream.read(8))
        stream.seek(0)
        try:
            image = _open(kind, stream)  # reads the header only
        except BROKEN as error:
            raise unreadable(
                path, f"is no readable {kind} picture ({error})", "Save it again, or check that it was copied whole."
            ) from error
        width, height = image.size
        check_size(path, width * height * BYTES.get(image.mode, 4), max_bytes, f"{width} x {height} pixels")
        try:
            image.load()
        except BROKEN as error:
            raise unreadable(path, f"is a damaged {kind} picture ({error})", "Save it again, or check that it was copied whole.") from error
    return _raster(image, lossy=kind == "JPEG")


def _kind(path: Path, head: bytes) -> str:
    for kind, signature in SIGNATURES.items():
        if head.startswith(signature):
            return kind
    raise unreadable(
        path, f"is no PNG, JPEG or BMP picture: it begins with {head!r}", "Check the file, or give it the extension of its content."
    )


def _open(kind: str, stream: BinaryIO) -> Any:
    """The plugin of the signature, not Image.open, which guesses among all formats and counts pixels its own way."""
    from PIL import BmpImagePlugin, JpegImagePlugin, PngImagePlugin

    plugins = {"PNG": PngImagePlugin.PngImageFile, "JPEG": JpegImagePlugin.JpegImageFile, "BMP": BmpImagePlugin.BmpImageFile}
    return plugins[kind](stream)


def _raster(image: Any, lossy: bool) -> Raster:
    orientation = int(image.getexif().get(TAG, UPRIGHT))
    notes, oddities = ["rows of the picture run along y (downwards), columns along x"], []
    if getattr(image, "n_frames", 1) > 1:
        oddities.append(f"the picture has {image.n_frames} frames: the first one was read")
    if "A" in image.mode:
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min() < 255:
            oddities.append(f"transparency was ignored ({100 * float(np.mean(alpha < 255)):.1f} % of the pixels are not opaque)")
        image = image.convert({"LA": "L", "PA": "P", "RGBA": "RGB"}.get(image.mode, "RGB"))
    if image.mode not in BYTES:
        notes.append(f"colours converted from {image.mode} to RGB")
        image = image.convert("RGB")
    palette = None
    if image.mode == "P":
        palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    values = np.asarray(image)
    if orientation != UPRIGHT:
        values = on_axes(upright, values, 0, 1, orientation)
        oddities.append(note(orientation))
    values = np.swapaxes(values, 0, 1)
    phases = described(image.info.get(KEY)) if image.mode == "L" else ()
    return Raster(
        values, colour=image.mode == "RGB", palette=palette, lossy=lossy, phases=phases, label_step=_step(len(phases)),
        notes=tuple(notes), oddities=tuple(oddities),
    )  # fmt: skip


def _step(phases: int) -> float:
    """Grey levels from one label to the next."""
    return 255 / max(phases - 1, 1)


def save_picture(stream: BinaryIO, value: Any) -> None:
    """Write a 2D microstructure as grey levels: labels spread over 0 … 255, or the fraction of the second of two phases."""
    from PIL import Image, PngImagePlugin

    if not isinstance(value, Microstructure):
        raise TypeError(f"A PNG file holds a Microstructure, but the value is a {type(value).__name__}. Write records to .npz.")
    if value.grid.ndim != 2:
        raise ValueError(f"A PNG file holds a 2D microstructure, but the grid is {value.grid.shape}. Write .tif (a stack) or .npz.")
    if value.n_phases > 256:
        raise ValueError(f"A PNG file holds at most 256 phases, but there are {value.n_phases}. Write .npz.")
    text = PngImagePlugin.PngInfo()
    if not value.is_sharp and value.n_phases == 2:
        grey = np.rint(255 * np.clip(np.asarray(value.fractions[1]), 0, 1))
    else:
        warn_if_blurred(value)
        grey = np.rint(np.asarray(value.labels) * _step(value.n_phases))
        text.add_itxt(KEY, describe(value))
    Image.fromarray(np.ascontiguousarray(grey.astype(np.uint8).T)).save(stream, format="PNG", pnginfo=text)


PNG = Format("PNG picture", (".png",), load_picture, save_picture)
PICTURES = Format("picture", (".jpg", ".jpeg", ".bmp"), load_picture)
