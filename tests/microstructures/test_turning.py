"""Turned and flipped cells have turned and reflected properties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import assign_stiffness
from jaxmicro.materials import constants
from jaxmicro.microstructures import flip, polycrystal, turn
from jaxmicro.orientations import from_euler, misorientation, rotate_stiffness

TIGHT = {"rtol": 1e-9}
CUBE = jm.Grid((4, 4, 4), (1.0, 1.0, 1.0))
CRYSTAL = jnp.asarray(constants("olivine").stiffness)  # orthotropic: no accidental symmetry of the sample frame


def cell(grid=CUBE, seed=0):
    ms = polycrystal(grid, 5, key=jax.random.key(seed))
    return ms.replace(
        maps=ms.maps | {"place": np.arange(grid.size).reshape(grid.shape)}, mask=np.arange(grid.size).reshape(grid.shape) % 7 > 0
    )


def effective(ms):
    return jm.effective_stiffness(assign_stiffness(ms, [CRYSTAL]), ms.grid, **TIGHT).tensor


def mean(ms):
    return jnp.mean(assign_stiffness(ms, [CRYSTAL]), axis=(2, 3, 4))


def reflected(c, axis):
    """C of the mirror image: components change sign with the number of indices along the axis."""
    signs = np.array([(-1) ** ((i == axis) + (j == axis)) for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))])
    return signs[:, None] * np.asarray(c) * signs[None, :]


both = pytest.mark.parametrize("of", [mean, pytest.param(effective, marks=pytest.mark.slow)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@both
def test_the_stiffness_of_a_turned_cell_is_the_turned_stiffness(of, axis):
    """R = exp(+π/2 about the axis): C'_ijkl = R_ia R_jb R_kc R_ld C_abcd, here through a passive quaternion written by hand."""
    ms = cell()
    passive = np.zeros(4)
    passive[0], passive[1 + axis] = np.sqrt(0.5), -np.sqrt(0.5)
    expected = rotate_stiffness(of(ms), passive)
    assert np.allclose(of(turn(ms, 1, axis)), expected, rtol=1e-7, atol=1e-6)
    assert not np.allclose(of(turn(ms, 3, axis)), expected, rtol=1e-3)
    places = np.rot90(ms.maps["place"], 1, ((axis + 1) % 3, (axis + 2) % 3))
    assert np.array_equal(turn(ms, 1, axis).maps["place"], places)


@pytest.mark.parametrize("axis", [0, 1, 2])
@both
def test_the_stiffness_of_a_flipped_cell_is_the_reflected_stiffness(of, axis):
    ms = cell()
    c = of(ms)
    assert np.allclose(of(flip(ms, axis)), reflected(c, axis), rtol=1e-7, atol=1e-6)
    assert not np.allclose(c, reflected(c, axis), rtol=1e-3)


def test_a_map_turns_about_its_normal():
    grid = jm.Grid((4, 6), (2.0, 5.0))
    ms = cell(grid)
    turned = turn(ms)
    assert turned.grid.shape == (6, 4)
    assert turned.grid.lengths.tolist() == [5.0, 2.0]
    assert int(turned.maps["place"][0, 1]) == int(ms.maps["place"][1, 5])  # (x, y) goes to (−y, x)
    assert bool((turned.mask == jnp.rot90(ms.mask)).all())
    back = turn(turned, -1)
    assert float(jnp.max(misorientation(back.orientation, ms.orientation, laue="-1"))) < 1e-7
    assert "crystals too" in " ".join(turned.notes)


def test_four_turns_and_two_flips_are_none():
    ms = cell()
    for same in (turn(turn(ms, 1, 0), 3, 0), turn(ms, 4, 1), flip(flip(ms, 1), 1)):
        assert float(jnp.max(misorientation(same.orientation, ms.orientation, laue="-1"))) < 1e-7
        assert bool((same.maps["place"] == ms.maps["place"]).all())


def test_a_crystal_turns_with_the_map():
    ms = jm.Microstructure(
        labels=np.zeros((2, 2), int), orientation=jnp.broadcast_to(from_euler((0.3, 0.2, 0.1))[:, None, None], (4, 2, 2))
    )
    # g' = g Rᵀ with R = +90° about z, and Rᵀ is the passive turn by φ1 = 90°: the crystal's φ1 grows by as much.
    expected = from_euler((0.3 + np.pi / 2, 0.2, 0.1))
    assert float(misorientation(turn(ms).orientation[:, 0, 0], expected, laue="-1")) < 1e-7


def test_gradients_go_through():
    ms = cell()

    def value(q):
        return jnp.sum(turn(ms.replace(orientation=q), 1, 1).orientation[1] ** 2)

    q = ms.orientation
    slope = jax.jit(jax.grad(value))(q)
    assert np.allclose(slope, jax.jit(jax.jacfwd(value))(q), atol=1e-12)
    assert float(jnp.max(jnp.abs(slope))) > 0


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match="a map turns about its normal"):
        turn(cell(jm.Grid((4, 4))), 1, 0)
    with pytest.raises(ValueError, match=r"`axis` must be an axis from 0 … 1"):
        flip(cell(jm.Grid((4, 4))), 2)
    with pytest.raises(TypeError, match="`quarters` must be a whole number"):
        turn(cell(), 0.5)


@pytest.mark.parametrize("call", [turn, lambda ms: flip(ms, 0)])
def test_what_is_no_microstructure_is_named(call, as_user):
    with pytest.raises(TypeError, match="`ms` must be a Microstructure, but it is NoneType"):
        call(None)
