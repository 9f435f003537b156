"""The report of a design run: what was wanted, what was found, and whether it stands up to checking."""

from typing import Any

import numpy as np

from jaxmicro.plotting.design_data import DesignReportData, Values, collect, overall, per_design
from jaxmicro.plotting.design_sections import cells_section, direction_section, latent_sections, physics_sections, search_sections
from jaxmicro.plotting.markup import Badge, Card, Noted, format_number
from jaxmicro.plotting.report import Report


def design_report(data: DesignReportData) -> Report:
    """Build the report of a design run; `write(folder)` makes `report.html` and the figures.

    A design is met when its predicted value and the value after splitting every voxel both lie within the tolerance;
    predicted alone is a verified gap. Values beyond a rigorous bound are listed as warnings: they are defects of the
    discretisation, never a success.

    Args:
        data: plain arrays; every section without data is left out.

    Returns:
        The report, to which more sections may be added.

    Raises:
        ValueError: if arrays do not match each other, naming the field.

    Example:
        >>> run = DesignReportData("Run", properties=("k_xx",), targets=[2.0], predicted=[[2.01]])
        >>> design_report(run).title
        'Run'

    Differentiability: none.
    """
    values = collect(data)
    report = Report(data.title, data.subtitle)
    if data.summary:
        report.text(data.summary)
    report.cards([*_key_figures(data, values), *data.key_figures])
    report.warning(*data.warnings, *(_beyond_bounds(values) if values else ()))
    if values is not None:
        _values_section(report, values)
    cells_section(report, data, values)
    direction_section(report, data, values)
    search_sections(report, data)
    physics_sections(report, data)
    latent_sections(report, data, values)
    return report.provenance(data.provenance, config=data.config, command=data.command)


def _key_figures(data: DesignReportData, values: Values | None) -> list[Card]:
    if values is None:
        return []
    found = []
    verdicts = [verdict for verdict in map(overall, values.status()) if verdict]
    if verdicts:
        met = verdicts.count("met")
        status = "met" if met == len(verdicts) else "gap" if "missed" not in verdicts else "missed"
        note = f"within {100 * values.tolerance:g} %" + (", after verification" if values.verified else ", not verified")
        found.append(Card("designs that meet their targets", f"{met} of {len(verdicts)}", note=note, status=status))
        found.append(Card("worst predicted error", _percent(_worst_error(values, values.predicted)), note="relative to the target"))
    for name, verified in values.verified.items():
        if verdicts:
            found.append(Card(f"worst error, {name}", _percent(_worst_error(values, verified)), note="verified, relative to the target"))
        else:
            found.append(Card(f"largest gap, {name}", _percent(_largest(values.gap(name))), note="verified against predicted"))
    solves = per_design("solves", data.solves, len(values.names))
    if solves is not None:
        found.append(Card("cell solves per design", float(np.median(solves)), note=f"median; {format_number(float(solves.sum()))} in all"))
    return found


def _worst_error(values: Values, achieved: np.ndarray) -> float:
    return _largest((achieved - values.targets) / values.scale)


def _largest(numbers: np.ndarray) -> float:
    """The largest magnitude among finite numbers; NaN where there is none."""
    return float(np.max(np.abs(numbers[np.isfinite(numbers)]), initial=0.0)) if np.isfinite(numbers).any() else float("nan")


def _percent(share: float) -> str:
    return f"{format_number(100 * share, 2)} %"


def _beyond_bounds(values: Values) -> list[str]:
    messages = []
    for source, achieved in {"predicted": values.predicted, **values.verified}.items():
        for (i, j), value in np.ndenumerate(achieved):
            low, high = float(values.lower[i, j]), float(values.upper[i, j])
            slack = 1e-9 * max(abs(np.nan_to_num(low)), abs(np.nan_to_num(high)))
            beyond = low if value < low - slack else high if value > high + slack else None
            if beyond is not None:
                messages.append(
                    f"{values.names[i]}: {values.properties[j]} ({source}) is {format_number(float(value))}, beyond its rigorous bound "
                    f"{format_number(beyond)}. That is a defect of the discretisation, not a success."
                )
    return messages


def _values_section(report: Report, values: Values) -> None:
    wanted = bool(np.isfinite(values.targets).any())
    bounded = bool(np.isfinite(values.lower).any() or np.isfinite(values.upper).any())
    report.section("Targets, predictions, verification" if wanted else "Predictions and verification")
    if wanted:
        report.text(
            f"A target is met when the predicted value and the value of the first check both lie within {100 * values.tolerance:g} % of it. "
            "“Verified gap” means: the search met the target on its own grid, the check did not confirm it."
        )
    if values.verified:
        report.text(
            "Checks solve the same cell again: “split” with every voxel cut into smaller ones, “rotated” with a second discretisation. "
            "The gap is (verified − predicted) / |predicted| and measures the discretisation, not the search."
        )
    header = [
        "design",
        "property",
        *(["status", "target"] if wanted else []),
        "predicted",
        *values.verified,
        *(["bounds"] if bounded else []),
    ]
    caption = "All designs and properties" + (
        f"; below each verified value ({', '.join(values.verified)}) its gap" if values.verified else ""
    )
    report.table(header, _value_rows(values, wanted, bounded), caption)


def _value_rows(values: Values, wanted: bool, bounded: bool) -> list[list[Any]]:
    status = values.status()
    rows = []
    for i, design in enumerate(values.names):
        for j, name in enumerate(values.properties):
            unit = f" ({values.units[j]})" if values.units[j] else ""
            row: list[Any] = [design, f"{name}{unit}"]
            row += [Badge(status[i][j]) if status[i][j] else None, float(values.targets[i, j])] if wanted else []
            row.append(float(values.predicted[i, j]))
            for check_name, verified in values.verified.items():
                row.append(Noted(float(verified[i, j]), _percent(float(values.gap(check_name)[i, j]))))
            row += [f"{format_number(float(values.lower[i, j]))} to {format_number(float(values.upper[i, j]))}"] if bounded else []
            rows.append(row)
    return rows
