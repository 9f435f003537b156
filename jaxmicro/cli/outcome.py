"""From finished searches to tables, metrics and the sections of a report."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro.cli.run_folder import Job
from jaxmicro.design import DesignResult, Target
from jaxmicro.io import write
from jaxmicro.plotting import cell, save

SPLIT = {2: "split 4×4", 3: "split 2×2×2"}
VOIGT = {3: (1, 2, 6), 6: (1, 2, 3, 4, 5, 6)}


def gathered(results: Sequence[DesignResult], part: str) -> Float[np.ndarray, "n k"]:
    """One array of the verifications of all results, in the order of their designs."""
    return np.concatenate([np.asarray(getattr(result.verification, part)) for result in results])


def report_fields(
    results: Sequence[DesignResult], shown: Sequence[str], targets: Mapping[str, Float[np.ndarray, " n"]], units: Mapping[str, str]
) -> dict[str, Any]:
    """The fields of `DesignReportData` that designs and their verification fill; all results share their names."""
    names, ndim = results[0].names, results[0].grid.ndim
    columns = [names.index(name) for name in shown]
    parts = {part: gathered(results, part) for part in ("predicted", "split", "rotated", "lower", "upper")}
    wanted = np.stack([np.asarray(targets.get(name, np.full(len(parts["predicted"]), np.nan)), float) for name in shown], axis=1)
    cells = [ms for result in results for ms in result.microstructures]
    fields: dict[str, Any] = {
        "properties": tuple(shown),
        "units": tuple(units.get(name) for name in shown),
        "targets": wanted if np.isfinite(wanted).any() else None,
        "predicted": parts["predicted"][:, columns],
        "verified": {SPLIT[ndim]: parts["split"][:, columns], "rotated": parts["rotated"][:, columns]},
        "lower": parts["lower"][:, columns],
        "upper": parts["upper"][:, columns],
        "cells": cells,
        "stiffness": _tensors(parts, names, ndim, stiffness_of),
        "conductivity": _tensors(parts, names, ndim, conductivity_of),
        "warnings": [f"design {i + 1}: {line}" for i, line in enumerate(_violations(results)) if line],
    }
    for part in ("prior_distance", "data_distance"):
        if all(getattr(result.verification, part) is not None for result in results):
            fields[part] = gathered(results, part)
    return fields


def stiffness_of(values: Float[np.ndarray, "n k"], names: Sequence[str], ndim: int) -> Float[np.ndarray, "n m m"] | None:
    """Mandel tensors from their named entries (`C11`, … in Voigt notation), or None where those are not among the values.

    Example:
        >>> names = ("C11", "C12", "C16", "C22", "C26", "C66")
        >>> round(float(stiffness_of(np.array([[3.0, 1.0, 0.0, 3.0, 0.0, 1.0]]), names, 2)[0, 2, 2]), 6)
        2.0
    """
    for places in (VOIGT[6], VOIGT[3]) if ndim == 2 else (VOIGT[6],):
        entries = {(i, j): f"C{a}{b}" for i, a in enumerate(places) for j, b in enumerate(places) if i <= j}
        if set(entries.values()) <= set(names):
            weight = np.sqrt([1.0 if place <= 3 else 2.0 for place in places])
            return _symmetric(values, names, entries) * weight[:, None] * weight
    return None


def conductivity_of(values: Float[np.ndarray, "n k"], names: Sequence[str], ndim: int) -> Float[np.ndarray, "n d d"] | None:
    """Conductivity tensors from their named entries, or None where those are not among the values."""
    letters = "xyz"[:ndim]
    entries = {(i, j): f"k_{a}{b}" for i, a in enumerate(letters) for j, b in enumerate(letters) if i <= j}
    return _symmetric(values, names, entries) if set(entries.values()) <= set(names) else None


def write_designs(
    job: Job,
    results: Sequence[DesignResult],
    targets: Mapping[str, Any],
    shown: Sequence[str],
    units: Mapping[str, str],
    folder: str = "designs",
) -> None:
    """Every design as .npz and .png, and all values of all designs as a table."""
    (job.folder / folder).mkdir(exist_ok=True)
    index = 0
    for result in results:
        for ms in result.microstructures:
            index += 1
            write(job.folder / folder / f"design-{index}.npz", ms)
            save(cell(ms), job.folder / folder / f"design-{index}.png")
    np.savez(job.folder / folder / "latents.npz", latents=np.concatenate([result.latents for result in results]))
    header = [
        "design",
        "method",
        "property",
        "unit",
        "target",
        "predicted",
        "split",
        "rotated",
        "split gap",
        "rotated gap",
        "lower bound",
        "upper bound",
    ]
    job.table(folder, header, _rows(results, targets, shown, units))


def print_designs(
    job: Job, results: Sequence[DesignResult], shown: Sequence[str], targets: Mapping[str, Any], units: Mapping[str, str], most: int = 12
) -> None:
    """Print targets, predicted and verified values of the first designs."""
    predicted, split, rotated = (gathered(results, part) for part in ("predicted", "split", "rotated"))
    ndim, names = results[0].grid.ndim, results[0].names
    rows = []
    for i in range(min(most, len(predicted))):
        for name in shown:
            column = names.index(name)
            target = float(targets[name][i]) if name in targets else None
            gap = float(split[i, column] - predicted[i, column]) / max(abs(float(predicted[i, column])), 1e-300)
            values = (float(part[i, column]) for part in (predicted, split, rotated))
            rows.append([f"{i + 1}", f"{name} ({units[name]})" if name in units else name, target, *values, f"{100 * gap:+.1f} %"])
    job.console.table(["design", "property", "target", "predicted", SPLIT[ndim], "rotated", "gap, split"], rows)
    if len(predicted) > most:
        job.console.result(f"… and {len(predicted) - most} more in {job.final}")


def error_history(result: DesignResult) -> tuple[np.ndarray, np.ndarray] | None:
    """Solves and largest error relative to the targets (not in tolerances), for a convergence diagram."""
    solves, errors = np.asarray(result.history["evaluations"], float), np.asarray(result.history["error"], float)
    keep = np.isfinite(errors)
    return (solves[keep], errors[keep]) if keep.any() else None


def target_values(goals: Sequence[Any], count: int) -> dict[str, Float[np.ndarray, " n"]]:
    """Targets by property, the same for each of `count` designs."""
    return {goal.name: np.full(count, goal.value) for goal in goals if isinstance(goal, Target)}


def _rows(results: Sequence[DesignResult], targets: Mapping[str, Any], shown: Sequence[str], units: Mapping[str, str]) -> list[list[Any]]:
    parts = {part: gathered(results, part) for part in ("predicted", "split", "rotated", "split_gap", "rotated_gap", "lower", "upper")}
    names = results[0].names
    order = [*shown, *[name for name in names if name not in shown]]
    methods = [result.method for result in results for _ in result.labels]
    rows = []
    for i, method in enumerate(methods):
        for name in order:
            column = names.index(name)
            target = targets.get(name)
            value = None if target is None else target[i]
            rows.append([i + 1, method, name, units.get(name), value, *(parts[part][i, column] for part in parts)])
    return rows


def _violations(results: Sequence[DesignResult]) -> list[str]:
    return ["; ".join(lines) for result in results if result.verification is not None for lines in result.verification.violations]


def _tensors(parts: Mapping[str, np.ndarray], names: Sequence[str], ndim: int, build: Any) -> dict[str, np.ndarray]:
    found = {"predicted": build(parts["predicted"], names, ndim), SPLIT[ndim]: build(parts["split"], names, ndim)}
    return {name: stack for name, stack in found.items() if stack is not None and np.isfinite(stack).all()}


def _symmetric(values: np.ndarray, names: Sequence[str], entries: Mapping[tuple[int, int], str]) -> np.ndarray:
    size = max(i for i, _ in entries) + 1
    tensors = np.empty((len(values), size, size))
    for (i, j), name in entries.items():
        tensors[:, i, j] = tensors[:, j, i] = values[:, list(names).index(name)]
    return tensors
