"""Conjugate gradients against dense algebra: solution, stopping, failure, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro._core import Status
from jaxmicro.solvers import Stopping, conjugate_gradients, refine, symmetric_solve


def matrix_with(eigenvalues, seed=0):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(eigenvalues),) * 2))
    return jnp.asarray(q @ np.diag(eigenvalues) @ q.T)


def solve(a, b, rtol=1e-6, max_steps=500, precondition=lambda r: r):
    return conjugate_gradients(lambda x: a @ x, precondition, b, Stopping(rtol, max_steps))


A = matrix_with(np.geomspace(1.0, 1e4, 30))
B = jnp.asarray(np.random.default_rng(1).normal(size=30))


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-8])
def test_the_energy_error_meets_the_tolerance(rtol):
    x, outcome = solve(A, B, rtol)
    truth = jnp.linalg.solve(A, B)
    error = jnp.sqrt((x - truth) @ A @ (x - truth)) / jnp.sqrt(truth @ A @ truth)
    assert int(outcome.status) == Status.CONVERGED
    assert float(error) < 2 * rtol


def test_an_exact_preconditioner_needs_one_step():
    inverse = jnp.linalg.inv(A)
    _, outcome = solve(A, B, precondition=lambda r: inverse @ r)
    assert int(outcome.steps) == 1


def test_pytrees_are_solved_as_one_system():
    tree = (B[:10], {"rest": B[10:]})

    def operator(x):
        y = A @ jnp.concatenate([x[0], x[1]["rest"]])
        return (y[:10], {"rest": y[10:]})

    x, _ = conjugate_gradients(operator, lambda r: r, tree, Stopping(1e-8, 500))
    assert np.allclose(jnp.concatenate([x[0], x[1]["rest"]]), jnp.linalg.solve(A, B), rtol=1e-6)


def test_the_step_limit_is_reported():
    x, outcome = solve(A, B, max_steps=3)
    assert (int(outcome.status), int(outcome.steps)) == (Status.MAX_STEPS, 3)
    assert bool(jnp.all(jnp.isfinite(x)))


def test_a_zero_load_is_solved_at_once():
    x, outcome = solve(A, jnp.zeros(30))
    assert (int(outcome.status), int(outcome.steps)) == (Status.CONVERGED, 0)
    assert not x.any()


def test_an_indefinite_operator_is_reported():
    _, outcome = solve(matrix_with([1.0, -2.0, 3.0]), jnp.ones(3))
    assert int(outcome.status) == Status.INDEFINITE


def test_a_load_outside_the_range_is_reported():
    singular = matrix_with([0.0, 1.0, 2.0])
    _, outcome = solve(singular, jnp.ones(3))
    assert int(outcome.status) != Status.CONVERGED


def test_nan_is_reported_and_the_iterate_stays_finite():
    _, outcome = solve(A.at[0, 0].set(jnp.nan), B)
    assert int(outcome.status) == Status.NON_FINITE
    x, _ = solve(A, B.at[3].set(jnp.inf))
    assert bool(jnp.all(jnp.isfinite(x)))


def test_float32_does_not_claim_what_it_cannot_hold():
    hard = matrix_with(np.geomspace(1.0, 1e9, 30)).astype(jnp.float32)
    _, outcome = solve(hard, B.astype(jnp.float32), rtol=1e-5, max_steps=5000)
    assert int(outcome.status) != Status.CONVERGED
    assert int(outcome.steps) < 5000  # stagnation is noticed


def test_a_budget_tightens_the_tolerance_where_little_energy_is_left():
    truth = jnp.linalg.solve(A, B)
    energy = float(B @ truth)
    loose, _ = conjugate_gradients(lambda x: A @ x, lambda r: r, B, Stopping(1e-2, 500, 2 * energy))
    tight, _ = conjugate_gradients(lambda x: A @ x, lambda r: r, B, Stopping(1e-2, 500, 1.0001 * energy))

    def error(x):
        return float((x - truth) @ A @ (x - truth))

    assert error(tight) < 1e-4 * 1e-4 * energy * 4
    assert error(loose) > error(tight)


def differentiable(scale, b):
    a = A + jnp.diag(scale)
    return symmetric_solve(lambda x: a @ x, lambda rhs: solve(a, rhs, 1e-12), b)


def test_implicit_derivatives_in_both_modes():
    check_grads(differentiable, (jnp.ones(30), B), order=1, modes=["fwd", "rev"], rtol=1e-6)


def test_a_failed_adjoint_is_nan():
    def value(b):
        return jnp.sum(symmetric_solve(lambda x: A @ x, lambda rhs: solve(A, rhs, max_steps=2), b))

    assert np.isnan(jax.grad(value)(B)).all()


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_right_hand_sides_of_extreme_size_keep_their_digits(size):
    a, b = A.astype(jnp.float32), B.astype(jnp.float32)
    x = symmetric_solve(lambda v: a @ v, lambda rhs: solve(a, rhs, 1e-4), b * jnp.float32(size))
    unit = symmetric_solve(lambda v: a @ v, lambda rhs: solve(a, rhs, 1e-4), b)
    assert np.allclose(np.asarray(x, np.float64) / size, unit, atol=2e-4 * float(jnp.max(jnp.abs(unit))))


def test_under_vmap_a_finished_system_stays_bit_unchanged():
    systems = jnp.stack([A, matrix_with(np.linspace(1, 2, 30))])
    together, outcome = jax.vmap(lambda a: solve(a, B))(systems)
    assert outcome.steps[0] > outcome.steps[1]
    x, _ = jax.vmap(lambda a: solve(a, B))(systems[1:])
    assert np.allclose(together[1], x[0], rtol=1e-12)


def test_a_preconditioner_that_is_not_definite_is_reported():
    # r·M r below zero is no small residual.
    _, outcome = solve(A, B, precondition=lambda r: -r)
    assert int(outcome.status) == Status.INDEFINITE


def test_a_guess_is_used_at_its_best_length():
    truth = jnp.linalg.solve(A, B)
    for guess in (truth, -7.0 * truth):
        x, outcome = conjugate_gradients(lambda x: A @ x, lambda r: r, B, Stopping(1e-4, 500), guess)
        assert (int(outcome.status), int(outcome.steps)) == (Status.CONVERGED, 0)
        assert np.allclose(x, truth, rtol=1e-8)
    x, outcome = conjugate_gradients(lambda x: A @ x, lambda r: r, B, Stopping(1e-8, 500), jnp.full(30, jnp.nan))
    assert int(outcome.status) == Status.CONVERGED
    assert np.allclose(x, truth, rtol=1e-6)


def test_a_guess_that_is_soft_is_not_believed():
    # The residual of this guess is small, its error is not: what is left lies along the softest direction.
    values, vectors = np.linalg.eigh(np.asarray(A))
    truth = jnp.linalg.solve(A, B)
    guess = truth + 1e-3 * float(jnp.linalg.norm(truth)) * vectors[:, 0]
    stopping = Stopping(1e-4, 500, smallest=values[0] / values[-1])
    x, outcome = conjugate_gradients(lambda x: A @ x, lambda r: r / values[-1], B, stopping, guess)
    error = jnp.sqrt((x - truth) @ A @ (x - truth)) / jnp.sqrt(truth @ A @ truth)
    assert int(outcome.status) == Status.CONVERGED
    assert float(error) < 2e-4


def refined(b, rtol, max_steps=500, start=None, budget=jnp.inf):
    def correct(r, inner, most):
        size = jnp.max(jnp.abs(r))
        x, outcome = conjugate_gradients(
            lambda v: A.astype(jnp.float32) @ v, lambda r: r, (r / size).astype(jnp.float32), Stopping(inner.astype(jnp.float32), most)
        )
        return size * x.astype(jnp.float64), outcome._replace(error=size**2 * outcome.error.astype(jnp.float64))

    return refine(lambda x: A @ x, correct, lambda r: jnp.vdot(r, r), b, Stopping(rtol, max_steps, budget), start)


def test_refinement_reaches_what_low_precision_cannot():
    truth = jnp.linalg.solve(A, B)
    x, outcome = refined(B, 1e-9)
    assert int(outcome.status) == Status.CONVERGED
    error = jnp.sqrt((x - truth) @ A @ (x - truth)) / jnp.sqrt(truth @ A @ truth)
    assert float(error) < 2e-9
    assert float(outcome.residual) == pytest.approx(float(jnp.linalg.norm(B - A @ x) / jnp.linalg.norm(B)), rel=1e-6)
    again, more = refined(B, 1e-9, start=x)
    assert int(more.steps) <= int(outcome.steps) // 3
    assert np.allclose(again, truth, rtol=1e-8)


def test_refinement_reports_limits_and_failures():
    assert int(refined(B, 1e-9, max_steps=3)[1].status) == Status.MAX_STEPS
    assert int(refined(B.at[0].set(jnp.nan), 1e-9)[1].status) != Status.CONVERGED
    x, outcome = refined(jnp.zeros(30), 1e-9)
    assert int(outcome.status) == Status.CONVERGED
    assert not x.any()


def test_a_small_residual_is_not_enough():
    values = jnp.concatenate([jnp.array([1e-6]), jnp.linspace(0.5, 2.0, 30)])
    b = jnp.ones(31).at[0].set(1e-3)  # the soft direction has a small force, and much of the energy
    stopping = Stopping(1e-2, 8, smallest=1e-7)
    _, outcome = conjugate_gradients(lambda x: values * x, lambda r: r, b, stopping)
    assert int(outcome.status) == Status.MAX_STEPS
    x, outcome = conjugate_gradients(lambda x: values * x, lambda r: r, b, stopping._replace(max_steps=100))
    assert int(outcome.status) == Status.CONVERGED
    assert float(jnp.sum(values * (x - b / values) ** 2)) < 1e-4 * float(jnp.sum(b * b / values))
