"""What a search varies: latents that decode to phase fractions. A density per voxel, or the latent space of a codec."""

import functools
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check, record, split_named, static
from jaxmicro.fields import Grid

SMOOTHEST, ROUGHEST = 1 / 10, 1 / 40  # correlation lengths of initial densities, in shares of the cell's geometric mean edge


@runtime_checkable
class Space(Protocol):
    """What `Problem` needs of the variables: `Density` and `LatentSpace` have it, and so may a class of your own.

    Register it as a pytree (`@record` of `jaxmicro._core` does), or compare by identity: it is passed to jitted functions.
    """

    @property
    def grid(self) -> Grid:
        """The cell that latents decode to."""
        ...

    @property
    def phases(self) -> int:
        """Number of phases p."""
        ...

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        ...

    def initial(self, n: int, key: Array) -> Array:
        """Latents `(n, *latent_shape)` from which searches start."""
        ...

    def decode(self, latents: Array) -> Array:
        """Phase fractions `(n, p, *grid)` of latents, differentiable."""
        ...

    def prior_distance(self, latents: Array) -> Array | None:
        """Distance `(n,)` from what is usual, about 1 for usual latents; None where nothing is."""
        ...


@record
class Density:
    """A free density in every voxel.

    Two phases: the latent is the field itself, `(*grid)`; smoothed, it is the fraction of phase 1, and a voxel holds phase 1
    where that exceeds ½. More phases: one field each, `(p, *grid)`, smoothed, and the largest one rules.

    Args:
        grid: the cell.
        phases: number of phases.
        radius: standard deviation of the periodic Gaussian filter, in voxels: the smallest features are about two of it.
        fractions: range of the volume fraction of phase 1 among initial latents (two phases), spread evenly over it.

    Example:
        >>> density = Density(Grid((8, 8)))
        >>> density.decode(density.initial(3, jax.random.key(0))).shape
        (3, 2, 8, 8)

    `decode` is differentiable in the latents (two phases: clipped to [0, 1]).
    """

    grid: Grid
    phases: int = static(default=2)
    radius: float = static(default=1.0)
    fractions: tuple[float, float] = static(default=(0.2, 0.8))

    def __post_init__(self) -> None:
        check(isinstance(self.grid, Grid), f"`grid` must be a Grid, but it is {type(self.grid).__name__}. Write Grid((32, 32)).", TypeError)
        check(
            isinstance(self.phases, int) and self.phases >= 2,
            f"`phases` must be a whole number of at least 2, but it is {self.phases!r}.",
        )
        check(self.radius >= 0, f"`radius` must not be negative, but it is {self.radius:g} voxels. Pass 0 for no filter.")
        low, high = self.fractions
        check(0 < low <= high < 1, f"`fractions` must satisfy 0 < low ≤ high < 1, but they are {self.fractions}.")

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """`(*grid)` for two phases, else `(p, *grid)`."""
        return self.grid.shape if self.phases == 2 else (self.phases, *self.grid.shape)

    def initial(self, n: int, key: Array) -> Float[Array, "n *latent"]:
        """Smooth random fields of varied coarseness and direction; of one latent the fraction is the middle of the range."""
        keys = split_named(key, "noise", "level", "coarseness", "direction")
        dtype, ndim = self.grid.lengths.dtype, self.grid.ndim
        edge = float(np.prod(self.grid.shape)) ** (1 / ndim)
        octave = jax.random.uniform(keys["coarseness"], (n, 1), dtype)
        length = edge * ROUGHEST * (SMOOTHEST / ROUGHEST) ** octave
        stretch = 0.35 * jax.random.normal(keys["direction"], (n, ndim), dtype)
        lengths = length * jnp.exp(stretch - jnp.mean(stretch, axis=1, keepdims=True))
        noise = jax.random.normal(keys["noise"], (n, *self.latent_shape), dtype)
        fields = jax.vmap(lambda x, sizes: _smooth(x, sizes, self.grid.shape))(noise, lengths)
        axes = tuple(range(-ndim, 0))
        fields = 0.1 * (fields - jnp.mean(fields, axes, keepdims=True)) / jnp.std(fields, axes, keepdims=True)
        if self.phases > 2:
            return fields
        shares = _spread(n, *self.fractions, keys["level"], dtype)
        ranked = jnp.sort(fields.reshape(n, -1), axis=1)
        place = jnp.clip(((1 - shares) * self.grid.size).astype(int), 0, self.grid.size - 1)
        return 0.5 + fields - jnp.take_along_axis(ranked, place[:, None], axis=1).reshape(n, *(1,) * ndim)

    def decode(self, latents: Float[Array, "n *latent"]) -> Float[Array, "n p *grid"]:
        """Phase fractions of densities."""
        smooth = _smooth(latents, self.radius, self.grid.shape) if self.radius > 0 else latents
        if self.phases > 2:
            return jax.nn.softmax(10.0 * smooth, axis=1)
        second = jnp.clip(smooth, 0, 1)
        return jnp.stack([1 - second, second], axis=1)

    def prior_distance(self, latents: Array) -> None:  # noqa: ARG002
        """None: every density is as usual as any other."""
        return


