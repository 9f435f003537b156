"""What lies beyond the edge of a cell or an image, for counts of neighbouring voxels."""

import itertools
from collections.abc import Callable, Iterator

import jax.numpy as jnp
from jaxtyping import Array, Float

EDGES = ("closed", "open")


def framed(values: Float[Array, "*grid"], wraps: tuple[bool, ...], edges: str) -> Float[Array, "*more"]:
    """The values with what lies next to them.

    A cell that repeats goes on with its first layer. An image that does not is followed by nothing of the phase on both sides if
    its edges are "closed", and by nothing known, so that no layer is added, if they are "open".
    """
    for axis, wrap in enumerate(wraps):
        widths = [((0, 1) if wrap else (1, 1)) if k == axis else (0, 0) for k in range(values.ndim)]
        if wrap or edges == "closed":
            values = jnp.pad(values, widths, mode="wrap") if wrap else jnp.pad(values, widths)
    return values


def blocks(frame: Float[Array, "*more"]) -> dict[tuple[int, ...], Float[Array, "*blocks"]]:
    """The corners of all blocks of 2^d neighbouring voxels, by their offset in the block."""
    return {
        offset: frame[tuple(slice(k, n - 1 + k) for k, n in zip(offset, frame.shape, strict=True))]
        for offset in itertools.product((0, 1), repeat=frame.ndim)
    }


def positions(shape: tuple[int, ...], wraps: tuple[bool, ...], edges: str) -> int:
    """The number of blocks that a volume is made of: all voxels, or, where edges are open, the blocks within the image."""
    count = 1
    for n, wrap in zip(shape, wraps, strict=True):
        count *= n if wrap or edges == "closed" else n - 1
    return count


def reflections(ndim: int) -> Iterator[Callable[[tuple[int, ...]], tuple[int, ...]]]:
    """Maps of offsets in a block for each reflection that is not the opposite of another."""
    for signs in itertools.product((0, 1), repeat=ndim - 1):
        flip = (0, *signs)
        yield lambda offset, flip=flip: tuple(o ^ f for o, f in zip(offset, flip, strict=True))
