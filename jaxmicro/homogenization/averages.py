"""From fields to numbers: equivalent and principal values of a voxel, means over phases and grains, concentration tensors."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, as_float_arrays, check, check_choice, check_probability, is_concrete, record
from jaxmicro.fields.mandel import mandel_to_tensor
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.microstructures import Microstructure


def von_mises(
    stress: Float[ArrayLike, "m ..."],
    *,
    plane: str | None = None,
    out_of_plane: Float[ArrayLike, "..."] | float | None = None,
) -> Float[Array, "..."]:
    """Von Mises stress √(3/2 s : s) of each voxel, s the deviator of the stress.

    Args:
        stress: (6, *grid) in Mandel notation, or in-plane (3, *grid) with one of the next two. Move a load axis behind the
            components, or `jax.vmap` over it.
        plane: `"stress"` for a sheet, where σ₃₃ = 0. In plane strain σ₃₃ is ν (σ₁₁ + σ₂₂) of each phase, which the in-plane
            stress alone does not tell: pass it as `out_of_plane`, or solve the columnar problem.
        out_of_plane: σ₃₃ of an in-plane stress, a number or (*grid).

    Returns:
        (*grid), in the unit of the stress. Differentiable; its kink at a hydrostatic stress has the derivative zero.

    Raises:
        ValueError: for other shapes, and for an in-plane stress whose σ₃₃ is not given.

    Reference: R. von Mises, Nachr. Ges. Wiss. Göttingen (1913) 582.

    Example:
        >>> von_mises(jnp.array([3.0, 0.0, 0.0, 0.0, 0.0, 0.0])).item()  # a bar under tension
        3.0
    """
    s, third = _with_third_stress(as_float_array("stress", stress), plane, out_of_plane)
    size = s.shape[0]
    d = 2 if size == 3 else 3
    diagonal = [*s[:d]] if third is None else [*s[:d], third]
    mean = sum(diagonal) / 3
    square = sum((x - mean) ** 2 for x in diagonal) + jnp.sum(s[d:] ** 2, axis=0)
    deviates = square > 0
    return jnp.where(deviates, jnp.sqrt(1.5 * jnp.where(deviates, square, 1.0)), 0.0)


def _with_third_stress(stress: Array, plane: str | None, out_of_plane: Any) -> tuple[Array, Array | None]:
    """The stress, and σ₃₃ where the components do not hold it."""
    check(stress.ndim >= 1 and stress.shape[0] in (3, 6), f"`stress` must have 3 or 6 components first, but its shape is {stress.shape}.")
    if stress.shape[0] == 6:
        given = plane is not None or out_of_plane is not None
        check(not given, "`plane` and `out_of_plane` belong to an in-plane stress, but this one has 6 components. Leave them out.")
        return stress, None
    if plane is not None:
        check_choice("plane", plane, ("stress",))
        check(out_of_plane is None, "`out_of_plane` is zero in plane stress, but both arguments are given. Pass one of them.")
        return stress, jnp.zeros_like(stress[0])
    check(
        out_of_plane is not None,
        "`stress` has its 3 in-plane components, so σ33 must be given. Pass plane='stress' for a sheet, or out_of_plane=ν (σ11 + σ22) "
        "in plane strain.",
    )
    stress, third = as_float_arrays(stress=stress, out_of_plane=out_of_plane)
    return stress, jnp.broadcast_to(third, stress.shape[1:])


def principal_values(tensor: Float[ArrayLike, "m ..."]) -> Float[Array, "d ..."]:
    """Principal stresses or strains of each voxel, the largest first.

    Args:
        tensor: symmetric tensors (m, *grid) in Mandel notation; of in-plane ones the two values in the plane.

    Returns:
        (d, *grid) descending, in the unit of the tensor. Differentiable in both modes: the derivative of a value is n · dT · n
        along its axis n. Where two values coincide each single one has a kink and the derivative of one side; sums and other
        symmetric functions have theirs.

    Raises:
        ValueError: if there are not 3 or 6 components first.

    Example:
        >>> principal_values(jnp.array([1.0, 3.0, 0.0])).tolist()
        [3.0, 1.0]
    """
    t = mandel_to_tensor(as_float_array("tensor", tensor))
    if t.shape[0] == 3:
        return jnp.moveaxis(jnp.linalg.eigvalsh(jnp.moveaxis(t, (0, 1), (-2, -1)))[..., ::-1], -1, 0)
    mean, half, shear = 0.5 * (t[0, 0] + t[1, 1]), 0.5 * (t[0, 0] - t[1, 1]), t[0, 1]
    square = half**2 + shear**2
    differ = square > 0
    radius = jnp.where(differ, jnp.sqrt(jnp.where(differ, square, 1.0)), 0.0)
    return jnp.stack([mean + radius, mean - radius])


def phase_averages(field: Float[ArrayLike, "..."], where: Any, *, count: int | None = None) -> Float[Array, "..."]:
    """Mean of a field over each phase or grain, by volume.

    Args:
        field: (…, m, *grid): components in front of the grid, and before them what one likes (load cases). (*grid) alone is a
            field of numbers.
        where: a `Microstructure` (its phases), integer labels (*grid) of phases or grains (negative ones belong to none), or
            fractions (p, *grid). Voxels that hold several phases count for each by its fraction, with the mean of the voxel.
            A `mask` is not looked at: the solves count every voxel.
        count: number of labels p, where they are being traced or not all present; by default the largest label and one.

    Returns:
        (…, p, m), or (p,) of numbers: NaN for a phase that is absent. Linear in the field, and differentiable in fractions.

    Raises:
        ValueError: if the shapes do not fit.
        TypeError: if labels are being traced and `count` is not given.

    Example:
        >>> labels = np.array([[0, 0], [0, 1]])
        >>> phase_averages(jnp.array([[1.0, 2.0], [3.0, 7.0]]), labels).tolist()
        [2.0, 7.0]
    """
    means, _ = _means(as_float_array("field", field), _members(where, count))
    return means


class _Members(NamedTuple):
    """What belongs to which of `count` phases or grains: labels, or fractions where voxels may hold several."""

    count: int
    labels: Array | None
    fractions: Array | None

    @property
    def grid(self) -> tuple[int, ...]:
        return self.labels.shape if self.fractions is None else self.fractions.shape[1:]  # pyright: ignore[reportOptionalMemberAccess]


def _members(where: Any, count: int | None) -> _Members:
    if isinstance(where, Microstructure):
        return _Members(where.n_phases, where.labels, None if where.is_sharp else where.fractions)
    array = where if isinstance(where, jax.Array) else np.asarray(where)
    if array.dtype.kind in "iub":
        return _Members(_label_count(array, count), jnp.asarray(array).astype(jnp.int32), None)
    fits = array.dtype.kind == "f" and array.ndim in (3, 4)
    check(
        fits,
        f"`where` must be a Microstructure, integer labels (*grid) or fractions (p, *grid), but its dtype is {array.dtype} and its shape {array.shape}.",
    )
    check_probability("where", array)
    return _Members(array.shape[0], None, jnp.asarray(array))


def _label_count(labels: Any, count: int | None) -> int:
    if not is_concrete(labels):
        check(count is not None, "`where` holds labels that are being traced, so their number is not known. Pass it as count=.", TypeError)
        return int(count)  # pyright: ignore[reportArgumentType]
    largest = int(np.max(np.asarray(labels), initial=-1))
    check(count is None or largest < count, f"`count` must be more than the largest label, but it is {count} and the label {largest}.")
    return max(largest + 1, 1) if count is None else count


def _means(values: Array, members: _Members) -> tuple[Array, Array]:
    """Means (…, p, m) and volume fractions (p,)."""
    grid = members.grid
    check(
        values.ndim >= len(grid) and values.shape[values.ndim - len(grid) :] == grid,
        f"`field` must end with the axes of the grid {grid}, but its shape is {values.shape}.",
    )
    lead = values.shape[: values.ndim - len(grid)]
    flat = values.reshape(*lead, -1)
    centre = jax.lax.stop_gradient(jnp.mean(flat, axis=-1, keepdims=True))  # sums of what is left round less
    if members.fractions is None:
        places = members.labels.reshape(-1)  # pyright: ignore[reportOptionalMemberAccess]
        inside = jnp.where((places >= 0) & (places < members.count), places, members.count)
        sums = jax.ops.segment_sum(jnp.moveaxis(flat - centre, -1, 0), inside, members.count + 1)[:-1]
        share = jax.ops.segment_sum(jnp.ones(places.shape, values.dtype), inside, members.count + 1)[:-1]
    else:
        parts = members.fractions.reshape(members.count, -1).astype(flat.dtype)
        sums = jnp.einsum("...g,pg->p...", flat - centre, parts, precision=jax.lax.Precision.HIGHEST)
        share = jnp.sum(parts, axis=1)
    there = (share > 0).reshape(-1, *(1,) * len(lead))
    means = sums / jnp.where(there, share.reshape(there.shape), 1.0) + centre[..., 0]
    return jnp.moveaxis(jnp.where(there, means, jnp.nan), 0, max(len(lead) - 1, 0)), share / flat.shape[-1]


@record
class ConcentrationTensors:
    """Mean fields of the phases under unit mean fields of the cell; a pytree.

    Attributes:
        strain: A_p (p, m, m): mean strain of phase p is A_p times the mean strain of the cell, Σ f_p A_p = I. For conduction
            of the potential gradient.
        stress: B_p (p, m, m): the same for the stress, Σ f_p B_p = I. For conduction of the flux.
        fractions: volume fractions f_p (p,).
    """

    strain: Float[Array, "p m m"]
    stress: Float[Array, "p m m"]
    fractions: Float[Array, " p"]


def concentration_tensors(result: EffectiveResult, where: Any, *, count: int | None = None) -> ConcentrationTensors:
    """Strain and stress concentration tensors of phases or grains, from the fields of a solved cell.

    A_p is the mean strain of phase p under unit mean strains, one load a column, and B_p = ⟨σ⟩_p C_eff⁻¹, which is
    C_p A_p C_eff⁻¹ where the phase has one stiffness C_p.

    Args:
        result: what `effective_stiffness` or `effective_conductivity` returned for one cell with `fields=("strain", "stress")`.
        where: phases or grains as in `phase_averages`.
        count: as in `phase_averages`.

    Returns:
        `ConcentrationTensors`. Σ f_p A_p = I to rounding, Σ f_p B_p = I to the tolerance of the solve. B is NaN where the cell
        has no stiffness to some load.

    Raises:
        ValueError: if the result lacks the fields or belongs to a batch, or the shapes do not fit.

    Differentiable as the fields are (one adjoint solve).

    Reference: R. Hill, J. Mech. Phys. Solids 11, 357 (1963), doi:10.1016/0022-5096(63)90036-X.

    Example:
        >>> k = jnp.ones((8, 8)).at[:4].set(3.0)  # layers across x: equal flux along x, equal gradient along y
        >>> r = jm.effective_conductivity(k, jm.Grid((8, 8)), fields=("strain", "stress"))
        >>> concentration_tensors(r, k > 2).strain[:, 0, 0].round(6).tolist()
        [1.5, 0.5]
    """
    if result.strain is None or result.stress is None:
        raise ValueError(
            '`result` must hold the strain and the stress of each load, but it lacks them. Solve with fields=("strain", "stress").'
        )
    check(
        result.tensor.ndim == 2,
        f"`result` must be that of one cell, but its tensor has shape {result.tensor.shape}. Take one sample with jax.tree.map.",
    )
    members = _members(where, count)
    means, fractions = _means(jnp.concatenate([result.strain, result.stress]), members)
    strain, stress = jnp.split(jnp.moveaxis(means, 0, -1), 2, axis=-1)
    return ConcentrationTensors(strain=strain, stress=stress @ jnp.linalg.inv(result.tensor), fractions=fractions)
