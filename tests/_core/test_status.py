import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import SolveError, Status, poison, raise_for_status, worst


def test_every_code_has_advice():
    assert [code.advice for code in Status if len(code.advice) < 10] == []
    assert Status.CONVERGED == 0
    assert max(Status) is Status.BAD_INPUT


def test_worst_is_the_largest_code():
    codes = jnp.array([[Status.CONVERGED, Status.STAGNATED], [Status.MAX_STEPS, Status.CONVERGED]])
    assert int(worst(codes)) == Status.STAGNATED


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_a_failed_value_is_nan_and_a_good_one_untouched(transform):
    spoil = transform(lambda x, ok: poison({"x": x}, ok)["x"])
    x = jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(spoil(x, jnp.array(True)), x)
    assert np.isnan(spoil(x, jnp.array(False))).all()


def test_only_the_failed_entries_of_a_batch_are_poisoned():
    value = poison(jnp.ones((3, 2, 2)), jnp.array([True, False, True]))
    assert np.isnan(value).any(axis=(1, 2)).tolist() == [False, True, False]


@pytest.mark.parametrize("mode", [jax.grad, jax.jacfwd], ids=["reverse", "forward"])
def test_the_derivative_of_a_failed_value_is_nan(mode):
    def front_door(x, ok):
        return poison(3.0 * x, ok)

    assert mode(front_door)(2.0, jnp.array(True)) == 3.0
    assert np.isnan(mode(front_door)(2.0, jnp.array(False)))
    assert np.isnan(jax.jit(mode(front_door))(2.0, jnp.array(False)))


def test_poison_keeps_dtypes_and_passes_counts():
    value = {"tensor": jnp.ones(3, jnp.float32), "steps": jnp.array(7), "converged": jnp.array(False)}
    spoiled = poison(value, jnp.array(False))
    assert spoiled["tensor"].dtype == jnp.float32
    assert np.isnan(spoiled["tensor"]).all()
    assert int(spoiled["steps"]) == 7
    assert not bool(spoiled["converged"])


def test_a_converged_solve_raises_nothing():
    raise_for_status("effective_stiffness", jnp.array(Status.CONVERGED), jnp.array(1e-7), jnp.array(12))


def test_a_failed_solve_names_status_steps_residual_and_remedy():
    with pytest.raises(SolveError) as caught:
        raise_for_status("effective_stiffness", jnp.array(Status.MAX_STEPS), jnp.array(3.25e-2), jnp.array(40))
    message = str(caught.value)
    for part in ("`effective_stiffness`", "MAX_STEPS", "40 steps", "3.25e-02", "`max_steps`", "throw=False"):
        assert part in message


def test_a_batch_names_its_worst_entry_and_that_entrys_residual():
    status = jnp.array([Status.MAX_STEPS, Status.STAGNATED, Status.CONVERGED])
    residual = jnp.array([[9e-1, 9e-1], [1e-4, 2e-3], [1e-9, 1e-9]])  # one more axis: load cases
    with pytest.raises(SolveError, match=r"STAGNATED \(entry \(1,\) of a batch of shape \(3,\)\) after 5 steps .* 2.00e-03"):
        raise_for_status("effective_stiffness", status, residual, jnp.array([7, 5, 3]))


def test_nothing_is_raised_under_a_tracer():
    @jax.jit
    def solve(status):
        raise_for_status("effective_stiffness", status, jnp.array(1.0), jnp.array(1))
        return status

    assert int(solve(jnp.array(Status.NON_FINITE))) == Status.NON_FINITE
