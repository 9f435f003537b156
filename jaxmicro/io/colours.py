"""Colour pictures: taken as grey where they are, or named colour by colour."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.distinct import distinct, translate
from jaxmicro.io.formats import Raster
from jaxmicro.io.naming import NAME_ALL, REST, absent, assign
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Phase


def to_grey(path: Path, raster: Raster) -> tuple[np.ndarray, tuple[str, ...]]:
    """One number per voxel, and a note where there were colours."""
    if raster.palette is not None:
        table = raster.palette
        used = table[: int(raster.values.max()) + 1]
        if (used == used[:, :1]).all() and len(used) > int(raster.values.max()):
            return table[:, 0][raster.values], ("palette of greys: grey values were read",)
        return raster.values, ("palette picture: the indices of the colours were read as values",)
    if not raster.colour:
        return raster.values, ()
    red = raster.values[..., 0]
    if (raster.values == red[..., None]).all():
        return red, ("three equal colour channels were read as one grey",)
    code, counts = distinct(_code(raster.values))
    most = _colours(code[np.argsort(counts)[::-1][:2]])
    example = "{" + ", ".join(f"{colour}: 'name'" for colour in most) + ", None: 'all others'}"
    raise unreadable(
        path,
        f"is a colour picture with {len(code)} distinct colours, and labels or grey values are expected",
        f"Convert it to grey or labels, or name its colours, phases={example}. For a map of crystal orientations read the measured file instead. {raster.advice}".rstrip(),
    )


def by_colour(
    path: Path, raster: Raster, mapping: dict[Any, Phase]
) -> tuple[np.ndarray, tuple[Phase, ...], tuple[str, ...], tuple[str, ...]]:
    """Labels, phases, notes and oddities of a picture whose colours are named."""
    wrong = [key for key in mapping if not (key is REST or (isinstance(key, tuple) and len(key) == 3))]
    if wrong:
        raise ValueError(f"`phases` must map either grey values or colours (r, g, b), but it has the key {wrong[0]!r} beside colours.")
    if not raster.colour and raster.palette is None:
        raise unreadable(path, "is a grey picture, but `phases` names colours", "Name grey values, phases={0: 'name', …}.")
    code = _code(raster.values if raster.palette is None else raster.palette[raster.values])
    found, counts = distinct(code)
    colours = _colours(found)
    if len(found) == 1:
        raise unreadable(path, f"is constant: every voxel has the colour {colours[0]}", "Check that it is the right file.")
    unknown = [k for k in np.argsort(counts)[::-1].tolist() if colours[k] not in mapping]
    if unknown and REST not in mapping:
        listed = ", ".join(f"{colours[k]}: {100 * counts[k] / code.size:.1f} %" for k in unknown[:6]) + (", …" if len(unknown) > 6 else "")
        raise unreadable(path, f"holds {len(unknown)} colours that `phases` does not name: {listed}", f"{NAME_ALL}.")
    lookup, names = assign(path, colours, mapping)
    pairs = ", ".join(f"{'all others' if key is REST else key} = {phase.name}" for key, phase in mapping.items())
    return translate(code, found, lookup), names, (f"phases by colour: {pairs}",), absent(colours, mapping, "colour")


def _code(values: np.ndarray) -> np.ndarray:
    """Red, green and blue in one number."""
    r, g, b = (values[..., k].astype(np.int64) for k in range(3))
    return (r << 32) | (g << 16) | b


def _colours(code: np.ndarray) -> list[tuple[int, int, int]]:
    return [(int(c) >> 32, (int(c) >> 16) & 0xFFFF, int(c) & 0xFFFF) for c in code]
