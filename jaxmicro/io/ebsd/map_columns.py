"""Maps as the columns of a text file: rounded to what a column can hold, with a record of what is lost on the way."""

import dataclasses
import warnings

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check
from jaxmicro.io.ebsd.measured import Measured
from jaxmicro.io.ebsd.text import LARGEST
from jaxmicro.io.problems import DataWarning


@dataclasses.dataclass
class MapColumns:
    """The maps of one file as they are taken, and what there is to say about them.

    Attributes:
        ms: whose maps they are.
        what: the file, for the wording, such as "A .ctf file".
        taken: names of the maps that have a column.
        filled: names of the columns for which there is no map.
        problems: one line per kind of loss.
    """

    ms: Measured
    what: str
    taken: list[str] = dataclasses.field(default_factory=list)
    filled: list[str] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)

    def take(self, name: str, digits: int, default: float = 0.0) -> Float[np.ndarray, "*grid"]:
        """The map of that name with so many digits; without one the default, which a reader of this library leaves out again."""
        values = self.ms.maps.get(name)
        if values is None or values.dtype.kind not in "biuf":
            self.filled.append(name)
            return np.full(self.ms.shape, default)
        self.taken.append(name)
        values = values.astype(float)
        lost = ~np.isfinite(values)
        if lost.any():
            self.problems.append(f"{int(lost.sum()):,} values of {name!r} that are not finite were written as 0")
        values = np.where(lost, 0.0, values)
        largest = float(np.abs(values).max())
        check(largest <= LARGEST, f"`maps[{name!r}]` must hold numbers up to {LARGEST:g}, but it holds {largest:g}. Leave the map out.")
        rounded = np.round(values, digits)
        if digits == 0 and (rounded != values).any():
            self.problems.append(f"the map {name!r} was rounded to whole numbers")
        return rounded

    def warn(self, stacklevel: int) -> None:
        """One warning for all that the file does not hold."""
        left = sorted({*self.ms.maps, *self.ms.left_out} - set(self.taken))
        if left:
            self.problems.append(f"it has no column for the maps {', '.join(left)}, which were left out")
        if self.problems:
            warnings.warn(
                f"{self.what} loses something: {'; '.join(self.problems)}. .npz keeps all.", DataWarning, stacklevel=stacklevel + 1
            )
