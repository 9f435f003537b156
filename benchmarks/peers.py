"""Other packages on the same problems as jaxmicro, in the same run and at equal true error.

For each problem and package the tolerance is loosened as far as the effective tensor stays within the target of the package's
own tight solve (relative to the largest entry), and that solve is timed: median of some repeats after a warm-up. jaxmicro is
held to the same rule with the same discretisation. A unit is one scipy rfftn + irfftn pair of a scalar field of the same grid.
Gradients are those of C_eff[0, 0] with respect to the modulus of the second phase, against central differences of the same
package's value. Packages that are not installed are reported as such, and one that fails is reported with its message.

    python benchmarks/peers.py [--quick] [--repeats 7] [--only muGrid,xpektra] [--threads 1] [--output FILE]
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np
import scipy.fft
import scipy.ndimage
from peer_cells import Jaxmicro, Peer, Problem, SkipError, message, problems
from peer_packages import PEERS, Feax, MuGrid, TauFactor, Xpektra

RESULTS = Path(__file__).parent / "results" / "peers.json"
TIMED_SECONDS = 60.0
"""Repeats of a solve end early when they took this long."""


def measure(peer: Peer, problem: Problem, repeats: int, reference: np.ndarray | None = None) -> dict[str, Any]:
    """The loosest tolerance that meets the target, and what a solve costs there."""
    start = time.perf_counter()
    own = peer.solve(problem, peer.tight)[0]
    first_of_all = time.perf_counter() - start
    reference = own if reference is None else reference
    for tolerance in peer.tolerances:
        start = time.perf_counter()
        found, steps = peer.solve(problem, tolerance)
        first = time.perf_counter() - start
        error = float(np.abs(found - reference[: len(found)]).max() / np.abs(reference).max())
        if error <= problem.target:
            break
    else:
        raise RuntimeError(f"no tolerance down to {peer.tolerances[-1]:g} meets the target: the error stays at {error:.1e}")
    times: list[float] = []
    while len(times) < repeats and (len(times) < 2 or sum(times) < TIMED_SECONDS):
        start = time.perf_counter()
        peer.solve(problem, tolerance)
        times.append(time.perf_counter() - start)
    seconds = statistics.median(times)
    # jaxmicro and feax always solve all load cases; so that one load can be compared, seconds are per load.
    solved = own.shape[0] if isinstance(peer, Jaxmicro | Feax) else problem.loads
    return {
        "tolerance": tolerance,
        "error": error,
        "iterations": steps,
        "loads_solved": solved,
        "tight_first_call_seconds": round(first_of_all, 3),
        "first_call_seconds": round(first, 3),
        "repeats": len(times),
        "seconds": seconds,
        "seconds_per_load": seconds / solved,
        "seconds_per_iteration": seconds / steps if steps else None,
        "tensor_00": float(own[0, 0]),
        "_tensor": own,
    }


def unit_seconds(shape: tuple[int, ...]) -> float:
    """Median seconds of one scipy rfftn + irfftn pair."""
    field = np.random.default_rng(0).normal(size=shape)
    return _median(lambda: scipy.fft.irfftn(scipy.fft.rfftn(field), s=shape), 25)


def _median(function: Callable[[], object], repeats: int) -> float:
    times = []
    function()
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def gradient_errors(peer: Peer, problem: Problem) -> dict[str, Any]:
    """Relative errors of the derivatives that a package offers, against central differences of its own value."""
    ways = {} if _reason(peer, problem) else peer.gradients(problem)
    if not ways:
        return {"gradient": "not offered"}
    step = 2e-3 * problem.contrast
    far, near = (
        (peer.value(problem, problem.contrast + h) - peer.value(problem, problem.contrast - h)) / (2 * h) for h in (2 * step, step)
    )
    central = (4 * near - far) / 3
    found: dict[str, Any] = {"problem": problem.name, "central_difference": central}
    for name, derivative in ways.items():
        try:
            error = abs(derivative() / central - 1)
            found[name] = error if np.isfinite(error) else "nan"
        except Exception as error:
            found[name] = message(error)
    return found


def all_gradients(peers: list[Peer]) -> dict[str, dict[str, Any]]:
    """Those of jaxmicro and of every peer, on small discs and spheres."""
    found: dict[str, dict[str, Any]] = {}
    for peer in (*(Jaxmicro(s) for s in ("finite_element", "fourier", "rotated")), *peers):
        shape = (8, 8, 8) if isinstance(peer, Feax) else (15, 15) if isinstance(peer, Xpektra) else (16, 16)
        print(f"gradients: {peer.name}", file=sys.stderr, flush=True)
        try:
            found[peer.name] = gradient_errors(peer, Problem("elasticity", "inclusion", shape, 10.0, 1))
        except Exception as error:
            found[peer.name] = {"failed": message(error)}
        peer.forget()
    return found


def run(peers: list[Peer], chosen: list[Problem], repeats: int, rows: list[dict[str, Any]], store: Callable[[], None]) -> None:
    """All problems: jaxmicro with each discretisation in question, then the peers; `store` after each problem."""
    for problem in chosen:
        present = [p for p in peers if not _reason(p, problem)]
        unit = unit_seconds(problem.shape)
        ours: dict[str, dict[str, Any]] = {}
        for scheme in dict.fromkeys(p.counterpart for p in present):
            ours[scheme] = _row(Jaxmicro(scheme), problem, repeats, unit, None)
            rows.append(ours[scheme])
        for peer in present:
            rows.append(_row(peer, problem, repeats, unit, ours[peer.counterpart]))
            peer.forget()
        for row in rows:
            row.pop("_tensor", None)
        store()


def _reason(peer: Peer, problem: Problem) -> str:
    try:
        peer.check(problem)
    except SkipError as skip:
        return str(skip)
    return ""


def _row(peer: Peer, problem: Problem, repeats: int, unit: float, ours: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"problem": problem.name, "peer": peer.name, "target": problem.target, "unit_seconds": unit}
    print(f"{problem.name}: {peer.name}", file=sys.stderr, flush=True)
    same = isinstance(peer, TauFactor) and ours is not None and "_tensor" in ours
    try:
        row |= measure(peer, problem, repeats, ours["_tensor"] if same and ours else None)
        per_step = row["seconds_per_iteration"]
        row["units_per_iteration"] = per_step / unit if per_step else None
        if isinstance(peer, MuGrid):
            row["parts_in_units"] = {name: _median(part, 10) / unit for name, part in peer.parts(problem).items()}
        if ours is not None and "seconds_per_load" in ours:
            row["ratio_to_jaxmicro"] = row["seconds_per_load"] / ours["seconds_per_load"]
            difference = np.abs(row["_tensor"] - ours["_tensor"][: len(row["_tensor"])]).max() / np.abs(ours["_tensor"]).max()
            row["difference_to_jaxmicro"] = float(difference)
    except Exception as error:
        row["failed"] = message(error)
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [
        f"{'':18}{'tolerance':>10}{'error':>10}{'steps':>8}{'s':>11}{'s/load':>11}{'units/step':>12}{'x jaxmicro':>12}{'difference':>12}"
    ]
    for name, group in itertools.groupby(rows, key=lambda row: row["problem"]):
        lines.append(name)
        for row in group:
            if "failed" in row:
                lines.append(f"  {row['peer']:24}{row['failed']}")
                continue
            steps, units = row["iterations"] or "-", row["units_per_iteration"]
            ratio, gap = row.get("ratio_to_jaxmicro"), row.get("difference_to_jaxmicro")
            lines.append(
                f"  {row['peer']:24}{row['tolerance']:>7.0e}{row['error']:>9.0e}{steps:>8}{row['seconds']:>11.4f}{row['seconds_per_load']:>11.4f}"
                f"{'-' if units is None else f'{units:.1f}':>12}{'' if ratio is None else f'{ratio:.2f}':>12}{'' if gap is None else f'{gap:.0e}':>12}"
            )
    return "\n".join(lines)


def one_core(threads: int) -> None:
    """Start again on the first processors, before anything has counted them."""
    if not hasattr(os, "sched_setaffinity"):
        raise SystemExit("--threads needs a system that can bind processes to processors.")
    chosen = sorted(os.sched_getaffinity(0))[:threads]
    variables = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    if all(os.environ.get(k) == v for k, v in variables.items()) and len(os.sched_getaffinity(0)) == len(chosen):
        return
    os.sched_setaffinity(0, chosen)
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | variables)


def versions() -> dict[str, str]:
    """Of this package, what it stands on, and the peers that are installed."""
    found = {"python": platform.python_version()}
    for name in ("jax", "jaxlib", "numpy", "scipy", "torch", "muGrid", "xpektra", "feax", "taufactor", "evoxels"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small grids")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", help="names of peers, separated by commas")
    parser.add_argument("--threads", type=int, help="bind the process to this many processors")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.threads:
        one_core(options.threads)
    warnings.filterwarnings("ignore")
    jax.config.update("jax_enable_x64", True)
    names = options.only.split(",") if options.only else None
    asked = [cls() for cls in PEERS if names is None or cls.name in names or cls.name.split()[0] in names]
    absent = {peer.name: reason for peer in asked if (reason := peer.available())}
    peers = [peer for peer in asked if peer.name not in absent]
    chosen = problems(options.quick)
    rows: list[dict[str, Any]] = []
    result = {
        "benchmark": "peers",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "processors_used": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "backend": jax.default_backend(),
        },
        "quick": options.quick,
        "peers": {peer.name: absent.get(peer.name, peer.note) for peer in asked},
        "skipped": [
            {"problem": problem.name, "peer": peer.name, "reason": reason}
            for problem in chosen
            for peer in peers
            if problem.physics == peer.physics and (reason := _reason(peer, problem))
        ],
        "gradients": all_gradients(peers),
        "solves": rows,
    }

    def store() -> None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(result, indent=2) + "\n")

    store()
    run(peers, chosen, options.repeats, rows, store)
    print(table(rows))
    print("\nrelative error of dC_eff[0, 0]/d(modulus of phase 1), against central differences")
    skipped = ("problem", "central_difference")
    for name, found in result["gradients"].items():
        print(
            f"  {name:24}{', '.join(f'{k} {v:.1e}' if isinstance(v, float) else f'{k}: {v}' for k, v in found.items() if k not in skipped)}"
        )
    for name, reason in absent.items():
        print(f"  {name}: {reason}")
    print(f"stored in {options.output.name}")


if __name__ == "__main__":
    main()
