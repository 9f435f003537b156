"""Sums and differences over the corners of voxels, and their transposes, as two linear primitives.

Each is the other's transpose, and is written for the compiler in its own way, as shifts of flat arrays (flat.py). Left to itself, the
transpose of a shift is a padded array, and a sum of those costs several times as much.

Arrays of voxels are *periodic*: the copies around the grid equal what they are copies of. `nodal` only takes such arrays, so
cotangents are counted once: in the voxels of the grid, with zeros around them.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from jaxmicro.homogenization.operators.fence import apart
from jaxmicro.homogenization.operators.flat import Padded
from jaxmicro.homogenization.operators.modes import Subset

Keys = tuple[Subset, ...]


def differences(layout: Padded, keys: Keys, nodes: Float[Array, "*grid"]) -> list[Float[Array, " voxels"]]:
    """For each key the differences along its axes, and sums along the others, of the corners of every voxel."""
    return _differences.bind(nodes, layout=layout, keys=keys, once=False, samples=())


def nodal(layout: Padded, keys: Keys, dual: Sequence[Float[Array, " voxels"]]) -> Float[Array, "*grid"]:
    """The transpose: what all voxels give to their nodes, summed over the keys."""
    return _nodal.bind(*dual, layout=layout, keys=keys, once=False, samples=())[0]


def _differences_of(nodes: Array, *, layout: Padded, keys: Keys, once: bool) -> list[Array]:
    flat = layout.nodes_of(nodes)
    found = [layout.difference(flat, key) for key in keys]
    if not once:
        return found
    within = jnp.pad(jnp.ones(layout.shape, bool), 1).ravel()[: layout.voxels]
    return [jnp.where(within, field, 0.0) for field in found]


def _nodal_of(*dual: Array, layout: Padded, keys: Keys, once: bool) -> list[Array]:
    if once:
        dual = tuple(layout.voxels_of(layout.inside(field)) for field in dual)
    return [apart(lambda *fields: layout.transposed(dict(zip(keys, fields, strict=True))))(*dual)]


def _linear(name: str, function: Callable[..., list[Array]], transpose: Callable[..., list[Any]]) -> Primitive:
    """A linear primitive from what it does and what its transpose does; a batch has its axis in front."""

    def whole(*arguments: Array, **static: Any) -> list[Array]:
        samples = static.pop("samples")
        one = functools.partial(function, **static)
        if not samples:
            return one(*arguments)
        inner = functools.partial(whole, samples=samples[1:], **static)
        return jax.lax.map(lambda row: inner(*row), arguments) if jax.default_backend() == "cpu" else jax.vmap(inner)(*arguments)

    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(jax.jit(whole, static_argnames=("layout", "keys", "once", "samples")))

    @primitive.def_abstract_eval
    def shapes(*arguments: Any, **static: Any) -> list[Any]:
        like = [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in arguments]
        return [ShapedArray(leaf.shape, leaf.dtype) for leaf in jax.eval_shape(functools.partial(whole, **static), *like)]

    def batched(arguments: Sequence[Any], axes: Sequence[Any], *, samples: tuple[int, ...], **static: Any) -> tuple[list[Array], list[int]]:
        count = next(leaf.shape[axis] for leaf, axis in zip(arguments, axes, strict=True) if axis is not None)
        rows = [
            jnp.broadcast_to(leaf, (count, *leaf.shape)) if axis is None else jnp.moveaxis(leaf, axis, 0)
            for leaf, axis in zip(arguments, axes, strict=True)
        ]
        found = primitive.bind(*rows, samples=(count, *samples), **static)
        return found, [0] * len(found)

    ad.deflinear2(primitive, transpose)
    batching.primitive_batchers[primitive] = batched
    mlir.register_lowering(primitive, mlir.lower_fun(whole, multiple_results=True))
    return primitive


def _transposed_differences(cotangents: Sequence[Any], _: Any, *, keys: Keys, once: bool, **static: Any) -> list[Array]:
    del once
    known = [(key, ct) for key, ct in zip(keys, cotangents, strict=True) if not isinstance(ct, ad.Zero)]
    return _nodal.bind(*(ct for _, ct in known), keys=tuple(key for key, _ in known), once=True, **static)


def _transposed_nodal(cotangents: Sequence[Any], *_: Any, once: bool, **static: Any) -> list[Array]:
    del once
    return _differences.bind(cotangents[0], once=True, **static)


_differences = _linear("corner_differences", _differences_of, _transposed_differences)
_nodal = _linear("nodal_sums", _nodal_of, _transposed_nodal)
