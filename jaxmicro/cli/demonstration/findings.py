"""The demo's results as files, metrics and a report."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from jaxmicro.cli.demonstration.comparison import Comparison
from jaxmicro.cli.demonstration.designs import CONDUCTIVE, STIFF, TOLERANCE
from jaxmicro.cli.demonstration.source import Source
from jaxmicro.cli.outcome import error_history, report_fields, write_designs
from jaxmicro.cli.provenance import peak_memory
from jaxmicro.cli.run_folder import Job
from jaxmicro.cli.stored_report import Table, write_report
from jaxmicro.design import DesignResult
from jaxmicro.io import write
from jaxmicro.materials import Constants
from jaxmicro.plotting import Card, DesignReportData


@dataclasses.dataclass(frozen=True)
class Findings:
    """Everything that the demo found."""

    source: Source
    materials: Sequence[Constants]
    comparison: Comparison
    designs: Sequence[DesignResult]
    targets: Float[np.ndarray, "n 2"]
    fronts: Mapping[str, DesignResult]
    corner: DesignResult
    interpolation: Float[np.ndarray, "s p *grid"]
    prior_reference: Float[np.ndarray, " t"]
    data_reference: Float[np.ndarray, " t"]
    tables: Sequence[Table]


def write_findings(job: Job, found: Findings) -> None:
    """Records, tables, metrics and the report."""
    shown = (STIFF, CONDUCTIVE)
    wanted = {name: found.targets[:, column] for column, name in enumerate(shown)}
    for index, result in enumerate(found.designs):
        write(job.folder / f"design-{index + 1}.npz", result)
    for method, result in found.fronts.items():
        write(job.folder / f"front-{method}.npz", result)
    write_designs(job, found.designs, wanted, [*shown, "volume_fraction"])
    write_designs(job, [found.corner], {}, [*shown, "volume_fraction"], folder="front-designs")
    _front_table(job, found)
    _note(job, found, wanted)
    write_report(job, _data(found, wanted), *found.tables, _corner_table(found), _material_table(found))


def print_findings(job: Job, found: Findings) -> None:
    """The key figures, in a small table."""
    rows = []
    for index, result in enumerate(found.designs):
        check = result.verification
        for column, name in enumerate((STIFF, CONDUCTIVE)):
            place = result.names.index(name)
            predicted, split = float(check.predicted[0, place]), float(check.split[0, place])
            target = float(found.targets[index, column])
            gap = f"{100 * (split - predicted) / predicted:+.1f} %"
            rows.append(
                [f"design {index + 1}", name, target, predicted, f"{100 * (predicted / target - 1):+.2f} %", split, gap, result.evaluations]
            )
    header = ["", "property", "target", "predicted", "error", "split 4×4", "gap", "solves"]
    job.console.table(
        header, rows, f"Designed cells ({STIFF} in GPa, {CONDUCTIVE} relative)" if found.materials[0].unit else "Designed cells"
    )
    volumes = ", ".join(f"{method} {result.hypervolume_history[-1, 1]:.4g}" for method, result in found.fronts.items())
    job.console.result(
        f"front of {STIFF} against {CONDUCTIVE}: hypervolume {volumes}, {next(iter(found.fronts.values())).evaluations} solves each"
    )
    job.console.result(f"{job.console.seconds:.0f} s, peak memory {peak_memory():.0f} MiB")
    job.console.result(f"report: {job.final / 'report.html'}")


def _data(found: Findings, wanted: dict[str, np.ndarray]) -> DesignReportData:
    unit = found.materials[0].unit or None
    fields = report_fields(found.designs, (STIFF, CONDUCTIVE), wanted, {STIFF: unit or ""} if unit else {})
    histories = [history for result in found.designs if (history := error_history(result)) is not None]
    return DesignReportData(
        title=found.source.title,
        subtitle=f"Young's modulus {STIFF} and conductivity {CONDUCTIVE} of {' and '.join(each.name for each in found.materials)}, in plane strain",
        summary=f"{found.source.summary}\n\nThe targets are the values of real cells that the codec has not seen. Each design was found by Levenberg–Marquardt steps "
        "in the latent space; the search judges the discrete cell, and one solve is one cell with all its load cases.",
        tolerance=TOLERANCE,
        solves=[result.evaluations for result in found.designs],
        phase_names=found.source.names,
        spacing=found.source.spacing,
        stiffness_unit=unit,
        histories={"gradient": histories},
        error_name="largest error, in tolerances",
        error_tolerance=1.0,
        evaluated={method: result.history["objectives"] for method, result in found.fronts.items()},
        front={method: result.front for method, result in found.fronts.items()},
        reference=next(iter(found.fronts.values())).reference,
        hypervolume_history={method: result.hypervolume_history for method, result in found.fronts.items()},
        objective_names=(STIFF, CONDUCTIVE),
        objective_units=(unit, None),
        objective_senses=("max", "min"),
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


def _cards(found: Findings) -> list[Card]:
    volumes = {method: float(result.hypervolume_history[-1, 1]) for method, result in found.fronts.items()}
    best = max(volumes, key=volumes.__getitem__)
    note = ", ".join(f"{method} {volume:.4g}" for method, volume in volumes.items())
    return [Card("larger hypervolume of the front", best, note=f"{note}, at equal solves")]


def _front_table(job: Job, found: Findings) -> None:
    rows = [[method, *point] for method, result in found.fronts.items() for point in result.front.tolist()]
    job.table("front", ["method", STIFF, CONDUCTIVE], rows)
    history = [[method, *row] for method, result in found.fronts.items() for row in np.asarray(result.hypervolume_history).tolist()]
    job.table("hypervolume", ["method", "solves", "hypervolume"], history)


def _note(job: Job, found: Findings, wanted: dict[str, np.ndarray]) -> None:
    met = 0
    for index, result in enumerate(found.designs):
        met += int(result.met[0])
        job.metric(f"design {index + 1}, solves", result.evaluations)
        for name, targets in wanted.items():
            place = result.names.index(name)
            job.metric(f"design {index + 1}, {name}, target", targets[index])
            for part in ("predicted", "split", "rotated"):
                job.metric(f"design {index + 1}, {name}, {part}", getattr(result.verification, part)[0, place])
    job.metric("designs that meet their targets", met)
    job.metric("designs", len(found.designs))


def _corner_table(found: Findings) -> Table:
    check, rows = found.corner.verification, []
    for i, words in enumerate(("stiffest", "nearest to both ideals", "least conductive")[: len(found.corner.labels)]):
        for name in (STIFF, CONDUCTIVE):
            place = found.corner.names.index(name)
            values = (float(getattr(check, part)[i, place]) for part in ("predicted", "split", "rotated"))
            rows.append((words, name, *values))
    return Table("Designs of the front, verified", ("design", "property", "predicted", "split 4×4", "rotated"), tuple(rows))


def _material_table(found: Findings) -> Table:
    rows = []
    for name, each in zip(found.source.names, found.materials, strict=True):
        source = each.source or "given by the user"
        rows.append((name, each.name, float(each.stiffness[0, 0]), each.unit or "", float(each.conductivity), source))
    text = "Conductivities are relative to the first phase and illustrate a contrast, unless they were given. Elastic constants have the source that is named."
    return Table("Materials", ("phase", "material", "C11", "unit", "conductivity", "source of the elastic constants"), tuple(rows), text)
