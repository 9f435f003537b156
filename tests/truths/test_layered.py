"""Layers, and layers of layers."""

import pytest

from tests.truths.case import judge, rows
from tests.truths.layered import CASES


@pytest.mark.parametrize(("case", "trial"), rows(CASES))
def test_layers_and_layers_of_layers(case, trial):
    judge(case, trial)
