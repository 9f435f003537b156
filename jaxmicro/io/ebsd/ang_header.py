"""The header of .ang files: lines that begin with #.

Written by EDAX's OIM (versions 3 to 8), by EMsoft, and by ACOM for maps from the transmission microscope, which have one
unnumbered phase, no counts, and lengths in nm.
"""

import dataclasses
import re
from pathlib import Path

from jaxmicro.io.ebsd.laue_names import laue_of_edax, without_group
from jaxmicro.io.ebsd.text import number, whole
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Phase

COUNTS = ("NCOLS_ODD", "NCOLS_EVEN", "NROWS")
STEPS = ("XSTEP", "YSTEP")
GRIDS = {"sqrgrid": "square", "hexgrid": "hexagonal"}
NANOMETRES = ("nm", "nanometers", "nanometres", "nanometer")
DATA = re.compile(r"^(?![ \t]*#)[ \t]*\S", re.MULTILINE)
PHASE = re.compile(r"phase\s*:?\s*(\d{1,9})", re.IGNORECASE)
MOST_PHASES = 1000


@dataclasses.dataclass(frozen=True)
class AngHeader:
    """What the header of an .ang file says.

    Attributes:
        writer: "edax", "emsoft" or "acom".
        phases: by their numbers.
        grid: "square", "hexagonal", or "" where it does not say.
        counts: columns of odd and even rows, and rows; None where it does not say.
        steps: XSTEP and YSTEP in the file's unit, or None.
        names: of the columns, where the header lists them.
        to_micrometres: factor of its unit of length.
        notes: lattice parameters and the like.
        oddities: what was resolved.
    """

    writer: str
    phases: dict[int, Phase]
    grid: str
    counts: tuple[int, int, int] | None
    steps: tuple[float, float] | None
    names: tuple[str, ...]
    to_micrometres: float
    notes: tuple[str, ...]
    oddities: tuple[str, ...]

    @property
    def points(self) -> int | None:
        """How many points the header promises."""
        if self.counts is None:
            return None
        odd, even, rows = self.counts
        return odd * rows if self.grid != "hexagonal" else odd * ((rows + 1) // 2) + even * (rows // 2)


def split_header(path: Path, text: str) -> tuple[list[str], str]:
    """Lines of the header without their #, and the data."""
    found = DATA.search(text)
    if found is None:
        raise unreadable(path, "holds no data", "Export it again, or check that it was copied whole.")
    head = [line.strip().lstrip("#").strip() for line in text[: found.start()].split("\n")]
    if not any(head):
        raise unreadable(path, "has no header, so that phases and grid are not known", "Export it from the vendor's software again.")
    return head, text[found.start() :]


def parse_header(path: Path, lines: list[str]) -> AngHeader:
    """Read the lines of a header."""
    whole_text = "\n".join(lines).lower()
    writer = "acom" if "acom res" in whole_text else "emsoft" if "emsoft" in whole_text else "edax"
    lines = _without_remarks(lines)
    values = _values(lines)
    blocks = _phase_blocks(path, lines)
    phases, notes, oddities = _phases(path, blocks)
    if "GRID" not in values:
        raise unreadable(
            path, "lacks GRID in its header, so that it does not say which grid it is", "Add a line '# GRID: SqrGrid' or '# GRID: HexGrid'."
        )
    grid = GRIDS.get(values.get("GRID", "").rstrip("#").strip().lower(), "")
    if not grid:
        oddities.append(f"the header does not say which grid it is (GRID is {values['GRID']!r}): the positions decided")
    names = tuple(name.strip() for name in values.get("COLUMN_HEADERS", "").split(",")) if values.get("COLUMN_HEADERS") else ()
    return AngHeader(
        writer, phases, grid, _counts(path, values, writer), _steps(path, values), names, _unit(values, writer, whole_text),
        tuple(notes), tuple(oddities),
    )  # fmt: skip


def _without_remarks(lines: list[str]) -> list[str]:
    """Lines outside the blocks of free text."""
    kept, inside = [], False
    for line in lines:
        start = re.fullmatch(r"(?:column_)?notes:\s*(start|end)", line, re.IGNORECASE)
        if start:
            inside = start[1].lower() == "start"
        elif not inside:
            kept.append(line)
    return kept


def _values(lines: list[str]) -> dict[str, str]:
    """First word of each line to the rest of it; the first line of a name counts."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, rest = line.replace(":", " ", 1).partition(" ")
        found.setdefault(name.strip().upper(), rest.strip())
    return found


def _phase_blocks(path: Path, lines: list[str]) -> dict[int, dict[str, str]]:
    """Per number of a phase, its lines as names and values; ACOM numbers none."""
    blocks: dict[int, dict[str, str]] = {}
    block: dict[str, str] | None = None
    for line in lines:
        words = line.replace("\t", " ").split(None, 1)
        name, rest = (words[0].rstrip(":").lower(), words[1].strip() if len(words) > 1 else "") if words else ("", "")
        numbered = PHASE.fullmatch(line.strip())
        if numbered or (name == "materialname" and (block is None or "materialname" in block)):
            index = int(numbered[1]) if numbered else max(blocks, default=0) + 1
            if index in blocks or len(blocks) == MOST_PHASES:
                raise unreadable(path, f"describes phase {index} twice, or more than {MOST_PHASES} phases", "Correct the header.")
            block = blocks[index] = {}
        if block is not None and name in ("materialname", "formula", "symmetry", "latticeconstants"):
            block[name] = rest
    return blocks


def _phases(path: Path, blocks: dict[int, dict[str, str]]) -> tuple[dict[int, Phase], list[str], list[str]]:
    phases, notes, oddities = {}, [], []
    if not blocks:
        raise unreadable(path, "describes no phase in its header", "Export it from the vendor's software again.")
    for index, block in sorted(blocks.items()):
        name = block.get("materialname") or block.get("formula") or f"phase {index}"
        symmetry = block.get("symmetry", "")
        laue = laue_of_edax(int(symmetry)) if symmetry.isascii() and symmetry.isdigit() and len(symmetry) < 4 else None
        if laue is None:
            oddities.append(without_group(name, symmetry))
        if laue == "2/m" and symmetry != "20":
            oddities.append(f"phase {name!r} has the monoclinic symmetry {symmetry!r}: its twofold axis was taken along y, as of number 20")
        phases[index] = Phase(name, laue)
        notes.append(f"phase {name}: symmetry {symmetry or '?'}, lattice constants {block.get('latticeconstants') or '?'} (Å, degrees)")
    return phases, notes, oddities


def _counts(path: Path, values: dict[str, str], writer: str) -> tuple[int, int, int] | None:
    missing = [name for name in COUNTS if name not in values]
    if len(missing) == len(COUNTS) and writer == "acom":
        return None
    if missing:
        raise unreadable(
            path,
            f"lacks {', '.join(missing)} in its header, so that points could be missing",
            "Export it from the vendor's software again.",
        )
    odd, even, rows = (whole(path, name, values[name]) for name in COUNTS)
    return odd, even, rows


def _steps(path: Path, values: dict[str, str]) -> tuple[float, float] | None:
    if not all(name in values for name in STEPS):
        return None
    x, y = (number(path, name, values[name]) for name in STEPS)
    return x, y


def _unit(values: dict[str, str], writer: str, text: str) -> float:
    units = [unit.strip().lower() for unit in values.get("COLUMN_UNITS", "").split(",")]
    if len(units) > 3 and units[3]:
        return 1e-3 if units[3] in NANOMETRES else 1.0
    return 1e-3 if writer == "acom" or "tem data" in text else 1.0
