"""Which folder a job goes to, and whether it may: nothing is replaced unasked, and nothing that a person wrote."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmicro.cli.catalogue import Command
from jaxmicro.cli.config_files import HOUSEKEEPING, kept_data
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_files import CONFIG, foreign_files, read_mark

LISTED = 5  # files that a refusal names


def place_for(command: Command, config: Any) -> Path:
    """The folder of a job: `out`, or runs/COMMAND, or the next free number after it.

    Raises:
        ValueError: where the folder exists and may not be replaced or continued.
    """
    final = Path(config.out) if config.out else _free_folder(command, config)
    resume = command.resumable and config.resume
    if resume and config.overwrite:
        raise UsageError("`resume` and `overwrite` must not both be given: one continues the run, the other replaces it. Pass one of them.")
    if not final.exists():
        if resume:
            raise UsageError(f"`out` must be the folder of an interrupted run to resume, but there is none at {final}. Leave out --resume.")
        return final
    mark = read_mark(final) if final.is_dir() else None
    if mark is None and not (final.is_dir() and not any(final.iterdir())):
        raise UsageError(f"`out` must be a new folder, but {final} exists and is no run folder, so it is left alone. Choose another --out.")
    if mark is not None and resume:
        _check_same(final, mark, command, config)
    elif mark is not None:
        _check_replaceable(final, mark, command, config.overwrite)
    if not resume:
        _check_movable(final)
    return final


def _free_folder(command: Command, config: Any) -> Path:
    place = Path("runs") / command.name
    if (command.resumable and config.resume) or config.overwrite:
        return place
    number = 2
    while place.exists():
        place, number = Path("runs") / f"{command.name}-{number}", number + 1
    return place


def _check_replaceable(final: Path, mark: Mapping[str, Any], command: Command, overwrite: bool) -> None:
    """A run may be replaced by one of the same command, on request, where all of its files are its own."""
    found = f"{final} holds a run of `jaxmicro {mark.get('command')}`"
    if mark.get("command") != command.name:
        raise UsageError(f"`out` must be a new folder, but {found}, which `{command.name}` does not replace. Choose another --out.")
    if not overwrite:
        ways = "--resume to continue it, --overwrite to replace it" if command.resumable else "--overwrite to replace it"
        raise UsageError(f"`out` must be a new folder, but {found}. Pass {ways}, or another --out.")
    foreign = foreign_files(final, command)
    if foreign:
        listed = ", ".join(foreign[:LISTED]) + (f" and {len(foreign) - LISTED} more" if len(foreign) > LISTED else "")
        raise UsageError(
            f"`overwrite` must replace only what a run wrote, but {final} also holds {listed}. Move them out, or choose another --out."
        )


def _check_movable(final: Path) -> None:
    """The folder that a person works in cannot be replaced under their feet, nor can one around it."""
    here = Path.cwd()
    if final.resolve() in (here, *here.parents):
        raise UsageError(
            f"`out` must be a folder that can be replaced, but {final} is or holds the one you work in. Run from outside it, or choose another --out."
        )


def _check_same(final: Path, mark: Mapping[str, Any], command: Command, config: Any) -> None:
    if mark.get("command") != command.name:
        raise UsageError(f"`out` must hold a run of `jaxmicro {command.name}` to resume, but {final} holds one of `{mark.get('command')}`.")
    differences = differing_fields(json.loads((final / CONFIG).read_text(encoding="utf-8")), kept_data(config))
    if differences:
        raise UsageError(
            f"`resume` needs the same configuration, but {final} differs in: {'; '.join(differences)}. Leave these out, or choose another --out."
        )


def differing_fields(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Every field in which two configurations differ, by its dotted path.

    Example:
        >>> differing_fields({"seed": 0, "training": {"epochs": 24}}, {"seed": 0, "training": {"epochs": 41}})
        ['training.epochs: 24 there, 41 now']
    """
    first, second = (dict(_leaves(json.loads(json.dumps(data)))) for data in (there, here))
    return [
        f"{path}: {first.get(path, 'nothing')!r} there, {second.get(path, 'nothing')!r} now"
        for path in dict.fromkeys((*first, *second))
        if first.get(path) != second.get(path) and path not in ("command", *HOUSEKEEPING)
    ]


def _leaves(data: Any, path: str = "") -> list[tuple[str, Any]]:
    """Values at the ends of nested tables, with their dotted paths."""
    if not isinstance(data, dict) or not data:
        return [(path, data)]
    return [leaf for key, value in data.items() for leaf in _leaves(value, f"{path}.{key}" if path else str(key))]
