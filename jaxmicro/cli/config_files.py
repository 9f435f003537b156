"""Configuration files: TOML, YAML or JSON into a struct, with errors that name the place and the nearest valid key."""

import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jaxmicro._core import nearest_name
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.run_files import CONFIG, read_mark

S = TypeVar("S", bound=msgspec.Struct)

MAX_BYTES = 1_000_000

HOUSEKEEPING = ("out", "config", "overwrite", "resume", "quiet", "debug")
"""Fields that say how a job is kept, not what it computes: a run folder does not hand them on."""
TYPED = ("config", "overwrite", "resume")
"""Fields that count only where they are typed."""
REST = "rest"
"""The key that stands for all others in a table; YAML's null means the same."""
EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+")


def from_yaml(text: str | bytes) -> Any:
    """YAML as a person means it: 71e9 is a number, and the key null is text, for what is kept as JSON has no other keys.

    Example:
        >>> from_yaml("{young: 71e9, null: others}")
        {'young': 71000000000.0, 'rest': 'others'}
    """
    return _as_meant(msgspec.yaml.decode(text))


def _as_meant(data: Any) -> Any:
    if isinstance(data, dict):
        return {REST if key is None else key: _as_meant(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_as_meant(value) for value in data]
    return float(data) if isinstance(data, str) and EXPONENT.fullmatch(data) else data


DECODERS = {".toml": msgspec.toml.decode, ".yaml": from_yaml, ".yml": from_yaml, ".json": msgspec.json.decode}


def read_config(path: str, struct: type[S], command: str) -> S:
    """The struct that a configuration file describes; what it leaves out keeps its default.

    Raises:
        ValueError: for a file that cannot be read, an unknown key or a value of the wrong kind, with its place.
    """
    data = _decoded(Path(path))
    named = data.pop("command", command)
    if named != command:
        raise UsageError(f"`{path}` is a configuration for `jaxmicro {named}`, but the command is `{command}`. Use the command it is for.")
    return as_struct(_under_own_names(_without_housekeeping(data, struct, Path(path)), struct, path), struct, path)


def _under_own_names(data: dict[str, Any], struct: type[msgspec.Struct], path: str) -> dict[str, Any]:
    """Keys that go by another command's name for the same thing (`also_called` of the struct) under the struct's own."""
    renamed = dict(data)
    for other, own in getattr(struct, "also_called", {}).items():
        if other in renamed:
            if own in renamed:
                raise UsageError(f"`{path}` must hold `{own}` or `{other}`, which mean the same here, but it holds both. Leave one out.")
            renamed[own] = renamed.pop(other)
    return renamed


def _without_housekeeping(data: dict[str, Any], struct: type[msgspec.Struct], path: Path) -> dict[str, Any]:
    """What a file says about the computation; that of a run folder says nothing else, whatever version wrote it."""
    if path.name == CONFIG and read_mark(path.parent) is not None:
        return {name: value for name, value in data.items() if name not in HOUSEKEEPING}
    typed = set(TYPED) & set(struct.__struct_fields__)
    for name in sorted(typed & set(data)):
        if data[name]:
            raise UsageError(f"`{name}` must be given on the command line, but {path} holds {data[name]!r}. Leave it out of the file.")
    return {name: value for name, value in data.items() if name not in typed}


def as_struct(data: Mapping[str, Any], struct: type[S], where: str) -> S:
    """Check keys, types and ranges; `where` names the source in errors."""
    _check_keys(data, struct, where, "")
    try:
        return msgspec.convert(data, struct)
    except msgspec.ValidationError as error:
        raise UsageError(_explain(str(error), data, where)) from None


def as_data(config: msgspec.Struct) -> dict[str, Any]:
    """A configuration as plain data, such as a file holds."""
    return msgspec.to_builtins(config, str_keys=True)


def kept_data(config: msgspec.Struct) -> dict[str, Any]:
    """The part of a configuration that repeats the computation, as a run folder keeps it."""
    return {name: value for name, value in as_data(config).items() if name not in HOUSEKEEPING}


def inline_table(text: str) -> Any:
    """Structured text of a command line: YAML flow or JSON (`{0: {young: 3.5}}`), or a TOML inline table (`{a = 1}`).

    Example:
        >>> inline_table("{0: {young: 3.5}}"), inline_table("[epoxy, glass fibre]"), inline_table("{a = 1}")
        ({0: {'young': 3.5}}, ['epoxy', 'glass fibre'], {'a': 1})
    """
    try:
        return msgspec.toml.decode(f"value = {text}")["value"]
    except msgspec.DecodeError:
        pass
    try:
        return from_yaml(text)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"a table must look like '{{0: {{young: 3.5}}}}' or '[epoxy, glass fibre]', but {text!r} does not ({error})."
        ) from None


def _decoded(path: Path) -> dict[str, Any]:
    decode = DECODERS.get(path.suffix.lower())
    if decode is None:
        raise UsageError(f"`config` must be a {', '.join(DECODERS)} file, but it is {path}. Rename it to its kind.")
    if not path.is_file():
        raise UsageError(f"`config` must be a file, but there is none at {path}.")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"`config` must be at most {MAX_BYTES} bytes, but {path} has {path.stat().st_size}.")
    try:
        data = decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"`{path}` must be valid {path.suffix[1:].upper()}, but it is not: {error}.") from None
    if not isinstance(data, dict):
        raise UsageError(f"`{path}` must hold names and values, but it holds {type(data).__name__}.")
    return data


def _check_keys(data: Any, struct: type, where: str, path: str) -> None:
    """Unknown keys, at every depth, before anything is converted."""
    if not isinstance(data, Mapping):
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in data.items():
        if key not in fields:
            place = f" in the table `{path}`" if path else ""
            hint = nearest_name(str(key), fields)
            raise UsageError(
                f"`{where}` has the unknown key `{path + '.' if path else ''}{key}`{place}."
                + (f" Did you mean `{hint}`?" if hint else f" Known: {', '.join(fields)}.")
            )
        inner = struct_inside(fields[key])
        if inner is not None:
            _check_keys(value, inner, where, f"{path}.{key}" if path else key)


def struct_inside(annotation: Any) -> type | None:
    """The struct in `Struct`, `Annotated[Struct, …]` or `Struct | None`, or None."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return annotation
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated or origin in (typing.Union, types.UnionType):
        return next((found for found in map(struct_inside, typing.get_args(annotation)) if found), None)
    return None


def _explain(message: str, data: Any, where: str) -> str:
    found = re.fullmatch(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", message, re.DOTALL)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    name = f"`{path}`" if path else "the configuration"
    what = re.sub(r"^Expected ", "must be ", what)
    what = re.sub(r"^Invalid enum value .*", "is none of the valid names", what)
    return f"{name} in {where} {what}, but it is {_at(data, path)!r}."


def _at(data: Any, path: str) -> Any:
    """The value at a dotted path, as far as it leads."""
    for step in re.findall(r"[^.\[\]]+", path):
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, (list, tuple)) and step.isdigit() and int(step) < len(data):
            data = data[int(step)]
        else:
            return data
    return data
