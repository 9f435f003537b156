"""The force of box elements on a 3D grid, plane by plane: the kernel for CPUs.

Written over whole grids, it makes dozens of temporary fields, and their traffic costs more than the arithmetic. Here blocks of
rows of one x-plane stay in the cache. The stages for a block of voxels between the planes x and x + 1 are

    1. sums and differences along y and z of the nodes of plane x + 1 (those of plane x are known from the plane before),
    2. sums and differences along x, strain of every mode, stress, and the dual columns,
    3. their transposes along x, which join the voxels on both sides of plane x,
    4. their transposes along y and z: the force at the nodes of plane x.

A block is a flat array of padded rows (flat.py). Two habits keep the
compiler from undoing this: what a stage makes goes into a slot of a store that the loop carries, which it updates in
place and does not merge with the next stage; and offsets are computed one plane ahead, so that they are constants in the loops
over a block, which then use vector instructions.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxmicro.fields import Kinematics
from jaxmicro.homogenization.operators.contract import Displacement, Kernel
from jaxmicro.homogenization.operators.flat import corner_shifts, face, inside, padded, scatter
from jaxmicro.homogenization.operators.modes import Columns, Factors, Stencils, Subset, dual_columns, factors, stencil_keys

BLOCK = 4096  # voxels of a block at most: its arrays fill the second-level cache

X: Subset = frozenset({0})


class _Layout(NamedTuple):
    """Sizes of blocks.

    Attributes:
        shape: voxels of the grid.
        rows: rows of nodes that a block makes.
    """

    shape: tuple[int, int, int]
    rows: int

    @property
    def pitch(self) -> int:
        """Entries of a row: one periodic neighbour before and one behind."""
        return self.shape[2] + 2

    @property
    def voxels(self) -> int:
        """Entries of a block of voxels, one row more than it makes nodes."""
        return (self.rows + 1) * self.pitch

    @property
    def nodes(self) -> int:
        """Entries of a block of nodes, from its first to its last."""
        return self.rows * self.pitch - 2

    @property
    def blocks(self) -> int:
        """Blocks of a plane; the last one overlaps the one before where rows do not divide."""
        return -(-self.shape[1] // self.rows)


class _Store(NamedTuple):
    """Where the fields of a block lie in a flat array, which holds one or two generations of them.

    Attributes:
        keys: stencils.
        count: displacement components of each.
        size: entries of a field.
    """

    keys: tuple[Subset, ...]
    count: int
    size: int

    @property
    def span(self) -> int:
        """Entries of one generation."""
        return len(self.keys) * self.count * self.size

    def read(self, store: Float[Array, " flat"], at: Int[Array, ""]) -> Stencils:
        """The fields of the generation that begins at an offset."""
        return {
            key: [_cut(store, at + (i * self.count + c) * self.size, self.size) for c in range(self.count)]
            for i, key in enumerate(self.keys)
        }

    def write(
        self, store: Float[Array, " flat"], at: Int[Array, ""], fields: Mapping[Subset, Sequence[Array | None]]
    ) -> Float[Array, " flat"]:
        """The store with a generation replaced."""
        for i, key in enumerate(self.keys):
            for c, field in enumerate(fields[key]):
                known = jnp.zeros(self.size, store.dtype) if field is None else field
                store = _put(store, known, at + (i * self.count + c) * self.size)
        return store


class _State(NamedTuple):
    """What goes from plane to plane.

    Attributes:
        planes, duals, joined: stores of stages 1, 2 (two generations each) and 3.
        forces: nodal forces, flat.
        stress: sums of the stress over each block of each plane, (block, plane, m), if they are asked for.
    """

    planes: Float[Array, " flat"]
    duals: Float[Array, " flat"]
    joined: Float[Array, " flat"]
    forces: Displacement
    stress: Float[Array, "block plane m"] | None


class _Offsets(NamedTuple):
    """Where one step reads and writes: node planes, constants, forces, and the generations of the stores."""

    nodes: Int[Array, ""]
    law: Int[Array, ""]
    force: Int[Array, ""]
    low: Int[Array, ""]
    high: Int[Array, ""]
    before: Int[Array, ""]
    now: Int[Array, ""]


def sweep(modes: Sequence[Subset], kinematics: Kinematics, law: Any, spacing: Float[Array, " d"]) -> Kernel:
    """The force of one law, whose fields are laid out once.

    Args:
        modes: of the element.
        kinematics: of a 3D grid.
        law: a linear law with fields on the grid.
        spacing: voxel edge lengths.

    Returns:
        The function (u, E) → Bᵀ C (E + B u) and the mean stress. Not for differentiation: `Operator.force` is.
    """
    shape = law.grid_shape
    blocks = -(-shape[1] // max(1, BLOCK // (shape[2] + 2) - 1))
    layout = _Layout(shape, -(-shape[1] // blocks))
    constants = law.map_fields(lambda field: padded(field, 3, rows=(1, 0)))

    def kernel(u: Displacement, mean_strain: Float[Array, " m"] | None = None) -> tuple[Displacement, Float[Array, " m"] | None]:
        return _Sweep(kinematics, constants, factors(modes, spacing), layout, mean_strain).force(u)

    return kernel


class _Sweep(NamedTuple):
    """One law on one grid, and one mean strain, if any."""

    kinematics: Kinematics
    law: Any
    scale: Factors
    layout: _Layout
    mean_strain: Float[Array, " m"] | None

    def force(self, u: Displacement) -> tuple[Displacement, Float[Array, " m"] | None]:
        """Bᵀ C (E + B u) and, under a mean strain, the mean stress."""
        (nx, ny, nz), dtype = self.layout.shape, u[0].dtype
        nodes = [jnp.pad(padded(field, 3, rows=(1, 1)), (0, 1)) for field in u]
        planes, duals, joined = self.stores()
        start = _State(
            planes=jnp.zeros(2 * planes.span, dtype),
            duals=jnp.zeros(2 * duals.span, dtype),
            joined=jnp.zeros(joined.span, dtype),
            forces=tuple(jnp.zeros(nx * ny * self.layout.pitch, dtype) for _ in u),
            stress=None if self.mean_strain is None else jnp.zeros((self.layout.blocks, nx, self.kinematics.size), dtype),
        )
        state = jax.lax.fori_loop(0, self.layout.blocks, lambda block, state: self.block(nodes, block, state), start)
        forces = tuple(force.reshape(nx, ny, self.layout.pitch)[:, :, :nz] for force in state.forces)
        return forces, None if state.stress is None else jnp.sum(state.stress, axis=(0, 1)) / (nx * ny * nz)

    def stores(self) -> tuple[_Store, _Store, _Store]:
        """Layouts of what the first three stages make."""
        duals = stencil_keys(self.scale)
        in_plane = tuple(dict.fromkeys(key - X for key in duals))
        count, size = self.kinematics.components, self.layout.voxels
        return _Store(in_plane, count, size), _Store(duals, count, size), _Store(in_plane, count, size)

    def block(self, nodes: Sequence[Array], index: Int[Array, ""], state: _State) -> _State:
        """All planes of one block of rows.

        The first two steps only fill the stores, with the voxels before plane 0; what they write to the forces and stresses of
        the last planes is overwritten in the end.
        """
        layout = self.layout
        row = jnp.minimum(index * layout.rows, layout.shape[1] - layout.rows)
        start = row * layout.pitch
        planes, duals, _ = self.stores()
        zero = jnp.zeros_like(start)
        uncounted = row + jnp.arange(layout.rows) >= index * layout.rows  # rows that the block before has not in its stress
        first = _Offsets(*self.places(-2 + zero, start), zero, zero + planes.span, zero, zero + duals.span)

        def step(x: Int[Array, ""], carry: tuple[_State, _Offsets]) -> tuple[_State, _Offsets]:
            state, at = carry
            after = _Offsets(*self.places(x + 1, start), at.high, at.low, at.now, at.before)
            state, stress = self.plane(nodes, at, state)
            if state.stress is None:
                return state, after
            sums = jnp.stack([jnp.sum(jnp.where(uncounted[:, None], inside(s, layout.pitch), 0.0)) for s in stress])
            place = (index, jax.lax.rem(x + layout.shape[0], layout.shape[0]), 0)
            return state._replace(stress=jax.lax.dynamic_update_slice(state.stress, sums[None, None], place)), after

        return jax.lax.fori_loop(-2, layout.shape[0], step, (state, first))[0]

    def places(self, x: Int[Array, ""], start: Int[Array, ""]) -> tuple[Int[Array, ""], Int[Array, ""], Int[Array, ""]]:
        """Offsets of node plane x + 1, of the constants and of the forces of plane x."""
        (nx, ny, _), pitch = self.layout.shape, self.layout.pitch
        here, following = jax.lax.rem(x + nx, nx), jax.lax.rem(x + 1 + nx, nx)
        return following * (ny + 2) * pitch + start, here * (ny + 1) * pitch + start, here * ny * pitch + start

    def plane(self, nodes: Sequence[Array], at: _Offsets, state: _State) -> tuple[_State, tuple[Array, ...]]:
        """The four stages for the voxels and nodes of one plane, and the stress in the voxels."""
        layout, (planes, duals, joined) = self.layout, self.stores()
        size, shifts = layout.voxels, corner_shifts(layout.pitch)
        corners = [[_cut(field, at.nodes + shift, size) for shift in shifts] for field in nodes]
        in_plane = planes.write(state.planes, at.high, face(corners, planes.keys, (1, 2)))
        stencils = _along_x(planes.read(in_plane, at.low), planes.read(in_plane, at.high))
        law = self.law.map_fields(lambda field: jax.lax.dynamic_slice_in_dim(field, at.law, size, axis=-1, allow_negative_indices=False))
        columns, stress = dual_columns(self.kinematics, law, stencils, self.scale, self.mean_strain)
        dual = duals.write(state.duals, at.now, columns)
        zero = jnp.zeros_like(at.law)
        join = joined.write(state.joined, zero, _join(duals.read(dual, at.before), duals.read(dual, at.now)))
        parts = joined.read(join, zero)
        forces = tuple(_put(whole, scatter(parts, i, (1, 2), layout.pitch, layout.nodes), at.force) for i, whole in enumerate(state.forces))
        return state._replace(planes=in_plane, duals=dual, joined=join, forces=forces), stress


def _cut(field: Float[Array, " flat"], at: Int[Array, ""], size: int) -> Float[Array, " size"]:
    return jax.lax.dynamic_slice(field, (at,), (size,), allow_negative_indices=False)


def _put(field: Float[Array, " flat"], part: Float[Array, " size"], at: Int[Array, ""]) -> Float[Array, " flat"]:
    return jax.lax.dynamic_update_slice(field, part, (at,), allow_negative_indices=False)


def _along_x(low: Stencils, high: Stencils) -> Stencils:
    """Stage 2, its first half: sums and differences along x."""
    sums = {key: [a + b for a, b in zip(low[key], high[key], strict=True)] for key in low}
    return sums | {key | X: [b - a for a, b in zip(low[key], high[key], strict=True)] for key in low}


def _join(before: Stencils, now: Stencils) -> Columns:
    """Stage 3: nodes between the voxels of two planes."""
    out: Columns = {}
    for key in dict.fromkeys(key - X for key in now):
        sums = [a + b for a, b in zip(before[key], now[key], strict=True)] if key in now else None
        slopes = [a - b for a, b in zip(before[key | X], now[key | X], strict=True)] if key | X in now else None
        pairs = [fields for fields in (sums, slopes) if fields is not None]
        out[key] = [a + b for a, b in zip(*pairs, strict=True)] if len(pairs) == 2 else list(pairs[0])
    return out
