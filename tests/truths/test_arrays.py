"""Arrays of discs and spheres."""

import pytest

from tests.truths.arrays import CASES
from tests.truths.case import judge, rows


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_arrays_of_discs_and_spheres(case, trial):
    judge(case, trial)
