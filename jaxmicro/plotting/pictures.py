"""From cells to colours: what a voxel looks like, and which flat pictures show a volume."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from jaxmicro._core import check, check_choice, check_finite
from jaxmicro.plotting.orientation_colors import ipf_colors
from jaxmicro.plotting.style import check_names, phase_colors

COLORINGS = ("phase", "orientation")


@dataclasses.dataclass(frozen=True)
class Picture:
    """The colours of a cell and what is needed to draw it to scale.

    `rgb` is `(*grid, 3)`, `spacing` one voxel edge per axis, `unit` the unit of length or None when the edges are
    voxels, `names` and `shares` (volume fractions) the phases for a legend (empty where colours are not phases).
    """

    rgb: Float[np.ndarray, "*grid 3"]
    spacing: tuple[float, ...]
    unit: str | None
    names: tuple[str, ...]
    shares: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Phases:
    """Phases of a cell: `labels` `(*grid)`, or `fractions` `(p, *grid)` where voxels are mixed; `measured` is False where nothing is."""

    labels: Int[np.ndarray, "*grid"] | None
    fractions: Float[np.ndarray, "p *grid"] | None
    measured: Bool[np.ndarray, "*grid"] | None
    names: tuple[str, ...]
    shares: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels along the axes."""
        return np.asarray(self.labels).shape if self.fractions is None else self.fractions.shape[1:]

    def share(self, chosen: Sequence[int]) -> Float[np.ndarray, "*grid"]:
        """Share of the chosen phases in each voxel, zero where nothing was measured; float32."""
        if self.fractions is None:
            found = np.isin(np.asarray(self.labels), chosen).astype(np.float32)
        else:
            found = self.fractions[list(chosen)].sum(axis=0).astype(np.float32)
        return found if self.measured is None else np.where(self.measured, found, np.float32(0))

    def dominant(self, chosen: Sequence[int]) -> Int[np.ndarray, "*grid"]:
        """The chosen phase with the largest share in each voxel; where none has one, some chosen phase."""
        if self.fractions is not None:
            return np.asarray(chosen)[self.fractions[list(chosen)].argmax(axis=0)]
        labels = np.asarray(self.labels)
        return np.where(np.isin(labels, chosen), labels, chosen[0])


@dataclasses.dataclass(frozen=True)
class Slice:
    """One flat picture: `image` `(n0, n1)` or `(n0, n1, 3)`, its voxel edges, its two axes' names, its place."""

    image: Shaped[np.ndarray, "n0 n1 *rgb"]
    spacing: tuple[float, float]
    axes: tuple[str, str]
    place: str


def picture(
    cell: Any,
    *,
    names: Sequence[str] | None = None,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    color_by: str = "phase",
    argument: str = "cell",
) -> Picture:
    """Colours of a `Microstructure`, of labels `(*grid)` of whole numbers, or of phase fractions `(p, *grid)`.

    A float array `(nx, ny)` is the volume fraction of the second of two phases. Mixed voxels get the mean colour.
    """
    check_choice("color_by", color_by, COLORINGS)
    if hasattr(cell, "grid") and hasattr(cell, "fractions"):
        return _microstructure_picture(cell, names, spacing, unit, color_by)
    check(
        color_by == "phase", "`color_by='orientation'` must be used with a Microstructure, but an array was given. Pass the Microstructure."
    )
    array = numeric(argument, cell)
    fractions, labels = _phases(argument, array)
    rgb, shares = _mix(fractions) if labels is None else _paint(labels)
    return Picture(rgb, voxel_edges(spacing, rgb.ndim - 1), unit, _phase_names(names, len(shares)), shares)


