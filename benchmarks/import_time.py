"""What `import jaxmicro` costs beyond `import jax`.

Fresh processes, one after the other and in turns, so that a busy machine slows all of them alike; medians of their
own clocks, and of processor time, which a busy machine changes less. The target is at most 0.3 s more than `import jax`, also when the first front door is touched.

    python benchmarks/import_time.py [--repeats 15]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "import_time.json"
TARGET_SECONDS = 0.3
STATEMENTS = {
    "jax": "import jax, jax.numpy",
    "jaxmicro": "import jax, jax.numpy, jaxmicro",
    "jaxmicro.Grid": "import jax, jax.numpy, jaxmicro; jaxmicro.Grid",
    "jaxmicro.effective_stiffness": "import jax, jax.numpy, jaxmicro; jaxmicro.effective_stiffness",
    "jaxmicro.generative": "import jax, jax.numpy, jaxmicro; jaxmicro.generative",
    "jaxmicro.design": "import jax, jax.numpy, jaxmicro; jaxmicro.design",
    "jaxmicro.plotting": "import jax, jax.numpy, jaxmicro; jaxmicro.plotting",
}
COLUMNS = ("median_seconds", "seconds_beyond_jax", "median_processor_seconds", "processor_seconds_beyond_jax")


def seconds(statement: str) -> tuple[float, float]:
    """Wall-clock and processor time of a statement in a fresh interpreter."""
    clocks = "(time.perf_counter(), time.process_time())"
    script = f"import time; start = {clocks}; {statement}; end = {clocks}; print(end[0] - start[0], end[1] - start[1])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    wall, processor = done.stdout.splitlines()[-1].split()
    return float(wall), float(processor)


def measure(repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Every statement once to fill the disk cache, then `repeats` times in turns."""
    for statement in STATEMENTS.values():
        seconds(statement)
    rounds = [{name: seconds(statement) for name, statement in STATEMENTS.items()} for _ in range(repeats)]
    return {name: [each[name] for each in rounds] for name in STATEMENTS}


def row(times: list[tuple[float, float]], baseline: list[tuple[float, float]]) -> dict[str, float]:
    """Medians of one statement, and what it costs beyond jax."""
    (wall, processor), (wall_jax, processor_jax) = (map(statistics.median, zip(*each, strict=True)) for each in (times, baseline))
    return {
        "median_seconds": round(wall, 4),
        "median_processor_seconds": round(processor, 4),
        "seconds_beyond_jax": round(wall - wall_jax, 4),
        "processor_seconds_beyond_jax": round(processor - processor_jax, 4),
    }


def summary(times: dict[str, list[tuple[float, float]]]) -> dict:
    """The record that is stored: medians, what each costs beyond jax, and where it was measured."""
    return {
        "benchmark": "import_time",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "load_average": round(os.getloadavg()[0], 1)},
        "repeats": len(times["jax"]),
        "target_seconds_beyond_jax": TARGET_SECONDS,
        "imports": {name: row(each, times["jax"]) for name, each in times.items()},
    }


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    result = summary(measure(parser.parse_args().repeats))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{'':30} wall clock    beyond jax    processor    beyond jax")
    for name, each in result["imports"].items():
        print(f"{name:30} " + "    ".join(f"{each[key]:8.3f} s" for key in COLUMNS))
    print(f"stored in {RESULTS.relative_to(RESULTS.parents[2])}")


if __name__ == "__main__":
    main()
