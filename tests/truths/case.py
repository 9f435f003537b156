"""What a case of the verification table is, and how its errors and orders are judged.

The same records serve the tests, on small grids, and `benchmarks/truths.py`, which writes docs/verification.md on larger ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

EXACT = 1e-9  # of solves whose tensor is off by about rtol² = 1e-12, in condition numbers up to a few hundred


@dataclass(frozen=True)
class Trial:
    """One scheme on one case.

    Attributes:
        scheme: the discretisation, and after a comma what the voxels hold if it is not one phase each.
        sizes: voxels per edge in the tests.
        table: voxels per edge in the table.
        order: interval of the observed order over the test sizes; None where the scheme is exact on every grid, or where the error
            falls faster than any power.
        bound: of the error at the last test size, and where `order` is None at every one.
        reason: of order and bound.
        slow: whether the tests of it take long.
    """

    scheme: str
    sizes: tuple[int, ...]
    table: tuple[int, ...]
    order: tuple[float, float] | None
    bound: float
    reason: str
    slow: bool = False


@dataclass(frozen=True)
class Case:
    """A question with a known answer.

    Attributes:
        name: of the case.
        source: of the answer, with DOI.
        measured: which error is measured.
        error: scheme and voxels per edge to the error.
        trials: the schemes.
    """

    name: str
    source: str
    measured: str
    error: Callable[[str, int], float]
    trials: tuple[Trial, ...]


def observed_order(sizes: Sequence[int], errors: Sequence[float]) -> float:
    """Least-squares slope of −log error over log size."""
    return float(-np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def rows(cases: Sequence[Case]) -> list[object]:
    """Parameters of a test: each trial with its case."""
    return [
        pytest.param(case, trial, id=f"{case.name}-{trial.scheme}", marks=[pytest.mark.slow] if trial.slow else [])
        for case in cases
        for trial in case.trials
    ]


def judge(case: Case, trial: Trial) -> None:
    """Fail unless errors and order are what they should be."""
    errors = [case.error(trial.scheme, n) for n in trial.sizes]
    told = f"{case.name} with {trial.scheme}: errors {errors} at {trial.sizes}"
    if trial.order is None:
        assert max(errors) < trial.bound, told
        return
    assert errors[-1] < trial.bound, told
    order = observed_order(trial.sizes, errors)
    assert trial.order[0] < order < trial.order[1], f"{told}, order {order:.3f} outside {trial.order}: {trial.reason}"
