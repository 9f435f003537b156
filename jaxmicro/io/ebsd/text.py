"""Text files of numbers: decoded whole, read in bulk, with bounded memory."""

import io
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from jaxmicro.io.problems import ReadError, check_size, unreadable

LARGEST = 1e30  # no measured number is larger, and float32 holds it
EVERYWHERE = ("phase", "x", "y", "z")  # columns that mean something at points that are not indexed too
PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"7z\xbc\xaf": "7z"}
BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def read_text(path: Path, max_bytes: int) -> tuple[str, list[str]]:
    """The text of a file with plain line ends, and oddities of its encoding."""
    check_size(path, path.stat().st_size, max_bytes, "text")
    data = path.read_bytes()
    _check_text(path, data)
    named = next((name for mark, name in BOMS.items() if data.startswith(mark)), "utf-8")
    oddities = []
    try:
        text = data.decode(named)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
        oddities.append("the text is not UTF-8: it was read as Latin-1, so letters beyond ASCII may be wrong")
    return text.replace("\r\n", "\n").replace("\r", "\n"), oddities


def _check_text(path: Path, data: bytes) -> None:
    """Say what the file is where it holds no text."""
    if not data.strip():
        raise unreadable(path, "is empty", "Check that it was copied whole.")
    packed = next((name for mark, name in PACKED.items() if data.startswith(mark)), None)
    if packed:
        raise unreadable(path, f"is compressed ({packed})", "Unpack it first.")
    if len(data) >= 2 and not data.startswith(tuple(BOMS)) and 0 in data[:2]:
        raise unreadable(path, "holds text in UTF-16 without a mark of its byte order, or no text", "Save it as UTF-8.")


def read_table(path: Path, text: str, max_bytes: int, promise: str = "") -> tuple[Float[np.ndarray, "columns rows"], list[str]]:
    """Columns of numbers between white space, and oddities: decimal commas, read as points, and a last line without its end.

    `promise` is what the header says of the number of rows, for the wording of errors.
    """
    body = text.strip()
    if not body:
        raise unreadable(path, "holds a header and no data", "Export it again, or check that it was copied whole.")
    columns, rows = len(body[: body.find("\n") + 1 or None].split()), body.count("\n") + 1
    check_size(path, len(text) + 8 * columns * rows, max_bytes, f"{rows:,} rows of {columns} numbers")
    oddities = [] if not text.rpartition("\n")[2].strip() else ["the last line has no line end: the file may be cut inside its last number"]
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
        raise _no_table(path, body.split("\n"), columns, promise) from error
    return table.T, oddities


def _no_table(path: Path, rows: list[str], columns: int, promise: str) -> ReadError:
    """What is wrong with the first row that is none; rows are counted from 1, the first one of the data."""
    for index, row in enumerate(rows, 1):
        words = row.split()
        if index == len(rows) and len(words) < columns:
            but = f", but the header promises {promise}" if promise else ""
            found = f"holds {index - 1:,} points and ends inside row {index:,} of its data{but}"
            return unreadable(path, found, "Export it again, or check that it was copied whole.")
        if len(words) != columns and words:
            found = f"in row {index:,} there are {len(words)} columns, and {columns} in the first one"
            return unreadable(path, f"holds data that is no table of numbers: {found}", "Export it again.")
        wrong = next((word for word in words if not _is_number(word)), None)
        if wrong is not None:
            found = f"in row {index:,} there is {wrong[:40]!r}"
            return unreadable(path, f"holds data that is no table of numbers: {found}", "Export it again.")
    return unreadable(path, "holds data that is no table of numbers", "Export it again.")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


def check_numbers(path: Path, table: Float[np.ndarray, "columns rows"], names: list[str], indexed: Bool[np.ndarray, " rows"]) -> None:
    """Refuse what no instrument measures: NaN, infinities, and numbers beyond 1e30; where nothing was indexed only positions count."""
    for name, column in zip(names, table, strict=True):
        wrong = ~(np.abs(column) <= LARGEST)
        if name not in EVERYWHERE:
            wrong &= indexed
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
