"""Geometrically necessary dislocations from the curvature of the lattice."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_number, check, check_choice, record, static
from jaxmicro.descriptors.grains import Grains, check_angle, check_grid
from jaxmicro.descriptors.least_line_length import dislocation_curvatures, least_line_length
from jaxmicro.descriptors.neighbours import CrystalMap, crystal_map, laue_group, neighbour_pairs
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import SlipSystems
from jaxmicro.orientations.equivalents import inverse, product
from jaxmicro.orientations.on_host import least_turn_between

UNITS = {"um": 1e-6, "nm": 1e-9, "mm": 1e-3, "m": 1.0}
METHODS = ("norm", "entries", "systems")
REMEDY = "Use slip_systems('fcc'), 'bcc', or 'hcp' with the axial ratio."
RANK = 9  # of the curvatures of a lattice


@record
class DislocationDensity:
    """Lattice curvature, Nye's tensor, and the dislocations that at least must be there.

    Attributes:
        density: density of geometrically necessary dislocations in 1/m² `(*grid)`; NaN where it is not known.
        curvature: κ_ik = ∂ω_i/∂x_k, the turn of the lattice about axis i per length along axis k, in rad/m `(3, d, *grid)`, sample
            axes; NaN where a voxel has no neighbour in its grain along k.
        nye: α_ij = κ_ji − δ_ij κ_kk in 1/m `(3, 3, *grid)`; NaN where a map does not tell an entry.
        method: as asked.
    """

    density: Float[np.ndarray, "*grid"]
    curvature: Float[np.ndarray, "3 d *grid"]
    nye: Float[np.ndarray, "3 3 *grid"]
    method: str = static(default="norm")


def dislocation_density(
    ms: Microstructure,
    burgers: float | Sequence[float],
    *,
    grains: Grains | None = None,
    angle: float = 5.0,
    method: str = "norm",
    systems: SlipSystems | Sequence[SlipSystems | None] | None = None,
    unit: str = "um",
    periodic: bool = False,
) -> DislocationDensity:
    """Density of geometrically necessary dislocations (GND), from orientation differences of neighbours inside each grain.

    Neglecting elastic strain, Nye's tensor is α_ij = κ_ji − δ_ij κ_kk of the curvature κ. Dislocations of density ρ_s, Burgers vector b_s and
    line t_s make α = Σ ρ_s b_s ⊗ t_s. Whatever they are, Σ ρ_s ≥ ‖α‖/b in the Frobenius norm, with equality for a single family:
    "norm" is this lower bound. A map does not know derivatives along its normal; there α is completed by the entries that make
    the norm least (α_31 = α_32 = 0, α_11 = −α_22 = (κ_11 − κ_22)/2), so that the bound stays one. "systems" is the least Σ ρ_s of the edge
    and screw dislocations of given slip systems, of either sign, whose tensor has the entries that are known: the best lower bound if
    no others are there, in each voxel the optimum of a linear program (to 1e-9), and never below "norm". "entries" is Σ|α_ij|/b
    over the entries that are known, as is often printed; it is no bound and depends on the axes of the map.

    Args:
        ms: microstructure with orientations.
        burgers: length of the Burgers vector in the unit of the grid (Ni 2.49e-4 µm, Al 2.86e-4, Fe 2.48e-4), of hexagonal crystals that
            of ⟨a⟩ (Ti 2.95e-4 µm); or one for each phase.
        grains: differences across their boundaries are left out, and voxels in no grain have no value; by default only the angle
            tells.
        angle: degrees of misorientation from which on a pair of neighbours is left out.
        method: "norm", "systems" or "entries".
        systems: for "systems" the slip systems (`orientations.slip_systems`) of the only phase, or for each phase its own; None for a
            phase has no value in it. They have to make any curvature: "fcc", "bcc" and its families, "hcp".
        unit: unit of the grid: "um", "nm", "mm" or "m".
        periodic: whether the first voxels of the grid follow the last ones; with `grains` theirs.

    Returns:
        `DislocationDensity`. Noise of the orientations adds to it: 0.1° on steps of 0.1 µm are 7e13 1/m².

    Raises:
        ValueError: if there are no orientations, no voxel is indexed, the grains are of another grid, a Burgers vector is not positive or
            not one for each phase, the angle is not within 0–180°, the method or unit is not known, slip systems are missing, do not fit
            the Laue group or cannot make every curvature; and inside jit, vmap or grad.
        TypeError: if `systems` are no slip systems.
        SolveError: if the simplex method did not end within 200 steps somewhere (a dozen are usual).

    Reference:
        J. F. Nye, Acta Metall. 1, 153 (1953), doi:10.1016/0001-6160(53)90054-6; W. Pantleon, "Resolving the geometrically necessary
        dislocation content by conventional electron backscattering diffraction", Scr. Mater. 58, 994 (2008),
        doi:10.1016/j.scriptamat.2008.01.050; B. S. El-Dasher, B. L. Adams, A. D. Rollett, Scr. Mater. 48, 141 (2003),
        doi:10.1016/S1359-6462(02)00340-8.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import from_euler
        >>> turns = from_euler(jnp.zeros((3, 8, 4)).at[0].set(0.01 * jnp.arange(8.0)[:, None]))  # 0.01 rad per µm
        >>> ms = Microstructure(labels=np.zeros((8, 4), int), orientation=turns)
        >>> print(f"{dislocation_density(ms, 2.5e-4).density[3, 2]:.3e}")  # 0.01/µm over 2.5e-4 µm
        4.000e+13

    Not differentiable: it runs on the host.
    """
    check_choice("method", method, METHODS)
    check_choice("unit", unit, tuple(UNITS))
    check_angle("angle", angle)
    check(
        (method == "systems") == (systems is not None),
        f"`systems` must be given with method 'systems' and no other, but they are {'missing' if systems is None else 'given'} for {method!r}. "
        "Use slip_systems('fcc') and its kin.",
    )
    crystals = crystal_map(ms, "Dislocations")
    lengths = _burgers_lengths(burgers, ms)[crystals.phase]
    kinds = None if systems is None else _kinds(systems, ms)
    if grains is not None:
        check_grid(ms, grains)
    owner = None if grains is None else np.asarray(grains.labels).ravel()
    wraps = periodic if grains is None else grains.periodic
    curvature = np.stack([_curvature(crystals, owner, axis, angle, wraps) for axis in range(len(crystals.shape))], axis=1)
    nye = nye_tensor(curvature)
    if kinds is None:
        density = (_least_norm(curvature, nye) if method == "norm" else _entries(nye)) / lengths
    else:
        density = _of_systems(curvature, crystals, kinds) / lengths
    metres = UNITS[unit]

    def field(array: Any, power: int) -> np.ndarray:
        return array.reshape(*array.shape[:-1], *crystals.shape) / metres**power

    return DislocationDensity(field(density, 2), field(curvature, 1), field(nye, 1), method)


def _burgers_lengths(burgers: float | Sequence[float], ms: Microstructure) -> Float[np.ndarray, " phases"]:
    """One length for each phase."""
    remedy = "Nickel has 2.49e-4 µm."
    given: Any = np.asarray(burgers, dtype=object)
    lengths = given.ravel().tolist()
    check(
        all(0 < as_number(b) < np.inf for b in lengths),
        f"`burgers` must be a positive length in the unit of the grid, or one for each phase, but it is {burgers!r}. {remedy}",
    )
    names = [phase.name for phase in ms.phases]
    check(
        given.ndim == 0 or given.shape == (len(names),),
        f"`burgers` must be one length, or one for each of the phases {', '.join(names)}, but there are {len(lengths)}. {remedy}",
    )
    return np.broadcast_to(np.asarray(lengths, float), len(names))


def _kinds(systems: SlipSystems | Sequence[SlipSystems | None], ms: Microstructure) -> list[Float[np.ndarray, "3 3 m"] | None]:
    """The curvatures that the dislocations of each phase make."""
    each = [systems] if isinstance(systems, SlipSystems) else list(systems)
    check(
        all(one is None or isinstance(one, SlipSystems) for one in each),
        f"`systems` must be slip systems, or one or None for each phase, but they are {systems!r}. {REMEDY}",
        TypeError,
    )
    check(
        len(each) == ms.n_phases,
        f"`systems` must be one for each of the phases {', '.join(p.name for p in ms.phases)}, but there are {len(each)}. "
        "Give a list, with None for a phase that is to be left out.",
    )
    return [None if one is None else _kinds_of(one, ms, phase) for phase, one in enumerate(each)]


def _kinds_of(systems: SlipSystems, ms: Microstructure, phase: int) -> Float[np.ndarray, "3 3 m"]:
    group, name = laue_group(ms, phase), ms.phases[phase].name
    hexagonal = any(family.startswith("hcp") for family in systems.families)
    fits = group in (("6/mmm", "6/m") if hexagonal else ("m-3m", "m-3")) or not systems.families
    check(
        fits, f"`systems` must fit the Laue group of {name!r}, {group}, but they are {', '.join(sorted(set(systems.families)))}. {REMEDY}"
    )
    kinds = dislocation_curvatures(systems)
    rank = int(np.linalg.matrix_rank(kinds.reshape(RANK, -1)))
    check(
        rank == RANK,
        f"`systems` must make any curvature of the lattice of {name!r}, but their dislocations make only {rank} of its {RANK} components. {REMEDY}",
    )
    return kinds


def _of_systems(
    curvature: Float[np.ndarray, "3 d n"], crystals: CrystalMap, kinds: list[Float[np.ndarray, "3 3 m"] | None]
) -> Float[np.ndarray, " n"]:
    found = np.full(curvature.shape[2], np.nan)
    for phase, each in enumerate(kinds):
        here = np.flatnonzero(crystals.known & (crystals.phase == phase))
        if each is not None and here.size:
            found[here] = least_line_length(curvature[..., here], crystals.turns[:, here], each)
    return found


def _curvature(crystals: CrystalMap, owner: np.ndarray | None, axis: int, angle: float, periodic: bool) -> Float[np.ndarray, "3 n"]:
    """∂ω/∂x along an axis: the mean of the differences to the voxel before and to the one after, as far as they are in the grain."""
    here, there = neighbour_pairs(crystals.shape, axis, periodic)
    judged = crystals.known[here] & crystals.known[there] & (crystals.phase[here] == crystals.phase[there])
    if owner is not None:
        judged &= (owner[here] >= 0) & (owner[here] == owner[there])
    here, there = here[judged], there[judged]
    turn = np.zeros((3, here.size))
    for group, phases in crystals.groups:
        chosen = np.flatnonzero(np.isin(crystals.phase[here], phases))
        turn[:, chosen] = lattice_turn(crystals.turns[:, here[chosen]], crystals.turns[:, there[chosen]], group)
    small = np.linalg.norm(turn, axis=0) < np.deg2rad(angle)
    here, there, turn = here[small], there[small], turn[:, small] / crystals.spacing[axis]
    size = crystals.known.size
    number = np.bincount(here, minlength=size) + np.bincount(there, minlength=size)
    total = np.stack([np.bincount(here, each, minlength=size) + np.bincount(there, each, minlength=size) for each in turn])
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def lattice_turn(q1: Float[np.ndarray, "4 n"], q2: Float[np.ndarray, "4 n"], laue: str) -> Float[np.ndarray, "3 n"]:
    """The rotation vector, axis times angle in sample axes, that turns the lattice of the first crystal into that of the second.

    The lattice of q is turned by R = gᵀ. From Δ = q2 q1⁻¹ = (cos ω/2, v), passive and in axes of the first crystal, R2 R1ᵀ turns by
    ω about −R1 v.
    """
    least = least_turn_between(q1, q2, laue)
    length = np.linalg.norm(least[1:], axis=0)
    size = np.where(length > 0, 2 * np.arctan2(length, least[0]) / np.where(length > 0, length, 1.0), 2.0)
    vector = (np.zeros_like(size), *least[1:])
    return -size * np.stack(product(product(inverse(q1), vector), q1)[1:])


def nye_tensor(curvature: Float[np.ndarray, "3 d n"]) -> Float[np.ndarray, "3 3 n"]:
    """α_ij = κ_ji − δ_ij κ_kk; NaN where it needs a derivative along the normal of a map."""
    whole = np.full((3, 3, *curvature.shape[2:]), np.nan)
    whole[:, : curvature.shape[1]] = curvature
    nye = np.swapaxes(whole, 0, 1).copy()
    for i in range(3):  # κ_ii drops out of α_ii, so that a map knows α_33
        nye[i, i] = -sum(whole[k, k] for k in range(3) if k != i)
    return nye


def _least_norm(curvature: Float[np.ndarray, "3 d n"], nye: Float[np.ndarray, "3 3 n"]) -> Float[np.ndarray, " n"]:
    """The least Frobenius norm of a Nye tensor with the entries that are known; NaN where one of those is missing."""
    if curvature.shape[1] == 3:
        return np.sqrt(np.sum(nye**2, axis=(0, 1)))
    known = [nye[0, 1], nye[0, 2], nye[1, 0], nye[1, 2], nye[2, 2]]
    return np.sqrt(sum(each**2 for each in known) + (curvature[0, 0] - curvature[1, 1]) ** 2 / 2)


def _entries(nye: Float[np.ndarray, "3 3 n"]) -> Float[np.ndarray, " n"]:
    """Σ|α_ij| over the entries that are known somewhere; NaN where one of those is missing."""
    known = np.isfinite(nye).any(axis=2)
    return np.abs(nye[known]).sum(axis=0)
