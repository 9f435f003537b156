"""Files that are there whole or not at all."""

import contextlib
import math
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check


def as_path(path: Any) -> Path:
    """A path as users write it.

    Example:
        >>> as_path("map.ang").suffix
        '.ang'
    """
    check(isinstance(path, str | os.PathLike), f"`path` must be a text or a pathlib.Path, but it is {path!r}.", TypeError)
    check(str(path) != "", "`path` must name a file, but it is empty.")
    return Path(path)


def checked_bytes(argument: str, size: Any) -> int:
    """A positive number of bytes, such as 10**9 or 1e9."""
    good = isinstance(size, int | float | np.number) and not isinstance(size, bool) and 0 < size < np.inf
    check(good, f"`{argument}` must be a positive number of bytes, but it is {size!r}. Write {argument}=10**9 for a gigabyte.")
    return math.ceil(size)


def check_positive(argument: str, value: Any, advice: str) -> None:
    """Check that an argument is one positive and finite number."""
    number = np.asarray(value)
    good = number.ndim == 0 and number.dtype.kind in "iuf" and 0 < float(number) < np.inf
    check(good, f"`{argument}` must be one positive number, but it is {value!r}. {advice}")


def write_atomically(path: Path, save: Callable[[BinaryIO], None]) -> None:
    """Write beside the target and move into place when everything is on disk; on failure nothing is left."""
    folder = path.parent
    if not folder.is_dir():
        raise FileNotFoundError(f"`{path}` cannot be written: its folder does not exist. Make {folder} first.")
    if path.is_dir():
        raise IsADirectoryError(f"`{path}` cannot be written: it is a folder. Name a file.")
    draft = folder / f".{path.name}.{secrets.token_hex(6)}.part"
    try:
        with open(draft, "x+b") as stream:
            save(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
