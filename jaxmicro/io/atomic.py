"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


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
