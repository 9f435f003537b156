"""The header of .ang files: lines that begin with #.

Written by EDAX's OIM (versions 3 to 8), by EMsoft, and by ACOM for maps from the transmission microscope, which have one
unnumbered phase, no counts, and lengths in nm. A writer is known by its own fixed line, never by a word of free text.
"""

import dataclasses
import re
from pathlib import Path

from jaxmicro.io.ebsd.laue_names import laue_of_edax, without_group
from jaxmicro.io.ebsd.text import number, whole
from jaxmicro.io.ebsd.units import micrometres, radians
from jaxmicro.io.problems import unreadable
from jaxmicro.microstructures import Phase

COUNTS = ("NCOLS_ODD", "NCOLS_EVEN", "NROWS")
STEPS = ("XSTEP", "YSTEP")
GRIDS = {"sqrgrid": "square", "hexgrid": "hexagonal"}
FIRST = ("phi1", "Phi", "phi2", "x", "y")
OF_ACOM = "file created from acom res results"  # how the line begins
OF_TEM = "tem data"  # the whole line
OF_EMSOFT = re.compile(r"info\s+patterns indexed using emsoft::", re.IGNORECASE)
OPERATOR = "jaxmicro; columns without data: "  # of this library's writer
FILLED = re.compile(rf"OPERATOR:?\s*{re.escape(OPERATOR)}([a-z, ]*)")
DATA = re.compile(r"^(?![ \t]*#)[ \t]*\S", re.MULTILINE)
PHASE = re.compile(r"phase\s*:?\s*(\d{1,9})", re.IGNORECASE)
MOST_PHASES = 1000


@dataclasses.dataclass(frozen=True)
class AngHeader:
    """What the header of an .ang file says.

    Attributes:
        writer: "edax", "emsoft" or "acom", by the line that only they write.
        phases: by their numbers.
        grid: "square", "hexagonal", or "" where it does not say.
        counts: columns of odd and even rows, and rows; None where it does not say.
        steps: XSTEP and YSTEP in the file's unit, or None.
        names: of the columns, where the header lists them.
        to_micrometres: factor of its unit of length.
        degrees: whether it says that angles are in degrees.
        filled: columns that this library's writer had nothing for.
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
    degrees: bool
    filled: tuple[str, ...]
    notes: tuple[str, ...]
    oddities: tuple[str, ...]

    @property
    def points(self) -> int | None:
        """How many points the header promises."""
        if self.counts is None:
            return None
        odd, even, rows = self.counts
        return odd * rows if self.grid != "hexagonal" else odd * ((rows + 1) // 2) + even * (rows // 2)

    @property
    def promise(self) -> str:
        """The promised points as a product, or nothing."""
        if self.counts is None:
            return ""
        odd, even, rows = self.counts
        return f"{odd if odd == even or self.grid != 'hexagonal' else f'{odd}/{even}'} × {rows} = {self.points:,}"


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
    writer = _writer(lines)
    nanometres = writer == "acom" or any(line.lower() == OF_TEM for line in lines)
    filled = next((found[1] for line in lines if (found := FILLED.fullmatch(line))), "")
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
    names = tuple(short(name) for name in values["COLUMN_HEADERS"].split(",")) if values.get("COLUMN_HEADERS") else ()
    length, degrees = _units(path, values.get("COLUMN_UNITS", ""), names or FIRST, nanometres)
    return AngHeader(
        writer, phases, grid, _counts(path, values, writer), _steps(path, values), names, length, degrees,
        tuple(filled.replace(" ", "").split(",")) if filled else (), tuple(notes), tuple(oddities),
    )  # fmt: skip


def _writer(lines: list[str]) -> str:
    if any(line.lower().startswith(OF_ACOM) for line in lines):
        return "acom"
    return "emsoft" if any(OF_EMSOFT.match(line) for line in lines) else "edax"


def short(name: str) -> str:
    """The name of a column as it is called here."""
    if name.strip() == "PHI":
        return "Phi"
    plain = "_".join(name.lower().split())
    return {"phase_index": "phase", "phase_id": "phase"}.get(plain, plain)


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


def _units(path: Path, listed: str, columns: tuple[str, ...], nanometres: bool) -> tuple[float, bool]:
    """µm in the unit of the positions, and whether angles are in degrees; what is not said is what the format prescribes."""
    said = {name: unit.strip() for name, unit in zip(columns, listed.split(","), strict=False) if unit.strip()}
    lengths = {name: micrometres(path, f"the column {name}", said[name]) for name in FIRST[3:] if name in said}
    angles = {name: radians(path, f"the column {name}", said[name]) for name in FIRST[:3] if name in said}
    if len(set(lengths.values())) > 1 or len(set(angles.values())) > 1:
        raise unreadable(path, f"gives its positions or its angles in different units ({listed.strip()[:80]})", "Export it with one unit.")
    usual = 1e-3 if nanometres else 1.0
    return next(iter(lengths.values()), usual), next(iter(angles.values()), 1.0) != 1.0
