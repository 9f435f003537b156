"""Grey cells that match any differentiable statistics, by L-BFGS with a growing price on grey."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxmicro.design.statistics import Statistic
from jaxmicro.design.voxel_exchange import misfit
from jaxmicro.fields import Grid

PRICES = (0.0, 0.03, 0.3)  # of grey, in squares of relative errors
SHARES = 10.0  # price of a wrong volume fraction
LEAP = 4.0  # growth of the loss that is no descent


def match_softly(
    logits: Float[Array, "p *grid"], statistics: Sequence[Statistic], shares: Float[Array, " p"], grid: Grid, steps: int
) -> tuple[Float[Array, "p *grid"], list[float]]:
    """Phase fractions softmax(logits) of least misfit, and the misfit after each round.

    Args:
        logits: where to start, `(p, *grid)`.
        statistics: to be matched.
        shares: volume fractions that are wanted.
        grid: the cell.
        steps: of L-BFGS in all.

    Returns:
        The logits, and the relative error after each round with another price.
    """
    history = []
    for price in PRICES:
        logits, value = _descend(
            logits, list(statistics), shares, grid, jnp.asarray(price, logits.dtype), steps=max(1, steps // len(PRICES))
        )
        history.append(float(jnp.sqrt(value)))
    return logits, history


@functools.partial(jax.jit, static_argnames="steps")
def _descend(
    logits: Float[Array, "p *grid"], statistics: list[Statistic], shares: Float[Array, " p"], grid: Grid, price: Array, *, steps: int
) -> tuple[Float[Array, "p *grid"], Float[Array, ""]]:
    def loss(logits: Float[Array, "p *grid"]) -> Float[Array, ""]:
        fractions = jax.nn.softmax(logits, axis=0)
        axes = tuple(range(1, fractions.ndim))
        grey = jnp.mean(jnp.sum(fractions * (1 - fractions), axis=0))
        wrong = jnp.sum((jnp.mean(fractions, axis=axes) - shares) ** 2)
        return misfit(fractions, statistics, grid) + SHARES * wrong + price * grey

    optimiser = optax.lbfgs()
    value_and_gradient = optax.value_and_grad_from_state(loss)

    fresh = optimiser.init(logits)

    def step(carry: tuple, _: None) -> tuple[tuple, None]:
        logits, state, best, least = carry
        value, gradient = value_and_gradient(logits, state=state)
        # where a line search leaps away, begin again from the best logits
        lost = ~(value < LEAP * least)
        logits = jnp.where(lost, best, logits)
        state = jax.tree.map(lambda new, first: jnp.where(lost, first, new), state, fresh)
        value, gradient = jax.lax.cond(lost, lambda x: jax.value_and_grad(loss)(x), lambda _: (value, gradient), logits)
        best, least = jnp.where(value < least, logits, best), jnp.minimum(value, least)
        updates, state = optimiser.update(gradient, state, logits, value=value, grad=gradient, value_fn=loss)
        return (optax.apply_updates(logits, updates), state, best, least), None

    start = (logits, fresh, logits, loss(logits))
    (last, _, best, least), _ = jax.lax.scan(step, start, None, length=steps)
    logits = jnp.where(loss(last) < least, last, best)
    return logits, misfit(jax.nn.softmax(logits, axis=0), statistics, grid)
