"""`jaxmicro report`: the page of a run, made again from its stored numbers."""

from pathlib import Path

import msgspec
import tyro

from jaxmicro.cli.console import Console
from jaxmicro.cli.options import required
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_files import read_mark


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which run."""

    run: tyro.conf.Positional[str] = ""
    """The run folder."""
    config: str = ""
    """A .toml, .yaml or .json file with these options."""
    quiet: bool = False
    """Print results, warnings and errors only."""
    debug: bool = False
    """Show the traceback of an error."""


def run(config: Config, console: Console) -> None:
    """Rebuild report.html and figures/ of a run folder."""
    folder = Path(required(config, "run", "the folder of a finished run"))
    if read_mark(folder) is None:
        raise UsageError(
            f"`run` must be a run folder, but {folder} {'is none' if folder.exists() else 'does not exist'}. Pass the folder of a finished run."
        )
    from jaxmicro.cli.stored_report import rebuild_report

    console.result(f"report: {rebuild_report(folder)}")
