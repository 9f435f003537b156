"""Soft boundaries: limits, derivatives, precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.descriptors import soft_boundaries
from jaxmicro.orientations import from_euler, normalize, random_orientations

STEP = from_euler(jnp.zeros((3, 6, 4)).at[0, 3:].set(20.0), degrees=True)


def test_a_narrow_width_gives_the_boundary():
    found = soft_boundaries(STEP, angle=5.0, width=0.01, periodic=False)
    np.testing.assert_allclose(found, np.broadcast_to(np.array([0, 0, 1, 1, 0, 0.0])[:, None], (6, 4)), atol=1e-12)
    assert float(soft_boundaries(STEP, width=0.01)[0, 0]) == 1.0  # periodic: the last row is another grain


def test_half_at_the_angle():
    turns = from_euler(jnp.zeros((3, 8)).at[0, 4:].set(5.0), degrees=True)
    found = soft_boundaries(turns, angle=5.0, width=0.1, periodic=False)
    np.testing.assert_allclose(found[3:5], 0.5, atol=1e-9)


def test_derivatives_in_orientations_angle_and_width():
    turns = random_orientations(jax.random.key(0), 12).reshape(4, 4, 3)
    near = normalize(turns[:, :1, :1] + 0.03 * turns)
    check_grads(
        lambda q, a, w: soft_boundaries(normalize(q), "m-3m", angle=a, width=w), (near, jnp.asarray(4.0), jnp.asarray(1.5)),
        order=1, modes=("fwd", "rev"), eps=1e-6, atol=1e-5, rtol=1e-5,
    )  # fmt: skip
    same = jnp.broadcast_to(turns[:, :1, :1], turns.shape)
    assert np.isfinite(jax.grad(lambda q: soft_boundaries(q).sum())(same)).all()


def test_mask_jit_vmap_and_single_precision():
    mask = jnp.ones((6, 4), bool).at[2].set(False)
    poisoned = STEP.at[:, 2].set(jnp.nan)
    found = jax.jit(lambda q: soft_boundaries(q, mask=mask, periodic=False))(poisoned)
    assert np.isfinite(found).all()
    assert float(found[3, 0]) < 0.1
    gradient = jax.grad(lambda q: soft_boundaries(q, mask=mask).sum())(poisoned)
    assert np.isfinite(gradient).all()
    many = jax.vmap(soft_boundaries)(jnp.stack([STEP, STEP[:, ::-1]]))
    np.testing.assert_allclose(many[1], soft_boundaries(STEP[:, ::-1]), atol=1e-12)
    single = soft_boundaries(STEP.astype(jnp.float32))
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, soft_boundaries(STEP), atol=1e-4)


def test_bad_input_is_named(as_user):
    for bad in ({"angle": 0.0}, {"width": -1.0}, {"angle": 181.0}, {"width": np.inf}, {"angle": np.nan}, {"angle": np.array([4.0, 5.0])}):
        with pytest.raises(ValueError, match=f"`{next(iter(bad))}` must be a positive"):
            soft_boundaries(STEP, **bad)
    with pytest.raises(ValueError, match="components first"):
        soft_boundaries(jnp.zeros((6, 4, 3)))
    with pytest.raises(ValueError, match="`mask` must have shape"):
        soft_boundaries(STEP, mask=jnp.ones((6, 5), bool))
    for traced in (-1.0, 181.0):
        assert np.isnan(jax.jit(lambda a: soft_boundaries(STEP, angle=a))(traced)).all()