def phases_of(cell: Any, names: Sequence[str] | None = None, argument: str = "cell") -> Phases:
    """The phases of a cell, given as to `picture`, before any colour."""
    if hasattr(cell, "grid") and hasattr(cell, "fractions"):
        sharp = bool(cell.is_sharp)
        labels = np.asarray(cell.labels) if sharp else None
        fractions = None if sharp else numeric(argument, cell.fractions)
        measured = None if cell.mask is None else np.asarray(cell.mask)
        shares = tuple(float(share) for share in np.asarray(cell.volume_fractions))
        return Phases(labels, fractions, measured, _phase_names(_given_names(cell, names), len(shares)), shares)
    fractions, labels = _phases(argument, numeric(argument, cell))
    if labels is None:
        shares = tuple(float(share) for share in fractions.reshape(len(fractions), -1).mean(axis=1))
        return Phases(None, fractions, None, _phase_names(names, len(shares)), shares)
    labels, shares = _counted(labels)
    return Phases(labels, None, None, _phase_names(names, len(shares)), shares)


def numeric(argument: str, value: Any) -> Shaped[np.ndarray, "..."]:
    """A NumPy array of finite real numbers."""
    array = np.asarray(value)
    check(
        array.dtype.kind in "biuf" or array.dtype.name == "bfloat16",
        f"`{argument}` must be numeric, but its dtype is {array.dtype}. Pass an array of numbers.",
        TypeError,
    )
    if array.dtype.kind not in "biuf" or array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind == "f":
        check_finite(argument, array)
    return array


def voxel_edges(spacing: float | Sequence[float] | None, ndim: int) -> tuple[float, ...]:
    """One positive voxel edge per axis; 1 where none is given."""
    edges = (
        np.ones(ndim)
        if spacing is None
        else np.broadcast_to(np.asarray(spacing, dtype=float), (ndim,))
        if np.size(spacing) in (1, ndim)
        else None
    )
    if edges is None or not (np.isfinite(edges).all() and (edges > 0).all()):
        raise ValueError(f"`spacing` must be one positive voxel edge, or one per axis ({ndim}), but it is {spacing!r}.")
    return tuple(float(edge) for edge in edges)


def axis_number(argument: str, axis: Any) -> int:
    """0, 1 or 2, which may be given as "x", "y", "z"."""
    if isinstance(axis, str) and axis in ("x", "y", "z"):
        return "xyz".index(axis)
    check(is_index(axis, 3), f"`{argument}` must be 0, 1 or 2, or 'x', 'y' or 'z', but it is {axis!r}.")
    return int(axis)


