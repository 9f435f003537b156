"""Laminates that no grid resolves exactly: how the error of the stiffness falls with the number of voxels.

Layers along an axis are exact with every scheme, diagonal ones on odd square grids with `rotated` and `fourier`; both are
tests. Here the layers lie across (2, 1) and (3, 1), so that interfaces are stairs: two arbitrary anisotropic phases of equal
share and of contrast about ten, against the layer formula.

    python benchmarks/laminates.py [--largest 512]

Results: benchmarks/results/laminates.json and laminates.png.
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results"
SCHEMES = ("finite_element", "rotated", "fourier")
DIRECTIONS = ((2, 1), (3, 1))


def measure(largest: int) -> list[dict[str, Any]]:
    """Relative errors per scheme, direction and size."""
    from tests.homogenization.references import laminate_stiffness, random_stiffness

    rng = np.random.default_rng(5)
    phases = [random_stiffness(rng, 3), 10.0 * random_stiffness(rng, 3)]
    rows = []
    for direction in DIRECTIONS:
        normal = np.array(direction) / np.hypot(*direction)
        exact = laminate_stiffness(phases, np.array([0.5, 0.5]), normal, 2)
        for half in 2 ** np.arange(3, int(np.log2(largest))):
            n = 2 * int(half) + 1  # odd: `rotated` has no null waves then
            x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n] * 2, indexing="ij")
            inside = ((direction[0] * x + direction[1] * y) % 1.0) < 0.5
            shares = np.array([1 - inside.mean(), inside.mean()])
            field = np.stack(phases, -1)[..., inside.astype(int)]
            here = laminate_stiffness(phases, shares, normal, 2)
            for scheme in SCHEMES:
                found = np.asarray(jm.effective_stiffness(field, jm.Grid((n, n)), discretization=scheme, rtol=1e-6).tensor)
                rows.append({
                    "direction": direction, "voxels_per_edge": n, "scheme": scheme,
                    "error": float(np.abs(found - exact).max() / np.abs(exact).max()),
                    "error_at_the_fraction_of_the_grid": float(np.abs(found - here).max() / np.abs(exact).max()),
                })  # fmt: skip
                print(json.dumps(rows[-1]), flush=True)
    return rows


def orders(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Powers of the number of voxels per edge with which the errors fall."""
    found = {}
    for direction in DIRECTIONS:
        for scheme in SCHEMES:
            chosen = [r for r in rows if r["scheme"] == scheme and tuple(r["direction"]) == direction]
            sizes, errors = ([np.log(r[key]) for r in chosen] for key in ("voxels_per_edge", "error_at_the_fraction_of_the_grid"))
            found[f"{scheme} across {direction}"] = round(float(-np.polyfit(sizes, errors, 1)[0]), 2)
    return found


def plot(rows: list[dict[str, Any]]) -> None:
    """Error over size."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(DIRECTIONS), figsize=(10, 4), layout="constrained", sharey=True)
    for panel, direction in zip(panels, DIRECTIONS, strict=True):
        for scheme in SCHEMES:
            chosen = [r for r in rows if r["scheme"] == scheme and tuple(r["direction"]) == direction]
            panel.loglog(
                [r["voxels_per_edge"] for r in chosen], [r["error_at_the_fraction_of_the_grid"] for r in chosen], "o-", label=scheme
            )
        panel.set(title=f"layers across {direction}", xlabel="voxels per edge")
        panel.set_xticks([r["voxels_per_edge"] for r in chosen], [str(r["voxels_per_edge"]) for r in chosen])
        panel.minorticks_off()
        panel.legend()
    panels[0].set_ylabel("relative error of the stiffness")
    figure.savefig(RESULTS / "laminates.png", dpi=110)


def main() -> None:
    """Measure, store, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--largest", type=int, default=512, help="voxels per edge at most, about")
    largest = parser.parse_args().largest
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # the layer formula that the tests use
    jax.config.update("jax_enable_x64", True)
    rows = measure(largest)
    result = {
        "benchmark": "laminates",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()},
        "orders": orders(rows),
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "laminates.json").write_text(json.dumps(result, indent=1) + "\n")
    plot(rows)
    print(json.dumps(result["orders"], indent=2))


if __name__ == "__main__":
    main()
