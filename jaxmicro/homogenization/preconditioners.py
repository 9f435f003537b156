"""Approximate inverses of K for one cell, by name.

`green` is the inverse for a homogeneous reference medium. `green_jacobi` is the same between two scalings S = (C̄/C)^½ by the
local stiffness, for fields that change slowly (Ladecký et al. 2025, arXiv:2508.02613). `multigrid` sees the material on all
scales.

`auto` is a rule on the stiffness of the voxels, a few passes over the field. The homogeneous reference needs about as many
steps as the root of the contrast if stiffness takes many values in between, as grey images and densities do, and far fewer for
phases with sharp interfaces. So for elements, where the contrast is above `CONTRAST` and more than `GREY` of the voxels lie between
the extremes, it is

- multigrid, if the grid has at least `SMALLEST` voxels and the field is concrete: a program that may need either would take three
  times as long to compile;
- else green_jacobi, if neighbours differ by less than `JUMP` of the contrast (on a logarithmic scale);
- else green, as everywhere else.

The schemes with null waves take green always: between two scalings the reference moves null waves into all others (1000 smooth:
562 steps against 199 with `rotated` at 256², and no convergence with `fourier`).

For finite volumes, whose cycle is cheap, quick to compile and indifferent to contrast, it is multigrid on all but small grids.

A multigrid cycle runs in float32 whatever the dtype of the solve: it is approximate anyway, and costs half as much memory
traffic then.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxmicro._core import is_concrete
from jaxmicro.homogenization.green import apply_blocks, invert_symbol
from jaxmicro.homogenization.multigrid import multigrid
from jaxmicro.homogenization.operators import BoxElement, FiniteVolume, Operator
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.volume_multigrid import volume_multigrid
from jaxmicro.homogenization.walled_green import walled_green
from jaxmicro.solvers import largest

NAMES = ("auto", "green", "green_jacobi", "multigrid")
CONTRAST = 50.0
SMALLEST = 2000  # voxels from which on multigrid is worth its compilation
GREY, BETWEEN = 0.02, 0.1  # share of voxels between the extremes, and how far from those, as a share of the logarithmic contrast
JUMP, SHARE = 0.2, 0.01  # difference between neighbours as a share of the logarithmic contrast, and how many may differ by more
SOFTEST = 1e-6  # stiffnesses below so much of the largest count as voids

# Eigenvalues below these are not reckoned with in the estimate of the error before the iteration meets one. With the homogeneous
# reference a lower floor would double the steps of cells with voids for nothing, if the discretisation takes those: soft directions
# then are local ones. The other preconditioners fall so fast that a low floor costs them little, and their spectrum is known less
# well; that of `fourier` reaches down to the softest stiffness. So does that of the one-point scheme where rounding has come in.
FLOOR, FLOOR_SCALED = 1e-3, 1e-6

Apply = Callable[[Displacement], Displacement]


def prepare(name: str, operator: Operator, law: Any, spacing: Float[Array, " d"], serial: bool) -> tuple[Apply, Array, Array]:
    """The preconditioner of one cell, and the smallest eigenvalue of it times K to reckon with: in exact arithmetic, and where
    rounding has come in.

    Args:
        name: one of `NAMES`; under `"auto"` the choice is between green and green_jacobi, made when the program runs.
        operator: the discretisation, which takes multigrid where that is asked for.
        law: constants on the grid.
        spacing: voxel edge lengths.
        serial: as in `Operator.kernel`.
    """
    softest = law.softest()
    careful = jnp.maximum(softest, FLOOR_SCALED)
    usual = jnp.maximum(softest, FLOOR) if operator.takes_voids else careful
    rounded = usual if isinstance(operator, BoxElement) and operator.full else careful
    if name == "multigrid" and isinstance(operator, FiniteVolume):
        return _in_float32(functools.partial(volume_multigrid, operator), law, spacing), usual, usual
    if name == "multigrid":
        return _in_float32(functools.partial(multigrid, operator, serial=serial), law, spacing), careful, careful
    reference = _reference(operator, law, spacing)
    if name == "green":
        return reference, usual, rounded
    graded = is_graded(law) if name == "auto" else jnp.ones((), bool)
    scaling = jnp.where(graded, jacobi_scaling(operator, law), 1.0)
    return functools.partial(_apply_scaled, reference, scaling), jnp.where(graded, careful, usual), jnp.where(graded, careful, rounded)


def _reference(operator: Operator, law: Any, spacing: Float[Array, " d"]) -> Apply:
    """The inverse for a homogeneous medium."""
    if isinstance(operator, FiniteVolume) and operator.walls is not None:
        return walled_green(operator, law, spacing)
    symbol = operator.symbol(law.mean(), law.grid_shape, spacing)
    return functools.partial(apply_blocks, invert_symbol(symbol, operator.kinematics.components, law.grid_shape))


def jacobi_scaling(operator: Operator, law: Any) -> Float[Array, "*grid"]:
    """(C̄/C)^½ at the nodes, zero where there is no stiffness."""
    size = operator.at_nodes(law.size())
    live = size > 0
    return jnp.where(live, jnp.sqrt(jnp.mean(size) / jnp.where(live, size, 1.0)), 0.0)


def is_grey(law: Any) -> Bool[Array, ""]:
    """Whether stiffness varies by much over the cell, and takes many values in between."""
    logs, contrast = _logarithms(law)
    between = jnp.abs(logs - 0.5 * (jnp.max(logs) + jnp.min(logs))) < (0.5 - BETWEEN) * contrast
    return (contrast > np.log(CONTRAST)) & (jnp.mean(between) > GREY)


def is_graded(law: Any) -> Bool[Array, ""]:
    """Whether it is grey, and changes little between neighbours."""
    logs, contrast = _logarithms(law)
    sharp = [jnp.mean(jnp.abs(jnp.roll(logs, -1, axis) - logs) > JUMP * contrast) for axis in range(logs.ndim)]
    return is_grey(law) & (jnp.max(jnp.stack(sharp)) < SHARE)


def _logarithms(law: Any) -> tuple[Float[Array, "*grid"], Float[Array, ""]]:
    """Logarithms of the stiffness of the voxels, and their range."""
    size = law.size()
    logs = jnp.log(jnp.maximum(size / jnp.max(size), SOFTEST))
    return logs, jnp.max(logs) - jnp.min(logs)


def choose(operator: Operator, law: Any, shape: tuple[int, ...], batched: bool) -> str:
    """What `auto` is; half of a batch must ask for it. It stays "auto" where that depends on constants that are being traced."""
    if isinstance(operator, FiniteVolume):
        return "multigrid" if int(np.prod(shape)) >= SMALLEST else "green"
    if not operator.takes_multigrid:
        return "green"
    if not is_concrete(law):
        return "auto"
    with jax.ensure_compile_time_eval():  # constants of a program that is being traced are known, too
        grey, graded = (bool(flag) for flag in _judge(law, batched))
    if int(np.prod(shape)) >= SMALLEST and grey:
        return "multigrid"
    return "green_jacobi" if graded else "green"


@functools.partial(jax.jit, static_argnames="batched")
def _judge(law: Any, batched: bool) -> tuple[Array, Array]:
    rules = (is_grey, is_graded)
    found = [jax.lax.map(rule, law) if batched else rule(law) for rule in rules]
    return jnp.mean(found[0]) >= 0.5, jnp.mean(found[1]) >= 0.5


def lowered(law: Any, spacing: Float[Array, " d"]) -> tuple[Any, Float[Array, " d"], Float[Array, ""]]:
    """The cell in float32 with moduli and edges near one, and the factor that brings its displacements back."""
    unit, edge = jnp.max(jnp.diagonal(law.mean())), jnp.max(spacing)
    unit = jnp.where(unit > 0, unit, 1.0)

    def convert(leaf: Array) -> Array:
        return (leaf / unit).astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(convert, law), (spacing / edge).astype(jnp.float32), edge**2 / unit


def _in_float32(build: Callable[[Any, Array], Apply], law: Any, spacing: Float[Array, " d"]) -> Apply:
    """A preconditioner of the cell in float32, from and to forces of its own dtype."""
    low, low_spacing, factor = lowered(law, spacing)
    apply = build(low, low_spacing)

    def converted(force: Displacement) -> Displacement:
        low_force, size = unit_sized(force)
        found = apply(low_force)
        return tuple((factor * size).astype(law.dtype) * field.astype(law.dtype) for field in found)

    return converted


def unit_sized(force: Displacement) -> tuple[Displacement, Array]:
    """A force in float32 with a largest entry of one, so that none is too small or too large for it, and its size."""
    size = largest(force)
    size = jnp.where(size > 0, size, 1.0)
    return tuple((field / size).astype(jnp.float32) for field in force), size


def _apply_scaled(reference: Apply, scaling: Array, force: Displacement) -> Displacement:
    found = reference(tuple(scaling * field for field in force))
    return tuple(scaling * field for field in found)
