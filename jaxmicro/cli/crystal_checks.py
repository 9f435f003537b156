"""What a careful person asks of an orientation map before its numbers are believed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro.cli.problems import UsageError
from jaxmicro.materials import as_constants
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import LAUE_GROUPS, rotation_mandel, symmetry_operators
from jaxmicro.plotting.lengths import length_unit

OWN_FRAME = {"edax": "edax", "emsoft": "edax", "oxford": "oxford"}  # the frame that puts a vendor's file right
OTHER_FRAME = re.compile(r"frame: (?P<asked>\w+), .*\(asked for, though the file follows the conventions of (?P<vendor>\w+)\)")
UNLIKE = 0.01  # relative change of a stiffness under a symmetry of its crystal that is no rounding of tabled constants


def measured(ms: Microstructure) -> np.ndarray:
    """True where a voxel was measured, `(*grid)`."""
    return np.ones(ms.grid.shape, bool) if ms.mask is None else np.asarray(ms.mask)


def told(ms: Microstructure) -> str:
    """`Microstructure.describe` with the unit of length, where it is known, and without shares of nothing."""
    head, *rest = ms.describe().splitlines()
    unit = length_unit(ms)
    if unit is not None:
        head = head.replace(", voxel", f" {unit}, voxel") + f" {unit}"
    return "\n".join([head, *(line.replace("   nan %", "     – %") for line in rest)])


def check_measured(path: str, ms: Microstructure) -> None:
    """Refuse a map of which nothing was measured.

    Raises:
        ValueError: with the way out.
    """
    there = measured(ms)
    if not there.any():
        raise UsageError(
            f"`{path}` must hold at least one measured point, but none of its {there.size:,} points is indexed. "
            f"Index the patterns again, or export the map with its solutions; `jaxmicro describe {path}` shows what is there."
        )


def wrong_frame(ms: Microstructure) -> list[str]:
    """A line where the frame that was asked for is another one than the file's vendor needs."""
    found = [match for match in map(OTHER_FRAME.match, ms.notes) if match and match["vendor"] in OWN_FRAME]
    return [
        f"frame={each['asked']!r} was asked for, but the file follows the conventions of {each['vendor']}: positions and orientations "
        f"share no frame then. Use frame={OWN_FRAME[each['vendor']]!r}"
        for each in found
    ]


def symmetry_conflicts(ms: Microstructure, materials: Any) -> list[str]:
    """A line for each phase that occurs and whose stiffness lacks a symmetry of its Laue group.

    A file holds any of the equivalent orientations of a crystal. Where the stiffness is not the same for all of them, the result
    depends on which one the file happened to store.
    """
    if ms.orientation is None:
        return []
    lines = []
    for index, phase in enumerate(ms.phases):
        stiffness = _stiffness_of(ms, materials, index)
        if phase.laue not in LAUE_GROUPS or stiffness is None or not np.any(np.asarray(ms.labels) == index):
            continue
        change = _largest_change(stiffness, phase.laue)
        if change > UNLIKE:
            lines.append(
                f"phase {phase.name!r} has the Laue group {phase.laue}, but a symmetry of it changes the stiffness given for it by "
                f"{100 * change:.0f} %: the constants are those of another kind of crystal, and the result depends on which of the "
                "equivalent orientations the file stores. Give constants of that symmetry, or young and poisson"
            )
    return lines


def _stiffness_of(ms: Microstructure, materials: Any, index: int) -> Float[np.ndarray, "6 6"] | None:
    """The stiffness of one phase; None where there is none, or it is for `homogenize` to say what is wrong with it."""
    phase = ms.phases[index]
    given = phase.constants
    if isinstance(materials, Mapping):
        given = materials.get(index, materials.get(phase.name))
    elif isinstance(materials, Sequence) and len(materials) == ms.n_phases:
        given = materials[index]
    try:
        return None if given is None else as_constants(dict(given) if isinstance(given, tuple) else given, phase.name).stiffness
    except (ValueError, KeyError, TypeError):
        return None


def _largest_change(stiffness: Float[np.ndarray, "6 6"], laue: str) -> float:
    turns = np.asarray(rotation_mandel(symmetry_operators(laue)))
    apart = np.linalg.norm(np.einsum("kin,kl,ljn->ijn", turns, stiffness, turns) - stiffness[..., None], axis=(0, 1))
    size = float(np.linalg.norm(stiffness))
    return float(apart.max()) / size if size > 0 else 0.0
