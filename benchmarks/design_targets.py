"""Solves that a search needs to meet a pair of conductivities within 1 %, judged on the discrete cell.

Targets: (k_xx, k_yy) of 20 thresholded random 32² cells at contrast 10, of varied volume fraction, coarseness and
direction, drawn from keys that no search sees. Variables: a free density on 32² voxels, or the latents of the shipped codec on
64². One solve is one cell with all its load cases, counted by the same counter for every method. Beside each design stand
its values after every voxel is split 4 × 4 and with the second discretisation.

    python benchmarks/design_targets.py [--space density codec] [--budget 300] [--count 20]
"""

import argparse
import json
import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxmicro.design import Conductivity, Density, LatentSpace, Problem, Target, minimize
from jaxmicro.fields import Grid
from jaxmicro.generative import load
from jaxmicro.microstructures import random_field

RESULTS = Path(__file__).parent / "results"
CODEC = "two-phase-64"
PHASES = (1.0, 10.0)
TARGETS_SEED, SEARCH_SEED = 7_000, 9_000
GOAL = {"met": 18, "median_solves": 15}
GRADIENT_BUDGET = 60


def targets(count: int) -> list[dict]:
    """Cells that the searches never see, and their conductivities."""
    grid, found = Grid((32, 32)), []
    for i in range(count):
        draw = np.random.default_rng(TARGETS_SEED + i)
        stretch = float(np.exp(draw.uniform(-0.7, 0.7)))
        fraction, length = float(draw.uniform(0.15, 0.85)), float(draw.uniform(1.5, 5.0))
        key = jax.random.key(TARGETS_SEED + i)
        cell = random_field(grid, volume_fraction=fraction, correlation_length=length, anisotropy=(stretch, 1 / stretch), key=key)
        values = Conductivity(PHASES)(cell.fractions, grid)
        found.append({"k_xx": float(values["k_xx"]), "k_yy": float(values["k_yy"]), "volume_fraction": float(cell.volume_fractions[1])})
    return found


def spaces(names: list[str]) -> dict:
    """What is varied."""
    known = {"density": lambda: Density(Grid((32, 32))), "codec": lambda: LatentSpace(load(CODEC))}
    return {name: known[name]() for name in names}


def one(space, goal: dict, method: str, budget: int, seed: int, split: int) -> dict:
    """One search: solves, values, and checks where the target was met."""
    goals = [Target(name, goal[name]) for name in ("k_xx", "k_yy")]
    problem = Problem(space, Conductivity(PHASES, split=split), goals)
    start = time.perf_counter()
    result = minimize(problem, method, budget=budget, key=jax.random.key(seed), verify=method == "gradient")
    row = {
        "target": [goal["k_xx"], goal["k_yy"]],
        "met": bool(result.met[0]),
        "solves": result.evaluations,
        "error": float(result.errors[0]) / 100,
        "predicted": [float(result.values[name][0]) for name in ("k_xx", "k_yy")],
        "volume_fraction": float((result.labels[0] == 1).mean()),
        "history": [round(float(e) / 100, 5) for e in np.minimum.accumulate(result.history["error"])],
        "seconds": round(time.perf_counter() - start, 2),
    }
    checked = result.verification
    if checked is not None:
        columns = [checked.names.index(name) for name in ("k_xx", "k_yy")]
        for name in ("split", "rotated"):
            found = getattr(checked, name)[0, columns]
            row[name] = found.tolist()
            row[f"{name}_error"] = float(np.max(np.abs(found / np.array(row["target"]) - 1)))
        row["violations"] = list(checked.violations[0])
        row["prior_distance"] = None if checked.prior_distance is None else float(checked.prior_distance[0])
    return row


def summary(rows: list[dict]) -> dict:
    """Figures of one method; a search that missed counts with its whole budget."""
    solves = np.array([row["solves"] for row in rows])
    found = {
        "met": sum(row["met"] for row in rows),
        "of": len(rows),
        "median_solves": float(np.median(solves)),
        "mean_solves": float(solves.mean()),
        "largest_solves": int(solves.max()),
        "median_error": float(np.median([row["error"] for row in rows])),
    }
    if "split_error" in rows[0]:
        found["median_split_error"] = float(np.median([row["split_error"] for row in rows]))
        found["within_1_percent_after_split"] = sum(row["split_error"] <= 0.01 for row in rows)
        found["median_rotated_error"] = float(np.median([row["rotated_error"] for row in rows]))
        found["violations"] = sum(bool(row["violations"]) for row in rows)
    return found


def machine() -> dict:
    """Where this was measured."""
    return {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()}


def main() -> None:
    """Search, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", nargs="+", default=["density", "codec"], choices=["density", "codec"])
    parser.add_argument("--budget", type=int, default=300, help="solves of NSGA-II and random search per target")
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    goals = targets(options.count)
    methods = {
        "gradient": ("gradient", GRADIENT_BUDGET, 1),
        "gradient, judged with voxels split 2 × 2": ("gradient", GRADIENT_BUDGET, 2),
        "nsga2": ("nsga2", options.budget, 1),
        "random": ("random", options.budget, 1),
    }
    for name, space in spaces(options.space).items():
        record = {
            "benchmark": f"design_targets_{name}",
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version(), **{lib: version(lib) for lib in ("jax", "jaxlib", "numpy", "pymoo")}},
            "machine": machine(),
            "dtype": str(jnp.result_type(float)),
            "grid": list(space.grid.shape),
            "phases": PHASES,
            "tolerance": 0.01,
            "goal": GOAL,
            "summary": {},
            "searches": {},
        }
        for label, (method, budget, split) in methods.items():
            rows = [one(space, goal, method, budget, SEARCH_SEED + i, split) for i, goal in enumerate(goals)]
            record["summary"][label], record["searches"][label] = summary(rows) | {"budget": budget}, rows
            print(name, label, json.dumps(record["summary"][label]), flush=True)
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"design_targets_{name}.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
