"""Slices of a volume moved over one another by whole points, so that orientations of neighbours agree best."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from jaxmicro._core import check
from jaxmicro.io.ebsd.scan import Scan
from jaxmicro.orientations import from_euler
from jaxmicro.orientations.embedding import embed

LEAST_OVERLAP = 0.5  # share of the points that must lie over one another
AS_GOOD = 1e-4  # of the best agreement: among shifts as good as this, the smallest one is taken


@dataclasses.dataclass(frozen=True)
class Shift:
    """How far a slice is moved along x and y, and the agreement with its neighbour before and after (1 is the same)."""

    move: tuple[int, int]
    before: float
    after: float


def align_slices(scans: list[Scan]) -> tuple[list[Scan], list[Shift]]:
    """Slices cut to the window that all of them cover once each was moved to fit the one before it.

    The agreement of a shift is the mean over the points that lie over one another of t·t'/|t||t'|, where t is the embedding
    of an orientation modulo its crystal symmetry: its maximum over all shifts is found by Fourier transforms.

    Returns:
        The slices, and the shift of each but the first against its neighbour.

    Raises:
        ValueError: if no window of two points is common to all.
    """
    shifts, places = [], [np.zeros(2, int)]
    before = features(scans[0])
    for scan in scans[1:]:
        after = features(scan)
        shift = best_shift(before, after)
        shifts.append(shift)
        places.append(places[-1] + shift.move)
        before = after
    low = np.max(places, axis=0)
    high = np.min(places, axis=0) + scans[0].phase.shape
    check(bool((high - low >= 2).all()), f"the slices share no window after shifts of {[shift.move for shift in shifts]}")
    cut = [tuple(slice(*ends) for ends in zip(low - place, high - place, strict=True)) for place in places]
    return [_window(scan, where) for scan, where in zip(scans, cut, strict=True)], shifts


def features(scan: Scan) -> Float[np.ndarray, "k *grid"]:
    """Vectors of length one that are alike where orientations are alike, and zero where nothing was indexed.

    Each phase has components of its own, so that different phases are as different as can be.
    """
    parts = []
    for index, phase in enumerate(scan.phases):
        inside = scan.phase == index
        q = from_euler(jnp.asarray(np.where(inside, scan.euler, 0.0), jnp.result_type(float)))
        t = np.asarray(embed(q, phase.laue or "-1"), np.float32)
        parts.append(np.where(inside, t / np.sqrt((t**2).sum(axis=0)), 0))
    return np.concatenate(parts)


def best_shift(fixed: Float[np.ndarray, "k nx ny"], moving: Float[np.ndarray, "k nx ny"]) -> Shift:
    """The whole shift of `moving` at which its vectors agree best with those of `fixed`."""
    nx, ny = fixed.shape[1:]
    total = np.zeros((2 * nx, ny + 1), complex)
    for one, other in zip(fixed, moving, strict=True):
        if one.any() and other.any():
            total += _transform(one) * np.conj(_transform(other))
    agreement = np.fft.irfft2(total, (2 * nx, 2 * ny))
    taken = np.fft.irfft2(_transform(_some(fixed)) * np.conj(_transform(_some(moving))), (2 * nx, 2 * ny))
    least = LEAST_OVERLAP * min(_some(fixed).sum(), _some(moving).sum())
    mean = np.where(taken >= max(least, 0.5), agreement / np.maximum(taken, 0.5), -np.inf)
    steps = [np.fft.fftfreq(2 * n, 1 / (2 * n)).astype(int) for n in (nx, ny)]
    distance = steps[0][:, None] ** 2 + steps[1][None, :] ** 2
    near = np.where(mean >= mean.max() - AS_GOOD, distance, np.inf)
    i, j = np.unravel_index(int(near.argmin()), mean.shape)
    return Shift((int(steps[0][i]), int(steps[1][j])), float(mean[0, 0]), float(mean[i, j]))


def _some(vectors: np.ndarray) -> Bool[np.ndarray, "nx ny"]:
    return (vectors != 0).max(axis=0)


def _transform(values: np.ndarray) -> np.ndarray:
    nx, ny = values.shape
    return np.fft.rfft2(values, (2 * nx, 2 * ny))


def _window(scan: Scan, where: tuple[slice, ...]) -> Scan:
    cut = (..., *where)
    maps = {name: values[cut] for name, values in scan.maps.items()}
    return dataclasses.replace(scan, euler=scan.euler[cut], phase=scan.phase[cut], maps=maps)
