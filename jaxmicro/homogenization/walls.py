"""Conduction between two walls of given potential, as through a membrane, an electrode or a core of rock.

The potential is the mean gradient's and a part u that vanishes at the walls, so that the effective conductivity is the minimum of an
energy as in a periodic cell, with the same derivatives at no extra solve. What conducts but does not join both walls carries no flux;
it is found first and taken out, and where nothing joins them the answer is zero, known without a solve.

Finite volumes hold such ends themselves. For finite elements the cell and its mirror images make a periodic cell with the same
potential: u is odd about a wall and even about a closed face.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool

from jaxmicro._core import Status, check, check_choice, is_concrete, poison
from jaxmicro.fields import Grid, conduction
from jaxmicro.homogenization.cell import effective_tensor, fluctuations, loads, stationary_tensor
from jaxmicro.homogenization.linear import Options, asked_fields, error_of_tensor, field_outputs, fitted, is_admissible, report, setup_of
from jaxmicro.homogenization.operators import FiniteVolume, make_operator
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.results import WalledResult
from jaxmicro.homogenization.solve import Medium, Setup, for_each
from jaxmicro.materials import Scalar, Tensor
from jaxmicro.microstructures import Through, through_clusters

SIDES = ("no_flux", "periodic")
SCHEMES = ("finite_volume", "finite_element")


def answer_between_walls(law: Any, batched: bool, axis: int, sides: str, grid: Grid, options: Options) -> WalledResult:
    """The effective conductivity between the two faces of an axis.

    Args:
        law: conductivities on the grid, possibly with a leading batch axis.
        batched: whether it has one.
        axis: which axis the walls end.
        sides: `"no_flux"` or `"periodic"`: how the other axes end.
        grid: the grid.
        options: as given by the user.
    """
    check_choice("sides", sides, SIDES)
    check_choice("discretization", options.discretization, SCHEMES)
    check(
        isinstance(axis, int | np.integer) and -grid.ndim <= axis < grid.ndim,
        f"`walls` must be the number of an axis of the grid, below {grid.ndim}, but it is {axis!r}.",
    )
    axis, kinematics = int(axis) % grid.ndim, conduction(grid.ndim)
    walls = _Walls(axis, sides == "no_flux", options.discretization == "finite_volume")
    operator = FiniteVolume(kinematics, axis, walls.closed) if walls.volumes else make_operator(options.discretization, kinematics)
    fields = asked_fields(options.fields)
    setup = dataclasses.replace(setup_of(law, operator, options), loads=(axis,))
    check(
        walls.volumes or options.start is None,
        f"`start` is for discretization='finite_volume' between walls, but it is given with {options.discretization!r}. Leave it out.",
    )
    batch = law.values.shape[0] if batched else None
    start = _guess(options.start, walls, grid, batch, law.dtype)
    setup = fitted(setup, law, walls.solved_shape(grid.shape), batch, fields)
    through = _found(law, batched, walls) if is_concrete(law) else None
    result = _compiled(law, grid.lengths.astype(law.dtype), start, through, setup, walls, fields, batched, options.throw)
    result = WalledResult(**result, axis=axis, sides=sides, discretization=options.discretization)
    report("effective_conductivity", "conductivity", law, batched, result, options)
    return result


@dataclasses.dataclass(frozen=True)
class _Walls:
    """Where a cell ends, and how.

    Attributes:
        axis: between the walls.
        closed: whether the other axes end without flux instead of periodically.
        volumes: whether finite volumes solve it, or else elements on the cell and its images.
    """

    axis: int
    closed: bool
    volumes: bool

    def mirrored(self, ndim: int) -> tuple[int, ...]:
        """Axes along which the cell is doubled by its image."""
        return () if self.volumes else tuple(k for k in range(ndim) if self.closed or k == self.axis)

    def solved_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the cell with its images."""
        return tuple(2 * n if k in self.mirrored(len(shape)) else n for k, n in enumerate(shape))

    def joining(self, law: Any) -> Through:
        """What conducts from one wall to the other, by the connectivity of the scheme."""
        size = jax.lax.stop_gradient(law.size())
        touching = "faces" if self.volumes else "corners"
        return through_clusters(size > 0, self.axis, periodic_sides=not self.closed, connectivity=touching)


