"""The quantities that generators are asked for, measured on the voxels of a microstructure."""

import math

import jax.numpy as jnp
import numpy as np

from jaxmicro.descriptors.surface import surface_density
from jaxmicro.fields import forward, frequencies, mirror_weights
from jaxmicro.microstructures import Microstructure


def volume_fractions(ms: Microstructure) -> np.ndarray:
    """Share of each phase `(p,)`."""
    return np.asarray(ms.volume_fractions)


def inclusion_volumes(ms: Microstructure) -> np.ndarray:
    """Volume of each inclusion `(n,)` in the map `inclusion` (0 is the matrix); a voxel that is shared counts by its share."""
    index = np.asarray(ms.maps["inclusion"]).ravel()
    share = np.asarray(1 - ms.fractions[0], float).ravel()
    voxel = float(np.prod(np.asarray(ms.grid.lengths, float))) / ms.grid.size
    sums = np.bincount(index, share, minlength=1)[1:] * voxel
    return sums[sums > 0]


def radii(ms: Microstructure) -> np.ndarray:
    """Radius of the disc or sphere of each inclusion's volume `(n,)`."""
    volumes = inclusion_volumes(ms)
    return np.sqrt(volumes / math.pi) if ms.grid.ndim == 2 else np.cbrt(3 * volumes / (4 * math.pi))


def count(ms: Microstructure) -> int:
    """Number of inclusions that hold a voxel."""
    return len(inclusion_volumes(ms))


def mean_radius(ms: Microstructure) -> float:
    """Mean of the radii of equal volume."""
    return float(radii(ms).mean())


def radius_scatter(ms: Microstructure) -> float:
    """Standard deviation of the radii of equal volume over their mean."""
    found = radii(ms)
    return float(found.std() / found.mean())


def surface_of_second_phase(ms: Microstructure) -> float:
    """Surface of phase 1 per volume, by counts of crossings."""
    return float(surface_density(ms.fractions[1], ms.grid))


def wavelength(ms: Microstructure) -> float:
    """2π over the mean wave number of the last phase's indicator, each wave weighted by its power.

    Of a phase cut out of a field of one wavelength overtones raise the mean and, where it fills more or less than one half, differences of
    two waves lower it; so only waves between 1/2 and 3/2 of the strongest shell count.
    """
    indicator = np.asarray(ms.fractions[-1], float)
    power = np.abs(np.asarray(forward(jnp.asarray(indicator - indicator.mean()), indicator.ndim))) ** 2
    waves = [wave / length for wave, length in zip(frequencies(ms.grid.shape), np.asarray(ms.grid.lengths, float), strict=True)]
    number = np.sqrt(sum(np.asarray(wave) ** 2 for wave in waves))
    power = power * mirror_weights(ms.grid.shape)
    width = 1 / float(np.max(np.asarray(ms.grid.lengths)))
    shells = np.bincount(np.rint(number / width).astype(int).ravel(), power.ravel())
    strongest = int(np.argmax(shells)) * width
    near = (number > 0.5 * strongest) & (number < 1.5 * strongest)
    return float(power[near].sum() / (power * number)[near].sum())
