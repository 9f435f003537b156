"""A report: sections of text, key figures, tables and figures, written as one self-contained page."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from matplotlib.figure import Figure

from jaxmicro._core import check
from jaxmicro.plotting.markup import Card, cards, escape, paragraphs, picture_html, slug, table
from jaxmicro.plotting.page import page
from jaxmicro.plotting.saving import DPI, in_palette, rendered, write_whole

SIZE_LIMIT = 3_000_000  # bytes of a page that still travels by mail
SMALLER_DPI = (DPI, 120, 96, 72)

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


@dataclasses.dataclass(frozen=True)
class _FigureBlock:
    name: str
    figure: Figure
    alt: str
    caption: str


@dataclasses.dataclass
class _Section:
    title: str
    anchor: str
    blocks: list[str | _FigureBlock]


class Report:
    """A report under construction: add sections and what they hold, then `write` it.

    Methods that add return the report, so that calls can be chained. What is added before the first `section` stands
    at the top. All text is shown as it is: nothing in it is read as HTML.

    Args:
        title: heading of the page.
        subtitle: one line below it.

    Example:
        >>> report = Report("Two cells").section("Result").text("Both met their targets.")
        >>> "<h2" in report.html()
        True
    """

    def __init__(self, title: str, subtitle: str = ""):
        check(bool(str(title).strip()), f"`title` must be some text, but it is {title!r}.")
        self.title = str(title)
        self.subtitle = str(subtitle)
        self._sections = [_Section("", "", [])]
        self._provenance = ""

    def section(self, title: str) -> Self:
        """Begin a section with a heading, listed in the table of contents."""
        anchors = {section.anchor for section in self._sections}
        base = anchor = slug(title)
        number = 2
        while anchor in anchors or anchor in ("main", "toc"):
            anchor, number = f"{base}-{number}", number + 1
        self._sections.append(_Section(str(title), anchor, []))
        return self

    def subsection(self, title: str) -> Self:
        """A smaller heading inside the section."""
        return self._add(f"<h3>{escape(title)}</h3>\n")

    def text(self, text: str) -> Self:
        """Paragraphs; a blank line begins a new one."""
        return self._add(paragraphs(text))

    def code(self, text: str) -> Self:
        """Text in a fixed-width font, line by line as given."""
        return self._add(f'<pre tabindex="0">{escape(text)}</pre>\n')

    def cards(self, items: Sequence[Card]) -> Self:
        """Key figures side by side."""
        return self._add(cards(items)) if items else self

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]], caption: str = "", *, digits: int = 4) -> Self:
        """A table: cells may be text, numbers (formatted to `digits`), None (a dash), truth values or `Badge`s."""
        return self._add(table(header, rows, caption, digits))

    def warning(self, *messages: str) -> Self:
        """A box of warnings; without messages, nothing."""
        if not messages:
            return self
        items = "".join(f"<li>{escape(message)}</li>" for message in messages)
        title = "Warning" if len(messages) == 1 else f"{len(messages)} warnings"
        return self._add(f'<div class="warnings" role="note"><h3>{title}</h3><ul>{items}</ul></div>\n')

    def figure(self, name: str, figure: Figure, alt: str, caption: str = "") -> Self:
        """A figure, in the page and as `figures/NAME.png`; small ones that follow each other stand side by side.

        Args:
            name: file name without suffix, of letters, digits, `-` and `_`; each once in a report.
            figure: what a function of this room returned.
            alt: what the figure shows, for those who do not see it.
            caption: a line below it.

        Raises:
            ValueError: if the name is not fit for a file or was used, or `alt` is empty.
        """
        check(bool(_NAME.match(name)), f"`name` must be letters, digits, '-' and '_' (at most 64), but it is {name!r}.")
        check(name not in self.figure_names, f"`name` must be used once, but {name!r} was added before. Number them.")
        check(bool(alt.strip()), f"`alt` must say what the figure {name!r} shows, but it is empty.")
        self._sections[-1].blocks.append(_FigureBlock(name, figure, alt, caption))
        return self

    def provenance(self, values: Mapping[str, Any], *, config: str = "", command: str = "") -> Self:
        """The footer: versions, seed, machine, … as names and values; the configuration and command as they were."""
        items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in values.items())
        parts = [f"<dl>{items}</dl>\n"] if items else []
        if command:
            parts.append(f'<h3>Command</h3>\n<pre tabindex="0">{escape(command)}</pre>\n')
        if config:
            parts.append(f'<h3>Configuration</h3>\n<pre tabindex="0">{escape(config)}</pre>\n')
        if parts:
            self._provenance = f"<footer>\n<h2>How this was made</h2>\n{''.join(parts)}</footer>\n"
        return self

    @property
    def figure_names(self) -> tuple[str, ...]:
        """Names of the figures so far, in their order."""
        return tuple(block.name for block in self._figures())

    def html(self) -> str:
        """The page as text."""
        return self._page(self._images(DPI))

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write `folder/report.html` and `folder/figures/NAME.png`.

        Files of these names are replaced, each appears whole or not at all, the page last. Figures inside the page
        get a palette of 256 colours, and then fewer dots, where it would exceed 3 MB; their files stay as they are. Equal reports give equal files.

        Args:
            folder: made where it is missing.

        Returns:
            The path of the page.
        """
        target = Path(folder)
        images = self._images(DPI)
        for name, png in images.items():
            write_whole(target / "figures" / f"{name}.png", png)
        text = self._page(images)
        for dpi in SMALLER_DPI:
            if len(text.encode()) < SIZE_LIMIT:
                break
            text = self._page({name: in_palette(png) for name, png in self._images(dpi).items()})
        write_whole(target / "report.html", text.encode())
        return target / "report.html"

    def _add(self, block: str) -> Self:
        self._sections[-1].blocks.append(block)
        return self

    def _figures(self) -> list[_FigureBlock]:
        return [block for section in self._sections for block in section.blocks if isinstance(block, _FigureBlock)]

    def _images(self, dpi: int) -> dict[str, bytes]:
        return {block.name: rendered(block.figure, "png", dpi) for block in self._figures()}

    def _page(self, images: Mapping[str, bytes]) -> str:
        lead, *sections = self._sections
        body = "".join(
            f'<section aria-labelledby="{each.anchor}">\n<h2 id="{each.anchor}">{escape(each.title)}</h2>\n{_blocks(each.blocks, images)}</section>\n'
            for each in sections
        )
        contents = [(each.anchor, each.title) for each in sections]
        return page(self.title, self.subtitle, _blocks(lead.blocks, images), contents, body, self._provenance)


def _blocks(blocks: Sequence[str | _FigureBlock], images: Mapping[str, bytes]) -> str:
    """The blocks in order; figures that follow each other share a row that wraps."""
    parts: list[str] = []
    open_row = False
    for block in blocks:
        is_figure = isinstance(block, _FigureBlock)
        if is_figure != open_row:
            parts.append('<div class="figures">\n' if is_figure else "</div>\n")
            open_row = is_figure
        parts.append(_figure_html(block, images) if isinstance(block, _FigureBlock) else block)
    return "".join(parts) + ("</div>\n" if open_row else "")


def _figure_html(block: _FigureBlock, images: Mapping[str, bytes]) -> str:
    width, height = (round(96 * float(inches)) for inches in block.figure.get_size_inches())
    return picture_html(images[block.name], width, height, block.alt, block.caption)
