"""Voxels without a grain, given to the grains around them."""

from typing import Any, cast

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Int

from jaxmicro._core import check, check_choice, is_number
from jaxmicro.descriptors.grains import Grains, check_grid, segment_grains
from jaxmicro.descriptors.neighbours import crystal_map
from jaxmicro.microstructures import Microstructure

METHODS = ("nearest", "mean")


def fill_grains(
    ms: Microstructure, grains: Grains | None = None, *, method: str = "nearest", reach: float | None = None, **options: Any
) -> Microstructure:
    """Clean a map: voxels that are not indexed, and those of grains that are too small, go to the nearest grain.

    Args:
        ms: microstructure with orientations.
        grains: its grains; by default `segment_grains(ms, **options)`.
        method: "nearest" copies the orientation of the nearest voxel of a grain, "mean" gives the mean orientation of that grain.
        reach: distance in the unit of the grid up to which voxels are filled; by default all. Margins far from any grain, such as a
            frame that was never scanned, are better left out.
        options: for `segment_grains`: `angle`, `min_size`, `periodic`.

    Returns:
        The microstructure with labels, orientations and mask filled, the map `grain` (−1 where none) and the map `filled`, True
        where a voxel was given away. Other maps keep what was measured.

    Raises:
        ValueError: for an unknown method, a reach that is not positive, grains of another grid, options beside grains, and as `segment_grains`.

    Example:
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 8, 4)).at[0, 5:].set(30.0), degrees=True)
        >>> mask = np.ones((8, 4), bool)
        >>> mask[1, 1] = mask[7, 0] = False
        >>> whole = fill_grains(Microstructure(labels=np.zeros((8, 4), int), orientation=turns, mask=mask))
        >>> bool(whole.mask.all()), whole.maps["filled"].sum().item(), whole.maps["grain"][7].tolist()
        (True, 2, [1, 1, 1, 1])

    Not differentiable: it runs on the host.
    """
    check_choice("method", method, METHODS)
    good = reach is None or (is_number(reach) and reach > 0)
    check(good, f"`reach` must be a positive length, but it is {reach!r}. Leave it out to fill everything.")
    check(
        grains is None or not options,
        f"`{', '.join(options)}` must be left out where `grains` are given, as these are segmented already. Give them to segment_grains.",
    )
    crystal_map(ms, "Grains")
    grains = segment_grains(ms, **options) if grains is None else grains
    check_grid(ms, grains)
    owner = np.asarray(grains.labels)
    place, near = _nearest(owner >= 0, np.asarray(ms.grid.spacing, float), grains.periodic, reach)
    given = near & (owner < 0)
    owner = np.where(near, owner.ravel()[place], -1)
    turns = np.asarray(ms.orientation)
    source = np.asarray(grains.mean_orientations)[:, owner] if method == "mean" else turns.reshape(4, -1)[:, place]
    mask = np.ones(ms.grid.shape, bool) if ms.mask is None else np.asarray(ms.mask)
    return ms.replace(
        labels=np.where(given, np.asarray(grains.phases)[owner], np.asarray(ms.labels)),
        orientation=jnp.asarray(np.where(given, source, turns), turns.dtype),
        mask=None if bool((mask | given).all()) and ms.mask is None else mask | given,
        maps=ms.maps | {"grain": owner.astype(np.int32), "filled": given},
    ).with_notes(f"{int(given.sum())} voxels without a grain were filled from the nearest one ({method})")


def _nearest(
    inside: Bool[np.ndarray, "*grid"], spacing: np.ndarray, periodic: bool, reach: float | None
) -> tuple[Int[np.ndarray, "*grid"], Bool[np.ndarray, "*grid"]]:
    """Flat position of the nearest voxel inside, and whether it is within reach."""
    from scipy.ndimage import distance_transform_edt

    pad = [(n // 2 + 1,) * 2 if periodic else (0, 0) for n in inside.shape]
    wide = np.pad(inside, pad, mode="wrap")
    distance, index = cast("tuple[np.ndarray, np.ndarray]", distance_transform_edt(~wide, sampling=spacing, return_indices=True))
    inner = tuple(slice(low, low + n) for (low, _), n in zip(pad, inside.shape, strict=True))
    places = [(along[inner] - low) % n for along, (low, _), n in zip(index, pad, inside.shape, strict=True)]
    near = np.ones(inside.shape, bool) if reach is None else distance[inner] <= reach
    return np.asarray(np.ravel_multi_index(tuple(places), inside.shape)), near
