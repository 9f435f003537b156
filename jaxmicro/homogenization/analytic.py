"""The analytic bounds that belong to one homogenized cell, and whether the result keeps them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import is_concrete, record, static
from jaxmicro.homogenization.bounds import hashin_shtrikman_conductivity, hashin_shtrikman_moduli, loewner_gap, reuss_bound, voigt_bound
from jaxmicro.homogenization.moduli import isotropic_part, nearest_isotropic
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.microstructures import Microstructure

ISOTROPY = 0.02  # largest relative distance to the nearest isotropic tensor at which Hashin–Shtrikman bounds are shown

# A bound counts as violated when it is passed by more than this share of its size: the square of the default rtol is far
# below it in float64; in float32 the sums over the cell and the inverses in the Reuss mean round to about 1e-5.
SLACK = {"float64": 1e-5, "float32": 1e-4}

# A phase counts as isotropic up to this share of its size: constants come with up to ten digits in float64, and in float32
# building and rotating a tensor costs some tens of its 1.2e-7.
ISOTROPIC_PHASE = {"float64": 1e-9, "float32": 1e-5}

MIXED = "Hashin–Shtrikman bounds need voxels of one phase each: a grey voxel of mixed constants is a material that they do not know"


@record
class AnalyticBounds:
    """Bounds from volume fractions and phase constants alone.

    Attributes:
        stiffness: (Reuss, Voigt) tensors (m, m), or None.
        conductivity: (Reuss, Voigt) tensors (d, d), or None.
        bulk, shear: Hashin–Shtrikman (lower, upper) for isotropic phases and an isotropic effective tensor; in 2D those of
            the plane problem. None where the premises fail (`notes` says which).
        conductivity_hashin_shtrikman: the same for conductivity.
        notes: which premises failed.
    """

    stiffness: tuple[Float[Array, "m m"], Float[Array, "m m"]] | None = None
    conductivity: tuple[Float[Array, "d d"], Float[Array, "d d"]] | None = None
    bulk: tuple[Float[Array, ""], Float[Array, ""]] | None = None
    shear: tuple[Float[Array, ""], Float[Array, ""]] | None = None
    conductivity_hashin_shtrikman: tuple[Float[Array, ""], Float[Array, ""]] | None = None
    notes: tuple[str, ...] = static(default=())

    def violations(self, stiffness: Array | None, conductivity: Array | None) -> tuple[str, ...]:
        """The bounds that effective tensors break, in words; concrete values only."""
        found = []
        for name, tensor, pair in (("stiffness", stiffness, self.stiffness), ("conductivity", conductivity, self.conductivity)):
            if tensor is not None and pair is not None:
                for bound, gap in (("Reuss", loewner_gap(pair[0], tensor)), ("Voigt", loewner_gap(tensor, pair[1]))):
                    if float(gap) < -SLACK[tensor.dtype.name]:
                        found.append(f"the effective {name} violates the {bound} bound by {-float(gap):.1e} of its size")
        scalars: list[tuple[str, Array, tuple[Array, Array] | None]] = []
        if stiffness is not None:
            bulk, shear = nearest_isotropic(stiffness)
            scalars += [("bulk modulus", bulk, self.bulk), ("shear modulus", shear, self.shear)]
        if conductivity is not None:
            scalars.append(("conductivity", jnp.trace(conductivity) / conductivity.shape[0], self.conductivity_hashin_shtrikman))
        for name, value, pair in scalars:
            if pair is not None:
                low, high, got = float(pair[0]), float(pair[1]), float(value)
                slack = SLACK[value.dtype.name] * abs(high)
                if got < low - slack or got > high + slack:
                    found.append(f"the effective {name} {got:.5g} leaves the Hashin–Shtrikman interval [{low:.5g}, {high:.5g}]")
        return tuple(f"{line}: a defect of the discretisation at this resolution" for line in found)


class Assigned(NamedTuple):
    """A material field and what it was made of.

    Attributes:
        field: on the grid, as it is solved.
        tensors: of the phases in their own axes, in plane where the field is.
        turned: whether crystals were rotated, so that the field holds more than the phases' tensors.
    """

    field: Array
    tensors: list[Array]
    turned: bool


def bounds_of(
    ms: Microstructure,
    stiffness: EffectiveResult | None,
    conductivity: EffectiveResult | None,
    elastic: Assigned | None,
    conductive: Assigned | None,
) -> AnalyticBounds:
    """All bounds whose premises hold for this cell."""
    shares = shares_of(ms)
    notes: list[str] = [] if ms.mask is None else ["the solve and the bounds count every voxel, also those that were not measured"]
    out = AnalyticBounds()
    parts: dict[str, object] = {}
    if stiffness is not None and elastic is not None:
        parts |= _elastic(ms, shares, stiffness.tensor, elastic, notes)
    if conductivity is not None and conductive is not None:
        parts |= _conductive(ms, shares, conductivity.tensor, conductive, notes)
    return AnalyticBounds(**parts, notes=tuple(notes)) if parts else out  # type: ignore[arg-type]


def shares_of(ms: Microstructure) -> Float[Array, " p"]:
    """Share of each phase in all voxels, measured or not, as the solve sees them.

    Example:
        >>> shares_of(Microstructure(labels=[[0, 1], [1, 1]])).tolist()
        [0.25, 0.75]
    """
    return ms.volume_fractions if ms.mask is None else jnp.mean(ms.fractions, axis=tuple(range(1, ms.grid.ndim + 1)))


def _means(assigned: Assigned, shares: Array, notes: list[str]) -> tuple[Array, Array]:
    """Reuss and Voigt: from the shares of the phases, or voxel by voxel where crystals are turned."""
    if not assigned.turned:
        stack = jnp.stack(assigned.tensors)
        return reuss_bound(stack, shares), voigt_bound(stack, shares)
    line = "Voigt and Reuss average the oriented crystals voxel by voxel"
    notes.extend([] if line in notes else [line])
    voxels = jnp.moveaxis(assigned.field.reshape(*assigned.field.shape[:2], -1), -1, 0)
    even = jnp.full(voxels.shape[0], 1.0 / voxels.shape[0], voxels.dtype)
    return reuss_bound(voxels, even), voigt_bound(voxels, even)


def _elastic(ms: Microstructure, shares: Array, tensor: Array, elastic: Assigned, notes: list[str]) -> dict[str, object]:
    tensors = elastic.tensors
    parts: dict[str, object] = {"stiffness": _means(elastic, shares, notes)}
    isotropic = not elastic.turned and all(is_isotropic(c) for c in tensors)
    if not is_sharp(ms):
        notes.append(MIXED)
    elif not isotropic:
        notes.append("Hashin–Shtrikman bounds of the moduli need isotropic phases")
    elif ms.grid.ndim == 2 and tensors[0].shape[-1] == 6:
        notes.append("Hashin–Shtrikman bounds are not given for the columnar problem")
    elif not is_concrete(tensor):
        notes.append("Hashin–Shtrikman bounds of the moduli are not judged while the cell is being traced")
    elif not is_isotropic(tensor, ISOTROPY):
        notes.append(f"Hashin–Shtrikman bounds of the moduli need an effective stiffness that is isotropic within {ISOTROPY:.0%}")
    else:
        pairs = [nearest_isotropic(c) for c in tensors]
        found = hashin_shtrikman_moduli(jnp.stack([k for k, _ in pairs]), jnp.stack([g for _, g in pairs]), shares, ms.grid.ndim)
        parts |= found
    return parts


def _conductive(ms: Microstructure, shares: Array, tensor: Array, conductive: Assigned, notes: list[str]) -> dict[str, object]:
    d = ms.grid.ndim
    eye = jnp.eye(d, dtype=tensor.dtype)
    parts: dict[str, object] = {"conductivity": _means(conductive, shares, notes)}
    spread = jnp.linalg.norm(tensor - jnp.trace(tensor) / d * eye) / jnp.maximum(jnp.linalg.norm(tensor), jnp.finfo(tensor.dtype).tiny)
    if not is_sharp(ms):
        notes.extend([] if MIXED in notes else [MIXED])
    elif conductive.turned or not all(is_round(k) for k in conductive.tensors):
        notes.append("Hashin–Shtrikman bounds of the conductivity need isotropic phases")
    elif not is_concrete(spread):
        notes.append("Hashin–Shtrikman bounds of the conductivity are not judged while the cell is being traced")
    elif float(spread) > ISOTROPY:
        notes.append(f"Hashin–Shtrikman bounds of the conductivity need an effective tensor that is isotropic within {ISOTROPY:.0%}")
    else:
        parts["conductivity_hashin_shtrikman"] = hashin_shtrikman_conductivity(jnp.stack([k[0, 0] for k in conductive.tensors]), shares, d)
    return parts


def is_sharp(ms: Microstructure) -> bool:
    """Whether every voxel is known to hold one phase, up to rounding of its fractions."""
    if ms.is_sharp or not is_concrete(ms.fractions):
        return ms.is_sharp
    with jax.ensure_compile_time_eval():
        grey = jnp.minimum(ms.fractions, 1 - ms.fractions)
        return bool((grey <= 64 * jnp.finfo(grey.dtype).eps).all())


def is_isotropic(c: Array, tolerance: float | None = None) -> bool:
    """Whether a concrete tensor is isotropic up to a share of its size, by default up to rounding in its dtype."""
    tolerance = ISOTROPIC_PHASE[c.dtype.name] if tolerance is None else tolerance
    with jax.ensure_compile_time_eval():
        size = float(jnp.linalg.norm(c))
        return size == 0 or float(jnp.linalg.norm(c - isotropic_part(c))) <= tolerance * size


def is_round(k: Array) -> bool:
    """Whether a concrete conductivity tensor is a multiple of the identity."""
    with jax.ensure_compile_time_eval():
        return bool((k == k[0, 0] * jnp.eye(k.shape[0], dtype=k.dtype)).all())
