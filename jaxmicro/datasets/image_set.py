"""Training images with what is known about them."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt8

from jaxmicro._core import check, record, static
from jaxmicro.generative import as_images
from jaxmicro.microstructures import Microstructure


@record
class ImageSet:
    """Images for `jaxmicro.generative.train`.

    Attributes:
        images: phase fractions `(n, p, *grid)`; 8-bit where every voxel holds one phase.
        origins: first voxel of each image in its source, `(n, d)`; zeros where images were made whole.
        sources: which microstructure or generator each image comes from, `(n,)`.
        phases: names of the channels.
        periodic: whether opposite edges of each image fit, so that training may roll it.
        description: one line for cards and reports.

    Example:
        >>> cells = synthetic(2, [random_fields(jm.Grid((16, 16)))], key=jax.random.key(0))
        >>> cells.images.shape, cells.periodic
        ((2, 2, 16, 16), True)
    """

    images: Float[Array, "n p *grid"] | UInt8[Array, "n p *grid"]
    origins: Int[np.ndarray, "n d"]
    sources: Int[np.ndarray, " n"]
    phases: tuple[str, ...] = static(default=())
    periodic: bool = static(default=False)
    description: str = static(default="")

    def __len__(self) -> int:
        return self.images.shape[0]


def stacked(cells: Sequence[Microstructure]) -> Array:
    """Images of microstructures with the same phases and shape, 8-bit where that loses nothing."""
    check_same_phases(cells)
    shapes = {ms.grid.shape for ms in cells}
    check(
        len(shapes) == 1, f"Microstructures of one dataset must have one shape, but they have {sorted(shapes)}. Pass `size` to cut crops."
    )
    if all(ms.is_sharp for ms in cells):
        return pure(np.stack([np.asarray(ms.labels) for ms in cells]), cells[0].n_phases)
    return as_images(list(cells), phases=cells[0].n_phases, ndim=cells[0].grid.ndim).astype(jnp.float32)


def check_same_phases(cells: Sequence[Microstructure]) -> None:
    """Check that channels mean the same everywhere."""
    names = {tuple(phase.name for phase in ms.phases) for ms in cells}
    check(
        len(names) == 1, f"Microstructures of one dataset must have the same phases, but they have {sorted(names)}. Rename or merge phases."
    )


def pure(labels: np.ndarray, phases: int) -> UInt8[Array, "n p *grid"]:
    """8-bit phase fractions of labels `(n, *grid)`."""
    return jnp.asarray(np.moveaxis(np.eye(phases, dtype=np.uint8)[labels], -1, 1))
