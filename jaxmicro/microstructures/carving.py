"""A new phase put into voxels of a microstructure in a given order, until it has its volume."""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check, is_number
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure


def phase_index(ms: Microstructure, argument: str, phase: Any) -> int:
    """Number of a phase that is named or numbered."""
    names = [each.name for each in ms.phases]
    known = ", ".join(f"{k}: {name!r}" for k, name in enumerate(names))
    if isinstance(phase, str):
        check(names.count(phase) == 1, f"`{argument}` must be one of the phases {known}, but it is {phase!r}.")
        return names.index(phase)
    whole = isinstance(phase, int | np.integer) and not isinstance(phase, bool) and 0 <= phase < len(names)
    check(whole, f"`{argument}` must be one of the phases {known}, but it is {phase!r}.")
    return int(phase)


def room_of(ms: Microstructure, within: int | None) -> Float[np.ndarray, "*grid"]:
    """Share of each voxel that a new phase may take: that of one phase, or all, and none of what was not measured."""
    free = np.ones(ms.grid.shape) if within is None else np.asarray(ms.labels == within if ms.is_sharp else ms.fractions[within], float)
    return free if ms.mask is None else free * np.asarray(ms.mask)


def measured(ms: Microstructure) -> int:
    """Number of voxels that a volume fraction refers to."""
    return ms.grid.size if ms.mask is None else int(np.asarray(ms.mask).sum())


def check_amount(ms: Microstructure, volume_fraction: Any, room: Float[np.ndarray, "*grid"], where: str) -> float:
    """The number of voxels that a volume fraction asks for, which must find room."""
    good = is_number(volume_fraction) and 0 < volume_fraction < 1
    check(
        good, f"`volume_fraction` must lie between 0 and 1, but it is {volume_fraction!r}. It is that of the new phase in the whole cell."
    )
    share = float(room.sum()) / measured(ms)
    check(
        volume_fraction <= share * (1 + 1e-9),
        f"`volume_fraction` must be at most the share of {where}, {share:.6g}, but it is {volume_fraction:g}. Ask for less.",
    )
    return float(volume_fraction) * measured(ms)


def filled(
    ms: Microstructure, rank: Float[np.ndarray, "*grid"], room: Float[np.ndarray, "*grid"], amount: float
) -> Float[np.ndarray, "*grid"]:
    """Share of the new phase in each voxel: all the room in the order of the rank, smallest first, until the amount is reached.

    Of labels the amount is rounded to whole voxels; of fractions the last voxel is filled in part.
    """
    order = np.argsort(np.where(room > 0, rank, np.inf), axis=None, kind="stable")
    if ms.is_sharp:
        amount = round(amount)
    before = np.cumsum(room.ravel()[order]) - room.ravel()[order]
    share = np.zeros(room.size)
    share[order] = np.clip(amount - before, 0, room.ravel()[order])
    return share.reshape(room.shape)


def with_phase(
    ms: Microstructure, share: Float[np.ndarray, "*grid"], within: int | None, name: str | Phase, maps: dict[str, Any] | None = None
) -> Microstructure:
    """The microstructure with a new last phase that takes its share of each voxel from one phase, or from all alike."""
    names = [each.name for each in ms.phases]
    new = name if isinstance(name, Phase) else Phase(name)
    check(new.name not in names, f"`name` must be new, but {new.name!r} is one of the phases {names}. Give another name.")
    content: dict[str, Any]
    if ms.is_sharp:
        content = {"labels": np.where(share > 0.5, len(names), np.asarray(ms.labels)).astype(np.int32)}
    else:
        old = np.array(ms.fractions)
        left = old * (1 - share) if within is None else old
        if within is not None:
            left[within] = np.maximum(old[within] - share, 0)
        content = {"fractions": np.concatenate([left, share[None]]).astype(old.dtype)}
    return ms.replace(phases=(*ms.phases, new), maps={**ms.maps, **(maps or {})}, **content)
