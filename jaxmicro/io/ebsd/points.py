"""Scattered positions to a grid: sorted by z, y and x, and refused unless every place of the grid is taken once."""

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import check_choice
from jaxmicro.io.ebsd.promise import product
from jaxmicro.io.problems import unreadable

NEW_LEVEL = 0.25  # of the widest gap: positions further apart than this are different rows
OFF_PLACE = 0.2  # of a step: rounded positions lie no further from their place


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """Which row of the file belongs to which place of the grid.

    Attributes:
        rows: row of the file at each place, `(nx, ny)` or `(nx, ny, nz)`; a row may serve several places where a
            hexagonal grid was resampled.
        spacing: step along each axis, in the file's unit.
        hexagonal: whether the positions are a hexagonal grid, so that `rows` are nearest neighbours.
        origin: position of the first place, in the file's unit; empty where no positions were read.
        notes: what was done.
    """

    rows: Int[np.ndarray, "*grid"]
    spacing: tuple[float, ...]
    hexagonal: bool = False
    origin: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    def take(self, column: np.ndarray) -> np.ndarray:
        """A column of the file on the grid, `(…, rows)` to `(…, *grid)`."""
        return column[..., self.rows]


@dataclasses.dataclass(frozen=True)
class Levels:
    """Equally spaced values along one axis and the place of each point among them."""

    place: Int[np.ndarray, " points"]
    count: int
    step: float
    first: float


def arrange(
    path: Path, positions: Float[np.ndarray, "d points"], resample: str | None = None, *, squares_only: bool = False
) -> Arrangement:
    """The grid that positions form, in whatever order they come.

    Args:
        path: the file, for the wording of errors.
        positions: x and y, or x, y and z of each point, finite.
        resample: "nearest" puts a hexagonal grid onto squares of its step; None refuses it.
        squares_only: whether the reader knows no way to resample.

    Raises:
        ReadError: if the positions are no grid: steps that differ, places that are missing or taken twice, rows that
            are shifted by half a step while nothing is to be resampled.
    """
    if resample is not None:
        check_choice("resample", resample, ("nearest",))
    levels = [_levels(path, axis, values) for axis, values in zip("xyz", positions, strict=False)]
    shape = tuple(level.count for level in levels)
    points = positions.shape[1]
    if len(levels) == 2 and _is_hexagonal(levels):
        if squares_only:
            raise unreadable(path, "holds a hexagonal grid", "Export the map on a square grid.")
        return _hexagonal(path, levels, resample)
    size = math.prod(shape)
    if size != points:
        raise unreadable(
            path,
            f"holds {points:,} points, but their positions span {product(*shape)} places",
            "Points are missing, or these are no grid. Export the map on a regular grid.",
        )
    place = _flat([level.place for level in levels], shape)
    _check_taken_once(path, place, size)
    rows = np.empty(points, np.int64)
    rows[place] = np.arange(points)
    turned = () if np.array_equal(rows, np.arange(points)) else ("rows of the file were out of order and were sorted by position",)
    origin = tuple(level.first for level in levels)
    return Arrangement(rows.reshape(shape[::-1]).T, tuple(level.step for level in levels), origin=origin, notes=turned)


def _levels(path: Path, axis: str, values: np.ndarray) -> Levels:
    """Values along one axis as first + step * place."""
    found = np.unique(values)
    gaps = np.diff(found)
    if gaps.size == 0:
        return Levels(np.zeros(values.size, np.int64), 1, 1.0, float(found[0]))
    breaks = np.flatnonzero(gaps > NEW_LEVEL * gaps.max())
    first, last = found[: breaks[0] + 1].mean(), found[breaks[-1] + 1 :].mean()
    count = breaks.size + 1
    step = float(last - first) / (count - 1)
    place = np.rint((values - first) / step)
    worst = float(np.abs(values - first - place * step).max()) / step
    if not worst <= OFF_PLACE:
        width = f"{gaps[breaks].min():.4g} … {gaps.max():.4g}"
        raise unreadable(
            path,
            f"holds no grid: {axis} takes {found.size:,} values with steps of {width}",
            "Export the map on a regular grid, such as jobs of the mode 'Grid'.",
        )
    return Levels(place.astype(np.int64), count, step, float(first))


