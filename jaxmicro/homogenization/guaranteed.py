"""Guaranteed two-sided bounds of the effective tensor of a voxel cell.

From above: any compatible strain has at least the energy of the minimiser. Bi- and trilinear elements integrate the energy of voxels
of uniform stiffness exactly, so that the tensor they make is an upper bound, converged or not.

From below: any stress in equilibrium with the mean Σ has at least the complementary energy Σ : C_eff⁻¹ : Σ. The stresses here are
trigonometric polynomials, which are in equilibrium at every point if each of their waves is, σ̂ = P(ξ) σ̂. The compliance of a voxel
cell is a step function whose Fourier coefficients are known in closed form, and the energy of polynomials meets only finitely many of
them: on a grid of half the spacing the integral ⟨σ : S : σ⟩ is exact (Vondřejc, Zeman & Marek 2015, doi:10.1016/j.cma.2015.09.003; Dvořák
1995 for the idea). The start is the elements' own stress, made to be in equilibrium; a few steps of conjugate gradients lower its energy.
How far they go makes the bound sharper and never wrong. Where a voxel has no stiffness, no polynomial has a finite energy, and zero is
the bound.
"""

import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from jaxmicro.fields import Kinematics, forward, frequencies, inverse
from jaxmicro.homogenization.cell import fluctuations, loads, stationary_tensor
from jaxmicro.homogenization.green import Blocks, invert_blocks
from jaxmicro.homogenization.operators import BoxElement
from jaxmicro.homogenization.operators.contract import Displacement
from jaxmicro.homogenization.solve import Medium, Setup, for_each
from jaxmicro.materials import Scalar
from jaxmicro.solvers import Stopping, conjugate_gradients

RTOL, STEPS = 3e-3, 200  # of the dual iteration, whose discretisation is off by more
ROUNDING = 64  # eps of the tensor's diagonal by which a bound is widened
SOFT = 1e-14  # voxels of a stiffness below that, relative to the largest, count as without any


class Compliance(NamedTuple):
    """The compliance of a cell, truncated to the waves that an energy meets and sampled at half the spacing.

    Attributes:
        values: upper triangle row by row (k, *fine grid), or one field for isotropic conduction.
        size: number m of components.
    """

    values: Float[Array, "k *fine"]
    size: int

    def strain(self, stress: Float[Array, "m *fine"]) -> Float[Array, "m *fine"]:
        """S : σ."""
        if self.values.shape[0] == 1:
            return self.values * stress
        place = np.zeros((self.size,) * 2, int)
        place[np.triu_indices(self.size)] = np.arange(len(self.values))
        rows = range(self.size)
        return jnp.stack([sum(self.values[place[min(i, j), max(i, j)]] * stress[j] for j in rows) for i in rows])


def guaranteed_bounds(setup: Setup, medium: Medium, u: Displacement, tensor: Float[Array, "m m"]) -> tuple[Array, Array]:
    """Lower and upper bound of the effective tensor of the voxel cell, in the Loewner order.

    Args:
        setup: of the solve; whatever its discretisation, elements make the bounds.
        medium: law and voxel edge lengths.
        u: the fluctuations that the solve has found, (load, *grid).
        tensor: what it has made of them.
    """
    operator = setup.operator
    if not (isinstance(operator, BoxElement) and operator.full):
        setup = Setup(BoxElement(operator.kinematics, full=True), setup.rtol, setup.max_steps, setup.serial)
        u = fluctuations(setup, medium)[0]
        tensor = stationary_tensor(setup, medium, u)
    upper = tensor + _slack(tensor)
    return _lower(setup, medium, jax.lax.stop_gradient((u, tensor)), setup.operator.kinematics), upper


def _slack(tensor: Float[Array, "m m"]) -> Float[Array, "m m"]:
    """What rounding may have done, as a diagonal that dominates it."""
    size = jax.lax.stop_gradient(jnp.abs(jnp.diagonal(tensor)))
    return jnp.diag(ROUNDING * float(jnp.finfo(tensor.dtype).eps) * len(size) * size)


def _lower(setup: Setup, medium: Medium, found: tuple[Displacement, Array], kinematics: Kinematics) -> Float[Array, "m m"]:
    """The inverse of the complementary energies of stresses with unit means; zero if a voxel has no stiffness."""
    law, shape, size = medium.law, medium.law.grid_shape, kinematics.size
    solid = ~_has_soft_voxels(law)
    compliance = Compliance(_sampled(_compliances(law, solid), shape), size)
    fixed = jax.lax.stop_gradient(medium)
    fluctuating = jax.lax.stop_gradient(_stresses(setup, fixed, Compliance(jax.lax.stop_gradient(compliance.values), size), found))
    # A stress stays in equilibrium when the cell is stretched if its entries along a_i and a_j are stretched by both: with this the
    # derivative in the edge lengths is that of the energy alone, for the stresses are stationary otherwise.
    stretch = medium.spacing / jax.lax.stop_gradient(medium.spacing)
    factors = _piola(kinematics, jnp.concatenate([stretch, jnp.ones(3 - len(shape), stretch.dtype)]))
    # Displacements or potentials of the primal problem do not enter any more.
    unit = jnp.eye(size, dtype=law.dtype).reshape(size, size, *(1,) * len(shape))
    whole = [unit[j] + factors.reshape(-1, *(1,) * len(shape)) * fluctuating[j] for j in range(size)]
    strains = [compliance.strain(stress) for stress in whole]
    energies = jnp.stack([jnp.stack([jnp.mean(jnp.sum(a * b, 0)) for b in strains]) for a in whole])
    energies = 0.5 * (energies + energies.T) + _slack(energies)
    bound = jnp.linalg.inv(energies)
    return jnp.where(solid, 0.5 * (bound + bound.T), 0.0)


