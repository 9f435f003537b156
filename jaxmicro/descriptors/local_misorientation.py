"""Kernel average misorientation: how much a voxel differs from those around it, within its grain."""

import itertools

import numpy as np
from jaxtyping import Float

from jaxmicro._core import check
from jaxmicro.descriptors.grains import Grains, check_angle, check_grid
from jaxmicro.descriptors.neighbours import crystal_map
from jaxmicro.microstructures import Microstructure

KERNELS = ("all", "shell")


def kernel_average_misorientation(
    ms: Microstructure,
    order: int = 1,
    *,
    angle: float | None = 5.0,
    grains: Grains | None = None,
    kernel: str = "all",
    periodic: bool = False,
) -> Float[np.ndarray, "*grid"]:
    """KAM: mean misorientation of each voxel to its neighbours up to an order, those beyond the angle or in another grain left out.

    Order 1 is the voxels that share a face; order n those reached by n steps through faces. Misorientations are reduced by symmetry,
    so no jump between equivalent orientations of a file shows.

    Args:
        ms: microstructure with orientations.
        order: how many steps the kernel reaches.
        angle: degrees of misorientation from which on a neighbour is left out; None where `grains` alone decide.
        grains: with them neighbours of other grains are left out, and voxels in no grain have no value.
        kernel: "all" neighbours up to the order, or only the "shell" of exactly that many steps.
        periodic: whether the first voxels of the grid follow the last ones; with `grains` theirs.

    Returns:
        Degrees `(*grid)`; NaN where a voxel is not measured or has no neighbour to compare with.

    Raises:
        ValueError: if there are no orientations, no voxel is indexed, the order is no positive whole number, the angle is not within
            0–180°, neither angle nor grains are given, the grains are of another grid; and inside jit, vmap or grad.

    Reference:
        S. I. Wright, M. M. Nowell, D. P. Field, "A review of strain analysis using electron backscatter diffraction", Microsc.
        Microanal. 17, 316 (2011), doi:10.1017/S1431927611000055.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 4, 4)).at[0].set(jnp.arange(4.0)[:, None]), degrees=True)
        >>> kernel_average_misorientation(Microstructure(labels=np.zeros((4, 4), int), orientation=turns)).round(3)[:, 1].tolist()
        [0.333, 0.5, 0.5, 0.333]

    Not differentiable: it runs on the host. `orientations.misorientation` is differentiable.
    """
    whole = isinstance(order, int | np.integer) and not isinstance(order, bool)
    check(whole and order >= 1, f"`order` must be a positive whole number of steps, but it is {order!r}.")
    check(kernel in KERNELS, f"`kernel` must be one of {', '.join(KERNELS)}, but it is {kernel!r}.")
    check(angle is not None or grains is not None, "`angle` must be given where `grains` are not. Give degrees, such as 5.")
    if angle is not None:
        check_angle("angle", angle)
    crystals = crystal_map(ms, "Misorientations")
    if grains is not None:
        check_grid(ms, grains)
    wraps = periodic if grains is None else grains.periodic
    owner = None if grains is None else np.asarray(grains.labels).ravel()
    total, number = np.zeros(crystals.known.size), np.zeros(crystals.known.size, int)
    for offset in _half_kernel(len(crystals.shape), order, kernel):
        here, there = _shifted(crystals.shape, offset, wraps)
        if owner is not None:
            same = (owner[here] >= 0) & (owner[here] == owner[there])
            here, there = here[same], there[same]
        apart = np.rad2deg(crystals.angles(here, there))
        counted = np.isfinite(apart) if angle is None else apart < angle
        for end in (here[counted], there[counted]):
            total += np.bincount(end, apart[counted], minlength=total.size)
            number += np.bincount(end, minlength=total.size)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan).reshape(crystals.shape)


def _half_kernel(ndim: int, order: int, kernel: str) -> list[tuple[int, ...]]:
    """Offsets of the kernel, one of each opposite pair."""
    offsets = itertools.product(range(-order, order + 1), repeat=ndim)
    steps = (order,) if kernel == "shell" else range(1, order + 1)
    return [offset for offset in offsets if sum(map(abs, offset)) in steps and offset > (0,) * ndim]


def _shifted(shape: tuple[int, ...], offset: tuple[int, ...], periodic: bool) -> tuple[np.ndarray, np.ndarray]:
    """Flat positions of each voxel and of the one at an offset."""
    index = np.arange(int(np.prod(shape))).reshape(shape)
    if periodic:
        here, there = index.ravel(), np.roll(index, [-step for step in offset], range(len(shape))).ravel()
        return here[here != there], there[here != there]  # once around a small cell is the voxel itself
    here = tuple(slice(max(0, -step), max(0, n - max(0, step))) for step, n in zip(offset, shape, strict=True))
    there = tuple(slice(max(0, step), max(0, n - max(0, -step))) for step, n in zip(offset, shape, strict=True))
    return index[here].ravel(), index[there].ravel()
