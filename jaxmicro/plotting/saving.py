"""Figures to files and to bytes: the same figure gives the same bytes, today and tomorrow."""

import io
import os
import re
import tempfile
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from jaxmicro._core import check_choice

DPI = 150
SUFFIXES = (".png", ".svg", ".pdf")

_NO_TIME = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
_SVG_ID = re.compile(r'id="([A-Za-z]+[0-9a-f]{10})"')


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = DPI) -> Path:
    """Write a figure as PNG, SVG or PDF, by the suffix of `path`.

    The file holds no time and no version, so equal figures give equal files; it appears whole or not at all, and
    replaces one that exists.

    Args:
        figure: what a function of this room returned, or any matplotlib figure.
        path: `….png`, `….svg` or `….pdf`; missing folders are made.
        dpi: dots per inch of a PNG.

    Returns:
        The path.

    Raises:
        ValueError: if the suffix is another.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(Figure(figsize=(1, 1)), Path(folder) / "empty.png").name
        'empty.png'

    Differentiability: none.
    """
    target = Path(path)
    check_choice("path suffix", target.suffix.lower(), SUFFIXES)
    content = rendered(figure, target.suffix.lower()[1:], dpi)
    write_whole(target, content)
    return target


def rendered(figure: Figure, kind: str, dpi: int = DPI) -> bytes:
    """The bytes of a figure as `"png"`, `"svg"` or `"pdf"`."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=_NO_TIME[kind], facecolor="white")
    content = buffer.getvalue()
    return _stable_ids(content.decode()).encode() if kind == "svg" else content


def in_palette(png: bytes) -> bytes:
    """A PNG of at most 256 colours, less than half the size; rare colours of a map may show steps."""
    with Image.open(io.BytesIO(png)) as image:
        small = image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, "png", optimize=True)
    return buffer.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write by way of a temporary file beside `path`, so that a crash leaves no half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _stable_ids(svg: str) -> str:
    """Number matplotlib's salted identifiers in their order, without touching its global salt."""
    for index, name in enumerate(dict.fromkeys(_SVG_ID.findall(svg))):
        svg = svg.replace(name, f"id{index}")
    return svg
