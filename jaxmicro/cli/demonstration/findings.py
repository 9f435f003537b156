"""The demo's results as files, metrics, a report and a table on the screen."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro.cli.demonstration.comparison import Comparison
from jaxmicro.cli.demonstration.designs import CONDUCTIVE, GOALS, STIFF, TOLERANCE, Designed
from jaxmicro.cli.demonstration.source import Source
from jaxmicro.cli.outcome import report_fields, write_designs
from jaxmicro.cli.provenance import peak_memory
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, write_report
from jaxmicro.cli.wishes import scalar_conductivities, units_of
from jaxmicro.design import DesignResult
from jaxmicro.io import write
from jaxmicro.materials import Constants
from jaxmicro.plotting import Card, DesignReportData

SHOWN = (*GOALS, "volume_fraction")
CHECKED = ("predicted", "split", "rotated")


@dataclasses.dataclass(frozen=True)
class Findings:
    """Everything that the demo found."""

    source: Source
    materials: Sequence[Constants]
    comparison: Comparison
    designs: Sequence[Designed]
    fronts: Mapping[str, DesignResult]
    limits: tuple[float | None, float | None]
    ends: DesignResult
    interpolation: Float[np.ndarray, "s p *grid"]
    prior_reference: Float[np.ndarray, " t"]
    data_reference: Float[np.ndarray, " t"]
    tables: Sequence[Table]

    @property
    def results(self) -> list[DesignResult]:
        """The designs for targets."""
        return [each.result for each in self.designs]

    @property
    def targets(self) -> dict[str, Float[np.ndarray, " n"]]:
        """Wanted values by property."""
        wanted = np.stack([each.targets for each in self.designs])
        return {name: wanted[:, column] for column, name in enumerate(GOALS)}

    @property
    def unit(self) -> str:
        """Unit of the stiffness."""
        return self.materials[0].unit

    def with_unit(self, name: str) -> str:
        """A property with its unit, as in a table."""
        return f"{name} ({self.unit})" if name == STIFF and self.unit else name


def write_findings(job: Job, found: Findings) -> None:
    """Records, tables, metrics and the report."""
    for index, result in enumerate(found.results):
        write(job.folder / f"design-{index + 1}.npz", result)
    for method, result in found.fronts.items():
        write(job.folder / f"front-{method}.npz", result)
    units = units_of(found.results[0].names, found.materials)
    write_designs(job, found.results, found.targets, SHOWN, units)
    write_designs(job, [found.ends], {}, SHOWN, units, folder="front-designs")
    _front_tables(job, found)
    _note(job, found)
    write_report(job, _data(found), _correction_table(found), _ends_table(found), *found.tables, _material_table(found))


def print_findings(job: Job, found: Findings) -> None:
    """The key figures, in a small table."""
    rows = []
    for index, each in enumerate(found.designs):
        for column, name in enumerate(GOALS):
            predicted, split, _ = _checked(each.result, name)
            target = float(each.targets[column])
            error, gap = (f"{100 * (split / other - 1):+.2f} %" for other in (target, predicted))
            rows.append(
                [
                    f"design {index + 1}",
                    found.with_unit(name),
                    target,
                    predicted,
                    split,
                    error,
                    gap,
                    each.solves,
                ]
            )
    header = ["", "property", "target", "predicted", "verified (split 4×4)", "error", "gap", "solves"]
    job.console.table(header, rows, "Designed cells")
    volumes = ", ".join(f"{method} {volume:.4g}" for method, volume in _volumes(found).items())
    job.console.result(
        f"front of {STIFF} against {CONDUCTIVE}: hypervolume {volumes}, {next(iter(found.fronts.values())).evaluations} solves each"
    )
    job.console.result(f"{job.console.seconds:.0f} s, peak memory {peak_memory():.0f} MiB")
    job.console.result(f"report: {job.final / 'report.html'}")


def _data(found: Findings) -> DesignReportData:
    units = {STIFF: found.unit} if found.unit else {}
    fields: dict[str, Any] = report_fields(found.results, GOALS, found.targets, units)
    empty = [method for method, result in found.fronts.items() if result.status == "infeasible"]
    fields["warnings"] += [
        f"the search of the front by {method} found no design within the limits of the volume fraction" for method in empty
    ]
    return DesignReportData(
        title=found.source.title,
        subtitle=f"Young's modulus {STIFF} and conductivity {CONDUCTIVE} of {' and '.join(each.name for each in found.materials)}, in plane strain",
        summary=f"{found.source.summary}\n\nThe targets are the values of real cells. Each design was found by Levenberg–Marquardt steps in the latent space of the codec, "
        "judged on the discrete cell; one solve is one cell with all load cases of one physics. It was then solved again with every voxel split, and the search went "
        "on until the split cell met the targets (see “Correction of the own grid”).",
        tolerance=TOLERANCE,
        solves=[each.solves for each in found.designs],
        phase_names=found.source.names,
        spacing=found.source.spacing,
        stiffness_unit=found.unit or None,
        histories={"gradient": [each.history for each in found.designs]},
        error_name="error (tolerances)",
        error_tolerance=1.0,
        **_front_fields(found),
        interpolation=list(found.interpolation),
        interpolation_positions=np.linspace(0, 1, len(found.interpolation)),
        data=list(found.comparison.data),
        samples=list(found.comparison.samples),
        statistics=found.comparison.geometry,
        property_statistics=found.comparison.properties,
        prior_reference=found.prior_reference,
        data_reference=found.data_reference,
        key_figures=_cards(found),
        **fields,
    )


def _front_fields(found: Findings) -> dict[str, Any]:
    feasible = {method: result for method, result in found.fronts.items() if result.history["feasible"].any()}
    if not feasible:
        return {}
    return {
        "evaluated": {method: result.history["objectives"][result.history["feasible"]] for method, result in feasible.items()},
        "front": {method: result.front for method, result in feasible.items()},
        "reference": next(iter(feasible.values())).reference,
        "hypervolume_history": {method: result.hypervolume_history for method, result in feasible.items()},
        "objective_names": GOALS,
        "objective_units": (found.unit or None, None),
        "objective_senses": ("max", "min"),
    }


def _cards(found: Findings) -> list[Card]:
    volumes = _volumes(found)
    note = ", ".join(f"{method} {volume:.4g}" for method, volume in volumes.items())
    return [Card("larger hypervolume of the front", max(volumes, key=volumes.__getitem__), note=f"{note}, at equal solves")]


def _volumes(found: Findings) -> dict[str, float]:
    return {method: float(np.asarray(result.hypervolume_history)[-1, 1]) for method, result in found.fronts.items()}


def _checked(result: DesignResult, name: str, index: int = 0) -> tuple[float, float, float]:
    """Predicted, split and rotated value of a design."""
    place = result.names.index(name)
    predicted, split, rotated = (float(getattr(result.verification, part)[index, place]) for part in CHECKED)
    return predicted, split, rotated


def _front_tables(job: Job, found: Findings) -> None:
    job.table("front", ["method", *GOALS], [[method, *point] for method, result in found.fronts.items() for point in result.front.tolist()])
    rows = [[method, *row] for method, result in found.fronts.items() for row in np.asarray(result.hypervolume_history).tolist()]
    job.table("hypervolume", ["method", "solves", "hypervolume"], rows)
    history = [[index + 1, *pair] for index, each in enumerate(found.designs) for pair in zip(*each.history, strict=True)]
    job.table("convergence", ["design", "solves", "error in tolerances"], history)


def _note(job: Job, found: Findings) -> None:
    met = 0
    for index, each in enumerate(found.designs):
        values = {name: _checked(each.result, name) for name in GOALS}
        met += all(abs(values[name][1] / target - 1) <= TOLERANCE for name, target in zip(GOALS, each.targets, strict=True))
        job.metric(f"design {index + 1}, solves", each.solves)
        for column, (name, checked) in enumerate(values.items()):
            unit = found.unit if name == STIFF else ""
            job.metric(f"design {index + 1}, {name}, target", each.targets[column], unit)
            for part, value in zip(CHECKED, checked, strict=True):
                job.metric(f"design {index + 1}, {name}, {part}", value, unit)
    job.metric("designs that meet their targets, verified", met)
    job.metric("designs", len(found.designs))


def _correction_table(found: Findings) -> Table:
    rows = []
    for index, each in enumerate(found.designs):
        for column, name in enumerate(GOALS):
            predicted, split, _ = _checked(each.result, name)
            rows.append(
                (f"design {index + 1}", found.with_unit(name), float(each.own[column]), float(each.factors[column]), predicted, split)
            )
    text = (
        "A cell solved on its own grid comes out too stiff and too conductive by a factor that hardly changes between neighbouring cells. The first verification of a "
        "design measures it: split over own grid. From then on a predicted value is that of the own grid times this factor. A factor of 1 means that no correction was needed."
    )
    return Table("Correction of the own grid", ("design", "property", "own grid", "factor", "predicted", "split 4×4"), tuple(rows), text)


def _ends_table(found: Findings) -> Table:
    rows = []
    for index, words in enumerate(("stiffest", "nearest to both ideals", "least conductive")):
        rows += [(words, found.with_unit(name), *_checked(found.ends, name, index)) for name in GOALS]
    low, high = found.limits
    text = f"Both searches kept the volume fraction of {found.source.names[1]} between {low:g} and {high:g}. Three designs of their joint front were solved again."
    return Table("Designs of the front, verified", ("design", "property", *CHECKED), tuple(rows), text)


def _material_table(found: Findings) -> Table:
    rows = [
        (
            name,
            each.name,
            float(np.asarray(each.stiffness)[0, 0]),
            each.unit,
            scalar_conductivities([each])[0],
            each.source or "given by the user",
        )
        for name, each in zip(found.source.names, found.materials, strict=True)
    ]
    text = "Conductivities are a ratio to the first phase that illustrates a contrast, unless they were given. The source is that of the elastic constants."
    return Table("Materials", ("phase", "material", "C11", "unit", "conductivity", "source"), tuple(rows), text)
