"""The order of slices by the numbers in their names, and what that order leaves open.

Whole numbers count as numbers: slice 9 comes before slice 10. A hyphen is a minus sign only where some names lack it at that
place (z-2, z-1, z0), and elsewhere a dash (scan-1, scan-2). A point between digits is a decimal point where some names lack
it (z1, z1.5, z2) or where it makes no difference; where it does (z1.2, z1.10), the order is refused as ambiguous.
"""

import re
from pathlib import Path

from jaxmicro.io.problems import unreadable

WHOLE = r"[0-9]{1,18}"
DECIMAL = r"[0-9]{1,18}(?:\.[0-9]{1,18})?"
Key = list[tuple[float, str]]


def in_order(folder: Path, files: list[Path]) -> list[Path]:
    """Files in the order of the numbers in their names.

    Raises:
        ReadError: if decimal numbers and pairs of whole numbers give different orders.
    """
    sign = (
        ""
        if _alike(files, WHOLE) or _alike(files, DECIMAL) or not (_alike(files, _minus(WHOLE)) or _alike(files, _minus(DECIMAL)))
        else "-"
    )
    whole, decimal = (_minus(each) if sign else each for each in (WHOLE, DECIMAL))
    by_whole = sorted(files, key=lambda file: (_key(file, whole), file.name))
    by_decimal = sorted(files, key=lambda file: (_key(file, decimal), file.name))
    if by_whole == by_decimal or not _alike(files, decimal):
        return by_whole
    if not _alike(files, whole):
        return by_decimal
    raise unreadable(
        folder,
        f"holds slices whose order is ambiguous: {_listed(by_decimal)} by decimal numbers, {_listed(by_whole)} by whole numbers",
        "Name them with whole numbers.",
    )


def gaps(files: list[Path]) -> list[str]:
    """An oddity where the one number that counts the slices jumps by more than its usual step."""
    pattern = next((each for each in (WHOLE, _minus(WHOLE), DECIMAL, _minus(DECIMAL)) if _alike(files, each)), None)
    if pattern is None:
        return []
    rows = [[float(number) for number in re.findall(pattern, file.stem)] for file in files]
    counting = [column for column in zip(*rows, strict=True) if len(set(column)) > 1]
    if len(counting) != 1:
        return []
    steps = [after - before for before, after in zip(counting[0], counting[0][1:], strict=False)]
    usual = min((step for step in steps if step > 0), default=0)
    wide = [k for k, step in enumerate(steps) if step > 1.5 * usual]
    if not wide:
        return []
    listed = ", ".join(f"{files[k].name} and {files[k + 1].name}" for k in wide[:4]) + (", …" if len(wide) > 4 else "")
    return [f"slices may be missing between {listed}: all were put at equal distances"]


def order_line(files: list[Path]) -> str:
    """The order for the notes."""
    return _listed(files)


def _minus(pattern: str) -> str:
    return f"-?{pattern}"


def _alike(files: list[Path], pattern: str) -> bool:
    """Whether all names are the same but for such numbers."""
    return len({re.sub(pattern, "#", file.stem.lower()) for file in files}) == 1


def _key(file: Path, pattern: str) -> Key:
    parts = re.split(f"({pattern})", file.stem.lower())
    return [(float(part), "") if index % 2 else (float("-inf"), part) for index, part in enumerate(parts)]


def _listed(files: list[Path], most: int = 12) -> str:
    names = [file.name for file in files]
    return ", ".join(names) if len(names) <= most else f"{', '.join(names[:3])}, … {names[-1]}"
