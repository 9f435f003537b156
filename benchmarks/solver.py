"""The linear solver in seconds, steps and bytes: sizes, contrasts, hard fields, batches, precisions.

Every case runs in a process of its own, so that compile time and peak memory are its own. Cases that are compared (value and
gradient, preconditioners, batch and loop) are timed in turns within one process. A unit is one scipy rfftn + irfftn pair of a
scalar field of the same grid and dtype, timed in that process. On a GPU the same command records the device, and the share of its copy
bandwidth that an iteration reaches.

    python benchmarks/solver.py [--groups sizes2d,sizes3d,contrast,hard,batch,precision,memory] [--quick] [--large]
    python benchmarks/solver.py --plot          # the figure and the exponents, from the stored results

Results: benchmarks/results/solver.json and solver.png.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"
GROUPS = ("sizes2d", "sizes3d", "contrast", "hard", "batch", "precision", "memory")
TRAFFIC = 550  # bytes per voxel that an iteration of one elastic load case in 3D moves at least, in float64
PATIENCE = 4.0  # seconds of repetitions per function, beyond the least number


def cases(group: str, *, quick: bool, large: bool) -> list[dict[str, Any]]:
    """What a group measures."""
    if group == "sizes2d":
        sizes = (32, 64, 128) if quick else (32, 64, 128, 256, 512, 1024, *((2048,) if large else ()))
        found = [{"kind": "inclusion", "shape": [n, n], "contrast": 10.0, "dtype": t} for n in sizes for t in ("float64", "float32")]
        return found + [{"kind": "thresholded", "shape": [256, 256], "contrast": c, "dtype": "float64"} for c in (10.0, 100.0) if not quick]
    if group == "sizes3d":
        sizes = (16, 32) if quick else (32, 64, 128, 256) if large else (32, 64, 128)
        found = [{"kind": "inclusion", "shape": [n] * 3, "contrast": 10.0, "dtype": t} for n in sizes for t in ("float64", "float32")]
        return found + [{"kind": "thresholded", "shape": [64] * 3, "contrast": c, "dtype": "float64"} for c in (10.0, 100.0) if not quick]
    if group == "contrast":
        contrasts = (1e-12, 1e-6, 1e-3, 1e-1, 1e1, 1e3, 1e6, 0.0)
        found = [{"kind": "inclusion", "shape": [64, 64], "contrast": c} for c in contrasts]
        return found + [{"kind": "inclusion", "shape": [n, n], "contrast": c} for c in (10.0, 1e-3) for n in (32, 64, 128, 256)]
    if group == "hard":
        shapes = ([64, 64],) if quick else ([128, 128], [32, 32, 32])
        return [{"kind": k, "shape": s, "contrast": c} for s in shapes for k in ("thresholded", "random", "smooth") for c in (1e-3, 1e-6)]
    if group == "batch":
        return [{"count": n, "dtype": t} for n in ((1, 8) if quick else (1, 8, 32, 256)) for t in ("float64", "float32")]
    if group == "precision":
        fields = [("inclusion", 10.0), ("thresholded", 1e-3), ("smooth", 1e-3), ("random", 1e-2)]
        return [{"kind": k, "shape": [64, 64], "contrast": c} for k, c in fields]
    return [
        {"shape": [n] * 3, "dtype": t, "loads": m} for n in ((32,) if quick else (128,)) for t in ("float64", "float32") for m in (1, 6)
    ]


def measure(group: str, case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """One case, in this process."""
    import jax

    jax.config.update("jax_enable_x64", True)
    return {
        "sizes2d": _sizes,
        "sizes3d": _sizes,
        "contrast": _contrast,
        "hard": _hard,
        "batch": _batch,
        "precision": _precision,
        "memory": _memory,
    }[group](case, repeats)


def _compile(function: Callable, *arguments: Any) -> tuple[Any, float]:
    import jax

    begin = time.perf_counter()
    return jax.jit(function).lower(*arguments).compile(), time.perf_counter() - begin


def _in_turns(functions: dict[str, Callable], repeats: int, patience: float = PATIENCE) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the first call and median seconds of the others, called in turns."""
    import jax

    first, times = {}, {name: [] for name in functions}
    for name, function in functions.items():
        begin = time.perf_counter()
        jax.block_until_ready(function())
        first[name] = time.perf_counter() - begin
    began = time.perf_counter()
    while len(next(iter(times.values()))) < repeats or (
        time.perf_counter() - began < patience * len(functions) and len(next(iter(times.values()))) < 15
    ):
        for name, function in functions.items():
            begin = time.perf_counter()
            jax.block_until_ready(function())
            times[name].append(time.perf_counter() - begin)
    return first, {name: statistics.median(values) for name, values in times.items()}


