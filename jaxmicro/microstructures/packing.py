"""Periodic packings of discs and spheres that do not overlap."""

from typing import Any

import numpy as np
from jaxtyping import Array

from jaxmicro._core import check, is_concrete, numpy_generator

SLACK = 1e-3  # spheres are packed larger by this share: the sweeps converge slowly to zero overlap, but fast to a small one

STARTS = 3


class PackingError(ValueError):
    """Inclusions that could not be placed without overlap."""


def pack_spheres(lengths: Any, radii: Any, gap: float = 0.0, *, key: Array, max_sweeps: int = 2000) -> np.ndarray:
    """Centres of periodic discs or spheres of given radii that keep a minimum gap.

    Spheres are put at random and then pushed apart: each sweep moves both spheres of every overlapping pair by half
    of their overlap along the line between them, until none is left.

    Args:
        lengths: edge lengths of the cell, `(d,)`.
        radii: `(n,)`, same unit.
        gap: smallest distance between two surfaces.
        key: typed random key.
        max_sweeps: sweeps before another random start, and after the third one before giving up.

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
    generator, overlap = numpy_generator(key), np.inf
    for _ in range(STARTS):
        centres, overlap = _settle(generator.random((radii.size, lengths.size)) * lengths, reach, lengths, max_sweeps)
        if overlap == 0:
            return centres.T
    raise PackingError(
        f"{radii.size} inclusions of mean radius {radii.mean():g} with gap {gap:g} could not be placed without overlap from {STARTS} random "
        f"starts of {max_sweeps} sweeps: the worst pair still overlaps by {overlap:g}. Ask for a smaller volume fraction or gap, or try another key."
    )


def _settle(centres: np.ndarray, reach: np.ndarray, lengths: np.ndarray, max_sweeps: int) -> tuple[np.ndarray, float]:
    """Sweep until the spheres, packed a little larger, overlap by no more than that little; returns what is left of it."""
    overlap = np.inf
    for _ in range(max_sweeps):
        moved, overlap = _push_apart(centres, (1 + SLACK) * reach, lengths)
        if overlap <= 2 * SLACK * reach.min():
            return centres, 0.0
        centres = moved
    return centres, overlap


def _push_apart(centres: np.ndarray, reach: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, float]:
    """One sweep; returns the new centres and the largest overlap before it."""
    from scipy.spatial import KDTree

    pairs = KDTree(centres, boxsize=lengths).query_pairs(2 * reach.max(), output_type="ndarray")
    first, second = pairs[:, 0], pairs[:, 1]
    between = centres[second] - centres[first]
    between -= lengths * np.round(between / lengths)
    distance = np.linalg.norm(between, axis=1)
    overlap = np.maximum(reach[first] + reach[second] - distance, 0)
    push = (0.5 * overlap / np.maximum(distance, 1e-12 * lengths.min()))[:, None] * between
    moved = centres.copy()
    np.add.at(moved, first, -push)
    np.add.at(moved, second, push)
    return into_cell(moved, lengths), float(overlap.max(initial=0.0))


def into_cell(points: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Points moved by whole edges into [0, length): rounding lifts a tiny negative one to the length itself."""
    inside = np.mod(points, lengths)
    return np.where(inside >= lengths, 0.0, inside)
