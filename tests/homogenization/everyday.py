"""What of all pairs of cells and discretisations is tested every day."""

from collections.abc import Sequence
from typing import Any

import pytest

DISCRETIZATIONS = ("rotated", "fourier", "finite_element")


def once_for_each_cell(cells: Sequence[tuple[Any, ...]]) -> list[Any]:
    """All pairs; each cell but the second (in the plane with all six components) has one discretisation of its own every day."""
    return [
        pytest.param(*cell, name, marks=() if k != 1 and k % len(DISCRETIZATIONS) == j else pytest.mark.slow)
        for k, cell in enumerate(cells)
        for j, name in enumerate(DISCRETIZATIONS)
    ]
