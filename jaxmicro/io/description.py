"""The names of the phases of a label picture, kept in its description as JSON."""

import json
from typing import Any

from jaxmicro.microstructures import Microstructure

KEY = "jaxmicro phases"
MAX_PHASES = 65536


def describe(ms: Microstructure) -> str:
    """Names of the phases in the order of their labels, as JSON text.

    Example:
        >>> describe(Microstructure(labels=[[0, 1], [1, 0]], phases=("matrix", "fibre")))
        '["matrix", "fibre"]'
    """
    return json.dumps([phase.name for phase in ms.phases])


def described(text: Any) -> tuple[str, ...]:
    """The names that `describe` wrote; empty for anything else.

    Example:
        >>> described('["matrix", "fibre"]'), described("a scan of last week")
        (('matrix', 'fibre'), ())
    """
    try:
        names = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return ()
    good = isinstance(names, list) and 1 <= len(names) <= MAX_PHASES and all(isinstance(name, str) for name in names)
    return tuple(names) if good else ()
