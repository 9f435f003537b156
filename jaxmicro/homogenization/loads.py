"""Prescribed mean strains and stresses, checked: which component is ruled by which."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_array, check, is_concrete
from jaxmicro.fields import mandel_to_tensor, tensor_to_mandel
from jaxmicro.homogenization.mixed_loading import Control, Load
from jaxmicro.orientations import to_matrix

NAMES = {3: ("11", "22", "12"), 6: ("11", "22", "33", "23", "13", "12")}
KINDS = ("strain", "stress")


def read_load(strain: Any, stress: Any, control: Any, frame: Any, size: int, dtype: Any) -> tuple[Control, Load]:
    """The load as given by the user, eigenstrain apart.

    Args:
        strain: mean strain (m,) or None; NaN where it is not prescribed.
        stress: mean stress (m,) or None; NaN where it is not prescribed.
        control: `"strain"` or `"stress"` for all components or each, or None to judge by what is given.
        frame: axes of the load's components, as in `solve_cell_problem`.
        size: number m of components.
        dtype: of the constants.
    """
    given = {"strain": _vector("strain", strain, size, dtype), "stress": _vector("stress", stress, size, dtype)}
    rules = _rules(control, given, size)
    free = np.array([rule == "stress" for rule in rules])
    values = {}
    for kind in KINDS:
        ruled = free if kind == "stress" else ~free
        value = given[kind]
        if value is not None and is_concrete(value):
            bad = [NAMES[size][k] for k in np.flatnonzero(ruled & ~np.isfinite(np.asarray(value)))]
            check(
                not bad,
                f"`{kind}` must be finite where it is prescribed, but its components {', '.join(bad)} are not. Give numbers there, or change `control`.",
            )
        values[kind] = jnp.zeros(size, dtype) if value is None else jnp.where(ruled, value, 0.0)
    return Control(jnp.asarray(free, dtype), _basis(frame, size, dtype)), Load(values["strain"], values["stress"], None)


def _vector(name: str, value: Any, size: int, dtype: Any) -> Array | None:
    if value is None:
        return None
    array = jnp.asarray(value, dtype)
    check(
        array.shape == (size,),
        f"`{name}` must have the {size} components {', '.join(NAMES[size])} (Mandel: √2 on the shears), but its shape is {array.shape}.",
    )
    return array


def _rules(control: Any, given: dict[str, Array | None], size: int) -> list[str]:
    """Which of strain and stress rules each component."""
    names = NAMES[size]
    if control is not None:
        rules = [control] * size if isinstance(control, str) else list(control)
        check(
            len(rules) == size and all(rule in KINDS for rule in rules),
            f"`control` must say 'strain' or 'stress' for each of the {size} components {', '.join(names)}, but it is {control!r}.",
        )
        return [str(rule) for rule in rules]
    present = [kind for kind in KINDS if given[kind] is not None]
    if len(present) < 2 and not _has_gaps(given, present):
        return [present[0] if present else "strain"] * size
    check(
        all(is_concrete(given[kind]) for kind in present),
        "`control` must be given where strain or stress are being traced (jit, grad or vmap): it says which entry rules.",
    )
    known = {kind: np.zeros(size, bool) if given[kind] is None else ~np.isnan(np.asarray(given[kind])) for kind in KINDS}
    both = [names[k] for k in np.flatnonzero(known["strain"] & known["stress"])]
    none = [names[k] for k in np.flatnonzero(~known["strain"] & ~known["stress"])]
    check(
        not both,
        f"The load is contradictory: strain and stress both prescribe the components {', '.join(both)}. "
        "Say with `control` which rules, or put NaN where a component is not prescribed.",
    )
    check(
        not none, f"The load is incomplete: neither strain nor stress prescribes the components {', '.join(none)}. Prescribe one of them."
    )
    return ["stress" if flag else "strain" for flag in known["stress"]]


def _has_gaps(given: dict[str, Array | None], present: Sequence[str]) -> bool:
    values = [given[kind] for kind in present]
    return any(is_concrete(value) and bool(np.isnan(np.asarray(value)).any()) for value in values)


def _basis(frame: Any, size: int, dtype: Any) -> Float[Array, "m m"]:
    """The Mandel basis of a frame, a column per component: the dyads of its axes."""
    d = 2 if size == 3 else 3
    if frame is None:
        return jnp.eye(size, dtype=dtype)
    axes = jnp.asarray(frame, dtype)
    if axes.shape == (4,) and d == 3:
        axes = to_matrix(axes)
    check(
        axes.shape == (d, d),
        f"`frame` must be ({d}, {d}), its rows the axes of the load{' , or a unit quaternion (4,)' if d == 3 else ''}, but its shape is {axes.shape}.",
    )
    if is_concrete(axes):
        skew = float(np.max(np.abs(np.asarray(axes @ axes.T) - np.eye(d))))
        check(skew < 1e3 * float(jnp.finfo(dtype).eps), f"`frame` must have orthogonal rows of length 1, but they are off by {skew:.1e}.")
    units = mandel_to_tensor(jnp.eye(size, dtype=dtype))  # (d, d, m)
    return tensor_to_mandel(jnp.einsum("ki,klm,lj->ijm", axes, units, axes))


def uniaxial_stress(
    magnitude: Float[ArrayLike, ""] | float, direction: Float[ArrayLike, " d"], size: int | None = None
) -> Float[Array, " m"]:
    """The mean stress of tension along a direction, σ n ⊗ n, in Mandel notation.

    Args:
        magnitude: the tension σ.
        direction: (2,) or (3,), of any length but zero.
        size: 3 or 6 components; by default 3 for a plane direction, 6 for one in space. A plane direction with 6 lies in the plane of
            the grid.

    Returns:
        (m,). Differentiable in both.

    Raises:
        ValueError: for a direction of length zero or of another shape.

    Example:
        >>> uniaxial_stress(2.0, jnp.array([1.0, 0.0])).tolist()
        [2.0, 0.0, 0.0]
    """
    n = as_float_array("direction", direction)
    check(n.shape in ((2,), (3,)), f"`direction` must be (2,) or (3,), but its shape is {n.shape}.")
    size = size or (3 if n.shape == (2,) else 6)
    check(size in (3, 6) and (size == 6 or n.shape == (2,)), f"`size` must be 3 or 6, and 6 for a direction in space, but it is {size}.")
    length = jnp.sqrt(jnp.sum(n**2))
    if is_concrete(length):
        check(float(length) > 0, "`direction` must have a length, but it is zero.")
    n = n / length
    n = jnp.concatenate([n, jnp.zeros(1, n.dtype)]) if size == 6 and n.shape == (2,) else n
    return jnp.asarray(magnitude) * tensor_to_mandel(jnp.outer(n, n))
