"""What a reconstruction is asked for, in one form: statistics, volume fractions, grid and phases."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import check, check_choice, is_number, replace
from jaxmicro.descriptors import lineal_path
from jaxmicro.design.exact_shares import voxel_counts
from jaxmicro.design.statistics import PLANES, LinealPath, Statistic, TwoPoint, lineal_path_statistic, two_point_statistic
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase

STATISTICS = ("two_point", "lineal_path")
SUM = 1e-3  # by which volume fractions may miss 1 before they are scaled
SPACING = 1e-4  # relative, by which voxels may differ


class Wanted(NamedTuple):
    """What is asked for."""

    statistics: list[Statistic]
    shares: Float[np.ndarray, " p"]
    counts: Int[np.ndarray, " p"]
    grid: Grid
    phases: tuple[Phase, ...]


Read = tuple[list[Statistic], np.ndarray | None, Grid, Sequence[Phase] | None]


def wanted_from(
    target: Any, grid: Grid | None, names: Sequence[str], volume_fractions: Any, max_lag: float | None, phases: Sequence[Phase | str] | None
) -> Wanted:
    """Read the target in whichever form it is given."""
    for name in names:
        check_choice("statistics", name, STATISTICS)
    check(len(names) > 0, "`statistics` must name at least one, but it is empty. Write statistics=('two_point',).")
    if isinstance(target, Microstructure):
        found, shares, grid, known = _of_cell(target, grid, names, max_lag)
    elif isinstance(target, Mapping):
        found, shares, grid, known = _of_planes(target, grid, names, max_lag)
    elif isinstance(target, Statistic) or (
        isinstance(target, list | tuple) and target and all(isinstance(each, Statistic) for each in target)
    ):
        if grid is None:
            raise ValueError("`grid` must be given with statistics, but it is None. Write grid=Grid(shape).")
        found, shares, known = [target] if isinstance(target, Statistic) else list(target), None, None
    else:
        found, shares, grid, known = _of_map(target, grid, max_lag)
    given = _shares(volume_fractions, shares)
    expected = len(given) if shares is None else len(shares)
    check(len(given) == expected, f"`volume_fractions` must hold {expected} numbers, but it is {volume_fractions!r}.")
    named = tuple(Phase(p) if isinstance(p, str) else p for p in (phases or known or [f"phase {k}" for k in range(len(given))]))
    check(len(named) == len(given), f"`phases` must hold {len(given)} names, but it holds {len(named)}.")
    return Wanted(found, given, voxel_counts(given, grid.size), grid, named)


def _of_cell(ms: Microstructure, grid: Grid | None, names: Sequence[str], max_lag: float | None) -> Read:
    """All statistics of a microstructure of the cell's dimensions; a map asks for its like in every plane of a volume."""
    grid = ms.grid if grid is None else grid
    if grid.ndim == 3 and ms.grid.ndim == 2:
        found, shares, grid, known = _of_planes(dict.fromkeys(PLANES, ms), grid, names, max_lag)
        return [_symmetrised(each, ms, grid) for each in found], shares, grid, known
    check(grid.ndim == ms.grid.ndim, f"`grid` must have the {ms.grid.ndim} dimensions of the target, but it has {grid.ndim}.")
    _check_spacing(ms.grid, grid, tuple(range(grid.ndim)))
    return _measured(ms, grid, None, names, max_lag), np.asarray(ms.volume_fractions, float), grid, ms.phases


def _of_planes(target: Mapping[str, Any], grid: Grid | None, names: Sequence[str], max_lag: float | None) -> Read:
    """Statistics of sections along planes of a volume."""
    if grid is None or grid.ndim != 3:
        raise ValueError(f"`grid` must be 3D for targets of its sections, but it is {grid}. Write grid=Grid((nx, ny, nz)).")
    check(len(target) > 0, f"`target` must name planes of {', '.join(PLANES)}, but it is empty.")
    found, shares = [], []
    for plane, ms in target.items():
        check_choice("target", plane, PLANES)
        flat = isinstance(ms, Microstructure) and ms.grid.ndim == 2
        check(flat, f"`target` must hold a 2D Microstructure for the plane {plane!r}, but it is {type(ms).__name__}.")
        _check_spacing(ms.grid, grid, PLANES[plane])
        found += _measured(ms, grid, plane, names, max_lag)
        shares.append(np.asarray(ms.volume_fractions, float))
    sizes = {len(each) for each in shares}
    check(len(sizes) == 1, f"`target` must have the same phases in every plane, but their numbers are {sorted(sizes)}.")
    return found, np.mean(shares, axis=0), grid, next(iter(target.values())).phases


