"""Named curves with bands, as arrays or mappings give them, and how they are drawn."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes

from jaxmicro._core import check
from jaxmicro.plotting.style import line_style, plain

ALPHA = 0.18


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve y over x, with the ends of its band or without, and its name (empty where it is alone)."""

    name: str
    x: Float[np.ndarray, " n"]
    y: Float[np.ndarray, " n"]
    low: Float[np.ndarray, " n"] | None = None
    high: Float[np.ndarray, " n"] | None = None


def named_curves(argument: str, x: npt.ArrayLike | None, curves: npt.ArrayLike | Mapping[str, Any]) -> list[Curve]:
    """Curves of a mapping, or the only one; each is `(n,)`, or `(3, n)` mean, low, high; a pair is (x, curve)."""
    given: Mapping[str, Any] = curves if isinstance(curves, Mapping) else {"": curves}
    check(len(given) > 0, f"`{argument}` must hold at least one curve, but it is empty.")
    found = []
    for name, each in given.items():
        place = f"{argument}[{name!r}]" if isinstance(curves, Mapping) else argument
        own = isinstance(each, tuple) and len(each) == 2
        check(own or x is not None, f"`{place}` must be a pair (x, curve) where there is no x for all, but it is {type(each).__name__}.")
        found.append(_curve(str(name), place, *(each if own else (x, each))))
    return found


def draw_curve(axes: Axes, curve: Curve, index: int) -> None:
    """The curve in the style of its place in the list, and its band."""
    style = line_style(index)
    if curve.low is not None and curve.high is not None:
        axes.fill_between(curve.x, curve.low, curve.high, color=str(style["color"]), alpha=ALPHA, linewidth=0, label="_band")
    axes.plot(curve.x, curve.y, linewidth=1.8, label=plain(curve.name), **style)  # pyright: ignore[reportArgumentType]


def _curve(name: str, place: str, x: Any, y: Any) -> Curve:
    lags, values = _numbers(place, x), _numbers(place, y)
    check(lags.ndim == 1 and lags.size > 0, f"`{place}` must have its places in an array (n,), but their shape is {lags.shape}.")
    fits = values.shape in (lags.shape, (3, *lags.shape))
    check(fits, f"`{place}` must be a curve {lags.shape} or mean, low and high {(3, *lags.shape)}, but its shape is {values.shape}.")
    mean, low, high = (values, None, None) if values.ndim == 1 else values
    known = np.isfinite(lags) & np.isfinite(mean)  # a shell without lags is NaN
    check(bool(known.any()), f"`{place}` must hold finite numbers, but none of its {mean.size} is.")
    if low is None or high is None:
        return Curve(name, lags[known], mean[known])
    ordered = bool((low[known] <= high[known]).all())
    check(ordered, f"`{place}` must have low ends of its band below high ones, but they are not. Its rows are mean, low, high.")
    return Curve(name, lags[known], mean[known], low[known], high[known])


def _numbers(place: str, values: Any) -> Float[np.ndarray, "..."]:
    array = np.asarray(values)
    check(array.dtype.kind in "biuf", f"`{place}` must hold real numbers, but their dtype is {array.dtype}.", TypeError)
    return array.astype(float)