def _guess(start: Any, walls: _Walls, grid: Grid, batch: int | None, dtype: jnp.dtype) -> Displacement | None:
    """What a guess of the potential, from 0 at the first wall to 1 at the last, has beside the mean gradient's; 0 where it is NaN."""
    if start is None:
        return None
    if isinstance(start, WalledResult):
        check(
            start.displacement is not None, "`start` is a result without a potential. Ask for it where it is made: fields=('potential',)."
        )
        start = start.displacement
    values, shape = jnp.asarray(start, dtype), grid.shape if batch is None else (batch, *grid.shape)
    check(values.shape == shape, f"`start` must be a potential of shape {shape}, but its shape is {values.shape}.")
    part = grid.lengths[walls.axis].astype(dtype) * (values - _rise(grid.shape, walls.axis, dtype))
    return (jax.lax.stop_gradient(jnp.expand_dims(jnp.where(jnp.isnan(part), 0.0, part), -1 - grid.ndim)),)


def _rise(shape: tuple[int, ...], axis: int, dtype: jnp.dtype) -> Array:
    """The potential of a uniform cell at the voxel centres, shaped to broadcast over the grid."""
    n = shape[axis]
    return jnp.asarray(((np.arange(n) + 0.5) / n).reshape([-1 if k == axis else 1 for k in range(len(shape))]), dtype)


def _found(law: Any, batched: bool, walls: _Walls) -> Through:
    """What joins the walls, of concrete constants."""
    if not batched:
        return walls.joining(law)
    each = [walls.joining(jax.tree.map(lambda leaf, k=k: leaf[k], law)) for k in range(law.values.shape[0])]
    return Through(*(jnp.stack(parts) for parts in zip(*each, strict=True)))


@functools.partial(jax.jit, static_argnames=("setup", "walls", "fields", "batched", "throw"))
def _compiled(
    law: Any,
    lengths: Array,
    start: Any,
    through: Through | None,
    setup: Setup,
    walls: _Walls,
    fields: tuple[str, ...],
    batched: bool,
    throw: bool,
) -> dict[str, Array]:
    def one(sample: tuple[Any, Any, Any]) -> dict[str, Array]:
        return _one(sample[0], lengths, sample[1], sample[2], setup, walls, fields, throw)

    return for_each(one, (law, start, through), setup.serial) if batched else one((law, start, through))


def _one(
    law: Any,
    lengths: Array,
    start: Displacement | None,
    through: Through | None,
    setup: Setup,
    walls: _Walls,
    fields: tuple[str, ...],
    throw: bool,
) -> dict[str, Array]:
    through = walls.joining(law) if through is None else through
    sound, joined = is_admissible(law, setup), jnp.any(through.voxels)
    # Without a path, or with values that are none, there is nothing to solve: a uniform cell ends at once.
    kept = _solid(law, through.voxels, joined & sound, walls)
    medium = Medium(kept, lengths / jnp.asarray(law.grid_shape, lengths.dtype))
    if fields:
        u, outcome = fluctuations(setup, medium, start)
        tensor = stationary_tensor(setup, medium, u)
    else:
        tensor, outcome, u = effective_tensor(setup, medium, start)
    value = jnp.where(joined, tensor[0, 0], 0.0)
    mean, own = jnp.mean(law.tensor()[walls.axis, walls.axis]), jnp.where(joined, value, 1.0)
    inflow, outflow = _through_walls(setup, medium, jax.lax.stop_gradient(u), law.grid_shape, walls)
    out = {
        "value": value,
        "tortuosity": jnp.where(joined, mean / jnp.where(own > 0, own, 1.0), jnp.inf),
        "inflow": jnp.where(joined, inflow, 0.0),
        "outflow": jnp.where(joined, outflow, 0.0),
    }
    if fields:
        out |= _fields(setup, medium, u, fields, lengths, through.voxels, walls)
    status = jnp.where(joined, jnp.max(outcome.status), Status.NO_PATH)
    status = jnp.where(sound, status, Status.BAD_INPUT).astype(jnp.int32)
    out = poison(out, status <= Status.CONVERGED if throw else status != Status.BAD_INPUT)
    return out | {
        "status": status,
        "steps": outcome.steps[0],
        "residual": outcome.residual[0],
        "value_error": jnp.where(joined, error_of_tensor(kept, jax.lax.stop_gradient(tensor), outcome)[0, 0], 0.0),
        "porosity": jnp.mean(law.size() > 0, dtype=law.dtype),
        "percolating_porosity": jnp.mean(through.voxels, dtype=law.dtype),
        "isolated_clusters": through.isolated,
    }


