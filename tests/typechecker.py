"""The checker of types at run time: beartype, which also accepts a whole number where a float is declared.

Beartype sees one function at a time, so it cannot check `Self`, and a protocol only where it is `@runtime_checkable`:
such hints are left to pyright.
"""

from collections.abc import Callable
from typing import Any, Self, TypeVar, get_args

from beartype import BeartypeConf, beartype

Function = TypeVar("Function", bound=Callable)

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function: Function) -> Function:
    """Check arguments and result of `function` on every call."""
    function.__annotations__ = {name: Any if _uncheckable(hint) else hint for name, hint in function.__annotations__.items()}
    return _beartype(function)


def _uncheckable(hint: Any) -> bool:
    if hint is Self or any(_uncheckable(part) for part in get_args(hint)):
        return True
    return getattr(hint, "_is_protocol", False) and not getattr(hint, "_is_runtime_protocol", False)
