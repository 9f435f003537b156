"""Conduction between walls: the face-centred spheres of taufactor, real tomograms, and taufactor beside them at equal error.

For each cell jaxmicro and taufactor are solved with a ladder of tolerances; the error is that of τ against jaxmicro's tight solve.
The ratio is that of the seconds of a run of taufactor to those of the fastest run of jaxmicro whose error is not larger, medians of some
repeats after a warm-up in one process. A cell of 40³ voxels is compared with a sparse direct solve, and with itself after every voxel
was split once.

    python benchmarks/walls.py [DATA] [--repeats 3] [--output FILE]

DATA is the folder of measured data (JAXMICRO_DATA by default); without it the spheres alone are measured, and without taufactor only
jaxmicro.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import os
import platform
import statistics
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla
import tifffile

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "walls.json"
PUBLISHED = {32: 3.307094, 64: 2.348118, 100: 2.184316, 128: 2.106697}
OWN_TOLERANCES = (1e-2, 3e-3, 1e-3, 1e-4, 1e-5, 1e-6)
THEIR_TOLERANCES = (1e-2, 1e-3, 1e-4)


def face_centred_spheres(n: int) -> np.ndarray:
    """Insulating spheres on the corners and face centres of a cube of n voxels, 1 outside."""
    x = np.stack(np.meshgrid(*[np.arange(n) + 0.5] * 3, indexing="ij"))
    solid = np.zeros((n, n, n), bool)
    for centre in itertools.product((0, 0.5, 1), repeat=3):
        if centre.count(0.5) in (0, 2):
            solid |= np.sum((x - n * np.reshape(centre, (3, 1, 1, 1))) ** 2, 0) < (0.25 * np.sqrt(2) * n / 0.975) ** 2
    return ~solid


def tomograms(data: Path) -> dict[str, np.ndarray]:
    """Pores of real volumes, 128³ voxels."""
    with zipfile.ZipFile(data / "rock_berea" / "berea.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".tif"))
        rock = tifffile.imread(io.BytesIO(archive.read(name)))
    cathode = data / "tomo_nmc_cathode"
    return {
        "berea": rock[:128, :128, :128] == 0,
        "berea, another corner": rock[200:328, 200:328, 200:328] == 0,
        "electrode": tifffile.imread(cathode / "nmc_128_superres.tif") == 0,
        "cathode with binder": tifffile.imread(cathode / "nmc-1-cal_generatedCBD_bridge.tif")[:128, :128, :128] != 1,
    }


def median(function: Callable[[], float], repeats: int) -> float:
    """Median seconds of a call, after one that is not timed."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def own_runs(pores: np.ndarray, reference: float, repeats: int) -> list[dict]:
    """Both precisions of jaxmicro at each tolerance."""
    grid, rows = jm.Grid(pores.shape), []
    for dtype in (np.float32, np.float64):
        for tolerance in OWN_TOLERANCES:
            if dtype == np.float32 and tolerance < 1e-4:
                continue

            def solve(dtype: type = dtype, tolerance: float = tolerance) -> jm.homogenization.WalledResult:
                return jm.effective_conductivity(pores.astype(dtype), grid, walls=0, tensor_rtol=tolerance)

            r = solve()
            seconds = median(lambda solve=solve: float(solve().tortuosity), repeats)
            error = abs(float(r.tortuosity) / reference - 1)
            rows.append({
                "dtype": np.dtype(dtype).name, "tolerance": tolerance, "tortuosity": float(r.tortuosity), "error": error, "steps": int(r.steps),
                "in_over_out": float(r.inflow / r.outflow) - 1, "seconds": seconds,
            })  # fmt: skip
    return rows


def their_runs(pores: np.ndarray, reference: float, repeats: int) -> list[dict]:
    """Taufactor on the processor at each tolerance; empty if it is not installed."""
    try:
        package = importlib.import_module("taufactor")
    except ImportError:
        return []
    importlib.import_module("torch").set_num_threads(len(os.sched_getaffinity(0)))
    rows, found = [], {}
    for tolerance in THEIR_TOLERANCES:

        def solve(tolerance: float = tolerance) -> float:
            with contextlib.redirect_stdout(io.StringIO()):
                solver = package.Solver(pores.astype(np.uint8), device="cpu")
                solver.solve(verbose=False, conv_crit=tolerance, iter_limit=20000)
            found.update(tau=float(np.ravel(solver.tau)[0]), steps=int(solver.iter))
            return found["tau"]

        seconds = median(solve, max(1, repeats - 1))
        rows.append(
            {
                "tolerance": tolerance,
                "tortuosity": found["tau"],
                "error": abs(found["tau"] / reference - 1),
                "steps": found["steps"],
                "seconds": seconds,
            }
        )
    return rows


