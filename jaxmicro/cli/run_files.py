"""What a run folder holds: its mark, its configuration, and the list of files that the run wrote."""

import csv
import json
import math
import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from jaxmicro.cli.catalogue import Command

MARK = "run.json"
CONFIG = "config.json"
CHECKPOINTS = "checkpoints"
DRAFTS = (".results.", ".partial")  # beginning and end of the hidden folder of a resumable job's results
OF_THE_SYSTEM = (".DS_Store", "Thumbs.db", "desktop.ini")  # left by file managers, worth nothing to a person


def read_mark(folder: Path) -> dict[str, Any] | None:
    """What run.json says, or None where `folder` is no run folder."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get("format") == "jaxmicro-run-1" else None


def files_in(folder: Path) -> list[str]:
    """All that is in a folder, at every depth, but for the folders themselves."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def foreign_files(folder: Path, command: Command) -> list[str]:
    """Files of a run folder that the run did not write, such as a person's notes."""
    mark = read_mark(folder) or {}
    own = {MARK, CONFIG, *mark.get("files", ())}
    return [name for name in files_in(folder) if name not in own and not _passing(Path(name), command)]


def _passing(path: Path, command: Command) -> bool:
    """Checkpoints, drafts of an attempt that was killed, and what file managers leave."""
    first, name = path.parts[0], path.name
    if name in OF_THE_SYSTEM or (first.startswith(DRAFTS[0]) and first.endswith(DRAFTS[1])):
        return True
    checkpoint = fnmatchcase(name, command.checkpoints) or fnmatchcase(name, f".{command.checkpoints}.*")
    return path.parent == Path(CHECKPOINTS) and command.resumable and checkpoint


def write_json(path: Path, data: Any) -> None:
    """Write JSON by way of a temporary file, so that it is whole or absent; numbers that are not finite become null."""
    text = json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    temporary = path.with_name(f".{path.name}.partial")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Write a table with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows([["" if value is None else value for value in row] for row in rows])


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
