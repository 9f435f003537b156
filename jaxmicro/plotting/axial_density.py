"""Density of axes on the sphere in multiples of a random distribution, by kernel means over bins.

The same kernel as `orientations.pole_density`, which is exact and differentiable and visits every crystal for every place;
a picture of 10⁵ crystals at 10⁴ places takes the axes in bins and the kernel from a table instead.
"""

import math

import numpy as np
from jaxtyping import Float

from jaxmicro.plotting.hemisphere import project, upper

BINS = 6  # per half width
TABLE = 1 << 16
ROWS = 512


def axial_density(
    at: Float[np.ndarray, "3 *places"], axes: Float[np.ndarray, "3 n"], weights: Float[np.ndarray, " n"], halfwidth: float
) -> Float[np.ndarray, "*places"]:
    """Mean of de la Vallée Poussin kernels about weighted axes, one over the sphere on average.

    K(c) = (κ + 1)/2 [((1 + c)/2)^κ + ((1 − c)/2)^κ] with c the cosine to the axis; κ makes one of its halves fall to 1/2 at
    `halfwidth` degrees. (H. Schaeben, phys. stat. sol. (b) 200, 367 (1997), doi:10.1002/1521-3951(199704)200:2<367::AID-PSSB367>3.0.CO;2-I)

    Example:
        >>> north = np.array([[0.0], [0.0], [1.0]])
        >>> round(float(axial_density(north, north, np.ones(1), 20.0)[0]), 2)  # (κ + 1)/2
        11.82
    """
    kappa = math.log(0.5) / (2 * math.log(math.cos(math.radians(halfwidth) / 2)))
    cosine = np.linspace(0, 1, TABLE)
    table = ((kappa + 1) / 2 * (((1 + cosine) / 2) ** kappa + ((1 - cosine) / 2) ** kappa)).astype(np.float32)
    places = np.reshape(at, (3, -1)).T.astype(np.float32)
    source, share = axes.astype(np.float32), (weights / weights.sum()).astype(np.float32)
    found = np.empty(len(places))
    for start in range(0, len(places), ROWS):  # in pieces that stay in the cache
        cosine = np.abs(places[start : start + ROWS] @ source)
        found[start : start + ROWS] = table[np.minimum(cosine * (TABLE - 1) + 0.5, TABLE - 1).astype(np.int32)] @ share
    return found.reshape(at.shape[1:])


def binned(
    axes: Float[np.ndarray, "3 n"], weights: Float[np.ndarray, " n"], halfwidth: float
) -> tuple[Float[np.ndarray, "3 b"], Float[np.ndarray, " b"]]:
    """Many axes as few: those within a sixth of a half width of each other by their mean and their weight."""
    axes = upper(axes)
    cell = math.radians(halfwidth) / (BINS * math.sqrt(2))
    across = int(2 / cell) + 2
    x, y = project(axes, "equal_area")
    place = ((x + 1) / cell).astype(int) * across + ((y + 1) / cell).astype(int)
    total = np.bincount(place, weights)
    mean = np.stack([np.bincount(place, weights * component) for component in axes])
    kept = total > 0
    return mean[:, kept] / np.linalg.norm(mean[:, kept], axis=0), total[kept]
