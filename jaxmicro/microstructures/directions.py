"""Random directions of fibres and of normals of cracks: about an axis, or with an orientation tensor a₂ = ⟨p p⟩ that is met exactly.

About an axis they follow Watson's distribution, with density ∝ exp(κ (p·axis)²): κ = 0 is random, large κ aligned, negative κ across.
A finite sample misses the wanted a₂; the map p ← M p / |M p| with M = a₂^½ s₂^−½ and s₂ the sample's tensor is repeated until it does not
(the fixed point is that of D. E. Tyler, Ann. Stat. 15, 234 (1987), doi:10.1214/aos/1176350263).
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_number, check

TABLE = 4001
SAMPLE = 20000
ROUNDS = 500
EXACT = 1e-12
THIN = 1e-9  # an eigenvalue of a₂ below it is none


def directions(
    count: int, ndim: int, orientation: Any, concentration: Any, generator: np.random.Generator, *, exact: bool = True
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "d d"]]:
    """Unit vectors, and the orientation tensor they were drawn for, which they have where it is to be exact.

    A sample that is not to be exact is one of independent directions; those of a tensor are then normal vectors made unit ones, whose
    covariance is found so that the tensor holds for a large sample.
    """
    kappa = as_number(concentration)
    check(not np.isnan(kappa), f"`concentration` must be a number, but it is {concentration!r}. 0 is random, inf aligned.")
    if orientation is None or (isinstance(orientation, str) and orientation == "random"):
        orientation, kappa = np.eye(ndim)[0], 0.0
    given = np.asarray(orientation, float) if not isinstance(orientation, str) else np.zeros(0)
    good = given.shape in ((ndim,), (ndim, ndim)) and bool(np.isfinite(given).all()) and bool(given.any())
    check(
        good, f"`orientation` must be 'random', a direction ({ndim},) or an orientation tensor ({ndim}, {ndim}), but it is {orientation!r}."
    )
    if given.ndim == 1:
        found, tensor = _watson(count, given / np.linalg.norm(given), kappa, generator)
        return (matched(found, tensor) if exact else found), tensor
    tensor = _checked_tensor(given)
    drawn = generator.standard_normal((count, ndim)) @ _power(_covariance(tensor), 0.5)
    found = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return (matched(found, tensor) if exact else found), tensor


def _covariance(tensor: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """Covariance of normal vectors whose directions have the tensor, by the same map, on many fixed directions."""
    fixed = np.random.default_rng(0).standard_normal((SAMPLE, len(tensor)))
    values, axes = np.linalg.eigh(tensor)
    scale = np.sqrt(np.maximum(values, 0.0))
    for _ in range(ROUNDS):
        drawn = fixed * scale
        part = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        sample = (part**2).mean(axis=0)
        if np.abs(sample - values).max() < 1e-6:
            break
        scale = scale * np.sqrt(np.maximum(values, 0.0) / np.maximum(sample, THIN))
    return (axes * scale**2) @ axes.T


def _checked_tensor(given: np.ndarray) -> np.ndarray:
    values = np.linalg.eigvalsh((given + given.T) / 2)
    good = bool(np.allclose(given, given.T, atol=1e-8)) and values[0] > -1e-8 and abs(np.trace(given) - 1) < 1e-6
    check(good, f"`orientation` must be symmetric with trace 1 and no negative eigenvalue, but it is {given.tolist()}.")
    return given / np.trace(given)


def _watson(count: int, axis: np.ndarray, kappa: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Directions of Watson's distribution and its orientation tensor, by a table of the angle to the axis."""
    ndim = axis.size
    if np.isinf(kappa) and kappa > 0:
        return np.repeat(axis[None], count, axis=0), np.outer(axis, axis)
    check(np.isfinite(kappa), f"`concentration` must be above −inf, but it is {kappa}. Give a large negative number for directions across.")
    angle = np.linspace(0, np.pi, TABLE)
    exponent = kappa * np.cos(angle) ** 2
    density = np.exp(exponent - exponent.max()) * np.sin(angle) ** (ndim - 2)
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    chosen = np.interp(generator.random(count) * total[-1], total, angle)
    square = float((density * np.cos(angle) ** 2).sum() / density.sum())
    around = generator.standard_normal((count, ndim))
    around -= np.outer(around @ axis, axis)
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    found = np.cos(chosen)[:, None] * axis + np.sin(chosen)[:, None] * around
    line = np.outer(axis, axis)
    return found, square * line + (1 - square) / (ndim - 1) * (np.eye(ndim) - line)


def matched(found: Float[np.ndarray, "n d"], tensor: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "n d"]:
    """Directions changed as little as it takes to have an orientation tensor; too few of them stay as they are."""
    values, axes = np.linalg.eigh(tensor)
    basis = axes[:, values > THIN]
    part = found @ basis
    if len(found) <= basis.shape[1] or basis.shape[1] == 1:
        return found
    part /= np.linalg.norm(part, axis=1, keepdims=True)
    wanted = np.diag(values[values > THIN])
    for _ in range(ROUNDS):
        sample = part.T @ part / len(part)
        if np.abs(sample - wanted).max() < EXACT:
            break
        part = part @ _power(sample, -0.5) @ _power(wanted, 0.5)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return part @ basis.T


def _power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    values, axes = np.linalg.eigh(matrix)
    return axes * np.maximum(values, THIN) ** exponent @ axes.T


def frames_of(found: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d d"]:
    """Right-handed frames whose first axes are the directions."""
    if found.shape[1] == 2:
        return np.stack([found, np.stack([-found[:, 1], found[:, 0]], axis=1)], axis=1)
    smallest = np.eye(3)[np.abs(found).argmin(axis=1)]
    second = np.cross(found, smallest)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return np.stack([found, second, np.cross(found, second)], axis=1)


def tensor_entries(tensor: Float[np.ndarray, "d d"]) -> tuple[float, ...]:
    """Entries 11, 22, 33, 23, 13, 12, or 11, 22, 12 in a plane."""
    pairs = ((0, 0), (1, 1), (0, 1)) if len(tensor) == 2 else ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return tuple(float(tensor[i, j]) for i, j in pairs)
