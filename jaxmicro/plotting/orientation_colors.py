"""What a crystal in a microstructure looks like: each phase coloured by the key of its own Laue group."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jaxtyping import Array, Float, Int

from jaxmicro._core import check, check_choice
from jaxmicro.orientations.colours import ipf_color
from jaxmicro.orientations.laue import LAUE_GROUPS
from jaxmicro.plotting.style import hex_color

# Every colour of a key has one full channel, so that no grey is an orientation.
UNMEASURED = "#C3C8CE"
NO_CRYSTAL = "#7B838D"

OTHER_NAMES = {"cubic": "m-3m", "432": "m-3m"}
AXES = {"x": (1.0, 0.0, 0.0), "y": (0.0, 1.0, 0.0), "z": (0.0, 0.0, 1.0)}


@dataclasses.dataclass(frozen=True)
class Crystals:
    """Laue groups of the phases that occur: `laue` per phase (None: no crystal), the phases of each group, what is assumed.

    Where no phase has a Laue group all are taken for m-3m (`assumed`); where some have one, those without are no crystals.
    """

    laue: tuple[str | None, ...]
    names: dict[str, tuple[str, ...]]
    assumed: bool


def crystals_of(ms: Any, labels: Int[np.ndarray, "..."]) -> Crystals:
    """Which Laue groups a microstructure holds at its measured voxels' `labels`."""
    given = [getattr(phase, "laue", None) for phase in ms.phases]
    assumed = not any(given)
    laue = tuple("m-3m" if assumed else each and OTHER_NAMES.get(each, each) for each in given)
    for phase, group in zip(ms.phases, laue, strict=True):
        if group is not None:
            check_choice(f"laue of phase {phase.name!r}", group, LAUE_GROUPS)
    present = np.unique(labels)
    names: dict[str, tuple[str, ...]] = {}
    for index in present:
        group = laue[index]
        if group is not None:
            names[group] = (*names.get(group, ()), ms.phases[index].name)
    return Crystals(laue, names, assumed)


def measured_voxels(ms: Any) -> np.ndarray:
    """True where a voxel was measured, `(*grid)`."""
    return np.ones(ms.grid.shape, dtype=bool) if ms.mask is None else np.asarray(ms.mask)


def orientations_of(argument: str, ms: Any, instead: str) -> Float[np.ndarray, "4 *grid"]:
    """The quaternions of a microstructure; unmeasured voxels, which may hold anything, become the identity."""
    given = getattr(ms, "orientation", None)
    check(given is not None, f"`{argument}` must carry orientations, but `{argument}.orientation` is {_what(ms)}. {instead}")
    q = np.asarray(given)
    return np.where(measured_voxels(ms), q, np.eye(4, 1, dtype=q.dtype).reshape(4, *(1,) * (q.ndim - 1)))


def _what(ms: Any) -> str:
    return "None" if hasattr(ms, "orientation") else f"missing from a {type(ms).__name__}"


def crystal_colors(argument: str, ms: Any, color: Callable[[Array, str], Array], instead: str) -> Float[np.ndarray, "*grid 3"]:
    """Colours `color(q, laue)` of every voxel by the Laue group of its phase; greys where nothing was measured or no crystal is."""
    q = jnp.asarray(orientations_of(argument, ms, instead))
    labels, measured = np.asarray(ms.labels), measured_voxels(ms)
    crystals = crystals_of(ms, labels[measured])
    rgb = np.broadcast_to(hex_color(NO_CRYSTAL), (*labels.shape, 3)).astype(float)
    for group in crystals.names:
        here = np.isin(labels, [index for index, each in enumerate(crystals.laue) if each == group])
        rgb = np.where(here[..., None], np.moveaxis(np.asarray(color(q, group)), 0, -1), rgb)
    return np.where(measured[..., None], rgb, hex_color(UNMEASURED))


def ipf_colors(argument: str, ms: Any, direction: Any, instead: str) -> Float[np.ndarray, "*grid 3"]:
    """Inverse-pole-figure colours along a sample direction, `(*grid, 3)`."""
    return crystal_colors(argument, ms, lambda q, laue: ipf_color(q, direction, laue), instead)


def named_direction(direction: str | Sequence[float] | npt.ArrayLike) -> tuple[tuple[float, float, float], str]:
    """A sample direction as a vector and as a word: "x", "y", "z", or three numbers."""
    if isinstance(direction, str):
        check_choice("direction", direction, AXES)
        return AXES[direction], direction
    numbers = np.asarray(direction)
    vector = numbers.astype(float) if numbers.dtype.kind in "biuf" else np.empty(0)
    fits = vector.shape == (3,) and bool(np.isfinite(vector).all()) and float(np.abs(vector).max()) > 0
    check(fits, f"`direction` must be 'x', 'y', 'z' or three numbers that are not all 0, but it is {direction!r}.")
    x, y, z = (float(each) for each in vector)
    names = [name for name, axis in AXES.items() if np.array_equal(vector, axis)]
    return (x, y, z), names[0] if names else f"({x:g}, {y:g}, {z:g})"
