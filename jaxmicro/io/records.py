"""Frozen records in .npz files: arrays as they are, everything else as JSON, nothing that can run.

The archive holds one .npy member per array, named by its place (`tensor`, `grid.lengths`), so that `numpy.load` shows
them without this library, and `record.json`, a tree of

    {"array": name, "of": "jax" | "numpy" | "scalar"}, {"record": class, "fields": {…}}, {"tuple": […]}, {"list": […]},
    {"dict": [[key, node], …]}, {"enum": class, "name": …}, {"value": JSON scalar}

A class is found by its path, which must lie in this package or have been registered, and must be a frozen record.
"""

import dataclasses
import enum
import importlib
import math
from collections.abc import Callable
from typing import Any, BinaryIO

import jax
import jax.numpy as jnp
import numpy as np

from jaxmicro._core import __version__, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.io.npy import Archive, write_npz
from jaxmicro.io.problems import ReadError, unreadable
from jaxmicro.materials.constants import Constants
from jaxmicro.microstructures import Microstructure, Phase

DOCUMENT = "record.json"
FORMAT = "jaxmicro record"
VERSION = 1
PACKAGE = "jaxmicro."
SPECIAL_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}

_registered: dict[str, type] = {}
_parts: dict[type, tuple[str, ...]] = {
    Grid: ("shape", "lengths"),
    Constants: Constants.__slots__,
    Phase: ("name", "laue", "constants"),
}


def register_record(cls: type) -> type:
    """Let records of a class outside this package be saved and read; usable as a decorator above `@record`.

    Args:
        cls: a frozen dataclass, such as `@record` makes.

    Returns:
        The class.

    Raises:
        TypeError: if it is no frozen dataclass.

    Example:
        >>> import dataclasses
        >>> @register_record
        ... @dataclasses.dataclass(frozen=True)
        ... class Reading:
        ...     value: float

    Nothing here is differentiable.
    """
    if not _is_frozen_dataclass(cls):
        raise TypeError(f"Only frozen dataclasses can be registered, but {cls!r} is none. Decorate it with @record.")
    _registered[_path(cls)] = cls
    return cls


def save_record(stream: BinaryIO, value: Any) -> None:
    """Write a record, microstructure or grid, and whatever records, arrays and plain values it holds."""
    if not _fields(value):
        raise TypeError(f"Only records and microstructures can be written to .npz, but the value is a {type(value).__name__}.")
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(value, "", arrays)
    document = {"format": FORMAT, "version": VERSION, "library": __version__, "tree": tree}
    write_npz(stream, arrays, {DOCUMENT: document})


def load_record(archive: Archive, document: Any) -> Any:
    """Rebuild what `save_record` wrote."""
    path = archive.path
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise unreadable(path, f"holds a {DOCUMENT} that this library did not write", "Name one of its arrays with key=.")
    if document.get("version") != VERSION:
        raise unreadable(
            path, f"is in version {document.get('version')} of the format, and this library reads version {VERSION}", "Update jaxmicro."
        )
    try:
        return _decode(document["tree"], archive)
    except ReadError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, ImportError, RecursionError, StopIteration) as error:
        raise unreadable(
            path, f"holds a record that cannot be rebuilt ({error})", "It may come from another version of the library."
        ) from error


def _is_frozen_dataclass(cls: Any) -> bool:
    return isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # pyright: ignore[reportAttributeAccessIssue]


