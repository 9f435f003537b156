"""What a result was made with."""

import datetime as dt
import os
import platform
import sys
from typing import Any

try:
    import resource
except ImportError:  # no such module on Windows
    resource = None

import jax
import numpy as np

from jaxmicro._core import __version__


def provenance(seed: int | None, seconds: float) -> dict[str, Any]:
    """Versions, machine, seed, time and memory, as names and values.

    Example:
        >>> "jaxmicro" in provenance(0, 1.0)
        True
    """
    return {
        "jaxmicro": __version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": str(jax.devices()[0].device_kind),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "precision": "float64" if jax.config.jax_enable_x64 else "float32",  # pyright: ignore[reportAttributeAccessIssue]
        **({} if seed is None else {"seed": seed}),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 2),
        **({} if resource is None else {"peak memory (MiB)": round(peak_memory())}),
    }


def peak_memory() -> float:
    """Largest resident memory of this process so far, in MiB; NaN where the system does not tell."""
    if resource is None:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
