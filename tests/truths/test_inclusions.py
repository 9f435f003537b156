"""Neutral inclusions."""

import pytest

from tests.truths.case import judge, rows
from tests.truths.inclusions import CASES


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_coated_balls_are_not_noticed(case, trial):
    judge(case, trial)
