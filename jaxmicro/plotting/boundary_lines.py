"""Lines between pixels whose crystals differ: by more than an angle, or in phase."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro.orientations import misorientation


def boundary_lines(
    q: Float[np.ndarray, "n0 n1 4"],
    labels: Int[np.ndarray, "n0 n1"],
    measured: Bool[np.ndarray, "n0 n1"],
    laue: Sequence[str | None],
    angle: float,
    spacing: tuple[float, float],
) -> Float[np.ndarray, "n 2 2"]:
    """Ends (x, y) of the lines between 4-neighbours whose misorientation exceeds `angle` (degrees) or whose phases differ.

    Neighbours along a straight line are joined to one line. No line is drawn next to what was not measured.
    """
    lines = []
    for axis in (0, 1):
        values = [np.moveaxis(each, axis, 0) for each in (q, labels, measured)]
        (q1, q2), (label1, label2), (there1, there2) = ((each[:-1], each[1:]) for each in values)
        cut = (label1 != label2) | _exceeds(q1, q2, label1, laue, angle)
        place, first, last = runs(cut & there1 & there2)
        across, along = (place + 1) * spacing[axis], np.stack([first, last], axis=1) * spacing[1 - axis]
        ends = np.stack([np.broadcast_to(across[:, None], along.shape), along], axis=-1)
        lines.append(ends if axis == 0 else ends[..., ::-1])
    return np.concatenate(lines)


def _exceeds(
    q1: Float[np.ndarray, "n0 n1 4"],
    q2: Float[np.ndarray, "n0 n1 4"],
    labels: Int[np.ndarray, "n0 n1"],
    laue: Sequence[str | None],
    angle: float,
) -> Bool[np.ndarray, "n0 n1"]:
    """Whether the misorientation is larger than an angle, by the Laue group of the phases `labels`."""
    apart = np.zeros(labels.shape, dtype=bool)
    first, second = (jnp.asarray(np.moveaxis(each, -1, 0)) for each in (q1, q2))
    for group in sorted({laue[index] or "" for index in np.unique(labels)} - {""}):
        here = np.isin(labels, [index for index, each in enumerate(laue) if each == group])
        apart |= here & (np.asarray(misorientation(first, second, group, degrees=True)) > angle)
    return apart


def runs(cut: Bool[np.ndarray, "n0 n1"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, first and one past the last column of every run of True."""
    edges = np.diff(np.pad(cut, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, first = np.nonzero(edges == 1)
    return rows, first, np.nonzero(edges == -1)[1]
