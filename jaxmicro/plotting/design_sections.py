"""The sections of a design report that show figures; each is left out where it has no data."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxmicro._core import check
from jaxmicro.materials import is_definite
from jaxmicro.plotting.bounds import stiffness_bounds
from jaxmicro.plotting.cells import cells, tiled
from jaxmicro.plotting.design_data import DesignReportData, Values, per_design
from jaxmicro.plotting.directional import conductivity_polar, young_polar
from jaxmicro.plotting.distributions import data_against_samples, ks_distance, property_distributions
from jaxmicro.plotting.field_maps import field
from jaxmicro.plotting.fronts import pareto
from jaxmicro.plotting.histories import convergence
from jaxmicro.plotting.markup import format_number, slug
from jaxmicro.plotting.report import Report
from jaxmicro.plotting.strips import interpolation_strip
from jaxmicro.plotting.young_surfaces import young_surface

SHOWN = 4  # designs with pictures of their own; the table holds all


def cells_section(report: Report, data: DesignReportData, values: Values | None) -> None:
    """Gallery of the cells and their periodic tilings."""
    if data.cells is None:
        return
    listed = [data.cells] if hasattr(data.cells, "grid") else list(data.cells)
    names = _design_names(data, values, len(listed))
    look: dict[str, Any] = {"names": data.phase_names, "spacing": data.spacing, "unit": data.length_unit}
    report.section(data.cells_title)
    report.text("Cells repeat periodically. Pictures show x to the right and y downwards; the dashed line in a tiled view is one period.")
    report.figure(
        "cells", cells(listed[:12], names[:12], **look), f"{data.cells_title}: gallery of {len(listed[:12])}.", data.cells_caption
    )
    for index, (each, name) in enumerate(zip(listed[:SHOWN], names, strict=False)):
        report.figure(f"tiled-{index + 1}", tiled(each, 3, title=name, **look), f"{name}, repeated 3 × 3.", f"{name}, 3 × 3 periods.")


def _design_names(data: DesignReportData, values: Values | None, count: int) -> list[str]:
    if values is not None:
        check(count == len(values.names), f"`cells` must hold {len(values.names)} cells, one per design, but it holds {count}.")
        return list(values.names)
    names = list(data.design_names) if data.design_names is not None else [f"design {index + 1}" for index in range(count)]
    check(len(names) == count, f"`design_names` must hold {count} names, one per design, but it holds {len(names)}.")
    return names


def direction_section(report: Report, data: DesignReportData, values: Values | None) -> None:
    """Polar plots of Young's modulus and conductivity, one figure per design."""
    if not data.stiffness and not data.conductivity:
        return
    report.section("Direction dependence")
    report.text(
        "The angle runs from x (right) towards y (down), as in the pictures of the cells. The radius starts at zero; a circle is isotropy."
    )
    for kind, tensors, unit, draw in (
        ("young", data.stiffness, data.stiffness_unit, young_polar),
        ("conductivity", data.conductivity, data.conductivity_unit, conductivity_polar),
    ):
        if not tensors:
            continue
        stacks = {name: _stack(f"{'stiffness' if kind == 'young' else kind}[{name!r}]", stack) for name, stack in tensors.items()}
        count = max(map(len, stacks.values()), default=0)
        names = (
            _design_names(data, values, count)
            if values is None or count == len(values.names)
            else [f"design {i + 1}" for i in range(count)]
        )
        quantity = "Young's modulus" if kind == "young" else "conductivity"
        for index in range(min(count, SHOWN)):
            shown = {name: stack[index] for name, stack in stacks.items() if index < len(stack) and np.isfinite(stack[index]).all()}
            if shown:
                figure = draw(shown, unit=unit, title=names[index])
                alt = f"Polar plot of {quantity} for {names[index]}: {', '.join(shown)}."
                report.figure(f"{kind}-{index + 1}", figure, alt, f"{names[index]}: {quantity} against direction.")
        if kind == "young" and count == 1 and all(stack.shape[-1] == 6 for stack in stacks.values()):
            _surface(report, names[0], {name: stack[0] for name, stack in stacks.items()}, unit)


def _surface(report: Report, name: str, tensors: dict[str, np.ndarray], unit: str | None) -> None:
    """Young's modulus in space, of a single design: a polar plot is one cut through it."""
    shown = {label: tensor for label, tensor in tensors.items() if bool(is_definite(jnp.asarray(tensor)))}
    if shown:
        figure = young_surface(shown, unit=unit, title=name)
        report.figure("young-surface", figure, f"Surface of Young's modulus of {name}.", f"{name}: Young's modulus over all directions.")


def _stack(argument: str, tensors: Any) -> np.ndarray:
    array = np.asarray(tensors, dtype=float)
    check(array.ndim in (2, 3), f"`{argument}` must have shape (designs, m, m), but its shape is {array.shape}.")
    return array[None] if array.ndim == 2 else array


def search_sections(report: Report, data: DesignReportData) -> None:
    """Convergence of the methods, and the Pareto front."""
    if data.histories:
        tolerance = data.error_tolerance
        if tolerance is None and data.targets is not None:
            tolerance = data.tolerance
        figure = convergence(data.histories, name=data.error_name, unit=data.error_unit, tolerance=tolerance)
        report.section("Convergence")
        report.text("One solve is one cell with all its load cases, for every method alike, so that curves can be compared.")
        caption = f"Smallest {data.error_name} so far. Thin lines are single runs, thick ones their median."
        report.figure("convergence", figure, f"{data.error_name} against cell solves: {', '.join(map(str, data.histories))}.", caption)
    if data.evaluated is not None:
        figure = pareto(
            data.evaluated,
            data.front,
            reference=data.reference,
            hypervolume_history=data.hypervolume_history,
            names=data.objective_names,
            units=data.objective_units,
            senses=data.objective_senses,
        )
        report.section("Pareto front")
        caption = "Evaluated designs, the front that no other design dominates, and its hypervolume against cell solves."
        report.figure("pareto", figure, "Scatter of evaluated designs with the Pareto front, and hypervolume history.", caption)


