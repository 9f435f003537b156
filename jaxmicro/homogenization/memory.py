"""What a solve will need, before anything is allocated."""

import re
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxmicro.homogenization.solve import Setup

VECTORS = {2: 12, 3: 8}  # displacements of one load that an iteration holds in all: its vectors, their images, FFT work
MULTIGRID = 3  # more of them, in float32, on all levels of a cycle together
DUAL = 3  # fields of m² components at half the spacing that guaranteed bounds take: compliance, stresses, strains
GIB = 2.0**30
GROUP = Path("/sys/fs/cgroup")


def solve_bytes(setup: Setup, law: Any, shape: tuple[int, ...], batch: int | None, fields: tuple[str, ...], bounds: bool = False) -> float:
    """About how many bytes a solve allocates beside the constants that it is given.

    Args:
        setup: the static options.
        law: constants; only their dtype and number of components are read.
        shape: voxels per axis.
        batch: number of samples, or None.
        fields: names of the fields asked for.
        bounds: whether guaranteed bounds are.
    """
    kinematics = setup.operator.kinematics
    number, size = float(np.prod(shape)), float(np.dtype(law.dtype).itemsize)
    loads, components = setup.load_count, kinematics.components
    one_load = VECTORS[len(shape)] * components * size + components * (components + 1) / 4 * size
    if setup.preconditioner == "multigrid":
        one_load += MULTIGRID * components * 4.0
    widths = {"strain": kinematics.size, "stress": kinematics.size, "energy_density": 1, "displacement": components}
    outputs = sum(loads * widths[name] * size for name in set(fields))
    samples = 1 if batch is None else batch
    at_once = 1 if setup.serial else samples * loads
    displacements = loads * components * size * (1 if setup.serial else samples)
    dual = DUAL * loads**2 * 2 ** len(shape) * size if bounds else 0.0
    return number * (at_once * one_load + displacements + samples * outputs + (1 if setup.serial else samples) * dual)


def check_memory(setup: Setup, law: Any, shape: tuple[int, ...], batch: int | None, fields: tuple[str, ...], bounds: bool = False) -> None:
    """Refuse a solve that does not fit into what is free.

    Raises:
        MemoryError: naming what is needed, what is there, and what would need less.
    """
    needed, there = solve_bytes(setup, law, shape, batch, fields, bounds), free_bytes()
    if there is None or needed <= there:
        return
    ways = ["a smaller grid"]
    if np.dtype(law.dtype).itemsize == 8:
        ways.append("float32 constants")
    if fields:
        ways.append("no `fields`")
    if bounds:
        ways.append("no `bounds`")
    if batch is not None and not setup.serial:
        ways.append("a smaller batch")
    raise MemoryError(
        f"A solve on {shape} needs about {needed / GIB:.1f} GiB, but {there / GIB:.1f} GiB are free. Use {', '.join(ways[:-1]) + ' or ' * (len(ways) > 1)}{ways[-1]}."
    )


def free_bytes() -> float | None:
    """Bytes that the default device has free; None where it does not say."""
    stats = jax.devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return float(stats["bytes_limit"] - stats.get("bytes_in_use", 0))
    limits = [value for value in (_proc(), _group()) if value is not None]
    return min(limits) if limits else None


def _proc() -> float | None:
    """What Linux says is available."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return 1024.0 * float(found.group(1)) if found else None


def _group() -> float | None:
    """What the control group of the process leaves, if it has a limit."""
    try:
        limit = (GROUP / "memory.max").read_text().strip()
        if limit == "max":
            return None
        counts = dict(line.split() for line in (GROUP / "memory.stat").read_text().splitlines())
        cache = float(counts["inactive_file"]) + float(counts["active_file"])  # given back when it is needed
        return float(limit) - float((GROUP / "memory.current").read_text()) + cache
    except (OSError, ValueError, KeyError):
        return None
