import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import default_rtol, dot, tensor_rtol_root
from jaxmicro._core.precision import check_rtol


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_a_given_tolerance_wins_over_the_default(dtype):
    assert default_rtol(jnp.dtype(dtype), 1e-4) == 1e-4
    assert default_rtol(jnp.dtype(dtype), None) == {"float32": 1e-3, "float64": 1e-5}[jnp.dtype(dtype).name]


@pytest.mark.parametrize(
    ("dtype", "rtol", "words"),
    [
        (jnp.float32, 1e-8, "Use float64"),
        (jnp.float64, 1e-15, "for float64"),
        (jnp.float64, 1.0, "but it is 1"),
        (jnp.float64, -1e-3, "must lie in"),
        (jnp.float64, math.nan, "must lie in"),
    ],
)
def test_an_unreachable_tolerance_is_refused(dtype, rtol, words):
    with pytest.raises(ValueError, match=f"`rtol` .*{words}"):
        check_rtol(jnp.dtype(dtype), rtol)
    with pytest.raises(ValueError, match="`rtol`"):
        default_rtol(jnp.dtype(dtype), rtol)


def hard_sum(size, seed=0):
    """Two float32 fields whose exactly representable products cancel: a naive sum loses most digits."""
    rng = np.random.default_rng(seed)
    a = rng.integers(-2000, 2000, size).astype(np.float32)
    b = (rng.integers(1, 2000, size) * 2.0 ** rng.integers(-12, 3, size)).astype(np.float32)
    a.ravel()[1::2] = -a.ravel()[0::2][: a.size // 2]
    b.ravel()[1::2] = b.ravel()[0::2][: b.size // 2] * np.float32(1 + 2**-12)
    return a, b


@pytest.mark.parametrize("shape", [(64, 64), (5, 7), (3, 33, 31), (2, 16, 16, 17)])
def test_without_x64_float32_sums_are_nearly_as_good_as_double(shape):
    a = (1 + np.random.default_rng(1).random(shape)).astype(np.float32)
    b = (1 + np.random.default_rng(2).random(shape)).astype(np.float32)
    truth = float(np.sum(a.astype(float) * b.astype(float)))
    with jax.enable_x64(False):
        value = jax.jit(dot)(jnp.asarray(a), jnp.asarray(b))
        assert value.dtype == jnp.float32
    assert abs(float(value) - truth) <= 4 * np.finfo(np.float32).eps * truth


def test_partial_sums_are_compensated():
    # 2^24 + 1 + 1 + … : uncompensated float32 never leaves 2^24
    rows = np.ones((4096, 1), np.float32)
    rows[0, 0] = 2.0**24
    with jax.enable_x64(False):
        value = float(dot(jnp.asarray(rows), jnp.ones((4096, 1), jnp.float32)))
    assert value == 2.0**24 + 4096  # 4095 rounds to the even neighbour


def test_with_x64_float32_fields_are_summed_in_double():
    a, b = hard_sum((64, 65))
    value = dot(jnp.asarray(a), jnp.asarray(b))
    assert value.dtype == jnp.float32
    truth = math.fsum((a * b).astype(float).ravel())
    assert float(value) == pytest.approx(truth, rel=2 * float(np.finfo(np.float32).eps))


def test_double_is_the_plain_inner_product():
    a, b = np.random.default_rng(3).standard_normal((2, 8, 9))
    np.testing.assert_allclose(dot(jnp.asarray(a), jnp.asarray(b)), np.vdot(a, b), rtol=1e-14)


@pytest.mark.parametrize("x64", [True, False])
def test_the_gradient_of_an_inner_product_is_the_other_factor(x64):
    with jax.enable_x64(x64):
        a = jnp.linspace(1, 2, 35, dtype=jnp.float32).reshape(5, 7)
        b = jnp.linspace(-1, 3, 35, dtype=jnp.float32).reshape(5, 7)
        np.testing.assert_allclose(jax.grad(dot)(a, b), b, rtol=1e-6)
        np.testing.assert_allclose(jax.jvp(lambda x: dot(x, b), (a,), (b,))[1], np.sum(np.asarray(b) ** 2), rtol=1e-6)


def test_the_tolerance_of_a_tensor_is_the_square_of_that_of_its_fluctuations():
    assert tensor_rtol_root(jnp.dtype(jnp.float64), 1e-8) == pytest.approx(1e-4)
    assert tensor_rtol_root(jnp.dtype(jnp.float32), 1e-6) == pytest.approx(1e-3)
    with pytest.raises(ValueError, match="`tensor_rtol` must lie in"):
        tensor_rtol_root(jnp.dtype(jnp.float32), 1e-9)
