"""Progress meters are passed in: long jobs report steps, and whoever calls decides what is shown."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """Called by long jobs after each step with the count so far, the total, and a few named numbers."""

    def __call__(self, done: int, total: int, values: Mapping[str, float]) -> None: ...


def silent(done: int, total: int, values: Mapping[str, float]) -> None:
    """The meter that shows nothing."""
