"""Frozen records that are JAX pytrees.

Fields are traced leaves (or sub-pytrees) unless declared with `static()`; static fields are part of the tree
structure, so they must hash by value.
"""

import dataclasses
from collections.abc import Iterable
from typing import Any, TypeVar, dataclass_transform

import jax

T = TypeVar("T")


def static(**options: Any) -> Any:
    """Declare a record field that is part of the tree structure (hashable, never traced)."""
    return dataclasses.field(metadata={"static": True}, **options)


@dataclass_transform(frozen_default=True, field_specifiers=(static, dataclasses.field))
def record(cls: type[T]) -> type[T]:
    """Make `cls` a frozen dataclass and register it as a pytree.

    Transformations rebuild a record without calling its constructor: what they put in may be tracers or
    placeholders, which `__post_init__` must neither check nor convert.

    Example:
        >>> @record
        ... class Cell:
        ...     density: object
        ...     name: str = static(default="cell")
        >>> jax.tree.leaves(Cell(density=1.5))
        [1.5]
    """
    cls = dataclasses.dataclass(frozen=True, eq=False)(cls)
    fields = dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
    leaves = tuple(field.name for field in fields if not field.metadata.get("static"))
    statics = tuple(field.name for field in fields if field.metadata.get("static"))
    keys = tuple(jax.tree_util.GetAttrKey(name) for name in leaves)

    def flatten(instance: T) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(instance, name) for name in leaves), tuple(getattr(instance, name) for name in statics)

    def flatten_with_keys(instance: T) -> tuple[tuple[tuple[Any, Any], ...], tuple[Any, ...]]:
        values, aside = flatten(instance)
        return tuple(zip(keys, values, strict=True)), aside

    def unflatten(aside: Iterable[Any], values: Iterable[Any]) -> T:
        instance = object.__new__(cls)
        for name, value in zip(leaves + statics, (*values, *aside), strict=True):
            object.__setattr__(instance, name, value)
        return instance

    jax.tree_util.register_pytree_with_keys(cls, flatten_with_keys, unflatten, flatten)
    return cls


def replace(instance: T, **changes: Any) -> T:
    """Copy a record with some fields changed."""
    return dataclasses.replace(instance, **changes)  # pyright: ignore[reportArgumentType]
