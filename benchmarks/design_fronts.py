"""Hypervolume of fronts at equal numbers of solves: gradients, NSGA-II, both in turn, and chance.

Two fronts at contrast 10, judged on discrete cells: stiff along x and conductive across, and conductive with little of the
conductor. All methods share one counter, one budget and one reference point.

    python benchmarks/design_fronts.py [--budget 480] [--seeds 3] [--size 24]
"""

import argparse
import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxmicro.design import Between, Conductivity, Density, Maximize, Minimize, Problem, Stiffness, VolumeFraction, minimize
from jaxmicro.fields import Grid

RESULTS = Path(__file__).parent / "results" / "design_fronts.json"
METHODS = ("gradient", "nsga2", "hybrid", "random")


def problems(size: int) -> dict:
    """Name → problem and the reference point of its hypervolume, in the user's sense."""
    space, conduction = Density(Grid((size, size))), Conductivity([1.0, 10.0])
    inverse = Stiffness([{"young": 10.0, "poisson": 0.3}, {"young": 1.0, "poisson": 0.3}])  # the conductor is the soft phase
    return {
        "k_xx against volume fraction": (
            Problem(space, [conduction, VolumeFraction()], [Maximize("k_xx"), Minimize("volume_fraction")]),
            (1.0, 1.0),
        ),
        "E_x against k_yy, half of each": (
            Problem(
                space,
                [conduction, inverse, VolumeFraction()],
                [Maximize("E_x"), Maximize("k_yy")],
                [Between("volume_fraction", 0.48, 0.52)],
            ),
            (1.0, 1.0),
        ),
    }


def main() -> None:
    """Search, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=int, default=480)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=24)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found: dict = {}
    for name, (problem, reference) in problems(options.size).items():
        for method in METHODS:
            runs = [
                minimize(
                    problem,
                    method,
                    budget=options.budget * problem.solves,
                    key=jax.random.key(100 + seed),
                    reference=reference,
                    verify=False,
                )
                for seed in range(options.seeds)
            ]
            volumes = [float(run.hypervolume_history[-1, 1]) for run in runs]
            found.setdefault(name, {})[method] = {
                "median_hypervolume": float(np.median(volumes)),
                "hypervolumes": volumes,
                "front_sizes": [len(run.front) for run in runs],
                "solves": [run.evaluations for run in runs],
                "histories": [run.hypervolume_history.round(5).tolist() for run in runs],
                "fronts": [run.front.round(5).tolist() for run in runs],
            }
            print(name, method, volumes, flush=True)
    record = {
        "benchmark": "design_fronts",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{lib: version(lib) for lib in ("jax", "jaxlib", "numpy", "pymoo")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()},
        "dtype": str(jnp.result_type(float)),
        "grid": [options.size, options.size],
        "cells_per_search": options.budget,
        "fronts": found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
