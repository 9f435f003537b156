"""Checks of the parts of a Microstructure: shapes always, values where they are concrete."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import as_float_array, check, check_finite, check_shape, is_concrete
from jaxmicro.microstructures.phase import Phase

FRACTION_TOLERANCE = 1e-4  # float32 decoders miss a sum of one by about 1e-6; anything near 1e-4 is a mistake
NORM_TOLERANCE = 1e-3
MOST_LABELS = 2**31


def checked_labels(labels: Any, shape: tuple[int, ...]) -> Array | np.ndarray:
    """Labels as int32 on the grid; concrete ones stay on the host until they are judged, also inside a trace."""
    array = np.asarray(labels) if is_concrete(labels) else labels
    check(
        array.dtype.kind in "iub",
        f"`labels` must be whole numbers, but their dtype is {array.dtype}. "
        "Use labels.astype(int) where they are labels, or pass volume fractions as fractions=(p, *grid).",
        TypeError,
    )
    check_shape("labels", array, shape, "Labels have the shape of the grid.")
    if isinstance(array, np.ndarray):
        low, high = int(array.min()), int(array.max())
        check(
            low > -MOST_LABELS and high < MOST_LABELS,
            f"`labels` must number the phases 0 … p-1, but they span {low} … {high}. Renumber them.",
        )
    return array.astype(np.int32)


def checked_fractions(fractions: Any, shape: tuple[int, ...]) -> Array:
    """Phase fractions as floats (p, *grid), non-negative, with sum one at every voxel."""
    array = as_float_array("fractions", fractions)
    check_shape("fractions", array, ("p", *shape), "Fractions have one component per phase first, then the grid.")
    check(array.shape[0] >= 1, f"`fractions` must hold at least one phase, but its shape is {array.shape}.")
    if not is_concrete(array):
        return array
    check_finite("fractions", array)
    values = np.asarray(array)
    check(
        values.min() >= -FRACTION_TOLERANCE,
        f"`fractions` must not be negative, but the smallest is {values.min():g} (phase {int(values.min(axis=tuple(range(1, values.ndim))).argmin())}). "
        "Clip them and divide by their sum.",
    )
    total = values.sum(axis=0)
    worst = np.unravel_index(int(np.abs(total - 1).argmax()), total.shape)
    check(
        abs(total[worst] - 1) <= FRACTION_TOLERANCE,
        f"`fractions` must sum to 1 over the phases at every voxel, but at voxel {tuple(int(i) for i in worst)} the sum is {total[worst]:g}. "
        "Divide them by their sum over axis 0.",
    )
    return array


def checked_phases(phases: Sequence[Phase | str] | None, labels: Array | np.ndarray | None, fractions: Array | None) -> tuple[Phase, ...]:
    """One Phase per label; where none are given, they are numbered."""
    if phases is not None:
        check(
            not isinstance(phases, str),
            f"`phases` must be a sequence of phases, but it is the text {phases!r}. Write ({phases!r},).",
            TypeError,
        )
        given = tuple(p if isinstance(p, Phase) else Phase(p) for p in phases)
        _check_count(given, labels, fractions)
        return given
    if fractions is not None:
        return numbered_phases(fractions.shape[0])
    if labels is None or not is_concrete(labels):
        raise ValueError("`phases` must be given where `labels` are traced: their number decides shapes. Pass phases=(…).")
    present = np.unique(np.asarray(labels))
    check(
        bool((present == np.arange(present.size)).all()),
        f"`labels` must number the phases 0 … p-1 without gaps where `phases` is not given, but they are {_few(present)}. "
        "Pass phases=(…), or renumber with np.unique(labels, return_inverse=True).",
    )
    return numbered_phases(present.size)


def numbered_phases(count: int) -> tuple[Phase, ...]:
    """Phases called phase 0, phase 1, …"""
    return tuple(Phase(f"phase {i}") for i in range(count))


def _check_count(phases: tuple[Phase, ...], labels: Array | np.ndarray | None, fractions: Array | None) -> None:
    names = ", ".join(repr(p.name) for p in phases)
    check(len(phases) > 0, "`phases` must name at least one phase, but it is empty.")
    if fractions is not None:
        check(
            len(phases) == fractions.shape[0],
            f"`phases` must have one entry per fraction, but there are {len(phases)} ({names}) and `fractions` holds {fractions.shape[0]}.",
        )
    elif labels is not None and is_concrete(labels):
        values = np.asarray(labels)
        check(
            values.min() >= 0 and values.max() < len(phases),
            f"`labels` must lie in 0 … {len(phases) - 1} for {len(phases)} phases ({names}), but they span {values.min()} … {values.max()}.",
        )


def checked_orientation(orientation: Any, shape: tuple[int, ...], mask: Array | None) -> Array:
    """Unit quaternions (4, *grid); voxels outside the mask are not judged."""
    array = as_float_array("orientation", orientation)
    check_shape("orientation", array, (4, *shape), "Orientations are unit quaternions, scalar first, then the grid.")
    if not is_concrete(array, mask):
        return array
    norm = np.sqrt((np.asarray(array) ** 2).sum(axis=0))
    wrong = ~(np.abs(norm - 1) <= NORM_TOLERANCE)
    if mask is not None:
        wrong &= np.asarray(mask)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"`orientation` must hold unit quaternions, but {int(wrong.sum())} are not (the first at voxel {where} with norm {norm[where]:g}). "
            "Use orientations.normalize, or orientations.from_euler where these are Euler angles."
        )
    return array


def checked_mask(mask: Any, shape: tuple[int, ...]) -> Array:
    """Mask (*grid) of booleans."""
    array = mask if hasattr(mask, "dtype") else np.asarray(mask)
    check(np.dtype(array.dtype).kind == "b", f"`mask` must be boolean (True where measured), but its dtype is {array.dtype}.", TypeError)
    check_shape("mask", array, shape, "A mask has the shape of the grid.")
    return jnp.asarray(array)


def checked_maps(maps: Mapping[str, Any] | None, shape: tuple[int, ...]) -> dict[str, Array]:
    """Named maps (…, *grid)."""
    found = {}
    for name, value in dict(maps or {}).items():
        array = jnp.asarray(value)
        check(
            array.shape[array.ndim - len(shape) :] == shape,
            f"`maps[{name!r}]` must end with the shape of the grid {shape}, but its shape is {array.shape}. Components come first, the grid last.",
        )
        found[str(name)] = array
    return found


def _few(values: np.ndarray) -> str:
    shown = ", ".join(str(v) for v in values[:6].tolist())
    return shown + (f", … ({values.size} values)" if values.size > 6 else "")


def checked_asked(asked: Mapping[str, Any] | None) -> dict[str, float | tuple[float, ...]]:
    """What was asked of a generator: numbers and flat tuples of numbers; what is traced is not known and left out."""
    known: dict[str, float | tuple[float, ...]] = {}
    for name, value in (asked or {}).items():
        if not is_concrete(value):
            continue
        numbers = np.asarray(value, float)
        check(numbers.ndim <= 1, f"`asked` must hold numbers or lists of numbers, but {name!r} has shape {numbers.shape}.")
        known[str(name)] = float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())
    return known
