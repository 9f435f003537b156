"""Text files of numbers: decoded whole, read in bulk, with bounded memory."""

import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxmicro.io.problems import check_size, unreadable

LARGEST = 1e30  # no measured number is larger, and float32 holds it
BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text(path: Path, max_bytes: int) -> tuple[str, list[str]]:
    """The text of a file with plain line ends, and oddities of its encoding."""
    check_size(path, path.stat().st_size, max_bytes, "text")
    data = path.read_bytes()
    named = next((name for mark, name in BOMS.items() if data.startswith(mark)), "utf-8")
    oddities = []
    try:
        text = data.decode(named)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        oddities.append("the text is not UTF-8: it was read as Latin-1, so letters beyond ASCII may be wrong")
    return text.replace("\r\n", "\n").replace("\r", "\n"), oddities


def read_table(path: Path, text: str, max_bytes: int) -> tuple[Float[np.ndarray, "columns rows"], list[str]]:
    """Columns of numbers between white space; decimal commas are read as points, and that is an oddity."""
    body = text.strip()
    if not body:
        raise unreadable(path, "holds a header and no data", "Export it again, or check that it was copied whole.")
    columns, rows = len(body[: body.find("\n") + 1 or None].split()), body.count("\n") + 1
    check_size(path, len(text) + 8 * columns * rows, max_bytes, f"{rows:,} rows of {columns} numbers")
    oddities = []
    if "," in body:
        if "." in body:
            raise unreadable(path, "mixes decimal points and decimal commas in its data", "Export it with one of them.")
        body = body.replace(",", ".")
        oddities.append("decimal commas were read as decimal points")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = np.loadtxt(io.StringIO(body), comments=None, ndmin=2)
    except (ValueError, OverflowError, MemoryError) as error:
        raise unreadable(
            path, f"holds data that is no table of numbers ({error})", "Rows are counted from the first one of the data."
        ) from error
    return table.T, oddities


def check_numbers(path: Path, table: Float[np.ndarray, "columns rows"], names: list[str]) -> None:
    """Refuse what no instrument measures: NaN, infinities, and numbers beyond 1e30."""
    for name, column in zip(names, table, strict=True):
        wrong = ~(np.abs(column) <= LARGEST)
        if wrong.any():
            row = int(wrong.argmax())
            raise unreadable(
                path, f"holds {int(wrong.sum()):,} values of {name!r} that are no measured numbers (row {row + 1:,}: {column[row]:g})"
            )


def number(path: Path, name: str, text: str) -> float:
    """A finite number of a header, with a decimal point or comma."""
    try:
        value = float(text.strip().replace(",", ".")) if "_" not in text else np.nan
    except ValueError:
        value = np.nan
    if not abs(value) <= LARGEST:
        raise unreadable(path, f"gives {name} as {text.strip()[:40]!r}, which is no number", "Correct the header, or export it again.")
    return value


def whole(path: Path, name: str, text: str) -> int:
    """A whole number of a header that is not negative."""
    value = number(path, name, text)
    if value != int(value) or value < 0:
        raise unreadable(
            path, f"gives {name} as {text.strip()[:40]!r}, which is no whole number", "Correct the header, or export it again."
        )
    return int(value)
