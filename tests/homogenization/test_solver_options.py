"""Options of a linear solve: tolerances of the tensor, guesses, mixed precision, preconditioners, memory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro._core import Status
from jaxmicro.fields import elasticity
from jaxmicro.homogenization import linear, memory, preconditioners
from jaxmicro.homogenization.linear import Options
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.materials import Isotropic, Scalar, Tensor
from tests.daily import daily
from tests.homogenization.references import assembled_effective, random_stiffness, smooth_field

GRID = jm.Grid((24, 20))


def grey(contrast, shape=GRID.shape, seed=0):
    """A smooth random field from contrast to 1, on a logarithmic scale."""
    return jnp.asarray(smooth_field(shape, contrast, seed, width=0.2, steepness=3.0))


def speckled(contrast, shape=GRID.shape, seed=0):
    """Two phases, voxel by voxel at random."""
    return jnp.asarray(np.where(np.random.default_rng(seed).random(shape) < 0.5, contrast, 1.0))


def isotropic(young):
    return Isotropic(young * 0.3 / (1.3 * 0.4), young / 2.6)


# Tolerances


@pytest.mark.slow
@pytest.mark.parametrize("preconditioner", ["green", "green_jacobi", "multigrid"])
@pytest.mark.parametrize(("make", "contrast"), [(grey, 1e-3), (speckled, 1e-2), (speckled, 1e2), (speckled, 0.0)])
def test_the_tolerance_of_the_tensor_is_kept_and_its_error_known(make, contrast, preconditioner):
    law = isotropic(make(contrast))
    truth = jm.effective_stiffness(law, GRID, rtol=1e-9, preconditioner="green", max_steps=5000).tensor
    steps = []
    for rtol in (1e-2, 1e-4, 1e-6):
        found = jm.effective_stiffness(law, GRID, tensor_rtol=rtol, preconditioner=preconditioner)
        error = np.asarray(found.tensor - truth)
        assert np.all(np.diag(error) >= -1e-12 * np.diag(truth))  # an energy above the minimum
        assert np.all(np.diag(error) <= 1.5 * rtol * np.diag(truth))
        assert np.all(np.abs(error) <= 1.5 * found.tensor_error + 1e-12 * float(truth.max()))
        steps.append(int(found.steps.max()))
    assert steps[0] < steps[1] < steps[2]


def test_the_estimated_error_is_not_idle():
    # An estimate that says "anything" would pass the test above: where the spectrum is benign it must be close.
    law = isotropic(speckled(0.1))
    truth = jm.effective_stiffness(law, GRID, rtol=1e-9).tensor
    found = jm.effective_stiffness(law, GRID, tensor_rtol=1e-4)
    assert float(found.tensor_error[0, 0]) < 10 * float((found.tensor - truth)[0, 0])


@pytest.mark.slow
def test_a_tolerance_of_the_tensor_in_float32():
    k = speckled(0.1).astype(jnp.float32)
    truth = jm.effective_conductivity(speckled(0.1), GRID, rtol=1e-9).tensor
    found = jm.effective_conductivity(k, GRID, tensor_rtol=1e-5).tensor
    assert found.dtype == jnp.float32
    assert np.allclose(found, truth, rtol=2e-5)


def test_bad_tolerances_of_the_tensor_are_named(as_user):
    k = speckled(0.1).astype(jnp.float32)
    with pytest.raises(ValueError, match=r"`tensor_rtol` must lie in \[1e-06, 1\) for float32.*float64"):
        jm.effective_conductivity(k, GRID, tensor_rtol=1e-8)
    with pytest.raises(ValueError, match="both are given"):
        jm.effective_conductivity(k, GRID, tensor_rtol=1e-3, rtol=1e-3)
    with pytest.raises(TypeError, match="`tensor_rtol` must be a number"):
        jm.effective_conductivity(k, GRID, tensor_rtol="tight")


# Guesses


def solved(law, **options):
    return jm.effective_stiffness(law, GRID, preconditioner="green", **options)


def test_the_solution_as_a_guess_saves_all_steps():
    law = isotropic(speckled(0.05))
    first = solved(law, rtol=1e-7, fields=("displacement",))
    again = solved(law, rtol=1e-5, start=first)
    assert int(again.steps.max()) <= 1
    assert np.allclose(again.tensor, first.tensor, rtol=1e-12)
    # The length of a guess does not matter, only its direction.
    stretched = solved(law, rtol=1e-5, start=-3.0 * first.displacement)
    assert int(stretched.steps.max()) <= 1


@pytest.mark.slow
def test_a_guess_of_a_similar_cell_saves_steps_and_changes_nothing():
    young = speckled(0.05)
    near = young * (1.0 + 0.01 * np.random.default_rng(1).normal(size=GRID.shape))
    first = solved(isotropic(young), fields=("displacement",))
    cold, warm = solved(isotropic(near)), solved(isotropic(near), start=first)
    assert int(warm.steps.sum()) < 0.75 * int(cold.steps.sum())
    truth = solved(isotropic(near), rtol=1e-9).tensor
    assert np.abs(warm.tensor - truth).max() < 1e-9
    gradients = [
        jax.grad(lambda y, start=start: jnp.sum(solved(isotropic(y), rtol=1e-8, start=start).tensor ** 2))(near)
        for start in (None, first.displacement)
    ]
    assert np.allclose(*gradients, rtol=1e-6, atol=1e-10)


@pytest.mark.slow
def test_guesses_in_batches_and_for_potentials():
    k = jnp.stack([speckled(0.1), grey(0.1)])
    first = jm.effective_conductivity(k, GRID, fields=("displacement",))
    assert first.displacement.shape == (2, 2, 1, *GRID.shape)
    assert int(jm.effective_conductivity(k, GRID, start=first, rtol=1e-4).steps.max()) <= 1
    one = jm.effective_conductivity(k[0], GRID, start=first.displacement[0], rtol=1e-4)
    assert int(one.steps.max()) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("value", [jnp.nan, jnp.inf, 1e300])
def test_a_useless_guess_is_no_guess(value):
    law = isotropic(speckled(0.05))
    guess = jnp.zeros((3, 2, *GRID.shape)).at[:, 0, 3, 4].set(value)
    found = solved(law, start=guess)
    assert int(found.status) == Status.CONVERGED
    assert np.allclose(found.tensor, solved(law).tensor, rtol=1e-9)
    mixed = solved(law, start=guess, precision="mixed")
    assert np.allclose(mixed.tensor, solved(law).tensor, rtol=1e-9)


def test_bad_guesses_are_named(as_user):
    law = isotropic(speckled(0.05))
    with pytest.raises(ValueError, match=r"`start` must have shape \(3, 2, 24, 20\)"):
        solved(law, start=jnp.zeros((3, 24, 20)))
    with pytest.raises(ValueError, match="result without displacements"):
        solved(law, start=solved(law))


# Mixed precision


@pytest.mark.parametrize("preconditioner", daily(["green", "multigrid"], "green"))
@pytest.mark.parametrize("scale", daily([1.0, 2e11], 2e11))
def test_mixed_precision_reaches_what_double_precision_does(preconditioner, scale):
    law = isotropic(scale * grey(1e-3))
    truth = jm.effective_stiffness(law, GRID, preconditioner=preconditioner, rtol=1e-9)
    found = jm.effective_stiffness(law, GRID, preconditioner=preconditioner, rtol=1e-9, precision="mixed")
    assert found.tensor.dtype == jnp.float64
    assert float(found.residual.max()) < 2e-9
    assert np.abs(found.tensor - truth.tensor).max() < 1e-13 * float(truth.tensor.max())


@pytest.mark.slow
def test_mixed_precision_in_3d_with_guesses_derivatives_and_failure():
    grid = jm.Grid((6, 5, 7), (1e-6, 1e-6, 2e-6))
    young = speckled(0.02, grid.shape)

    def value(y, precision=None):
        return jnp.sum(jm.effective_stiffness(isotropic(y), grid, rtol=1e-8, precision=precision).tensor ** 2)

    exact, mixed = (jax.value_and_grad(value)(young, precision) for precision in (None, "mixed"))
    assert float(mixed[0]) == pytest.approx(float(exact[0]), rel=1e-12)
    assert np.allclose(mixed[1], exact[1], rtol=1e-6, atol=1e-9 * float(jnp.abs(exact[1]).max()))
    first = jm.effective_conductivity(young, grid, rtol=1e-8, precision="mixed", fields=("displacement",))
    again = jm.effective_conductivity(young, grid, rtol=1e-6, precision="mixed", start=first)
    assert int(again.steps.max()) <= int(first.steps.max()) // 3
    short = jm.effective_conductivity(young, grid, precision="mixed", max_steps=2, throw=False)
    assert int(short.status) == Status.MAX_STEPS


def test_mixed_precision_is_refused_where_it_means_nothing(as_user):
    with pytest.raises(ValueError, match=r"'mixed' refines in float64, but the constants are float32.*jax_enable_x64"):
        jm.effective_conductivity(speckled(0.1).astype(jnp.float32), GRID, precision="mixed")
    with pytest.raises(ValueError, match="`precision`"):
        jm.effective_conductivity(speckled(0.1), GRID, precision="half")


# Preconditioners


@pytest.mark.parametrize("discretization", daily(["finite_element", "rotated", "fourier", "finite_volume"], "finite_element"))
def test_scaling_by_the_local_stiffness_changes_no_answer(discretization):
    k = grey(1e-2)
    plain, scaled = (
        jm.effective_conductivity(k, GRID, discretization=discretization, preconditioner=name, rtol=1e-8)
        for name in ("green", "green_jacobi")
    )
    assert np.abs(scaled.tensor - plain.tensor).max() < 1e-12


@pytest.mark.slow
def test_scaling_helps_fields_that_change_slowly():
    x, y = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in (40, 36)], indexing="ij")
    k = jnp.asarray(10.0 ** (0.75 * (np.sin(2 * np.pi * x) + np.cos(2 * np.pi * y))))
    plain, scaled, chosen = (
        jm.effective_conductivity(k, jm.Grid(k.shape), preconditioner=name) for name in ("green", "green_jacobi", "auto")
    )
    assert int(scaled.steps.max()) < 0.5 * int(plain.steps.max())
    assert np.array_equal(chosen.steps, scaled.steps)
    traced = jax.jit(lambda k: jm.effective_conductivity(k, jm.Grid(k.shape)).steps)(k)
    assert np.array_equal(traced, scaled.steps)


@pytest.mark.parametrize("discretization", daily(["rotated", "fourier"], "fourier"))
def test_schemes_with_null_waves_are_not_scaled_of_themselves(discretization):
    """Between two scalings null waves get into all others: on this field `fourier` does not converge then."""
    k = smooth_field((128, 128), 1e-3)
    r = jm.effective_conductivity(k, jm.Grid(k.shape), discretization=discretization)
    assert int(r.status) == Status.CONVERGED
    assert int(r.steps.max()) < 250


@pytest.mark.slow
def test_a_full_tensor_is_scaled_by_its_size():
    rng = np.random.default_rng(3)
    c = random_stiffness(rng, 3)[:, :, None, None] * np.asarray(grey(1e-3))
    found = [jm.effective_stiffness(c, GRID, preconditioner=name, rtol=1e-7).tensor for name in ("green", "green_jacobi")]
    assert np.allclose(*found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (grey(1e-3, (48, 45)), "multigrid"),
        (grey(1e-1, (48, 45)), "green"),  # little contrast
        (speckled(1e-6, (48, 45)), "green"),  # sharp
        (grey(1e-3, (24, 20)), "green"),  # small
        (jnp.where(grey(1e-1, (48, 45)) > 0.5, 0.0, 1.0), "green"),  # voids
        (jnp.ones((48, 45)), "green"),
        (jnp.ones((96, 96)).at[20:60, 30:70].set(1e-3), "green"),  # few sharp neighbours, but nothing in between
    ],
)
def test_auto_looks_at_the_field(field, expected):
    law = isotropic(field)
    scheme = make_operator("finite_element", elasticity(2, 3))
    assert preconditioners.choose(scheme, law, field.shape, batched=False) == expected
    batch = Tensor(jnp.stack([law.tensor(), law.tensor()]))
    assert preconditioners.choose(scheme, batch, field.shape, batched=True) == expected
    assert preconditioners.choose(make_operator("rotated", elasticity(2, 3)), law, field.shape, batched=False) != "multigrid"


@pytest.mark.slow
def test_auto_looks_at_constants_of_a_program_that_is_traced():
    k = speckled(0.1)
    found = jax.jit(lambda factor: factor * jm.effective_conductivity(k, GRID).tensor)(2.0)
    assert np.allclose(found, 2.0 * jm.effective_conductivity(k, GRID).tensor, rtol=1e-12)


@pytest.mark.slow
def test_the_stages_of_a_cycle_stay_apart_where_the_grid_is_a_constant():
    # A grid that a user's function closes over is a constant of the program, and must not make the fences constant too.
    grid = jm.Grid((32, 32))
    solve = jax.jit(lambda k: jm.effective_conductivity(Scalar(k), grid, preconditioner="multigrid").tensor)
    text = solve.lower(jnp.ones(grid.shape)).compile().as_text()
    assert text.count(" conditional(") > 10


@pytest.mark.parametrize("preconditioner", daily(["green", "green_jacobi", "multigrid"], "multigrid"))
@pytest.mark.parametrize("make", daily([grey, speckled], grey))
def test_hard_fields_equal_an_assembled_direct_solve(make, preconditioner):
    law = isotropic(make(1e-6))
    truth = assembled_effective(np.asarray(law.tensor()), np.ones(2), 2)
    found = jm.effective_stiffness(law, GRID, preconditioner=preconditioner, rtol=1e-6, max_steps=8000)
    assert np.abs(found.tensor - truth).max() < 1e-9 * truth.max()


# Memory


@pytest.mark.slow
def test_memory_does_not_grow_with_steps():
    law = isotropic(speckled(0.1))

    def bytes_for(max_steps):
        def value(law):
            return jnp.sum(jm.effective_stiffness(law, GRID, max_steps=max_steps).tensor ** 2)

        return jax.jit(jax.value_and_grad(value)).lower(law).compile().memory_analysis().temp_size_in_bytes

    assert bytes_for(10) == bytes_for(10_000)


def test_a_solve_that_does_not_fit_is_refused_before_it_begins(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 2.0e4)
    with pytest.raises(MemoryError, match=r"needs about .* GiB, but .* GiB are free. Use a smaller grid or float32 constants"):
        jm.effective_conductivity(speckled(0.1), GRID)
    with pytest.raises(MemoryError, match="no `fields`"):
        jm.effective_conductivity(speckled(0.1), GRID, fields=("stress",))
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    assert int(jm.effective_conductivity(speckled(0.1), GRID).status) == Status.CONVERGED


def test_a_solve_that_does_not_fit_is_refused_before_its_field_is_looked_at(monkeypatch):
    def look(*_):
        raise AssertionError("the field was looked at")

    monkeypatch.setattr(memory, "free_bytes", lambda: 1e4)
    monkeypatch.setattr(linear, "choose", look)
    with pytest.raises(MemoryError, match="smaller grid"):
        jm.effective_conductivity(jnp.ones((16, 16)), jm.Grid((16, 16)))


def test_page_cache_of_a_group_counts_as_free(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "GROUP", tmp_path)
    assert memory._group() is None
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._group() is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 250\nactive_file 50\nslab 10\n")
    assert memory._group() == 400.0


@pytest.mark.parametrize("shape", daily([(96, 90), (24, 24, 24)], (96, 90)))
def test_the_estimated_memory_is_about_what_the_compiler_takes(shape):
    law = isotropic(speckled(0.1, shape))
    options = Options("finite_element", "green", 1e-4, None, 100, None, None, False, ())
    setup = linear.setup_of(law, make_operator(options.discretization, elasticity(len(shape), law.components)), options)
    compiled = linear._compiled.lower(law, jnp.ones(len(shape)), None, setup, (), False, False).compile()
    taken = compiled.memory_analysis().temp_size_in_bytes
    assert 0.6 < memory.solve_bytes(setup, law, shape, None, ()) / taken < 1.6


@pytest.mark.slow
def test_a_mean_of_a_guess_or_of_a_cotangent_does_nothing():
    k, rng = speckled(0.1), np.random.default_rng(3)
    weights = jnp.asarray(rng.normal(size=(2, 1, *GRID.shape)))
    weights = weights - weights.mean(axis=(2, 3), keepdims=True)

    def found(k, weights, **options):
        return jnp.vdot(weights, jm.effective_conductivity(k, GRID, fields="displacement", rtol=1e-9, **options).displacement)

    exact = jax.grad(found)(k, weights)
    for shift in (1.0, 1e3):
        assert np.allclose(jax.grad(found)(k, weights + shift, precision="mixed"), exact, atol=1e-6 * float(jnp.abs(exact).max()))
    start = jnp.asarray(rng.normal(size=(2, 1, *GRID.shape))) + 5.0
    moved = jm.effective_conductivity(k, GRID, fields="displacement", start=start).displacement
    assert float(jnp.abs(moved.mean(axis=(2, 3))).max()) < 1e-12
