"""Volumes larger than memory: opened, looked at box by box, closed."""

import dataclasses
import functools
import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from jaxmicro._core import check
from jaxmicro.fields import Grid
from jaxmicro.io.distinct import distinct
from jaxmicro.io.problems import DataWarning, check_size, unreadable
from jaxmicro.io.segmentation import CUT, cuts_of, segment
from jaxmicro.io.volume_sources import Source, Window
from jaxmicro.microstructures import Microstructure, make_periodic
from jaxmicro.microstructures.cutting import checked_window

PIECE = 1 << 22  # bytes of a piece that is counted
MOST_VALUES = 1 << 16  # more distinct values than this are counted in bins
BINS = 256


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a volume, which is read when it is asked for.

    Attributes:
        window: first voxel and one past the last along each axis, overlap included.
        core: the same without overlap: the cores of all blocks fill the volume once.
    """

    window: Window
    core: Window
    volume: "Volume" = dataclasses.field(repr=False)

    @property
    def inside(self) -> tuple[slice, ...]:
        """Where the core lies in the window."""
        return tuple(slice(a - low, b - low) for (a, b), (low, _) in zip(self.core, self.window, strict=True))

    def read(self) -> np.ndarray:
        """The values of the window, `(nx, ny(, nz))`."""
        return self.volume.read(self.window)

    def microstructure(self, **options: Any) -> Microstructure:
        """The window as phases; see `Volume.microstructure`."""
        return self.volume.microstructure(self.window, **options)


@dataclasses.dataclass(frozen=True)
class Volume:
    """A map or volume in a file, of which boxes are read; `jaxmicro.io.open_volume` makes one. Close it, or open it in a `with`.

    `volume[x0:x1, y0:y1, z0:z1]` are the values of a box as an array of NumPy's; whole numbers take a layer out, steps are allowed.
    What is mapped, decoded and returned at once is the box and a page or chunk of the file.

    Attributes:
        path: the file.
        shape: voxels along x, y(, z).
        dtype: type of a number.
        spacing: edges of a voxel along x, y(, z), as asked or as the file says; None where nobody said.
        unit: their unit of length, or empty.
        notes: what was decided about axes and lengths, and what was odd about the file.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    spacing: tuple[float, ...] | None
    unit: str
    notes: tuple[str, ...]
    _source: Source = dataclasses.field(repr=False)
    _close: Callable[[], None] = dataclasses.field(repr=False)
    _max_bytes: int = dataclasses.field(repr=False)
    _open: list[bool] = dataclasses.field(default_factory=lambda: [True], repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, and remove what was unpacked for it."""
        self._open[0] = False
        self._close()

    @property
    def ndim(self) -> int:
        """Number of axes, 2 or 3."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            place = keys.index(Ellipsis)
            keys = (*keys[:place], *[slice(None)] * (self.ndim - len(keys) + 1), *keys[place + 1 :])
        keys = (*keys, *[slice(None)] * (self.ndim - len(keys)))
        good = len(keys) == self.ndim and all(isinstance(k, slice | int | np.integer) for k in keys)
        check(
            good, f"A box must be up to {self.ndim} slices or whole numbers, but it is {key!r}. Write volume[0:64, 0:64, 0:64].", IndexError
        )
        window, after = zip(*(_one_axis(k, n) for k, n in zip(keys, self.shape, strict=True)), strict=True)
        return self._box(window)[after]

    def read(self, crop: Sequence[Sequence[int]] | None = None) -> np.ndarray:
        """The values of a box `((x0, x1), (y0, y1), (z0, z1))`, or of the whole where none is given, as an array of NumPy's.

        Raises:
            ValueError: if the box reaches outside.
            ReadError: if it takes more than `max_bytes`.
        """
        return self._box(self._window(crop))

    def blocks(self, shape: int | Sequence[int | None], overlap: int | Sequence[int] = 0) -> Iterator[Block]:
        """Blocks that fill the volume, one after the other, in the order in which the file is read fastest.

        Args:
            shape: voxels of a block along each axis, one number or one per axis, None for the whole axis; those at the far edges are
                smaller where it does not divide the volume. Blocks that are whole in the plane of the pages of a packed TIFF are the
                fastest, since every block decodes the pages that it touches.
            overlap: voxels by which a block reaches beyond its core to both sides, as far as the volume does.

        Returns:
            An iterator over `Block`s: `.window`, `.core`, `.inside`, `.read()`, `.microstructure(…)`.

        Raises:
            ValueError: if a number is not positive (not negative for the overlap).
        """
        sizes = _per_axis("shape", shape, self.shape, 1)
        margins = _per_axis("overlap", overlap, (0,) * self.ndim, 0)
        return self._blocks(sizes, margins)

    def _blocks(self, sizes: tuple[int, ...], margins: tuple[int, ...]) -> Iterator[Block]:
        starts = [range(0, n, size) for n, size in zip(self.shape, sizes, strict=True)]
        slow = self._source.slow
        order = [slow, *(k for k in range(self.ndim) if k != slow)]
        for places in itertools.product(*(starts[k] for k in order)):
            begin = [places[order.index(k)] for k in range(self.ndim)]
            core = tuple((a, min(a + size, n)) for a, size, n in zip(begin, sizes, self.shape, strict=True))
            window = tuple((max(a - m, 0), min(b + m, n)) for (a, b), m, n in zip(core, margins, self.shape, strict=True))
            yield Block(window, core, self)

    def values(self) -> tuple[np.ndarray, np.ndarray]:
        """The distinct values of the whole volume, ascending, and how often each occurs; counted piece by piece, and once.

        Where there are more than 65536, as in floats of a tomogram, they are the centres of 256 equal bins from the smallest to the
        largest value (the first and the last one replaced by these two).

        Raises:
            ReadError: if values are not finite.
        """
        return self._tally[0], self._tally[1]

    @property
    def _is_binned(self) -> bool:
        return self._tally[2]

    @functools.cached_property
    def _tally(self) -> tuple[np.ndarray, np.ndarray, bool]:
        found, counts = np.zeros(0, self.dtype), np.zeros(0, np.int64)
        for values in self._pieces():
            more, times = distinct(values)
            found, place = np.unique(np.concatenate([found, more.astype(self.dtype)]), return_inverse=True)
            counts = np.bincount(place, np.concatenate([counts, times]), found.size).astype(np.int64)
            if found.size > MOST_VALUES:
                return (*self._binned(), True)
        return found, counts, False

    def _binned(self) -> tuple[np.ndarray, np.ndarray]:
        low, high = np.inf, -np.inf
        for values in self._pieces():
            low, high = min(low, values.min()), max(high, values.max())
        counts, edges = np.zeros(BINS, np.int64), np.zeros(BINS + 1)
        for values in self._pieces():
            more, edges = np.histogram(values, BINS, (float(low), float(high)))
            counts += more
        centres = (edges[1:] + edges[:-1]) / 2
        centres[0], centres[-1] = low, high
        return centres, counts

    def _pieces(self) -> Iterator[np.ndarray]:
        """All values, layer by layer along the axis that is slowest in the file, in pieces without an order."""
        slow, step = self._source.slow, self._source.step
        layer = math.prod(self.shape) // self.shape[slow] * self.dtype.itemsize
        step *= max(1, PIECE // (layer * step))
        for start in range(0, self.shape[slow], step):
            window = [(0, n) for n in self.shape]
            window[slow] = (start, min(start + step, self.shape[slow]))
            flat = self._box(tuple(window)).ravel(order="K")
            for first in range(0, flat.size, PIECE // self.dtype.itemsize):
                values = flat[first : first + PIECE // self.dtype.itemsize]
                if values.dtype.kind == "f" and not np.isfinite(values).all():
                    raise unreadable(self.path, "holds values that are not finite", "Fill them first.")
                yield values

    def microstructure(
        self, crop: Sequence[Sequence[int]] | None = None, *, phases: Any = None, threshold: Any = None, periodic: str = "as_is"
    ) -> Microstructure:
        """A box as a `Microstructure`, with phases decided on the whole volume, so that labels mean the same in every box.

        Args:
            crop: `((x0, x1), (y0, y1), (z0, z1))` in voxels; by default the whole volume.
            phases: as in `read`.
            threshold: as in `read`; methods that need all values at once ("li", "mean", "triangle") are refused.
            periodic: as in `read`.

        Returns:
            The microstructure, with all phases of the volume even where the box holds only one.

        Raises:
            ReadError: where the values do not fit what was asked.
        """
        window = self._window(crop)
        checked_window(window, self.shape)
        values, said = self._table(phases, threshold)
        if threshold is None and self._is_binned:  # as `read` does where it is given a number of phases
            threshold = "otsu"
        found = segment(self.path, dataclasses.replace(self._source.about, values=values), phases, threshold, counts=said)
        box = self._box(window)
        labels = np.searchsorted(found.cuts, box, side="right") if found.cuts else found.labels[np.searchsorted(values, box)]
        for line in found.oddities:
            warnings.warn(f"`{self.path}`: {line}", DataWarning, stacklevel=2)
        edges = np.ones(self.ndim) if self.spacing is None else np.asarray(self.spacing)
        ms = Microstructure(
            grid=Grid(labels.shape, edges * labels.shape),
            labels=labels.astype(np.int32, copy=False),
            phases=found.phases,
            provenance=f"read from {self.path.name}",
            notes=(*self.notes, *found.notes, *found.oddities, *self._cut(window)),
        )
        return make_periodic(ms, periodic)

    def _table(self, phases: Any, threshold: Any) -> tuple[np.ndarray, np.ndarray]:
        """The values that decide on the phases and their counts: those of the whole volume, but one of each class for given thresholds."""
        if threshold is not None and not isinstance(threshold, str):
            cuts = cuts_of(threshold)
            return np.array([np.nextafter(cuts[0], -np.inf), *cuts]), np.ones(len(cuts) + 1, np.int64)
        values, counts = self.values()
        if threshold is None and self._is_binned and (phases is None or isinstance(phases, Mapping)):
            raise unreadable(self.path, f"holds more than {MOST_VALUES} distinct values where labels were expected", CUT)
        return values, counts

    def _window(self, crop: Any) -> Window:
        if crop is None:
            return tuple((0, n) for n in self.shape)
        try:
            window = tuple((operator.index(a), operator.index(b)) for a, b in crop)
        except (TypeError, ValueError):
            window = ()
        good = len(window) == self.ndim and all(0 <= a < b <= n for (a, b), n in zip(window, self.shape, strict=True))
        wanted = "((x0, x1), (y0, y1))" if self.ndim == 2 else "((x0, x1), (y0, y1), (z0, z1))"
        check(good, f"`crop` must be {wanted} in whole voxels inside of {self.shape}, but it is {crop!r}.")
        return window

    def _box(self, window: Window) -> np.ndarray:
        check(self._open[0], f"`{self.path}` must be open to be read, but it was closed. Read inside of the `with`.")
        size = math.prod(b - a for a, b in window) * self.dtype.itemsize
        check_size(self.path, size, self._max_bytes, f"a box of {' x '.join(str(b - a) for a, b in window)} voxels")
        return self._source.box(window)

    def _cut(self, window: Window) -> tuple[str, ...]:
        whole = all((a, b) == (0, n) for (a, b), n in zip(window, self.shape, strict=True))
        return () if whole else (f"cropped to voxels {', '.join(f'{a} … {b}' for a, b in window)}",)


def _one_axis(key: Any, n: int) -> tuple[tuple[int, int], slice | int]:
    """The window that a slice or a number needs, and what then takes it out of the window."""
    if not isinstance(key, slice):
        place = operator.index(key)
        check(-n <= place < n, f"A box must lie inside of the volume, but {place} is outside of its {n} voxels.", IndexError)
        return (place % n, place % n + 1), 0
    steps = range(*key.indices(n))
    if not steps:
        return (0, 0), slice(None)
    low, high = min(steps[0], steps[-1]), max(steps[0], steps[-1])
    return (low, high + 1), slice(None, None, steps.step)


def _per_axis(argument: str, value: Any, default: tuple[int, ...], least: int) -> tuple[int, ...]:
    ndim = len(default)
    values = (value,) * ndim if isinstance(value, int | np.integer) else tuple(value) if isinstance(value, tuple | list) else ()
    values = tuple(n if v is None else v for v, n in zip(values, default, strict=False)) if len(values) == ndim else ()
    good = len(values) == ndim and all(isinstance(v, int | np.integer) and not isinstance(v, bool) and v >= least for v in values)
    kind = "a positive whole number" if least else "a whole number, 0 or more"
    check(good, f"`{argument}` must be {kind}, or one per axis ({ndim}), but it is {value!r}.")
    return tuple(int(v) for v in values)
