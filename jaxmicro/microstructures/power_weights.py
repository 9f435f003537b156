"""Weights of a Laguerre diagram that give each cell the volume that was asked for: semi-discrete optimal transport.

The weights maximise the concave function

    K(w) = ∫ min_i (|x − s_i|² − w_i) dx + Σ_i w_i v_i,    ∂K/∂w_i = v_i − V_i(w),

with V_i the volumes of the cells. Its Hessian is minus the Laplacian of the graph of neighbours,

    ∂V_i/∂w_j = − A_ij / (2 |s_i − s_j|)  for i ≠ j,    and rows sum to zero,

with A_ij the area of a common face, so that Newton's method needs one sparse solve a step. A plane face of area A and unit normal n has
A |n_k| / f_k voxel faces across axis k (each of area f_k) up to the few at its rim: with Σ_k n_k² = 1 the voxel faces of a map add up to the
area without error, A = Σ_k N_k f_k |n_k|. Steps are halved until no further cell dies and the error falls, which makes the method converge
from wherever all cells live.

Volumes are counted in voxels, and a cell's count cannot be set finer than the plane faces that sweep over lattice points allow: about one
voxel for each of the larger faces. So volumes count as reached where they differ by no more than `rtol` and `VOXELS`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import ArrayLike, Float, Int

from jaxmicro._core import SolveError, Status, as_number, check, check_shape, check_whole, is_concrete, record
from jaxmicro.fields import Grid
from jaxmicro.microstructures.laguerre import ScaledCell, power_owner, scaled_cell

VOXELS = {2: 4, 3: 6}  # what lattice points leave undecided, on top of `rtol`; at most half of a cell; more where voxels are no cubes
SMALLEST_STEP = 1 / 64
COARSE_STEP = 1 / 8  # the smallest on coarser grids
COARSE = 16  # voxels of a mean grain on the coarsest grid
COARSE_STEPS = 15
BALL = {2: np.pi, 3: 4 / 3 * np.pi}
LLOYD_STEPS = 3  # Newton steps between two moves of the seeds
DYING = 0.1  # share of the volume asked for, below which a cell's few faces say too little of its stiffness
STIFFNESS = 0.3  # of such a cell, in units of volume^((d − 2)/d): a ball's is 1 to 2


@record
class LaguerreWeights:
    """Weights with which a diagram has given volumes, and how well it has them.

    Attributes:
        weights: `(n,)`, with mean 0, in squared (scaled) lengths.
        seeds: `(d, n)`: those given, or moved where `relax` was asked for.
        volumes: shares of the voxels that belong to each cell, `(n,)`.
        volume_error: largest |volume − asked| / asked.
        status: `Status.CONVERGED` where each volume is within `rtol` and a few voxels of what was asked, else `Status.MAX_STEPS`.
        steps: Newton steps on the grid itself.
    """

    weights: Float[np.ndarray, " n"]
    seeds: Float[np.ndarray, "d n"]
    volumes: Float[np.ndarray, " n"]
    volume_error: Float[np.ndarray, ""]
    status: Int[np.ndarray, ""]
    steps: Int[np.ndarray, ""]


def laguerre_weights(
    grid: Grid,
    seeds: Float[ArrayLike, "d n"] | Sequence[Sequence[float]],
    volumes: Float[ArrayLike, " n"] | Sequence[float],
    *,
    aspect: Float[ArrayLike, " d"] | Sequence[float] | None = None,
    relax: int = 0,
    rtol: float = 0.01,
    max_steps: int = 40,
    throw: bool = True,
) -> LaguerreWeights:
    """Weights with which the cells of `laguerre` have the volumes that are asked for, by a damped Newton method.

    Args:
        grid: the periodic cell; volumes are those of its voxels.
        seeds: `(d, n)`, no two alike.
        volumes: relative volumes `(n,)`, divided by their sum; such as of `log_normal_sizes`.
        aspect: as in `laguerre`.
        relax: Lloyd steps between solves, each of which moves every seed to the centre of its cell: 0 keeps the seeds, and a seed may then
            lie outside its cell; about 5 give equiaxed cells.
        rtol: tolerance of each relative volume, to which 4 voxels are added in 2D and 6 in 3D (more where they are no cubes, in scaled lengths), or half a
            cell where that is less.
        max_steps: Newton steps on the grid.
        throw: whether to raise where the tolerance was not met.

    Returns:
        `LaguerreWeights`.

    Raises:
        ValueError: if shapes do not fit, volumes are not positive or smaller than a voxel, or seeds coincide; or under `jit`, `vmap` and `grad`.
        SolveError: where the tolerance was not met and `throw=True`; the message has the largest error.

    Reference: J. Kitagawa, Q. Mérigot, B. Thibert, J. Eur. Math. Soc. 21, 2603 (2019), doi:10.4171/JEMS/889; D. P. Bourne, P. J. J. Kok,
    S. M. Roper, W. D. T. Spanjer, Phil. Mag. 100, 2677 (2020), doi:10.1080/14786435.2020.1790053.

    Example:
        >>> grid = Grid((40, 40))
        >>> found = laguerre_weights(grid, [[5.0, 20.0, 31.0], [8.0, 30.0, 12.0]], [1.0, 2.0, 5.0])
        >>> counts = np.bincount(laguerre(grid, found.seeds, found.weights).ravel()) / grid.size
        >>> bool(np.abs(counts - [0.125, 0.25, 0.625]).max() < 0.01)
        True

    Not differentiable: it runs on the host.
    """
    check(is_concrete(grid, seeds, volumes, aspect), "Weights are found on the host: call this outside jit, vmap and grad.")
    cell = scaled_cell(grid, seeds, None, aspect)
    shares = checked_volumes(grid, volumes, len(cell.seeds))
    _check_apart(cell)
    check_whole("relax", relax, 0)
    check(0 <= as_number(rtol) < 1, f"`rtol` must lie in [0, 1), but it is {rtol!r}.")
    check_whole("max_steps", max_steps, 1)
    coarse = _coarser(grid.shape, len(shares))
    for shape in coarse[:-1]:
        cell = _Solve(shape, cell, shares, rtol).run(COARSE_STEPS, COARSE_STEP).cell
    for _ in range(relax):
        solve = _started(coarse[-1], cell, shares, rtol).run(LLOYD_STEPS, COARSE_STEP)
        cell = solve.cell._replace(seeds=centroids(solve.owner, solve.cell))
    start = _started if relax else _Solve
    if coarse[-1] != grid.shape:
        cell = start(coarse[-1], cell, shares, rtol).run(COARSE_STEPS, COARSE_STEP).cell
        start = _Solve
    solve = start(grid.shape, cell, shares, rtol).run(max_steps, SMALLEST_STEP)
    reached = solve.volumes / grid.size
    result = LaguerreWeights(
        weights=solve.cell.weights - solve.cell.weights.mean(),
        seeds=(solve.cell.seeds * solve.cell.factors).T,
        volumes=reached,
        volume_error=np.asarray(np.abs(reached / shares - 1).max()),
        status=np.asarray(Status.CONVERGED if solve.worst <= 1 else Status.MAX_STEPS, np.int32),
        steps=np.asarray(solve.steps, np.int32),
    )
    if throw and solve.worst > 1:
        raise SolveError(_failure(result, shares, rtol, grid))
    return result


def checked_volumes(grid: Grid, volumes: Any, count: int | None = None, name: str = "volumes") -> Float[np.ndarray, " n"]:
    """Relative volumes with sum 1, each of a voxel at least."""
    given = np.asarray(volumes, float)
    check_shape(name, given, ("n" if count is None else count,), "Give one relative volume per seed.")
    wrong = ~(np.isfinite(given) & (given > 0))
    if wrong.any():
        first = int(wrong.argmax())
        raise ValueError(
            f"`{name}` must be positive and finite, but {int(wrong.sum())} of {given.size} are not (the first at index {first}: {given[first]})."
        )
    shares = given / given.max()
    shares /= shares.sum()
    voxels = shares * grid.size
    if voxels.min() < 1:
        factor = np.ceil(100 * voxels.min() ** (-1 / grid.ndim)) / 100
        finer = tuple(int(np.ceil(n * factor)) for n in grid.shape)
        raise ValueError(
            f"Every grain must fill a voxel at least, but {int((voxels < 1).sum())} of {given.size} grains would be smaller (the smallest "
            f"{voxels.min():.2g} voxels). Use a grid of {finer} voxels or more, fewer grains, or sizes that spread less."
        )
    return shares


def centroids(owner: Int[np.ndarray, "*grid"], cell: ScaledCell) -> Float[np.ndarray, "n d"]:
    """Mean of each cell's voxels in scaled coordinates, each taken at the image nearest to the cell's circular mean, axis by axis.

    A seed may lie far outside its cell, so that it does not tell which image is meant. An empty cell keeps its seed.
    """
    flat, count = owner.ravel(), len(cell.seeds)
    voxels = np.maximum(np.bincount(flat, minlength=count), 1)
    moved = np.empty_like(cell.seeds)
    for axis, (size, length) in enumerate(zip(owner.shape, cell.lengths, strict=True)):
        shape = [size if k == axis else 1 for k in range(owner.ndim)]
        where = (np.arange(size) + 0.5) * (length / size)
        turn = np.exp(2j * np.pi * where / length)
        layers = np.bincount((owner * size + np.arange(size).reshape(shape)).ravel(), minlength=count * size).reshape(
            count, size
        )  # voxels of each cell in each layer
        mean_turn = layers @ turn
        here = np.abs(mean_turn) > 1e-9 * voxels
        about = np.where(here, np.angle(mean_turn) / (2 * np.pi) * length, cell.seeds[:, axis])
        offset = where - about[:, None]
        offset -= length * np.round(offset / length)
        moved[:, axis] = np.where(layers.any(axis=1), about + (layers * offset).sum(axis=1) / voxels, cell.seeds[:, axis])
    return moved


def _started(shape: tuple[int, ...], cell: ScaledCell, shares: np.ndarray, rtol: float) -> "_Solve":
    """A solve from the best of three guesses: the weights at hand, r² of balls of the wanted volumes, and none, with which all cells live."""
    ndim = len(shape)
    radius = (shares * np.prod(cell.lengths) / BALL[ndim]) ** (1 / ndim)
    guesses = [_Solve(shape, cell._replace(weights=weights), shares, rtol) for weights in (cell.weights, radius**2, 0 * radius)]
    return min(guesses, key=lambda solve: solve.merit(solve.volumes))


class _Solve:
    """Newton's method on one grid; volumes are in voxels."""

    def __init__(self, shape: tuple[int, ...], cell: ScaledCell, shares: np.ndarray, rtol: float):
        self.shape, self.cell = shape, cell
        self.voxel = float(np.prod(cell.lengths / shape))
        self.asked = shares * np.prod(shape)
        spacing = cell.lengths / shape
        slack = (
            VOXELS[len(shape)] * spacing.max() / np.prod(spacing) ** (1 / len(shape))
        )  # faces across the long edge of a voxel move by layers
        self.tolerance = rtol * self.asked + np.clip(self.asked / 2, 0.5, slack)
        self.steps, self.size = 0, 1.0
        self.owner, self.volumes = self._counted(cell.weights)

    @property
    def worst(self) -> float:
        """Largest error over its tolerance; infinite where a cell of a voxel or more is empty."""
        return np.inf if self.merit(self.volumes)[0] else float(np.abs(self._missing(self.volumes)).max())

    def merit(self, volumes: np.ndarray) -> tuple[int, float]:
        """Cells that are empty but should not be (coarse grids cannot hold them all), and the root of the squared errors over tolerances."""
        return int(((volumes == 0) & (self.asked >= 1)).sum()), float(np.sqrt((self._missing(volumes) ** 2).sum()))

    def run(self, most: int, smallest: float) -> "_Solve":
        """Steps until the volumes are reached, none of at least `smallest` times Newton's helps, or there were `most`."""
        for _ in range(most):
            if self.worst <= 1 or not self._step(smallest):
                break
        return self

    def _counted(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        owner = power_owner(self.shape, self.cell._replace(weights=weights))
        return owner, np.bincount(owner.ravel(), minlength=len(weights))

    def _missing(self, volumes: np.ndarray) -> np.ndarray:
        return (self.asked - volumes) / self.tolerance

    def _step(self, smallest: float) -> bool:
        """One damped step, of all volumes or else of those that are still wrong; false where none was good."""
        dead, error = self.merit(self.volumes)
        joints = self._joints()
        for least in (0.0, 1.0):
            direction = self._direction(joints, least)
            size = min(1.0, 2 * self.size)
            while size >= smallest:
                weights = self.cell.weights + size * direction
                owner, volumes = self._counted(weights)
                now_dead, now = self.merit(volumes)
                if now_dead <= dead and now < (1 - size / 4) * error:
                    self.cell, self.owner, self.volumes = self.cell._replace(weights=weights), owner, volumes
                    self.steps, self.size = self.steps + 1, size
                    return True
                size /= 2
        return False

    def _direction(self, joints: Any, least: float) -> Float[np.ndarray, " n"]:
        """Newton's direction for the volumes whose error is more than `least` tolerances.

        Conjugate gradients: in 3D the factors of a direct solver fill up. Where they stall the step is only a worse one.
        """
        import scipy.sparse
        from scipy.sparse.linalg import cg

        degree = np.asarray(joints.sum(axis=1)).ravel()
        diagonal = degree + 1e-9 * degree.mean()
        right = np.where(np.abs(self._missing(self.volumes)) > least, (self.asked - self.volumes) * self.voxel, 0.0)
        matrix = scipy.sparse.diags(diagonal).tocsr() - joints
        return np.asarray(cg(matrix, right - right.mean(), rtol=1e-6, maxiter=500, M=scipy.sparse.diags(1 / diagonal))[0])

    def _joints(self) -> Any:
        """Stiffness between neighbours; a dying cell is given that of a ball, and an empty one a joint with the cell its seed lies in."""
        import scipy.sparse

        joints = face_stiffness(self.owner, self.cell)
        count, ndim = len(self.asked), len(self.shape)
        least = STIFFNESS * (self.asked * self.voxel) ** ((ndim - 2) / ndim)
        degree = np.asarray(joints.sum(axis=1)).ravel()
        empty = np.flatnonzero(degree == 0)
        if len(empty):
            voxel = np.floor(np.mod(self.cell.seeds[empty] / self.cell.lengths, 1.0) * self.shape).astype(int)
            around = self.owner[tuple(np.minimum(voxel, np.array(self.shape) - 1).T)]
            extra = scipy.sparse.coo_matrix((least[empty], (empty, around)), shape=(count, count))
            joints = joints + extra + extra.T
            degree[empty] = least[empty]
        pairs = joints.tocoo()
        factor = np.where(self.volumes < DYING * self.asked, np.maximum(least / degree, 1.0), 1.0)
        return scipy.sparse.coo_matrix(
            (pairs.data * np.maximum(factor[pairs.row], factor[pairs.col]), (pairs.row, pairs.col)), pairs.shape
        ).tocsr()


def face_stiffness(owner: Int[np.ndarray, "*grid"], cell: ScaledCell) -> Any:
    """A_ij / (2 |s_i − s_j|) of all pairs of neighbours, a symmetric sparse matrix `(n, n)`, from the faces between voxels.

    A voxel face across axis k adds f_k |n_k| / (2 |s_i − s_j|) = f_k |Δ_k| / (2 |Δ|²), with Δ between the images of the two seeds that are
    nearest to the face.
    """
    import scipy.sparse

    count, flat = len(cell.seeds), owner.ravel()
    spacing = cell.lengths / owner.shape
    total = scipy.sparse.csr_matrix((count, count))
    for axis in range(owner.ndim):
        other = np.roll(owner, -1, axis).ravel()
        faces = np.flatnonzero(flat != other)
        first, second = flat[faces], other[faces]
        square = np.zeros(len(faces))
        across = np.zeros(len(faces))
        for k, index in enumerate(np.unravel_index(faces, owner.shape)):
            centre = (index + (1.0 if k == axis else 0.5)) * spacing[k]
            ends = [cell.seeds[owners, k] - centre for owners in (first, second)]
            delta = np.subtract(*(end - cell.lengths[k] * np.round(end / cell.lengths[k]) for end in ends))
            square += delta**2
            across = np.abs(delta) if k == axis else across
        area = np.prod(spacing) / spacing[axis]
        values = area * across / (2 * np.maximum(square, np.finfo(float).tiny))
        total = total + scipy.sparse.coo_matrix((values, (first, second)), shape=(count, count)).tocsr()
    return total + total.T


def _coarser(shape: tuple[int, ...], count: int) -> list[tuple[int, ...]]:
    """Halved grids on which a mean grain still has some voxels, the coarsest first; at least one."""
    shapes = []
    finer = tuple(-(-n // 2) for n in shape)
    while np.prod(finer) >= COARSE * count and min(finer) >= 4:
        shapes.insert(0, finer)
        finer = tuple(-(-n // 2) for n in finer)
    return shapes or [shape]


def _check_apart(cell: ScaledCell) -> None:
    """Seeds at one place have no face between them, whatever their weights."""
    _, numbers, counts = np.unique(np.mod(cell.seeds, cell.lengths), axis=0, return_inverse=True, return_counts=True)
    if counts.max() > 1:
        alike = np.flatnonzero(numbers.ravel() == counts.argmax())[:2].tolist()
        raise ValueError(f"`seeds` must lie apart, but seeds {alike[0]} and {alike[1]} are at one place. Move one of them.")


def _failure(result: LaguerreWeights, shares: np.ndarray, rtol: float, grid: Grid) -> str:
    error = np.abs(result.volumes / shares - 1)
    worst = int(error.argmax())
    return (
        f"`laguerre_weights` did not reach the volumes within rtol={rtol:g} and {VOXELS[grid.ndim]} voxels after {int(result.steps)} steps: the largest "
        f"relative error is {error[worst]:.3g}, of cell {worst} with {result.volumes[worst] * grid.size:.0f} voxels instead of "
        f"{shares[worst] * grid.size:.1f}. Use a finer grid, `relax`, or a larger `rtol`; `throw=False` returns what was reached."
    )