def is_index(value: Any, n: int) -> bool:
    """Whether it is a whole number from 0 to n − 1."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(0 <= value < n)


def slices(values: Shaped[np.ndarray, "..."], spacing: tuple[float, ...]) -> list[Slice]:
    """The picture itself in 2D; in 3D the three middle slices across z, y and x. `values` is `(*grid)` or `(*grid, 3)`."""
    if len(spacing) == 2:
        return [Slice(values, (spacing[0], spacing[1]), ("x", "y"), "")]
    return [cut(values, spacing, normal, values.shape[normal] // 2) for normal in (2, 1, 0)]


def cut(values: Shaped[np.ndarray, "nx ny nz *rgb"], spacing: tuple[float, ...], normal: int, index: int) -> Slice:
    """The section across axis `normal` through voxel `index` of a volume, the remaining axes in their order."""
    first, second = (axis for axis in range(3) if axis != normal)
    place = f"{'xyz'[normal]} = {(index + 0.5) * spacing[normal]:.4g}"
    return Slice(np.take(values, index, axis=normal), (spacing[first], spacing[second]), ("xyz"[first], "xyz"[second]), place)


def _microstructure_picture(
    ms: Any, names: Sequence[str] | None, spacing: float | Sequence[float] | None, unit: str | None, color_by: str
) -> Picture:
    names = _given_names(ms, names)
    edges = voxel_edges(np.asarray(ms.grid.spacing).tolist() if spacing is None else spacing, len(ms.grid.shape))
    if color_by == "orientation":
        instead = "Use color_by='phase'."
        return Picture(ipf_colors("cell", ms, (0.0, 0.0, 1.0), instead), edges, unit, (), ())
    rgb, _ = _mix(numeric("cell", ms.fractions).astype(float))
    rgb, shares = _unmeasured_white(rgb, ms), tuple(float(share) for share in np.asarray(ms.volume_fractions))
    return Picture(rgb, edges, unit, _phase_names(names, len(shares)), shares)


def _given_names(ms: Any, names: Sequence[str] | None) -> Sequence[str] | None:
    """Names as given, or those of the phases where each has one."""
    given = [getattr(phase, "name", "") for phase in getattr(ms, "phases", ()) or ()]
    return given if names is None and given and all(given) else names


def _unmeasured_white(rgb: Float[np.ndarray, "*grid 3"], ms: Any) -> Float[np.ndarray, "*grid 3"]:
    mask = getattr(ms, "mask", None)
    return rgb if mask is None else np.where(np.asarray(mask)[..., None], rgb, 1.0)


def _phase_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    checked = check_names("names", names, count)
    return tuple(checked) if checked else tuple(f"phase {index}" for index in range(count))


def _phases(argument: str, array: Shaped[np.ndarray, "..."]) -> tuple[Any, Int[np.ndarray, "*grid"] | None]:
    """Fractions, or labels counted from zero without gaps in the palette."""
    if array.dtype.kind in "biu":
        check(array.ndim in (2, 3), f"`{argument}` must hold labels on a 2D or 3D grid, but its shape is {array.shape}.")
        check(array.size > 0, f"`{argument}` must hold voxels, but its shape is {array.shape}.")
        check(
            int(array.min()) >= 0,
            f"`{argument}` must hold labels from 0, but the smallest is {int(array.min())}. Shift or mask them first.",
        )
        return None, array.astype(int)
    if array.ndim == 2 or (array.ndim in (3, 4) and array.shape[0] == 1):
        density = array.astype(float).reshape(array.shape[-2:] if array.ndim == 2 else array.shape[1:])
        _check_unit_interval(argument, density)
        return np.stack([1 - density, density]), None
    check(
        array.ndim in (3, 4),
        f"`{argument}` must be labels (*grid), fractions (p, *grid) or a density (nx, ny), but its shape is {array.shape}.",
    )
    total = array.sum(axis=0, dtype=float)
    worst = float(np.abs(total - 1).max())
    check(
        worst < 0.01,
        f"`{argument}` must hold phase fractions that add up to 1 over axis 0, but a sum is off by {worst:.3g} (shape {array.shape}). "
        "A density in 3D is passed as numpy.stack([1 - density, density]), labels as whole numbers.",
    )
    _check_unit_interval(argument, array)
    return array.astype(float), None


def _check_unit_interval(argument: str, array: Float[np.ndarray, "..."]) -> None:
    low, high = (float(array.min()), float(array.max())) if array.size else (np.nan, np.nan)
    check(low >= -1e-3 and high <= 1 + 1e-3, f"`{argument}` must hold fractions in [0, 1], but it spans [{low:.4g}, {high:.4g}].")


def _mix(fractions: Float[np.ndarray, "p *grid"]) -> tuple[Float[np.ndarray, "*grid 3"], tuple[float, ...]]:
    rgb = np.tensordot(np.moveaxis(fractions, 0, -1), phase_colors(len(fractions)), axes=1)
    shares = fractions.reshape(len(fractions), -1).mean(axis=1)
    return np.clip(rgb, 0, 1), tuple(float(share) for share in shares)


def _paint(labels: Int[np.ndarray, "*grid"]) -> tuple[Float[np.ndarray, "*grid 3"], tuple[float, ...]]:
    labels, shares = _counted(labels)
    return phase_colors(len(shares))[labels], shares


def _counted(labels: Int[np.ndarray, "*grid"]) -> tuple[Int[np.ndarray, "*grid"], tuple[float, ...]]:
    """Labels for a palette and the share of each."""
    count = max(int(labels.max()) + 1, 2)
    if count > max(labels.size, 4096):  # labels such as 255 are few; wild ones would make a palette of millions
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
        count = int(labels.max()) + 1
    shares = np.bincount(labels.ravel(), minlength=count) / labels.size
    return labels, tuple(float(share) for share in shares)
