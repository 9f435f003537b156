"""From a command line to an exit code."""

from jaxmicro._core import __version__
from jaxmicro.cli.catalogue import COMMANDS, find_command
from jaxmicro.cli.console import Console
from jaxmicro.cli.options import parse
from jaxmicro.cli.problems import Outcome, explained, listening_to_warnings, terminating_tidily
from jaxmicro.cli.run_folder import open_job
from jaxmicro.cli.settings import configure_jax


def run_command(arguments: list[str]) -> int:
    """The exit code of a command line, after everything that it asks for was done or explained."""
    console = Console(quiet="--quiet" in arguments)
    with listening_to_warnings(console), explained(console, debug="--debug" in arguments) as outcome, terminating_tidily():
        outcome.code = _run(arguments, console, outcome)
    return outcome.code


def _run(arguments: list[str], console: Console, outcome: Outcome) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        console.result(overview())
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        console.result(f"jaxmicro {__version__}")
        return 0
    command = find_command(arguments[0])
    module = command.load()
    config = parse(command, module.Config, arguments[1:])
    if config is None:
        return 0
    console.quiet, outcome.debug = config.quiet, config.debug
    configure_jax()
    if not command.makes_folder:
        return module.run(config, console) or 0
    with open_job(command, config, console, arguments) as job:
        module.run(config, job)
    return 0


def overview() -> str:
    """What `jaxmicro --help` says."""
    width = max(map(len, COMMANDS))
    lines = [
        "usage: jaxmicro COMMAND [OPTIONS]",
        "",
        "Differentiable microstructure physics and generative design. Lengths are voxels and constants are in your own,",
        "consistent units unless an option says otherwise (named materials: GPa).",
        "",
        "commands:",
        *(f"  {name:<{width}}  {command.sentence}" for name, command in COMMANDS.items()),
        "",
        "`jaxmicro COMMAND --help` explains a command. Every job writes one run folder that holds its configuration, seed,",
        "versions, metrics, results, figures and report.html. `jaxmicro --version` prints the version.",
        "",
        "example:",
        "  jaxmicro demo --image micrograph.png",
    ]
    return "\n".join(lines)
