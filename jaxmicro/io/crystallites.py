"""The distinct crystals of a microstructure: one per grain, or one per pair of phase and orientation."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import check
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations.laue import symmetry_operators

GRAIN = "grain"  # the map that numbers the grains
IDENTITY = (1.0, 0.0, 0.0, 0.0)


@dataclasses.dataclass(frozen=True)
class Crystallites:
    """Which crystal each voxel belongs to, and what those crystals are.

    Attributes:
        index: place in the lists below, of each voxel.
        phase: label of each crystal.
        orientation: unit quaternion of each crystal, float64; the identity where the microstructure has none.
    """

    index: Int[np.ndarray, "*grid"]
    phase: Int[np.ndarray, " n"]
    orientation: Float[np.ndarray, "4 n"]


def crystallites(ms: Microstructure) -> Crystallites:
    """Number the crystals: by the map `grain` (and the phase) where there is one, else by phase and orientation."""
    labels = np.asarray(ms.labels).ravel()
    turned = ms.orientation is not None
    q = np.asarray(ms.orientation, float).reshape(4, -1) if turned else np.zeros((4, labels.size))
    if not turned:
        q[0] = 1.0
    by_grain = GRAIN in ms.maps and ms.maps[GRAIN].shape == ms.grid.shape
    keys = np.asarray(ms.maps[GRAIN]).ravel()[:, None] if by_grain else np.nan_to_num(q).T
    _, first, index = np.unique(np.column_stack([labels, keys]), axis=0, return_index=True, return_inverse=True)
    index = index.ravel()
    orientation = _mean_orientations(ms, q, labels, index, first) if by_grain and turned else q[:, first]
    return Crystallites(index.reshape(ms.grid.shape), labels[first], orientation)


def _mean_orientations(ms: Microstructure, q: np.ndarray, labels: np.ndarray, index: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Mean of each grain over its measured voxels: of all equivalent quaternions the one next to the grain's first.

    The sum of unit quaternions, scaled to one, minimises the sum of squared chords: the mean of rotations that are near.
    """
    measured = np.ones(labels.shape, bool) if ms.mask is None else np.asarray(ms.mask).ravel()
    anchor = q[:, first]
    for place in np.flatnonzero(~measured[first]):
        inside = np.flatnonzero(measured & (index == place))
        anchor[:, place] = q[:, inside[0]] if inside.size else IDENTITY
    total = np.zeros_like(anchor)
    for label, phase in enumerate(ms.phases):
        chosen = np.flatnonzero(measured & (labels == label))
        if not chosen.size:
            continue
        nearest = _nearest(q[:, chosen], anchor[:, index[chosen]], symmetry_operators(phase.laue or "-1"))
        for k in range(4):
            total[k] += np.bincount(index[chosen], nearest[k], minlength=first.size)
    length = np.linalg.norm(total, axis=0)
    good = length > 0
    return np.where(good, total / np.where(good, length, 1.0), anchor)


def _nearest(q: np.ndarray, anchor: np.ndarray, operators: np.ndarray) -> np.ndarray:
    """Of s q and −s q the one with the largest scalar product with the anchor."""
    best, found = np.full(q.shape[1], -1.0), q
    for s in operators.T:
        candidate = _product(s, q)
        likeness = np.einsum("kn,kn->n", candidate, anchor)
        better = np.abs(likeness) > best
        found = np.where(better, candidate * np.where(likeness < 0, -1.0, 1.0), found)
        best = np.where(better, np.abs(likeness), best)
    return found


def _product(s: np.ndarray, q: np.ndarray) -> np.ndarray:
    w, x, y, z = s
    a, b, c, d = q
    return np.stack(
        [w * a - x * b - y * c - z * d, w * b + x * a + y * d - z * c, w * c - x * d + y * a + z * b, w * d + x * c - y * b + z * a]
    )


def check_measured(ms: Microstructure, what: str) -> None:
    """Refuse voxels without a measured crystal where a file has no way to say so."""
    if ms.mask is not None:
        missing = int((~np.asarray(ms.mask)).sum())
        check(
            missing == 0,
            f"{what} has a crystal in every voxel, but {missing} of {ms.grid.size} voxels were not measured. "
            "Crop them away, or fill them: read(…, unindexed='nearest').",
        )
