"""The verification table: every case with a known answer, on finer grids than the tests, and the observed orders of convergence.

The cases are those of tests/truths, with their sources. Each scheme is measured on its sizes; the order is the least-squares slope
of −log error over log voxels per edge, and where a scheme is exact there is none.

    python benchmarks/truths.py [--only FAMILY] [--largest N] [--table]

Results: benchmarks/results/truths.json and docs/verification.md.
"""

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

ROOT = Path(__file__).resolve().parent.parent
RESULTS, TABLE = ROOT / "benchmarks" / "results" / "truths.json", ROOT / "docs" / "verification.md"
HEADER = """# Verification

Written by `python benchmarks/truths.py` from [benchmarks/results/truths.json](../benchmarks/results/truths.json): {machine}, \
{measured}, jax {jax}, double precision, {seconds:.0f} s for all cases.

Each case has an answer that the library had no part in: a closed form, a published series or table, or a solution by another \
method, written in [tests/truths](../tests/truths) without the library. The tests run the same cases on small grids and fail if an error \
or an observed order leaves its bounds.

- *Error*: at the numbers of voxels per edge before the colons. Of an effective tensor it is the largest error of an entry over the \
largest entry, unless the case says otherwise; for inclusions it is a mean over several places relative to the grid (8 in the plane, 4 in \
space, 2 for composite voxels).
- *Order*: the least-squares slope of −log error over log voxels per edge, over all sizes of the row; *exact* where the scheme gives \
the answer on every grid, to rounding and the tolerance of the solver. The last column says what is expected and why; the interval is \
that of the tests.
- Voxels hold the phase at their centre (*plain*, unless a scheme says otherwise), the laminate of what the interface leaves on its \
sides (*composite*), or that of a window of two voxels (*wide*).

"""
REFERENCES = """## How well the answers are known

| answer | checked against | agreement |
| --- | --- | --- |
| conductivity of square and hexagonal arrays of discs | expansions of Rayleigh and of Perrins, McKenzie & McPhedran (1979), their table for perfect conductors, and curved elements of degree 14 | all digits given; 1e-8 |
| plane stiffness of square and hexagonal arrays of discs and holes | curved elements of degree 14 (square); isotropy (hexagonal) | 1e-8; 1e-10 |
| conductivity of SC, BCC and FCC arrays of spheres | the series of Sangani & Acrivos (1983), doi:10.1098/rspa.1983.0020; curved elements (SC) | 4e-6 at share 0.2, its order; 3e-6 at 0.3 |
| stiffness of SC, BCC and FCC arrays of spheres | curved elements of degree 7 (SC); degrees 13 and 15 of the expansion (BCC, FCC); dilute spheres | 2e-7; 5e-8; to first order |
| sequential laminates | layers of layers by two formulas, and the library's rule for composite voxels | 1e-13 |
| manufactured fields | divergence and strain by fast Fourier transforms | 1e-8 |

No printed table of stiffnesses of such arrays was compared with: those of the square and the simple cubic array rest on two methods \
of our own that agree, the others on one, with the checks named above. The \
shear modulus of polycrystals has no exact answer; the self-consistent one is an estimate, and the samples also lie between the \
Hashin–Shtrikman bounds (46.1 and 49.6 GPa for copper), which a test checks.
"""


def measure(case: Any, trial: Any, largest: int) -> dict[str, Any]:
    """Errors of one scheme on one case."""
    from tests.truths.case import observed_order

    sizes = [n for n in trial.table if n <= largest] or list(trial.table[:1])
    started = time.perf_counter()
    errors = [case.error(trial.scheme, n) for n in sizes]
    order = None if trial.order is None or len(sizes) < 3 else round(observed_order(sizes, errors), 2)
    return {
        "case": case.name, "source": case.source, "measured": case.measured, "scheme": trial.scheme, "sizes": sizes, "errors": errors,
        "order": order, "order_of_the_tests": trial.order, "bound_of_the_tests": trial.bound, "reason": trial.reason,
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def result_file(families: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What was measured, with versions and machine."""
    return {
        "benchmark": "truths",
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("jax", "jaxlib", "numpy", "scipy")}},
        "machine": {"system": platform.platform(), "processors": os.cpu_count(), "backend": jax.default_backend()},
        "families": families,
    }


def table(stored: dict[str, Any]) -> str:
    """The page, from the file."""
    machine, rows = stored["machine"], [row for rows in stored["families"].values() for row in rows]
    system = f"{machine['system'].split('-')[0]} {platform_of(machine['system'])}, {machine['processors']} processors, {machine['backend']}"
    lines = [
        HEADER.format(
            machine=system, measured=stored["measured"][:10], jax=stored["versions"]["jax"], seconds=sum(row["seconds"] for row in rows)
        )
    ]
    for family, found in stored["families"].items():
        lines.append(f"## {family}\n\n| case | source | scheme | error | order | expected |\n| --- | --- | --- | --- | --- | --- |\n")
        last = None
        for row in found:
            head = (row["case"] + asked(row), row["source"]) if row["case"] != last else ("", "")
            last = row["case"]
            lines.append(f"| {' | '.join([*head, row['scheme'], errors_of(row), order_of(row), expected(row)])} |\n")
        lines.append("\n")
    return "".join([*lines, REFERENCES])


def platform_of(system: str) -> str:
    """The processor's family, in the long name of a system."""
    return next((name for name in ("x86_64", "aarch64", "arm64") if name in system), "")


def asked(row: dict[str, Any]) -> str:
    """What is measured, unless it is what the page says of all."""
    return "" if row["measured"].startswith("largest error of an entry") else f": {row['measured']}"


def errors_of(row: dict[str, Any]) -> str:
    """Errors by size; what is rounding is called so."""
    return ", ".join(
        f"{n}: {error:.1e}" if error > 1e-15 else f"{n}: < 1e-15" for n, error in zip(row["sizes"], row["errors"], strict=True)
    )


def order_of(row: dict[str, Any]) -> str:
    """The observed order."""
    if row["order_of_the_tests"] is None:
        return "exact" if max(row["errors"]) < 1e-6 else "–"
    return "–" if row["order"] is None else f"{row['order']:.2f}"


def expected(row: dict[str, Any]) -> str:
    """What is expected, and why."""
    if row["order_of_the_tests"] is None:
        return row["reason"]
    low, high = row["order_of_the_tests"]
    return f"{low:.2f} to {high:.2f}: {row['reason']}"


def main() -> None:
    """Measure what is asked for, keep the rest of the file, write the page."""
    sys.path.insert(0, str(ROOT))
    jax.config.update("jax_enable_x64", True)
    from tests.truths.families import FAMILIES

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=list(FAMILIES), action="append", help="families to measure; all by default")
    parser.add_argument("--largest", type=int, default=512, help="voxels per edge at most")
    parser.add_argument("--table", action="store_true", help="only write the page from the file")
    options = parser.parse_args()
    stored = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"families": {}}
    for family in [] if options.table else (options.only or FAMILIES):
        rows = []
        for case in FAMILIES[family]:
            for trial in case.trials:
                rows.append(measure(case, trial, options.largest))
                print(json.dumps({key: rows[-1][key] for key in ("case", "scheme", "errors", "order", "seconds")}), flush=True)
        jax.clear_caches()  # each compiled program holds mappings of memory, of which a process may have so many
        known = stored["families"] | {family: rows}
        stored = result_file({name: known[name] for name in FAMILIES if name in known})
        RESULTS.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(table(stored))


if __name__ == "__main__":
    main()