@record
class LatentSpace:
    """The latent space of a codec, for cells of one grid.

    Args:
        codec: has `decode(z)` → (n, p, *grid), `latent_shape(shape)` and, if it can, `sample_latents(n, key=, shape=)` and
            `prior_distance(z)`; a pytree like the codecs of `jaxmicro.generative`, or any other object.
        grid: the cell; by default the codec's own size with unit voxels.

    Example:
        >>> from jaxmicro.generative import load
        >>> space = LatentSpace(load("two-phase-64"), Grid((16, 16)))
        >>> space.decode(space.initial(1, jax.random.key(0))).shape
        (1, 2, 16, 16)

    `decode` is differentiable where the codec's is.
    """

    codec: Any
    grid: Any = None
    phases: int = static(default=0)

    def __post_init__(self) -> None:
        if jax.tree_util.all_leaves([self.codec]):
            object.__setattr__(self, "codec", _Opaque(self.codec))
        source = unwrap(self.codec)
        given = self.grid
        latent = tuple(source.latent_shape() if given is None else source.latent_shape(given))
        images = jax.eval_shape(source.decode, jax.ShapeDtypeStruct((1, *latent), jnp.result_type(float)))
        grid = Grid(images.shape[2:]) if given is None else given
        check(
            images.shape[2:] == grid.shape,
            f"`codec` must decode to the grid {grid.shape}, but latents {latent} decode to {images.shape[2:]}.",
        )
        object.__setattr__(self, "grid", grid)
        object.__setattr__(self, "phases", int(images.shape[1]))

    @property
    def latent_shape(self) -> tuple[int, ...]:
        """Shape of one latent."""
        return tuple(unwrap(self.codec).latent_shape(self.grid))

    def initial(self, n: int, key: Array) -> Float[Array, "n *latent"]:
        """Draws from the codec's prior, or white noise where it has none."""
        codec, dtype = unwrap(self.codec), jnp.result_type(float)
        if hasattr(codec, "sample_latents"):
            return codec.sample_latents(n, key=key, shape=self.grid).astype(dtype)
        return jax.random.normal(key, (n, *self.latent_shape), dtype)

    def decode(self, latents: Float[Array, "n *latent"]) -> Float[Array, "n p *grid"]:
        """Phase fractions of latents."""
        return unwrap(self.codec).decode(latents)

    def prior_distance(self, latents: Float[Array, "n *latent"]) -> Float[Array, " n"] | None:
        """Distance from the codec's prior, None where it has none."""
        codec = unwrap(self.codec)
        return codec.prior_distance(latents) if hasattr(codec, "prior_distance") else None


@jax.tree_util.register_static
class _Opaque:
    """A codec that is no pytree, compared by identity."""

    def __init__(self, inner: Any):
        self.inner = inner


def unwrap(codec: Any) -> Any:
    """The codec itself."""
    return codec.inner if isinstance(codec, _Opaque) else codec


def as_space(given: Any) -> Space:
    """A space as it is, a codec wrapped in one."""
    if isinstance(given, Space):
        return given
    if hasattr(given, "decode") and hasattr(given, "latent_shape"):
        return LatentSpace(given)
    raise TypeError(
        f"`codec_or_density` must be a Density, a LatentSpace or a codec, but it is {type(given).__name__}. "
        "Write Density(Grid((32, 32))), or jaxmicro.generative.load(name)."
    )


@functools.partial(jax.jit, static_argnames="n")
def drawn(space: Any, n: int, key: Array) -> Array:
    """Initial latents of a space, compiled whole."""
    return space.initial(n, key)


def hard(fractions: Float[Array, "..."], ndim: int) -> Float[Array, "..."]:
    """Each voxel given to the phase of its largest fraction: 0 or 1 instead of shares."""
    axis = fractions.ndim - ndim - 1
    return jax.nn.one_hot(jnp.argmax(fractions, axis=axis), fractions.shape[axis], dtype=fractions.dtype, axis=axis)


def unit(direction: Float[Array, "..."]) -> Float[Array, "..."]:
    """A direction of root mean square 1 (not of standard deviation 1: a uniform direction has none)."""
    return direction / jnp.maximum(jnp.sqrt(jnp.mean(direction**2)), jnp.finfo(direction.dtype).tiny)


def spread_of(latent: Float[Array, "*latent"]) -> Float[Array, ""]:
    """Standard deviation of a latent over its entries, the scale of steps; never quite zero, so that uniform cells can change."""
    return jnp.maximum(jnp.std(latent), 1e-3)


def _spread(n: int, low: float, high: float, key: Array, dtype: Any) -> Float[Array, " n"]:
    """One share in each of n strata of an interval, in random order; the middle for n = 1."""
    keys = split_named(key, "place", "order")
    place = jnp.full((1,), 0.5, dtype) if n == 1 else jax.random.uniform(keys["place"], (n,), dtype)
    return low + (high - low) * (jax.random.permutation(keys["order"], n) + place) / n


def _smooth(field: Float[Array, "... "], radius: Any, shape: tuple[int, ...]) -> Float[Array, "... "]:
    """Periodic Gaussian filter over the last axes; `radius` in voxels, one number or one per axis."""
    axes = tuple(range(-len(shape), 0))
    radii = jnp.broadcast_to(jnp.asarray(radius, field.dtype), (len(shape),))
    spectrum = jnp.fft.rfftn(field, axes=axes)
    for axis, n in zip(axes, shape, strict=True):
        waves = np.fft.rfftfreq(n) if axis == -1 else np.fft.fftfreq(n)
        decay = jnp.exp(-2 * (jnp.pi * radii[axis] * jnp.asarray(waves, field.dtype)) ** 2)
        spectrum = spectrum * decay.reshape([-1 if other == axis else 1 for other in axes])
    return jnp.fft.irfftn(spectrum, s=shape, axes=axes)
