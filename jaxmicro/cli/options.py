"""Command-line options, made by tyro from the same structs that configuration files fill."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import tyro
from tyro.constructors import PrimitiveConstructorSpec

from jaxmicro._core import nearest_name
from jaxmicro.cli.catalogue import Command
from jaxmicro.cli.config_files import as_data, as_struct, inline_table, read_config, struct_inside
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_files import CONFIG, read_mark

LIKE = 0.6  # least likeness, 0 to 1, of an option to one that a hint names

S = TypeVar("S", bound=msgspec.Struct)

TABLE = PrimitiveConstructorSpec(
    nargs=1,
    metavar="TABLE",
    instance_from_str=lambda words: inline_table(words[0]),
    is_instance=lambda _: True,
    str_from_instance=lambda value: [msgspec.json.encode(value, order="deterministic").decode()],
)
"""For fields that hold mappings or lists of any depth: written as YAML, JSON or TOML in one quoted word."""

THRESHOLD = PrimitiveConstructorSpec(
    nargs=1,
    metavar="NUMBER|[NUMBERS]|otsu",
    instance_from_str=lambda words: _threshold(words[0]),
    is_instance=lambda _: True,
    str_from_instance=lambda value: [value if isinstance(value, str) else msgspec.json.encode(value).decode()],
)
"""For one grey value, several, or the name of a method that finds them."""


def parse(command: Command, struct: type[S], arguments: list[str]) -> S | None:
    """The configuration that a file and the options describe together; None when help was asked for and printed.

    Raises:
        ValueError: for unknown options (with the nearest), bad values, or a bad file.
    """
    wants_help = any(word in ("-h", "--help") for word in arguments)
    path = None if wants_help else _word_after("--config", arguments) or _kept_config(command, arguments)
    default = read_config(path, struct, command.name) if path else struct()
    if not wants_help:
        _check_option_names(command, struct, arguments)
    config = _tyro(command, struct, arguments, default)
    if config is None:
        return None
    return as_struct(as_data(config), struct, "the options")


def _tyro(command: Command, struct: type[S], arguments: list[str], default: S) -> S | None:
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(struct, args=arguments, prog=f"jaxmicro {command.name}", description=_description(command), default=default)
    except SystemExit as end:
        if not end.code:
            return None
        raise UsageError(f"{_message(said.getvalue())} `jaxmicro {command.name} --help` explains the options.") from None


def _description(command: Command) -> str:
    return f"{command.sentence}\n\nexample:\n  {command.example}"


def _message(boxed: str) -> str:
    """The message in one of tyro's boxes, in one line."""
    lines = [line.strip("│ ").strip() for line in boxed.splitlines()]
    ruled = len(lines) > 1 and bool(lines[1]) and not lines[1].strip("-")  # a terminal without box characters: a title over a line
    body = []
    for line in lines[2:] if ruled else lines[1:] if lines and lines[0].startswith("╭") else lines:
        if not line.strip("-") or line.startswith(("─", "╰")):
            break
        body.append(line)
    text = " ".join(body) or "the options could not be read"
    text = re.sub(r"Expected one of \((.*?)\)", _choices, text)
    text = re.sub(
        r"Error parsing (\S+): no type matching \S+ could be instantiated from \[(.*?)\]", r"`\1` must be a number, but it is \2", text
    )
    return text if text.endswith(".") else text + "."


def _choices(found: re.Match[str]) -> str:
    """Choices in order; None is what an option is when it is left out."""
    choices = set(re.findall(r"'[^']*'", found[1])) - {"'None'"}
    return f"Expected one of ({', '.join(sorted(choices))})"


def _word_after(option: str, arguments: list[str]) -> str | None:
    for index, word in enumerate(arguments):
        if word == option:
            if index + 1 == len(arguments):
                raise UsageError(f"`{option}` must name a {'file' if option == '--config' else 'folder'}, but nothing follows it.")
            return arguments[index + 1]
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def _kept_config(command: Command, arguments: list[str]) -> str | None:
    """The configuration in the run folder that is to be continued: `--resume` needs no other."""
    if not command.resumable or "--resume" not in arguments:
        return None
    folder = Path(_word_after("--out", arguments) or f"runs/{command.name}")
    mark = read_mark(folder)
    return str(folder / CONFIG) if mark is not None and mark.get("command") == command.name else None


def _check_option_names(command: Command, struct: type[msgspec.Struct], arguments: list[str]) -> None:
    known = option_names(struct)
    for word in arguments:
        name = word.partition("=")[0]
        if re.match(r"--[A-Za-z]", name) and name.replace("_", "-") not in known:
            bare = nearest_name(name.removeprefix("--"), [each.removeprefix("--") for each in known], LIKE)
            hint = f"--{bare}" if bare else None
            raise UsageError(
                f"`jaxmicro {command.name}` has no option `{name}`."
                + (f" Did you mean `{hint}`?" if hint else f" `jaxmicro {command.name} --help` lists them.")
            )


def option_names(struct: type[msgspec.Struct], prefix: str = "--") -> list[str]:
    """All long options of a struct, `--no-…` of switches included."""
    names: list[str] = []
    for field in msgspec.structs.fields(struct):
        name = field.name.replace("_", "-")
        inner = struct_inside(field.type)
        if inner is not None:
            names += option_names(inner, f"{prefix}{name}.")
        else:
            names += [f"{prefix}{name}"] + ([f"{prefix}no-{name}"] if field.type is bool else [])
    return names


def _threshold(text: str) -> Any:
    """One number, a list of numbers, or text as it stands."""
    numbers = inline_table(f"[{text.strip().removeprefix('[').removesuffix(']')}]")
    if not numbers or not all(isinstance(each, (int, float)) for each in numbers):
        return None if text == "null" else text
    return numbers[0] if len(numbers) == 1 else numbers


def required(config: msgspec.Struct, field: str, what: str) -> Any:
    """The value of a field that has no default.

    Raises:
        ValueError: where it is missing.
    """
    value = getattr(config, field)
    if value in ("", None, ()):
        raise UsageError(f"`{field}` must be given: {what}. `jaxmicro COMMAND --help` shows an example.")
    return value
