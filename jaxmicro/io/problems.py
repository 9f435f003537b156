"""What goes wrong with a file: an error that names it and the way out, and a warning about what was resolved."""

import warnings
from pathlib import Path

from jaxmicro.microstructures import Microstructure

DEFAULT_MAX_BYTES = 1 << 30


class ReadError(ValueError):
    """A file that cannot be read as asked; the message names the file, what was found, and the way out."""


class DataWarning(UserWarning):
    """An oddity of a file that was resolved; the same line is in the notes of what was read."""


def unreadable(path: Path, found: str, way_out: str = "") -> ReadError:
    """A `ReadError` in the common wording, to be raised."""
    return ReadError(f"`{path}` {found}. {way_out}".rstrip())


def check_size(path: Path, size: int, max_bytes: int, what: str) -> None:
    """Refuse data whose header claims more than `max_bytes` once decoded."""
    if size > max_bytes:
        raise unreadable(
            path,
            f"holds {what}: {_readable(size)} once decoded, and `max_bytes` allows {_readable(max_bytes)}",
            f"Pass max_bytes={size} if you trust the file.",
        )


def warn_if_blurred(ms: Microstructure) -> None:
    """Warn that phase fractions are about to be written as labels."""
    if not ms.is_sharp:
        warnings.warn("Phase fractions were written as the label of the largest one; .npz keeps them.", DataWarning, stacklevel=6)


def _readable(size: int) -> str:
    if size >= 1 << 80:
        return "more than any computer has"  # and than a float can hold
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.4g} {unit}"
        size /= 1024  # pyright: ignore[reportAssignmentType]
    return ""
