"""How large a cell must be to stand for a material: scatter of properties against the size of cells."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro._core import Progress, as_number, check, check_whole, is_concrete, numpy_generator, record, silent, split_named, static
from jaxmicro.descriptors.ensembles import student
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, crop

FEW = 2  # sizes that a power law needs


@record
class RepresentativeVolume:
    """Properties of cells of several sizes; a pytree of NumPy arrays, s sizes and q properties.

    Attributes:
        volumes: of the cells (in 2D areas), `(s,)`, in the unit of the grid.
        counts: number of cells of each size, `(s,)`.
        mean: `(s, q)`.
        std: standard deviation of one cell, `(s, q)`.
        low: lower end of the confidence interval of the mean, `(s, q)`.
        high: its upper end, `(s, q)`.
        values: of every cell, `(s, n, q)`, NaN where a size has fewer cells.
        exponent: α of the power law std² = (scale / volume)^α · std²(scale) that is fitted to all sizes, `(q,)`; 1 for short correlations.
        prefactor: K of std² = K volume^(−α), `(q,)`.
        shapes: voxels of the cells, static.
        names: of the properties, static.
        confidence: of the intervals, static.
    """

    volumes: Float[np.ndarray, " s"]
    counts: Int[np.ndarray, " s"]
    mean: Float[np.ndarray, "s q"]
    std: Float[np.ndarray, "s q"]
    low: Float[np.ndarray, "s q"]
    high: Float[np.ndarray, "s q"]
    values: Float[np.ndarray, "s n q"]
    exponent: Float[np.ndarray, " q"]
    prefactor: Float[np.ndarray, " q"]
    shapes: tuple[tuple[int, ...], ...] = static(default=())
    names: tuple[str, ...] = static(default=())
    confidence: float = static(default=0.95)

    def integral_range(self, point_variance: float, name: str | None = None) -> float:
        """A in std² = point variance · A/volume, from the largest cells; for a volume fraction φ the point variance is φ(1 − φ)."""
        return float(self.std[-1, self._index(name)] ** 2 * self.volumes[-1] / point_variance)

    def relative_error(self, volume: float, realisations: int = 1, name: str | None = None) -> float:
        """Half width of the confidence interval of the mean of some cells of a volume, over the mean, by the power law."""
        k = self._index(name)
        std = np.sqrt(self.prefactor[k] * volume ** -self.exponent[k])
        return float(_normal(self.confidence) * std / np.sqrt(realisations) / abs(self.mean[-1, k]))

    def realisations(self, volume: float, relative_error: float, name: str | None = None) -> int:
        """Number of cells of a volume whose mean is right to a relative error, at the confidence of the study."""
        check(as_number(relative_error) > 0, f"`relative_error` must be positive, but it is {relative_error!r}.")
        return max(1, int(np.ceil((self.relative_error(volume, 1, name) / relative_error) ** 2)))

    def volume(self, relative_error: float, realisations: int = 1, name: str | None = None) -> float:
        """Volume of the cell whose property (or the mean of several such) is right to a relative error: the representative volume."""
        check(as_number(relative_error) > 0, f"`relative_error` must be positive, but it is {relative_error!r}.")
        k = self._index(name)
        variance = (relative_error * abs(self.mean[-1, k]) / _normal(self.confidence)) ** 2 * realisations
        return float((self.prefactor[k] / variance) ** (1 / self.exponent[k]))

    def _index(self, name: str | None) -> int:
        if name is None:
            check(len(self.names) == 1, f"`name` must be one of {', '.join(self.names)}, but none is given.")
            return 0
        check(name in self.names, f"`name` must be one of {', '.join(self.names)}, but it is {name!r}.")
        return self.names.index(name)

    def __str__(self) -> str:
        lines = []
        for k, name in enumerate(self.names):
            lines.append(f"{name}: std² ~ volume^-{self.exponent[k]:.3g}")
            for shape, count, mean, std, low in zip(self.shapes, self.counts, self.mean[:, k], self.std[:, k], self.low[:, k], strict=True):
                size = " x ".join(map(str, shape))
                lines.append(f"  {size:>16}  {count:4d} cells  {mean:.6g} ± {mean - low:.2g}  (std {std:.3g})")
        return "\n".join(lines)


def representative_volume(
    source: Microstructure | Callable[[Grid, Array], Microstructure],
    measure: Callable[[Microstructure], Any],
    shapes: Sequence[int | Sequence[int]],
    realisations: int | Sequence[int] = 20,
    *,
    key: Array,
    spacing: Any = 1.0,
    ndim: int | None = None,
    confidence: float = 0.95,
    progress: Progress = silent,
) -> RepresentativeVolume:
    """Measure a property on cells of growing size, and how many or how large cells a wanted accuracy needs.

    The variance of a mean over cells of volume V falls as std² = K V^(−α), with α = 1 and K = point variance · integral range
    where correlations are short. The mean of n cells is right to ε = z std/(√n mean) at the confidence that belongs to z.
    A mean that moves with the size shows the influence of boundaries, which no number of small cells takes away.

    Args:
        source: a microstructure that windows are cut out of at random places, which overlap where they are many (then they are
            not independent, and the scatter is too small); or a generator `(grid, key) -> Microstructure`.
        measure: of a cell to a number, or a dictionary of numbers by name.
        shapes: voxels of the cells, of each size one number for all axes or one per axis, ascending volumes.
        realisations: cells of each size, one number or one per size; at least two.
        key: typed random key.
        spacing: edge lengths of a voxel for a generator, one or `(d,)`; a microstructure has its own.
        ndim: dimensions for a generator where shapes are single numbers.
        confidence: between 0 and 1.
        progress: called after each cell.

    Returns:
        `RepresentativeVolume`.

    Raises:
        ValueError: if a window does not fit into the microstructure, there are fewer than two cells of a size, or a property is not finite.

    Reference:
        T. Kanit, S. Forest, I. Galliet, V. Mounoury, D. Jeulin, Int. J. Solids Struct. 40, 3647 (2003),
        doi:10.1016/S0020-7683(03)00143-4.

    Example:
        >>> from jaxmicro.microstructures import random_field
        >>> ms = random_field(Grid((64, 64)), volume_fraction=0.3, key=jax.random.key(0), correlation_length=2.0)
        >>> study = representative_volume(ms, lambda cell: cell.volume_fractions[1], (8, 16), 20, key=jax.random.key(1))
        >>> bool(study.std[0, 0] > study.std[1, 0]), study.names
        (True, ('property',))

    Not differentiable: it runs on the host.
    """
    check(
        is_concrete(source if isinstance(source, Microstructure) else None, key),
        "The study runs on the host: call it outside jit and grad.",
    )
    cells = _shapes(shapes, source.grid.ndim if isinstance(source, Microstructure) else ndim)
    numbers = [realisations] * len(cells) if isinstance(realisations, int) else list(realisations)
    check(len(numbers) == len(cells), f"`realisations` must be one number or one per size ({len(cells)}), but it is {realisations!r}.")
    for number in numbers:
        check_whole("realisations", number, 2, "A spread needs several cells.")
    draw = _windows(source) if isinstance(source, Microstructure) else _made(source, spacing)
    names, values, volumes = (), np.zeros(0), []
    for s, (shape, number) in enumerate(zip(cells, numbers, strict=True)):
        for n, each in enumerate(jax.random.split(split_named(key, f"size {s}")[f"size {s}"], number)):
            cell = draw(shape, each)
            found = _named(measure(cell), shape)
            if not names:
                names, values = tuple(found), np.full((len(cells), max(numbers), len(found)), np.nan)
            check(tuple(found) == names, f"`measure` must return the same names for every cell, but it returned {', '.join(found)}.")
            values[s, n] = list(found.values())
            progress(sum(numbers[:s]) + n + 1, sum(numbers), found)
        volumes.append(float(np.prod(np.asarray(cell.grid.lengths, float))))
    return _study(np.asarray(volumes), np.asarray(numbers), values, cells, names, confidence)


def _study(
    volumes: np.ndarray, counts: np.ndarray, values: np.ndarray, shapes: list[tuple[int, ...]], names: tuple[str, ...], confidence: float
) -> RepresentativeVolume:
    mean, std = np.nanmean(values, axis=1), np.nanstd(values, axis=1, ddof=1)
    half = np.array([student(int(n), confidence) / np.sqrt(n) for n in counts])[:, None] * std
    exponent, prefactor = np.ones(len(names)), std[-1] ** 2 * volumes[-1]
    if len(volumes) >= FEW:
        weights = np.sqrt(counts - 1.0)  # a logarithm of a variance of n samples is known to √(2/(n − 1))
        for k in np.flatnonzero((std > 0).all(axis=0)):
            slope, offset = np.polyfit(np.log(volumes), np.log(std[:, k] ** 2), 1, w=weights)
            exponent[k], prefactor[k] = -slope, np.exp(offset)
    return RepresentativeVolume(
        volumes=volumes, counts=counts, mean=mean, std=std, low=mean - half, high=mean + half, values=values, exponent=exponent,
        prefactor=prefactor, shapes=tuple(shapes), names=names, confidence=float(confidence),
    )  # fmt: skip


def _shapes(shapes: Sequence[int | Sequence[int]], ndim: int | None) -> list[tuple[int, ...]]:
    check(len(shapes) > 0, "`shapes` must hold at least one size, but it is empty.")
    found = []
    for shape in shapes:
        if isinstance(shape, int | np.integer):
            check(ndim in (2, 3), f"`ndim` must be 2 or 3 where shapes are single numbers, but it is {ndim!r}. Or write (n, n).")
            shape = (int(shape),) * int(ndim or 0)
        found.append(tuple(int(n) for n in shape))
    sizes = [int(np.prod(shape)) for shape in found]
    check(sizes == sorted(set(sizes)), f"`shapes` must have ascending volumes, but they hold {sizes} voxels.")
    return found


def _windows(ms: Microstructure) -> Callable[[tuple[int, ...], Array], Microstructure]:
    """Windows at random places."""

    def draw(shape: tuple[int, ...], key: Array) -> Microstructure:
        room = [n - m for n, m in zip(ms.grid.shape, shape, strict=True)]
        check(min(room) >= 0, f"`shapes` must fit into the microstructure of {ms.grid.shape} voxels, but one is {shape}.")
        generator = numpy_generator(key)
        corner = [int(generator.integers(free + 1)) for free in room]
        return crop(ms, tuple((at, at + n) for at, n in zip(corner, shape, strict=True)))

    return draw


def _made(source: Callable[[Grid, Array], Microstructure], spacing: Any) -> Callable[[tuple[int, ...], Array], Microstructure]:
    """Cells of a generator."""
    check(callable(source), f"`source` must be a Microstructure or a function (grid, key) -> Microstructure, but it is {source!r}.")

    def draw(shape: tuple[int, ...], key: Array) -> Microstructure:
        edges = np.asarray(shape) * np.broadcast_to(np.asarray(spacing, float), (len(shape),))
        return source(Grid(shape, tuple(edges.tolist())), key)

    return draw


def _named(found: Any, shape: tuple[int, ...]) -> dict[str, float]:
    numbers = {str(name): float(value) for name, value in (found.items() if isinstance(found, Mapping) else [("property", found)])}
    for name, value in numbers.items():
        check(
            np.isfinite(value),
            f"`measure` must return finite numbers, but {name!r} is {value} for a cell of {shape} voxels. Use larger cells.",
        )
    return numbers


def _normal(confidence: float) -> float:
    """Quantile of the normal distribution for a two-sided interval."""
    from scipy.stats import norm

    return float(norm.ppf(0.5 + confidence / 2))
