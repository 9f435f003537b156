"""The orientations a figure of texture is made of: those of one phase of a microstructure, or quaternions as they are."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Float

from jaxmicro._core import check, check_choice
from jaxmicro.orientations.laue import LAUE_GROUPS, symmetry_operators
from jaxmicro.orientations.quaternions import to_matrix
from jaxmicro.plotting.orientation_colors import crystals_of, measured_voxels, orientations_of
from jaxmicro.plotting.pictures import numeric

INSTEAD = "Pass a Microstructure that has them, or quaternions (4, …)."


@dataclasses.dataclass(frozen=True)
class CrystalSample:
    """Rotation matrices `(3, 3, n)` sample → crystal, their weights `(n,)`, the Laue group, whose crystals they are."""

    matrices: Float[np.ndarray, "3 3 n"]
    weights: Float[np.ndarray, " n"]
    laue: str
    name: str


def crystal_sample(source: Any, laue: str | None, phase: str | int | None, weights: npt.ArrayLike | None) -> CrystalSample:
    """The crystals of `source`, a `Microstructure` or quaternions `(4, …)`, with their weights (by default all one)."""
    if hasattr(source, "grid"):
        q, here, group, name = _of_microstructure(source, phase)
    else:
        check(phase is None, f"`phase` must be left out for quaternions, but it is {phase!r}. Pass those of one phase.")
        q = numeric("source", source).astype(float)
        check(q.ndim >= 1 and q.shape[0] == 4, f"`source` must be quaternions (4, …), scalar first, but its shape is {q.shape}. {INSTEAD}")
        here, group, name = np.ones(q.shape[1:], dtype=bool), "m-3m", ""
    group = group if laue is None else laue
    check_choice("laue", group, LAUE_GROUPS)
    check(bool(here.any()), "`source` must hold at least one measured orientation, but there is none. Look at its mask and its phases.")
    return CrystalSample(np.asarray(to_matrix(jnp.asarray(q[:, here]))), _weights(weights, here), group, name)


def _of_microstructure(ms: Any, phase: str | int | None) -> tuple[np.ndarray, np.ndarray, str, str]:
    q, labels, measured = orientations_of("source", ms, INSTEAD), np.asarray(ms.labels), measured_voxels(ms)
    check(
        bool(measured.any()), f"`source` must hold at least one measured orientation, but none of its {measured.size} points is measured."
    )
    names = [each.name for each in ms.phases]
    laue = crystals_of(ms, labels[measured]).laue
    if phase is None:
        there = [index for index in np.unique(labels[measured]) if laue[index] is not None]
        listed = ", ".join(repr(names[index]) for index in there)
        check(len(there) < 2, f"`phase` must name one phase, but it is left out and there are {listed}. Draw one figure for each.")
        check(len(there) > 0, "`source` must hold crystals, but no phase that occurs has a Laue group. Give the phases theirs.")
        index = int(there[0])
    elif isinstance(phase, str):
        check_choice("phase", phase, names)
        index = names.index(phase)
    else:
        check(0 <= phase < len(names), f"`phase` must be from 0 to {len(names) - 1} or a name, but it is {phase}.")
        index = int(phase)
    return q, measured & (labels == index), laue[index] or "m-3m", names[index] if len(names) > 1 else ""


def _weights(weights: npt.ArrayLike | None, here: np.ndarray) -> Float[np.ndarray, " n"]:
    if weights is None:
        return np.ones(int(here.sum()))
    values = numeric("weights", weights).astype(float)
    check(values.shape == here.shape, f"`weights` must have one weight per orientation {here.shape}, but the shape is {values.shape}.")
    kept = values[here]
    check(
        float(kept.min()) >= 0 and float(kept.sum()) > 0,
        f"`weights` must not be negative nor all zero, but they span [{kept.min():g}, {kept.max():g}].",
    )
    return kept


def equivalent_axes(axis: Float[np.ndarray, " 3"], laue: str) -> Float[np.ndarray, "3 k"]:
    """The different axes (without sign) that a Laue group makes of one."""
    found: list[np.ndarray] = []
    for image in np.einsum("ijn,j->ni", np.asarray(to_matrix(jnp.asarray(symmetry_operators(laue)))), axis):
        if all(abs(image @ other) < 1 - 1e-9 for other in found):
            found.append(image)
    return np.stack(found, axis=1)
