"""How many points a header promises, and the one wording for files that hold another number."""

import math
from pathlib import Path

from jaxmicro.io.problems import ReadError, unreadable


def product(*cells: int) -> str:
    """A number of points as a product.

    Example:
        >>> product(1330, 426)
        '1330 × 426 = 566,580'
    """
    return f"{extent(cells)} = {math.prod(cells):,}"


def extent(cells: tuple[int, ...]) -> str:
    """Points along each axis.

    Example:
        >>> extent((6, 5, 2))
        '6 × 5 × 2'
    """
    return " × ".join(str(count) for count in cells)


def broken_promise(path: Path, found: int | str, promise: str, of: str = "") -> ReadError:
    """The error of a file that holds `found` points and promises others, to be raised; `of` is the column that was counted."""
    points = f"{found:,}" if isinstance(found, int) else found
    where = f" in {of!r}" if of else ""
    return unreadable(
        path, f"holds {points} points{where}, but the header promises {promise}", "Export it again, or check that it was copied whole."
    )
