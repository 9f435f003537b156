"""What the demo designs: cells for targets, and a front between stiffness and conductivity."""

import dataclasses
import threading
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from jaxmicro._core import replace, split_named
from jaxmicro.cli.demonstration.settings import Effort
from jaxmicro.cli.demonstration.source import Source
from jaxmicro.cli.run_folder import Job
from jaxmicro.design import (
    Conductivity,
    DesignResult,
    LatentSpace,
    Maximize,
    Minimize,
    Problem,
    Stiffness,
    Target,
    VolumeFraction,
    minimize,
    verify,
)
from jaxmicro.design.evaluation import Evaluator
from jaxmicro.materials import Constants

STIFF, CONDUCTIVE = "E_x", "k_yy"
TOLERANCE = 0.01
METHODS = ("gradient", "nsga2")


@dataclasses.dataclass(frozen=True)
class Study:
    """The latent space, the physics, and what was solved of real cells.

    Attributes:
        space: latents of the codec.
        properties: shared by all problems, so that each is compiled once.
        front: the problem of the front; also evaluates cells.
        batch: cells per evaluation.
    """

    space: LatentSpace
    properties: tuple[Any, ...]
    front: Problem
    batch: int

    def values(self, labels: Int[np.ndarray, "n *grid"]) -> Float[np.ndarray, "n k"]:
        """All properties of cells."""
        one_hot = jnp.moveaxis(jax.nn.one_hot(jnp.asarray(labels), 2, dtype=self.space.grid.lengths.dtype), -1, 1)
        evaluator = Evaluator(self.front)
        parts = [evaluator.values(one_hot[start : start + self.batch], batch=self.batch) for start in range(0, len(labels), self.batch)]
        return np.concatenate(parts)

    def column(self, values: Float[np.ndarray, "n k"], name: str) -> Float[np.ndarray, " n"]:
        """One property of many cells."""
        return values[:, self.front.column(name)]


def begin_study(source: Source, materials: Sequence[Constants], effort: Effort) -> Study:
    """The problem that all parts of the demo share."""
    space = LatentSpace(source.codec, source.grid)
    conductivity = Conductivity(np.asarray([float(each.conductivity or 0.0) for each in materials]))
    properties = (Stiffness(list(materials)), conductivity, VolumeFraction(1))
    return Study(space, properties, Problem(space, properties, [Maximize(STIFF), Minimize(CONDUCTIVE)]), min(20, effort.cells))


def compile_verification(study: Study, key: Array) -> threading.Thread:
    """Verify some cell in the background, so that the checks are compiled by the time the first design needs them."""

    def work() -> None:
        verify(study.front, study.space.initial(1, key))

    thread = threading.Thread(target=work, name="compile verification", daemon=True)
    thread.start()
    return thread


def design_targets(
    study: Study, unseen: Float[np.ndarray, "m k"], effort: Effort, data: Float[np.ndarray, "t *latent"], key: Array, job: Job
) -> tuple[list[DesignResult], Float[np.ndarray, "n 2"]]:
    """Design cells with the stiffness and conductivity of unseen cells, spread over their range; results and targets."""
    wanted = np.stack([study.column(unseen, name) for name in (STIFF, CONDUCTIVE)], axis=1)
    order = np.argsort(wanted[:, 0])
    chosen = order[np.round(np.linspace(0.2, 0.8, effort.designs) * (len(order) - 1)).astype(int)]
    results = []
    for index, targets in enumerate(wanted[chosen]):
        goals = [Target(name, float(value), TOLERANCE) for name, value in zip((STIFF, CONDUCTIVE), targets, strict=True)]
        problem = Problem(study.space, study.properties, goals)
        name = f"design {index}"
        with job.meter(
            f"design {index + 1} of {effort.designs}: {STIFF} = {targets[0]:.3g}, {CONDUCTIVE} = {targets[1]:.3g}; solves"
        ) as progress:
            result = minimize(
                problem, "gradient", budget=effort.budget, key=split_named(key, name)[name], progress=progress, data=jnp.asarray(data)
            )
        results.append(result)
        if index == 0:
            job.metric("seconds to the first design", round(job.console.seconds, 1), "s")
        said = ", ".join(f"{each} = {float(result.values[each][0]):.4g}" for each in (STIFF, CONDUCTIVE))
        job.console.step(
            f"  design {index + 1}: {said} after {result.evaluations} solves ({'met' if result.met[0] else 'not met'} within {TOLERANCE:.0%})"
        )
    return results, wanted[chosen]


def search_fronts(study: Study, data: Float[np.ndarray, "n k"], effort: Effort, key: Array, job: Job) -> dict[str, DesignResult]:
    """The front of stiffness against conductivity, by gradients and by evolution, at the same number of solves."""
    stiff, conductive = study.column(data, STIFF), study.column(data, CONDUCTIVE)
    reference = [float(stiff.min()), float(conductive.max())]
    found = {}
    for method in METHODS:
        with job.meter(f"front by {method}; solves") as progress:
            found[method] = minimize(
                study.front, method, budget=effort.front, key=split_named(key, method)[method], progress=progress, reference=reference,
                verify=False, population=min(16, study.batch) if method == "gradient" else study.batch,
            )  # fmt: skip
        volume = found[method].hypervolume_history[-1, 1]
        job.metric(f"hypervolume, {method}", volume)
        job.console.step(f"  {method}: {len(found[method].labels)} designs on its front, hypervolume {volume:.4g}")
    return found


def verify_front(study: Study, fronts: dict[str, DesignResult]) -> DesignResult:
    """Three designs of the joint front, its ends and the one nearest to the ideal, verified."""
    points = np.concatenate([result.front for result in fronts.values()])
    latents = np.concatenate([result.latents for result in fronts.values()])
    labels = np.concatenate([result.labels for result in fronts.values()])
    owner = np.concatenate([[index] * len(result.labels) for index, result in enumerate(fronts.values())])
    costs = points * np.asarray([-1.0, 1.0])
    scaled = (costs - costs.min(axis=0)) / np.maximum(np.ptp(costs, axis=0), 1e-300)
    chosen = list(dict.fromkeys(int(i) for i in (np.argmin(scaled[:, 0]), np.argmin((scaled**2).sum(axis=1)), np.argmin(scaled[:, 1]))))
    checks = [verify(study.front, jnp.asarray(latents[[i]])) for i in chosen]
    parts = ("predicted", "split", "rotated", "lower", "upper", "prior_distance")
    joint = replace(
        checks[0],
        violations=tuple(lines for check in checks for lines in check.violations),
        evaluations=sum(check.evaluations for check in checks),
        **{part: np.concatenate([getattr(check, part) for check in checks]) for part in parts},
    )
    first = next(iter(fronts.values()))
    values = {name: joint.predicted[:, column] for column, name in enumerate(first.names)}
    return replace(
        first, latents=latents[chosen], labels=labels[chosen], values=values, errors=np.zeros(len(chosen)), front=points[chosen],
        verification=joint, method=", ".join(list(fronts)[owner[i]] for i in chosen),
    )  # fmt: skip
