"""Arguments that must be one number: Python's own, NumPy's and JAX's alike, but no text, truth value or list."""

from typing import Any

import numpy as np

from jaxmicro._core import check, is_concrete


def as_number(value: Any) -> float:
    """The number that is given; NaN for whatever is none, which every comparison then refuses."""
    single = is_concrete(value) and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf"
    return float(value) if single else np.nan


def check_whole(argument: str, value: Any, least: int) -> None:
    """Check that a concrete value is a whole number from `least` on."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    check(whole and value >= least, f"`{argument}` must be a whole number from {least} on, but it is {value!r}.")
