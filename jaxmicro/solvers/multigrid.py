"""A symmetric V-cycle over given levels: damped block-diagonal sweeps before and after each coarse correction."""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
from jaxtyping import Array, PyTree

Map = Callable[[PyTree], PyTree]


class Level(NamedTuple):
    """One level but the coarsest.

    Attributes:
        operator: K of this level.
        invert_diagonal: the inverse of the (block) diagonal of K.
        dampings: of the sweeps before the correction, and in reverse order after it. The cycle is definite where the product of
            1 − damping · λ over them is below one in size for all eigenvalues λ of D⁻¹ K.
        restrict: from a residual of this level to the right-hand side of the next.
        prolong: from a correction of the next level to one of this: the transpose of `restrict` up to a factor.
    """

    operator: Map
    invert_diagonal: Map
    dampings: Sequence[Array | float]
    restrict: Map
    prolong: Map


def v_cycle(levels: Sequence[Level], coarsest: Map, stage: Callable[[Callable], Callable] = lambda step: step) -> Map:
    """An approximate inverse of the first level's operator.

    Args:
        levels: from fine to coarse.
        coarsest: the (pseudo-)inverse of the operator that follows the last of them.
        stage: wraps each step of the cycle; a backend whose compiler would merge the steps, and compute some of them many
            times over, keeps them apart by it.

    Returns:
        A linear function on pytrees, symmetric positive definite where each level's sweeps converge.

    References:
        Trottenberg, Oosterlee & Schüller, Multigrid (2001), ISBN 978-0-12-701070-0.

    Example:
        >>> import jax.numpy as jnp
        >>> identity = lambda v: v
        >>> halved = v_cycle([Level(lambda v: 2.0 * v, lambda r: 0.5 * r, [1.0], identity, identity)], lambda r: 0.0 * r)
        >>> halved(jnp.array([2.0, 4.0])).tolist()
        [1.0, 2.0]
    """

    def descend(depth: int, residual: PyTree) -> PyTree:
        if depth == len(levels):
            return coarsest(residual)
        level = levels[depth]

        def step(damping: Array | float, residual: PyTree) -> PyTree:
            return _scale(damping, level.invert_diagonal(residual))

        def rest(residual: PyTree, x: PyTree) -> PyTree:
            return _minus(residual, level.operator(x))

        def sweep(x: PyTree, damping: Array | float) -> PyTree:
            return stage(lambda x, remaining: _plus(x, step(damping, remaining)))(x, stage(rest)(residual, x))

        first, *others = level.dampings
        x = functools.reduce(sweep, others, stage(functools.partial(step, first))(residual))
        coarse = stage(level.restrict)(stage(rest)(residual, x))
        x = stage(lambda x, change: _plus(x, level.prolong(change)))(x, descend(depth + 1, coarse))
        return functools.reduce(sweep, reversed(level.dampings), x)

    return lambda residual: descend(0, residual)


def _scale(factor: Array | float, x: PyTree) -> PyTree:
    return jax.tree.map(lambda a: factor * a, x)


def _minus(x: PyTree, y: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: a - b, x, y)


def _plus(x: PyTree, y: PyTree) -> PyTree:
    return jax.tree.map(lambda a, b: a + b, x, y)
