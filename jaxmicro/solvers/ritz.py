"""What conjugate gradients have seen of the spectrum: an estimate of the smallest Ritz value, from scalars of the iteration alone.

The matrix of the Lanczos process is T = Rᵀ R with a bidiagonal R made of the lengths α and the ratios β. The norm of R⁻¹ is followed
by an incremental estimate, which keeps the best combination of the vector before and the new column of R⁻¹: the two by two problem
of each step needs three inner products, and these have recurrences of their own.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float


class Ritz(NamedTuple):
    """Scalars of one run of conjugate gradients.

    Attributes:
        inverse: estimate of ‖T⁻¹‖, from below: one over it is about the smallest Ritz value, rather above it.
        column: squared norm of the last column of R⁻¹.
        mixed: inner product of that column and the vector of the estimate.
        coupling: β/α of the last step.
        share: r·z relative to p·M⁻¹p; r·z times this over the smallest eigenvalue bounds the squared error.

    References:
        Meurant & Tichý (2019), doi:10.1007/s11075-018-0634-8; Duff & Vömel (2002), doi:10.1023/A:1022381401612.

    Example:
        >>> one = Ritz.begin(jnp.float32).extended(jnp.float32(0.5), jnp.float32(0.0))
        >>> float(one.smallest)
        2.0
    """

    inverse: Float[Array, ""]
    column: Float[Array, ""]
    mixed: Float[Array, ""]
    coupling: Float[Array, ""]
    share: Float[Array, ""]

    @classmethod
    def begin(cls, dtype: Any) -> "Ritz":
        """Before the first step."""
        nothing = jnp.zeros((), dtype)
        return cls(nothing, nothing, nothing, nothing, jnp.ones((), dtype))

    @property
    def smallest(self) -> Float[Array, ""]:
        """The smallest Ritz value, `inf` before the first step."""
        return 1.0 / self.inverse

    def extended(self, alpha: Float[Array, ""], beta: Float[Array, ""]) -> "Ritz":
        """After a step of length α, which reduced r·z by the factor β."""
        column = alpha * (self.coupling * self.column + 1.0)
        cross = -jnp.sqrt(jnp.maximum(self.coupling * alpha, 0.0)) * self.mixed
        half = 0.5 * (self.inverse - column)
        inverse = 0.5 * (self.inverse + column) + jnp.hypot(half, cross)
        # The eigenvector of the larger eigenvalue, without cancellation.
        old, new = jnp.where(half > 0, inverse - column, cross), jnp.where(half > 0, cross, inverse - self.inverse)
        size = jnp.hypot(old, new)
        old, new = jnp.where(size > 0, old / size, 0.0), jnp.where(size > 0, new / size, 1.0)
        return Ritz(inverse, column, old * cross + new * column, beta / alpha, self.share / (self.share + beta))
