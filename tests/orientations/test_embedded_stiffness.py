import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.materials import cubic_stiffness, hexagonal_stiffness
from jaxmicro.orientations import (
    cubic_stiffness_from_embedding,
    embed,
    hexagonal_stiffness_from_embedding,
    random_orientations,
    rotate_stiffness,
)

KEY = jax.random.key(5)
CUBIC = (234.6, 145.4, 126.2)
HEXAGONAL = (162.4, 92.0, 69.0, 180.7, 46.7)
CASES = {
    "m-3m": (cubic_stiffness_from_embedding, cubic_stiffness, CUBIC),
    "m-3": (functools.partial(cubic_stiffness_from_embedding, laue="m-3"), cubic_stiffness, CUBIC),
    "6/mmm": (hexagonal_stiffness_from_embedding, hexagonal_stiffness, HEXAGONAL),
    "6/m": (functools.partial(hexagonal_stiffness_from_embedding, laue="6/m"), hexagonal_stiffness, HEXAGONAL),
}


@pytest.mark.parametrize("laue", CASES)
def test_it_is_the_turned_stiffness(laue):
    linear, crystal, constants = CASES[laue]
    q = random_orientations(KEY, (3, 5))
    expected = rotate_stiffness(crystal(*constants), q)
    np.testing.assert_allclose(linear(embed(q, laue), *constants), expected, rtol=0, atol=1e-14 * float(jnp.abs(expected).max()))


@pytest.mark.parametrize("laue", CASES)
def test_blends_are_voigt_mixtures(laue):
    linear, crystal, constants = CASES[laue]
    q = random_orientations(KEY, 6)
    shares = jnp.array([0.1, 0.3, 0.05, 0.25, 0.2, 0.1])
    expected = jnp.sum(shares * rotate_stiffness(crystal(*constants), q), axis=-1)
    np.testing.assert_allclose(linear(embed(q, laue) @ shares, *constants), expected, rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize("laue", ["m-3m", pytest.param("6/mmm", marks=pytest.mark.slow)])
def test_constants_may_vary_and_be_differentiated(laue):
    linear, crystal, constants = CASES[laue]
    q = random_orientations(KEY, 3)
    fields = [c * jnp.array([1.0, 1.1, 0.9]) for c in constants]
    expected = jnp.stack([rotate_stiffness(crystal(*[float(c[n]) for c in fields]), q[:, n]) for n in range(3)], axis=-1)
    np.testing.assert_allclose(linear(embed(q, laue), *fields), expected, rtol=1e-13, atol=1e-11)
    check_grads(linear, (embed(q, laue), *fields), order=1, modes=("fwd", "rev"), rtol=1e-6)
    single = jax.jit(linear)(embed(q.astype(jnp.float32), laue), *constants)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single, linear(embed(q, laue), *constants), atol=1e-6 * 300 * 3)


def test_groups_without_such_constants_are_refused():
    with pytest.raises(ValueError, match=r"`laue` must be one of 'm-3m', 'm-3', but it is 'mmm'"):
        cubic_stiffness_from_embedding(np.ones(10), *CUBIC, laue="mmm")
    with pytest.raises(ValueError, match=r"`t` must be an embedding \(9, …\) of 'm-3m', but its shape is \(6, 6\)"):
        cubic_stiffness_from_embedding(np.eye(6), *CUBIC)
