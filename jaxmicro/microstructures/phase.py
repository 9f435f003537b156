"""What a phase is called and what is known about it."""

import dataclasses
from collections.abc import Hashable, Mapping
from typing import Any

from jaxmicro._core import check


@dataclasses.dataclass(frozen=True)
class Phase:
    """A phase of a microstructure: a name, and what is known about the crystal and its constants.

    A phase is static: it hashes by value and is part of what a compiled function is compiled for.

    Args:
        name: what a person calls it.
        laue: Laue group in Hermann–Mauguin notation (`"m-3m"`, `"6/mmm"`), or None where no crystal is meant.
        constants: the name of a known material, or its constants: any hashable value; a mapping is kept as sorted
            `(name, value)` pairs, so `dict(phase.constants)` gives it back.

    Raises:
        ValueError: if the name is empty.
        TypeError: if the constants cannot be hashed.

    Example:
        >>> Phase("ferrite", laue="m-3m", constants={"young": 210.0, "poisson": 0.3}).constants
        (('poisson', 0.3), ('young', 210.0))

    Nothing here is differentiable: constants that should have gradients are passed to the material laws as arrays.
    """

    name: str
    laue: str | None = None
    constants: Hashable = None

    def __init__(self, name: str, laue: str | None = None, constants: Hashable | Mapping[str, Any] = None):
        check(isinstance(name, str) and bool(name.strip()), f"`name` of a phase must be a non-empty text, but it is {name!r}.")
        if isinstance(constants, Mapping):
            constants = tuple(sorted(constants.items()))
        try:
            hash(constants)
        except TypeError as error:
            raise TypeError(
                f"`constants` of phase {name!r} must be hashable (a name, a mapping of numbers), but it is {type(constants).__name__}. "
                "Pass arrays to the material laws instead."
            ) from error
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "laue", laue)
        object.__setattr__(self, "constants", constants)
