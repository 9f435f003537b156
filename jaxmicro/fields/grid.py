"""The periodic voxel grid."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import check, is_concrete


@jax.tree_util.register_pytree_with_keys_class
class Grid:
    """A periodic box of voxels in two or three dimensions.

    Array axis k is coordinate axis k. `shape` is static (it decides what is compiled); `lengths` is a pytree leaf, so
    effective properties have derivatives with respect to the edge lengths.

    Args:
        shape: voxels along each axis, `(nx, ny)` or `(nx, ny, nz)`, each at least 2.
        lengths: edge lengths of the box in the user's unit, `(d,)`; by default `shape`, that is, unit voxels.

    Raises:
        ValueError: if the grid has not 2 or 3 axes, an axis is shorter than 2, or a length is not positive.

    Example:
        >>> Grid((4, 8), lengths=(1.0, 2.0)).spacing.tolist()
        [0.25, 0.25]
    """

    shape: tuple[int, ...]
    lengths: Float[Array, " d"]

    def __init__(self, shape: Sequence[int], lengths: ArrayLike | Sequence[ArrayLike] | None = None):
        sizes = _sizes(shape)
        self._set(sizes, _edges(sizes if lengths is None else lengths, len(sizes)))

    def _set(self, shape: tuple[int, ...], lengths: Any) -> None:
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "lengths", lengths)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Grid is frozen: make a new one instead of setting `{name}`.")

    @property
    def ndim(self) -> int:
        """Number of space dimensions, 2 or 3."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return int(np.prod(self.shape))

    @property
    def spacing(self) -> Float[Array, " d"]:
        """Voxel edge lengths `(d,)`."""
        return self.lengths / jnp.asarray(self.shape, dtype=self.lengths.dtype)

    def centres(self) -> Float[Array, "d *grid"]:
        """Coordinates of the voxel centres, `(d, *grid)`."""
        axes = [(jnp.arange(n, dtype=self.lengths.dtype) + 0.5) * h for n, h in zip(self.shape, self.spacing, strict=True)]
        return jnp.stack(jnp.meshgrid(*axes, indexing="ij"))

    def __repr__(self) -> str:
        if is_concrete(self.lengths):
            try:
                return f"Grid(shape={self.shape}, lengths={tuple(np.asarray(self.lengths).tolist())})"
            except (TypeError, ValueError):
                pass
        return f"Grid(shape={self.shape})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        if self.shape != other.shape:
            return False
        if self.lengths is other.lengths:
            return True
        return is_concrete(self.lengths, other.lengths) and bool(np.array_equal(np.asarray(self.lengths), np.asarray(other.lengths)))

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def tree_flatten(self) -> tuple[tuple[Any], tuple[int, ...]]:
        """Split into the leaf `lengths` and the static `shape`."""
        return (self.lengths,), self.shape

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any]], tuple[int, ...]]:
        """Split likewise, with the leaf's name for error messages."""
        return ((jax.tree_util.GetAttrKey("lengths"), self.lengths),), self.shape

    @classmethod
    def tree_unflatten(cls, shape: tuple[int, ...], leaves: Sequence[Any]) -> "Grid":
        """Rebuild without checks: leaves may be tracers or placeholders."""
        grid = object.__new__(cls)
        grid._set(shape, leaves[0])
        return grid


def _sizes(shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(int(n) for n in shape)
        exact = all(float(n) == float(m) for n, m in zip(sizes, shape, strict=True))
    except (TypeError, ValueError):
        sizes, exact = (), False
    check(exact and len(sizes) in (2, 3), f"`shape` must be two or three whole numbers, but it is {shape!r}. Write Grid((64, 64)).")
    check(min(sizes) >= 2, f"`shape` must be at least 2 along each axis, but it is {sizes}. Repeat the cell along the short axis.")
    return sizes


def _edges(lengths: Any, ndim: int) -> Float[Array, " d"]:
    floating = isinstance(lengths, jax.Array | np.ndarray) and jnp.issubdtype(lengths.dtype, jnp.floating)
    edges = jnp.asarray(lengths) if floating else jnp.asarray(lengths, dtype=float)
    check(
        edges.shape == (ndim,),
        f"`lengths` must hold one edge length per axis, ({ndim},), but its shape is {edges.shape}. Pass {ndim} numbers.",
    )
    if is_concrete(edges):
        values = np.asarray(edges)
        valid = bool((values > 0).all() and np.isfinite(values).all())
        check(valid, f"`lengths` must be positive and finite, but they are {values.tolist()}. Pass edge lengths, not coordinates.")
    return edges


__all__ = ["Grid"]
