"""Binder between particles: a phase that is put where the necks of another one are."""

from typing import Any

import numpy as np

from jaxmicro._core import check, is_concrete, is_number
from jaxmicro.microstructures.carving import check_amount, filled, phase_index, room_of, with_phase
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure

LEAST = 1.5  # voxels: the smallest width where none is given


def add_bridges(
    ms: Microstructure,
    volume_fraction: float,
    *,
    host: int | str,
    into: int | str,
    name: str | Phase = "binder",
    width: float | None = None,
    periodic: bool = True,
) -> Microstructure:
    """Put a new phase into one phase where the necks of another one are, such as binder between particles.

    The indicator of the host is smoothed by a Gaussian of standard deviation `width`. At a flat surface it is one half; in necks, between
    particles that nearly touch, it is largest. The voxels of `into` are filled in that order until the volume fraction is reached.

    Args:
        ms: any microstructure, also a measured one.
        volume_fraction: of the new phase in the (measured) cell; at most that of `into`. It is exact to one voxel.
        host: number or name of the phase whose necks are bridged.
        into: number or name of the phase that gives way.
        name: of the new phase, which comes last.
        width: in the unit of `grid.lengths`; by default half of d · volume / surface of the host, which is half of the radius of its particles.
            A width of few voxels coats the particles, one of their radius fills the pores among them.
        periodic: whether the cell repeats; otherwise it is mirrored at its faces.

    Returns:
        The microstructure with one phase more; orientations, mask and maps stay. What was asked for is known anew.

    Raises:
        ValueError: if a phase is not there, `into` is the host, or the volume fraction has no room.

    Reference: binder that was put numerically between measured particles is common in battery models, for instance F. L. E. Usseglio-Viretta
    et al., J. Electrochem. Soc. 165, A3403 (2018), doi:10.1149/2.0731814jes; the rule here is the one described above.

    Example:
        >>> import jax
        >>> from jaxmicro.microstructures import inclusions
        >>> from jaxmicro.fields import Grid
        >>> ms = inclusions(Grid((64, 64)), 0.6, 6.0, key=jax.random.key(0))
        >>> bound = add_bridges(ms, 0.1, host="inclusion", into="matrix")
        >>> round(float(bound.volume_fractions[2]), 3), [phase.name for phase in bound.phases]
        (0.1, ['matrix', 'inclusion', 'binder'])

    Not differentiable: it ranks voxels.
    """
    check(is_concrete(ms, volume_fraction, width), "Voxels are ranked on the host: call this outside jit, vmap and grad.")
    source, target = phase_index(ms, "host", host), phase_index(ms, "into", into)
    check(source != target, f"`into` must be another phase than `host`, but both are {ms.phases[source].name!r}.")
    spacing = np.asarray(ms.grid.lengths, float) / ms.grid.shape
    sigma = max(_radius(ms, source) / 2, LEAST * float(spacing.max())) if width is None else width
    check(
        is_number(sigma) and 0 < sigma < np.inf,
        f"`width` must be positive, but it is {width!r}. Give a length such as half the radius of the particles.",
    )
    room = room_of(ms, target)
    amount = check_amount(ms, volume_fraction, room, f"the phase {ms.phases[target].name!r}")
    share = filled(ms, -smoothed_phase(ms, source, float(sigma), periodic), room, amount)
    done = with_phase(ms, share, target, name)
    note = f"{done.phases[-1].name}: {volume_fraction:g} of the volume, from {ms.phases[target].name!r} into the necks of {ms.phases[source].name!r}, width {sigma:g}"
    return done.with_notes(note).replace(asked=_asked(ms, float(volume_fraction), target))


def smoothed_phase(ms: Microstructure, phase: int, sigma: float, periodic: bool) -> np.ndarray:
    """A phase's share of each voxel, smoothed by a Gaussian."""
    from scipy.ndimage import gaussian_filter

    share = np.asarray(ms.labels == phase if ms.is_sharp else ms.fractions[phase], float)
    widths = sigma * np.array(ms.grid.shape) / np.asarray(ms.grid.lengths, float)
    return gaussian_filter(share, widths, mode="wrap" if periodic else "reflect")


def _radius(ms: Microstructure, phase: int) -> float:
    """Radius of spheres or discs of the same volume over surface; the surface by faces between voxels, less what steps make of it."""
    inside = np.asarray(ms.labels == phase)
    lengths = np.asarray(ms.grid.lengths, float)
    faces = sum(
        float((inside != np.roll(inside, 1, axis)).mean()) * n / edge
        for axis, (n, edge) in enumerate(zip(inside.shape, lengths, strict=True))
    )
    steps = np.pi / 4 if inside.ndim == 2 else 2 / 3  # a surface over the mean of its faces
    return inside.ndim * float(inside.mean()) / (steps * faces) if faces else 0.0


def _asked(ms: Microstructure, share: float, target: int) -> dict[str, Any]:
    """Volume fractions, where they were asked for before."""
    before = ms.asked.get("volume_fractions")
    old = np.asarray(ms.volume_fractions if before is None else before, float).copy()
    old[target] -= share
    return {"volume_fractions": (*old.tolist(), share)}
