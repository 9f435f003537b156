"""Trigonometric polynomials: the Fourier–Galerkin scheme with collocation at the voxels.

Moulinec & Suquet (1998, doi:10.1016/S0045-7825(97)00218-1) in displacement form; Vondřejc, Zeman & Marek (2014,
doi:10.1016/j.camwa.2014.05.014). Nyquist rule: on an axis of even size the derivative of the Nyquist wave along that axis
is zero (its sine part is not representable, and the derivative must stay real and skew). Displacements made of Nyquist
waves alone are null modes that the preconditioner leaves at zero. On even grids the compatible strains therefore lack
those waves: a laminate of one-voxel layers, say, is not exact, as it is on odd grids.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro.fields import forward, frequencies, inverse
from jaxmicro.homogenization.operators.contract import Displacement, LinearLaw, Operator, Vector, mean_components


@dataclasses.dataclass(frozen=True)
class Trigonometric(Operator):
    """Spectral derivatives. For smooth fields and cross-checks: it rings at high contrast and refuses voids."""

    def force(
        self, law: LinearLaw, u: Displacement | None, spacing: Float[Array, " d"], mean_strain: Float[Array, " m"] | None = None
    ) -> tuple[Displacement, Float[Array, " m"]]:
        """Nodal force −div σ by FFT, and the mean stress."""
        strain: tuple[Array | None, ...] = (None,) * self.kinematics.size if u is None else self._strain(u, spacing)
        if mean_strain is not None:
            strain = tuple(mean_strain[k] if s is None else s + mean_strain[k] for k, s in enumerate(strain))
        stress = law.stress(strain)
        shape = jnp.broadcast_shapes(*(s.shape for s in stress))
        waves = self.wave_vectors(shape, spacing)[0]
        out = []
        columns = [self.kinematics.column(stress, axis) for axis in range(self.kinematics.dim)]
        for component in range(self.kinematics.components):
            total = jnp.zeros((), dtype=jnp.result_type(spacing, jnp.complex64))
            for axis, column in enumerate(columns):
                value = column[component]
                if value is not None:
                    total = total - 1j * waves[axis] * forward(jnp.broadcast_to(value, shape), len(shape))
            out.append(inverse(total, shape))
        return tuple(out), mean_components(stress, spacing.dtype)

    def strain(self, u: Displacement, spacing: Float[Array, " d"]) -> tuple[Array, ...]:
        """Strain at the voxel centres."""
        return tuple(jnp.zeros_like(u[0]) if s is None else s for s in self._strain(u, spacing))

    def _strain(self, u: Displacement, spacing: Array) -> tuple[Array | None, ...]:
        shape = u[0].shape
        waves = self.wave_vectors(shape, spacing)[0]
        spectra = [forward(field, len(shape)) for field in u]
        return self.kinematics.strain([[inverse(1j * wave * spectrum, shape) for spectrum in spectra] for wave in waves])

    def wave_vectors(self, shape: tuple[int, ...], spacing: Float[Array, " d"]) -> list[Vector]:
        """The wave vector ξ, zero at the Nyquist wave of even axes."""
        vector = []
        for axis, (k, n) in enumerate(zip(frequencies(shape), shape, strict=True)):
            wave = np.where(2 * np.abs(k) == n, 0.0, 2 * np.pi * k / n)
            vector.append(jnp.asarray(wave, spacing.dtype) / spacing[axis])
        return [tuple(vector)]

    @property
    def takes_voids(self) -> bool:
        """Spectral derivatives do not converge with voids."""
        return False
