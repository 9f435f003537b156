"""What is wanted: targets, extremes, and limits that must hold."""

import math

from jaxmicro._core import check, record, static


@record
class Target:
    """A property shall take a value.

    Args:
        name: of the property.
        value: wanted, in its unit.
        tolerance: relative to the value (where that is zero: to the largest target beside it, or 1).

    Example:
        >>> Target("k_xx", 2.5, tolerance=0.02).value
        2.5
    """

    name: str = static()
    value: float = static()
    tolerance: float = static(default=0.01)

    def __post_init__(self) -> None:
        _finite("value", self.name, self.value)
        check(0 < self.tolerance < 1, f"`tolerance` of the target {self.name!r} must lie in (0, 1), relative, but it is {self.tolerance}.")


@record
class Minimize:
    """A property shall be small.

    Example:
        >>> Minimize("volume_fraction").name
        'volume_fraction'
    """

    name: str = static()


@record
class Maximize:
    """A property shall be large.

    Example:
        >>> Maximize("E_x").name
        'E_x'
    """

    name: str = static()


@record
class Between:
    """A property must lie in an interval; either end may be None.

    Example:
        >>> Between("volume_fraction", 0.3, 0.4).high
        0.4
    """

    name: str = static()
    low: float | None = static(default=None)
    high: float | None = static(default=None)

    def __post_init__(self) -> None:
        check(self.low is not None or self.high is not None, f"`Between({self.name!r})` must have a lower or an upper end, but has none.")
        for end in (self.low, self.high):
            if end is not None:
                _finite("ends", self.name, end)
        if self.low is not None and self.high is not None:
            check(self.low <= self.high, f"`Between({self.name!r})` must have low ≤ high, but they are {self.low:g} and {self.high:g}.")


Objective = Target | Minimize | Maximize


def _finite(what: str, name: str, value: float) -> None:
    check(math.isfinite(value), f"`{what}` of the goal for {name!r} must be finite, but it is {value}.")
