"""Evaluations of discrete cells, compiled once and counted.

One evaluation is one cell; it costs as many solves as its properties have linear problems (each with all its load cases).
Values and their derivatives cost the same solves: the derivative of an effective tensor needs none of its own.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.design.problem import Problem
from jaxmicro.design.space import hard


class Evaluator:
    """Values of cells, and how many solves they cost.

    Attributes:
        evaluations: solves so far.
        cells: cells so far.
        failed: cells with a value that is not finite.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.evaluations = self.cells = self.failed = 0

    def values(self, cells: Float[Array, "n p *grid"], batch: int | None = None) -> Float[np.ndarray, "n k"]:
        """Values of discrete cells, NaN where a solve failed; padded to `batch`, so that odd numbers compile nothing new."""
        n = len(cells)
        padded = cells if batch is None or n >= batch else jnp.concatenate([cells, jnp.repeat(cells[-1:], batch - n, axis=0)])
        found = np.asarray(_values(self.problem.properties, padded, self.problem.space.grid, self.problem.names_by_property))[:n]
        return self._count(found)

    def values_and_jacobians(self, cells: Float[Array, "n p *grid"]) -> tuple[Float[np.ndarray, "n k"], Float[Array, "n k p *grid"]]:
        """Values of discrete cells and their derivatives with respect to every voxel's phase fractions."""
        found, jacobian = _values_and_jacobians(self.problem.properties, cells, self.problem.space.grid, self.problem.names_by_property)
        return self._count(np.asarray(found)), jacobian

    def _count(self, found: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        self.evaluations += len(found) * self.problem.solves
        self.cells += len(found)
        self.failed += int((~np.isfinite(found).all(axis=1)).sum())
        return found

    def left(self, budget: int) -> int:
        """Cells that a budget of solves still pays."""
        return (budget - self.evaluations) // max(self.problem.solves, 1)


def stack_values(properties: Any, fractions: Array, grid: Any, names: tuple[tuple[str, ...], ...]) -> Float[Array, " k"]:
    """All values of one cell, in the order of `Problem.names`."""
    found = []
    for part, group in zip(properties, names, strict=True):
        values = part(fractions, grid)
        found += [jnp.asarray(values[name], fractions.dtype) for name in group]
    return jnp.stack(found)


@functools.partial(jax.jit, static_argnames="names")
def _values(properties: Any, cells: Array, grid: Any, names: tuple[tuple[str, ...], ...]) -> Array:
    return jax.vmap(lambda fractions: stack_values(properties, fractions, grid, names))(cells)


@functools.partial(jax.jit, static_argnames="names")
def _values_and_jacobians(properties: Any, cells: Array, grid: Any, names: tuple[tuple[str, ...], ...]) -> tuple[Array, Array]:
    def one(fractions: Array) -> tuple[Array, Array]:
        value, back = jax.vjp(lambda f: stack_values(properties, f, grid, names), fractions)
        return value, jax.vmap(lambda row: back(row)[0])(jnp.eye(value.shape[0], dtype=value.dtype))

    return jax.vmap(one)(cells)


@jax.jit
def discrete(space: Any, latents: Array) -> Float[Array, "n p *grid"]:
    """Discrete cells of latents: decoded, each voxel given to its largest phase."""
    return hard(space.decode(latents), space.grid.ndim)