def _piola(kinematics: Kinematics, stretch: Float[Array, "3"]) -> Float[Array, " m"]:
    """Factors of the stress components under a stretch of the cell: of both axes for a stress, of one for a flux."""
    out: list[Array] = [jnp.ones((), stretch.dtype)] * kinematics.size
    if kinematics.components == 1:
        return stretch[: kinematics.size]
    for k, i, a, _ in kinematics.table:
        out[k] = stretch[i] * stretch[a]
    return jnp.stack(out)


def _has_soft_voxels(law: Any) -> Array:
    """Whether some voxel has no stiffness in some direction."""
    if isinstance(law, Scalar):
        return jnp.min(law.values) <= SOFT * jnp.max(law.values)
    values = jnp.linalg.eigvalsh(jnp.moveaxis(jax.lax.stop_gradient(law.tensor()), (0, 1), (-2, -1)))
    return jnp.min(values) <= SOFT * jnp.max(values)


def _compliances(law: Any, solid: Array) -> Float[Array, "k *grid"]:
    """Upper triangles of the compliances of the voxels."""
    if isinstance(law, Scalar):
        return 1.0 / jnp.where(solid, law.values, 1.0)[None]
    tensors = jnp.moveaxis(law.tensor(), (0, 1), (-2, -1))
    inverse = jnp.linalg.inv(jnp.where(solid, tensors, jnp.eye(tensors.shape[-1], dtype=tensors.dtype)))
    return jnp.stack([inverse[..., i, j] for i, j in zip(*np.triu_indices(tensors.shape[-1]), strict=True)])


def _sampled(field: Float[Array, "k *grid"], shape: tuple[int, ...]) -> Float[Array, "k *fine"]:
    """The waves of a step function that the square of a polynomial meets, sampled at half the spacing, voxel centres first.

    A voxel of width h has the Fourier transform sinc; the transform of the whole repeats that of the voxel values.
    """
    fine, d = tuple(2 * n for n in shape), len(shape)
    spectrum = forward(field, d)
    *full, half = range(d)
    waves = [np.rint(w.ravel()).astype(int) for w in frequencies(fine)]
    for axis in full:
        spectrum = jnp.take(spectrum, waves[axis] % shape[axis], axis + 1)
    # On the halved axis the waves beyond one half of the old ones are conjugates of those at the mirrored place.
    n = shape[half]
    place = waves[half] % n
    mirrored = place > n // 2
    other = spectrum
    for axis in full:
        other = jnp.take(other, (-np.arange(fine[axis])) % fine[axis], axis + 1)
    spectrum = jnp.where(
        mirrored,
        jnp.conj(jnp.take(other, np.where(mirrored, n - place, place), half + 1)),
        jnp.take(spectrum, np.where(mirrored, n - place, place), half + 1),
    )
    for axis in range(d):
        weight = np.sinc(waves[axis] / shape[axis]) * (np.abs(waves[axis]) < shape[axis])
        spectrum = spectrum * jnp.asarray(weight.reshape([-1 if k == axis else 1 for k in range(d)]), field.dtype)
    return 2**d * inverse(spectrum, fine)