def _path(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def _fields(value: Any) -> dict[str, Any]:
    """Constructor arguments of a record; empty for what is none."""
    cls = type(value)
    if cls is Microstructure:
        stored = {"labels": value.labels} if value.is_sharp else {"fractions": value.fractions}
        rest = ("grid", "orientation", "mask", "phases", "maps", "provenance", "notes", "asked")
        return stored | {name: getattr(value, name) for name in rest}
    if cls in _parts:
        return {name: getattr(value, name) for name in _parts[cls]}
    if _is_frozen_dataclass(cls):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return {}


def _encode(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    if value is None or isinstance(value, bool | str) or (isinstance(value, int) and not isinstance(value, enum.Enum)):
        return {"value": value}
    if isinstance(value, enum.Enum):
        return {"enum": _checked_path(type(value), place), "name": value.name}
    if isinstance(value, float) and not isinstance(value, np.generic):
        return {"value": value} if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, jax.Array | np.ndarray | np.generic):
        return _encode_array(value, place, arrays)
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        if type(value) not in (tuple, list):
            raise TypeError(f"`{place}` is a {type(value).__name__}, which cannot be written. Use a record or a plain tuple.")
        return {kind: [_encode(item, _join(place, k), arrays) for k, item in enumerate(value)]}
    if isinstance(value, dict):
        return {"dict": [[_encode(key, place, arrays), _encode(item, _join(place, key), arrays)] for key, item in value.items()]}
    fields = _fields(value)
    if fields or _is_frozen_dataclass(type(value)):
        encoded = {name: _encode(part, _join(place, name), arrays) for name, part in fields.items()}
        return {"record": _checked_path(type(value), place), "fields": encoded}
    raise TypeError(
        f"`{place or 'value'}` is a {type(value).__name__}, which cannot be written. Records hold arrays, records and plain values."
    )


def _join(place: str, name: Any) -> str:
    text = "".join(c if c.isalnum() or c in "_- " else "_" for c in str(name))
    return f"{place}.{text}" if place else text


def _checked_path(cls: type, place: str) -> str:
    path = _path(cls)
    if "<" in path or not (path in _registered or path.startswith(PACKAGE)):
        raise TypeError(
            f"`{place or 'value'}` is a {cls.__qualname__}, which could not be read again. Register its class with jaxmicro.io.register_record."
        )
    return path


def _encode_array(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    if not is_concrete(value):
        raise TypeError(f"`{place}` is traced, so it has no value to write. Write outside jit, vmap and grad.")
    if isinstance(value, jax.Array) and jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise TypeError(f"`{place}` is a random key, which is not written. Keep its seed instead.")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`{place}` holds numbers of type {array.dtype}, which cannot be written. Convert it to float.")
    name = place
    while name in arrays:
        name += "_"
    arrays[name] = array
    return {"array": name, "of": "jax" if isinstance(value, jax.Array) else "scalar" if isinstance(value, np.generic) else "numpy"}


def _decode(node: Any, archive: Archive) -> Any:
    kind = next(iter(node))
    return _DECODERS[kind](node, archive)


def _decode_array(node: Any, archive: Archive) -> Any:
    array = archive.array(node["array"])
    if node["of"] != "jax":
        return array[()] if node["of"] == "scalar" else array
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        archive.oddity(
            f"saved with {array.dtype} numbers and read with {jax.dtypes.canonicalize_dtype(array.dtype)}, because JAX's x64 mode is off"
        )
    return jnp.asarray(array)


def _decode_dict(node: Any, archive: Archive) -> dict:
    return {_decode(key, archive): _decode(item, archive) for key, item in node["dict"]}


def _decode_enum(node: Any, archive: Archive) -> Any:
    cls = _class(node["enum"], archive)
    if not issubclass(cls, enum.Enum):
        raise unreadable(archive.path, f"names {node['enum']}, which is no enumeration")
    return cls[node["name"]]


def _decode_record(node: Any, archive: Archive) -> Any:
    cls = _class(node["record"], archive)
    if not (cls is Microstructure or cls in _parts or _is_frozen_dataclass(cls)):
        raise unreadable(archive.path, f"names {node['record']}, which is no record")
    values = {name: _decode(part, archive) for name, part in node["fields"].items()}
    if dataclasses.is_dataclass(cls) and cls not in _parts:
        return _rebuild(cls, values)
    return cls(**values)


def _rebuild(cls: type, values: dict[str, Any]) -> Any:
    """Call the constructor; what it does not take is set afterwards."""
    known = {field.name: field for field in dataclasses.fields(cls)}
    unknown = values.keys() - known.keys()
    if unknown:
        raise TypeError(f"{cls.__qualname__} has no field {sorted(unknown)}")
    instance = cls(**{name: value for name, value in values.items() if known[name].init})
    for name, value in values.items():
        if not known[name].init:
            object.__setattr__(instance, name, value)
    return instance


def _class(path: str, archive: Archive) -> Any:
    """A registered class, or one of this package: a module of it is imported, and nothing else."""
    if path in _registered:
        return _registered[path]
    module, _, name = path.partition(":")
    if not path.startswith(PACKAGE) or not all(part.isidentifier() for part in (module + "." + name).split(".")):
        raise unreadable(
            archive.path,
            f"names the class {path}, which is neither registered nor part of this library",
            "Register it with jaxmicro.io.register_record.",
        )
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or _path(found) != path:
        raise unreadable(archive.path, f"names {path}, which is no class of this library")
    return found


_DECODERS: dict[str, Callable[[Any, Archive], Any]] = {
    "value": lambda node, _: node["value"],
    "float": lambda node, _: SPECIAL_FLOATS[node["float"]],
    "array": _decode_array,
    "tuple": lambda node, archive: tuple(_decode(item, archive) for item in node["tuple"]),
    "list": lambda node, archive: [_decode(item, archive) for item in node["list"]],
    "dict": _decode_dict,
    "enum": _decode_enum,
    "record": _decode_record,
}
