"""Frozen records that are JAX pytrees.

Fields are traced leaves (or sub-pytrees) unless declared with `static()`; static fields are part of the tree
structure, so they must hash by value.
"""

import dataclasses
from typing import Any, TypeVar, dataclass_transform

import jax

T = TypeVar("T")


def static(**options: Any) -> Any:
    """Declare a record field that is part of the tree structure (hashable, never traced)."""
    return dataclasses.field(metadata={"static": True}, **options)


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def record(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and register it as a pytree.

    Example:
        >>> @record
        ... class Cell:
        ...     density: object
        ...     name: str = static(default="cell")
        >>> jax.tree.leaves(Cell(density=1.5))
        [1.5]
    """
    cls = dataclasses.dataclass(frozen=True, eq=False)(cls)
    return jax.tree_util.register_dataclass(cls)


def replace(instance: T, **changes: Any) -> T:
    """Copy a record with some fields changed."""
    return dataclasses.replace(instance, **changes)  # pyright: ignore[reportArgumentType]
