"""Bricks without physics, used by every room.

In:  nothing (jax and numpy only).
Out: `record` (frozen pytree dataclasses), `Status` and its advice, checks with their error wording,
     what each dtype can reach, named key splitting, progress meters.
Add one: a brick belongs here only when two rooms need it and it knows no physics.
"""

from jaxmicro._core.checks import (
    as_float_array,
    as_float_arrays,
    as_number,
    check,
    check_broadcast,
    check_choice,
    check_finite,
    check_probability,
    check_shape,
    check_whole,
    is_concrete,
    is_number,
    nearest_name,
)
from jaxmicro._core.keys import numpy_generator, split_named
from jaxmicro._core.precision import default_rtol, dot, in_reach, tensor_rtol_root
from jaxmicro._core.progress import Progress, silent
from jaxmicro._core.records import record, replace, static
from jaxmicro._core.status import SolveError, Status, poison, raise_for_status, worst
from jaxmicro._core.version import __version__

__all__ = [
    "Progress",
    "SolveError",
    "Status",
    "__version__",
    "as_float_array",
    "as_float_arrays",
    "as_number",
    "check",
    "check_broadcast",
    "check_choice",
    "check_finite",
    "check_probability",
    "check_shape",
    "check_whole",
    "default_rtol",
    "dot",
    "in_reach",
    "is_concrete",
    "is_number",
    "nearest_name",
    "numpy_generator",
    "poison",
    "raise_for_status",
    "record",
    "replace",
    "silent",
    "split_named",
    "static",
    "tensor_rtol_root",
    "worst",
]
