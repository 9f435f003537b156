"""How much the demo does, and of what materials its phases are."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from jaxmicro.cli.console import Console
from jaxmicro.cli.wishes import phase_constants
from jaxmicro.generative import CodecConfig
from jaxmicro.materials import Constants, constants

RATIO = 10.0  # conductivity of the second phase over that of the first where none is given

TRAINING = CodecConfig(widths=(16, 32), epochs=12, batch_size=32, periodic=False, flips=True)


@dataclasses.dataclass(frozen=True)
class Effort:
    """Numbers of cells and solves.

    Attributes:
        cells: of the data, and samples, that are compared by their physics.
        shown: cells of each kind whose geometry is compared.
        designs: cells designed for targets.
        budget: cell solves per design, at most.
        front: cell solves of each search for the Pareto front.
        crops: training images cut from a picture.
        training: of a codec on them.
    """

    cells: int = 20
    shown: int = 64
    designs: int = 3
    budget: int = 80
    front: int = 320
    crops: int = 512
    training: CodecConfig = TRAINING


FULL = Effort()
QUICK = Effort(
    cells=4, shown=8, designs=2, budget=12, front=40, crops=24,
    training=CodecConfig(widths=(4, 8), blocks=1, epochs=2, batch_size=8, periodic=False),
)  # fmt: skip


def demo_materials(given: Any, names: Sequence[str], console: Console) -> list[Constants]:
    """Constants of the phases: those given, or epoxy and glass fibre; a missing conductivity becomes a ratio, and that is said.

    Raises:
        ValueError: where materials and phases do not match.
    """
    if given is None:
        chosen = [constants("epoxy"), *[constants("glass fibre")] * (len(names) - 1)]
    else:
        chosen = phase_constants(given, names)
    if all(each.conductivity is not None for each in chosen):
        return chosen
    if given is not None:
        console.warning(
            f"No conductivity is given for every phase: conductivities are ratios here, 1 for {names[0]} and {RATIO:g} for the others."
        )
    return [_with_conductivity(each, 1.0 if index == 0 else RATIO) for index, each in enumerate(chosen)]


def _with_conductivity(each: Constants, value: float) -> Constants:
    return Constants(each.name, each.stiffness, value, each.symmetry, each.unit, each.source)
