"""Values of designs as costs to be minimised and violations to be avoided, the same for every method."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from jaxmicro.design.goals import Minimize, Target
from jaxmicro.design.problem import Problem
from jaxmicro.design.target_search import constraint_scale, interval

SLACK = 1e-9


class Costs(NamedTuple):
    """What a problem minimises, as functions of its values.

    Attributes:
        names: of the objectives.
        senses: `"min"` or `"max"` per objective (targets: `"min"` of the distance).
        columns: place of each objective among the values.
        signs: 1 to minimise, −1 to maximise.
        targets: wanted value per objective, NaN where it is extreme.
        scale: what a distance from a target is divided by: its tolerance, in the unit of the value.
        bounds: per constraint: column, low, high, scale.
    """

    names: tuple[str, ...]
    senses: tuple[str, ...]
    columns: np.ndarray
    signs: np.ndarray
    targets: np.ndarray
    scale: np.ndarray
    bounds: np.ndarray

    def of(self, values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n m"]:
        """Costs, to be minimised."""
        chosen = np.asarray(values, float)[:, self.columns]
        return np.where(np.isnan(self.targets), self.signs * chosen, np.abs(chosen - self.targets) / self.scale)

    def shown(self, values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n m"]:
        """Objectives in the user's sense: extremes as they are, distances from targets in tolerances."""
        return self.of(values) * np.where(np.isnan(self.targets), self.signs, 1.0)

    def violations(self, values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n c"]:
        """Distances from the constraints' intervals, in their scales; infinite for failed solves."""
        columns = self.bounds[:, 0].astype(int)
        low, high, scale = self.bounds[:, 1], self.bounds[:, 2], self.bounds[:, 3]
        chosen = np.asarray(values, float)[:, columns]
        slack = SLACK * np.abs(chosen)
        found = np.maximum(np.maximum(low - chosen, chosen - high) - slack, 0) / scale
        return np.where(np.isfinite(chosen), found, np.inf)

    def feasible(self, values: Float[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
        """Designs whose solves converged and whose constraints hold."""
        return np.asarray(np.isfinite(values).all(axis=1) & (self.violations(values) <= 0).all(axis=1))

    def errors(self, values: Float[np.ndarray, "n k"]) -> Float[np.ndarray, " n"]:
        """Largest distance from targets and constraints, in tolerances; infinite for failed solves."""
        wanted = ~np.isnan(self.targets)
        parts = np.concatenate([self.of(values)[:, wanted], self.violations(values)], axis=1)
        worst = parts.max(axis=1, initial=0.0)
        return np.where(np.isfinite(values).all(axis=1) & np.isfinite(worst), worst, np.inf)


def costs_of(problem: Problem) -> Costs:
    """Costs of a problem: beside extremes targets are constraints, alone their distances are the costs."""
    largest = max([abs(t.value) for t in problem.targets], default=0.0) or 1.0
    bounds = [(problem.column(c.name), *interval(c), constraint_scale(c)) for c in problem.constraints]
    rows = []
    for goal in problem.objectives:
        if isinstance(goal, Target):
            allowed = goal.tolerance * (abs(goal.value) or largest)
            if problem.extremes:
                bounds.append((problem.column(goal.name), goal.value - allowed, goal.value + allowed, allowed))
            else:
                rows.append((goal.name, "min", 1.0, goal.value, allowed))
        else:
            small = isinstance(goal, Minimize)
            rows.append((goal.name, "min" if small else "max", 1.0 if small else -1.0, np.nan, 1.0))
    names, senses, signs, targets, scale = zip(*rows, strict=True)
    return Costs(
        names,
        senses,
        np.array([problem.column(name) for name in names]),
        np.array(signs),
        np.array(targets, float),
        np.array(scale),
        np.array(bounds, float).reshape(-1, 4),
    )
