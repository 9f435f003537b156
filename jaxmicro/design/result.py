"""What a search returns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from jaxmicro._core import record, static
from jaxmicro.design.verification import Verification
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure


@record
class DesignResult:
    """Designs found, what they are worth, and how the search went. n designs, k values, m objectives, e solved designs.

    Attributes:
        grid: the cell.
        latents: of the designs, `(n, *latent)`; targets: the best one; fronts: those that no other dominates.
        labels: the discrete cells, `(n, *grid)`.
        values: name → `(n,)`, on the discrete cells.
        errors: largest distance from targets and constraints, in tolerances, `(n,)`: 1 or less is met (0 for fronts).
        front: objectives of the designs in the user's sense, `(n, m)`; distances from targets are in tolerances.
        hypervolume_history: columns of solves and dominated hypervolume, `(h, 2)`; None with targets alone.
        reference: its reference point, in the user's sense, `(m,)`.
        history: arrays over all solved designs: `evaluations` (e,), `error` (e,), `objectives` (e, m), `values` (e, k),
            `feasible` (e,).
        verification: the designs solved again, or None.
        status: `"met"` (targets), `"front"`, `"budget"` (targets: best so far, not met), or `"infeasible"` (no design met the
            constraints: the least infeasible one).
        method: that found them.
        evaluations: solves spent.
        failed: cells whose solve failed.
        names, objective_names, senses, phase_names: of the values, objectives, their directions, phases.
    """

    grid: Grid
    latents: Float[np.ndarray, "n *latent"]
    labels: Int[np.ndarray, "n *grid"]
    values: dict[str, Float[np.ndarray, " n"]]
    errors: Float[np.ndarray, " n"]
    front: Float[np.ndarray, "n m"]
    hypervolume_history: Float[np.ndarray, "h 2"] | None
    reference: Float[np.ndarray, " m"] | None
    history: dict[str, np.ndarray]
    verification: Verification | None
    status: str = static(default="")
    method: str = static(default="")
    evaluations: int = static(default=0)
    failed: int = static(default=0)
    names: tuple[str, ...] = static(default=())
    objective_names: tuple[str, ...] = static(default=())
    senses: tuple[str, ...] = static(default=())
    phase_names: tuple[str, ...] = static(default=())

    @property
    def microstructures(self) -> tuple[Microstructure, ...]:
        """The discrete cells."""
        note = f"designed by method={self.method!r}"
        return tuple(Microstructure(grid=self.grid, labels=cell, phases=self.phase_names, provenance=note) for cell in self.labels)

    @property
    def met(self) -> np.ndarray:
        """Which designs meet all targets and constraints, `(n,)`."""
        return self.errors <= 1

    def __str__(self) -> str:
        lines = [f"{self.method}: {_STATUS[self.status]}, {len(self.latents)} design(s) after {self.evaluations} solves"]
        lines += [_line(self.values, i) for i in range(min(len(self.latents), 10))]
        if self.failed:
            lines.append(f"{self.failed} cell(s) failed to solve and were left out")
        return "\n".join(lines)


_STATUS = {
    "met": "all targets met",
    "front": "front found",
    "budget": "targets not met within the budget",
    "infeasible": "no design met the constraints; the least infeasible",
}


def _line(values: Mapping[str, Any], i: int) -> str:
    return f"  {i + 1}: " + ", ".join(f"{name} {float(column[i]):.4g}" for name, column in values.items())
