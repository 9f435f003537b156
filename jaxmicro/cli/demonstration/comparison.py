"""Data against samples: geometry and physics as distributions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxmicro.cli.run_folder import Job
from jaxmicro.descriptors import radial_average, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.plotting import Statistic, ks_distance


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What the report shows of data and samples.

    Attributes:
        data, samples: labels of the cells shown.
        geometry: volume fraction and two-point correlation.
        properties: effective properties of both.
    """

    data: Int[np.ndarray, "n *grid"]
    samples: Int[np.ndarray, "m *grid"]
    geometry: tuple[Statistic, ...]
    properties: tuple[Statistic, ...]


def compare(
    data: Int[np.ndarray, "n *grid"], samples: Int[np.ndarray, "m *grid"], grid: Grid, properties: tuple[Statistic, ...], phase: str
) -> Comparison:
    """Volume fractions, correlations and the given properties of two groups of cells."""
    (radius, first), (_, second) = (_correlations(labels, grid) for labels in (data, samples))
    fraction = Statistic(f"volume fraction of {phase}", data.mean(axis=(1, 2)), samples.mean(axis=(1, 2)))
    curves = Statistic("two-point correlation", first, second, x=radius, x_name="distance")
    return Comparison(data, samples, (fraction, curves), properties)


def note_comparison(job: Job, comparison: Comparison) -> None:
    """Distances of the distributions as metrics and a table."""
    rows = []
    for each in (comparison.geometry[0], *comparison.properties):
        distance, groups = ks_distance(each.data, each.samples), [np.asarray(values, float) for values in (each.data, each.samples)]
        rows.append([each.name, each.unit or "", *(float(np.median(values)) for values in groups), distance, *map(len, groups)])
        job.metric(f"KS distance, {each.name}", distance)
    job.table("comparison", ["property", "unit", "data, median", "samples, median", "KS distance", "data cells", "sample cells"], rows)


def _correlations(labels: Int[np.ndarray, "n *grid"], grid: Grid) -> tuple[np.ndarray, Float[np.ndarray, "n r"]]:
    indicator = jnp.asarray(labels, grid.lengths.dtype)

    def one(cell: Array) -> tuple[Array, Array]:
        return radial_average(two_point_correlation(cell), grid)

    radius, curves = jax.jit(jax.vmap(one))(indicator)
    return np.asarray(radius[0]), np.asarray(curves)
