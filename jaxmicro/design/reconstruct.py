"""Microstructures from statistics: the front door."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import (
    Progress,
    Status,
    as_number,
    check,
    check_whole,
    is_concrete,
    numpy_generator,
    record,
    silent,
    split_named,
    static,
)
from jaxmicro.design import phase_retrieval
from jaxmicro.design.exact_shares import exact_labels
from jaxmicro.design.reconstruction_targets import Wanted, wanted_from
from jaxmicro.design.soft_matching import match_softly
from jaxmicro.design.statistics import Statistic, TwoPoint
from jaxmicro.design.voxel_exchange import anneal, exchange
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase, gaussian_random_field

WORK = 8.2e7  # voxels times steps of phase retrieval by default
FEWEST, MOST = 300, 20000  # steps of it
SLOW = 0.1  # relaxation that ends nearest to the target where the cell itself is not found; two turns of it
ANNEALED_WAVES = 20_000  # above, an exchange of two voxels costs too much to try one after the other
PROPOSALS = 600_000
SOFT_WORK, EXCHANGES = 5e7, 4500
SHARPNESS = 2.0  # standard deviation of the logits that the search begins with


@record
class Reconstruction:
    """A microstructure made from statistics; a pytree.

    Attributes:
        microstructure: the cell, with labels and exact volume fractions.
        errors: relative error of each statistic on the labels, `(n,)`: ‖measured − target‖₂ over its scale.
        error: root of the sum of their squares.
        history: the smallest error so far, `(steps,)`: of the search, not all of it with exact volume fractions.
        status: a `Status` code: 0 where `error` is at most the tolerance, else `MAX_STEPS`, with the best cell that was found.
        steps: evaluations of the statistics, proposals of annealing not counted.
        names: of the statistics, static.
        method: "phase retrieval" or "gradient", static.
    """

    microstructure: Microstructure
    errors: Float[Array, " n"]
    error: Float[Array, ""]
    history: Float[Array, " steps"]
    status: Int[Array, ""]
    steps: Int[Array, ""]
    names: tuple[str, ...] = static(default=())
    method: str = static(default="gradient")

    def __str__(self) -> str:
        if not is_concrete(self.error, self.status):
            return repr(self)
        verdict = "within" if int(self.status) == Status.CONVERGED else "above"
        first = f"reconstruction by {self.method}: relative error {float(self.error):.4g} after {int(self.steps)} steps ({verdict} the tolerance)"
        return "\n".join([first] + [f"  {name}: {float(error):.4g}" for name, error in zip(self.names, self.errors, strict=True)])


def reconstruct(
    target: Microstructure | Mapping[str, Microstructure] | Statistic | Sequence[Statistic] | ArrayLike,
    grid: Grid | None = None,
    *,
    key: Array,
    statistics: Sequence[str] = ("two_point",),
    volume_fractions: Sequence[float] | float | None = None,
    max_lag: float | None = None,
    tolerance: float = 0.02,
    steps: int | None = None,
    phases: Sequence[Phase | str] | None = None,
    progress: Progress = silent,
) -> Reconstruction:
    """A cell with given statistics and exact volume fractions.

    The target is a microstructure to be like, or numbers:

    - a `Microstructure` of the cell's dimensions: the named `statistics` are measured on it;
    - a 2D one with a 3D `grid`: sections along all three planes are to be like it, whose correlations are averaged over exchanges and
      reflections of its axes, since a volume with the same sections along all planes has these symmetries;
    - `{"xy": ms, "xz": ms, "yz": ms}` (or some of them): sections through the volume along each plane;
    - a map of two-point correlations `(*lags)` of phase 1 of two, as `two_point_correlation` returns it, NaN where not known;
    - one `Statistic` or several: any differentiable measure of phase fractions. They need `volume_fractions`.

    A full map of two-point correlations of the cell's own size fixes the modulus of every Fourier coefficient, and almost always the
    cell, but for a shift and an inversion. It is looked for by relaxed reflections (phase retrieval); where the cell itself is
    not found, exchanges of voxels bring what was found nearer. For a new cell with the same statistics, take another size, or
    `max_lag`. Everything else is matched by L-BFGS on grey fractions whose grey gets dearer, then cut at the exact
    volume fractions, then by exchanges of voxels.

    Args:
        target: see above.
        grid: of the cell; by default that of the target. Its voxels must have the size of the target's.
        key: typed random key.
        statistics: of a microstructure: "two_point" and "lineal_path" (of every phase but the first, along every axis).
        volume_fractions: `(p,)`, or that of phase 1 of two; by default the target's.
        max_lag: longest lag of two-point correlations that counts, in the unit of the grid.
        tolerance: relative error at which the search ends.
        steps: most evaluations; by default as many as take seconds for 64² and about a minute for 64³.
        phases: names; by default the target's.
        progress: called with steps done, steps in all and the error.

    Returns:
        `Reconstruction`: the microstructure, its errors on the labels, and a status. A tolerance that is not met is told by the
        status and in the notes of the microstructure; it is no error.

    Raises:
        ValueError: if the target fits neither form, dimensions, voxel size nor phases, or volume fractions are not known.

    References:
        Fullwood et al. (2008), doi:10.1016/j.actamat.2007.10.044; Seibert et al. (2021), doi:10.1016/j.commatsci.2021.110206,
        for descriptors that are differentiated.

    Example:
        >>> from jaxmicro.microstructures import disc
        >>> found = reconstruct(disc(Grid((16, 16)), radius=4.0), key=jax.random.key(0))
        >>> float(found.error) < 0.02, found.microstructure.volume_fractions.tolist()
        (True, [0.796875, 0.203125])

    Not differentiable: it searches on labels.
    """
    check(is_concrete(target, grid, key, volume_fractions), "Cells are reconstructed on the host: call this outside jit, vmap and grad.")
    check(as_number(tolerance) > 0, f"`tolerance` must be a positive number, but it is {tolerance!r}.")
    if steps is not None:
        check_whole("steps", steps, 1)
    wanted = wanted_from(target, grid, statistics, volume_fractions, max_lag, phases)
    keys = split_named(key, "start", "exchange", "anneal")
    whole = _whole_map(wanted)
    if whole is not None:
        labels, history = _retrieved(wanted, whole, keys, tolerance, steps, progress)
    else:
        labels, history = _matched(wanted, keys, tolerance, steps, progress)
    return _reported(labels, history, wanted, tolerance, "gradient" if whole is None else "phase retrieval")


def _whole_map(wanted: Wanted) -> tuple[Statistic, np.ndarray] | None:
    """The full map of correlations among the statistics, and its Fourier coefficients up to one angle per wave."""
    for each in wanted.statistics:
        if each.measure == TwoPoint() and np.isfinite(np.asarray(each.target)).all():
            found = phase_retrieval.coefficients(np.asarray(each.target, float), wanted.shares)
            return None if found is None else (each, found)
    return None


def _retrieved(
    wanted: Wanted, whole: tuple[Statistic, np.ndarray], keys: Mapping[str, Array], tolerance: float, steps: int | None, progress: Progress
) -> tuple[np.ndarray, list[float]]:
    """Relaxed reflections, and where they do not end in a cell within the tolerance, exchanges."""
    (statistic, coefficients), counts = whole, wanted.counts
    scale, alone = float(statistic.scale), len(wanted.statistics) == 1
    best, history = _reflected(wanted, coefficients, scale, keys["start"], tolerance, steps, progress)
    labels = exact_labels(np.concatenate([1 - best, best]) if len(counts) == 2 else best, counts)
    if history[-1] > tolerance and alone and len(counts) == 2 and coefficients[0].size <= ANNEALED_WAVES:
        cell, error = anneal((labels == 1).astype(best.dtype), coefficients[0], scale, keys["anneal"], PROPOSALS)
        return cell.astype(np.int32), [*history, min(error, history[-1])]
    if history[-1] > tolerance or not alone:
        most = EXCHANGES if steps is None else steps
        labels, further = exchange(labels, wanted.statistics, wanted.grid, len(counts), tolerance, most, numpy_generator(keys["exchange"]))
        history += further
    return labels, history


def _reflected(
    wanted: Wanted, coefficients: np.ndarray, scale: float, key: Array, tolerance: float, steps: int | None, progress: Progress
) -> tuple[np.ndarray, list[float]]:
    """The best indicator of a run of relaxed reflections, and the smallest error after each step."""
    grid, counts = wanted.grid, wanted.counts
    dtype = grid.lengths.dtype
    most = int(np.clip(WORK / grid.size, FEWEST, MOST)) if steps is None else steps
    vectors = jnp.asarray(coefficients, jnp.result_type(dtype, jnp.complex64))
    numbers = jnp.asarray(counts[1:] if len(counts) == 2 else counts)
    state, history = phase_retrieval.start(key, vectors, grid.shape), []
    turn = min(phase_retrieval.TURN, most)
    relaxations = [phase_retrieval.RELAXATIONS[k % len(phase_retrieval.RELAXATIONS)] for k in range(-(-most // turn))]
    for beta in [*relaxations, SLOW, SLOW]:
        state, _ = phase_retrieval.search(
            state, vectors, numbers, jnp.asarray(scale, dtype), jnp.asarray(beta, dtype), shape=grid.shape, steps=turn
        )
        history += [float(state.error)] * turn
        progress(len(history), most + 2 * turn, {"error": history[-1]})
        if history[-1] <= tolerance:
            break
    return np.asarray(state.best), history


def _matched(
    wanted: Wanted, keys: Mapping[str, Array], tolerance: float, steps: int | None, progress: Progress
) -> tuple[np.ndarray, list[float]]:
    """Grey cells by gradients, cut at the exact volume fractions, then exchanges."""
    grid, count = wanted.grid, len(wanted.counts)
    soft = int(np.clip(SOFT_WORK / grid.size, FEWEST, 3 * FEWEST)) if steps is None else max(3, steps // 4)
    dtype = grid.lengths.dtype
    length = jnp.max(grid.spacing) * _decay_lag(wanted.statistics)
    fields = [
        SHARPNESS * gaussian_random_field(grid, key=each, correlation_length=length) for each in jax.random.split(keys["start"], count)
    ]
    bias = jnp.log(jnp.maximum(jnp.asarray(wanted.shares, dtype), 1e-3)).reshape(-1, *(1,) * grid.ndim)
    logits, history = match_softly(jnp.stack(fields) + bias, wanted.statistics, jnp.asarray(wanted.shares, dtype), grid, soft)
    progress(soft, soft + EXCHANGES, {"error": history[-1]})
    labels = exact_labels(np.asarray(logits), wanted.counts)
    most = EXCHANGES if steps is None else max(1, steps - soft)
    labels, further = exchange(labels, wanted.statistics, grid, count, tolerance, most, numpy_generator(keys["exchange"]))
    progress(soft + len(further), soft + most, {"error": further[-1]})
    return labels, history + further


def _decay_lag(statistics: Sequence[Statistic]) -> float:
    """Lag in voxels at which the first correlations have fallen to exp(−1/2) of their value at zero, less what is left far away."""
    for each in statistics:
        if isinstance(each.measure, TwoPoint):
            lags = np.asarray(each.target[0], float)
            line = lags[(slice(None), *(0,) * (lags.ndim - 1))][: lags.shape[0] // 2]
            far = line[0] ** 2
            below = np.flatnonzero(np.isfinite(line) & (line - far < np.exp(-0.5) * (line[0] - far)))
            return float(max(below[0], 1)) if below.size else 2.0
    return 2.0


def _reported(labels: np.ndarray, history: list[float], wanted: Wanted, tolerance: float, method: str) -> Reconstruction:
    cell = Microstructure(
        grid=wanted.grid,
        labels=labels,
        phases=wanted.phases,
        provenance=f"reconstruct: {method}",
        asked={"volume_fractions": wanted.shares},
    )
    errors = jnp.stack([each.error(cell.fractions, wanted.grid) for each in wanted.statistics])
    error = jnp.sqrt(jnp.sum(errors**2))
    met = float(error) <= tolerance
    note = "" if met else f", above the tolerance of {tolerance:g}"
    return Reconstruction(
        microstructure=cell.with_notes(f"relative error of the statistics {float(error):.4g}{note}"),
        errors=errors,
        error=error,
        history=jnp.minimum.accumulate(jnp.asarray(history, wanted.grid.lengths.dtype)),
        status=jnp.asarray(Status.CONVERGED if met else Status.MAX_STEPS, jnp.int32),
        steps=jnp.asarray(len(history), jnp.int32),
        names=tuple(each.name for each in wanted.statistics),
        method=method,
    )
