"""The front of stiffness against conductivity, searched for in two ways."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from jaxmicro._core import replace, split_named
from jaxmicro.cli.demonstration.designs import CONDUCTIVE, STIFF, Study
from jaxmicro.cli.demonstration.settings import Effort
from jaxmicro.cli.run_folder import Job
from jaxmicro.design import Between, DesignResult, Maximize, Minimize, Problem, minimize, verify

METHODS = ("gradient", "nsga2")
FRACTION = "volume_fraction"


def front_problem(study: Study, data: Float[np.ndarray, "n k"]) -> Problem:
    """Stiff along x and insulating along y, with as much of the second phase as half of the data has."""
    low, high = (float(np.round(end, 3)) for end in np.quantile(study.column(data, FRACTION), [0.25, 0.75]))
    return Problem(study.space, study.properties, [Maximize(STIFF), Minimize(CONDUCTIVE)], [Between(FRACTION, low, high)])


def search_fronts(
    study: Study, problem: Problem, data: Float[np.ndarray, "n k"], effort: Effort, key: Array, job: Job
) -> dict[str, DesignResult]:
    """The front by gradients and by evolution, at the same number of solves and with the same reference point."""
    reference = [float(study.column(data, STIFF).min()), float(study.column(data, CONDUCTIVE).max())]
    lanes = {"gradient": min(12, study.batch), "nsga2": study.batch}
    found = {}
    for method in METHODS:
        with job.meter(f"front by {method}, solves") as progress:
            search = {"budget": effort.front, "key": split_named(key, method)[method], "progress": progress, "population": lanes[method]}
            found[method] = minimize(problem, method, reference=reference, verify=False, **search)
        volume = float(found[method].hypervolume_history[-1, 1])
        job.metric(f"hypervolume, {method}", volume)
        job.console.step(f"  {method}: {len(found[method].labels)} designs on its front, hypervolume {volume:.4g}")
    return found


def verify_front(problem: Problem, fronts: Mapping[str, DesignResult]) -> DesignResult:
    """Designs of the joint front, its ends and the one nearest to both ideals, verified one by one."""
    points = np.concatenate([result.front for result in fronts.values()])
    latents = np.concatenate([result.latents for result in fronts.values()])
    labels = np.concatenate([result.labels for result in fronts.values()])
    owners = [method for method, result in fronts.items() for _ in result.labels]
    costs = points * np.asarray([-1.0, 1.0])
    scaled = (costs - costs.min(axis=0)) / np.maximum(np.ptp(costs, axis=0), 1e-300)
    chosen = [int(place) for place in (np.argmin(scaled[:, 0]), np.argmin((scaled**2).sum(axis=1)), np.argmin(scaled[:, 1]))]
    checks = [verify(problem, jnp.asarray(latents[[place]])) for place in chosen]
    parts = ("predicted", "split", "rotated", "lower", "upper", "prior_distance")
    joint = replace(
        checks[0],
        violations=tuple(lines for check in checks for lines in check.violations),
        evaluations=sum(check.evaluations for check in checks),
        **{part: np.concatenate([getattr(check, part) for check in checks]) for part in parts},
    )
    first = next(iter(fronts.values()))
    return replace(
        first,
        latents=latents[chosen],
        labels=labels[chosen],
        values={name: joint.predicted[:, column] for column, name in enumerate(first.names)},
        errors=np.zeros(len(chosen)),
        front=points[chosen],
        verification=joint,
        method=" and ".join(dict.fromkeys(owners[place] for place in chosen)),
    )
