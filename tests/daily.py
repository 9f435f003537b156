"""Rows of a parametrised test that run every day; the others are with the slow tests."""

from collections.abc import Sequence
from typing import Any

import pytest


def daily(rows: Sequence[Any], *chosen: Any, unpack: bool = False) -> list[Any]:
    """All rows, slow but for the chosen ones. With `unpack` a row is a tuple of several arguments."""
    unknown = [row for row in chosen if row not in rows]
    assert not unknown, f"no rows: {unknown}"
    return [pytest.param(*(row if unpack else (row,)), marks=() if row in chosen else pytest.mark.slow) for row in rows]
