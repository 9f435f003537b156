"""Cells made periodic, and what that does at the seam."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check, check_choice, is_concrete, record
from jaxmicro.microstructures.cutting import mirror, same_spacing
from jaxmicro.microstructures.everywhere import companions
from jaxmicro.microstructures.record import Microstructure
from jaxmicro.microstructures.resolution import per_axis

TREATMENTS = ("as_is", "mirror", "blend")
BLENDED_SHARE = 1 / 8  # default width of the cross-fade over the edge: wide enough for a few features of a usual crop


@record
class SeamReport:
    """How much more the phases change across the periodic boundary than between neighbours inside.

    A change is half the sum over the phases of the absolute difference of neighbouring fractions: for labels, the
    share of neighbouring pairs that differ. A ratio near 1 is a cell without a visible seam.
    """

    seam: Float[Array, " d"]
    inside: Float[Array, " d"]

    @property
    def ratio(self) -> Float[Array, " d"]:
        """Change across the seam over change inside, per axis (infinite where nothing changes inside)."""
        still = self.inside == 0
        return jnp.where(self.seam == 0, 0.0, jnp.where(still, jnp.inf, self.seam / jnp.where(still, 1.0, self.inside)))

    def __str__(self) -> str:
        if not is_concrete(self):
            return repr(self)
        pairs = zip("xyz", np.asarray(self.seam), np.asarray(self.inside), strict=False)
        return ", ".join(f"{name} {100 * seam:.1f} % against {100 * inside:.1f} % inside" for name, seam, inside in pairs)


def seam_report(ms: Microstructure) -> SeamReport:
    """Phase changes across the periodic boundary against those inside, per axis.

    Args:
        ms: the microstructure.

    Returns:
        `.seam` and `.inside`, `(d,)` each, and their `.ratio`.

    Example:
        >>> print(seam_report(Microstructure(labels=[[0, 0], [0, 0], [1, 0], [1, 1]])))
        x 100.0 % against 33.3 % inside, y 25.0 % against 25.0 % inside

    Differentiable in fractions where neighbours differ.
    """
    seams, insides = [], []
    for axis in range(ms.grid.ndim):
        shares = jnp.moveaxis(ms.labels if ms.is_sharp else ms.fractions, axis - ms.grid.ndim, 0)
        seams.append(_change(shares[-1:], shares[:1], ms))
        insides.append(_change(shares[:-1], shares[1:], ms))
    return SeamReport(seam=jnp.stack(seams), inside=jnp.stack(insides))


def _change(here: Array, there: Array, ms: Microstructure) -> Float[Array, ""]:
    """Mean phase change between two stacks of layers `(layers, …)`, of labels or of fractions `(layers, p, …)`."""
    if ms.is_sharp:
        return jnp.mean(here != there, dtype=ms.grid.lengths.dtype)
    return 0.5 * jnp.mean(jnp.sum(jnp.abs(here - there), axis=1))


def make_periodic(ms: Microstructure, treatment: str = "as_is", *, width: int | Sequence[int] | None = None) -> Microstructure:
    """Treat the edges of a map that is not periodic, and note the effect at the seam.

    - `"as_is"` leaves the map: opposite edges meet with a jump, which costs a layer of false interfaces.
    - `"mirror"` appends the reflection (`mirror`): no jump, twice the edge, a symmetry that the material does not have.
    - `"blend"` cross-fades: the last `width` layers along each axis are laid over the first ones and mixed with
      linear weights, in phase fractions; the cell becomes `width` layers shorter. A voxel there holds a mixture of two
      places of the map, and the orientation, mask and maps of the one with the larger weight. Use `sharpen` after it
      where voxels of one phase are wanted.

    Args:
        ms: the microstructure.
        treatment: "as_is", "mirror" or "blend".
        width: layers of the cross-fade along each axis, one number or one per axis; by default 1/8 of the edge.

    Returns:
        The treated cell, whose notes say what was done and the phase changes at the seam before and after.

    Raises:
        ValueError: if the treatment is not known, or the width is more than half of an edge.

    Example:
        >>> ms = make_periodic(Microstructure(labels=[[0, 0], [0, 0], [1, 0], [1, 1]]), "mirror")
        >>> ms.grid.shape, seam_report(ms).seam.tolist()
        ((8, 4), [0.0, 0.0])

    Differentiable in fractions.
    """
    check_choice("treatment", treatment, TREATMENTS)
    check(width is None or treatment == "blend", f"`width` belongs to treatment='blend', but the treatment is {treatment!r}. Leave it out.")
    if treatment == "mirror":
        treated = mirror(ms)
    elif treatment == "blend":
        treated = _blend(ms, _widths(ms, width))
    else:
        treated = ms
    if not is_concrete(ms):
        return treated
    before = f"; untreated {seam_report(ms)}" if treatment != "as_is" else ""
    return treated.with_notes(f"periodic={treatment!r}: phase changes across the seam {seam_report(treated)}{before}")


def _widths(ms: Microstructure, width: int | Sequence[int] | None) -> tuple[int, ...]:
    if width is None:
        return tuple(max(1, round(BLENDED_SHARE * n)) for n in ms.grid.shape)
    widths = per_axis("width", width, ms.grid.ndim)
    fits = all(2 * w <= n for w, n in zip(widths, ms.grid.shape, strict=True))
    check(fits, f"`width` must be at most half of each edge, but it is {widths} on {ms.grid.shape} voxels.")
    return widths


def _blend(ms: Microstructure, widths: tuple[int, ...]) -> Microstructure:
    ndim = ms.grid.ndim
    shares = ms.fractions
    for axis, width in enumerate(widths):
        shares = _fade(shares, axis + 1, width)

    def nearer(array: Array) -> Array:
        for axis, width in enumerate(widths):
            array = _switch(array, array.ndim - ndim + axis, width)
        return array

    grid = same_spacing(ms.grid, tuple(n - w for n, w in zip(ms.grid.shape, widths, strict=True)))
    note = f"opposite edges cross-faded over {' x '.join(map(str, widths))} voxels"
    return ms.replace(grid=grid, fractions=shares, notes=(*ms.notes, note), **companions(ms, nearer))


def _fade(array: Array, axis: int, width: int) -> Array:
    """Lay the last layers over the first ones with linear weights: the first layer is the last ones' continuation."""
    moved = jnp.moveaxis(array, axis, 0)
    weight = (jnp.arange(width, dtype=array.dtype) + 1) / (width + 1)
    weight = weight.reshape((-1,) + (1,) * (array.ndim - 1))
    faded = weight * moved[:width] + (1 - weight) * moved[-width:]
    return jnp.moveaxis(jnp.concatenate([faded, moved[width:-width]]), 0, axis)


def _switch(array: Array, axis: int, width: int) -> Array:
    """As `_fade`, but each layer comes from the edge with the larger weight."""
    moved = jnp.moveaxis(array, axis, 0)
    half = width // 2
    first = jnp.concatenate([moved[moved.shape[0] - width :][:half], moved[half:width]])
    return jnp.moveaxis(jnp.concatenate([first, moved[width:-width]]), 0, axis)
