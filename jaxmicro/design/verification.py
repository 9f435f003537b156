"""Designs solved again: finer, with a second discretisation, and against rigorous bounds."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import record, replace, static
from jaxmicro.design.attainable import limits
from jaxmicro.design.evaluation import discrete
from jaxmicro.design.problem import Problem
from jaxmicro.homogenization import loewner_gap, reuss_bound, voigt_bound
from jaxmicro.microstructures import Microstructure, split_voxels

SPLIT = {2: 4, 3: 2}  # parts of a voxel along each axis, by dimension
SLACK = 1e-5  # share of a bound by which it must be passed to count as violated


@record
class Verification:
    """Values of n discrete designs from three solves, and what they say about trust. k values, in the order of `names`.

    Attributes:
        predicted: values that the search saw, `(n, k)`.
        split: values with every voxel split 4 × 4 (2 × 2 × 2 in 3D), `(n, k)`.
        rotated: values with the second discretisation at the design's own resolution, `(n, k)`; NaN where a property has
            no other one.
        lower, upper: rigorous bounds at each design's own volume fractions, `(n, k)`; NaN where none are known.
        prior_distance: of latents from the codec's prior, `(n,)`, about 1 for usual ones; None without a codec.
        data_distance: of latents from the nearest one of `data`, root mean square over their numbers, `(n,)`; or None.
        names: of the values.
        violations: per design, the bounds that a tensor breaks (in the Loewner order), in words: defects of the
            discretisation at that resolution. Nothing is clipped.
        evaluations: solves that the checks cost (not part of the search's count).
    """

    predicted: Float[np.ndarray, "n k"]
    split: Float[np.ndarray, "n k"]
    rotated: Float[np.ndarray, "n k"]
    lower: Float[np.ndarray, "n k"]
    upper: Float[np.ndarray, "n k"]
    prior_distance: Float[np.ndarray, " n"] | None
    data_distance: Float[np.ndarray, " n"] | None
    names: tuple[str, ...] = static(default=())
    violations: tuple[tuple[str, ...], ...] = static(default=())
    evaluations: int = static(default=0)

    @property
    def split_gap(self) -> Float[np.ndarray, "n k"]:
        """(split − predicted) / |predicted|."""
        return _gap(self.split, self.predicted)

    @property
    def rotated_gap(self) -> Float[np.ndarray, "n k"]:
        """(rotated − predicted) / |predicted|."""
        return _gap(self.rotated, self.predicted)

    def __str__(self) -> str:
        lines = []
        for i in range(len(self.predicted)):
            parts = [
                f"{name} {p:.4g} (split {s:.4g}, rotated {r:.4g})"
                for name, p, s, r in zip(self.names, self.predicted[i], self.split[i], self.rotated[i], strict=True)
            ]
            lines.append(f"design {i + 1}: " + ", ".join(parts))
            lines += [f"  {line}" for line in self.violations[i]]
        return "\n".join(lines)


def verify(problem: Problem, latents: Float[Array, "n *latent"], data: Float[Array, "t *latent"] | None = None) -> Verification:
    """Solve the discrete cells of latents again, and compare.

    Args:
        problem: whose properties are computed.
        latents: designs.
        data: latents of the training cells, for the distance to the nearest.

    Returns:
        `Verification`.

    Example:
        >>> grid = jm.Grid((8, 8))
        >>> problem = Problem(Density(grid), [Conductivity([1.0, 10.0])], [Target("k_xx", 3.0)])
        >>> checked = verify(problem, problem.space.initial(1, jax.random.key(0)))
        >>> checked.split.shape, checked.violations
        ((1, 4), ((),))

    Not differentiable: a check of concrete designs.
    """
    space, latents = problem.space, jnp.asarray(latents)
    cells = discrete(space, latents)
    fine = [split_voxels(Microstructure(grid=space.grid, fractions=cell), SPLIT[space.grid.ndim]) for cell in cells]
    coarse = (cells, space.grid)
    finer = (jnp.stack([ms.fractions for ms in fine]), fine[0].grid)
    second = tuple(_rotated(part) for part in problem.properties)
    rounds = {
        "its own resolution": (problem.properties, *coarse),
        "split voxels": (problem.properties, *finer),
        "the rotated scheme": (second, *coarse),
    }
    found, broken = {}, [[] for _ in cells]
    for where, (parts, batch, grid) in rounds.items():
        found[where] = _solve_all(problem, parts, batch, grid, where, broken)
    distance = space.prior_distance(latents)
    lower, upper = _bounds(problem, cells)
    return Verification(
        predicted=found["its own resolution"],
        split=found["split voxels"],
        rotated=found["the rotated scheme"],
        lower=lower,
        upper=upper,
        prior_distance=None if distance is None else np.asarray(distance),
        data_distance=None if data is None else _nearest(np.asarray(latents), np.asarray(data)),
        names=problem.names,
        violations=tuple(tuple(lines) for lines in broken),
        evaluations=3 * len(cells) * problem.solves,
    )


def _rotated(part: Any) -> Any | None:
    """The property with the second discretisation, None where it has no choice."""
    return replace(part, discretization="rotated") if hasattr(part, "discretization") else None


def _solve_all(problem: Problem, parts: Any, cells: Array, grid: Any, where: str, broken: list[list[str]]) -> Float[np.ndarray, "n k"]:
    """Values of cells on a grid, and the bounds that their tensors break."""
    columns = []
    for part, names in zip(parts, problem.names_by_property, strict=True):
        if part is None:
            columns.append(np.full((len(cells), len(names)), np.nan))
            continue
        has_tensor = all(hasattr(part, name) for name in ("tensor", "tensors", "named"))
        values, tensors = _solve(part, cells, grid, names, has_tensor)
        columns.append(np.asarray(values))
        if tensors is not None:
            for lines, cell, tensor in zip(broken, cells, tensors, strict=True):
                lines += _violations(part, cell, tensor, grid, where)
    return np.concatenate(columns, axis=1)


def _violations(part: Any, cell: Array, tensor: Array, grid: Any, where: str) -> list[str]:
    if not bool(jnp.isfinite(tensor).all()):
        return [f"the solve of the {type(part).__name__.lower()} with {where} failed"]
    shares = jnp.mean(cell.reshape(len(cell), -1), axis=1)
    phases = part.tensors(grid).astype(tensor.dtype)
    gaps = {"Reuss": loewner_gap(reuss_bound(phases, shares), tensor), "Voigt": loewner_gap(tensor, voigt_bound(phases, shares))}
    return [
        f"the {type(part).__name__.lower()} with {where} violates the {name} bound by {-float(gap):.1e} of its size: a defect of the discretisation"
        for name, gap in gaps.items()
        if float(gap) < -SLACK
    ]


def _bounds(problem: Problem, cells: Array) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "n k"]]:
    ends = np.full((2, len(cells), len(problem.names)), np.nan)
    for i, cell in enumerate(cells):
        shares = [(float(f), float(f)) for f in np.asarray(cell).reshape(len(cell), -1).mean(axis=1)]
        for part in problem.properties:
            for name, limit in limits(part, shares, problem.space.grid).items():
                ends[:, i, problem.column(name)] = limit.low, limit.high
    return ends[0], ends[1]


def _nearest(latents: np.ndarray, data: np.ndarray) -> Float[np.ndarray, " n"]:
    flat, known = latents.reshape(len(latents), -1), data.reshape(len(data), -1)
    return np.array([np.sqrt(((known - z) ** 2).mean(axis=1)).min() for z in flat])


def _gap(checked: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    size = np.abs(predicted)
    return (checked - predicted) / np.where(size > 0, size, 1.0)


@functools.partial(jax.jit, static_argnames=("names", "has_tensor"))
def _solve(part: Any, cells: Array, grid: Any, names: tuple[str, ...], has_tensor: bool) -> tuple[Array, Array | None]:
    def one(fractions: Array) -> tuple[Array, Array | None]:
        tensor = part.tensor(fractions, grid) if has_tensor else None
        named = part(fractions, grid) if tensor is None else part.named(tensor)
        return jnp.stack([jnp.asarray(named[name], fractions.dtype) for name in names]), tensor

    return jax.vmap(one)(cells)
