"""What every discretisation offers.

The strain of a displacement is a few *modes* per voxel, orthogonal under integration: mode 0 is the voxel mean, to which
the macroscopic strain is added; finite elements have further (hourglass) modes. With B_k the strain operator of mode k,

    K u = Σ_k B_kᵀ C B_k u,    energy per voxel = ½ Σ_k ε_k : C : ε_k.

The mode gradients have Fourier symbols that are one common phase times a real vector b_k(ξ) (times i), so the symbol of K
for a homogeneous medium is a real symmetric c × c block per frequency.
"""

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro.fields import Kinematics

Displacement = tuple[Array, ...]
Vector = tuple[Array, ...]


class LinearLaw(Protocol):
    """What every operator needs of a law: stress components from strain components, None standing for zero."""

    def stress(self, strain: Sequence[Array | None]) -> tuple[Array, ...]:
        """Stress components from strain components."""
        ...


class Kernel(Protocol):
    """The nodal forces of one law on one grid."""

    def __call__(self, u: Displacement, mean_strain: Float[Array, " m"] | None = None) -> tuple[Displacement, Float[Array, " m"] | None]:
        """Bᵀ C (E + B u) and, under a mean strain at least, the mean stress."""
        ...


@dataclasses.dataclass(frozen=True)
class Operator(ABC):
    """A discretisation of the periodic cell problem for one kinematics.

    Attributes:
        kinematics: which gradient entries make which strain.
    """

    kinematics: Kinematics

    @abstractmethod
    def force(
        self, law: LinearLaw, u: Displacement | None, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"] | None = None
    ) -> tuple[Displacement, Float[Array, " m"]]:
        """Nodal force Bᵀ C (E + B u) per voxel volume, and the mean stress; u or E may be None for zero."""

    def kernel(self, law: Any, spacing: Float[Array, " d"], serial: bool) -> Kernel:
        """`force` for one law, prepared once and applied often: the same numbers, but not for differentiation.

        `serial` says that the backend works through memory in order (CPU), where a kernel may differ.
        """
        del serial
        return lambda u, mean_strain=None: self.force(law, u, spacing, mean_strain)

    def action(self, law: Any, spacing: Float[Array, " d"], serial: bool) -> Callable[[Displacement], Displacement]:
        """The function u → K u, by `kernel`."""
        kernel = self.kernel(law, spacing, serial)
        return lambda u: kernel(u)[0]

    @abstractmethod
    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Voxel means of the strain, m components."""

    def admit(self, law: Any) -> None:
        """Refuse, by an error, a kind of law that the discretisation cannot take."""
        del law

    def local(
        self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]
    ) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Voxel means of strain and stress under a mean strain."""
        strain = tuple(e + mean_strain[k] for k, e in enumerate(self.strain(u, spacing)))
        return strain, law.stress(strain)

    def energy_density(self, law: Any, u: Displacement, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"]) -> Array:
        """Energy per volume of each voxel under a mean strain; its mean is half of E : C_eff : E at the minimum."""
        return half_product(*self.local(law, u, spacing, mean_strain))

    @abstractmethod
    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """The real vectors b_k(ξ) of all modes on the half spectrum, each a tuple of d arrays that broadcast to it."""

    def symbol(self, moduli: Float[Array, "m m"], shape: tuple[int, ...], spacing: Float[Array, " d"]) -> dict[tuple[int, int], Array]:
        """Upper triangle of the symbol of K for a homogeneous medium."""
        return self.kinematics.acoustic(moduli, self.wave_vectors(shape, spacing))

    def at_nodes(self, field: Array) -> Array:
        """Averages at the nodes of a field given in the voxels; here each voxel has a node of its own."""
        return field

    @property
    def takes_multigrid(self) -> bool:
        """Whether the operator on coarser grids is an approximation of the one on finer grids, null waves included."""
        return False

    @property
    def holds_means(self) -> bool:
        """Whether a constant displacement is held by something; in a periodic cell it is free and does no work."""
        return False

    @property
    def takes_voids(self) -> bool:
        """Whether the discretisation takes voxels of exactly zero stiffness."""
        return True


def mean_components(components: Sequence[Array | None], dtype: jnp.dtype) -> Float[Array, " m"]:
    """Voxel averages of component fields; None counts as zero."""
    return jnp.stack([jnp.zeros((), dtype) if c is None else jnp.mean(c) for c in components])


def half_product(strain: Sequence[Array | None], stress: Sequence[Array | None]) -> Array:
    """½ σ : ε, voxel by voxel; None counts as zero."""
    return 0.5 * functools.reduce(jnp.add, [e * s for e, s in zip(strain, stress, strict=True) if e is not None and s is not None])
