"""What the linear solver promises: exact laminates, derivatives, their cost, and the time of a solve.

Laminates of seven arbitrary anisotropic phases against the layer formula; directional derivatives against central
differences; value against value and gradient, timed in turns in one process (medians); steps and seconds of the disc and
the sphere. A unit is one scipy rfftn + irfftn pair of a scalar field of the same grid.

    python benchmarks/solver_core.py [--repeats 15]
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "solver_core.json"
LAYERS = np.repeat(np.arange(7), (1, 2, 1, 1, 2, 1, 1))


def laminate_errors() -> dict[str, float]:
    """Largest relative error of the stiffness of seven-layer laminates, per scheme and direction."""
    from tests.homogenization.references import random_stiffness

    rng = np.random.default_rng(0)
    phases = np.stack([random_stiffness(rng, 3) * 10.0 ** rng.uniform(-1, 1) for _ in range(7)])
    shares = np.bincount(LAYERS) / LAYERS.size
    n = 7
    diagonal = np.add.outer(np.arange(n), np.arange(n)) % n
    errors = {}
    for name in ("finite_element", "rotated", "fourier"):
        labels = np.broadcast_to(LAYERS[:, None], (9, 9))
        errors[f"{name}, axis-aligned 9 x 9"] = _error(phases, labels, shares, np.array([1.0, 0.0]), name)
    for name in ("rotated", "fourier"):
        normal = np.array([1.0, 1.0]) / np.sqrt(2)
        errors[f"{name}, diagonal 7 x 7"] = _error(phases, diagonal, np.full(n, 1 / n), normal, name)
    return errors


def _error(phases: np.ndarray, labels: np.ndarray, shares: np.ndarray, normal: np.ndarray, name: str) -> float:
    from tests.homogenization.references import laminate_stiffness

    field = np.moveaxis(phases[labels], (2, 3), (0, 1))
    found = jm.effective_stiffness(field, jm.Grid(labels.shape), discretization=name, rtol=1e-7).tensor
    exact = laminate_stiffness(list(phases), shares, normal, 2)
    return float(np.abs(np.asarray(found) - exact).max() / np.abs(exact).max())


def derivative_errors() -> dict[str, float]:
    """Largest relative error of random directional derivatives of a function of C_eff, per scheme."""
    rng = np.random.default_rng(1)
    young = jnp.asarray(10.0 ** rng.uniform(-1, 1, size=(9, 8)))
    grid = jm.Grid((9, 8))
    errors = {}
    for name in ("finite_element", "rotated", "fourier"):

        def value(y: jax.Array, name: str = name) -> jax.Array:
            c = jm.materials.isotropic_stiffness(y, 0.3, dim=2)
            return jnp.sum(jm.effective_stiffness(c, grid, discretization=name, rtol=1e-9).tensor ** 2)

        gradient = jax.grad(value)(young)
        worst = 0.0
        for _ in range(5):
            direction = jnp.asarray(rng.normal(size=young.shape)) * young
            central = (value(young + 1e-5 * direction) - value(young - 1e-5 * direction)) / 2e-5
            worst = max(worst, abs(float(jnp.vdot(gradient, direction) / central) - 1))
        errors[name] = worst
    return errors


def inclusion(shape: tuple[int, ...]) -> jm.materials.Isotropic:
    """A disc or sphere of radius 1/4, ten times stiffer, Poisson's ratio 0.3."""
    x = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in shape), indexing="ij"))
    young = jnp.asarray(np.where((x**2).sum(0) < 0.0625, 10.0, 1.0))
    return jm.materials.Isotropic(young * 0.3 / (1.3 * 0.4), young / 2.6)


def in_turns(functions: dict[str, Callable], argument: object, repeats: int) -> dict[str, float]:
    """Median seconds of each function, called in turns."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        jax.block_until_ready(function(argument))
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.perf_counter()
            jax.block_until_ready(function(argument))
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def solve_times(repeats: int) -> list[dict]:
    """Seconds and steps of full effective tensors, and the price of a gradient."""
    rows = []
    for shape in ((64, 64), (128, 128), (32, 32, 32)):
        law, grid = inclusion(shape), jm.Grid(shape)
        solve = jax.jit(lambda law, grid=grid: (lambda r: (r.tensor, r.steps))(jm.effective_stiffness(law, grid, rtol=1e-6)))
        value = jax.jit(lambda law, grid=grid: jnp.sum(jm.effective_stiffness(law, grid, rtol=1e-6).tensor ** 2))
        start = time.perf_counter()
        _, steps = jax.block_until_ready(solve(law))
        first = time.perf_counter() - start
        medians = in_turns({"value": value, "value_and_gradient": jax.jit(jax.value_and_grad(value))}, law, repeats)
        field = np.random.default_rng(0).normal(size=shape)
        unit = in_turns({"unit": lambda f, shape=shape: scipy.fft.irfftn(scipy.fft.rfftn(f), s=shape)}, field, 5 * repeats)["unit"]
        rows.append({
            "shape": shape,
            "load_cases": int(steps.shape[0]),
            "steps": np.asarray(steps).tolist(),
            "first_call_seconds": round(first, 3),
            "value_seconds": round(medians["value"], 5),
            "value_and_gradient_seconds": round(medians["value_and_gradient"], 5),
            "gradient_price": round(medians["value_and_gradient"] / medians["value"], 3),
            "units_per_step": round(medians["value"] / unit / int(steps.sum()), 2),
        })  # fmt: skip
    return rows


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the references that the tests use
    jax.config.update("jax_enable_x64", True)
    result = {
        "benchmark": "solver_core",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy", "scipy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()},
        "targets": {"laminate_error": 1e-10, "derivative_error": 1e-6, "gradient_price": 1.5},
        "laminate_errors": laminate_errors(),
        "derivative_errors": derivative_errors(),
        "solves": solve_times(repeats),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: result[key] for key in ("laminate_errors", "derivative_errors", "solves")}, indent=2))
    print(f"stored in {RESULTS.relative_to(RESULTS.parents[2])}")


if __name__ == "__main__":
    main()