def _is_hexagonal(levels: list[Levels]) -> bool:
    """Every other row shifted by half a step: of places half a step apart, those of one colour of a chessboard."""
    x, y = levels
    colour = (x.place + y.place) & 1
    return x.count > 2 and y.count > 1 and bool((colour == colour[0]).all())


def _hexagonal(path: Path, levels: list[Levels], resample: str | None) -> Arrangement:
    """The nearest point of a hexagonal grid at each place of a square grid of the same step."""
    x, y = levels
    step, rise = 2 * x.step, y.step
    what = f"a hexagonal grid of {x.place.size:,} points, {step:.6g} apart in rows {rise:.6g} apart"
    if resample is None:
        raise unreadable(path, f"holds {what}", "Pass resample='nearest' for the nearest point at each place of a square grid.")
    rows = _table_of_rows(path, levels)
    shape = (x.count + 1) // 2, round((y.count - 1) * rise / step) + 1
    across = np.arange(shape[0])[:, None] * step
    down = np.minimum(np.arange(shape[1]) * step, (y.count - 1) * rise)[None, :]
    best, nearest = np.full(shape, np.inf), np.zeros(shape, np.int64)
    above = np.clip(np.floor(down / rise).astype(np.int64), 0, y.count - 2)
    for row in (above, above + 1):
        column = _nearest_column(rows, across / x.step, row)
        distance = (column * x.step - across) ** 2 + (row * rise - down) ** 2
        nearest = np.where(distance < best, rows[column, row], nearest)
        best = np.minimum(best, distance)
    note = f"resampled by nearest neighbour onto {shape[0]} × {shape[1]} squares of {step:.6g}: the file holds {what}"
    return Arrangement(nearest, (step, step), True, (x.first, y.first), (note,))


def _table_of_rows(path: Path, levels: list[Levels]) -> Int[np.ndarray, "half ny"]:
    """Row of the file at each place half a step apart, -1 between them; rows of the grid may differ by one in length."""
    x, y = levels
    counts = np.bincount(y.place, minlength=y.count)
    if x.count * y.count > 2 * x.place.size + y.count or counts.min() == 0:
        raise unreadable(path, f"holds {x.place.size:,} points on a hexagonal grid that is not filled", "Points are missing.")
    _check_taken_once(path, x.place + x.count * y.place, x.count * y.count)
    table = np.full((x.count, y.count), -1, np.int64)
    table[x.place, y.place] = np.arange(x.place.size)
    wanted = (np.arange(x.count)[:, None] + np.arange(y.count)[None, :] - x.place[0] - y.place[0]) % 2 == 0
    if ((table >= 0) != wanted).any():
        missing = int((wanted & (table < 0)).sum())
        raise unreadable(
            path, f"holds a hexagonal grid in which {missing:,} of {int(wanted.sum()):,} places are empty", "Points are missing."
        )
    return table


def _nearest_column(table: np.ndarray, wanted: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Of the columns that are taken in a row (every other one), the nearest to the one wanted."""
    first = np.argmax(table >= 0, axis=0)
    last = table.shape[0] - 1 - np.argmax(table[::-1] >= 0, axis=0)
    column = first[row] + 2 * np.rint((wanted - first[row]) / 2).astype(np.int64)
    return np.clip(column, first[row], last[row])


def _check_taken_once(path: Path, place: np.ndarray, size: int) -> None:
    taken = np.bincount(place, minlength=size)
    if taken.max() > 1:
        twice = np.flatnonzero(place == int(taken.argmax()))
        empty = int((taken == 0).sum())
        places = "1 place of the grid is empty" if empty == 1 else f"{empty:,} places of the grid are empty"
        rows = f"rows {int(twice[0]) + 1:,} and {int(twice[1]) + 1:,} of its data"
        raise unreadable(path, f"holds two points at one position ({rows})", f"{places}." if size == place.size else "")


def _flat(places: list[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Number of each place, x fastest."""
    strides = (1, *itertools.accumulate(shape[:-1], lambda a, b: a * b))
    return sum((place * stride for place, stride in zip(places, strides, strict=True)), np.zeros_like(places[0]))
