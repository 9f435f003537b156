"""The `jaxmicro` command: one job, one run folder, one report.

In:  a command with options, or with a configuration file that its options override.
Out: `main`; per job a run folder with the configuration as resolved, seed, versions, metrics, results, figures and `report.html`.
Add one: a command is one file in commands/ with a frozen config struct and a function `run(config, job)`, and one row in
     catalogue.py; its test goes to tests/cli.
"""

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `jaxmicro` command.

    The rest of the command loads in here, so that an interruption in the first moments ends as tidily as a later one.

    Args:
        argv: command and options, without the name of the program; by default those of the process.

    Returns:
        The exit code: 0 for success, 2 for input that cannot be used, 1 for a computation that failed, 130 when interrupted,
        143 when terminated.

    Example:
        >>> main(["--version"])
        jaxmicro ...
        0

    Nothing here is differentiable.
    """
    try:
        from jaxmicro.cli.entry import run_command
    except KeyboardInterrupt:
        print("error: interrupted. Nothing was begun.", file=sys.stderr)
        return 130
    return run_command(list(sys.argv[1:] if argv is None else argv))


__all__ = ["main"]
