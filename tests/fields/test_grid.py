import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid


def test_lengths_default_to_unit_voxels():
    grid = Grid((6, 4, 5))
    np.testing.assert_array_equal(grid.lengths, [6.0, 4.0, 5.0])
    np.testing.assert_array_equal(grid.spacing, [1.0, 1.0, 1.0])
    assert (grid.ndim, grid.size, grid.shape) == (3, 120, (6, 4, 5))


def test_centres_are_components_first_and_inside_the_box():
    centres = Grid((4, 5), lengths=(1.0, 2.5)).centres()
    assert centres.shape == (2, 4, 5)
    np.testing.assert_allclose(centres[0, :, 0], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(centres[1, 0, :], [0.25, 0.75, 1.25, 1.75, 2.25])
    np.testing.assert_array_equal(centres[0], np.broadcast_to(centres[0, :, :1], (4, 5)))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_precision_follows_the_lengths(dtype):
    grid = Grid((4, 6), lengths=jnp.array([1.0, 3.0], dtype))
    assert grid.lengths.dtype == grid.spacing.dtype == grid.centres().dtype == dtype


def test_whole_numbers_become_floats():
    assert Grid((4, 6), lengths=jnp.array([1, 3])).spacing.tolist() == [0.25, 0.5]
    assert Grid((4, 6), lengths=(1, 3)).lengths.dtype == jnp.float64


def test_shape_is_static_and_lengths_are_traced():
    traces = []

    @jax.jit
    def volume(grid):
        traces.append(grid.shape)
        return jnp.prod(grid.lengths)

    assert volume(Grid((4, 6), lengths=(1.0, 2.0))) == 2.0
    assert volume(Grid((4, 6), lengths=(3.0, 2.0))) == 6.0
    assert traces == [(4, 6)]
    volume(Grid((6, 4)))
    assert traces == [(4, 6), (6, 4)]


@pytest.mark.parametrize("mode", [jax.grad, jax.jacfwd], ids=["reverse", "forward"])
def test_edge_lengths_have_derivatives(mode):
    def widest(scale):  # a grid made inside the differentiated function, from a list of tracers
        return jnp.sum(Grid((4, 8), lengths=[scale, 2.0]).centres()[0])

    assert mode(widest)(3.0) == pytest.approx(widest(1.0))


def test_a_batch_of_boxes():
    boxes = jax.vmap(lambda edge: Grid((4, 8), lengths=jnp.stack([edge, 2 * edge])))(jnp.array([1.0, 2.0, 3.0]))
    assert boxes.lengths.shape == (3, 2)
    np.testing.assert_allclose(jax.vmap(lambda grid: grid.spacing[1])(boxes), [0.25, 0.5, 0.75])


def test_equality_is_by_value():
    assert Grid((4, 8)) == Grid((4, 8), lengths=(4.0, 8.0))
    assert Grid((4, 8)) != Grid((8, 4), lengths=(4.0, 8.0))
    assert Grid((4, 8)) != Grid((4, 8), lengths=(4.0, 8.1))
    assert Grid((4, 8)) != (4, 8)


def test_a_grid_is_frozen_and_says_so():
    with pytest.raises(AttributeError, match=r"frozen.*`shape`"):
        Grid((4, 8)).shape = (2, 2)


def test_copies_and_pickles_are_equal():
    grid = Grid((4, 8), lengths=(1.0, 3.0))
    assert copy.deepcopy(grid) == grid
    assert pickle.loads(pickle.dumps(grid)) == grid


def test_printing_works_everywhere():
    assert repr(Grid((4, 8), lengths=(1.0, 2.0))) == "Grid(shape=(4, 8), lengths=(1.0, 2.0))"
    shown = []
    jax.jit(lambda grid: shown.append(repr(grid)) or grid.lengths)(Grid((4, 8)))
    assert shown == ["Grid(shape=(4, 8))"]
    assert "Grid" in repr(jax.tree.map(lambda _: None, Grid((4, 8))))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (64, "two or three whole numbers, but it is 64"),
        ((64,), "two or three"),
        ((4, 4, 4, 4), "two or three"),
        ((4, 4.5), r"but it is \(4, 4.5\)"),
        (("a", "b"), "two or three"),
        ((1, 8), r"at least 2 along each axis, but it is \(1, 8\)"),
        ((-4, 8), "at least 2"),
    ],
)
def test_wrong_shapes(as_user, shape, words):
    with pytest.raises(ValueError, match=f"`shape` must be .*{words}"):
        Grid(shape)


@pytest.mark.parametrize(
    ("lengths", "words"),
    [
        ((1.0,), r"one edge length per axis, \(2,\), but its shape is \(1,\)"),
        (1.0, r"but its shape is \(\)"),
        ((1.0, 0.0), r"positive and finite, but they are \[1.0, 0.0\]"),
        ((1.0, -2.0), "positive and finite"),
        ((1.0, np.nan), "positive and finite"),
        ((1.0, np.inf), "positive and finite"),
    ],
)
def test_wrong_lengths(as_user, lengths, words):
    with pytest.raises(ValueError, match=f"`lengths` must .*{words}"):
        Grid((4, 8), lengths=lengths)
