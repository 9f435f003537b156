"""Pieces of HTML: escaped text, readable numbers, badges, tables, cards, figures."""

import base64
import dataclasses
import html
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxmicro._core import check, check_choice
from jaxmicro.plotting.style import SUBSCRIPT

STATUSES = {"met": "✓", "missed": "✗", "gap": "△", "note": "•"}

WHOLE = 10_000.0  # below it a number is never written with a power of ten because its digits are few
_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


@dataclasses.dataclass(frozen=True)
class Badge:
    """A short verdict in a table or card: `status` is `"met"`, `"missed"`, `"gap"` or `"note"`.

    Example:
        >>> Badge("met").text
        'met'
    """

    status: str
    text: str = ""

    def __post_init__(self) -> None:
        check_choice("status", self.status, STATUSES)
        if not self.text:
            object.__setattr__(self, "text", "verified gap" if self.status == "gap" else self.status)


@dataclasses.dataclass(frozen=True)
class Card:
    """A key figure: what it is, its value (text or a number with a unit), a line of explanation, a verdict.

    Example:
        >>> Card("targets met", "2 of 2", status="met").value
        '2 of 2'
    """

    label: str
    value: Any
    unit: str = ""
    note: str = ""
    status: str | None = None

    def __post_init__(self) -> None:
        if self.status is not None:
            check_choice("status", self.status, STATUSES)


@dataclasses.dataclass(frozen=True)
class Noted:
    """A number in a table with a short remark beside it, such as its distance from another.

    Example:
        >>> Noted(1.99, "−0.5 %").note
        '−0.5 %'
    """

    value: float
    note: str


def escape(text: object) -> str:
    """Text for HTML; control characters that no page may hold are dropped."""
    kept = "".join(char for char in str(text) if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))
    return html.escape(kept, quote=True)


def symbol_html(name: object) -> str:
    """A name for a page; short ones such as `k_xx` get a subscript."""
    match = SUBSCRIPT.match(str(name))
    return f"<i>{match[1]}</i><sub>{match[2]}</sub>{escape(match[3])}" if match else escape(name)


def format_number(value: float | np.number, digits: int = 4) -> str:
    """A number for people: `digits` significant (but all of a number of up to four), a true minus, powers of ten written out.

    Args:
        value: the number; NaN becomes a dash.
        digits: significant digits.

    Returns:
        The text.

    Example:
        >>> format_number(-0.000012345)
        '−1.234 × 10⁻⁵'

    Differentiability: none.
    """
    if isinstance(value, (int, np.integer)) and abs(int(value)) < 10**7:
        return str(int(value)).replace("-", "−")
    number = float(value)
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    text = f"{number:.{digits}g}"
    if "e+" in text and abs(number) < WHOLE:
        text = f"{number:.0f}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"
        return text.replace("-", "−", 1) if mantissa.startswith("-") else text
    return text.replace("-", "−")


def slug(title: str) -> str:
    """An anchor made of a heading."""
    folded = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-") or "section"


def is_number(value: Any) -> bool:
    """True for whole and floating numbers (also NumPy's and JAX's scalars), false for truth values."""
    if isinstance(value, (bool, np.bool_, str)) or value is None:
        return False
    return isinstance(value, (int, float, np.number)) or (
        hasattr(value, "dtype") and np.shape(value) == () and np.asarray(value).dtype.kind in "iuf"
    )


def content(value: Any, digits: int = 4) -> str:
    """A value as HTML: numbers formatted, badges drawn, everything else escaped."""
    if isinstance(value, Badge):
        return f'<span class="badge {value.status}"><span aria-hidden="true">{STATUSES[value.status]}</span> {escape(value.text)}</span>'
    if isinstance(value, Noted):
        return f"{format_number(value.value, digits)} <small>{escape(value.note)}</small>"
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if is_number(value):
        return format_number(np.asarray(value).item(), digits)
    return symbol_html(value)


def paragraphs(text: str) -> str:
    """Paragraphs of a text; a blank line begins a new one."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]
    return "".join(f"<p>{escape(block)}</p>\n" for block in blocks)


def cards(items: Sequence[Card]) -> str:
    """Key figures side by side, as a list of terms and values."""
    parts = []
    for card in items:
        unit = f' <span class="unit">{escape(card.unit)}</span>' if card.unit else ""
        mark = f'<span aria-hidden="true">{STATUSES[card.status]}</span> ' if card.status else ""
        note = f'<dd class="note">{escape(card.note)}</dd>' if card.note else ""
        parts.append(
            f'<div class="card {card.status or ""}"><dt>{symbol_html(card.label)}</dt><dd class="value">{mark}{content(card.value)}{unit}</dd>{note}</div>'
        )
    return f'<dl class="cards">{"".join(parts)}</dl>\n'


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], caption: str, digits: int = 4) -> str:
    """A table whose first column heads its rows; columns of numbers are set to the right."""
    check(len(header) > 0, "`header` must name at least one column, but it is empty.")
    for index, row in enumerate(rows):
        check(len(row) == len(header), f"`rows[{index}]` must have {len(header)} cells, one per column, but it has {len(row)}.")
    numeric = [
        bool(rows) and all(is_number(row[column]) or row[column] is None or isinstance(row[column], Noted) for row in rows)
        for column in range(len(header))
    ]
    brief = [all(isinstance(row[column], str) and len(row[column]) <= 18 for row in rows) for column in range(len(header))]
    css = [' class="num"' if right else ' class="brief"' if short else "" for right, short in zip(numeric, brief, strict=True)]
    head = "".join(f'<th scope="col"{style}>{symbol_html(name)}</th>' for name, style in zip(header, css, strict=True))
    body = []
    for row in rows:
        first, *rest = row
        cells = "".join(f"<td{style}>{content(value, digits)}</td>" for value, style in zip(rest, css[1:], strict=True))
        body.append(f'<tr><th scope="row"{css[0]}>{content(first, digits)}</th>{cells}</tr>')
    label = escape(caption or "table")
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    newline = "\n"
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}"><table>{title}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{newline.join(body)}</tbody></table></div>\n"
    )


def picture_html(png: bytes, width: int, height: int, alt: str, caption: str) -> str:
    """A figure as data inside the page, `width` × `height` CSS pixels at most."""
    data = base64.b64encode(png).decode("ascii")
    note = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    wide = width > 480  # scrolls sideways on a phone, so the keyboard must reach it
    css, reach = (" wide", ' tabindex="0" role="region" aria-label="figure, scrolls sideways"') if wide else ("", "")
    return (
        f'<figure class="fig{css}"><div class="paper"{reach}>'
        f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{escape(alt)}"></div>{note}</figure>\n'
    )
