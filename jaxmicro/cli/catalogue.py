"""The table of commands. Each is a module of commands/ with `Config` (a struct) and `run`, loaded only when called."""

import dataclasses
import importlib
from types import ModuleType

from jaxmicro._core import nearest_name


@dataclasses.dataclass(frozen=True)
class Command:
    """One row of the table of commands.

    Attributes:
        name: what is typed.
        sentence: what it does, for the overview and its own help.
        example: command lines that work.
        checkpoints: names of the files in checkpoints/ from which an interrupted job is continued with `--resume`; empty for short jobs.
        makes_folder: whether it writes a run folder of its own.
    """

    name: str
    sentence: str
    example: str
    checkpoints: str = ""
    makes_folder: bool = True

    @property
    def resumable(self) -> bool:
        """Whether an interrupted job can be continued."""
        return bool(self.checkpoints)

    def load(self) -> ModuleType:
        """The module that holds `Config` and `run`."""
        return importlib.import_module(f"jaxmicro.cli.commands.{self.name}")


_ROWS = (
    Command(
        "demo",
        "The whole loop in a few minutes: from a micrograph (or a shipped codec) to designed and verified cells.",
        "jaxmicro demo\n  jaxmicro demo --image micrograph.png --out runs/mine",
    ),
    Command(
        "homogenize",
        "Effective stiffness, moduli, conductivity and bounds of a picture, volume or saved cell.",
        "jaxmicro homogenize micrograph.png --threshold otsu --materials '[epoxy, glass fibre]'\n"
        "  jaxmicro homogenize cell.npz --materials '{0: {young: 3.5, poisson: 0.33}, 1: {young: 71, poisson: 0.22}}'\n"
        "  jaxmicro homogenize map.ctf --frame oxford --unindexed nearest --periodic mirror --materials '[IN625]'\n"
        "  jaxmicro homogenize patch.png --euler-colors m-3m --materials '[IN625]'\n\n"
        "the third one as a configuration, --config map.toml:\n"
        '  file = "map.ctf"\n  frame = "oxford"\n  unindexed = "nearest"\n  periodic = "mirror"\n  materials = ["IN625"]',
    ),
    Command(
        "describe",
        "What is in a file: phases, orientations, maps, and what is odd about it, in words and pictures.",
        "jaxmicro describe map.ctf\n  jaxmicro describe map.ang --frame edax --min-ci 0.1\n  jaxmicro describe patch.png --euler-colors m-3m\n\n"
        'the second one as a configuration, --config map.toml:\n  file = "map.ang"\n  frame = "edax"\n  min_ci = 0.1',
    ),
    Command(
        "generate",
        "Periodic synthetic cells: random fields, inclusions, polycrystals, laminates.",
        "jaxmicro generate inclusions --grid 64 64 --volume-fraction 0.4 --radius 6 --count 20",
    ),
    Command(
        "train",
        "Train a codec (images to latent vectors and back) on your own pictures.",
        "jaxmicro train micrographs/ --threshold otsu --crop-size 64 --training.epochs 30\n  jaxmicro train --resume --out runs/train",
        checkpoints="training.safetensors",
    ),
    Command(
        "sample",
        "Draw new cells from a codec.",
        "jaxmicro sample two-phase-64 -n 16\n  jaxmicro sample runs/train/codec.safetensors -n 8 --grid 128 128",
    ),
    Command(
        "design",
        "Search for cells with wanted properties, by gradients or evolution, and verify them.",
        "jaxmicro design --codec two-phase-64 --materials '[{conductivity: 1}, {conductivity: 10}]' --targets '{k_xx: 2.4, k_yy: 2.0}'\n"
        "  jaxmicro design --config design.toml --method nsga2 --budget 400",
        checkpoints="search-*.npz",
    ),
    Command(
        "report", "Rebuild report.html and the figures of a run from its stored numbers.", "jaxmicro report runs/demo", makes_folder=False
    ),
)

COMMANDS: dict[str, Command] = {row.name: row for row in _ROWS}


def find_command(name: str) -> Command:
    """The command of that name.

    Raises:
        ValueError: for an unknown name, with the nearest one.
    """
    if name in COMMANDS:
        return COMMANDS[name]
    hint = nearest_name(name, COMMANDS)
    raise ValueError(
        f"`COMMAND` must be one of {', '.join(COMMANDS)}, but it is {name!r}."
        + (f" Did you mean {hint!r}?" if hint else " `jaxmicro --help` explains them.")
    )
