"""One gradient of an effective property through solver and decoder, held against a difference quotient."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from jaxmicro._core import split_named
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table
from jaxmicro.fields import Grid

STEP = 1e-5  # of the difference quotient, in units of the latent's own spread
TIGHT = 1e-8  # of the local fields here, so that the difference quotient is not solver noise


@dataclasses.dataclass(frozen=True)
class GradientCheck:
    """What was found."""

    name: str
    value: float
    norm: float
    slope: float
    quotient: float
    numbers: int

    @property
    def error(self) -> float:
        """Relative difference of the directional derivative and the quotient."""
        return abs(self.slope - self.quotient) / max(abs(self.quotient), 1e-300)


def check_gradient(codec: Any, conductivity: Any, grid: Grid, *, key: Array) -> GradientCheck:
    """Gradient of k_xx with respect to all latent numbers, along one random direction against central differences."""
    keys = split_named(key, "latent", "direction")
    z = codec.sample_latents(1, key=keys["latent"], shape=grid.shape)[0].astype(grid.lengths.dtype)
    question = dataclasses.replace(conductivity, rtol=TIGHT)
    value_and_gradient = jax.jit(jax.value_and_grad(lambda z: question(codec.decode(z[None])[0], grid)["k_xx"]))
    value, gradient = value_and_gradient(z)
    direction = jax.random.normal(keys["direction"], z.shape, z.dtype)
    direction = direction / jnp.linalg.norm(direction)
    step = STEP * float(jnp.linalg.norm(z))
    ahead, behind = (float(value_and_gradient(z + sign * step * direction)[0]) for sign in (1, -1))
    slope = float(jnp.vdot(gradient, direction))
    return GradientCheck("k_xx", float(value), float(jnp.linalg.norm(gradient)), slope, (ahead - behind) / (2 * step), z.size)


def gradient_table(check: GradientCheck, job: Job) -> Table:
    """The check as metrics and as a table of the report."""
    job.metric("gradient, norm", check.norm)
    job.metric("gradient, error against central differences", check.error)
    rows = (
        (f"{check.name} of one sampled cell", check.value),
        (f"norm of its gradient with respect to {check.numbers} latent numbers", check.norm),
        ("slope along a random direction, from the gradient", check.slope),
        ("the same from central differences", check.quotient),
        ("relative difference", f"{check.error:.1e}"),
    )
    text = "jax.grad of an effective property, through the solver and the decoder, in one expression; in double precision."
    return Table("A gradient through solver and decoder", ("quantity", "value"), rows, text)
