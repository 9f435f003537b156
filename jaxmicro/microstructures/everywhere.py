"""The pattern of every edit: do the same to labels, fractions, orientations, mask and maps."""

from collections.abc import Callable

from jaxtyping import Array

from jaxmicro.fields import Grid
from jaxmicro.microstructures.record import Microstructure


def everywhere(ms: Microstructure, grid: Grid, change: Callable[[Array], Array], note: str) -> Microstructure:
    """Apply `change` (…, *grid) → (…, *new grid) to every array of a microstructure, and note what was done."""
    content = {"labels": change(ms.labels)} if ms.is_sharp else {"fractions": change(ms.fractions)}
    return ms.replace(grid=grid, notes=(*ms.notes, note), **content, **companions(ms, change))


def companions(ms: Microstructure, change: Callable[[Array], Array]) -> dict:
    """Orientation, mask and maps, each changed in the same way."""
    return {
        "orientation": None if ms.orientation is None else change(ms.orientation),
        "mask": None if ms.mask is None else change(ms.mask),
        "maps": {name: change(value) for name, value in ms.maps.items()},
    }
