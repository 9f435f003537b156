"""The network against plain definitions: rearrangements, periodic convolution, sizes, dimensions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.network import CircularConv, assemble, depth_to_space, initial_weights, smooth, space_to_depth, weight_shapes


@pytest.mark.parametrize("shape", [(2, 4, 6, 3), (2, 4, 6, 2, 3)])
def test_blocks_of_voxels_become_channels_and_return(shape):
    x = jnp.arange(np.prod(shape), dtype=float).reshape(shape)
    cells = space_to_depth(x, 2)
    assert cells.shape[1:-1] == tuple(n // 2 for n in shape[1:-1])
    np.testing.assert_array_equal(depth_to_space(cells, 2), x)
    corner = x[(0, *[slice(0, 2)] * (len(shape) - 2))]
    np.testing.assert_array_equal(cells[(0, *[0] * (len(shape) - 2))], corner.ravel())


@pytest.mark.parametrize("grid", [(5, 4), (2, 7), (3, 4, 5)])
def test_convolution_is_the_periodic_sum_over_neighbours(grid):
    d = len(grid)
    layer = CircularConv(2, 3, ndim=d, rngs=nnx.Rngs(params=0))
    layer.bias[...] = jnp.arange(3.0, dtype=jnp.float32)
    x = jax.random.normal(jax.random.key(0), (2, *grid, 2))
    expected = np.zeros((2, *grid, 3)) + np.arange(3.0)
    for offset in np.ndindex(*[3] * d):
        moved = np.roll(x, [1 - o for o in offset], axis=tuple(range(1, d + 1)))
        expected += moved @ np.asarray(layer.kernel[...], float)[offset]
    np.testing.assert_allclose(jax.jit(lambda x: layer(x))(x), expected, atol=1e-12)


def test_three_dimensions_are_a_configuration_value():
    config = CodecConfig(ndim=3, phases=3, patch=2, widths=(4, 4), blocks=1, latent_channels=2)

    def there_and_back(images):
        network = assemble(config, initial_weights(config, jax.random.key(0)))
        mean, log_std = network.encoder(images)
        return mean, log_std, network.decoder(mean)

    shapes = jax.eval_shape(there_and_back, jnp.full((1, 4, 8, 4, 3), 1 / 3, dtype=jnp.float32))
    assert [out.shape for out in shapes] == [(1, 1, 2, 1, 2), (1, 1, 2, 1, 2), (1, 4, 8, 4, 3)]


def test_weights_have_the_shapes_that_files_are_checked_against(tiny_config):
    weights = initial_weights(tiny_config, jax.random.key(0))
    shapes = jax.tree.map(lambda x: (x.shape, str(x.dtype)), weights)
    assert shapes == jax.tree.map(lambda x: (x.shape, str(x.dtype)), weight_shapes(tiny_config))
    assert {leaf.dtype for leaf in jax.tree.leaves(weights)} == {np.dtype("float32")}


def test_one_cell_of_the_latent_moves_only_its_neighbourhood(tiny_config):
    weights = initial_weights(tiny_config, jax.random.key(0))
    decode = jax.jit(lambda z: assemble(tiny_config, weights).decoder(z))
    z = jax.random.normal(jax.random.key(1), (1, 24, 1, 2))
    change = np.abs(decode(z.at[0, 0, 0].add(1.0)) - decode(z)).max(axis=(0, 2, 3))
    assert change[0] > 1e-3
    assert change[48] == 0


@pytest.mark.parametrize("bad", [{"patch": 3}, {"widths": ()}])
def test_a_configuration_that_does_not_fit_together_is_refused(bad):
    with pytest.raises(ValueError, match="must"):
        CodecConfig(**bad)


def test_smoothing_removes_patterns_of_one_voxel_and_keeps_the_mean():
    halftone = (-1.0) ** jnp.indices((4, 6)).sum(axis=0)[None, :, :, None]
    np.testing.assert_allclose(smooth(halftone + 3.0), 3.0, atol=1e-12)
    stripes = (-1.0) ** jnp.arange(6)[None, None, :, None] * jnp.ones((1, 5, 1, 1))
    np.testing.assert_allclose(smooth(stripes), 0.0, atol=1e-12)
    peak = smooth(jnp.zeros((1, 5, 5, 1)).at[0, 2, 2].set(16.0))[0, :, :, 0]
    np.testing.assert_allclose(peak[1:4, 1:4], [[1, 2, 1], [2, 4, 2], [1, 2, 1]], atol=1e-12)
