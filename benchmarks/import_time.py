"""What `import jaxmicro` costs beyond `import jax`.

Fresh processes, one after the other and in turns, so that a busy machine slows all of them alike; medians of their
own clocks. The target is at most 0.3 s more than `import jax`, also when the first front door is touched.

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


def seconds(statement: str) -> float:
    """Time of a statement in a fresh interpreter, on that interpreter's clock."""
    script = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return float(done.stdout.splitlines()[-1])


def measure(repeats: int) -> dict[str, list[float]]:
    """Every statement once to fill the disk cache, then `repeats` times in turns."""
    for statement in STATEMENTS.values():
        seconds(statement)
    rounds = [{name: seconds(statement) for name, statement in STATEMENTS.items()} for _ in range(repeats)]
    return {name: [each[name] for each in rounds] for name in STATEMENTS}


def summary(times: dict[str, list[float]]) -> dict:
    """The record that is stored: medians, what each costs beyond jax, and where it was measured."""
    medians = {name: round(statistics.median(values), 4) for name, values in times.items()}
    return {
        "benchmark": "import_time",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count()},
        "repeats": len(times["jax"]),
        "median_seconds": medians,
        "fastest_seconds": {name: round(min(values), 4) for name, values in times.items()},
        "seconds_beyond_jax": {name: round(median - medians["jax"], 4) for name, median in medians.items() if name != "jax"},
        "target_seconds_beyond_jax": TARGET_SECONDS,
    }


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    result = summary(measure(parser.parse_args().repeats))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    for name, median in result["median_seconds"].items():
        beyond = result["seconds_beyond_jax"].get(name)
        print(f"{name:30} {median:7.3f} s" + (f"   {beyond:+.3f} s beyond jax" if beyond is not None else ""))
    print(f"stored in {RESULTS.relative_to(RESULTS.parents[2])}")


if __name__ == "__main__":
    main()
