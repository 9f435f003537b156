"""Labels with exact numbers of voxels per phase out of fields that say how much each phase is wanted where."""

import numpy as np
from jaxtyping import Float, Int


def voxel_counts(shares: Float[np.ndarray, " p"], size: int) -> Int[np.ndarray, " p"]:
    """Whole numbers nearest to the shares with the right sum: the largest remainders are rounded up."""
    exact = np.asarray(shares, float) * size
    counts = np.floor(exact + 1e-9).astype(np.int64)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: size - int(counts.sum())]] += 1
    return counts


def exact_labels(wanted: Float[np.ndarray, "p *grid"], counts: Int[np.ndarray, " p"]) -> Int[np.ndarray, "*grid"]:
    """The label of largest want at each voxel, changed where it costs least until every phase has its number of voxels."""
    phases = len(counts)
    flat = np.asarray(wanted, float).reshape(phases, -1)
    labels = flat.argmax(axis=0)
    surplus = np.bincount(labels, minlength=phases) - counts
    while surplus.max() > 0:
        giver = int(surplus.argmax())
        mine = np.flatnonzero(labels == giver)
        takers = np.flatnonzero(surplus < 0)
        loss = flat[giver, mine] - flat[takers][:, mine]
        best = loss.argmin(axis=0)
        order = np.argsort(loss.min(axis=0), kind="stable")
        room = -surplus[takers]
        moved = 0
        for voxel in order:
            taker = best[voxel]
            if moved == surplus[giver]:
                break
            if room[taker] == 0:
                continue
            labels[mine[voxel]] = takers[taker]
            room[taker] -= 1
            moved += 1
        surplus = np.bincount(labels, minlength=phases) - counts
    return labels.reshape(np.shape(wanted)[1:]).astype(np.int32)
