"""What the demo designs: cells for targets that hold when every voxel is split."""

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
from jaxmicro.cli.demonstration.nearby import Nearby, anywhere, near
from jaxmicro.cli.demonstration.settings import Effort
from jaxmicro.cli.demonstration.source import Source
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.wishes import scalar_conductivities
from jaxmicro.design import (
    Conductivity,
    DesignResult,
    LatentSpace,
    Problem,
    Stiffness,
    Target,
    Verification,
    VolumeFraction,
    minimize,
    verify,
)
from jaxmicro.design.evaluation import Evaluator, discrete
from jaxmicro.materials import Constants

STIFF, CONDUCTIVE = "E_x", "k_yy"
GOALS = (STIFF, CONDUCTIVE)
TOLERANCE = 0.01
CORRECTIONS = 2  # times at most that a search goes on after its verification


@dataclasses.dataclass(frozen=True)
class Study:
    """The latent space and the physics.

    Attributes:
        space: latents of the codec.
        properties: shared by all problems, so that each is compiled once.
        batch: cells of a generation.
    """

    space: Nearby
    properties: tuple[Any, ...]
    batch: int

    def problem(self, targets: Any, start: Any = None) -> Problem:
        """The search for a cell with these values, from a latent or from anywhere."""
        goals = [Target(name, float(value), TOLERANCE) for name, value in zip(GOALS, targets, strict=True)]
        return Problem(self.space if start is None else near(self.space, start), self.properties, goals)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all values."""
        return self.problem([1.0, 1.0]).names

    def values(self, labels: Int[np.ndarray, "n *grid"]) -> Float[np.ndarray, "n k"]:
        """All properties of cells, by the program that the designs use too: one more would take longer to compile than this takes to run."""
        one_hot = jnp.moveaxis(jax.nn.one_hot(jnp.asarray(labels), 2, dtype=self.space.grid.lengths.dtype), -1, 1)
        evaluator = Evaluator(self.problem([1.0, 1.0]))
        return np.concatenate([evaluator.values_and_jacobians(cell[None])[0] for cell in one_hot])

    def column(self, values: Float[np.ndarray, "n k"], name: str) -> Float[np.ndarray, " n"]:
        """One property of many cells."""
        return values[:, self.names.index(name)]


@dataclasses.dataclass(frozen=True)
class Designed:
    """One design for targets, and how it came about.

    Attributes:
        targets: wanted values of `GOALS`.
        result: the final design, verified. Its predicted values of `GOALS` are those of its own grid times `factors`.
        factors: split over own grid, measured at the previous verification.
        own: values of `GOALS` on the design's own grid.
        history: solves and error in tolerances of the first search.
        solves: of all searches, without verification.
    """

    targets: Float[np.ndarray, " g"]
    result: DesignResult
    factors: Float[np.ndarray, " g"]
    own: Float[np.ndarray, " g"]
    history: tuple[np.ndarray, np.ndarray]
    solves: int


def begin_study(source: Source, materials: Sequence[Constants], effort: Effort) -> Study:
    """The space and the properties that all parts of the demo share."""
    space = anywhere(LatentSpace(source.codec, source.grid))
    conductivity = Conductivity(jnp.asarray(scalar_conductivities(materials)))
    return Study(space, (Stiffness(list(materials)), conductivity, VolumeFraction(1)), min(20, effort.cells))


def compile_ahead(study: Study, key: Array) -> threading.Thread:
    """Verify some cell and evaluate a generation in the background, so that both are compiled by the time they are needed."""

    def work() -> None:
        latents, problem = study.space.initial(1, key), study.problem([1.0, 1.0])
        verify(problem, latents)
        Evaluator(problem).values(discrete(study.space, latents), batch=study.batch)

    thread = threading.Thread(target=work, name="compile ahead", daemon=True)
    thread.start()
    return thread


def choose_targets(study: Study, unseen: Float[np.ndarray, "m k"], count: int) -> Float[np.ndarray, "n g"]:
    """Values of real cells, spread over their range of stiffness."""
    wanted = np.stack([study.column(unseen, name) for name in GOALS], axis=1)
    order = np.argsort(wanted[:, 0])
    return wanted[order[np.round(np.linspace(0.2, 0.8, count) * (len(order) - 1)).astype(int)]]


def search_designs(study: Study, targets: Float[np.ndarray, "n g"], budget: int, key: Array, job: Job) -> list[DesignResult]:
    """A cell for each row of targets, by Levenberg–Marquardt steps in the latent space, judged on its own grid."""
    results = []
    for index, wanted in enumerate(targets):
        name = f"design {index}"
        with job.meter(f"design {index + 1} of {len(targets)}, solves") as progress:
            search = {"budget": budget, "key": split_named(key, name)[name], "progress": progress, "verify": False}
            results.append(minimize(study.problem(wanted), "gradient", **search))
        if index == 0:
            job.metric("seconds to the first design", round(job.console.seconds, 1), "s")
        said = ", ".join(
            f"{each} = {float(results[-1].values[each][0]):.4g} (target {value:.4g})" for each, value in zip(GOALS, wanted, strict=True)
        )
        job.console.step(f"  design {index + 1}: {said} after {results[-1].evaluations} solves")
    return results


def verify_and_correct(
    study: Study, found: DesignResult, targets: Float[np.ndarray, " g"], data: Float[Array, "t *latent"], budget: int, key: Array
) -> Designed:
    """Verify a design; where the split value misses, aim at what the split value will then meet, and search on from the design.

    The own grid of a cell misjudges it by a factor that hardly changes between neighbouring cells: split = factor · own.
    """
    columns = [found.names.index(name) for name in GOALS]
    problem, latents, solves = study.problem(targets), found.latents, found.evaluations
    factors = np.ones(len(GOALS))
    check = verify(problem, jnp.asarray(latents), data)
    best = (_miss(check, columns, targets), found, check, factors)
    for round_ in range(CORRECTIONS):
        if best[0] <= TOLERANCE or budget - solves < problem.solves:
            break
        factors = (check.split / check.predicted)[0, columns]
        name = f"correction {round_}"
        search = {"budget": budget - solves, "key": split_named(key, name)[name], "verify": False}
        again = minimize(study.problem(targets / factors, start=latents[0]), "gradient", **search)
        solves, latents = solves + again.evaluations, again.latents
        check = verify(problem, jnp.asarray(latents), data)
        best = min(best, (_miss(check, columns, targets), again, check, factors), key=lambda entry: entry[0])
    _, result, check, factors = best
    own = check.predicted[0, columns].copy()
    predicted = check.predicted.copy()
    predicted[0, columns] *= factors
    history = (np.asarray(found.history["evaluations"], float), np.asarray(found.history["error"], float))
    return Designed(targets, replace(result, verification=replace(check, predicted=predicted)), factors, own, history, solves)


def _miss(check: Verification, columns: Sequence[int], targets: Float[np.ndarray, " g"]) -> float:
    return float(np.max(np.abs(check.split[0, columns] / targets - 1)))
