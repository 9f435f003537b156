import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.design import Density, LatentSpace, Space
from jaxmicro.design.space import as_space, hard
from jaxmicro.fields import Grid


class Upsampling:
    """A codec that is no pytree: nearest-neighbour upsampling by two, then a sigmoid."""

    phases = ("matrix", "fibre")

    def latent_shape(self, grid=None):
        shape = (8, 8) if grid is None else grid.shape
        return tuple(n // 2 for n in shape)

    def decode(self, z):
        f = jax.nn.sigmoid(jnp.repeat(jnp.repeat(z, 2, axis=1), 2, axis=2))
        return jnp.stack([1 - f, f], axis=1)

    def prior_distance(self, z):
        return jnp.sqrt(jnp.mean(z**2, axis=(1, 2)))


def test_initial_densities_spread_over_the_fractions():
    space = Density(Grid((16, 12)), radius=0.0, fractions=(0.2, 0.8))
    found = np.sort(np.asarray(hard(space.decode(space.initial(6, jax.random.key(0))), 2)[:, 1].mean(axis=(1, 2))))
    edges = np.linspace(0.2, 0.8, 7)
    assert ((found > edges[:-1] - 0.01) & (found < edges[1:] + 0.01)).all()
    single = hard(space.decode(space.initial(1, jax.random.key(1))), 2)[0, 1].mean()
    assert abs(float(single) - 0.5) < 0.01


@pytest.mark.parametrize(("phases", "shape"), [(2, (8, 6)), (3, (3, 8, 6))])
def test_fractions_sum_to_one(phases, shape):
    space = Density(Grid((8, 6)), phases=phases)
    assert isinstance(space, Space)
    assert space.latent_shape == shape
    fractions = space.decode(space.initial(2, jax.random.key(3)))
    assert fractions.shape == (2, phases, 8, 6)
    assert np.allclose(fractions.sum(axis=1), 1)
    assert float(fractions.min()) >= 0


def test_the_filter_keeps_the_mean_and_removes_single_voxels():
    space = Density(Grid((16, 16)), radius=1.5)
    field = jnp.zeros((1, 16, 16)).at[0, 4, 4].set(1.0)
    smooth = space.decode(field)[0, 1]
    assert float(smooth.sum()) == pytest.approx(1.0, rel=1e-5)  # the clip at 0 cuts ripples of the filter
    assert float(smooth.max()) == pytest.approx(1 / (2 * np.pi * 1.5**2), rel=1e-3)  # peak of a normalised Gaussian
    assert float(hard(space.decode(field), 2)[0, 1].sum()) == 0


def test_a_codec_that_is_no_pytree_is_a_space():
    space = as_space(Upsampling())
    assert isinstance(space, LatentSpace)
    assert (space.grid.shape, space.phases, space.latent_shape) == ((8, 8), 2, (4, 4))
    decoded = jax.jit(lambda s, z: s.decode(z))(space, space.initial(3, jax.random.key(0)))
    assert decoded.shape == (3, 2, 8, 8)
    assert float(space.prior_distance(2 * jnp.ones((1, 4, 4)))[0]) == pytest.approx(2.0)


def test_what_is_no_space_is_refused():
    with pytest.raises(TypeError, match="must be a Density, a LatentSpace or a codec, but it is int"):
        as_space(3)


def test_bad_densities_are_refused(as_user):
    with pytest.raises(ValueError, match="`radius` must not be negative, but it is -1"):
        Density(Grid((8, 8)), radius=-1.0)
    with pytest.raises(ValueError, match="`phases` must be a whole number of at least 2, but it is 1"):
        Density(Grid((8, 8)), phases=1)