def compare(pores: np.ndarray, repeats: int) -> dict:
    """One cell: both packages, and the ratios at equal error."""
    tight = jm.effective_conductivity(pores.astype(float), jm.Grid(pores.shape), walls=0, rtol=1e-6)
    reference = float(tight.tortuosity)
    own, theirs = own_runs(pores, reference, repeats), their_runs(pores, reference, repeats)
    for row in theirs:
        as_good = [run for run in own if run["error"] <= row["error"]]
        row["ratio"] = row["seconds"] / min(run["seconds"] for run in as_good) if as_good else None
    return {
        "shape": list(pores.shape), "porosity": float(tight.porosity), "percolating": float(tight.percolating_porosity),
        "left_out": int(tight.isolated_clusters), "tortuosity": reference, "tight_steps": int(tight.steps), "jaxmicro": own, "taufactor": theirs,
    }  # fmt: skip


def direct(pores: np.ndarray) -> dict:
    """A cell against a sparse direct solve of the same network, and against itself with every voxel split."""
    k = np.asarray(jm.microstructures.through_clusters(pores, 0).voxels)
    index, live = np.arange(k.size).reshape(k.shape), np.flatnonzero(k)
    pairs = [np.stack([np.take(index, range(n - 1), a).ravel(), np.take(index, range(1, n), a).ravel()]) for a, n in enumerate(k.shape)]
    i, j = np.concatenate(pairs, axis=1)
    i, j = i[k.ravel()[i] & k.ravel()[j]], j[k.ravel()[i] & k.ravel()[j]]
    ends = [index[layer][k[layer]] for layer in (0, -1)]
    rows, columns = np.concatenate([i, j, i, j, *ends]), np.concatenate([i, j, j, i, *ends])
    values = np.concatenate([np.ones(2 * len(i)), -np.ones(2 * len(i)), 2 * np.ones(sum(map(len, ends)))])
    matrix = sp.coo_matrix((values, (rows, columns)), (k.size, k.size)).tocsc()[live][:, live]
    push = np.zeros(k.size)
    push[ends[1]] = 2.0
    potential = np.zeros(k.size)
    potential[live] = spla.spsolve(matrix, push[live])
    exact = 2.0 * potential[ends[0]].sum() * k.shape[0] / (k.shape[1] * k.shape[2])
    r = jm.effective_conductivity(pores.astype(float), jm.Grid(pores.shape), walls=0)
    split = np.kron(pores, np.ones((2, 2, 2), bool))
    finer = jm.effective_conductivity(split.astype(float), jm.Grid(split.shape), walls=0, tensor_rtol=1e-5)
    return {
        "shape": list(pores.shape), "direct": exact, "error": abs(float(r.value) / exact - 1), "in_over_out": float(r.inflow / r.outflow) - 1,
        "change_when_split": float(finer.value) / float(r.value) - 1,
    }  # fmt: skip


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("JAXMICRO_DATA", ""))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    volumes = tomograms(Path(options.data)) if options.data else {}
    spheres = []
    for n, published in PUBLISHED.items():
        for preconditioner in ("multigrid", "green"):
            cell = face_centred_spheres(n).astype(float)
            tight = jm.effective_conductivity(cell, jm.Grid(cell.shape), walls=0, rtol=1e-6, preconditioner=preconditioner)
            loose = jm.effective_conductivity(cell, jm.Grid(cell.shape), walls=0, tensor_rtol=3e-5, preconditioner=preconditioner)
            error = abs(float(loose.tortuosity - tight.tortuosity))
            spheres.append({
                "n": n, "preconditioner": preconditioner, "tortuosity": float(tight.tortuosity), "published": published,
                "steps_to_1e-4": int(loose.steps), "error_there": error,
            })  # fmt: skip
            print(spheres[-1], flush=True)
    cells = {name: compare(pores, options.repeats) for name, pores in ({"spheres": face_centred_spheres(128)} | volumes).items()}
    versions = {}
    for name in ("jax", "jaxlib", "numpy", "scipy", "taufactor", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    result = {
        "benchmark": "walls", "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"processor": platform.machine(), "cores": len(os.sched_getaffinity(0)), "device": jax.devices()[0].device_kind},
        "spheres": spheres, "cells": cells, "direct": {name: direct(pores[40:80, 40:80, 40:80]) for name, pores in volumes.items()},
    }  # fmt: skip
    options.output.write_text(json.dumps(result, indent=1) + "\n")
    for name, cell in cells.items():
        for row in cell["taufactor"]:
            ratio = "–" if row["ratio"] is None else f"{row['ratio']:.1f}"
            print(
                f"{name}: τ = {cell['tortuosity']:.6f}, taufactor {row['seconds']:.2f} s at an error of {row['error']:.1e}, {ratio} × jaxmicro's"
            )
    for name, row in result["direct"].items():
        print(
            f"{name}, 40³: {row['error']:.1e} from a direct solve, in/out {row['in_over_out']:.1e}, split {100 * row['change_when_split']:+.1f} %"
        )


if __name__ == "__main__":
    main()
