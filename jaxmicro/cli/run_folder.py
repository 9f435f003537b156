"""Run folders: one job each, whole or absent, recognisable, resumable where that means something."""

import contextlib
import csv
import json
import math
import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from jaxmicro._core.progress import Progress
from jaxmicro.cli.catalogue import Command
from jaxmicro.cli.config_files import as_data
from jaxmicro.cli.configs import HOUSEKEEPING
from jaxmicro.cli.console import Console
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.provenance import provenance

MARK = "run.json"
CONFIG = "config.json"


class Job:
    """What a command works with: where to write, what to say, and the numbers it found.

    Attributes:
        folder: where files go while the job runs.
        final: where they will be found.
        console: for messages.
        command_line: as typed.
        resumed: whether an earlier attempt is continued.
    """

    def __init__(self, folder: Path, final: Path, console: Console, config: msgspec.Struct, command_line: str, resumed: bool = False):
        self.folder, self.final, self.console = folder, final, console
        self.config, self.command_line, self.resumed = config, command_line, resumed
        self.metrics: dict[str, tuple[Any, str]] = {}
        self._last_words: list[Callable[[], None]] = []

    def at_end(self, speak: Callable[[], None]) -> None:
        """Call `speak` once the run folder is in its place."""
        self._last_words.append(speak)

    def end(self) -> None:
        """Say what was kept for the end."""
        for speak in self._last_words:
            speak()

    def metric(self, name: str, value: Any, unit: str = "") -> None:
        """Note one number (or short text) for metrics.json and metrics.csv."""
        self.metrics[name] = (_plain(value), unit)

    def table(self, name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write a table as NAME.csv and NAME.json."""
        plain = [[_plain(value) for value in row] for row in rows]
        write_csv(self.folder / f"{name}.csv", header, plain)
        write_json(self.folder / f"{name}.json", [dict(zip(header, row, strict=True)) for row in plain])

    def meter(self, title: str) -> contextlib.AbstractContextManager[Progress]:
        """A progress meter on the console."""
        return self.console.meter(title)

    def provenance(self) -> dict[str, Any]:
        """Versions, machine, seed and time so far, for the report."""
        return provenance(getattr(self.config, "seed", None), self.console.seconds)

    def config_text(self) -> str:
        """The configuration as resolved."""
        return json.dumps(as_data(self.config), indent=2, ensure_ascii=False)


@contextlib.contextmanager
def open_job(command: Command, config: Any, console: Console, arguments: Sequence[str]) -> Iterator[Job]:
    """A run folder for one job.

    A short job works in a hidden folder beside its place and moves it there at the end, so that a failure leaves nothing.
    A resumable job works in its place and says in run.json how it stands.

    Raises:
        ValueError: where the folder exists and neither `overwrite` nor `resume` is given, or is no run folder.
    """
    final = Path(config.out) if config.out else _free_folder(command, config)
    resume = command.resumable and config.resume
    _check_place(final, command, config, resume)
    line = "jaxmicro " + shlex.join(arguments)
    opener = _long_job if command.resumable else _short_job
    with _parents(final), opener(final, command, config, console, line, resume) as job:
        yield job
    console.step(f"run folder: {final}")
    job.end()


def read_mark(folder: Path) -> dict[str, Any] | None:
    """What run.json says, or None where `folder` is no run folder."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and mark.get("format") == "jaxmicro-run-1" else None


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


def _check_place(final: Path, command: Command, config: Any, resume: bool) -> None:
    if not final.exists():
        if resume:
            raise UsageError(f"`out` must be the folder of an interrupted run to resume, but there is none at {final}. Leave out --resume.")
        return
    mark = read_mark(final) if final.is_dir() else None
    if mark is None and not (final.is_dir() and not any(final.iterdir())):
        raise UsageError(f"`out` must be a new folder, but {final} exists and is no run folder, so it is left alone. Choose another --out.")
    if mark is None or config.overwrite:
        return
    if not resume:
        ways = "--resume to continue it, --overwrite to replace it" if command.resumable else "--overwrite to replace it"
        raise UsageError(
            f"`out` must be a new folder, but {final} holds a run of `jaxmicro {mark.get('command')}`. Pass {ways}, or another --out."
        )
    _check_same(final, mark, command, config)


def _check_same(final: Path, mark: dict[str, Any], command: Command, config: Any) -> None:
    if mark.get("command") != command.name:
        raise UsageError(f"`out` must hold a run of `jaxmicro {command.name}` to resume, but {final} holds one of `{mark.get('command')}`.")
    there, here = _identity(json.loads((final / CONFIG).read_text(encoding="utf-8"))), _identity(as_data(config))
    names = [name for name in sorted({*there, *here}) if there.get(name) != here.get(name)]
    if names:
        changes = "; ".join(f"{name} ({here.get(name)!r} here, {there.get(name)!r} there)" for name in names)
        raise UsageError(
            f"`resume` needs the same configuration, but {final} differs in: {changes}. Pass --config {final / CONFIG}, or another --out."
        )


def _identity(data: dict[str, Any]) -> dict[str, Any]:
    plain = json.loads(json.dumps(data))
    return {name: value for name, value in plain.items() if name not in (*HOUSEKEEPING, "command")}


@contextlib.contextmanager
def _parents(final: Path) -> Iterator[None]:
    """The folders above a run folder; those made here go again if the job fails and leaves them empty."""
    missing = [parent for parent in final.parents if not parent.exists()]
    final.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for parent in missing:
            with contextlib.suppress(OSError):
                parent.rmdir()
        raise


@contextlib.contextmanager
def _short_job(final: Path, command: Command, config: Any, console: Console, line: str, resume: bool) -> Iterator[Job]:
    del resume
    folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    try:
        folder.chmod(0o755)
        job = Job(folder, final, console, config, line)
        yield job
        _finish(job, command, "done")
        _move(folder, final)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextlib.contextmanager
def _long_job(final: Path, command: Command, config: Any, console: Console, line: str, resume: bool) -> Iterator[Job]:
    if final.exists() and not resume:
        shutil.rmtree(final)
    final.mkdir(exist_ok=True)
    job = Job(final, final, console, config, line, resumed=resume)
    _finish(job, command, "running")
    try:
        yield job
    except BaseException as error:
        if not resume and not any((final / "checkpoints").glob("*")):
            shutil.rmtree(final, ignore_errors=True)
            raise
        _finish(job, command, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt(
                f"`{shlex.join(['jaxmicro', command.name, '--resume', '--config', str(final / CONFIG), '--out', str(final)])}` continues this run."
            ) from None
        raise
    _finish(job, command, "done")


def _finish(job: Job, command: Command, status: str) -> None:
    # Where a run went and how it was asked for is no part of its configuration: a rerun must not replace folders unasked.
    asked = {name: value for name, value in as_data(job.config).items() if name not in HOUSEKEEPING}
    write_json(job.folder / CONFIG, {"command": command.name, **asked})
    write_json(
        job.folder / MARK,
        {
            "format": "jaxmicro-run-1",
            "command": command.name,
            "status": status,
            "command_line": job.command_line,
            "warnings": job.console.warnings,
            **job.provenance(),
        },
    )
    if job.metrics:
        write_json(job.folder / "metrics.json", {name: {"value": value, "unit": unit} for name, (value, unit) in job.metrics.items()})
        write_csv(job.folder / "metrics.csv", ["name", "value", "unit"], [[name, *pair] for name, pair in job.metrics.items()])


def _move(folder: Path, final: Path) -> None:
    """Put the finished folder in its place; a folder that is replaced goes only once the new one is there."""
    old = None
    if final.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent)) / "old"
        os.rename(final, old)
    os.rename(folder, final)
    if old is not None:
        shutil.rmtree(old.parent, ignore_errors=True)


def _free_folder(command: Command, config: Any) -> Path:
    place = Path("runs") / command.name
    if (command.resumable and config.resume) or config.overwrite:
        return place
    number = 2
    while place.exists():
        place, number = Path("runs") / f"{command.name}-{number}", number + 1
    return place


def _plain(value: Any) -> Any:
    """A NumPy or JAX scalar as a Python number."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return value


def _finite(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
