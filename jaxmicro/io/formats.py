"""What a file format is to this room."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


@dataclasses.dataclass(frozen=True)
class Raster:
    """Numbers from a picture or volume before they mean phases; axes are x, y(, z), and colours come last.

    Attributes:
        values: `(nx, ny)` or `(nx, ny, nz)`, followed by 3 where it is in colour.
        colour: whether the last axis holds red, green, blue.
        palette: colours `(k, 3)` that the values are indices of, or None.
        lossy: whether the compression changed values, so that few distinct ones are still no labels.
        advice: what to do where these are no colours, for the wording of errors.
        phases: names of the phases whose labels the file says it holds, in order; empty where it does not say.
        label_step: grey levels from one label to the next, where it does say.
        spacing: edges of a voxel along x, y(, z), where the file says them without doubt; else empty.
        unit: their unit of length, such as "µm", where the file says it.
        notes: what a reader of a report should know.
        oddities: what was wrong and was resolved; each becomes a `DataWarning` and a note.
    """

    values: np.ndarray
    colour: bool = False
    palette: np.ndarray | None = None
    lossy: bool = False
    advice: str = ""
    phases: tuple[str, ...] = ()
    label_step: float = 1.0
    spacing: tuple[float, ...] = ()
    unit: str = ""
    notes: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Format:
    """How one kind of file is read and written.

    Attributes:
        name: what a person calls it.
        extensions: lower case, with the dot.
        load: `(path, max_bytes, **options)` to a `Raster`, a `Microstructure` or a record; raises `ReadError`, and
            decodes nothing before it has checked sizes from the header; None where the format is only written.
        save: `(stream, value)`, or None where the format cannot be written.
        options: names of the keywords that `load` knows beyond `max_bytes`.
    """

    name: str
    extensions: tuple[str, ...]
    load: Callable[..., Any] | None
    save: Callable[[BinaryIO, Any], None] | None = None
    options: tuple[str, ...] = ()


def find_format(path: Path, formats: tuple[Format, ...], error: type[Exception]) -> Format:
    """The format of a path, by its extension."""
    for candidate in formats:
        if path.suffix.lower() in candidate.extensions:
            return candidate
    known = ", ".join(extension for candidate in formats for extension in candidate.extensions)
    found = f"extension {path.suffix!r}" if path.suffix else "no extension"
    raise error(f"`{path}` has {found}, which is not supported. Supported: {known}.")
