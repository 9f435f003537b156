"""The column of phase numbers of a text file: which phase of the header each point has."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.io.ebsd.scan import NOT_INDEXED
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Phase


def labels_of(
    path: Path, column: Float[np.ndarray, " points"], phases: dict[int, Phase], single: int | None = None
) -> tuple[Int[np.ndarray, " points"], list[str]]:
    """Index of each point's phase in the order of `phases`, and oddities; zero is "not indexed".

    Args:
        path: the file, for the wording of errors.
        column: numbers of phases as they stand in the file.
        phases: what its header describes, by number.
        single: the number that a file of one phase writes everywhere instead of the phase's own.

    Raises:
        ReadError: if a number is negative, not whole, or has no phase.
    """
    present, counts = _distinct(column)
    for value, count in zip(present, counts, strict=True):
        if value != 0 and value not in phases:
            raise unreadable(
                path,
                f"holds {int(count):,} points of phase {value:g}, which its header does not describe (it has {', '.join(map(str, phases))})",
                "Correct the header, or export it again.",
            )
    if single is not None and present.size == 1 and present[0] == single:
        if len(phases) > 1:
            raise unreadable(path, f"gives no phase number, but its header describes {len(phases)} phases", "Export it with phase numbers.")
        return np.zeros(column.size, np.int64), []
    labels = np.full(column.size, NOT_INDEXED)
    for place, number in enumerate(phases):
        labels[column == number] = place
    if single is None or len(phases) > 1 or present[0] != 0:
        return labels, []
    share = 100 * float(counts[0]) / column.size
    return labels, [f"{share:.2f} % of the points have phase 0 beside the only phase: they count as not indexed"]


def _distinct(column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers that occur and how often; only the first one that is not whole, where there is one."""
    with np.errstate(invalid="ignore"):
        broken = column[column != np.rint(column)]
    return (broken[:1], np.array([broken.size])) if broken.size else np.unique(column, return_counts=True)
