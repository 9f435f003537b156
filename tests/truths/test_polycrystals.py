"""Random polycrystals."""

import pytest

from tests.truths.case import judge, rows
from tests.truths.crystal_formulas import hashin_shtrikman_shear
from tests.truths.polycrystals import CASES, COPPER, SAMPLES, moduli


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_polycrystals(case, trial):
    judge(case, trial)


@pytest.mark.parametrize("scheme", [pytest.param("finite_element", marks=pytest.mark.slow), "rotated"])
def test_every_sample_lies_between_the_bounds(scheme):
    """Bounds are for infinitely many grains; the samples scatter by half a percent, the bounds are seven percent apart."""
    low, high = hashin_shtrikman_shear(*COPPER)
    assert all(low < moduli(scheme, 24, sample)[1] < high for sample in range(SAMPLES))
