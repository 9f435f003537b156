"""The look of every figure, in one place: palette, sizes, axes, labels.

Figures are built with `matplotlib.figure.Figure` and styled object by object. Neither `pyplot` nor the global
settings are touched, so plotting is safe from threads and leaves nothing behind.
"""

import colorsys
import re
import textwrap
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

# Okabe & Ito's colours, told apart with every common colour vision deficiency; darkest first, for lines on white.
LINES = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#B07D00", "#3A9BD1", "#4D4D4D")
STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1.2, 2)), (0, (3, 1.5)), "-", (0, (5, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

# Phases differ in lightness first, so that they survive a grey print.
PHASES = ("#EFE9DC", "#27567B", "#DB8F45", "#7FB3A2", "#7A3B5E", "#A9C4DE", "#C9B84C", "#3A3A3A")

INK = "#22272E"
MUTED = "#5F6873"
GRID = "#E3E6EA"
FRAME = "#B4BAC2"
ALERT = "#D55E00"
GOOD = "#00795A"

SEQUENTIAL = "viridis"
DIVERGING = "RdBu_r"

TITLE_SIZE = 10.0
LABEL_SIZE = 9.0
SMALL_SIZE = 8.0  # nothing is smaller
CHARACTERS, LINE = 11, 0.18  # of a title: characters per inch, inches per line
HALF = 0.5  # of the figure's width: titles over narrower panels stand beside each other
_ROOM: weakref.WeakKeyDictionary[Figure, int] = weakref.WeakKeyDictionary()  # lines of titles that a figure was made higher for

# Names of properties, such as k_xx, E_x, nu_xy, C_11, k_mean or σ_vM: no other name with an underscore is a symbol.
SUBSCRIPT = re.compile(r"^([CEGSk]|nu|[α-ω])_([xyz]{1,2}|[1-6]{1,2}|mean|vM)((?: \(.*\))?)$")


def new_figure(width: float, height: float) -> Figure:
    """A white figure of `width` × `height` inches whose parts keep clear of each other."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06, wspace=0.04, hspace=0.06)  # pyright: ignore[reportOptionalMemberAccess, reportCallIssue]
    return figure


def plain(text: object) -> str:
    """Text as it stands: a dollar sign is a dollar sign, never the start of a formula."""
    return str(text).replace("$", r"\$")


def symbol(name: object) -> str:
    """A name for a figure; short ones with a subscript, such as `k_xx`, are set as symbols."""
    match = SUBSCRIPT.match(str(name))
    return rf"${match[1]}_{{\mathrm{{{match[2]}}}}}${plain(match[3])}" if match else plain(name)


def with_unit(name: object, unit: str | None) -> str:
    """An axis label, `name (unit)`, or the name alone."""
    return f"{symbol(name)} ({plain(unit)})" if unit else symbol(name)


def style_axes(axes: Axes, *, x: str = "", y: str = "", title: str | None = None, grid: bool = True) -> None:
    """Set the calm look of a diagram: labels, small ticks, two spines, a pale grid behind the data."""
    axes.set_xlabel(x, fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel(y, fontsize=LABEL_SIZE, color=INK)
    if title:
        set_title(axes, title)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FRAME)
    axes.tick_params(labelsize=SMALL_SIZE, color=FRAME, labelcolor=INK, length=3)
    axes.tick_params(which="minor", color=FRAME, length=2, labelsize=SMALL_SIZE)
    axes.xaxis.offsetText.set_fontsize(SMALL_SIZE)
    axes.yaxis.offsetText.set_fontsize(SMALL_SIZE)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(visible=True, color=GRID, linewidth=0.7)


def set_title(axes: Axes, title: str) -> None:
    """A title in the one title style, in lines that fit the figure."""
    width = axes.get_position().width
    axes.set_title(plain(_wrapped(title, axes.figure, width if width < HALF else 1.0)), fontsize=TITLE_SIZE, color=INK, pad=6)


def set_heading(figure: Figure, title: str) -> None:
    """A title over all panels, in lines that fit the figure."""
    figure.suptitle(plain(_wrapped(title, figure)), fontsize=TITLE_SIZE + 0.5, color=INK)


def _wrapped(title: str, figure: Any, share: float = 1.0) -> str:
    """A title cut into lines between words; a formula and what fits stay as they are.

    The figure is made higher once for the lines of titles beside each other, not for each of them.
    """
    root = figure.get_figure(root=True)
    most = max(int(CHARACTERS * root.get_figwidth() * share), 12)
    lines = [title] if "$" in title else textwrap.wrap(title, most) or [title]
    further = max(0, len(lines) - 1 - _ROOM.get(root, 0))
    root.set_figheight(root.get_figheight() + LINE * further)
    _ROOM[root] = _ROOM.get(root, 0) + further
    return "\n".join(lines) if len(lines) > 1 else title


def add_legend(axes: Axes, **options: object) -> None:
    """A legend without a heavy frame, where there is something to name."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            fontsize=SMALL_SIZE,
            labelcolor=INK,
            framealpha=0.85,
            edgecolor="none",
            **options,  # pyright: ignore[reportArgumentType]
        )


def figure_legend(figure: Figure | SubFigure, handles: Sequence[Any], columns: int) -> None:
    """A legend below all panels, where it can hide nothing; handles carry their labels and are drawn opaque."""
    legend = figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=SMALL_SIZE,
        labelcolor=INK,
        frameon=False,
        columnspacing=1.4,
    )
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1.0)


def line_style(index: int) -> dict[str, object]:
    """Colour, dash pattern and marker of the `index`-th line: no two lines differ in colour alone."""
    return {"color": LINES[index % len(LINES)], "linestyle": STYLES[index % len(STYLES)]}


def phase_colors(count: int) -> Float[np.ndarray, "p 3"]:
    """One colour per phase or grain, `(p, 3)` in [0, 1]: the palette, then hues in golden-ratio steps."""
    colors = [hex_color(color) for color in PHASES[:count]]
    for index in range(len(colors), count):
        hue = (index * 0.618033988749895) % 1.0
        colors.append(colorsys.hls_to_rgb(hue, (0.45, 0.6, 0.75)[index % 3], 0.45))
    return np.asarray(colors, dtype=float)


def hex_color(color: str) -> tuple[float, float, float]:
    """`"#RRGGBB"` as three numbers in [0, 1]."""
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def columns_for(count: int, most: int) -> tuple[int, int]:
    """Rows and columns of a gallery of `count` pictures, as even as `most` columns allow."""
    rows = -(-count // most)
    columns = -(-count // rows)
    return rows, columns


def check_names(argument: str, names: Sequence[str] | None, count: int) -> list[str] | None:
    """Check that there is one name per item."""
    if names is None:
        return None
    if isinstance(names, str) or len(names) != count:
        raise ValueError(f"`{argument}` must hold {count} names, one per item, but it is {names!r}. Pass a list of {count} strings.")
    return [str(name) for name in names]
