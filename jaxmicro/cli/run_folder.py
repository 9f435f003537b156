"""Run folders: one job each, whole or absent, recognisable, resumable where that means something."""

import contextlib
import json
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
from jaxmicro.cli.config_files import kept_data
from jaxmicro.cli.console import Console
from jaxmicro.cli.provenance import provenance
from jaxmicro.cli.run_files import CHECKPOINTS, CONFIG, DRAFTS, MARK, files_in, foreign_files, read_mark, write_csv, write_json
from jaxmicro.cli.run_places import place_for


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

    @property
    def checkpoints(self) -> Path:
        """Where a resumable job keeps what it needs to go on."""
        return self.final / CHECKPOINTS

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
        return json.dumps(kept_data(self.config), indent=2, ensure_ascii=False)


@contextlib.contextmanager
def open_job(command: Command, config: Any, console: Console, arguments: Sequence[str]) -> Iterator[Job]:
    """A run folder for one job.

    Results are written to a hidden folder and moved into place at the end, so that a failure leaves nothing. A resumable
    job keeps its checkpoints in place, and says in run.json how it stands.

    Raises:
        ValueError: where the folder exists and may not be replaced or continued.
    """
    final = place_for(command, config)
    job = Job(final, final, console, config, "jaxmicro " + shlex.join(arguments), resumed=command.resumable and config.resume)
    with _parents(final), (_long_job if command.resumable else _short_job)(job, command):
        yield job
    console.step(f"run folder: {final}")
    job.end()


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
def _short_job(job: Job, command: Command) -> Iterator[None]:
    final = job.final
    job.folder = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".partial", dir=final.parent))
    old = None
    try:
        job.folder.chmod(0o755)
        yield
        _write_numbers(job)
        _write_mark(job, job.folder, command, "done", files_in(job.folder))
        old = _set_aside(final)
        os.rename(job.folder, final)
    except BaseException:
        shutil.rmtree(job.folder, ignore_errors=True)
        if old is not None:
            _put_back(old, final)
        raise
    _discard(old, command, job.console)


@contextlib.contextmanager
def _long_job(job: Job, command: Command) -> Iterator[None]:
    final = job.final
    before = (read_mark(final) or {}).get("files", []) if job.resumed else []
    old = None if job.resumed else _set_aside(final)
    final.mkdir(exist_ok=True)
    job.folder = Path(tempfile.mkdtemp(prefix=DRAFTS[0], suffix=DRAFTS[1], dir=final))
    try:
        _write_mark(job, final, command, "running", before)
        yield
        _write_numbers(job)
        written = files_in(job.folder)
        _move_files(job.folder, final)
        _write_mark(job, final, command, "done", sorted({*before, *written}))
    except BaseException as error:
        shutil.rmtree(job.folder, ignore_errors=True)
        if not job.resumed and not any(job.checkpoints.glob("*")):
            _put_back(old, final)
            raise
        _write_mark(job, final, command, "interrupted" if isinstance(error, KeyboardInterrupt) else "failed", before)
        _discard(old, command, job.console)
        if isinstance(error, KeyboardInterrupt):
            again = shlex.join(["jaxmicro", command.name, "--resume", "--out", str(final)])
            raise type(error)(f"`{again}` continues this run.") from None
        raise
    _discard(old, command, job.console)


def _write_mark(job: Job, folder: Path, command: Command, status: str, files: Sequence[str]) -> None:
    """Say what the run is, how it stands, and which files are its own."""
    write_json(folder / CONFIG, {"command": command.name, **kept_data(job.config)})
    said = {"format": "jaxmicro-run-1", "command": command.name, "status": status, "command_line": job.command_line}
    write_json(folder / MARK, {**said, "warnings": job.console.warnings, **job.provenance(), "files": list(files)})


def _write_numbers(job: Job) -> None:
    if job.metrics:
        write_json(job.folder / "metrics.json", {name: {"value": value, "unit": unit} for name, (value, unit) in job.metrics.items()})
        write_csv(job.folder / "metrics.csv", ["name", "value", "unit"], [[name, *pair] for name, pair in job.metrics.items()])


def _move_files(folder: Path, final: Path) -> None:
    """Move results into a run folder, one by one beside what is there."""
    for name in files_in(folder):
        (final / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / name, final / name)
    shutil.rmtree(folder)


def _set_aside(final: Path) -> Path | None:
    """Where a folder that is replaced waits until the new one is there; None where there is none."""
    if not final.exists():
        return None
    old = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".old", dir=final.parent)) / "old"
    os.rename(final, old)
    return old


def _put_back(old: Path | None, final: Path) -> None:
    """Undo: what was set aside is in its place again."""
    shutil.rmtree(final, ignore_errors=True)
    if old is not None:
        os.rename(old, final)
        old.parent.rmdir()


def _discard(old: Path | None, command: Command, console: Console) -> None:
    """Delete a run that was replaced, unless a person wrote into it in the meantime."""
    if old is None:
        return
    foreign = foreign_files(old, command)
    if foreign:
        console.warning(f"The replaced run is kept in {old}: it holds {', '.join(foreign)}, which appeared while this one ran.")
    else:
        shutil.rmtree(old.parent, ignore_errors=True)


def _plain(value: Any) -> Any:
    """A NumPy or JAX scalar as a Python number."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return value