def _symmetrised(statistic: Statistic, ms: Microstructure, grid: Grid) -> Statistic:
    """Correlations averaged over exchange and reflection of axes, lineal paths over both axes of the map."""
    if isinstance(statistic.measure, LinealPath):
        longest = statistic.target.shape[0] - 1
        paths = [lineal_path(np.asarray(ms.fractions[statistic.measure.phase]), axis=axis, max_length=longest) for axis in (0, 1)]
        return replace(statistic, target=(paths[0] + paths[1]) / 2)
    size = min(ms.grid.shape)
    lags = np.asarray(TwoPoint()(ms.fractions, ms.grid))
    reach = (size - 1) // 2
    signed = np.arange(-reach, reach + 1)
    part = lags[:, signed % ms.grid.shape[0]][:, :, signed % ms.grid.shape[1]]
    even = (part + part[:, ::-1] + part[:, :, ::-1] + part[:, ::-1, ::-1]) / 4
    mean = np.fft.ifftshift((even + even.swapaxes(1, 2)) / 2, axes=(1, 2))
    plane = statistic.name.rsplit(" ", 1)[-1]
    fresh = two_point_statistic(mean, grid.shape, plane=plane)
    return replace(fresh, target=jnp.where(jnp.isfinite(statistic.target), fresh.target, jnp.nan))


def _measured(ms: Microstructure, grid: Grid, plane: str | None, names: Sequence[str], max_lag: float | None) -> list[Statistic]:
    found = []
    check(ms.n_phases >= 2, f"The target must have at least two phases, but it has {ms.n_phases}.")
    axes = PLANES[plane] if plane else tuple(range(grid.ndim))
    if "two_point" in names:
        correlations = TwoPoint()(ms.fractions, ms.grid)
        found.append(two_point_statistic(correlations, grid.shape, plane=plane, max_lag=max_lag, spacing=np.asarray(grid.spacing)))
    if "lineal_path" in names:
        for phase in range(1, ms.n_phases):
            for own, axis in enumerate(axes):
                longest = min(ms.grid.shape[own], grid.shape[axis]) // 2
                path = lineal_path(np.asarray(ms.fractions[phase]), axis=own, max_length=longest)
                found.append(lineal_path_statistic(path, axis, phase))
    return found


def _of_map(target: Any, grid: Grid | None, max_lag: float | None) -> Read:
    """A map of correlations of phase 1 of two."""
    values = np.asarray(target)
    good = values.dtype.kind in "fiu" and values.ndim in (2, 3)
    check(
        good,
        "`target` must be a Microstructure, planes of a volume, statistics, or a map of two-point correlations, but it is "
        f"{type(target).__name__} of shape {values.shape}.",
    )
    grid = Grid(values.shape) if grid is None else grid
    check(grid.ndim == values.ndim, f"`grid` must have the {values.ndim} dimensions of the target, but it has {grid.ndim}.")
    share = float(values[(0,) * values.ndim])
    check(0 < share < 1, f"`target` must hold the volume fraction at zero lag, between 0 and 1, but it holds {share:g} there.")
    statistic = two_point_statistic(jnp.asarray(values, grid.lengths.dtype), grid.shape, max_lag=max_lag, spacing=np.asarray(grid.spacing))
    return [statistic], np.array([1 - share, share]), grid, None


def _shares(volume_fractions: Any, measured: np.ndarray | None) -> np.ndarray:
    if volume_fractions is None:
        check(measured is not None, "`volume_fractions` must be given with statistics, but it is None. Write volume_fractions=(0.7, 0.3).")
        return np.asarray(measured)
    shares = np.asarray([1 - volume_fractions, volume_fractions] if is_number(volume_fractions) else volume_fractions, float)
    good = shares.ndim == 1 and len(shares) >= 2 and bool((shares >= 0).all()) and abs(shares.sum() - 1) < SUM
    check(good, f"`volume_fractions` must be non-negative and sum to 1, but they are {np.asarray(volume_fractions).tolist()}.")
    return shares / shares.sum()


def _check_spacing(have: Grid, grid: Grid, axes: tuple[int, ...]) -> None:
    mine, theirs = np.asarray(have.spacing, float), np.asarray(grid.spacing, float)[list(axes)]
    check(
        bool(np.allclose(mine, theirs, rtol=SPACING, atol=0)),
        f"`grid` must have voxels of the size of the target's, {mine.tolist()}, but they are {theirs.tolist()}. "
        "Give lengths in proportion to the shape, or resample the target.",
    )
