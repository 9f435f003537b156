"""Datasets made by generators, reproducible from one key."""

from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Int

from jaxmicro._core import check, numpy_generator, split_named
from jaxmicro.datasets.image_set import ImageSet, stacked
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, PackingError, inclusions, random_field

Generator = Callable[[Array], Microstructure]
Range = tuple[float, float]
TWO_PHASES = ("phase 0", "phase 1")
PACKING_ATTEMPTS = 20


def synthetic(
    n: int, generators: Sequence[Generator], *, key: Array, shares: Sequence[float] | None = None, description: str = ""
) -> ImageSet:
    """Draw `n` periodic cells from generators, in given proportions and in random order.

    Args:
        n: number of cells.
        generators: functions `key -> Microstructure` with the same phases and shape, such as `random_fields(grid)`.
        key: typed random key; cell i depends on it and on i alone.
        shares: proportion of each generator; equal by default.
        description: one line for cards and reports.

    Returns:
        The dataset, `sources` naming the generator of each cell.

    Raises:
        ValueError: where shares do not fit, or the generators disagree about phases or shape.

    Example:
        >>> grid = Grid((16, 16))
        >>> synthetic(4, [random_fields(grid), packings(grid, radius=(2.0, 3.0))], key=jax.random.key(0)).images.shape
        (4, 2, 16, 16)

    Not differentiable: labels are drawn.
    """
    check(n >= 1, f"`n` must be at least 1, but it is {n}.")
    check(len(generators) >= 1, "`generators` must hold at least one function, but it is empty.")
    weights = np.asarray([1.0] * len(generators) if shares is None else shares, float)
    check(
        len(weights) == len(generators) and bool((weights >= 0).all()) and weights.sum() > 0,
        f"`shares` must be one non-negative number per generator ({len(generators)}), but they are {shares}.",
    )
    keys = split_named(key, "which", "cells")
    which = numpy_generator(keys["which"]).choice(len(generators), size=n, p=weights / weights.sum())
    cells = [generators[source](jax.random.fold_in(keys["cells"], index)) for index, source in enumerate(which)]
    return ImageSet(
        images=stacked(cells),
        origins=np.zeros((n, cells[0].grid.ndim), int),
        sources=which,
        phases=tuple(phase.name for phase in cells[0].phases),
        periodic=True,
        description=description or f"{n} synthetic cells of {len(generators)} generators",
    )


def random_fields(
    grid: Grid,
    volume_fraction: Range = (0.15, 0.85),
    correlation_length: Range | None = None,
    anisotropy: Range = (1.0, 3.0),
    phases: Sequence[str] = TWO_PHASES,
) -> Generator:
    """A generator of thresholded Gaussian random fields whose parameters are drawn from ranges.

    Args:
        grid: the cell.
        volume_fraction: range of phase 1, uniform.
        correlation_length: range of its geometric mean over the axes, in the unit of `grid.lengths`, uniform in the
            logarithm; by default 3.5/64 to 11/64 of the shortest edge.
        anisotropy: range of the ratio of the longest to the shortest correlation length, uniform; the directions are
            uniform too.
        phases: names.

    Returns:
        `key -> Microstructure`.

    Example:
        >>> random_fields(Grid((16, 16)), volume_fraction=(0.25, 0.25))(jax.random.key(0)).volume_fractions.tolist()
        [0.75, 0.25]

    Not differentiable: labels are drawn.
    """
    shortest = float(np.min(np.asarray(grid.lengths)))
    lengths = (3.5 / 64 * shortest, 11 / 64 * shortest) if correlation_length is None else correlation_length
    for name, (low, high) in {"volume_fraction": volume_fraction, "correlation_length": lengths, "anisotropy": anisotropy}.items():
        check(0 < low <= high, f"`{name}` must be a range 0 < low ≤ high, but it is {(low, high)}.")

    def draw(key: Array) -> Microstructure:
        keys = split_named(key, "parameters", "field")
        rng = numpy_generator(keys["parameters"])
        share = rng.uniform(*volume_fraction)
        length = float(np.exp(rng.uniform(*np.log(lengths))))
        stretch = rng.uniform(*anisotropy) ** np.linspace(0.5, -0.5, grid.ndim)
        rotation = rng.uniform(0, np.pi) if grid.ndim == 2 else _random_rotation(rng)
        labels = _field_labels(grid, share, length, stretch, rotation, keys["field"])
        provenance = f"random field: volume fraction {share:.3f}, correlation length {length:.2f}, stretch {stretch.round(2).tolist()}"
        return Microstructure(grid=grid, labels=labels, phases=tuple(phases), provenance=provenance)

    return draw


@jax.jit
def _field_labels(
    grid: Grid, share: ArrayLike, length: ArrayLike, stretch: ArrayLike, rotation: ArrayLike, key: Array
) -> Int[Array, "*grid"]:
    """Labels of one field; compiled, since a dataset draws thousands."""
    cell = random_field(grid, volume_fraction=share, correlation_length=length, anisotropy=stretch, rotation=rotation, key=key)
    return cell.labels


def _random_rotation(rng: np.random.Generator) -> np.ndarray:
    quaternion = rng.standard_normal(4)
    return quaternion / np.linalg.norm(quaternion)


def packings(
    grid: Grid,
    volume_fraction: Range = (0.15, 0.5),
    radius: Range | None = None,
    scatter: Range = (0.0, 0.3),
    gap: float | None = None,
    swapped: float = 0.5,
    phases: Sequence[str] = TWO_PHASES,
) -> Generator:
    """A generator of discs or spheres without overlap whose parameters are drawn from ranges.

    Args:
        grid: the cell.
        volume_fraction: range of the inclusions' share, uniform.
        radius: range of the mean radius in the unit of `grid.lengths`, uniform; by default 4/64 to 10/64 of the
            shortest edge.
        scatter: range of the relative spread of the radii, uniform.
        gap: smallest distance between two inclusions; by default 1/64 of the shortest edge.
        swapped: probability that the inclusions are phase 0 instead of phase 1.
        phases: names.

    Returns:
        `key -> Microstructure`.

    Raises:
        PackingError: where twenty draws in a row cannot be packed.

    Example:
        >>> packings(Grid((32, 32)), swapped=0.0)(jax.random.key(0)).n_phases
        2

    Not differentiable: it runs on the host.
    """
    shortest = float(np.min(np.asarray(grid.lengths)))
    radii = (4 / 64 * shortest, 10 / 64 * shortest) if radius is None else radius
    distance = shortest / 64 if gap is None else gap

    def draw(key: Array) -> Microstructure:
        for attempt in range(PACKING_ATTEMPTS):
            keys = split_named(jax.random.fold_in(key, attempt), "parameters", "packing")
            rng = numpy_generator(keys["parameters"])
            share, size, spread, turn = rng.uniform(*volume_fraction), rng.uniform(*radii), rng.uniform(*scatter), rng.random()
            try:
                cell = inclusions(grid, share, size, scatter=spread, gap=distance, key=keys["packing"])
            except PackingError:
                continue
            labels = 1 - np.asarray(cell.labels) if turn < swapped else np.asarray(cell.labels)
            return Microstructure(grid=grid, labels=labels, phases=tuple(phases), provenance=cell.provenance)
        raise PackingError(
            f"`volume_fraction` and `radius` must allow a packing, but {PACKING_ATTEMPTS} draws from {volume_fraction} and {radii} failed. "
            "Lower the volume fraction or the radius."
        )

    return draw
