"""Microstructures of phase separation: spinodal decomposition by the Cahn–Hilliard equation."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike

from jaxmicro._core import check, check_shape, is_concrete, split_named
from jaxmicro.fields import Grid
from jaxmicro.microstructures.cahn_hilliard import cahn_hilliard
from jaxmicro.microstructures.gaussian_field import check_positive
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.record import Microstructure

DEFAULT_WIDTH = 4.0  # voxels between the tangents of an interface


def spinodal_decomposition(
    grid: Grid,
    composition: ArrayLike = 0.5,
    *,
    key: Array,
    steps: int = 200,
    time: ArrayLike | None = None,
    time_step: ArrayLike | None = None,
    interface_width: ArrayLike | None = None,
    gradient_energy: ArrayLike | None = None,
    barrier: ArrayLike = 1.0,
    mobility: ArrayLike = 1.0,
    mobility_law: str = "constant",
    noise: ArrayLike = 0.02,
    phases: Sequence[Phase | str] = ("poor", "rich"),
) -> Microstructure:
    """A mixture that separates into two phases: `cahn_hilliard` from a mean composition with white noise.

    Separation from noise takes about 20 κ / (M W²). The first wavelength is 2π √(2 κ / −f″), at c = 1/2 π times the width of an interface;
    then domains coarsen. Outside 0.21 < c < 0.79 (f″ > 0) a mixture does not separate by itself.

    Args:
        grid: the periodic cell.
        composition: mean, in (0, 1): 0 and 1 are the two phases.
        key: typed random key of the noise.
        steps: of time.
        time: at the end; or
        time_step: by default κ / (M W²), so that the time is `steps` times that.
        interface_width: between the tangents of an interface, √(8 κ / W), in the unit of `grid.lengths`; by default four of the longest
            voxel edges; or
        gradient_energy: κ.
        barrier: W of the double well W c² (1 − c)².
        mobility: M.
        mobility_law: "constant" or "degenerate".
        noise: standard deviation of the composition at the start; its mean is removed.
        phases: names of the phases that are poor and rich in what is counted.

    Returns:
        The microstructure with fractions (1 − c, c), c cut to [0, 1], and the map `composition`, c itself, whose mean is the one asked for
        to rounding. `soft_levels` of that map gives any other fraction, `sharpen` labels; `cahn_hilliard` energies and snapshots.

    Raises:
        ValueError: if a number is out of range or two exclude each other.
        SolveError: if a step was unstable; under a tracer the result is NaN.

    Reference:
        J. W. Cahn, Acta Metall. 9, 795 (1961), doi:10.1016/0001-6160(61)90182-1; and those of `cahn_hilliard`.

    Example:
        >>> ms = spinodal_decomposition(Grid((16, 16)), 0.4, key=jax.random.key(0), steps=50)
        >>> round(float(ms.maps["composition"].mean()), 6)
        0.4

    Differentiable, at fixed key, in the composition, time, widths, κ, W, M, noise and edge lengths, in both modes: soft from the start.
    """
    dtype = grid.lengths.dtype
    mean = jnp.asarray(composition, dtype)
    check_shape("composition", mean, (), "Give the mean; `cahn_hilliard` takes a field.")
    check(not is_concrete(mean) or 0 < float(mean) < 1, f"`composition` must lie between 0 and 1, but it is {composition}.")
    check(
        interface_width is None or gradient_energy is None,
        "`interface_width` and `gradient_energy` must not both be given: one follows from the other.",
    )
    check(time is None or time_step is None, "`time` and `time_step` must not both be given: one follows from the other and `steps`.")
    check_positive(interface_width=interface_width, gradient_energy=gradient_energy, barrier=barrier, mobility=mobility, time=time)
    check_positive(time_step=time_step, noise=noise)
    well, speed = jnp.asarray(barrier, dtype), jnp.asarray(mobility, dtype)
    kappa = _gradient_energy(grid, interface_width, gradient_energy, well)
    natural = kappa / (speed * well**2) if time is None else jnp.asarray(time, dtype) / steps
    white = jax.random.normal(split_named(key, "noise")["noise"], grid.shape, dtype)
    start = mean + jnp.asarray(noise, dtype) * (white - jnp.mean(white))
    options: dict[str, Any] = {"gradient_energy": kappa, "barrier": well, "mobility": speed, "mobility_law": mobility_law}
    end = cahn_hilliard(start, grid, time_step=natural if time_step is None else time_step, steps=steps, **options).composition
    rich = jnp.clip(end, 0.0, 1.0)
    text = f"spinodal_decomposition: mean composition {float(mean):g}, {steps} steps" if is_concrete(mean) else ""
    return Microstructure(
        grid=grid,
        fractions=jnp.stack([1 - rich, rich]),
        maps={"composition": end},
        phases=phases,
        provenance=text,
        asked={"volume_fractions": jnp.stack([1 - mean, mean])},
    )


def _gradient_energy(grid: Grid, interface_width: ArrayLike | None, gradient_energy: ArrayLike | None, barrier: Array) -> Array:
    if gradient_energy is not None:
        return jnp.asarray(gradient_energy, barrier.dtype)
    width = DEFAULT_WIDTH * jnp.max(grid.spacing) if interface_width is None else jnp.asarray(interface_width, barrier.dtype)
    return barrier * width**2 / 8
