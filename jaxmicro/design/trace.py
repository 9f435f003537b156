"""What a search has seen: every solved design with its values, in the order of the solves."""

from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro.design.problem import Problem


class Trace:
    """A growing list of solved designs.

    Attributes:
        best_error: smallest error so far.
    """

    def __init__(self, problem: Problem):
        self.problem = problem
        self.best_error = float("inf")
        self._latents: list[np.ndarray] = []
        self._values: list[np.ndarray] = []
        self._errors: list[np.ndarray] = []
        self._evaluations: list[np.ndarray] = []
        self._guesses: list[np.ndarray] = []

    def add(self, evaluations: int, latents: np.ndarray, values: np.ndarray, errors: np.ndarray, guess: Any = None) -> None:
        """Append a batch; `evaluations` counts the solves up to and with it."""
        n = len(values)
        self._latents.append(np.asarray(latents))
        self._values.append(np.asarray(values))
        self._errors.append(np.asarray(errors, float))
        self._evaluations.append(evaluations - self.problem.solves * np.arange(n)[::-1])
        self._guesses += [np.full(0, np.nan) if guess is None else guess.value] * n
        self.best_error = float(min(self.best_error, np.min(errors)))

    @property
    def count(self) -> int:
        """Solved designs."""
        return sum(len(values) for values in self._values)

    @property
    def latents(self) -> Float[np.ndarray, "e *latent"]:
        """All latents."""
        return np.concatenate(self._latents)

    @property
    def values(self) -> Float[np.ndarray, "e k"]:
        """All values."""
        return np.concatenate(self._values)

    @property
    def errors(self) -> Float[np.ndarray, " e"]:
        """Errors in units of the tolerance; infinite for failed solves."""
        return np.concatenate(self._errors)

    @property
    def evaluations(self) -> np.ndarray:
        """Solves up to and with each design."""
        return np.concatenate(self._evaluations)

    def joined(self, other: "Trace") -> "Trace":
        """This trace and then another, which went on counting."""
        both = Trace(self.problem)
        for name in ("_latents", "_values", "_errors", "_evaluations", "_guesses"):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        both.best_error = min(self.best_error, other.best_error)
        return both
