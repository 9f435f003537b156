"""What a TIFF file says of the size of its pixels.

ImageJ and OME name edges and their unit of length. The resolution tags of other files are mostly a printer's dots per inch, which a
scanner or an editor filled in: they are told and not taken.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from jaxmicro.io.voxel_size import length_unit, sound_edges

X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
PER = {2: "inch", 3: "cm"}
OME_UNIT = "µm"  # the default of PhysicalSizeXUnit and its kind


@dataclasses.dataclass(frozen=True)
class Scale:
    """Edges by the letter of their axis, their unit, and what was found and not taken."""

    edges: Mapping[str, float]
    unit: str = ""
    notes: tuple[str, ...] = ()

    def along(self, letters: list[str]) -> tuple[tuple[float, ...], str, tuple[str, ...]]:
        """Edges along those axes, their unit and notes; none where one of them is not known."""
        if not self.edges:
            return (), "", self.notes
        listed = ", ".join(f"{letter.lower()} {edge:g} {self.unit}" for letter, edge in self.edges.items())
        if not set(letters) <= set(self.edges):
            return (), "", (*self.notes, f"the file says voxel edges of {listed} and none along the other axis: pass spacing= and unit=")
        edges = tuple(self.edges[letter] for letter in letters)
        if not sound_edges(edges):
            return (), "", (*self.notes, f"the file says voxel edges of {listed}, which are none: pass spacing= and unit=")
        return edges, self.unit, self.notes


def tiff_scale(file: Any, page: Any) -> Scale:
    """What an opened file says; nothing in it is decoded."""
    if file.is_imagej and isinstance(file.imagej_metadata, dict):
        return _imagej(file.imagej_metadata, page)
    if file.is_ome and isinstance(file.ome_metadata, str):
        return _ome(file.ome_metadata)
    per = PER.get(_integer(page.tags.valueof(RESOLUTION_UNIT, 1)))
    edge = _edge(page, X_RESOLUTION)
    if per is None or edge is None:
        return Scale({})
    return Scale({}, notes=(f"the resolution tags say {1 / edge:g} dots per {per}, which may be a printer's: not taken as a voxel size",))


def _imagej(said: Mapping[str, Any], page: Any) -> Scale:
    text = str(said.get("unit", ""))
    unit = length_unit(text.replace("\\u00B5", "µ").replace("\\u00b5", "µ"))
    x, y, z = _edge(page, X_RESOLUTION), _edge(page, Y_RESOLUTION), _number(said.get("spacing"))
    if x is None or y is None or not unit:
        told = f"ImageJ's unit {text!r} is no unit of length that is read: pass spacing= and unit="
        return Scale({}, notes=(told,) if text and text not in ("pixel", "pixels") else ())
    return Scale({"X": x, "Y": y, **({"Z": z} if z else {})}, unit)


def _ome(xml: str) -> Scale:
    found = re.search(r"<(?:\w+:)?Pixels\s([^>]*)>", xml[: 1 << 20])
    said = dict(re.findall(r'(PhysicalSize[XYZ](?:Unit)?)="([^"]*)"', found[1])) if found else {}
    edges = {letter: number for letter in "XYZ" if (number := _number(said.get(f"PhysicalSize{letter}")))}
    units = {length_unit(said.get(f"PhysicalSize{letter}Unit", OME_UNIT)) for letter in edges}
    if len(units) == 1 and "" not in units:
        return Scale(edges, units.pop())
    return Scale({}, notes=("OME's voxel edges are in several units, or in none that is read: pass spacing= and unit=",) if edges else ())


def _edge(page: Any, tag: int) -> float | None:
    """Units per pixel, of a tag that holds pixels per unit as a fraction."""
    value = page.tags.valueof(tag, None)
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    pixels, units = _number(value[0]), _number(value[1])
    return units / pixels if pixels and units else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < float("inf") else None


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, int) else 1
