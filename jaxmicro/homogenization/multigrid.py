"""The multigrid preconditioner: rediscretised coarse cells whose moduli are averages of the finer ones.

A level halves every axis that is long enough (odd ones to the next whole number, with overlapping averages), its operator is
that of the discretisation on the coarser grid, and transfers interpolate linearly between nodes. A cycle does one damped
sweep with the inverses of the c × c blocks of each node before and after. It sees the material, which the homogeneous
reference does not, so it is for mixtures on many scales and smooth fields at high contrast.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.homogenization.green import Blocks, invert_blocks
from jaxmicro.homogenization.operators.box_element import BoxElement
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.operators.fence import apart
from jaxmicro.homogenization.operators.modes import factors, mode_strain
from jaxmicro.materials import Crystals, Phases, Tensor
from jaxmicro.solvers.multigrid import Level, v_cycle

SHORTEST = 4  # axes are not halved below this
DENSE = 200  # unknowns of the coarsest level, which is solved directly
INTERVAL = 0.65  # centre of the eigenvalues to damp, [0.3, 1], relative to the largest
SAMPLES, MARGIN = 64, 1.05  # elements whose largest eigenvalue is computed, and the room for the others


def multigrid(operator: Any, law: Any, spacing: Float[Array, " d"], serial: bool) -> Callable[[Displacement], Displacement]:
    """One V-cycle as an approximate inverse of K.

    Args:
        operator: a discretisation by elements, without null waves.
        law: constants on the finest grid.
        spacing: voxel edge lengths there.
        serial: as in `Operator.kernel`.

    Returns:
        A symmetric positive definite function on displacements of zero mean.

    Example:
        >>> from jaxmicro.fields import conduction
        >>> from jaxmicro.materials import Scalar
        >>> cycle = multigrid(BoxElement(conduction(2), full=True), Scalar(jnp.ones((16, 16))), jnp.ones(2), True)
        >>> cycle((jnp.zeros((16, 16)),))[0].shape
        (16, 16)
    """
    if isinstance(law, (Phases, Crystals)):
        law = Tensor(law.tensor())
    damping = 1.0 / (INTERVAL * _largest_eigenvalue(operator, law, spacing))
    levels = []
    while operator.kinematics.components * int(np.prod(law.grid_shape)) > DENSE and max(law.grid_shape) > SHORTEST:
        shape = law.grid_shape
        coarse = tuple(n if n <= SHORTEST else (n + 1) // 2 for n in shape)
        share = float(np.prod(coarse) / np.prod(shape))
        levels.append(
            Level(
                operator=operator.action(law, spacing, serial),
                invert_diagonal=functools.partial(_multiply, nodal_inverse(operator, law, spacing)),
                dampings=[damping],
                restrict=functools.partial(restrict, shape=coarse, factor=share),
                prolong=functools.partial(prolong, shape=shape),
            )
        )
        law = law.map_fields(functools.partial(_average, shape=coarse))
        spacing = spacing * jnp.asarray(np.array(shape) / np.array(coarse), spacing.dtype)
    coarsest = _direct(operator, law, spacing)
    return v_cycle(levels, coarsest, apart) if serial else v_cycle(levels, coarsest)


def nodal_blocks(operator: BoxElement, law: Any, spacing: Float[Array, " d"]) -> Blocks:
    """The c × c blocks of K on its diagonal, upper triangle, a field each.

    A corner value enters the gradient's modes with the weights n_a; their products n_a n_b summed over the modes are the same
    for all corners of a voxel but for the signs of the corner along a and b.
    """
    kinematics, scale = operator.kinematics, factors(operator.modes(), spacing)
    axes, components = range(kinematics.dim), range(kinematics.components)
    ones = jnp.ones(law.grid_shape, law.dtype)
    blocks: Blocks = {(i, j): jnp.zeros_like(ones) for i in components for j in components if i <= j}
    for a, j in itertools.product(axes, components):
        columns = [[ones if (axis, k) == (a, j) else None for k in components] for axis in axes]
        stress = law.stress(kinematics.strain(columns))
        for b in axes:
            weight = sum(scale[mode, a] * scale[mode, b] for mode in operator.modes() if a not in mode and b not in mode)
            for i, value in enumerate(kinematics.column(stress, b)):
                if i <= j and value is not None:
                    blocks[i, j] = blocks[i, j] + weight * _corners(value, {a, b} if a != b else set())
    return blocks


def nodal_inverse(operator: BoxElement, law: Any, spacing: Float[Array, " d"]) -> Blocks:
    """Inverses of the nodal blocks, zero where a node has no stiffness."""
    return invert_blocks(nodal_blocks(operator, law, spacing), operator.kinematics.components)


def _corners(field: Array, signed: set[int]) -> Array:
    """Sum over the voxels around each node, with the sign of the node's corner in them along the signed axes."""
    for axis in range(field.ndim):
        before = jnp.roll(field, 1, axis)
        field = before - field if axis in signed else before + field
    return field


