"""Statistics along lines and of pairs: seconds at 128³, beside PoreSpy's two-point correlation of the same array, and memory at 256³.

Every case is timed in one process without a compilation cache: the first call (with compilation), and the median of the next ones.
PoreSpy is timed in the same run where it can be imported. The peak of memory is that of a process of its own for each case.

    python benchmarks/descriptors.py [--size 128] [--repeats 5] [--memory 256] [--output FILE]
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "descriptors.json"
FASTER = 50  # than PoreSpy, wanted of the two-point correlation
MEMORY = 8.0  # GiB


def porous(size: int) -> np.ndarray:
    """Truth values of one phase of a random cell, a third of it."""
    grid = jm.Grid((size,) * 3)
    ms = jm.microstructures.random_field(grid, volume_fraction=1 / 3, correlation_length=4.0, key=jax.random.key(0))
    return np.asarray(ms.labels) == 1


def cases(mask: np.ndarray) -> dict[str, Callable[[], Any]]:
    single, double = jnp.asarray(mask, jnp.float32), jnp.asarray(mask, jnp.float64)
    soft = 0.05 + 0.9 * single
    of = jm.descriptors
    grid, reach = jm.Grid(mask.shape), mask.shape[0] // 4
    slope = jax.jit(jax.grad(lambda f: jnp.sum(of.lineal_path(f, axis=0, max_length=reach))))
    return {
        "two-point correlation, float32": lambda: of.two_point_correlation(single),
        "two-point correlation, float64": lambda: of.two_point_correlation(double),
        "two-point correlation of a window, float64": lambda: of.two_point_correlation(double, periodic=False),
        "the same with a mask of measured voxels": lambda: of.two_point_correlation(double, periodic=False, mask=mask | True),
        "two-point correlation and radial average, float64": lambda: of.radial_average(of.two_point_correlation(double), grid),
        "two-point correlation of a window and radial average, float64": lambda: of.radial_average(
            of.two_point_correlation(double, periodic=False), grid
        ),
        "lineal path of labels, three axes": lambda: of.lineal_path(mask),
        f"lineal path of fractions up to {reach}, one axis, float32": lambda: of.lineal_path(soft, axis=0, max_length=reach),
        f"gradient of it ({reach} lengths)": lambda: slope(soft),
        "chord lengths, one axis": lambda: of.chord_lengths(mask, 0),
        "cluster function": lambda: of.cluster_function(mask),
        "cluster function of a window": lambda: of.cluster_function(mask, periodic=False),
    }


def timed(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Seconds of the first call and the median of the next."""

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - start

    first = once()
    return {"first": first, "steady": statistics.median(once() for _ in range(repeats))}


def peer(mask: np.ndarray, repeats: int) -> dict[str, float] | None:
    """Seconds of PoreSpy's two-point correlation of the same array, where it is installed."""
    try:
        import porespy  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    return timed(lambda: porespy.metrics.two_point_correlation(mask).probability, repeats)


def peak(name: str, mask: np.ndarray, pipe: Any) -> None:
    """Peak of resident memory of this process in GiB, after one call."""
    jax.config.update("jax_enable_x64", True)
    start = time.perf_counter()
    jax.block_until_ready(cases(mask)[name]())
    seconds = time.perf_counter() - start
    pipe.send({"peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "first": seconds})


def memory(size: int) -> dict[str, dict[str, float]]:
    """Peak of each case in a process of its own, with all that Python and JAX take."""
    context, found = multiprocessing.get_context("spawn"), {}
    mask = porous(size)
    for name in cases(np.ones((4, 4, 4), bool)):
        renamed = name.replace(" up to 1,", f" up to {size // 4},").replace("(1 lengths)", f"({size // 4} lengths)")
        here, there = context.Pipe()
        process = context.Process(target=peak, args=(renamed, mask, there))
        process.start()
        there.close()
        try:
            found[renamed] = here.recv()
        except EOFError:
            found[renamed] = {"failed": 1.0}
        process.join()
        print(f"{size}³ {renamed:62s} {found[renamed]}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-repeats", type=int, default=3)
    parser.add_argument("--memory", type=int, default=256, help="voxels per edge for the peaks of memory; 0 leaves them out")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    mask = porous(options.size)
    found = {}
    for name, call in cases(mask).items():
        found[name] = timed(call, options.repeats)
        print(f"{name:62s} first {found[name]['first']:8.3f} s   then {found[name]['steady']:8.4f} s", flush=True)
    result = {
        "benchmark": "descriptors", "measured": datetime.now(UTC).isoformat(timespec="seconds"), "voxels": options.size**3,
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": {"processor": platform.machine(), "cores": len(os.sched_getaffinity(0)), "device": jax.devices()[0].device_kind,
                    "load_before": os.getloadavg()[0]},
        "cases": found,
    }  # fmt: skip
    other = peer(mask, options.peer_repeats)
    if other is not None:
        ratios = {name: other["steady"] / found[name]["steady"] for name in found if name.startswith("two-point correlation")}
        result["porespy"] = {"two_point_correlation": other, "times_faster": ratios, "wanted": FASTER}
        print(f"PoreSpy's two_point_correlation {other}; times faster: {ratios}", flush=True)
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    if options.memory:
        result["memory"] = {"voxels": options.memory**3, "limit_gib": MEMORY, "cases": memory(options.memory)}
    options.output.write_text(json.dumps(result, indent=1) + "\n")


def _versions() -> dict[str, str]:
    found = {}
    for name in ("jax", "jaxlib", "numpy", "scipy", "porespy"):
        with contextlib.suppress(ModuleNotFoundError):
            found[name] = version(name)
    return found


if __name__ == "__main__":
    main()
