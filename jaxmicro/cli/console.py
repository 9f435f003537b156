"""What a person sees while a job runs: steps and progress on stderr, results on stdout."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from jaxmicro._core import Progress, silent

PLAIN_EVERY = 5.0  # seconds between two lines of progress where stderr is no terminal


class Console:
    """Messages of one job. With `quiet` only results, warnings and errors are printed."""

    def __init__(self, quiet: bool = False, out: TextIO | None = None, err: TextIO | None = None):
        self.quiet = quiet
        self._out, self._err = out, err
        self.started = time.perf_counter()
        self.warnings: list[str] = []

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.perf_counter() - self.started

    def result(self, text: str) -> None:
        """A result, on stdout."""
        print(text, file=self._out or sys.stdout, flush=True)

    def step(self, text: str) -> None:
        """What is being done now, with the time since the start."""
        if not self.quiet:
            self.plain_error(f"[{self.seconds:6.1f} s] {text}")

    def warning(self, text: str) -> None:
        """A warning, printed once and remembered for the report."""
        if text not in self.warnings:
            self.warnings.append(text)
            self.plain_error(f"warning: {text}")

    def error(self, text: str) -> None:
        """Why the job ended."""
        self.plain_error(f"error: {text}")

    def plain_error(self, text: str) -> None:
        """A line on stderr."""
        print(text, file=self._err or sys.stderr, flush=True)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "") -> None:
        """A table of results, on stdout: text, and numbers with four digits."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Console as RichConsole
        from rich.table import Table

        table = Table(title=title or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for index, name in enumerate(header):
            table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
        for row in rows:
            table.add_row(*[_cell(value) for value in row])
        stream = self._out or sys.stdout
        RichConsole(file=stream, width=None if stream.isatty() else 120, markup=False, highlight=False).print(table)

    @contextmanager
    def meter(self, title: str) -> Iterator[Progress]:
        """A progress meter for one long step: a bar on a terminal, a line every few seconds elsewhere."""
        if self.quiet:
            yield silent
        elif (self._err or sys.stderr).isatty():
            with _bar(title, self._err or sys.stderr) as progress:
                yield progress
        else:
            yield self._lines(title)

    def _lines(self, title: str) -> Progress:
        last = [-PLAIN_EVERY, -1]

        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            now = self.seconds
            if now - last[0] >= PLAIN_EVERY or (done == total and last[1] != done):
                last[:] = [now, done]
                self.step(f"{title}: {done} of {total}{_values(values)}")

        return progress


@contextmanager
def _bar(title: str, stream: TextIO) -> Iterator[Progress]:
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[values]}"),
    )
    with RichProgress(*columns, console=RichConsole(file=stream), transient=True) as bars:
        task = bars.add_task(title, total=None, values="")

        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            bars.update(task, completed=done, total=total, values=_values(values))

        yield progress


def _values(values: Mapping[str, float]) -> str:
    return "".join(f", {name} {float(value):.4g}" for name, value in values.items())


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
