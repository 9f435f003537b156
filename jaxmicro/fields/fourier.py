"""The FFT pair on the trailing grid axes of a real field, and its frequencies."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


def forward(field: Float[Array, "... "], ndim: int) -> Complex[Array, "... "]:
    """Real FFT over the last `ndim` axes (the last one is halved). Linear, so differentiable.

    Example:
        >>> forward(jnp.ones((4, 6)), 2)[0, 0].item()
        (24+0j)
    """
    return jnp.fft.rfftn(field, axes=tuple(range(-ndim, 0)))


def inverse(spectrum: Complex[Array, "... "], shape: tuple[int, ...]) -> Float[Array, "... "]:
    """Inverse of `forward`; `shape` is the real grid, whose last size the half spectrum does not know.

    Example:
        >>> field = jnp.arange(6.0).reshape(2, 3)
        >>> bool(jnp.allclose(inverse(forward(field, 2), (2, 3)), field, atol=1e-5))
        True
    """
    return jnp.fft.irfftn(spectrum, s=shape, axes=tuple(range(-len(shape), 0)))


def half_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the half spectrum of a real field of `shape`.

    Example:
        >>> half_shape((8, 9))
        (8, 5)
    """
    return (*shape[:-1], shape[-1] // 2 + 1)


def frequencies(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Signed integer wave numbers per axis, shaped to broadcast over the half spectrum.

    On an even axis the Nyquist wave number is given as -n/2 on full axes and +n/2 on the halved last one.

    Example:
        >>> [waves.ravel().tolist() for waves in frequencies((4, 5))]
        [[0.0, 1.0, -2.0, -1.0], [0.0, 1.0, 2.0]]
    """
    waves = []
    for axis, n in enumerate(shape):
        k = np.rint(np.fft.rfftfreq(n) * n if axis == len(shape) - 1 else np.fft.fftfreq(n) * n)
        waves.append(k.reshape([-1 if other == axis else 1 for other in range(len(shape))]))
    return waves


def mirror_weights(shape: tuple[int, ...]) -> np.ndarray:
    """How many waves each entry of the half spectrum stands for along its last axis: itself and, but for 0 and Nyquist, its mirror image.

    A sum over all waves, as in Parseval's theorem, is a sum over the half spectrum with these weights.

    Example:
        >>> mirror_weights((4, 6)).tolist(), mirror_weights((4, 5)).tolist()
        ([1.0, 2.0, 2.0, 1.0], [1.0, 2.0, 2.0])
    """
    weights = np.full(half_shape(shape)[-1], 2.0)
    weights[0] = 1.0
    if shape[-1] % 2 == 0:
        weights[-1] = 1.0
    return weights