def _solid(law: Any, live: Bool[Array, "*grid"], solvable: Array, walls: _Walls) -> Any:
    """The law where it joins the walls, with its images; one of unit conductivity if it is not solvable."""
    if isinstance(law, Scalar):
        return Scalar(_with_images(jnp.where(solvable, jnp.where(live, law.values, 0.0), 1.0), walls.mirrored(live.ndim)))
    d = live.ndim
    unit = jnp.eye(d, dtype=law.dtype).reshape(d, d, *(1,) * d)
    values = jnp.where(solvable, jnp.where(live, law.values, 0.0), unit)
    for axis in walls.mirrored(d):
        sign = np.where((np.arange(d) == axis)[:, None] != (np.arange(d) == axis), -1.0, 1.0).reshape(d, d, *(1,) * d)
        values = jnp.concatenate([values, jnp.flip(jnp.asarray(sign, law.dtype) * values, axis + 2)], axis + 2)
    return Tensor(values)


def _with_images(field: Array, axes: tuple[int, ...]) -> Array:
    """A field and its mirror images, along some axes."""
    return functools.reduce(lambda field, axis: jnp.concatenate([field, jnp.flip(field, axis)], axis), axes, field)


def _through_walls(setup: Setup, medium: Medium, u: Displacement, shape: tuple[int, ...], walls: _Walls) -> tuple[Array, Array]:
    """Mean flux density into the cell and out of it under a unit mean gradient."""
    medium, (strain,) = jax.lax.stop_gradient((medium, loads(medium, setup)))
    u = tuple(field[0] for field in u)
    if isinstance(setup.operator, FiniteVolume):
        return setup.operator.through_walls(medium.law, u, medium.spacing, strain, walls.axis)
    flux = _own(setup.operator.local(medium.law, u, medium.spacing, strain)[1][walls.axis], shape)
    return tuple(jnp.mean(jnp.take(flux, layer, walls.axis)) for layer in (0, -1))  # type: ignore[return-value]


def _own(field: Array, shape: tuple[int, ...]) -> Array:
    """The part of a field that belongs to the cell itself and not to its images."""
    return field[(..., *(slice(0, n) for n in shape))]


def _fields(
    setup: Setup, medium: Medium, u: Displacement, fields: tuple[str, ...], lengths: Array, live: Bool[Array, "*grid"], walls: _Walls
) -> dict[str, Array]:
    """The fields asked for, under a unit potential drop; gradient and potential are NaN where nothing conducts from wall to wall."""
    shape, length = live.shape, lengths[walls.axis]
    found = {name: _own(field[0], shape) / length for name, field in field_outputs(setup, medium, u, fields).items()}
    if "strain" in fields:
        found["strain"] = jnp.where(live, found["strain"], jnp.nan)
    if "energy_density" in fields:
        found["energy_density"] = found["energy_density"] / length
    if "displacement" in fields:
        part = u[0][0] if walls.volumes else _at_centres(u[0][0], walls.axis)
        rise = _rise(shape, walls.axis, lengths.dtype)
        found["displacement"] = jnp.where(live, rise + _own(part, shape) / length, jnp.nan)
    return found


def _at_centres(u: Array, axis: int) -> Array:
    """Means over the corners of each voxel of a potential at the nodes, relative to the wall's."""
    u = u - jnp.mean(jax.lax.slice_in_dim(u, 0, 1, axis=axis))
    return functools.reduce(lambda u, k: 0.5 * (u + jnp.roll(u, -1, k)), range(u.ndim), u)
