"""Constants of the phases as a person wrote them, checked entry by entry before anything is read or solved."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.reading import label_keys
from jaxmicro.materials import names

LONGEST_SYMBOL = 2
TEXTS = ("unit", "source", "name")
LOOKS = "Write '[epoxy, glass fibre]' or '{0: epoxy, 1: {young: 71, poisson: 0.22}}'."


def checked_materials(materials: Any) -> Any:
    """Materials by phase: a list, or a table by label or name; None where they are left to others.

    Raises:
        ValueError: for a value of the wrong kind, with its path, such as `materials.1.young`.

    Example:
        >>> checked_materials({"0": "epoxy", "1": {"young": 71, "poisson": 0.22}})
        {0: 'epoxy', 1: {'young': 71, 'poisson': 0.22}}
    """
    if materials is None:
        return None
    if isinstance(materials, Mapping):
        return label_keys({key: _checked_material(f"materials.{key}", value) for key, value in materials.items()})
    if isinstance(materials, Sequence) and not isinstance(materials, str):
        return [_checked_material(f"materials.{index}", value) for index, value in enumerate(materials)]
    raise UsageError(f"`materials` must be a list or a table with one entry per phase, but it is {materials!r}. {LOOKS}")


def _checked_material(path: str, value: Any) -> Any:
    """A name or a table of constants; a number such as 304 is a name where a material is called so."""
    if isinstance(value, (int, float)) and str(value) in names():
        return str(value)
    if isinstance(value, str):
        _check_symbol(path, value)
        return value
    if not isinstance(value, Mapping):
        raise UsageError(f"`{path}` must be the name of a material or a table of its constants, but it is {value!r}. {LOOKS}")
    for name, constant in value.items():
        if name in TEXTS or (name == "stiffness" and isinstance(constant, str)):
            continue
        for place, number in _entries(f"{path}.{name}", constant):
            _check_number(place, number)
    return value


def _check_symbol(path: str, name: str) -> None:
    """A chemical symbol that is not known is no misspelling of another one."""
    if len(name) <= LONGEST_SYMBOL and name not in names():
        raise UsageError(f"`{path}` must be a known material, but it is {name!r}. Known: {', '.join(names())}. {LOOKS}")


def _entries(path: str, value: Any) -> list[tuple[str, Any]]:
    """The numbers of a constant, which is one or a tensor of nested lists."""
    if not isinstance(value, (list, tuple)):
        return [(path, value)]
    return [entry for index, each in enumerate(value) for entry in _entries(f"{path}.{index}", each)]


def _check_number(path: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"`{path}` must be a number, but it is {value!r}. Write it without quotes and without a unit.")
    if not math.isfinite(value):
        raise UsageError(f"`{path}` must be finite, but it is {value}. Write the constant, or leave out what is unknown.")
