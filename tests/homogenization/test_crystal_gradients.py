"""Derivatives of effective properties in the orientations of crystals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import assign_stiffness
from jaxmicro.materials import Crystals, constants
from jaxmicro.orientations import from_axis_angle, multiply, normalize
from tests.daily import daily

GRID = jm.Grid((6, 5), (1.2, 1.5))
COPPER = jnp.asarray(constants("Cu").stiffness)
TITANIUM = jnp.asarray(constants("Ti").stiffness)
RTOL = 1e-8  # of the fluctuations; derivatives are right to about as much
AGREED = 1e-6


def duplex():
    """Grains of two phases; the left half is one grain, so many neighbours are identical."""
    ms = jm.microstructures.polycrystal(GRID, 4, key=jax.random.key(0))
    labels = np.zeros(GRID.shape, int)
    labels[:, 3:] = 1
    orientation = ms.orientation.at[:, :3].set(ms.orientation[:, :1, :1])
    return ms.replace(labels=labels, phases=("Cu", "Ti"), orientation=orientation)


def weights():
    return jnp.asarray(np.random.default_rng(1).normal(size=(6, 6)))


DUPLEX = duplex()


def of_tensor(q):
    field = assign_stiffness(DUPLEX.replace(orientation=normalize(q)), [COPPER, TITANIUM])
    return jnp.vdot(weights(), jm.effective_stiffness(field, GRID, rtol=RTOL).tensor)


def of_law(q):
    law = Crystals(jnp.stack([COPPER, TITANIUM]), normalize(q), DUPLEX.labels)
    return jnp.vdot(weights(), jm.effective_stiffness(law, GRID, rtol=RTOL).tensor)


def central(function, x, direction, step=1e-5):
    return float((function(x + step * direction) - function(x - step * direction)) / (2 * step))


@pytest.mark.parametrize("mode", daily(["fwd", "rev"], "rev"))
def test_gradients_in_quaternions_agree_with_differences(mode):
    q = DUPLEX.orientation
    function = jax.jit(of_tensor)
    direction = jnp.asarray(np.random.default_rng(2).normal(size=q.shape))
    expected = central(function, q, direction)
    if mode == "fwd":
        assert float(jax.jvp(function, (q,), (direction,))[1]) == pytest.approx(expected, rel=AGREED)
        return
    gradient = jax.jit(jax.grad(of_tensor))(q)
    assert bool(jnp.isfinite(gradient).all())
    assert float(jnp.vdot(gradient, direction)) == pytest.approx(expected, rel=AGREED)


@pytest.mark.slow
def test_both_ways_to_give_crystals_have_the_same_gradient():
    q = DUPLEX.orientation
    assert np.allclose(jax.grad(of_tensor)(q), jax.grad(of_law)(q), rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_a_turn_of_a_whole_grain_has_the_sum_of_the_gradients_of_its_voxels():
    """A small turn ω of grain k multiplies its quaternions from the left: one number per grain and axis."""
    ms = DUPLEX
    grain = jnp.asarray(np.unique(np.asarray(ms.orientation).reshape(4, -1), axis=1, return_inverse=True)[1].reshape(GRID.shape))
    count = int(grain.max()) + 1

    def turned(angles):
        return multiply(from_axis_angle(jnp.array([0.0, 0.0, 1.0])[:, None], angles)[:, grain], ms.orientation)

    def value(angles):
        return of_tensor(turned(angles))

    per_grain = jax.grad(value)(jnp.zeros(count))
    assert bool(jnp.isfinite(per_grain).all())  # at a turn of zero
    per_voxel = jax.grad(of_tensor)(ms.orientation)
    step = 1e-6
    for k in range(count):
        motion = (turned(jnp.zeros(count).at[k].set(step)) - turned(jnp.zeros(count).at[k].set(-step))) / (2 * step)
        assert float(per_grain[k]) == pytest.approx(float(jnp.vdot(per_voxel, motion)), rel=1e-6, abs=1e-9)


def test_a_symmetry_of_the_crystal_changes_nothing():
    """C of copper knows no quarter turn about a cube axis: neither the value nor the slope along the fibre of equivalents."""
    q = DUPLEX.orientation
    quarter = from_axis_angle(jnp.array([0.0, 0.0, 1.0]), jnp.pi / 2)[:, None, None]
    copper = jnp.asarray(DUPLEX.labels == 0)
    assert float(of_tensor(jnp.where(copper, multiply(quarter, q), q))) == pytest.approx(float(of_tensor(q)), rel=1e-9)