def _multiply(blocks: Blocks, force: Displacement) -> Displacement:
    def row(i: int) -> Array:
        return functools.reduce(jnp.add, [blocks[min(i, j), max(i, j)] * field for j, field in enumerate(force)])

    return tuple(row(i) for i in range(len(force)))


def _average(field: Array, shape: tuple[int, ...]) -> Array:
    """Averages over the parts of the finer voxels in each coarser one."""
    lead = field.ndim - len(shape)
    for axis, m in enumerate(shape):
        n, place = field.shape[lead + axis], lead + axis
        if n == 2 * m:
            field = field.reshape(*field.shape[:place], m, 2, *field.shape[place + 1 :]).mean(place + 1)
        elif n != m:
            field = _along(jnp.asarray(_overlaps(n, m), field.dtype), field, place)
    return field


def _overlaps(n: int, m: int) -> np.ndarray:
    """(m, n): the share of finer voxel i in coarser voxel j."""
    edges, width = np.arange(m + 1) * (n / m), n / m
    low, high = np.maximum(edges[:-1, None], np.arange(n)), np.minimum(edges[1:, None], np.arange(1, n + 1))
    return np.maximum(high - low, 0.0) / width


def _along(matrix: Array, field: Array, axis: int) -> Array:
    return jnp.moveaxis(jnp.tensordot(matrix, field, axes=(1, axis), precision=jax.lax.Precision.HIGHEST), 0, axis)


def prolong(u: Displacement, shape: tuple[int, ...]) -> Displacement:
    """Linear interpolation between nodes, axis by axis."""

    def one(field: Array) -> Array:
        for axis, n in enumerate(shape):
            m = field.shape[axis]
            if n == 2 * m:
                between = 0.5 * (field + jnp.roll(field, -1, axis))
                field = jnp.stack([field, between], axis + 1).reshape(*field.shape[:axis], n, *field.shape[axis + 1 :])
            elif n != m:
                field = _along(jnp.asarray(_interpolation(n, m), field.dtype), field, axis)
        return field

    return tuple(one(field) for field in u)


def restrict(force: Displacement, shape: tuple[int, ...], factor: float) -> Displacement:
    """The transpose of `prolong` times `factor`, the ratio of the numbers of voxels, since forces are per voxel volume."""

    def one(field: Array) -> Array:
        for axis, m in enumerate(shape):
            n = field.shape[axis]
            if n == 2 * m:
                pairs = field.reshape(*field.shape[:axis], m, 2, *field.shape[axis + 1 :])
                nodes, between = jnp.take(pairs, 0, axis + 1), jnp.take(pairs, 1, axis + 1)
                field = nodes + 0.5 * (between + jnp.roll(between, 1, axis))
            elif n != m:
                field = _along(jnp.asarray(_interpolation(n, m).T, field.dtype), field, axis)
        return factor * field

    return tuple(one(field) for field in force)


def _interpolation(n: int, m: int) -> np.ndarray:
    """(n, m): weight of coarser node j at finer node i."""
    place = np.arange(n) * (m / n)
    first = np.floor(place).astype(int)
    matrix, weight = np.zeros((n, m)), place - first
    np.add.at(matrix, (np.arange(n), first), 1 - weight)
    np.add.at(matrix, (np.arange(n), (first + 1) % m), weight)
    return matrix


