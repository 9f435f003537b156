"""Checks of what a user passes in, with one wording: "`x` must …, but … (the actual value). Do … instead."

Shapes and names are checked always. Values are checked only where they are concrete: under a tracer (jit, vmap,
grad) a check of values is skipped here, and the solve reports bad input by its status.
"""

import difflib
import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

ALIKE = 0.9  # of names with their capitals, from which on one is meant


def is_concrete(*values: Any) -> bool:
    """True when no leaf of `values` is a tracer, so that Python may look at the numbers."""
    return not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(values))


def check(condition: bool | np.bool, message: str, error: type[Exception] = ValueError) -> None:
    """Raise `error(message)` unless `condition` holds."""
    if not condition:
        raise error(message)


def nearest_name(name: str, valid: Iterable[str], likeness: float = 0.5) -> str | None:
    """The valid name closest to a misspelt one, of like capitals or else whatever they are, or None where none is so alike (0 to 1)."""
    options = list(valid)
    alike = difflib.get_close_matches(str(name), options, n=1, cutoff=ALIKE)
    if alike:
        return alike[0]
    names = {each.lower(): each for each in reversed(options)}
    matches = difflib.get_close_matches(str(name).lower(), list(names), n=1, cutoff=likeness)
    return names[matches[0]] if matches else None


def check_choice(argument: str, value: Any, valid: Iterable[str]) -> None:
    """Check that `value` is one of the `valid` names, and suggest the nearest."""
    names = list(valid)
    if isinstance(value, str) and value in names:
        return
    hint = nearest_name(value, names) if isinstance(value, str) else None
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    raise ValueError(f"`{argument}` must be one of {', '.join(map(repr, names))}, but it is {value!r}.{suggestion}")


def check_shape(argument: str, value: Any, expected: Sequence[int | str | None], advice: str = "") -> None:
    """Check an array's shape; strings and None in `expected` stand for any size."""
    actual = np.shape(value)
    fits = len(actual) == len(expected) and all(
        not isinstance(want, int) or want == got for want, got in zip(expected, actual, strict=True)
    )
    if not fits:
        wanted = "(" + ", ".join("any" if size is None else str(size) for size in expected) + ("," if len(expected) == 1 else "") + ")"
        raise ValueError(f"`{argument}` must have shape {wanted}, but its shape is {tuple(actual)}. {advice}".rstrip())


def check_broadcast(argument: str, shape: Sequence[int], other: str, other_shape: Sequence[int], advice: str = "") -> None:
    """Check that the trailing shapes of two arguments broadcast."""
    try:
        np.broadcast_shapes(tuple(shape), tuple(other_shape))
    except ValueError:
        raise ValueError(
            f"`{argument}` must have a trailing shape that broadcasts with that of `{other}`, {tuple(other_shape)}, but it is {tuple(shape)}. "
            f"{advice}".rstrip()
        ) from None


def is_number(value: Any) -> bool:
    """Whether it is one real number that is known: Python's own, NumPy's and JAX's alike, but no text, truth value or list."""
    return is_concrete(value) and not isinstance(value, list | tuple) and np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf"


def as_number(value: Any) -> float:
    """The number that is given; NaN for whatever is none, which every comparison then refuses."""
    return float(value) if is_number(value) else np.nan


def check_whole(argument: str, value: Any, least: int, advice: str = "") -> None:
    """Check that a concrete value is a whole number from `least` on."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    check(whole and value >= least, f"`{argument}` must be a whole number from {least} on, but it is {value!r}. {advice}".rstrip())


def check_finite(argument: str, value: Any) -> None:
    """Check that a concrete array holds no NaN and no infinity, and name the first place that does."""
    if not is_concrete(value):
        return
    finite = np.isfinite(np.asarray(value))
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(
            f"`{argument}` must be finite, but {int((~finite).sum())} of its {finite.size} entries are not "
            f"(the first at index {where}: {np.asarray(value)[where]}). Mask or fill them first."
        )


def check_probability(argument: str, value: Any) -> None:
    """Check that concrete values lie in [0, 1]."""
    if not is_concrete(value):
        return
    array = np.asarray(value)
    if array.size and not ((array >= 0).all() and (array <= 1).all()):
        raise ValueError(f"`{argument}` must lie in [0, 1], but it spans [{array.min():g}, {array.max():g}].")


def as_float_array(argument: str, value: ArrayLike | Sequence[Any]) -> Float[Array, "..."]:
    """Convert to a floating JAX array of the input's own precision.

    Integers become the default float, and half precision becomes float32. float64 NumPy input while x64 is off is converted
    to float32 with one warning that names the switch.
    """
    if not isinstance(value, jax.Array):
        given = value
        value = _numeric(argument, given)
        double = isinstance(given, np.ndarray) and value.dtype == np.float64
        if double and value.ndim > 0 and not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
            _warn_x64_once()
    if jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise TypeError(f"`{argument}` must be real, but its dtype is {value.dtype}. Pass its real part.")
    if not jnp.issubdtype(value.dtype, jnp.floating):
        return jnp.asarray(value, dtype=jnp.result_type(float))
    if value.dtype.itemsize < 4:
        return jnp.asarray(value, dtype=jnp.float32)
    return jnp.asarray(value)


def as_float_arrays(**values: ArrayLike | Sequence[Any]) -> tuple[Float[Array, "..."], ...]:
    """Convert values that belong together to one floating dtype, in which Python's own numbers have no say, nor lists of them."""
    arrays = [as_float_array(name, value) for name, value in values.items()]
    telling = [a.dtype for a, value in zip(arrays, values.values(), strict=True) if not _is_weak(value)]
    dtype = jnp.result_type(*telling) if telling else arrays[0].dtype
    return tuple(a.astype(dtype) for a in arrays)


def _is_weak(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_weak(each) for each in value)
    return type(value) in (bool, int, float) or getattr(value, "weak_type", False)


def _numeric(argument: str, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"`{argument}` must be a rectangular array of numbers, but NumPy says: {error}. Make its rows equally long."
        ) from None
    if array.dtype.kind in "USOV" and not jnp.issubdtype(array.dtype, jnp.floating):  # bfloat16 is of kind V
        raise TypeError(f"`{argument}` must be numeric, but its dtype is {array.dtype}. Pass an array of numbers.")
    return array


_warned: set[str] = set()


def _warn_x64_once() -> None:
    if "x64" not in _warned:
        _warned.add("x64")
        warnings.warn(
            "float64 input is computed in float32 because JAX's x64 mode is off. "
            "Call jax.config.update('jax_enable_x64', True) before the first computation for double precision.",
            UserWarning,
            stacklevel=_first_level_outside(),
        )


def _first_level_outside() -> int:
    """For `warnings.warn` in the caller: how far up the first code outside this package is."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("jaxmicro."):
        frame, level = frame.f_back, level + 1
    return level
