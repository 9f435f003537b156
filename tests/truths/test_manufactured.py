"""Manufactured solutions."""

import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import solve_cell_problem
from tests.truths.case import judge, rows
from tests.truths.manufactured import CASES, CELLS, mean_stress
from tests.truths.smooth_fields import Manufactured
from tests.truths.voxels import centres


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_manufactured_solutions_are_found(case, trial):
    judge(case, trial)


def test_a_prescribed_mean_stress_finds_the_mean_strain():
    """The same solution asked for by its mean stress; off by what the scheme is off by."""
    cell = Manufactured(*CELLS["plane"])
    x = centres((32, 32), cell.lengths)
    found = solve_cell_problem(
        cell.stiffness(x), jm.Grid((32, 32), cell.lengths), stress=mean_stress("plane"), eigenstrain=cell.eigenstrain(x),
        discretization="fourier", rtol=1e-9,
    )  # fmt: skip
    assert np.allclose(found.mean_strain, cell.mean_strain, rtol=0, atol=1e-7)
    assert np.allclose(found.strain, cell.strain(x), rtol=0, atol=1e-6)
