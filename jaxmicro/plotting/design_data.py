"""What a design report is made of: plain arrays, as a run folder stores them, nearly all of them optional."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from jaxmicro._core import check
from jaxmicro.plotting.distributions import Statistic
from jaxmicro.plotting.markup import Card


@dataclasses.dataclass(frozen=True)
class FieldMap:
    """One map for the report: `values` `(*grid)`, or `(c, *grid)` with `components`; arguments as in `field`.

    Example:
        >>> FieldMap("strain 11", np.zeros((4, 4))).name
        'strain 11'
    """

    name: str
    values: npt.ArrayLike
    unit: str | None = None
    components: tuple[str, ...] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class DesignReportData:
    """Input of `design_report`. n designs, k properties; sections without data are left out.

    Args:
        title, subtitle: heading of the page.
        summary: paragraphs at the top; a blank line begins a new one.
        key_figures: cards beside those that follow from the values.
        warnings: what a reader must know first.

        properties: k names, such as `("k_xx", "k_yy")`; units: k units or None.
        design_names: n names; default "design 1", ….
        cells_title, cells_caption: heading of the section of pictures and a line below the gallery; by default they speak of designs.
        targets: `(k,)` or `(n, k)`; NaN where a property has no target. None for designs without targets.
        tolerance: relative to the target (where it is zero: to the largest target of the design).
        predicted: `(n, k)`, values that the search itself computed on the discrete cell.
        verified: name of a check → `(n, k)`; `{"split 4×4": …, "rotated": …}`. The first decides the status.
        lower, upper: rigorous bounds of each property, `(k,)` or `(n, k)`.
        solves: cell solves that each design took, `(n,)`.

        cells: the decoded, discrete cells, n of what `cell` takes; phase_names, spacing, length_unit as in `cell`.
        stiffness: name → `(n, m, m)` Mandel, such as `{"target": …, "predicted": …, "split 4×4": …}`; stiffness_unit.
        conductivity: name → `(n, d, d)`; conductivity_unit.
        moduli: as in `stiffness_bounds`, for the first design; in moduli_unit.
        fields: local fields of the first design.

        histories: method → history as in `convergence`; error_name; error_unit; the tolerance is drawn with targets
            unless error_tolerance says otherwise.
        evaluated, front, reference, hypervolume_history: as in `pareto`, with objective_names, objective_units,
            objective_senses.

        interpolation: cells along a latent path; interpolation_positions `(s,)`.
        data, samples: galleries of real and sampled cells; statistics compares them.
        property_statistics: properties of data and samples, one figure each, with the targets of that name marked.
        prior_distance: `(n,)` distance of each design's latent vector from the prior; prior_reference `(t,)` the same
            for training cells.
        data_distance: `(n,)` distance to the nearest training cell; data_reference `(t,)` the same among training
            cells.

        provenance: names and values (versions, seed, machine, seconds); config and command as text.

    Example:
        >>> DesignReportData("Run", properties=("k_xx",), targets=[2.0], predicted=[[2.01]]).tolerance
        0.01
    """

    title: str
    subtitle: str = ""
    summary: str = ""
    key_figures: Sequence[Card] = ()
    warnings: Sequence[str] = ()

    properties: Sequence[str] = ()
    units: Sequence[str | None] | None = None
    design_names: Sequence[str] | None = None
    targets: npt.ArrayLike | None = None
    tolerance: float = 0.01
    predicted: npt.ArrayLike | None = None
    verified: Mapping[str, npt.ArrayLike] = dataclasses.field(default_factory=dict)
    lower: npt.ArrayLike | None = None
    upper: npt.ArrayLike | None = None
    solves: npt.ArrayLike | None = None

    cells: Any = None
    cells_title: str = "Designed cells"
    cells_caption: str = "Decoded, discrete cells."
    phase_names: Sequence[str] | None = None
    spacing: float | Sequence[float] | None = None
    length_unit: str | None = None
    stiffness: Mapping[str, npt.ArrayLike] = dataclasses.field(default_factory=dict)
    stiffness_unit: str | None = None
    conductivity: Mapping[str, npt.ArrayLike] = dataclasses.field(default_factory=dict)
    conductivity_unit: str | None = None
    moduli: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    moduli_unit: str | None = None
    fields: Sequence[FieldMap] = ()

    histories: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error_name: str = "relative error"
    error_unit: str | None = None
    error_tolerance: float | None = None
    evaluated: Any = None
    front: Any = None
    reference: npt.ArrayLike | None = None
    hypervolume_history: Any = None
    objective_names: Sequence[str] | None = None
    objective_units: Sequence[str | None] | None = None
    objective_senses: Sequence[str] | None = None

    interpolation: Any = None
    interpolation_positions: npt.ArrayLike | None = None
    data: Any = None
    samples: Any = None
    statistics: Sequence[Statistic] | None = None
    property_statistics: Sequence[Statistic] = ()
    prior_distance: npt.ArrayLike | None = None
    prior_reference: npt.ArrayLike | None = None
    data_distance: npt.ArrayLike | None = None
    data_reference: npt.ArrayLike | None = None

    provenance: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    config: str = ""
    command: str = ""


@dataclasses.dataclass(frozen=True)
class Values:
    """The values of all designs, checked and brought to one shape: every array is `(n, k)`."""

    names: tuple[str, ...]
    properties: tuple[str, ...]
    units: tuple[str | None, ...]
    targets: Float[np.ndarray, "n k"]
    predicted: Float[np.ndarray, "n k"]
    verified: dict[str, Float[np.ndarray, "n k"]]
    lower: Float[np.ndarray, "n k"]
    upper: Float[np.ndarray, "n k"]
    tolerance: float

    @property
    def scale(self) -> Float[np.ndarray, "n k"]:
        """What a tolerance is relative to: the target, or the largest of the design where it is zero."""
        size = np.abs(np.nan_to_num(self.targets))
        largest = size.max(axis=1, keepdims=True, initial=0.0)
        return np.where(size > 0, size, np.where(largest > 0, largest, 1.0))

    def gap(self, check_name: str) -> Float[np.ndarray, "n k"]:
        """(verified − predicted) / |predicted|."""
        size = np.abs(self.predicted)
        return (self.verified[check_name] - self.predicted) / np.where(size > 0, size, 1.0)

    def status(self) -> list[list[str]]:
        """Verdict per design and property, as `target_status`; empty where there is no target."""
        decisive = next(iter(self.verified.values()), None)
        return [
            [
                target_status(
                    self.targets[i, j],
                    self.predicted[i, j],
                    None if decisive is None else decisive[i, j],
                    self.tolerance * float(self.scale[i, j]),
                )
                for j in range(len(self.properties))
            ]
            for i in range(len(self.names))
        ]


def target_status(target: float, predicted: float, verified: float | None, allowed: float) -> str:
    """The verdict on one target.

    Args:
        target: wanted value; NaN for none.
        predicted: value that the search computed.
        verified: value of the deciding check (each voxel split), None where none was made.
        allowed: absolute error that counts as met.

    Returns:
        `"met"` (predicted and verified within `allowed`), `"gap"` (predicted within, verified not), `"missed"`, or
        `""` where there is no target.

    Example:
        >>> target_status(2.0, 2.01, 2.3, 0.02)
        'gap'

    Differentiability: none.
    """
    if np.isnan(target):
        return ""
    slack = allowed * (1 + 1e-9)
    if not abs(predicted - target) <= slack:
        return "missed"
    return "met" if verified is None or abs(verified - target) <= slack else "gap"


def overall(statuses: Sequence[str]) -> str:
    """The verdict on a design: the worst of its targets."""
    return next((status for status in ("missed", "gap", "met") if status in statuses), "")


def collect(data: DesignReportData) -> Values | None:
    """Check the values of a report and give them one shape; None where it has no predicted values."""
    if data.predicted is None:
        check(data.targets is None and not data.verified, "`predicted` must be given with targets or verified values, but it is None.")
        return None
    predicted = _matrix("predicted", data.predicted, None, len(data.properties))
    n, k = predicted.shape
    names = tuple(data.design_names) if data.design_names is not None else tuple(f"design {i + 1}" for i in range(n))
    check(len(names) == n, f"`design_names` must hold {n} names, one per design, but it holds {len(names)}.")
    units = tuple(data.units) if data.units is not None else (None,) * k
    check(len(units) == k, f"`units` must hold {k} units, one per property, but it holds {len(units)}.")
    check(0 < data.tolerance < 1, f"`tolerance` must lie in (0, 1), relative to the target, but it is {data.tolerance:g}.")
    return Values(
        names=names,
        properties=tuple(data.properties),
        units=units,
        targets=_matrix("targets", data.targets, n, k),
        predicted=predicted,
        verified={name: _matrix(f"verified[{name!r}]", values, n, k) for name, values in data.verified.items()},
        lower=_matrix("lower", data.lower, n, k),
        upper=_matrix("upper", data.upper, n, k),
        tolerance=data.tolerance,
    )


def per_design(argument: str, values: npt.ArrayLike | None, count: int) -> Float[np.ndarray, " n"] | None:
    """One number per design, or None."""
    if values is None:
        return None
    array = np.asarray(values, dtype=float)
    check(array.shape == (count,), f"`{argument}` must have shape ({count},), one per design, but its shape is {array.shape}.")
    return array


def _matrix(argument: str, values: npt.ArrayLike | None, n: int | None, k: int) -> Float[np.ndarray, "n k"]:
    """`(n, k)`; a row `(k,)` serves every design, None is NaN."""
    if values is None:
        return np.full((n or 1, k), np.nan)
    array = np.asarray(values, dtype=float)
    if array.ndim == 1 and n is not None:
        array = np.broadcast_to(array, (n, array.size)).copy()
    fits = array.ndim == 2 and array.shape[1] == k and (n is None or len(array) == n) and len(array) > 0
    check(fits, f"`{argument}` must have shape ({n or 'designs'}, {k}), one column per property, but its shape is {array.shape}.")
    return array
