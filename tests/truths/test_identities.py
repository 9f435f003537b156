"""Relations that hold for every geometry."""

import pytest

from tests.truths.case import judge, rows
from tests.truths.identities import CASES


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_relations_for_every_geometry(case, trial):
    judge(case, trial)
