"""Training images cut from real maps."""

import warnings
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, numpy_generator
from jaxmicro.datasets.image_set import ImageSet, check_same_phases, pure
from jaxmicro.microstructures import Microstructure


def crops(
    ms: Microstructure | Sequence[Microstructure], size: int | Sequence[int], n: int, *, key: Array, description: str = ""
) -> ImageSet:
    """Random windows of one or several maps, uniform over all places where a window fits inside.

    A window of a real map is not periodic, so training must not roll it (`CodecConfig(periodic=False)`).

    Args:
        ms: one map or several with the same phases; a larger map gets more windows, in proportion to its places.
        size: voxels of a window, one number or one per axis.
        n: number of windows; they may overlap.
        key: typed random key.
        description: one line for cards and reports; by default the provenance of the maps that windows fit into.

    Returns:
        The dataset, `origins` and `sources` telling where each window lies.

    Raises:
        ValueError: where a window does not fit into any map, or the maps disagree about their phases.

    Warns:
        UserWarning: naming the maps that are left out because a window does not fit into them.

    Example:
        >>> ms = Microstructure(labels=np.arange(64).reshape(8, 8) % 2)
        >>> pieces = crops(ms, 4, 3, key=jax.random.key(0))
        >>> pieces.images.shape, pieces.origins.shape
        ((3, 2, 4, 4), (3, 2))

    Not differentiable: places are drawn.
    """
    maps = [ms] if isinstance(ms, Microstructure) else list(ms)
    check(len(maps) >= 1, "`ms` must hold at least one microstructure, but it is empty.")
    check(n >= 1, f"`n` must be at least 1, but it is {n}.")
    ndim = maps[0].grid.ndim
    window = (size,) * ndim if isinstance(size, int) else tuple(int(edge) for edge in size)
    check(
        len(window) == ndim and all(edge >= 2 for edge in window), f"`size` must be {ndim} numbers of at least 2 voxels, but it is {size}."
    )
    places = np.asarray([_places(item.grid.shape, window) for item in maps], float)
    check(
        places.sum() > 0,
        f"`size` must fit into the maps, but it is {window} and they have {[item.grid.shape for item in maps]} voxels. Pass a smaller size.",
    )
    rng = numpy_generator(key)
    sources = rng.choice(len(maps), size=n, p=places / places.sum())
    origins = np.stack([[rng.integers(0, full - edge + 1) for full, edge in zip(maps[i].grid.shape, window, strict=True)] for i in sources])
    used = [item for item, many in zip(maps, places, strict=True) if many > 0]
    _warn_of_small(maps, places, window)
    return ImageSet(
        images=_windows(maps, sources, origins, window),
        origins=origins,
        sources=sources,
        phases=tuple(phase.name for phase in maps[0].phases),
        periodic=False,
        description=description or f"{n} random crops of {' x '.join(map(str, window))} voxels from {_origin(used)}",
    )


def _origin(maps: Sequence[Microstructure]) -> str:
    """Where maps come from, in the middle of a sentence."""
    names = dict.fromkeys(item.provenance.removeprefix("read from ") for item in maps if item.provenance)
    return "; ".join(names) or f"{len(maps)} map(s)"


def _warn_of_small(maps: Sequence[Microstructure], places: np.ndarray, window: tuple[int, ...]) -> None:
    left_out = [
        f"{item.provenance.removeprefix('read from ') or f'map {index}'} ({' x '.join(map(str, item.grid.shape))})"
        for index, (item, many) in enumerate(zip(maps, places, strict=True))
        if many == 0
    ]
    if left_out:
        warnings.warn(
            f"Windows of {' x '.join(map(str, window))} voxels do not fit into {len(left_out)} of {len(maps)} maps, which are left out: "
            f"{', '.join(left_out)}. Pass a smaller size to use them.",
            UserWarning,
            stacklevel=3,
        )


def _windows(maps: Sequence[Microstructure], sources: np.ndarray, origins: np.ndarray, window: tuple[int, ...]) -> Array:
    """Phase fractions of the windows, cut on the host: every place would be a program of its own for the compiler."""
    check_same_phases(maps)
    sharp = all(ms.is_sharp for ms in maps)
    whole = [np.asarray(ms.labels if sharp else ms.fractions) for ms in maps]
    slices = [tuple(slice(o, o + edge) for o, edge in zip(origin, window, strict=True)) for origin in origins]
    pieces = np.stack([whole[source][(..., *place)] for source, place in zip(sources, slices, strict=True)])
    return pure(pieces, maps[0].n_phases) if sharp else jnp.asarray(pieces, dtype=jnp.float32)


def _places(shape: Sequence[int], window: Sequence[int]) -> int:
    return int(np.prod([max(full - edge + 1, 0) for full, edge in zip(shape, window, strict=True)]))
