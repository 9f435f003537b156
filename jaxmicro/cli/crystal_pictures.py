"""The pictures of an orientation map for a report."""

import numpy as np

from jaxmicro.cli.crystal_checks import measured
from jaxmicro.descriptors import neighbour_misorientation
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import (
    Report,
    cell,
    euler_map,
    field,
    inverse_pole_figure,
    ipf_map,
    misorientation_distribution,
    pole_figure,
    tiled,
)
from jaxmicro.plotting.lengths import length_unit

BOUNDARY = 10.0  # degrees from which on a line is drawn
QUALITIES = ("bc", "iq", "ci", "mad", "dp")  # maps that show how good the patterns were, the first that is there
MOST_VOXELS = 1 << 22  # above, the boundaries of a volume are not counted for a histogram
FILLED = ("nearest good point", "filled from the nearest pixel")  # what the notes of a map say whose gaps were filled


def crystals_section(report: Report, ms: Microstructure, *, solved: bool = False) -> None:
    """Inverse-pole-figure maps, pole figures and misorientations of each phase, and the quality of the patterns.

    Of a cell that was `solved` all crystals are shown, measured or not, and how they repeat.
    """
    report.section("Crystals")
    if not measured(ms).any():
        report.text("No point is measured: there are no crystals to draw.")
    else:
        _maps(report, ms, solved)
        for index, phase in enumerate(ms.phases):
            if _points(ms, index):
                report.subsection(phase.name)
                _texture(report, ms, index)
                if not solved:
                    _misorientations(report, ms, index)
    if not solved:
        _quality(report, ms)


def _maps(report: Report, ms: Microstructure, solved: bool) -> None:
    """Maps of the crystals, and of the phases where there are several."""
    gaps = 100 * (1 - float(measured(ms).mean()))
    filled = gaps > 0 and (solved or any(words in note for note in ms.notes for words in FILLED))
    shown = ms.replace(mask=None) if filled else ms
    grey = (
        ""
        if gaps == 0
        else f" Not measured are {gaps:.1f} %, shown with the crystals they were given."
        if filled
        else " Grey: not measured."
    )
    unit = length_unit(ms)
    if not solved and len(np.unique(np.asarray(ms.labels)[measured(ms)])) > 1:
        report.figure("phases", cell(ms, unit=unit), "Map of the phases", "The phases where they were measured.")
    for axis in "zxy":
        report.figure(
            f"ipf-{axis}", ipf_map(shown, axis, boundaries=BOUNDARY, unit=unit), f"Inverse-pole-figure map of the sample direction {axis}",
            f"Crystal direction along {axis}; lines from {BOUNDARY:g}° of misorientation.{grey}",
        )  # fmt: skip
    if solved:
        report.figure(
            "tiled-ipf", tiled(shown, 3, color_by="orientation", unit=unit), "Inverse-pole-figure map of z, repeated 3 × 3",
            "Crystal direction along z, 3 × 3 periods: how the crystals meet at the edges of the cell.",
        )  # fmt: skip
    else:
        report.figure(
            "euler", euler_map(shown, unit=unit), "Map of the Euler angles",
            "Euler angles as they are stored. Speckle inside a grain: equivalent angles, not another crystal.",
        )  # fmt: skip


def _texture(report: Report, ms: Microstructure, index: int) -> None:
    name = ms.phases[index].name
    report.figure(
        f"pole-figures-{index}", pole_figure(ms, phase=index), f"Pole figures of {name}",
        "Equal-area, x to the right and y down as in the maps.",
    )  # fmt: skip
    report.figure(
        f"inverse-pole-figures-{index}", inverse_pole_figure(ms, ["x", "y", "z"], phase=index), f"Inverse pole figures of {name}",
        "Sample directions in the crystal, in multiples of random.",
    )  # fmt: skip


def _misorientations(report: Report, ms: Microstructure, index: int) -> None:
    """Of neighbours of one phase, beside those of crystals without texture."""
    if ms.grid.size > MOST_VOXELS:
        return
    only = ms.replace(mask=np.asarray(ms.labels == index) & measured(ms))
    angles = [neighbour_misorientation(only, axis, degrees=True).ravel() for axis in range(ms.grid.ndim)]
    angles = np.concatenate(angles)
    angles = angles[angles >= BOUNDARY / 2]
    if angles.size:
        report.figure(
            f"misorientations-{index}", misorientation_distribution(angles, laue=ms.phases[index].laue or "m-3m"),
            f"Misorientations across the boundaries of {ms.phases[index].name}",
            f"Neighbours {BOUNDARY / 2:g}° apart or more, by length of boundary.",
        )  # fmt: skip


def _quality(report: Report, ms: Microstructure) -> None:
    quality = next((name for name in QUALITIES if name in ms.maps), None)
    if quality is None or ms.grid.ndim != 2 or not np.isfinite(np.asarray(ms.maps[quality], float)).any():
        return
    values, edges = np.asarray(ms.maps[quality], float), np.asarray(ms.grid.spacing).tolist()
    shown = field(values, name=quality, spacing=edges, length_unit=length_unit(ms))
    report.figure("quality", shown, f"Map of {quality}", f"Pattern quality as the file has it: {quality}.")


def _points(ms: Microstructure, index: int) -> int:
    return int((np.asarray(ms.labels == index) & measured(ms)).sum())
