"""Periodic packings of discs and spheres that do not overlap."""

from typing import Any

import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, is_concrete, numpy_generator


class PackingError(ValueError):
    """Inclusions that could not be placed without overlap."""


def pack_spheres(lengths: Any, radii: Any, gap: float = 0.0, *, key: Array, max_sweeps: int = 2000) -> np.ndarray:
    """Centres of periodic discs or spheres of given radii that keep a minimum gap.

    Spheres are put at random and then pushed apart: each sweep moves both spheres of every overlapping pair by half
    of their overlap along the line between them. The largest overlap that remains must vanish.

    Args:
        lengths: edge lengths of the cell, `(d,)`.
        radii: `(n,)`, same unit.
        gap: smallest distance between two surfaces.
        key: typed random key.
        max_sweeps: sweeps before giving up.

    Returns:
        Centres `(d, n)`.

    Raises:
        PackingError: if overlaps remain; the message says what was asked and what was reached.

    Example:
        >>> import jax
        >>> pack_spheres((1.0, 1.0), [0.2, 0.2, 0.1], key=jax.random.key(0)).shape
        (2, 3)

    Not differentiable: it runs on the host.
    """
    check(is_concrete(lengths, radii, key), "Packings are computed on the host: call this outside jit, vmap and grad.")
    lengths, radii = np.asarray(lengths, float), np.asarray(radii, float)
    check(bool((radii > 0).all()) and radii.ndim == 1, f"`radii` must be positive numbers (n,), but they are {np.asarray(radii).tolist()}.")
    check(gap >= 0, f"`gap` must not be negative, but it is {gap}.")
    reach = radii + gap / 2
    if 2 * reach.max() > lengths.min():
        raise PackingError(
            f"An inclusion of diameter {2 * radii.max():g} with gap {gap:g} does not fit into a cell of edges {lengths.tolist()} "
            "without touching its own image. Use smaller inclusions or a larger cell."
        )
    centres = numpy_generator(key).random((radii.size, lengths.size)) * lengths
    tolerance = 1e-9 * reach.max()
    overlap = np.inf
    for _ in range(max_sweeps):
        centres, overlap = _push_apart(centres, reach, lengths, tolerance)
        if overlap <= tolerance:
            return centres.T
    raise PackingError(
        f"{radii.size} inclusions of mean radius {radii.mean():g} with gap {gap:g} could not be placed without overlap in "
        f"{max_sweeps} sweeps: the worst pair still overlaps by {overlap:g}. Ask for a smaller volume fraction or gap, or try another key."
    )


def _push_apart(centres: np.ndarray, reach: np.ndarray, lengths: np.ndarray, slack: float) -> tuple[np.ndarray, float]:
    """One sweep; returns the new centres and the largest overlap before it."""
    from scipy.spatial import cKDTree

    centres = np.mod(centres, lengths)
    centres = np.where(centres >= lengths, 0.0, centres)  # np.mod of a tiny negative number rounds up to the length itself
    pairs = cKDTree(centres, boxsize=lengths).query_pairs(2 * reach.max(), output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    between = centres[second] - centres[first]
    between -= lengths * np.round(between / lengths)
    distance = np.linalg.norm(between, axis=1)
    overlap = reach[first] + reach[second] - distance
    touching = overlap > slack
    if not touching.any():
        return centres, 0.0
    first, second, overlap = first[touching], second[touching], overlap[touching]
    direction = between[touching] / np.maximum(distance[touching], 1e-12)[:, None]
    push = 0.5 * (overlap + 2 * slack)[:, None] * direction
    moved = centres.copy()
    np.add.at(moved, first, -push)
    np.add.at(moved, second, push)
    return moved, float(overlap.max())
