"""Checkerboards and the exchange of phases."""

import pytest

from tests.truths.case import judge, rows
from tests.truths.checkered import CASES


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_corners_set_the_order(case, trial):
    judge(case, trial)
