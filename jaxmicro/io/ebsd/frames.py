"""The frame of a scan: positions and Euler angles of a vendor's file seldom refer to the same axes.

EDAX and Oxford give positions in a frame that is turned by 180° about y against that of the specimen as it is looked
at (x to the right, y down), and EDAX's Euler angles start 90° earlier. Put right, positions and angles share one frame.
A half turn about y reverses x, and z in a volume. Oxford's crystal axes are x ∥ a* in hexagonal and trigonal crystals;
those of this library are x ∥ a, 30° before it: φ2 − 30°.

Sources: DREAM.3D's documentation of its EBSD readers (positions by 180° about ⟨010⟩ for both vendors, Euler angles by 90° about
⟨001⟩ for EDAX and not at all for Oxford). For Oxford the sources disagree: MTEX's `loadEBSD_ctf` with
convertSpatial2EulerReferenceFrame turns the positions by 180° about x, and keeps the angles too. Places then differ by a half
turn about z against the same crystals, which `microstructures.turn` does not give by itself, since it turns crystals with places:

    turn(ms, 2).replace(orientation=ms.orientation[:, ::-1, ::-1])  # MTEX's frame, from frame="oxford"
"""

import dataclasses
import math

import numpy as np

from jaxmicro._core import check_choice
from jaxmicro.io.ebsd.laue_names import HEXAGONAL
from jaxmicro.io.ebsd.scan import Scan

FRAMES = ("raw", "edax", "oxford")
CRYSTAL_X = ("a", "a*")
QUARTER, TWELFTH = math.pi / 2, math.pi / 6

_RAW = {
    "edax": "EDAX's positions and Euler angles do not share one frame: frame='edax' puts them right",
    "emsoft": "EMsoft writes EDAX's frames, whose positions and Euler angles do not share one: frame='edax' puts them right",
    "oxford": "Oxford's positions and Euler angles do not share one frame: frame='oxford' puts them right",
    "acom": "whether positions and Euler angles share one frame depends on the software that wrote the file",
    "dream3d": "a pipeline may have put positions and Euler angles into one frame already, and the file does not say",
}
_TURNED = {
    "edax": "positions turned by 180° about y, and φ1 − 90°",
    "oxford": "positions turned by 180° about y, Euler angles as in the file",
}


def in_frame(scan: Scan, frame: str, crystal_x: str | None) -> Scan:
    """The scan in the frame asked for, with a line in its notes that says which one and what it means.

    Args:
        scan: as the file has it.
        frame: "raw", "edax" or "oxford".
        crystal_x: what the file's crystal x axis is along in hexagonal and trigonal phases: "a", "a*", or None for the
            vendor's habit, which frame="oxford" puts right and the other frames leave alone.

    Raises:
        ValueError: if one of them is not known.
    """
    check_choice("frame", frame, FRAMES)
    if crystal_x is not None:
        check_choice("crystal_x", crystal_x, CRYSTAL_X)
    turned = scan if frame == "raw" else _about_y(scan)
    euler = turned.euler
    if frame == "edax":
        euler = euler - _along_phi(QUARTER, 0, euler.ndim)
    star = crystal_x == "a*" or (crystal_x is None and frame == "oxford")
    hexagonal = [index for index, phase in enumerate(scan.phases) if phase.laue in HEXAGONAL]
    if star and hexagonal:
        euler = np.where(np.isin(turned.phase, hexagonal), euler - _along_phi(TWELFTH, 2, euler.ndim), euler)
    notes = [_line(scan.vendor, frame), *_crystal_line(scan, hexagonal, star, crystal_x)]
    return dataclasses.replace(turned, euler=euler, notes=(*notes, *scan.notes))


def _about_y(scan: Scan) -> Scan:
    """Every array with its x reversed, and its z in a volume."""
    axes = tuple(axis - scan.phase.ndim for axis in (0, 2)[: scan.phase.ndim - 1])
    maps = {name: np.flip(values, axes) for name, values in scan.maps.items()}
    return dataclasses.replace(scan, euler=np.flip(scan.euler, axes), phase=np.flip(scan.phase, axes), maps=maps)


def _along_phi(angle: float, which: int, ndim: int) -> np.ndarray:
    """An angle at one of the three Euler angles, zero at the others, to be subtracted."""
    turn = np.zeros((3, *(1,) * (ndim - 1)))
    turn[which] = angle
    return turn


def _line(vendor: str, frame: str) -> str:
    if frame == "raw":
        return f"frame: raw, all numbers as in the file; {_RAW.get(vendor, 'positions and Euler angles may not share one frame')}"
    of_others = {"edax": ("edax", "emsoft")}.get(frame, (frame,))
    doubt = "" if vendor in of_others else f" (asked for, though the file follows the conventions of {vendor})"
    return f"frame: {frame}, {_TURNED[frame]}{doubt}"


def _crystal_line(scan: Scan, hexagonal: list[int], star: bool, crystal_x: str | None) -> list[str]:
    """What became of the crystal x axis, where there are two choices of it."""
    if not hexagonal:
        return []
    names = ", ".join(scan.phases[index].name for index in hexagonal)
    if star:
        return [f"crystal axes of {names}: x ∥ a* in the file, turned to x ∥ a (φ2 − 30°)"]
    if crystal_x == "a" or scan.vendor != "oxford":
        return [f"crystal axes of {names}: taken as x ∥ a; pass crystal_x='a*' where the file has x ∥ a*"]
    return [
        f"crystal axes of {names}: as in the file, where Oxford has x ∥ a* and this library x ∥ a; frame='oxford' or crystal_x='a*' turns them"
    ]
