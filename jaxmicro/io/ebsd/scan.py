"""What every EBSD reader hands over: one scan on its grid, in the file's own frame."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.microstructures import Phase

NOT_INDEXED = -1


@dataclasses.dataclass(frozen=True)
class Scan:
    """A scan on a rectangular grid; array axis 0 is the file's x, axis 1 its y, axis 2 its z.

    Attributes:
        vendor: whose conventions the file follows: "edax", "oxford", "emsoft", "acom" or "dream3d".
        euler: Bunge angles in radians, float64; anything where not indexed.
        phase: index into `phases`, or `NOT_INDEXED`.
        phases: in the order of the file, with Laue groups.
        spacing: edge of a point per axis, in µm.
        maps: further measured maps by their short lower-case names (`ci`, `iq`, `fit`, `mad`, `bc`, `bs`, `bands`, …).
        notes: what a reader of a report should know.
        oddities: what was wrong and was resolved; each becomes a `DataWarning` and a note.
        origin: position of the first point in µm, where the file has positions.
    """

    vendor: str
    euler: Float[np.ndarray, "3 *grid"]
    phase: Int[np.ndarray, "*grid"]
    phases: tuple[Phase, ...]
    spacing: tuple[float, ...]
    maps: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    origin: tuple[float, ...] = ()