def _unit(shape: list[int], dtype: str = "float64") -> float:
    import scipy.fft

    field = np.random.default_rng(0).normal(size=shape).astype(dtype)
    return _in_turns({"unit": lambda: scipy.fft.irfftn(scipy.fft.rfftn(field), s=tuple(shape))}, 5, 1.0)[1]["unit"]


def _sizes(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Compile, first and steady call; value and gradient; peak memory; cost of a step."""
    import jax
    import jax.numpy as jnp
    from problems import isotropic

    import jaxmicro as jm

    shape, dtype = tuple(case["shape"]), case["dtype"]
    law, grid = isotropic(case["kind"], shape, case["contrast"], dtype=dtype), jm.Grid(shape)
    rtol = 1e-6 if dtype == "float64" else 1e-4

    def solve(law: Any) -> Any:
        result = jm.effective_stiffness(law, grid, preconditioner="green", rtol=rtol)
        return result.tensor, result.steps, result.status

    before = _resident()
    value, compile_seconds = _compile(solve, law)
    tensor, steps, status = jax.block_until_ready(value(law))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    both, compile_both = _compile(jax.value_and_grad(lambda law: jnp.sum(solve(law)[0] ** 2)), law)
    first, steady = _in_turns({"value": lambda: value(law), "value_and_gradient": lambda: both(law)}, repeats)
    unit, voxels = _unit(case["shape"], dtype), int(np.prod(shape))
    seconds_per_step = steady["value"] / int(jnp.sum(steps))
    out = {
        "status": int(status), "steps": np.asarray(steps).tolist(), "compile_seconds": compile_seconds, "compile_with_gradient_seconds": compile_both,
        "first_seconds": first["value"], "seconds": steady["value"], "seconds_with_gradient": steady["value_and_gradient"],
        "gradient_price": steady["value_and_gradient"] / steady["value"], "seconds_per_step": seconds_per_step, "unit_seconds": unit,
        "units_per_step": seconds_per_step / unit, "temporary_bytes_per_voxel": value.memory_analysis().temp_size_in_bytes / voxels,
        "resident_bytes_per_voxel": peak / voxels, "tensor_11": float(tensor[0, 0]), "tensor_44": float(tensor[-1, -1]) / 2,
    }  # fmt: skip
    if len(shape) == 3:
        moved = TRAFFIC * voxels * (1.0 if dtype == "float64" else 0.5)
        out["bandwidth_share"] = moved / seconds_per_step / _copy_bandwidth()
    return out


def _copy_bandwidth() -> float:
    """Bytes per second of reading and writing a large array."""
    import jax
    import jax.numpy as jnp

    field = jnp.ones(2**25)
    copy = jax.jit(lambda x: x + 1.0)
    return 2 * field.nbytes / _in_turns({"copy": lambda: copy(field)}, 5, 1.0)[1]["copy"]


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1]) if Path("/proc/self/statm").exists() else 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _contrast(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Steps alone."""
    from problems import isotropic

    import jaxmicro as jm

    del repeats
    law = isotropic(case["kind"], tuple(case["shape"]), case["contrast"])
    found = jm.effective_stiffness(law, jm.Grid(tuple(case["shape"])), preconditioner="green", rtol=1e-6, throw=False)
    return {"status": int(found.status), "steps": np.asarray(found.steps).tolist(), "tensor_11": float(found.tensor[0, 0])}


def _hard(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """All preconditioners on one field, in turns, and their errors: in 2D against a sparse direct solve, else against one to 1e-10."""
    from problems import isotropic

    import jaxmicro as jm

    shape = tuple(case["shape"])
    law, grid = isotropic(case["kind"], shape, case["contrast"]), jm.Grid(shape)
    names = ("green", "green_jacobi", "multigrid")

    last: dict[str, Any] = {}

    def solve(name: str) -> Callable:
        def run() -> Any:
            most = 3000 if len(shape) == 2 else 1000
            last[name] = jm.effective_stiffness(law, grid, preconditioner=name, rtol=1e-6, max_steps=most, throw=False)
            return last[name].tensor

        return run

    if len(shape) == 2:
        sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # elements assembled as the tests do
        from tests.homogenization.references import assembled_effective

        truth = assembled_effective(np.asarray(law.tensor()), np.ones(2), 2)
    else:
        truth = np.asarray(jm.effective_stiffness(law, grid, preconditioner="multigrid", rtol=1e-10, max_steps=3000).tensor)
    first, steady = _in_turns({name: solve(name) for name in names}, 1 if len(shape) == 3 else repeats, 1.0)
    from jaxmicro.fields import elasticity
    from jaxmicro.homogenization.operators import make_operator
    from jaxmicro.homogenization.preconditioners import choose

    out: dict[str, Any] = {}
    out["auto"] = choose(make_operator("finite_element", elasticity(len(shape), law.components)), law, shape, batched=False)
    for name in names:
        found = last[name]
        error = float(np.abs(found.tensor - truth).max() / np.abs(truth).max())
        out[name] = {
            "status": int(found.status), "steps": np.asarray(found.steps).tolist(), "seconds": steady[name], "error": error,
            "first_seconds": first[name], "time_against_green": steady[name] / steady["green"],
        }  # fmt: skip
    return out


def _batch(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Mixed 64 × 64 cells: a loop of calls, one call with a batch axis, the user's own vmap; values and gradients."""
    import jax
    import jax.numpy as jnp
    from problems import KINDS, young

    import jaxmicro as jm

    count, dtype, grid = case["count"], case["dtype"], jm.Grid((64, 64))
    cells = jnp.stack([
        jm.materials.isotropic_stiffness(jnp.asarray(young(KINDS[i % 4], (64, 64), 10.0 ** -(1 + i % 2), seed=i), dtype), 0.3, dim=2)
        for i in range(count)
    ])  # fmt: skip

    def value(c: Any) -> Any:
        return jnp.sum(jm.effective_stiffness(c, grid, preconditioner="green").tensor ** 2)

    one, batch = jax.jit(value), jax.jit(lambda c: jm.effective_stiffness(c, grid, preconditioner="green").tensor)
    mapped, both = jax.jit(jax.vmap(value)), jax.jit(jax.value_and_grad(value))
    inside, outside = jax.jit(jax.vmap(jax.value_and_grad(value))), jax.jit(jax.value_and_grad(lambda c: jnp.sum(jax.vmap(value)(c))))
    _, steady = _in_turns(
        {
            "loop": lambda: [one(c) for c in cells], "batch": lambda: batch(cells), "vmap": lambda: mapped(cells),
            "loop_with_gradient": lambda: [both(c) for c in cells], "vmap_of_gradient": lambda: inside(cells),
            "gradient_of_vmap": lambda: outside(cells),
        },
        min(repeats, 3), 1.0,
    )  # fmt: skip
    out: dict[str, Any] = {f"{name}_seconds": seconds for name, seconds in steady.items()}
    out["batch_against_loop"] = steady["batch"] / steady["loop"]
    out["vmap_against_loop"] = steady["vmap"] / steady["loop"]
    out["vmap_of_gradient_against_loop"] = steady["vmap_of_gradient"] / steady["loop_with_gradient"]
    out["cells_per_second_with_gradient"] = count / steady["vmap_of_gradient"]
    return out


def _precision(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Errors of float32, mixed and float64 against a solve to 1e-10, at their tightest sensible tolerances."""
    from problems import isotropic

    import jaxmicro as jm

    shape = tuple(case["shape"])
    grid = jm.Grid(shape)
    double, single = (isotropic(case["kind"], shape, case["contrast"], dtype=t) for t in ("float64", "float32"))

    def solve(law: Any, rtol: float | None, precision: str | None = None) -> Callable:
        return lambda: jm.effective_stiffness(
            law, grid, preconditioner="green", rtol=rtol, precision=precision, max_steps=5000, throw=False
        )

    functions = {"float64": solve(double, 1e-9), "mixed": solve(double, 1e-9, "mixed"), "float32": solve(single, None)}
    truth = np.asarray(solve(double, 1e-10)().tensor)
    _, steady = _in_turns(functions, min(repeats, 3), 1.0)
    out: dict[str, Any] = {}
    for name, function in functions.items():
        found = function()
        out[name] = {
            "status": int(found.status), "steps": np.asarray(found.steps).tolist(), "seconds": steady[name],
            "residual": float(np.max(found.residual)), "error": float(np.abs(np.asarray(found.tensor, np.float64) - truth).max() / np.abs(truth).max()),
        }  # fmt: skip
    return out


def _memory(case: dict[str, Any], repeats: int) -> dict[str, Any]:
    """Bytes per voxel beside the constants, as the compiler plans them."""
    import jax.numpy as jnp
    from problems import isotropic

    from jaxmicro.fields import elasticity
    from jaxmicro.homogenization.cell import energy_value
    from jaxmicro.homogenization.operators import make_operator
    from jaxmicro.homogenization.solve import Loading, Medium, Setup, solve_loads

    del repeats
    shape = tuple(case["shape"])
    law = isotropic("inclusion", shape, 10.0, dtype=case["dtype"])
    setup = Setup(make_operator("finite_element", elasticity(3, 6)), 1e-4, 100, serial=True)
    strains = jnp.eye(6, dtype=law.dtype)[: case["loads"]]

    def solve(law: Any) -> Any:
        medium = Medium(law, jnp.ones(3, law.dtype))
        u, outcome = solve_loads(setup, medium, Loading(mean_strain=strains))
        return energy_value(setup, medium, u) if case["loads"] == 6 else u, outcome

    compiled, _ = _compile(solve, law)
    taken = compiled.memory_analysis()
    extra = taken.output_size_in_bytes if case["loads"] == 1 else 0
    return {"bytes_per_voxel": (taken.temp_size_in_bytes + extra) / int(np.prod(shape))}


def exponents(rows: list[dict[str, Any]], group: str, dtype: str, least: int = 0) -> float | None:
    """The power of the number of voxels that the time of a step follows."""
    chosen = [r for r in rows if r["group"] == group and r["case"]["dtype"] == dtype and r["case"]["kind"] == "inclusion"]
    chosen = [r for r in chosen if "seconds_per_step" in r and r["case"]["shape"][0] >= least]
    if len(chosen) < 2:
        return None
    sizes = [np.log(np.prod(r["case"]["shape"])) for r in chosen]
    return float(np.polyfit(sizes, [np.log(r["seconds_per_step"]) for r in chosen], 1)[0])


def plot(result: dict[str, Any]) -> None:
    """Time of a step over size, steps over contrast, and hard fields."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = [r for r in result["rows"] if "error_message" not in r]
    figure, (sizes, steps, hard) = plt.subplots(1, 3, figsize=(15, 4.5), layout="constrained")
    for group, label in (("sizes2d", "2D"), ("sizes3d", "3D")):
        for dtype, line in (("float64", "o-"), ("float32", "s--")):
            chosen = [r for r in rows if r["group"] == group and r["case"]["dtype"] == dtype and r["case"]["kind"] == "inclusion"]
            power = exponents(rows, group, dtype)
            if chosen and power is not None:
                voxels = [np.prod(r["case"]["shape"]) for r in chosen]
                sizes.loglog(voxels, [1e3 * r["seconds_per_step"] for r in chosen], line, label=f"{label} {dtype}, N^{power:.2f}")
    sizes.set(xlabel="voxels", ylabel="milliseconds per step and load case", title="Cost of a step")
    sizes.legend()
    for n in sorted({r["case"]["shape"][0] for r in rows if r["group"] == "contrast"}):
        chosen = sorted((r["case"]["contrast"], max(r["steps"])) for r in rows if r["group"] == "contrast" and r["case"]["shape"][0] == n)
        chosen = [(c, s) for c, s in chosen if c > 0]
        steps.semilogx([c for c, _ in chosen], [s for _, s in chosen], "o-", label=f"disc, {n}²")
    steps.set(xlabel="stiffness of the inclusion / matrix", ylabel="steps to 1e-6", title="Contrast")
    steps.set_ylim(bottom=0)
    steps.legend()
    chosen = [r for r in rows if r["group"] == "hard"]
    place = np.arange(len(chosen))
    for i, name in enumerate(("green", "green_jacobi", "multigrid")):
        heights = [r[name]["seconds"] for r in chosen]
        bars = hard.bar(place + 0.27 * (i - 1), heights, 0.27, label=name)
        for bar, row in zip(bars, chosen, strict=True):
            if row[name]["status"] != 0:
                bar.set_hatch("//")
    hard.set_xticks(
        place, [f"{r['case']['kind']}\n{r['case']['contrast']:g}\n{len(r['case']['shape'])}D" for r in chosen], fontsize=7, rotation=90
    )
    hard.set(yscale="log", ylabel="seconds (hatched: not converged)", title="Hard fields, all load cases")
    hard.legend()
    figure.savefig(RESULTS / "solver.png", dpi=110)


def main() -> None:
    """Measure, store, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--quick", action="store_true", help="small cases only")
    parser.add_argument("--large", action="store_true", help="2048² and 256³ too")
    parser.add_argument("--repeats", type=int, default=3, help="least number of timed calls")
    parser.add_argument("--plot", action="store_true", help="draw the stored results and measure nothing")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    if options.worker:
        task = json.loads(options.worker)
        print(json.dumps(measure(task["group"], task["case"], task["repeats"])))
        return
    path = RESULTS / "solver.json"
    stored = json.loads(path.read_text()) if path.exists() else {"rows": []}
    if not options.plot:
        stored = _run(options, stored, path)
    plot(stored)
    print(json.dumps(stored["exponents"], indent=2))


def _run(options: argparse.Namespace, stored: dict[str, Any], path: Path) -> dict[str, Any]:
    """All groups that are asked for; the rows of others stay as they are stored."""
    import jax

    device = jax.devices()[0]
    result = {
        "benchmark": "solver",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy", "scipy")}},
        "machine": {
            "system": platform.platform(), "processors": os.cpu_count(), "threads": len(os.sched_getaffinity(0)), "backend": jax.default_backend(),
            "device": device.device_kind,
        },
    }  # fmt: skip
    groups = options.groups.split(",")
    rows = [row for row in stored["rows"] if row["group"] not in groups]
    for group in groups:
        for case in cases(group, quick=options.quick, large=options.large):
            task = json.dumps({"group": group, "case": case, "repeats": options.repeats})
            done = subprocess.run([sys.executable, __file__, "--worker", task], capture_output=True, text=True, check=False)
            row: dict[str, Any] = {"group": group, "case": case}
            if done.returncode == 0:
                row |= json.loads(done.stdout.splitlines()[-1])
            else:
                row["error_message"] = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            rows.append(row)
            print(json.dumps(row), flush=True)
            powers = {f"{g} {t}": exponents(rows, g, t) for g in ("sizes2d", "sizes3d") for t in ("float64", "float32")}
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result | {"exponents": powers, "rows": rows}, indent=1) + "\n")
    return json.loads(path.read_text())


if __name__ == "__main__":
    main()