def _direct(operator: BoxElement, law: Any, spacing: Array) -> Callable[[Displacement], Displacement]:
    """The inverse of a small operator on displacements of zero mean, as a matrix.

    Modes softer than rounding can tell are taken as soft as that: left out, they would stay in the error for ever.
    """
    shape, components, dtype = law.grid_shape, operator.kinematics.components, law.dtype
    size, wide = components * int(np.prod(shape)), jnp.promote_types(dtype, jnp.result_type(float))
    law = jax.tree.map(lambda leaf: leaf.astype(wide), law)

    def split(flat: Array) -> Displacement:
        return tuple(flat.reshape(components, *shape))

    def flatten(fields: Displacement) -> Array:
        return jnp.stack(fields).ravel()

    matrix = jax.vmap(lambda e: flatten(operator.force(law, split(e), spacing.astype(wide))[0]))(jnp.eye(size, dtype=wide))
    rigid = jnp.kron(jnp.eye(components), jnp.ones((size // components,) * 2)) * (components / size)
    values, vectors = jnp.linalg.eigh(0.5 * (matrix + matrix.T) + jnp.trace(matrix) / size * rigid)
    softest = size * jnp.finfo(dtype).eps * values[-1]
    root = vectors / jnp.sqrt(jnp.maximum(values, jnp.where(softest > 0, softest, 1.0)))
    inverse = (root @ root.T).astype(dtype)

    def solve(force: Displacement) -> Displacement:
        u = split(jnp.matmul(inverse, flatten(force), precision=jax.lax.Precision.HIGHEST))
        return tuple(field - jnp.mean(field) for field in u)

    return solve


def _largest_eigenvalue(operator: BoxElement, law: Any, spacing: Array) -> Array:
    """About the largest eigenvalue of D⁻¹ K: at most that of any single element (here of samples), because both are sums over elements."""
    kinematics, d = operator.kinematics, operator.kinematics.dim
    size = int(np.prod(law.grid_shape))
    chosen = np.unique(np.linspace(0, size - 1, SAMPLES).astype(int))

    def pick(field: Array) -> Array:
        lead = field.shape[: field.ndim - d]
        return field.reshape(*lead, -1)[..., chosen].reshape(*lead, len(chosen), *(1,) * (d - 1))

    sample = law.map_fields(pick)
    tensors = jnp.moveaxis(sample.tensor().reshape(kinematics.size, kinematics.size, -1), -1, 0)
    corners = list(itertools.product((-1.0, 1.0), repeat=d))
    unit = np.eye(kinematics.components)
    stencils = {
        frozenset(subset): [
            jnp.asarray(np.concatenate([np.prod([s[a] for a in subset]) * unit[component] for s in corners]), law.dtype)
            for component in range(kinematics.components)
        ]
        for count in range(1, d + 1)
        for subset in itertools.combinations(range(d), count)
    }
    scale = factors(operator.modes(), spacing)
    width = len(corners) * kinematics.components
    element = jnp.zeros((len(chosen), width, width), law.dtype)
    for mode in operator.modes():
        strain = mode_strain(kinematics, stencils, mode, scale)
        rows = jnp.stack([jnp.zeros(width, law.dtype) if row is None else row for row in strain])
        element = element + jnp.einsum("ki,nkl,lj->nij", rows, tensors, rows)
    same_node = jnp.asarray(np.kron(np.eye(len(corners)), np.ones((kinematics.components,) * 2)), law.dtype)
    size_of = jnp.trace(element, axis1=1, axis2=2) / width
    solid = size_of > 0
    element = element / jnp.where(solid, size_of, 1.0)[:, None, None]
    eye = jnp.eye(width, dtype=law.dtype)
    nodal = jnp.where(solid[:, None, None], element * same_node, eye) + 1e-6 * eye
    root = jnp.linalg.cholesky(nodal)
    half = jax.scipy.linalg.solve_triangular(root, element, lower=True)
    whole = jax.scipy.linalg.solve_triangular(root, jnp.swapaxes(half, 1, 2), lower=True)
    largest = jnp.max(jnp.linalg.eigvalsh(whole)[:, -1])
    return jnp.clip(MARGIN * largest, 1.0, float(len(corners)))
