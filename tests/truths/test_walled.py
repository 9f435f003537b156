"""Conduction between walls."""

import pytest

import jaxmicro as jm
from tests.truths.case import judge, rows
from tests.truths.walled import CASES, NETWORK, PUBLISHED, face_centred_spheres


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_conduction_between_walls(case, trial):
    judge(case, trial)


@pytest.mark.parametrize("n", [32, pytest.param(64, marks=pytest.mark.slow)])
def test_the_network_of_resistors_is_solved_to_more_digits_than_are_published(n):
    pores = face_centred_spheres(n)
    found = jm.effective_conductivity(pores, jm.Grid(pores.shape), walls=0, tensor_rtol=1e-7)
    assert float(found.tortuosity) == pytest.approx(NETWORK[n], rel=2e-8)
    assert PUBLISHED[n] == pytest.approx(NETWORK[n], rel=2e-5)
