"""The one-liner: everything the phases' constants allow, in one result."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Integer

from jaxmicro._core import Status, check, check_choice, is_concrete, record, static
from jaxmicro.homogenization.analytic import AnalyticBounds, Assigned, bounds_of, is_isotropic
from jaxmicro.homogenization.assign import as_tensor, assign_conductivity, assign_stiffness, in_plane
from jaxmicro.homogenization.effective import effective_conductivity, effective_stiffness
from jaxmicro.homogenization.estimates import CellEstimates, TwoPhases, estimates_of, two_phases_of
from jaxmicro.homogenization.moduli import Moduli, moduli
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.materials import Constants, as_constants
from jaxmicro.materials.constants import CONSTANT_NAMES, warn_about_units
from jaxmicro.microstructures import Microstructure, Phase


@record
class Homogenized:
    """What `homogenize` found out; a pytree. `print` gives a readable summary.

    Attributes:
        stiffness: effective stiffness (m, m) in Mandel notation, or None.
        moduli: its engineering moduli, or None.
        conductivity: effective conductivity (d, d), or None.
        analytic_bounds: Voigt, Reuss and, where their premises hold, Hashin–Shtrikman bounds.
        status: the worst `Status` code of all solves.
        stiffness_solve, conductivity_solve: the solves with steps and residuals.
        volume_fractions: (p,).
        defects: bounds that the result violates; a violation is a defect of the discretisation, never a success.
        phases: names of the phases.
        unit: unit of the stiffness, where known.
        plane: in 2D, which problem was solved.
        two_phases: what `mean_field` is made from, where its premises hold.
        notes: which of its premises fail.
    """

    stiffness: Float[Array, "m m"] | None
    moduli: Moduli | None
    conductivity: Float[Array, "d d"] | None
    analytic_bounds: AnalyticBounds
    status: Int[Array, ""]
    stiffness_solve: EffectiveResult | None
    conductivity_solve: EffectiveResult | None
    volume_fractions: Float[Array, " p"]
    defects: tuple[str, ...] = static(default=())
    phases: tuple[str, ...] = static(default=())
    unit: str = static(default="")
    plane: str = static(default="")
    two_phases: TwoPhases | None = None
    notes: tuple[str, ...] = static(default=())

    @cached_property
    def mean_field(self) -> CellEstimates | None:
        """Mean-field estimates of two isotropic phases in these fractions, each phase as the matrix once; None otherwise.

        Spheres in 3D, discs in plane strain and stress, fibres along the third axis in the columnar problem. They know nothing of
        the cell but its fractions: they say what simple shapes would do. Computed when first asked for.
        """
        return None if self.two_phases is None else estimates_of(self.two_phases)

    def __str__(self) -> str:
        from jaxmicro.homogenization.summary import summarise

        return summarise(self)


def homogenize(
    microstructure: Microstructure | Integer[ArrayLike, "*grid"] | Bool[ArrayLike, "*grid"],
    materials: Mapping[Any, Any] | Sequence[Any] | None = None,
    *,
    plane: str = "auto",
    discretization: str = "finite_element",
    rtol: float | None = None,
    max_steps: int = 1000,
    throw: bool = True,
    scheme: str = "voigt",
) -> Homogenized:
    """Effective stiffness, moduli, conductivity and analytic bounds of a microstructure in one call.

    Args:
        microstructure: a `Microstructure`, or an integer label array (*grid) with unit voxels.
        materials: per phase a name (`"IN625"`), a mapping of constants (`{"young": 210.0, "poisson": 0.3, "conductivity":
            50.0}`), `Constants`, or a (6, 6) stiffness: keyed by label or phase name, or listed by sorted label. By default
            what the phases carry. (6, 6) stiffnesses and (3, 3) conductivities are in the crystal frame and are rotated by
            the voxel's orientation; a (2, 2) conductivity on a 2D grid is in the sample frame.
        plane: on a 2D grid, `"strain"`, `"stress"` or `"columnar"` (6 × 6: full macroscopic strain). `"auto"` is plane strain
            for isotropic phases and columnar for crystals. Crystals are rotated voxel by voxel first; one in general position
            couples to shear across the plane, so that `"strain"` is then the model with no displacement across the plane and
            `"stress"` the sheet whose every point is free of stress across it (`plane_stiffness`).
        discretization: as in `effective_stiffness`.
        rtol: as in `effective_stiffness`.
        max_steps: as in `effective_stiffness`.
        throw: as in `effective_stiffness`.
        scheme: `"voigt"`, `"reuss"` or `"laminate"`, for voxels that hold several phases; laminates belong to
            `discretization="rotated"` or `"fourier"` (composite.py says why).

    Returns:
        `Homogenized`; quantities for which some phase lacks constants are None.

    Raises:
        ValueError: if the materials do not match the phases.
        TypeError: if constants, or a bare label array, are being traced.
        MixedUnitsWarning: (a warning) if the constants look like mixed units.

    Differentiable in the fractions, orientations and edge lengths of a `Microstructure`, in both modes. Constants are plain
    data: for derivatives in them use `assign_stiffness` and `effective_stiffness`.

    Example:
        >>> r = homogenize(np.array([[0, 0, 1, 1]] * 4), [{"young": 1.0, "poisson": 0.3}, {"young": 10.0, "poisson": 0.3}])
        >>> int(r.status), r.stiffness.shape
        (0, (3, 3))
    """
    ms, keys = _as_microstructure(microstructure)
    phases = _materials_of(ms, keys, materials)
    warn_about_units(phases)
    plane = _choose_plane(plane, ms, phases)
    options: dict[str, Any] = {"discretization": discretization, "rtol": rtol, "max_steps": max_steps, "throw": throw}
    stiffness = conductivity = elastic = conductive = None
    if all(p.stiffness is not None for p in phases):
        elastic = _assign_elastic(ms, [p.stiffness for p in phases], scheme, plane or "columnar")
        stiffness = effective_stiffness(elastic.field, ms.grid, **options)
    if all(p.conductivity is not None for p in phases):
        conductive = _assign_conductive(ms, [p.conductivity for p in phases], scheme)
        conductivity = effective_conductivity(conductive.field, ms.grid, **options)
    check(
        stiffness is not None or conductivity is not None,
        "`materials` must give every phase elastic constants, or every phase a conductivity, but "
        + "; ".join(f"{p.name!r} has {'stiffness' if p.stiffness is not None else 'no stiffness'} and {'a' if p.conductivity is not None else 'no'} conductivity" for p in phases)
        + ".",
    )  # fmt: skip
    bounds = bounds_of(ms, stiffness, conductivity, elastic, conductive)
    two_phases, notes = two_phases_of(ms, elastic, conductive, plane)
    statuses = [solve.status for solve in (stiffness, conductivity) if solve is not None]
    return Homogenized(
        stiffness=None if stiffness is None else stiffness.tensor,
        moduli=None if stiffness is None else moduli(stiffness.tensor),
        conductivity=None if conductivity is None else conductivity.tensor,
        analytic_bounds=bounds,
        status=jnp.max(jnp.stack(statuses)),
        stiffness_solve=stiffness,
        conductivity_solve=conductivity,
        volume_fractions=ms.volume_fractions,
        defects=_defects(bounds, stiffness, conductivity),
        phases=tuple(p.name for p in ms.phases),
        unit=next((p.unit for p in phases if p.unit), ""),
        plane=plane,
        two_phases=two_phases,
        notes=notes,
    )


def _assign_elastic(ms: Microstructure, stiffnesses: list[Any], scheme: str, plane: str) -> Assigned:
    with jax.ensure_compile_time_eval():
        tensors = [jnp.asarray(c, _dtype(ms)) for c in stiffnesses]
        turned = ms.orientation is not None and not all(is_isotropic(c) for c in tensors)
        flat = [in_plane(c, plane) for c in tensors]
    return Assigned(assign_stiffness(ms, tensors, scheme, plane), flat, turned)


def _assign_conductive(ms: Microstructure, conductivities: list[Any], scheme: str) -> Assigned:
    with jax.ensure_compile_time_eval():
        values = [jnp.asarray(k, _dtype(ms)) for k in conductivities]
        turned = ms.orientation is not None and any(k.shape == (3, 3) for k in values)
        d = ms.grid.ndim
        tensors = [as_tensor(k, d)[:d, :d] for k in values]
    return Assigned(assign_conductivity(ms, values, scheme), tensors, turned)


def _dtype(ms: Microstructure) -> Any:
    return ms.grid.lengths.dtype if ms.is_sharp else ms.fractions.dtype


def _as_microstructure(value: Any) -> tuple[Microstructure, list[Any]]:
    """The microstructure, and the keys by which its phases may be called besides their names."""
    if isinstance(value, Microstructure):
        return value, list(range(value.n_phases))
    check(
        is_concrete(value),
        "`microstructure` must be a Microstructure or concrete labels, but it is an array that is being traced (jit, grad or vmap). "
        "Pass Microstructure(labels=array, phases=…) or Microstructure(fractions=array) instead.",
        TypeError,
    )
    labels = np.asarray(value)
    check(
        labels.dtype.kind in "iub",
        f"`microstructure` must be a Microstructure or an integer label array, but its dtype is {labels.dtype}. Segment a picture with jaxmicro.io.read.",
    )
    check(labels.ndim in (2, 3), f"`microstructure` must have 2 or 3 axes, but its shape is {labels.shape}.")
    check(
        labels.dtype != np.uint8 or labels.ndim == 2 or labels.shape[-1] not in (3, 4),
        f"`microstructure` must be a label map, but its shape {labels.shape} and dtype uint8 are those of a colour picture. Read the picture "
        "with jaxmicro.io.read(file, phases=…); for a volume of so few slices pass Microstructure(labels=array.astype(int)).",
    )
    values, indices = np.unique(labels, return_inverse=True)
    check(
        len(values) <= 4096,
        f"`microstructure` has {len(values)} different labels: that is a picture, not a label map. Segment it with jaxmicro.io.read.",
    )
    names = tuple(Phase(f"phase {v}") for v in values.tolist())
    return Microstructure(labels=indices.reshape(labels.shape), phases=names), values.tolist()


def _materials_of(ms: Microstructure, keys: list[Any], materials: Any) -> list[Constants]:
    if materials is None:
        missing = [p.name for p in ms.phases if p.constants is None]
        check(not missing, f"`materials` must be given, because the phases {missing} carry no constants.")
        return [as_constants(_plain(p.constants), p.name) for p in ms.phases]
    if _is_single(materials, [*keys, *(p.name for p in ms.phases)]):
        materials = [materials]
    if isinstance(materials, Mapping):
        chosen = []
        for index, phase in enumerate(ms.phases):
            aliases = [keys[index], phase.name]
            found = next((alias for alias in aliases if alias in materials), None)
            check(
                found is not None,
                f"`materials` must have an entry for every phase, but {phase.name!r} (label {keys[index]}) is missing from {list(materials)}.",
            )
            chosen.append(materials[found])
        extra = [key for key in materials if key not in keys and key not in [p.name for p in ms.phases]]
        check(
            not extra,
            f"`materials` must name phases of the microstructure, but {extra} are none of labels {keys} or names {[p.name for p in ms.phases]}.",
        )
    else:
        chosen = list(materials)
        check(
            len(chosen) == ms.n_phases,
            f"`materials` must hold one entry per phase ({ms.n_phases}: {', '.join(repr(p.name) for p in ms.phases)}), but it holds {len(chosen)}.",
        )
    return [as_constants(value, str(phase.name)) for value, phase in zip(chosen, ms.phases, strict=True)]


def _is_single(materials: Any, aliases: list[Any]) -> bool:
    """Whether the constants of one material were passed without a list around them."""
    if isinstance(materials, Mapping):
        return bool(materials) and all(key in CONSTANT_NAMES for key in materials) and not any(key in aliases for key in materials)
    return isinstance(materials, str | Constants) or (isinstance(materials, np.ndarray | jax.Array) and materials.ndim == 2)


def _plain(value: Any) -> Any:
    """Phases keep a mapping of constants as sorted pairs."""
    return dict(value) if isinstance(value, tuple) else value


def _choose_plane(plane: str, ms: Microstructure, phases: list[Constants]) -> str:
    check_choice("plane", plane, ("auto", "strain", "stress", "columnar"))
    if ms.grid.ndim == 3:
        check(plane == "auto", f"`plane` is for 2D grids, but it is {plane!r} on a 3D grid. Leave it out.")
        return ""
    if plane != "auto":
        return plane
    crystals = any(p.symmetry != "isotropic" for p in phases if p.stiffness is not None)
    return "columnar" if crystals or ms.orientation is not None else "strain"


def _defects(bounds: AnalyticBounds, stiffness: EffectiveResult | None, conductivity: EffectiveResult | None) -> tuple[str, ...]:
    solved = [s for s in (stiffness, conductivity) if s is not None]
    if not is_concrete(bounds, *(s.tensor for s in solved)) or any(int(s.status) != Status.CONVERGED for s in solved):
        return ()
    return bounds.violations(None if stiffness is None else stiffness.tensor, None if conductivity is None else conductivity.tensor)
