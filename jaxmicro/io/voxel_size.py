"""The edges of a voxel and their unit of length: as the user says, or else as the file does."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.formats import Raster
from jaxmicro.io.length_units import LENGTHS
from jaxmicro.io.problems import unreadable

UNIT_NOTE = "unit of length: "  # how the note begins that names the unit of the lengths of a microstructure


def length_unit(name: Any) -> str:
    """The name of a unit of length as it is noted and drawn: µm for um and micron, and so on; empty for what is no unit.

    Example:
        >>> length_unit("micron"), length_unit("nm"), length_unit("pixel")
        ('µm', 'nm', '')
    """
    wanted = str(name).strip().lower()
    for names in LENGTHS.values():
        if wanted in names:
            return names[1] if names[0] == "um" else names[0].upper() if names[0] == "å" else names[0]
    return ""


def noted_unit(ms: Any) -> str:
    """The unit of the lengths of a microstructure as its notes tell it; empty where they do not.

    Args:
        ms: a `Microstructure`, or anything with `.notes`.

    Returns:
        The name of the unit, such as "µm".

    Example:
        >>> from jaxmicro.microstructures import Microstructure
        >>> noted_unit(Microstructure(labels=[[0, 1], [1, 0]], notes=("unit of length: nm",)))
        'nm'

    Not differentiable.
    """
    told = [str(note).removeprefix(UNIT_NOTE) for note in getattr(ms, "notes", ()) if str(note).startswith(UNIT_NOTE)]
    return told[-1] if told else ""


@dataclasses.dataclass(frozen=True)
class VoxelSize:
    """Edges of a voxel, one per axis, or None where nobody said; their unit, or empty; and what a report should say of both."""

    edges: tuple[float, ...] | None
    unit: str
    notes: tuple[str, ...]


def voxel_size(path: Path, raster: Raster, ndim: int, spacing: float | Sequence[float] | None, unit: str | None) -> VoxelSize:
    """What the user says rules; else what the file says without doubt, converted where another unit is asked for.

    Raises:
        ValueError: if the edges are not positive numbers, or the unit is not known.
        ReadError: if a unit is asked for where neither the user nor the file gives a length.
    """
    wanted = checked_unit(unit)
    found = raster.spacing if len(raster.spacing) == ndim else ()
    if spacing is not None:
        edges = _edges(spacing, ndim)
        told = (f"the file says {_listed(found)} {raster.unit}".rstrip() + ": the spacing as asked was taken",) if found else ()
        return VoxelSize(edges, wanted, (*told, *_unit_note(wanted)))
    if not found:
        if wanted:
            raise unreadable(path, f"has no voxel size, and unit={unit!r}", "Pass spacing= as well: the edge of a voxel in that unit.")
        return VoxelSize(None, "", ("no voxel size was given: edges of 1",))
    if wanted and not raster.unit:
        raise unreadable(path, f"gives voxel edges of {_listed(found)} without a unit, and unit={unit!r}", "Pass spacing= as well.")
    factor = _micrometres(raster.unit) / _micrometres(wanted) if wanted and wanted != raster.unit else 1.0
    edges, unit = tuple(edge * factor for edge in found), wanted or raster.unit
    return VoxelSize(edges, unit, (f"voxel edges of {_listed(edges)} {unit}".rstrip() + ", as the file says", *_unit_note(unit)))


def checked_unit(unit: Any) -> str:
    """The unit as asked, by its usual name; empty where none is."""
    if unit is None:
        return ""
    name = length_unit(unit)
    check(bool(name), f"`unit` must be a unit of length (um, nm, mm, m), but it is {unit!r}. Write unit='um'.")
    return name


def sound_edges(edges: Sequence[float]) -> bool:
    """Whether numbers from a file can be edges of a voxel."""
    array = np.asarray(edges, float)
    return array.ndim == 1 and array.size in (2, 3) and bool((array > 0).all() and np.isfinite(array).all())


def _edges(spacing: Any, ndim: int) -> tuple[float, ...]:
    try:
        edges = np.asarray(spacing, float)
    except (TypeError, ValueError):
        edges = np.zeros(())
    good = edges.shape in ((), (ndim,)) and bool((edges > 0).all() and np.isfinite(edges).all())
    check(
        good,
        f"`spacing` must be one positive number or one per axis ({ndim}), but it is {spacing!r}. "
        "Write spacing=0.5, in the unit of your choice.",
    )
    return tuple(np.broadcast_to(edges, (ndim,)).tolist())


def _micrometres(unit: str) -> float:
    return next(factor for factor, names in LENGTHS.items() if unit.lower() in names)


def _unit_note(unit: str) -> tuple[str, ...]:
    return (UNIT_NOTE + unit,) if unit else ()


def _listed(edges: Sequence[float]) -> str:
    return " x ".join(f"{edge:g}" for edge in edges)