def physics_sections(report: Report, data: DesignReportData) -> None:
    """Effective moduli between their bounds, and local fields."""
    first = next(iter(data.design_names or ()), "the first design")
    if data.moduli:
        report.section("Effective moduli and bounds")
        figure = stiffness_bounds(data.moduli, unit=data.moduli_unit)
        report.figure("bounds", figure, f"Effective moduli between their bounds: {', '.join(data.moduli)}.", f"Moduli of {first}.")
    if data.fields:
        report.section("Local fields")
    for index, each in enumerate(data.fields):
        figure = field(
            each.values, name=each.name, unit=each.unit, components=each.components, spacing=data.spacing, length_unit=data.length_unit
        )
        report.figure(f"field-{index + 1}-{slug(each.name)}"[:64], figure, f"Map of {each.name} in {first}.", f"{each.name} in {first}.")


def latent_sections(report: Report, data: DesignReportData, values: Values | None) -> None:
    """What the codec does: a walk through latent space, data against samples, distances of the designs."""
    look: dict[str, Any] = {"names": data.phase_names, "spacing": data.spacing, "unit": data.length_unit}
    if data.interpolation is not None:
        report.section("Walk through latent space")
        figure = interpolation_strip(data.interpolation, data.interpolation_positions, **look)
        report.figure(
            "interpolation", figure, "Decoded cells along a path in latent space.", "Decoded cells along a path between two latent vectors."
        )
    if data.data is not None and data.samples is not None:
        report.section("Data against samples")
        figure = data_against_samples(data.data, data.samples, data.statistics, **look)
        caption = "Real cells, sampled cells, and their statistics. KS is the two-sample Kolmogorov–Smirnov distance: 0 equal, 1 disjoint."
        report.figure("data-against-samples", figure, "Galleries of data and samples with distributions of their statistics.", caption)
    if data.property_statistics:
        _property_section(report, data, values)
    _distance_section(report, data, values)


def _property_section(report: Report, data: DesignReportData, values: Values | None) -> None:
    report.section("Properties of data and samples")
    for index, statistic in enumerate(data.property_statistics):
        figure = property_distributions(
            {"data": statistic.data, "samples": statistic.samples}, statistic.name, statistic.unit, marks=_marks(statistic.name, values)
        )
        alt = f"Distribution functions of {statistic.name} for data and samples."
        report.figure(
            f"property-{index + 1}-{slug(statistic.name)}"[:64],
            figure,
            alt,
            f"Distribution of {statistic.name}; numbers of cells in brackets.",
        )
    rows = [
        [
            f"{each.name} ({each.unit})" if each.unit else each.name,
            *_summary(each.data),
            *_summary(each.samples),
            ks_distance(each.data, each.samples),
        ]
        for each in data.property_statistics
    ]
    header = ["property", "data, median", "data, 10–90 %", "samples, median", "samples, 10–90 %", "KS distance"]
    report.table(header, rows, "Distributions in numbers")


def _summary(numbers: Any) -> tuple[float, str]:
    low, middle, high = np.quantile(np.asarray(numbers, dtype=float), [0.1, 0.5, 0.9])
    return float(middle), f"{format_number(float(low))} to {format_number(float(high))}"


def _marks(name: str, values: Values | None) -> dict[str, float]:
    if values is None or name not in values.properties:
        return {}
    column = values.targets[:, values.properties.index(name)]
    marks = {f"target, {design}": float(target) for design, target in zip(values.names, column, strict=True) if np.isfinite(target)}
    return marks if len(marks) <= SHOWN else {}


def _distance_section(report: Report, data: DesignReportData, values: Values | None) -> None:
    if data.prior_distance is None and data.data_distance is None:
        return
    count = (
        len(values.names)
        if values is not None
        else len(np.atleast_1d(np.asarray(data.data_distance if data.prior_distance is None else data.prior_distance)))
    )
    names = list(values.names) if values is not None else [f"design {index + 1}" for index in range(count)]
    columns: list[tuple[str, Sequence[Any]]] = []
    for what, distance, reference in (
        ("from the prior", data.prior_distance, data.prior_reference),
        ("to the nearest training cell", data.data_distance, data.data_reference),
    ):
        numbers = per_design(f"distance {what}", distance, count)
        if numbers is None:
            continue
        columns.append((f"distance {what}", numbers.tolist()))
        if reference is not None:
            typical = np.asarray(reference, dtype=float)
            columns.append(("training cells farther", [f"{100 * float((typical > number).mean()):.0f} %" for number in numbers]))
    report.section("Distance to what is known")
    report.text(
        "How far each design lies from the training data and from the latent prior. Where hardly any training cell is farther, "
        "the design is an extrapolation of the codec: trust its physics, which was solved, more than its likeness to the material."
    )
    rows = [[name, *(column[index] for _, column in columns)] for index, name in enumerate(names)]
    report.table(["design", *(header for header, _ in columns)], rows, "Distances of the designs")
