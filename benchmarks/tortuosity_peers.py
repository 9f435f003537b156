"""Tortuosity factors of real tomograms along every axis beside those of taufactor, with the same walls and closed sides.

Pieces of a battery cathode and of a sandstone, and what percolates in the whole volumes. Both packages conduct through the faces of
voxels, so that their tight solves answer the same question: they are to agree within 0.5 %.

    python benchmarks/tortuosity_peers.py [DATA] [--size 100] [--output FILE]

DATA is the folder of measured data (JAXMICRO_DATA by default). Without taufactor only jaxmicro is measured.
"""

import argparse
import contextlib
import importlib
import io
import itertools
import json
import os
import platform
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jax
import numpy as np
import tifffile

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "tortuosity_peers.json"
TOLERANCE = 1e-5  # of jaxmicro's factor, relative
THEIR_TOLERANCE = 1e-3  # of taufactor's stopping rule; 1e-5 takes ten minutes for an axis
MOST_STEPS = 20_000  # of taufactor


def volumes(data: Path) -> dict[str, np.ndarray]:
    """Phases of real volumes, as masks."""
    with zipfile.ZipFile(data / "rock_berea" / "berea.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith(".tif"))
        rock = tifffile.imread(io.BytesIO(archive.read(name)))
    cathode = tifffile.imread(data / "tomo_nmc_cathode" / "nmc-1-cal_generatedCBD_bridge.tif")
    return {"cathode pores": cathode == 0, "cathode particles": cathode == 1, "cathode binder": cathode == 2, "sandstone pores": rock == 0}


def theirs(mask: np.ndarray) -> dict | None:
    """Tortuosity factor by taufactor along the first axis, or None where it is not installed."""
    try:
        package = importlib.import_module("taufactor")
    except ImportError:
        return None
    importlib.import_module("torch").set_num_threads(len(os.sched_getaffinity(0)))
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        solver = package.Solver(mask.astype(np.uint8), device="cpu")
        solver.solve(verbose=False, conv_crit=THEIR_TOLERANCE, iter_limit=MOST_STEPS)
    return {"tortuosity": float(np.ravel(solver.tau)[0]), "steps": int(solver.iter), "seconds": time.perf_counter() - start}


def ours(mask: np.ndarray, axis: int) -> dict:
    start = time.perf_counter()
    t = jm.descriptors.tortuosity(mask, axis, tensor_rtol=TOLERANCE)
    return {"tortuosity": float(t), "porosity": float(t.porosity), "steps": int(t.steps), "seconds": time.perf_counter() - start}


def compare(name: str, mask: np.ndarray) -> Iterator[dict]:
    """A piece along each axis."""
    for axis in range(mask.ndim):
        own, other = ours(mask, axis), theirs(np.moveaxis(mask, axis, 0))
        difference = other and own["tortuosity"] / other["tortuosity"] - 1
        row = {"volume": name, "shape": list(mask.shape), "axis": axis, "jaxmicro": own, "taufactor": other, "difference": difference}
        told = "" if other is None else f"taufactor {other['tortuosity']:.6f} ({other['seconds']:.0f} s), difference {difference:+.1e}"
        print(f"{name} {mask.shape} axis {axis}: jaxmicro {own['tortuosity']:.6f} ({own['seconds']:.0f} s) {told}", flush=True)
        yield row


def whole(name: str, mask: np.ndarray) -> dict:
    """Share of a phase, and what of it reaches from face to face."""
    shares = [float(jm.descriptors.percolating_share(mask, axis)) for axis in range(mask.ndim)]
    print(f"{name} {mask.shape}: fraction {mask.mean():.5f}, percolating {', '.join(f'{share:.4f}' for share in shares)}", flush=True)
    return {"volume": name, "shape": list(mask.shape), "fraction": float(mask.mean()), "percolating": shares}


def package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("JAXMICRO_DATA"))
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the folder of measured data, or set JAXMICRO_DATA")
    jax.config.update("jax_enable_x64", True)
    masks, piece = volumes(Path(options.data)), (slice(0, options.size),) * 3
    results = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)), "tolerance": TOLERANCE, "their_tolerance": THEIR_TOLERANCE,
        "versions": {name: package_version(name) for name in ("jaxmicro", "jax", "taufactor", "torch")},
        "whole": [whole(name, mask) for name, mask in masks.items()],
        "pieces": [],
    }  # fmt: skip
    for row in itertools.chain.from_iterable(compare(name, masks[name][piece]) for name in ("cathode pores", "sandstone pores")):
        results["pieces"].append(row)
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
