"""Cells that solvers are compared on, as code with fixed seeds.

Each is a field of Young's modulus between `contrast` and 1 (or 1 and `contrast`, if that is above one) on a grid, Poisson's
ratio 0.3 everywhere:

- `inclusion`: a disc or sphere of radius a quarter of the cell; matrix 1, inclusion `contrast`;
- `thresholded`: two phases, a smooth random field cut at its median: structure on several scales with sharp interfaces;
- `random`: two phases, each voxel at random;
- `smooth`: a sigmoid of a smooth random field between the two moduli, on a logarithmic scale: a grey image, or a density.
"""

import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

KINDS = ("inclusion", "thresholded", "random", "smooth")
POISSON = 0.3


def young(kind: str, shape: tuple[int, ...], contrast: float, seed: int = 0) -> np.ndarray:
    """Young's modulus per voxel.

    Args:
        kind: one of `KINDS`.
        shape: voxels per axis.
        contrast: ratio of the two moduli.
        seed: of the random cells.
    """
    if kind == "inclusion":
        x = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5 for n in shape), indexing="ij"))
        return np.where((x**2).sum(0) < 0.0625, contrast, 1.0)
    rng = np.random.default_rng(seed)
    if kind == "random":
        return np.where(rng.random(shape) < 0.5, contrast, 1.0)
    field = smooth_field(shape, rng)
    if kind == "thresholded":
        return np.where(field < np.median(field), contrast, 1.0)
    return contrast ** (1.0 / (1.0 + np.exp(3.0 * field)))


def smooth_field(shape: tuple[int, ...], rng: np.random.Generator, modes: float = 4.0, reach: int = 8) -> np.ndarray:
    """A periodic random field of mean 0 and variance 1 whose waves fall off beyond `modes` per edge.

    The amplitudes of its few waves are drawn, not a noise in every voxel: finer grids show the same cell.
    """
    waves = [np.abs(np.fft.fftfreq(n) * n) for n in shape]
    numbers = [np.round(np.fft.fftfreq(2 * reach + 1) * (2 * reach + 1)).astype(int)] * len(shape)
    drawn = np.fft.fftn(rng.normal(size=(2 * reach + 1,) * len(shape)))
    spectrum = np.zeros(shape, complex)
    places = [k[np.abs(k) < n / 2] for k, n in zip(numbers, shape, strict=True)]
    spectrum[np.ix_(*places)] = drawn[np.ix_(*places)]
    size = sum(w.reshape([-1 if i == j else 1 for j in range(len(shape))]) ** 2 for i, w in enumerate(waves))
    field = np.fft.ifftn(spectrum * np.exp(-0.5 * size / modes**2)).real
    field = field - field.mean()
    return field / field.std()


def isotropic(kind: str, shape: tuple[int, ...], contrast: float, seed: int = 0, dtype: str = "float64") -> jm.materials.Isotropic:
    """The cell as a law with two numbers per voxel."""
    e = jnp.asarray(young(kind, shape, contrast, seed), dtype)
    return jm.materials.Isotropic(e * POISSON / ((1 + POISSON) * (1 - 2 * POISSON)), e / (2 * (1 + POISSON)))
