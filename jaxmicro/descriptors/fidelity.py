"""What a generator was asked for against what came out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxmicro._core import check, is_concrete, record, static
from jaxmicro.descriptors import asked_quantities as quantities
from jaxmicro.descriptors import body_moments
from jaxmicro.microstructures import Microstructure

# How each quantity that a generator may be asked for is measured: the name in `Microstructure.asked` to a function of the
# microstructure that returns a number, or as many numbers as were asked for.
MEASURES: dict[str, Callable[[Microstructure], Any]] = {
    "volume_fractions": quantities.volume_fractions,
    "count": quantities.count,
    "mean_radius": quantities.mean_radius,
    "radius_scatter": quantities.radius_scatter,
    "surface_density": quantities.surface_of_second_phase,
    "wavelength": quantities.wavelength,
    "aspect_ratio": body_moments.aspect_ratio,
    "orientation_tensor": body_moments.orientation_tensor,
    "crack_density": body_moments.crack_density,
}


@record
class Fidelity:
    """Asked against got, one row for each number.

    Attributes:
        names: of the quantities, static; with an index where several numbers were asked for.
        asked: `(n,)`.
        got: `(n,)`, measured on the voxels.
    """

    asked: np.ndarray
    got: np.ndarray
    names: tuple[str, ...] = static(default=())

    @property
    def deviation(self) -> np.ndarray:
        """Got minus asked, `(n,)`."""
        return self.got - self.asked

    @property
    def relative_deviation(self) -> np.ndarray:
        """(got − asked)/|asked|, `(n,)`; infinite where nothing was asked for and something came out."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.deviation == 0, 0.0, self.deviation / np.abs(self.asked))

    def __str__(self) -> str:
        width = max(map(len, (*self.names, "quantity")))
        lines = [f"{'quantity':<{width}}  {'asked':>10}  {'got':>10}  {'deviation':>10}"]
        for name, asked, got, off in zip(self.names, self.asked, self.got, self.relative_deviation, strict=True):
            share = f"{100 * off:+.2f} %" if math.isfinite(off) else f"{got - asked:+.3g}"
            lines.append(f"{name:<{width}}  {asked:>10.5g}  {got:>10.5g}  {share:>10}")
        return "\n".join(lines)


def fidelity(ms: Microstructure) -> Fidelity:
    """Measure again what the generator of a microstructure was asked for.

    Generators leave what they were asked for in `Microstructure.asked`; every quantity is measured on the voxels by the
    descriptor that a user would take, not by what the generator knows of its own making.

    Args:
        ms: a microstructure of a generator, with concrete values.

    Returns:
        `Fidelity`: names, asked, got; its text is a table.

    Raises:
        ValueError: if nothing is known of what was asked for, or a quantity has no measure.

    Example:
        >>> import jax
        >>> from jaxmicro.microstructures import random_field
        >>> from jaxmicro.fields import Grid
        >>> print(fidelity(random_field(Grid((32, 32)), volume_fraction=0.25, key=jax.random.key(0))))
        quantity                  asked         got   deviation
        volume_fractions[0]        0.75        0.75     +0.00 %
        volume_fractions[1]        0.25        0.25     +0.00 %

    Not differentiable: the descriptors are.
    """
    check(is_concrete(ms), "What was asked for rides along outside of tracing only: call this outside jit, vmap and grad.")
    check(
        bool(ms.asked),
        "`ms` must come from a generator, but nothing is known of what was asked for. A crop, a resampling or new labels lose it; "
        "measure the microstructure as it was made.",
    )
    names, asked, got = [], [], []
    for name, value in ms.asked.items():
        check(name in MEASURES, f"`ms.asked` must hold quantities that can be measured, but {name!r} is none of {', '.join(MEASURES)}.")
        wanted, found = np.atleast_1d(np.asarray(value, float)), np.atleast_1d(np.asarray(MEASURES[name](ms), float))
        check(
            wanted.shape == found.shape,
            f"`ms.asked` must fit the microstructure, but {name!r} has {wanted.size} numbers, and {found.size} were measured.",
        )
        names += [name] if wanted.size == 1 and np.ndim(value) == 0 else [f"{name}[{k}]" for k in range(wanted.size)]
        asked.append(wanted)
        got.append(found)
    return Fidelity(names=tuple(names), asked=np.concatenate(asked), got=np.concatenate(got))
