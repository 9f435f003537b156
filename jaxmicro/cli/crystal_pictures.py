"""The pictures of an orientation map for a report."""

import numpy as np

from jaxmicro.descriptors import neighbour_misorientation
from jaxmicro.microstructures import Microstructure
from jaxmicro.plotting import Report, field, inverse_pole_figure, ipf_map, misorientation_distribution, pole_figure

BOUNDARY = 10.0  # degrees from which on a line is drawn
QUALITIES = ("bc", "iq", "ci", "mad", "dp")  # maps that show how good the patterns were, the first that is there
MOST_VOXELS = 1 << 22  # above, the boundaries of a volume are not counted for a histogram


def crystals_section(report: Report, ms: Microstructure) -> None:
    """Inverse-pole-figure maps, pole figures and misorientations of each phase, and the quality of the patterns."""
    report.section("Crystals")
    unit = "µm" if ms.provenance.startswith("read from") else None
    report.figure(
        "ipf-z", ipf_map(ms, "z", boundaries=BOUNDARY, unit=unit), "Inverse-pole-figure map of the sample direction z",
        f"Crystal direction along z; lines from {BOUNDARY:g}° of misorientation. Grey: not measured.",
    )  # fmt: skip
    for axis in "xy":
        report.figure(f"ipf-{axis}", ipf_map(ms, axis, unit=unit), f"Inverse-pole-figure map of {axis}", f"Crystal direction along {axis}.")
    for index, phase in enumerate(ms.phases):
        if _points(ms, index) == 0:
            continue
        report.subsection(phase.name)
        report.figure(
            f"pole-figures-{index}", pole_figure(ms, phase=index), f"Pole figures of {phase.name}",
            "Equal-area, x to the right and y down as in the maps.",
        )  # fmt: skip
        report.figure(
            f"inverse-pole-figures-{index}", inverse_pole_figure(ms, ["x", "y", "z"], phase=index), f"Inverse pole figures of {phase.name}",
            "Sample directions in the crystal, in multiples of random.",
        )  # fmt: skip
        _misorientations(report, ms, index)
    quality = next((name for name in QUALITIES if name in ms.maps), None)
    if quality is not None and ms.grid.ndim == 2:
        shown = field(np.asarray(ms.maps[quality], float), name=quality, spacing=np.asarray(ms.grid.spacing).tolist(), length_unit=unit)
        report.figure("quality", shown, f"Map of {quality}", f"Pattern quality as the file has it: {quality}.")


def _misorientations(report: Report, ms: Microstructure, index: int) -> None:
    """Of neighbours of one phase, beside those of crystals without texture."""
    if ms.grid.size > MOST_VOXELS:
        return
    only = ms.replace(mask=np.asarray(ms.labels == index) & (True if ms.mask is None else np.asarray(ms.mask)))
    angles = [neighbour_misorientation(only, axis, degrees=True).ravel() for axis in range(ms.grid.ndim)]
    angles = np.concatenate(angles)
    angles = angles[angles >= BOUNDARY / 2]
    if angles.size:
        report.figure(
            f"misorientations-{index}", misorientation_distribution(angles, laue=ms.phases[index].laue or "m-3m"),
            f"Misorientations across the boundaries of {ms.phases[index].name}",
            f"Neighbours {BOUNDARY / 2:g}° apart or more, by length of boundary.",
        )  # fmt: skip


def _points(ms: Microstructure, index: int) -> int:
    here = np.asarray(ms.labels == index)
    return int((here if ms.mask is None else here & np.asarray(ms.mask)).sum())
