"""From grey values, labels or colours to phases."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.colours import by_colour, to_grey
from jaxmicro.io.distinct import distinct, shares, translate
from jaxmicro.io.formats import Raster
from jaxmicro.io.naming import NAME_ALL, REST, absent, assign
from jaxmicro.io.problems import unreadable
from jaxmicro.io.smoothing import checked_filter, smoothed
from jaxmicro.io.thresholds import METHODS, named_thresholds, unknown_method
from jaxmicro.microstructures import Phase

MAX_LABELS = 16  # more distinct values than this are taken for grey levels, not labels

CUT = "Cut them with threshold='otsu', threshold=128 or phases=2 (a number of phases)."


@dataclasses.dataclass(frozen=True)
class Segmented:
    """Labels 0 … p−1, their phases, what was decided or resolved on the way, and the thresholds where there were any."""

    labels: np.ndarray
    phases: tuple[Phase, ...]
    notes: tuple[str, ...] = ()
    oddities: tuple[str, ...] = ()
    cuts: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Tally:
    """Grey values of all voxels, or the distinct ones with how often each occurs."""

    values: np.ndarray
    counts: np.ndarray | None = None

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """Distinct values in ascending order and their counts."""
        return distinct(self.values) if self.counts is None else (self.values, self.counts)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return self.values.size if self.counts is None else int(self.counts.sum())


def segment(path: Path, raster: Raster, phases: Any, threshold: Any, smooth: Any = None, counts: np.ndarray | None = None) -> Segmented:
    """Decide what each voxel is.

    With `counts` the raster holds the distinct values of a file, ascending, in place of all: each gets its label, as all voxels of that
    value would.

    Args:
        path: for the wording of errors.
        raster: numbers from the file.
        phases: None, a number of phases, names in ascending order of the values, or a mapping of grey value (or colour
            `(r, g, b)`) to name, where the key None stands for all others.
        threshold: None, one number, ascending numbers, or the name of a method (`thresholds.METHODS`).
        smooth: None, or a filter and its radius for grey values that are to be cut.
        counts: how often each distinct value occurs, or None where the raster holds all voxels.

    Returns:
        Labels and phases.

    Raises:
        ReadError: where the numbers do not fit what was asked; the message says what was found.
    """
    wanted = checked_filter(smooth)
    if isinstance(phases, Mapping):
        mapping = {_as_key(key): _as_phase(name) for key, name in phases.items()}
        if threshold is not None:
            raise unreadable(
                path,
                "was given both a mapping `phases` and a `threshold`",
                "Name the phases in ascending order, as a list, or leave `threshold` out.",
            )
        if wanted is not None:
            raise unreadable(path, "was given both a mapping `phases` and `smooth`, which changes values", "Cut them with threshold=.")
        if any(isinstance(key, tuple) for key in mapping):
            return _with_losses(raster, mapping, Segmented(*by_colour(path, raster, mapping)))
        values, notes = to_grey(path, raster)
        found = _with_losses(raster, mapping, _by_value(path, Tally(values, counts), mapping))
    else:
        count, names = _wanted(path, phases)
        values, notes = to_grey(path, raster)
        if wanted is not None and threshold is None and count is None:
            raise unreadable(path, "was given `smooth` without a `threshold`", "Values that are labels are not smoothed: cut grey ones.")
        as_labels = wanted is None and threshold is None and count in (None, len(raster.phases))
        labels = _as_described(values, raster) if as_labels else None
        if labels is not None:
            listed = ", ".join(map(repr, raster.phases[:8])) + (", …" if len(raster.phases) > 8 else "")
            found = names or tuple(Phase(name) for name in raster.phases)
            return Segmented(labels, found, (*notes, f"values are labels, as the file says, of the phases {listed}"))
        _check_numbers(path, values)
        if wanted is not None:
            values, line = smoothed(values, wanted)
            notes, threshold = (*notes, line), "otsu" if threshold is None else threshold
        grey = Tally(values, counts)
        if threshold is not None:
            found = _by_threshold(path, values, _thresholds(path, grey, threshold, count), names)
        elif raster.lossy:
            found = _by_levels(path, grey, count, names)
        else:
            found = _by_count(path, grey, count, names)
    return dataclasses.replace(found, notes=(*notes, *found.notes))


def _as_described(values: np.ndarray, raster: Raster) -> np.ndarray | None:
    """The labels that the file says its values stand for; None where it does not say, or says what is not so."""
    if not raster.phases or values.dtype.kind not in "ui":
        return None
    labels = np.rint(values / raster.label_step).astype(np.int32)
    sound = labels.min() >= 0 and labels.max() < len(raster.phases) and bool((np.rint(labels * raster.label_step) == values).all())
    return labels if sound else None


def _as_phase(name: Any) -> Phase:
    return name if isinstance(name, Phase) else Phase(name)


def _as_key(key: Any) -> Any:
    """Keys of a mapping from a configuration file are text: "0", "255,0,0" or "rest"."""
    if key is REST or key == "rest":
        return REST
    if isinstance(key, tuple | list):
        return tuple(int(part) for part in key)
    if isinstance(key, int | float | np.number | np.bool):
        return key
    try:
        parts = [float(part) for part in str(key).split(",")]
    except ValueError:
        raise ValueError(
            f"`phases` must map grey values or colours to names, but it has the key {key!r}. Write 128, (255, 0, 0), or None for all others."
        ) from None
    return parts[0] if len(parts) == 1 else tuple(int(part) for part in parts)


def _wanted(path: Path, phases: Any) -> tuple[int | None, tuple[Phase, ...] | None]:
    """Number of phases and their names, as far as they are given."""
    if phases is None:
        return None, None
    if isinstance(phases, int | np.integer) and not isinstance(phases, bool):
        if phases < 2:
            raise unreadable(path, f"was asked for phases={phases}", "A segmented picture has at least two phases.")
        return int(phases), None
    if isinstance(phases, str) or not isinstance(phases, Sequence):
        raise TypeError(f"`phases` must be a number, names, or a mapping of values to names, but it is {phases!r}.")
    names = tuple(_as_phase(name) for name in phases)
    return len(names), names


def _check_numbers(path: Path, values: np.ndarray) -> None:
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise unreadable(
            path, f"holds {bad} values that are not finite, of {values.size}", "Fill them first, or crop them away and save the rest."
        )
    low, high = values.min(), values.max()
    if low == high:
        raise unreadable(
            path,
            f"is constant: every voxel has the value {low}",
            "A microstructure needs at least two values. Check that it is the right file.",
        )


def _by_value(path: Path, grey: Tally, mapping: dict[Any, Phase]) -> Segmented:
    values = grey.values
    _check_numbers(path, values)
    mapping = _in_type(mapping, values.dtype)
    found, counts = grey.distinct()
    unknown = np.array([value not in mapping for value in found.tolist()])
    if unknown.any() and REST not in mapping:
        listed = shares(found[unknown], counts[unknown], grey.size)
        raise unreadable(
            path, f"holds grey values that `phases` does not name: {listed}", f"{NAME_ALL}, or cut grey levels with threshold=."
        )
    lookup, names = assign(path, found.tolist(), mapping)
    pairs = ", ".join(f"{'all others' if value is REST else f'{value:g}'} = {phase.name}" for value, phase in mapping.items())
    return Segmented(translate(values, found, lookup), names, (f"phases by grey value: {pairs}",), absent(found.tolist(), mapping, "value"))


def _in_type(mapping: dict[Any, Phase], dtype: np.dtype) -> dict[Any, Phase]:
    """Keys as the file holds them: 0.1 in single precision is another number than 0.1."""
    if dtype.kind != "f":
        return mapping
    nearest = {key if key is REST else dtype.type(key).item(): phase for key, phase in mapping.items()}
    if len(nearest) < len(mapping):
        raise ValueError(f"`phases` must name each value once, but two of {[*mapping]} are the same number in {dtype}. Leave one out.")
    return nearest


def _by_count(path: Path, grey: Tally, count: int | None, names: tuple[Phase, ...] | None) -> Segmented:
    """Few values are labels; many are grey levels, which need a number of phases to be cut into."""
    values, size = grey.values, grey.size
    found, counts = grey.distinct()
    if len(found) == count or (count is None and len(found) <= MAX_LABELS):
        listed = shares(found, counts, size)
        labels = translate(values, found, np.arange(len(found), dtype=np.int32))
        return Segmented(labels, names or _named_by_value(found), (f"values taken as labels: {listed}",))
    if len(found) <= MAX_LABELS:
        raise unreadable(
            path,
            f"holds {len(found)} distinct values ({shares(found, counts, size)}), but {count} phases were asked for",
            "Merge or name them with a mapping, phases={value: 'name', …}, or cut them with threshold=.",
        )
    if count is None:
        raise unreadable(path, _many(found, counts, size), CUT)
    return _by_threshold(path, values, _thresholds(path, grey, "otsu", count), names)


def _by_levels(path: Path, grey: Tally, count: int | None, names: tuple[Phase, ...] | None) -> Segmented:
    """Values that a compression with loss has changed are grey levels, however few there are."""
    if count is None:
        found, counts = grey.distinct()
        text = _many(found, counts, grey.size) if len(found) > MAX_LABELS else _few(found, counts, grey.size)
        raise unreadable(path, text, CUT)
    return _by_threshold(path, grey.values, _thresholds(path, grey, "otsu", count), names)


def _few(found: np.ndarray, counts: np.ndarray, size: int) -> str:
    return f"was compressed with loss (JPEG), so that its {len(found)} distinct grey values are no labels: {shares(found, counts, size)}"


def _with_losses(raster: Raster, mapping: dict[Any, Phase], found: Segmented) -> Segmented:
    """Say where all others take in what a compression with loss made of the values that are named."""
    if not raster.lossy or REST not in mapping:
        return found
    line = (
        f"the picture was compressed with loss (JPEG): what no longer has a named value exactly became {mapping[REST].name!r}; "
        "cut grey levels with threshold= instead"
    )
    return dataclasses.replace(found, oddities=(*found.oddities, line))


def _many(found: np.ndarray, counts: np.ndarray, size: int) -> str:
    top = np.argsort(counts)[::-1][:2]
    text = f"holds {len(found)} distinct grey values ({found[0]:g} … {found[-1]:g}) where labels were expected"
    if counts[top].sum() > 0.8 * size:
        text += f"; {100 * counts[top].sum() / size:.1f} % are {found[top[0]]:g} or {found[top[1]]:g}, as in a smoothed or JPEG-compressed label picture"
    return text


def _named_by_value(found: np.ndarray) -> tuple[Phase, ...]:
    """Phases called after their index, or after their value where that is another number."""
    as_index = bool((found == np.arange(len(found))).all())
    return tuple(Phase(f"phase {value:g}" if as_index else f"value {value:g}") for value in found.tolist())


def _thresholds(path: Path, grey: Tally, threshold: Any, count: int | None) -> tuple[list[float], str]:
    if isinstance(threshold, str) and threshold in METHODS:
        try:
            how = "by Otsu's method" if threshold == "otsu" else f"by scikit-image's threshold_{threshold}"
            return named_thresholds(threshold, grey.values, count or 2, grey.counts), how
        except ValueError as error:
            raise unreadable(
                path, f"cannot be cut into {count or 2} phases ({error})", "Ask for fewer phases, or name the thresholds."
            ) from error
    cuts = cuts_of(threshold)
    if count is not None and count != len(cuts) + 1:
        raise unreadable(
            path, f"was given {count} phases and {len(cuts)} thresholds, which make {len(cuts) + 1}", "One threshold fewer than phases."
        )
    return cuts, "as asked"


def cuts_of(threshold: Any) -> list[float]:
    """Ascending numbers, from one or several."""
    try:
        cuts = np.atleast_1d(np.asarray(threshold, float))
    except (TypeError, ValueError):
        if isinstance(threshold, str):
            raise ValueError(unknown_method(threshold)) from None
        cuts = np.zeros(0)
    if cuts.ndim != 1 or cuts.size == 0 or not np.isfinite(cuts).all():
        raise ValueError(
            f"`threshold` must be one or more numbers or 'otsu' or another method's name, but it is {threshold!r}. Write threshold=128."
        )
    if not (np.diff(cuts) > 0).all():
        raise ValueError(f"`threshold` must be ascending, but it is {cuts.tolist()}. Sort it, each number once.")
    return cuts.tolist()


def _by_threshold(path: Path, values: np.ndarray, chosen: tuple[list[float], str], names: tuple[Phase, ...] | None) -> Segmented:
    """Class k holds t_k ≤ value < t_{k+1}."""
    cuts, how = chosen
    labels = np.searchsorted(np.asarray(cuts), values, side="right").astype(np.int32)
    counts = np.bincount(labels.ravel(), minlength=len(cuts) + 1)
    if (counts == 0).any():
        empty = int(np.argmin(counts))
        raise unreadable(
            path,
            f"holds values from {values.min():g} to {values.max():g}, so that the thresholds {_numbers(cuts)} leave class {empty} empty",
            "Choose thresholds inside that span, or threshold='otsu'.",
        )
    found = names or tuple(Phase(f"phase {k}") for k in range(len(cuts) + 1))
    line = f"grey values cut at {_numbers(cuts)} ({how}): a phase holds its threshold and what is above"
    return Segmented(labels, found, (line,), cuts=tuple(cuts))


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
