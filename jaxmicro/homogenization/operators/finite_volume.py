"""Finite volumes for conduction: potentials at the voxel centres, fluxes through the faces between them.

Half a voxel on either side of a face conducts in series, so a face conducts with the harmonic mean of its two voxels,

    q = T e,    T = 2 k₁ k₂ / (k₁ + k₂),    e = G + (φ₂ − φ₁)/h,

and nothing passes through edges and corners, where finite elements do conduct (Patankar, Numerical Heat Transfer and Fluid
Flow, 1980, §4.2; the scheme of the tools for tortuosity, Cooper et al. 2016, doi:10.1016/j.softx.2016.09.002).

An axis ends in one of three ways. *Periodic*: its last voxel meets its first. *Closed*: no flux, T = 0 and e = 0 at the outer faces.
*Wall*: the potential is given, so φ, which is relative to the mean gradient, vanishes there. Half a voxel is left, and in the
units of a whole one q = T e with T = 2 k and e = ½ G + φ/h. The energy is ½ Σ T e² over all faces in each case.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check
from jaxmicro.fields import frequencies
from jaxmicro.homogenization.operators.contract import Displacement, Kernel, Operator, Vector
from jaxmicro.homogenization.operators.fence import apart
from jaxmicro.materials import Scalar

PERIODIC, CLOSED, WALL = "periodic", "closed", "wall"


@dataclasses.dataclass(frozen=True)
class FiniteVolume(Operator):
    """Seven-point finite volumes (five in 2D) with harmonic faces; takes voids, isotropic conductivity only.

    Attributes:
        walls: the axis between two walls of given potential, or None. A mean gradient along the other axes then does nothing.
        closed: whether the other axes end without flux instead of periodically.
    """

    walls: int | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        check(
            self.kinematics.components == 1,
            "`discretization` 'finite_volume' is for conduction only. Use 'finite_element' or 'rotated' for a stiffness.",
        )

    def admit(self, law: Any) -> None:
        """Refuse tensors: their flux through a face depends on the gradient along it, which two voxels do not know."""
        check(
            isinstance(law, Scalar),
            "`discretization` 'finite_volume' takes one conductivity per voxel, but it is given a tensor. Use 'finite_element'.",
        )

    def end(self, axis: int) -> str:
        """How an axis ends."""
        return WALL if axis == self.walls else CLOSED if self.closed else PERIODIC

    def force(
        self, law: Any, u: Displacement | None, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"] | None = None
    ) -> tuple[Displacement, Float[Array, " m"]]:
        """Net flux out of each voxel per volume, and the mean flux."""
        out, means = jnp.zeros_like(law.values), []
        for axis in range(self.kinematics.dim):
            end = self.end(axis)
            flux = conductances(law.values, axis, end) * self._drop(u, axis, spacing, mean_strain, law.values)
            before, behind = _neighbours(flux, axis)
            means.append(jnp.mean(behind if end == PERIODIC else 0.5 * (before + behind)))
            out = out + (before - behind) / spacing[axis]
        return (out,), jnp.stack(means)

    def kernel(self, law: Any, spacing: Float[Array, " d"], serial: bool) -> Kernel:
        """`force` in steps, the first of which lays the potential out with its neighbours."""
        del serial
        axes = range(self.kinematics.dim)
        weights = [conductances(law.values, axis, self.end(axis)) / spacing[axis] ** 2 for axis in axes]
        network = self.network(weights)

        def mean_flux(padded: Array, weight: Array, mean_strain: Array, *, axis: int) -> Array:
            one, other = _neighbours(padded[tuple(slice(1, -1) if k != axis else slice(None) for k in axes)], axis)
            flux = weight * (other - one + spacing[axis] * self._share_of_mean(weight, mean_strain, axis))
            first, last = _neighbours(flux, axis)
            return spacing[axis] * jnp.mean(last if self.end(axis) == PERIODIC else 0.5 * (first + last))

        def kernel(u: Displacement, mean_strain: Float[Array, " m"] | None = None) -> tuple[Displacement, Float[Array, " m"] | None]:
            if mean_strain is None:
                return (network(u[0]),), None
            rises = [spacing[axis] * self._share_of_mean(weights[axis], mean_strain, axis) for axis in axes]
            padded = apart(self._spread)(u[0])
            means = [apart(functools.partial(mean_flux, axis=axis))(padded, weights[axis], mean_strain) for axis in axes]
            return (network(u[0], rises),), jnp.stack(means)

        return kernel

    def network(self, weights: list[Array]) -> Any:
        """The function φ → Σ over the faces of a voxel of weight times difference to the neighbour, which is 0 behind a wall.

        Args:
            weights: of the faces across each axis, one more along it than there are voxels.

        Returns:
            A function of φ and, possibly, of what is added to the differences across the faces of each axis.
        """

        def gather(padded: Array, weights: list[Array], rises: list[Array] | None) -> Array:
            inner = (slice(1, -1),) * padded.ndim
            centre, terms = padded[inner], []
            for axis, weight in enumerate(weights):
                before, behind = (padded[(*inner[:axis], side, *inner[axis + 1 :])] for side in (slice(0, -2), slice(2, None)))
                drops = [centre - before, behind - centre]
                if rises is not None:
                    drops = [drop + rise for drop, rise in zip(drops, _neighbours(rises[axis], axis), strict=True)]
                faces = _neighbours(weight, axis)
                terms += [faces[0] * drops[0], -faces[1] * drops[1]]
            return functools.reduce(jnp.add, terms)

        return lambda u, rises=None: apart(gather)(apart(self._spread)(u), weights, rises)

    def _spread(self, u: Array) -> Array:
        """A potential with a layer more on each side: of its neighbours, or zeros, since no face conducts from beyond a closed end."""
        open_ends = [self.end(axis) == PERIODIC for axis in range(u.ndim)]
        u = jnp.pad(u, [(0, 0) if flag else (1, 1) for flag in open_ends])
        return functools.reduce(lambda u, axis: _extended(u, axis, PERIODIC) if open_ends[axis] else u, range(u.ndim), u)

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Gradients averaged over the two faces of each voxel; `local` knows how a face shares its drop."""
        pairs = [_neighbours(self._drop(u, axis, spacing, None, u[0]), axis) for axis in range(self.kinematics.dim)]
        return tuple(0.5 * (before + behind) for before, behind in pairs)

    def local(
        self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Mean gradient and mean flux of each voxel, along all axes: of its two halves along each."""
        strain = tuple(before + behind for before, behind in self._halves(law.values, u, spacing, mean_strain))
        return strain, law.stress(strain)

    def energy_density(self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]) -> Array:
        """½ k g² of the halves of each voxel."""
        squares = [before**2 + behind**2 for before, behind in self._halves(law.values, u, spacing, mean_strain)]
        return law.values * functools.reduce(jnp.add, squares)

    def through_walls(
        self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"], axis: int
    ) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Mean flux density through the first and through the last wall."""
        flux = conductances(law.values, axis, WALL) * self._drop(u, axis, spacing, mean_strain, law.values)
        first, last = _ends(flux, axis)
        return jnp.mean(first), jnp.mean(last)

    @property
    def takes_multigrid(self) -> bool:
        """By the network of faces, on all levels (volume_multigrid.py)."""
        return True

    @property
    def holds_means(self) -> bool:
        """Between walls a constant potential is not free."""
        return self.walls is not None

    def _drop(self, u: Displacement | None, axis: int, spacing: Array, mean: Array | None, like: Array) -> Array:
        """What e is across each face of an axis: differences of φ, and the mean gradient."""
        end = self.end(axis)
        if u is None:
            e = jnp.zeros([n + (k == axis) for k, n in enumerate(like.shape)], like.dtype)
        else:
            e = jnp.diff(_extended(u[0], axis, end), axis=axis) / spacing[axis]
        return e if mean is None else e + self._share_of_mean(e, mean, axis)

    def _share_of_mean(self, faces: Array, mean: Array, axis: int) -> Array:
        """What the mean gradient adds to e across each face of an axis, shaped to broadcast over them."""
        end = self.end(axis)
        share = np.full(faces.shape[axis], 1.0 if end == WALL or self.walls is None else 0.0)
        share[[0, -1]] *= {PERIODIC: 1.0, WALL: 0.5, CLOSED: 0.0}[end]
        return jnp.asarray(share.reshape([-1 if k == axis else 1 for k in range(faces.ndim)]), faces.dtype) * mean[axis]

    def _halves(self, k: Array, u: Displacement, spacing: Array, mean_strain: Array) -> list[tuple[Array, Array]]:
        """Half of the gradient in the two halves of each voxel, before its centre and behind it, along each axis.

        The drop across a face falls on its two halves as their resistances; a wall has one half only.
        """
        out = []
        for axis in range(self.kinematics.dim):
            before, behind = _neighbours(self._drop(u, axis, spacing, mean_strain, k), axis)
            first, last = _ends(k, axis)
            one, other = _neighbours(k, axis)
            outer = (_share(last, first), _share(first, last)) if self.end(axis) == PERIODIC else (jnp.ones_like(first),) * 2
            shares = jnp.concatenate([outer[0], _share(one, other)], axis), jnp.concatenate([_share(other, one), outer[1]], axis)
            out.append((shares[0] * before, shares[1] * behind))
        return out

    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """One mode per axis: its difference."""
        zero = jnp.zeros((), spacing.dtype)
        sines = [
            jnp.asarray(2 * np.sin(np.pi * k / n), spacing.dtype) / spacing[axis]
            for axis, (k, n) in enumerate(zip(frequencies(shape), shape, strict=True))
        ]
        return [tuple(sines[axis] if axis == mode else zero for axis in range(len(shape))) for mode in range(len(shape))]


def conductances(k: Float[Array, "*grid"], axis: int, end: str) -> Float[Array, "..."]:
    """T of all faces across an axis, one more along it than there are voxels: harmonic means, zero where either side is.

    Example:
        >>> conductances(jnp.array([[1.0], [3.0]]), 0, "wall").ravel().tolist()
        [2.0, 1.5, 6.0]
    """
    first, last = _ends(k, axis)
    inner = jnp.pad(_series(*_neighbours(k, axis)), [(1, 1) if other == axis else (0, 0) for other in range(k.ndim)])
    if end == CLOSED:
        return inner
    outer = (_series(last, first),) * 2 if end == PERIODIC else (2.0 * first, 2.0 * last)
    # Layers are set in place: a concatenation of three would be copied number by number.
    inner = jax.lax.dynamic_update_slice_in_dim(inner, outer[0], 0, axis)
    return jax.lax.dynamic_update_slice_in_dim(inner, outer[1], k.shape[axis], axis)


def _series(first: Array, second: Array) -> Array:
    """Harmonic mean, zero where either vanishes."""
    return 2.0 * first * _share(second, first)


def _share(first: Array, second: Array) -> Array:
    """Share of the first in both; one half where both vanish."""
    total = first + second
    empty = total <= 0
    return jnp.where(empty, 0.5, first / jnp.where(empty, 1.0, total))


def _ends(field: Array, axis: int) -> tuple[Array, Array]:
    """The first and the last layer of voxels."""
    n = field.shape[axis]
    return jax.lax.slice_in_dim(field, 0, 1, axis=axis), jax.lax.slice_in_dim(field, n - 1, n, axis=axis)


def _neighbours(field: Array, axis: int) -> tuple[Array, Array]:
    """All but the last layer, and all but the first: the two sides of the inner faces, or of all voxels of a field of faces."""
    n = field.shape[axis]
    return jax.lax.slice_in_dim(field, 0, n - 1, axis=axis), jax.lax.slice_in_dim(field, 1, n, axis=axis)


def _extended(u: Array, axis: int, end: str) -> Array:
    """A potential with one more layer at both ends: the neighbours, or the same value where no flux passes, or the wall's zero."""
    first, last = _ends(u, axis)
    if end == PERIODIC:
        return jnp.concatenate([last, u, first], axis)
    outer = (jnp.zeros_like(first),) * 2 if end == WALL else (first, last)
    return jnp.concatenate([outer[0], u, outer[1]], axis)
