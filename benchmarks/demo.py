"""What `make demo` costs on a fresh machine: a fresh clone, an empty home, no caches.

Clones the committed state into a temporary folder, runs `make demo` there with an empty home, and stores the seconds of
the whole command (installation included), of the job, until its first design, and the peak memory of its processes. The
package installer may read packages over the network or from a mirror; its download time is part of the figure.

    python benchmarks/demo.py [--image micrograph.png]
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "demo.json"
TARGETS = {"whole_seconds": 300, "first_design_seconds": 60, "peak_memory_mib": 3072}


def run(image: str | None, folder: Path) -> dict:
    """One run in a fresh clone; raises if it fails."""
    clone, home, out = folder / "clone", folder / "home", folder / "run"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    home.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHON") or name.startswith(("PIP_", "UV_INDEX"))
    }
    environment = kept | {"HOME": str(home), "OUT": str(out)} | ({"IMAGE": image} if image else {})
    start = time.perf_counter()
    done = subprocess.run(["make", "demo"], cwd=clone, env=environment, text=True, capture_output=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"make demo failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    metrics = json.loads((out / "metrics.json").read_text())
    return {
        "whole_seconds": round(seconds, 1),
        "job": metrics,
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "last_lines": done.stdout.replace(f"{folder}/", "").splitlines()[-16:],
    }


def main() -> None:
    """Measure, store, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default=None)
    image = parser.parse_args().image
    with tempfile.TemporaryDirectory() as folder:
        measured = run(None if image is None else str(Path(image).resolve()), Path(folder))
    result = {
        "benchmark": "demo",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "picture": image is not None,
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "python": platform.python_version()},
        "targets": TARGETS,
        **measured,
    }
    results = RESULTS if image is None else RESULTS.with_stem("demo_picture")
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps(result, indent=2) + "\n")
    print("\n".join(measured["last_lines"]))
    print(f"{measured['whole_seconds']} s in all, peak memory {measured['peak_memory_mib']} MiB")
    print(f"stored in {results.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