def _stresses(setup: Setup, medium: Medium, compliance: Compliance, found: tuple[Displacement, Array]) -> Float[Array, "m m *fine"]:
    """Fluctuating stresses in equilibrium, (mean stress, component, *fine grid), near those of least complementary energy."""
    u, tensor = found
    shape, kinematics, size = medium.law.grid_shape, setup.operator.kinematics, setup.operator.kinematics.size
    project = _projection(kinematics, shape, medium.spacing)
    scale = jnp.mean(compliance.values[0])
    unit = jnp.eye(size, dtype=medium.law.dtype)
    solved = for_each(
        lambda load: jnp.stack(setup.operator.local(medium.law, load[0], medium.spacing, load[1])[1]),
        (u, loads(medium, setup)),
        setup.serial,
    )
    weights = jnp.linalg.pinv(tensor, hermitian=True)  # unit mean strains that make a unit mean stress
    starts = jnp.tensordot(weights, jnp.where(jnp.isfinite(solved), solved, 0.0), axes=1)

    def operator(stress: Array) -> Array:
        return project(_coarse(compliance.strain(_fine(forward(stress, len(shape)), shape)), shape))

    def one(load: tuple[Array, Array]) -> Array:
        mean, start = load
        uniform = jnp.broadcast_to(mean.reshape(size, *(1,) * len(shape)), (size, *(2 * n for n in shape)))
        strain = compliance.strain(uniform)
        budget = jnp.mean(jnp.sum(uniform * strain, 0)) * math.prod(shape)
        b = -project(_coarse(strain, shape))
        stopping = Stopping(RTOL, STEPS, budget, smallest=0.1)
        stress, _ = conjugate_gradients(operator, lambda r: r / scale, b, stopping, project(forward(start, len(shape))))
        # Whatever the iteration did, it stays a stress in equilibrium; one that is not finite is none.
        stress = project(forward(jnp.where(jnp.isfinite(stress), stress, 0.0), len(shape)))
        return _fine(forward(stress, len(shape)), shape)

    return for_each(one, (unit, starts), setup.serial)


def _projection(kinematics: Kinematics, shape: tuple[int, ...], spacing: Array) -> Any:
    """The function from a spectrum to the field of its part in equilibrium: without mean, strains, and Nyquist waves."""
    d, zero = len(shape), jnp.zeros((), spacing.dtype)
    waves = [jnp.asarray(2 * np.pi / n * k, spacing.dtype) / h for k, n, h in zip(frequencies(shape), shape, spacing, strict=True)]
    kept = functools.reduce(np.logical_and, [2 * np.abs(k) < n for k, n in zip(frequencies(shape), shape, strict=True)])
    kept = kept & functools.reduce(np.logical_or, [k != 0 for k in frequencies(shape)])
    blocks: Blocks = kinematics.acoustic(jnp.eye(kinematics.size, dtype=spacing.dtype), [tuple(waves)])
    full = {key: jnp.broadcast_to(value, kept.shape) for key, value in blocks.items()}
    inverted = invert_blocks(full, kinematics.components)
    components = range(kinematics.components)

    def project(spectrum: Complex[Array, "m *half"]) -> Float[Array, "m *grid"]:
        forces: list[Any] = [zero] * kinematics.components
        for k, i, a, factor in kinematics.table:
            forces[i] = forces[i] + factor * waves[a] * spectrum[k]
        u = [sum(inverted[min(i, j), max(i, j)] * forces[j] for j in components) for i in components]
        rows = [spectrum[k] for k in range(kinematics.size)]
        for k, i, a, factor in kinematics.table:
            rows[k] = rows[k] - factor * waves[a] * u[i]
        return inverse(jnp.where(kept, jnp.stack(rows), 0.0), shape)

    del d
    return project


def _ends(n: int) -> tuple[int, int]:
    """How many waves from zero up, and how many below zero, a polynomial on n points has without its Nyquist wave."""
    return (n - 1) // 2 + 1, (n - 1) // 2


def _fine(spectrum: Complex[Array, "m *half"], shape: tuple[int, ...]) -> Float[Array, "m *fine"]:
    """A polynomial without Nyquist waves, at half the spacing."""
    d = len(shape)
    for axis, n in enumerate(shape):
        up, down = _ends(n)
        low = jax.lax.slice_in_dim(spectrum, 0, up, axis=axis + 1)
        if axis == d - 1:
            spectrum = jnp.pad(low, [(0, n + 1 - up) if k == d else (0, 0) for k in range(d + 1)])
            continue
        high = jax.lax.slice_in_dim(spectrum, n - down, n, axis=axis + 1)
        gap = jnp.zeros((*low.shape[: axis + 1], 2 * n - up - down, *low.shape[axis + 2 :]), low.dtype)
        spectrum = jnp.concatenate([low, gap, high], axis + 1)
    return 2**d * inverse(spectrum, tuple(2 * n for n in shape))


def _coarse(field: Float[Array, "m *fine"], shape: tuple[int, ...]) -> Complex[Array, "m *half"]:
    """The spectrum of a field on the fine grid, cut to the waves of the coarse one: the transpose of `_fine`."""
    d = len(shape)
    spectrum = forward(field, d) / 2**d
    for axis, n in enumerate(shape):
        up, down = _ends(n)
        low = jax.lax.slice_in_dim(spectrum, 0, up, axis=axis + 1)
        if axis == d - 1:
            spectrum = jnp.pad(low, [(0, n // 2 + 1 - up) if k == d else (0, 0) for k in range(d + 1)])
            continue
        high = jax.lax.slice_in_dim(spectrum, 2 * n - down, 2 * n, axis=axis + 1)
        gap = jnp.zeros((*low.shape[: axis + 1], n - up - down, *low.shape[axis + 2 :]), low.dtype)
        spectrum = jnp.concatenate([low, gap, high], axis + 1)
    return spectrum
