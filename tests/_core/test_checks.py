import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import (
    as_float_array,
    as_float_arrays,
    check,
    check_choice,
    check_finite,
    check_probability,
    check_shape,
    checks,
    is_concrete,
    nearest_name,
)


def test_check_raises_the_given_error_and_only_when_false():
    check(True, "never seen")
    with pytest.raises(TypeError, match="seen"):
        check(False, "seen", TypeError)


def test_tracers_anywhere_in_a_tree_are_not_concrete():
    seen = []
    jax.jit(lambda x: seen.append((is_concrete(x), is_concrete({"a": [1.0, x]}))) or x)(1.0)
    assert seen == [(False, False)]
    assert is_concrete(jnp.ones(3), np.ones(3), None, "text", {"a": 1})


@pytest.mark.parametrize(("name", "nearest"), [("rotatd", "rotated"), ("finite-element", "finite_element"), ("qqqqqq", None)])
def test_the_nearest_name(name, nearest):
    assert nearest_name(name, ["finite_element", "rotated", "fourier"]) == nearest


def test_a_wrong_choice_is_told_all_names_and_the_nearest():
    check_choice("discretization", "rotated", ["rotated", "fourier"])
    with pytest.raises(
        ValueError, match=r"`discretization` must be one of 'rotated', 'fourier', but it is 'furier'. Did you mean 'fourier'\?"
    ):
        check_choice("discretization", "furier", ["rotated", "fourier"])
    with pytest.raises(ValueError, match="but it is 3"):
        check_choice("discretization", 3, ["rotated", "fourier"])
    with pytest.raises(ValueError, match="must be one of"):
        check_choice("discretization", np.array(["rotated", "fourier"]), ["rotated", "fourier"])


def test_shapes():
    check_shape("stiffness", np.zeros((3, 3, 4, 5)), (3, 3, None, "ny"))
    with pytest.raises(
        ValueError, match=r"`stiffness` must have shape \(3, 3, any, ny\), but its shape is \(3, 6, 4, 5\). Use Mandel notation."
    ):
        check_shape("stiffness", np.zeros((3, 6, 4, 5)), (3, 3, None, "ny"), "Use Mandel notation.")
    with pytest.raises(ValueError, match=r"must have shape \(2,\), but its shape is \(\)"):
        check_shape("normal", 1.0, (2,))


def test_shapes_are_checked_under_a_tracer_too():
    with pytest.raises(ValueError, match="must have shape"):
        jax.jit(lambda x: check_shape("x", x, (4,)) or x)(jnp.zeros(3))


def test_the_first_non_finite_entry_is_named():
    field = np.zeros((4, 5))
    check_finite("conductivity", field)
    field[2, 3], field[3, 1] = np.nan, np.inf
    with pytest.raises(
        ValueError, match=r"`conductivity` must be finite, but 2 of its 20 entries are not \(the first at index \(2, 3\): nan\)"
    ):
        check_finite("conductivity", field)


def test_values_are_not_looked_at_under_a_tracer():
    assert np.isnan(jax.jit(lambda x: check_finite("x", x) or check_probability("x", x) or x)(jnp.nan))


@pytest.mark.parametrize("value", [[-0.1, 0.5], [0.2, 1.5], [np.nan, 0.5]])
def test_fractions_outside_0_and_1_are_refused(value):
    check_probability("fraction", [0.0, 0.25, 1.0])
    with pytest.raises(ValueError, match=r"`fraction` must lie in \[0, 1\], but it spans"):
        check_probability("fraction", np.array(value))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.arange(3), jnp.float64),
        ([True, False], jnp.float64),
        ([1.5, 2.5], jnp.float64),
        (np.ones(3, np.float32), jnp.float32),
        (np.ones(3, np.float16), jnp.float32),
        (jnp.ones(3, jnp.bfloat16), jnp.float32),
        (np.asarray(jnp.ones(3, jnp.bfloat16)), jnp.float32),
        (3, jnp.float64),
    ],
)
def test_floats_keep_their_precision_and_whole_numbers_become_the_default_float(value, dtype):
    array = as_float_array("x", value)
    assert isinstance(array, jax.Array)
    assert array.dtype == dtype
    np.testing.assert_array_equal(np.asarray(array, float), np.asarray(value, float))


def test_values_that_belong_together_get_one_dtype_in_which_plain_numbers_have_no_say():
    single, double = np.ones(2, np.float32), np.ones(2)
    assert [a.dtype for a in as_float_arrays(a=single, b=0.3, c=2)] == [jnp.float32] * 3
    assert [a.dtype for a in as_float_arrays(a=1, b=0.3)] == [jnp.float64] * 2
    assert [a.dtype for a in as_float_arrays(a=single, b=double)] == [jnp.float64] * 2
    weak = jax.jit(lambda x: as_float_arrays(a=x, b=single)[0])(0.3)
    assert weak.dtype == jnp.float32


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (["a", "b"], TypeError, "must be numeric"),
        (np.array([{}]), TypeError, "must be numeric"),
        (np.array([1 + 2j]), TypeError, "must be real"),
        ([[1.0, 2.0], [3.0]], ValueError, "rectangular"),
    ],
)
def test_what_is_not_a_real_array_is_refused(as_user, value, error, words):
    with pytest.raises(error, match=f"`stiffness` .*{words}"):
        as_float_array("stiffness", value)


def test_double_precision_input_without_x64_warns_once_and_names_the_switch(monkeypatch):
    monkeypatch.setattr(checks, "_warned", set())
    with jax.enable_x64(False):
        with pytest.warns(UserWarning, match="jax_enable_x64"):
            array = as_float_array("x", np.ones(3))
        assert array.dtype == jnp.float32
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            as_float_array("x", np.ones(3))


def test_numbers_of_no_declared_precision_do_not_warn(monkeypatch):
    monkeypatch.setattr(checks, "_warned", set())
    with jax.enable_x64(False):
        assert as_float_array("x", 1.5).dtype == jnp.float32
        assert as_float_array("x", [1.5, 2.5]).dtype == jnp.float32
        assert as_float_array("x", np.ones(3, np.float32)).dtype == jnp.float32
