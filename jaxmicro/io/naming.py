"""From the values or colours found in a file to the phases that a mapping names."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Phase

REST = None  # the key of a mapping that stands for all values it does not name
NAME_ALL = "Name every value, or name all others with the key None"


def assign(path: Path, found: list[Any], mapping: dict[Any, Phase]) -> tuple[np.ndarray, tuple[Phase, ...]]:
    """Label of each value found, and the phases in the order of the mapping; values of one phase share a label."""
    names = list(dict.fromkeys(mapping.values()))
    labels = np.array([names.index(mapping.get(value, mapping.get(REST))) for value in found], np.int32)  # pyright: ignore[reportArgumentType]
    if labels.min() == labels.max():
        raise unreadable(
            path, f"holds only phase {names[int(labels[0])].name!r} under this mapping", "Name at least two phases that occur."
        )
    return labels, tuple(names)


def absent(found: list[Any], mapping: dict[Any, Phase], kind: str) -> tuple[str, ...]:
    """One line per value that the mapping names and the file does not hold."""
    present = set(found)
    return tuple(
        f"no voxel has the {kind} {key} of phase {phase.name!r}" for key, phase in mapping.items() if key is not REST and key not in present
    )
