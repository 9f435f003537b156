"""Errors and warnings as a person should meet them: one clear message, an exit code, no traceback."""

import dataclasses
import signal
import threading
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from jaxmicro._core import SolveError
from jaxmicro.cli.console import Console

BAD_INPUT, FAILED, INTERRUPTED, TERMINATED = 2, 1, 130, 143


class UsageError(ValueError):
    """A command line, configuration or run folder that cannot be used."""


class Terminated(KeyboardInterrupt):
    """The system asked the process to end: it ends as tidily as when a person interrupts it."""


@dataclasses.dataclass
class Outcome:
    """How a command ended, and whether its errors show where they came from."""

    code: int = 0
    debug: bool = False


@contextmanager
def explained(console: Console, *, debug: bool = False) -> Iterator[Outcome]:
    """Turn every exception inside into a message and an exit code; with `debug` show the traceback too."""
    outcome = Outcome(debug=debug)
    try:
        yield outcome
    except KeyboardInterrupt as interrupt:
        terminated = isinstance(interrupt, Terminated)
        outcome.code = TERMINATED if terminated else INTERRUPTED
        console.error(f"{'terminated' if terminated else 'interrupted'}. {str(interrupt) or 'Nothing was left half-written.'}")
    except Exception as error:
        outcome.code = _exit_code(error)
        if outcome.debug:
            console.plain_error(traceback.format_exc())
        console.error(_message(error, outcome.debug))


@contextmanager
def terminating_tidily() -> Iterator[None]:
    """Let SIGTERM raise `Terminated`; outside the main thread, which alone may listen to signals, nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(*_: object) -> None:
        raise Terminated

    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _exit_code(error: Exception) -> int:
    expected = isinstance(error, (ValueError, TypeError, KeyError, OSError, NotImplementedError)) and not isinstance(error, SolveError)
    return BAD_INPUT if expected else FAILED


def _message(error: Exception, debug: bool) -> str:
    if isinstance(error, MemoryError):
        return "out of memory. Use a smaller grid, fewer cells, or a machine with more memory."
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    text = str(error) or type(error).__name__
    if type(error).__module__.startswith("jaxmicro") or isinstance(error, (ValueError, OSError, ArithmeticError, NotImplementedError)):
        return text
    hint = "" if debug else " Run again with --debug to see where."
    return f"{type(error).__name__}: {text}{hint}"


@contextmanager
def listening_to_warnings(console: Console) -> Iterator[None]:
    """Print each warning once, as "warning: …", and remember it for the report."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module=r"jaxmicro(\.|$)")
        warnings.filterwarnings("always", category=UserWarning, module=r"__main__")
        previous = warnings.showwarning

        def show(message: Warning | str, *_: object, **__: object) -> None:
            console.warning(str(message))

        warnings.showwarning = show
        try:
            yield
        finally:
            warnings.showwarning = previous
