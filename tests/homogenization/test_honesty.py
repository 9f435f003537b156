"""A solve never lies: statuses, NaN under tracers, errors with a way out, and float32."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro._core import SolveError, Status
from jaxmicro.materials import Isotropic
from tests.daily import daily

GRID = jm.Grid((6, 5))
HARD = jnp.asarray(10.0 ** np.random.default_rng(0).uniform(-3, 3, size=(6, 5)))


def test_an_unfinished_solve_raises_with_advice():
    with pytest.raises(SolveError, match=r"MAX_STEPS.*after 2 steps.*Raise `max_steps`"):
        jm.effective_conductivity(HARD, GRID, max_steps=2)


def test_without_throw_the_best_iterate_comes_with_its_status():
    result = jm.effective_conductivity(HARD, GRID, max_steps=2, throw=False)
    assert int(result.status) == Status.MAX_STEPS
    assert bool(jnp.all(jnp.isfinite(result.tensor)))
    assert float(result.residual.max()) > 1e-5
    better = jm.effective_conductivity(HARD, GRID, rtol=1e-8)
    assert float(result.tensor[0, 0]) > float(better.tensor[0, 0])  # an energy above the minimum


def test_under_jit_an_unfinished_solve_is_nan_in_value_and_gradient():
    def value(k):
        return jm.effective_conductivity(k, GRID, max_steps=2).tensor[0, 0]

    found, gradient = jax.jit(jax.value_and_grad(value))(HARD)
    assert np.isnan(found)
    assert np.isnan(gradient).all()
    assert np.isnan(jax.jvp(value, (HARD,), (HARD,))[1])


def test_a_failed_adjoint_is_nan():
    def value(k):
        return jnp.sum(jm.effective_conductivity(k, GRID, max_steps=2, throw=False, fields=("strain",)).strain[0, 0, :2] ** 2)

    assert np.isnan(jax.jit(jax.grad(value))(HARD)).all()


def test_one_bad_sample_leaves_the_others_alone():
    good = jnp.ones((6, 5)).at[2:4].set(4.0)
    batch = jnp.stack([good, jnp.full((6, 5), jnp.nan), good])
    alone = jm.effective_conductivity(good, GRID).tensor
    tensors = jax.jit(lambda k: jm.effective_conductivity(k, GRID).tensor)(batch)
    assert np.isnan(tensors[1]).all()
    assert np.array_equal(tensors[0], alone)
    assert np.array_equal(tensors[2], alone)


@jax.jit
def traced(c):
    result = jm.effective_stiffness(c, GRID)
    return result.status, result.tensor


def bad(kind):
    field = np.broadcast_to(np.eye(3)[:, :, None, None], (3, 3, 6, 5)).copy()
    if kind == "nan":
        field[0, 0, 4, 2] = np.nan
    elif kind == "asymmetric":
        field[0, 1, 4, 2] = 0.3
    elif kind == "indefinite":
        field[1, 1, 4, 2] = -2.0
    elif kind == "hidden indefinite":
        field[0, 1, 4, 2] = field[1, 0, 4, 2] = 1.5
    return field


@pytest.mark.parametrize(
    ("kind", "word"),
    [("nan", "finite"), ("asymmetric", "symmetric"), ("indefinite", "semi-definite"), ("hidden indefinite", "semi-definite")],
)
def test_inadmissible_stiffness_is_refused_by_voxel_and_nan_under_jit(kind, word):
    field = bad(kind)
    with pytest.raises(ValueError, match=rf"{word}.*1 of 30.*voxel \(4, 2\)"):
        jm.effective_stiffness(field, GRID)
    status, tensor = traced(field)
    assert int(status) == Status.BAD_INPUT
    assert np.isnan(tensor).all()


def test_voids_are_refused_by_the_spectral_scheme_with_the_remedy():
    k = np.ones((6, 5))
    k[2, 2] = 0.0
    with pytest.raises(ValueError, match=r"discretization='fourier'.*finite_element"):
        jm.effective_conductivity(k, GRID, discretization="fourier")
    assert int(jm.effective_conductivity(k, GRID).status) == 0


def test_shapes_are_named(as_user):
    with pytest.raises(ValueError, match=r"\(3, 3, 6, 5\) or \(6, 6, 6, 5\).*\(3, 3, 5, 6\)"):
        jm.effective_stiffness(np.zeros((3, 3, 5, 6)), GRID)
    with pytest.raises(ValueError, match=r"\(6, 5\) and \(2, 2, 6, 5\)|\(6, 5\).*\(7, 5\)"):
        jm.effective_conductivity(np.ones((7, 5)), GRID)
    with pytest.raises(ValueError, match="Did you mean 'strain'"):
        jm.effective_conductivity(np.ones((6, 5)), GRID, fields=("strains",))
    with pytest.raises(ValueError, match="max_steps"):
        jm.effective_conductivity(np.ones((6, 5)), GRID, max_steps=0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rtol": "1e-5"}, "`rtol` must be a number, but it is '1e-5'"),
        ({"rtol": True}, "`rtol` must be a number"),
        ({"max_steps": 2.7}, "`max_steps` must be a whole number, but it is 2.7"),
        ({"max_steps": "10"}, "`max_steps` must be a whole number"),
        ({"grid": (6, 5)}, r"`grid` must be a Grid, but it is \(6, 5\). Write jaxmicro.Grid\(shape\)"),
    ],
)
def test_options_of_the_wrong_kind_are_refused(as_user, options, message):
    options = {"grid": GRID} | options
    with pytest.raises(TypeError, match=message):
        jm.effective_conductivity(HARD, **options)


def test_numbers_of_any_library_are_options(as_user):
    plain = jm.effective_conductivity(HARD, GRID, rtol=2.0**-10, max_steps=50)
    other = jm.effective_conductivity(HARD, GRID, rtol=jnp.float32(2.0**-10), max_steps=np.int64(50))
    assert np.array_equal(plain.tensor, other.tensor)


def test_float32_follows_its_input_and_refuses_what_it_cannot_reach():
    k = HARD.astype(jnp.float32) ** 0.3
    grid = jm.Grid((6, 5), jnp.asarray([6.0, 5.0], jnp.float32))
    single = jm.effective_conductivity(k, grid)
    double = jm.effective_conductivity(k.astype(jnp.float64), GRID, rtol=1e-8)
    assert single.tensor.dtype == jnp.float32
    assert np.allclose(single.tensor, double.tensor, rtol=1e-5)
    with pytest.raises(ValueError, match=r"float32.*x64"):
        jm.effective_conductivity(k, grid, rtol=1e-9)


def test_float32_is_never_silently_wrong_at_high_contrast():
    rng = np.random.default_rng(1)
    k = jnp.asarray(np.where(rng.uniform(size=(16, 16)) < 0.5, 1e-4, 1.0))
    grid = jm.Grid((16, 16))
    truth = jm.effective_conductivity(k, grid, rtol=1e-8).tensor
    single = jm.effective_conductivity(k.astype(jnp.float32), grid, rtol=2e-5, throw=False)
    close = np.allclose(single.tensor, truth, rtol=1e-3)
    assert close or int(single.status) != Status.CONVERGED


def layers(values):
    return np.broadcast_to(np.asarray(values)[:, None], (8, 4))


def test_float32_says_where_its_digits_are_lost():
    k = layers([1, 1, 1e-6, 1, 1e-8, 1, 1, 1])
    grid = jm.Grid((8, 4), jnp.asarray([8, 4], jnp.float32))
    with pytest.raises(SolveError, match=r"STAGNATED.*float64"):
        jm.effective_conductivity(jnp.asarray(k, jnp.float32), grid)
    double = jm.effective_conductivity(k, jm.Grid((8, 4)))
    assert np.allclose(double.tensor[0, 0], 1 / np.mean(1 / k[:, 0]), rtol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("seed", range(3))
def test_layers_of_all_kinds_are_right_at_any_tolerance(seed, dtype):
    k = layers(10.0 ** np.random.default_rng(seed).uniform(-4.5, 0, 8))
    exact = 1 / np.mean(1 / k[:, 0])
    for rtol in (1e-2, 1e-3):
        found = jm.effective_conductivity(jnp.asarray(k, dtype), jm.Grid((8, 4)), rtol=rtol)
        assert abs(float(found.tensor[0, 0]) - exact) < 3 * rtol**2 * exact
        assert abs(float(found.tensor[0, 0]) - exact) <= float(found.tensor_error[0, 0])


@pytest.mark.parametrize(
    ("discretization", "precision"),
    daily(
        list(itertools.product(("finite_element", "rotated", "finite_volume"), ("float32", "float64", "mixed"))),
        ("finite_element", "float64"),
        ("rotated", "mixed"),
        ("finite_volume", "float32"),
        unpack=True,
    ),
)
def test_a_cell_that_voids_cut_in_two_conducts_nothing(discretization, precision):
    k = np.ones((8, 8))
    k[2:4], k[5, 5] = 0.0, 0.0
    k = jnp.asarray(k, jnp.float32 if precision == "float32" else jnp.float64)
    options = {"precision": "mixed"} if precision == "mixed" else {}
    found = jm.effective_conductivity(k, jm.Grid((8, 8)), discretization=discretization, **options)
    assert int(found.status) == Status.CONVERGED
    assert abs(float(found.tensor[0, 0])) < 1e-10
    assert 0.5 < float(found.tensor[1, 1]) < 0.75


def test_islands_carry_no_load():
    x, y = np.meshgrid(np.arange(12) - 5.5, np.arange(12) - 5.5)
    law = Isotropic(*[jnp.asarray(np.where(x**2 + y**2 < 20, 1.0, 0.0))] * 2)
    found = jm.effective_stiffness(law, jm.Grid((12, 12)))
    assert np.abs(found.tensor).max() < 1e-25

    def stiffness(scale):
        return jm.effective_stiffness(Isotropic(scale * law.lame_lambda, scale * law.shear), jm.Grid((12, 12))).tensor[0, 0]

    gradient = jax.jit(jax.grad(stiffness))(1.0)
    assert abs(float(gradient)) < 1e-25


@pytest.mark.parametrize("precision", daily([None, "mixed"], None))
def test_a_void_cell_among_others_has_a_finite_error_and_gradient(precision):
    cells = jnp.stack([jnp.zeros((6, 5)), jnp.ones((6, 5)).at[2].set(4.0)])
    found = jm.effective_conductivity(cells, GRID, precision=precision)
    assert found.status.tolist() == [Status.CONVERGED] * 2
    assert not found.tensor[0].any()
    assert np.isfinite(found.tensor_error).all()
    gradient = jax.jit(jax.grad(lambda k: jnp.sum(jm.effective_conductivity(k, GRID, precision=precision).tensor)))(cells)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("discretization", daily(["rotated", "fourier"], "rotated"))
@pytest.mark.parametrize("contrast", [1e-6, 1e6])
def test_float32_is_right_or_fails_where_soft_waves_are_many(discretization, contrast):
    grid = jm.Grid((17, 17))
    young = np.where(np.random.default_rng(0).random(grid.shape) < 0.5, contrast, 1.0)
    laws = [Isotropic(*[jnp.asarray(young, dtype)] * 2) for dtype in (jnp.float64, jnp.float32)]
    exact = jm.effective_stiffness(laws[0], grid, discretization=discretization, rtol=1e-8).tensor
    found = jm.effective_stiffness(laws[1], grid, discretization=discretization, throw=False)
    assert int(found.status) != Status.CONVERGED or np.abs(found.tensor - exact).max() < 3e-6 * np.abs(exact).max()


def test_under_eager_derivatives_bad_input_and_failures_are_nan():
    def value(k, **options):
        return jm.effective_conductivity(k, GRID, **options).tensor[0, 0]

    for k, options in ((HARD, {"max_steps": 2}), (HARD.at[2, 2].set(-1.0), {}), (HARD.at[2, 2].set(jnp.nan), {})):
        assert np.isnan(jax.grad(lambda k, options=options: value(k, **options))(k)).all()
        assert np.isnan(jax.jvp(lambda k, options=options: value(k, **options), (k,), (HARD,))[0])


def test_without_throw_bad_input_is_nan_with_its_status():
    batch = jnp.stack([HARD, HARD.at[1, 1].set(-1.0)])
    result = jm.effective_conductivity(batch, GRID, throw=False)
    assert result.status.tolist() == [Status.CONVERGED, Status.BAD_INPUT]
    assert np.isfinite(result.tensor[0]).all()
    assert np.isnan(result.tensor[1]).all()


def test_the_reported_tolerance_is_kept():
    rng = np.random.default_rng(2)
    k = jnp.asarray(10.0 ** (3 * rng.uniform(-1, 1, size=(16, 16))))
    grid = jm.Grid((16, 16))
    truth = jm.effective_conductivity(k, grid, rtol=1e-9).tensor
    for rtol in (1e-2, 1e-3, 1e-4):
        found = jm.effective_conductivity(k, grid, rtol=rtol).tensor
        assert float(jnp.max(jnp.abs(found - truth)) / jnp.max(truth)) < 10 * rtol**2


def test_the_same_shapes_compile_once():
    from jaxmicro.homogenization import linear

    k = jnp.ones((5, 7)).at[2].set(3.0)
    jm.effective_conductivity(k, jm.Grid((5, 7)))
    before = linear._compiled._cache_size()
    jm.effective_conductivity(2 * k, jm.Grid((5, 7), (1.0, 2.0)))
    assert linear._compiled._cache_size() == before


def test_results_print_readably():
    assert "converged" in str(jm.effective_conductivity(jnp.ones((6, 5)), GRID))


def sphere(shape, contrast, dtype=jnp.float64):
    x = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n - 0.5 for n in shape], indexing="ij"))
    shear = jnp.asarray(np.where((x**2).sum(0) < 0.3**2, contrast, 1.0), dtype)
    return Isotropic(shear, shear)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "discretization"),
    [((24, 20), "rotated"), ((10, 12, 11), "finite_element"), ((10, 12, 11), "rotated")],
)
def test_float32_keeps_its_digits_around_a_phase_many_times_as_stiff(shape, discretization):
    grid, contrast = jm.Grid(shape), 1e6
    exact = jm.effective_stiffness(sphere(shape, contrast), grid, discretization=discretization, rtol=1e-7).tensor
    found = jm.effective_stiffness(sphere(shape, contrast, jnp.float32), grid, discretization=discretization).tensor
    assert found.dtype == jnp.float32
    assert np.abs(found - exact).max() < 3e-6 * np.abs(exact).max()


@pytest.mark.parametrize("rtol", [1e-2, 1e-3])
def test_fourier_reckons_with_the_softest_directions_of_its_spectrum(rtol):
    law, grid = sphere((11, 11), 1e6), jm.Grid((11, 11))
    exact = jm.effective_stiffness(law, grid, discretization="fourier", rtol=1e-7)
    found = jm.effective_stiffness(law, grid, discretization="fourier", rtol=rtol)
    error = np.diagonal(found.tensor - exact.tensor)
    assert np.all(np.abs(error) <= np.diagonal(found.tensor_error))
    assert np.all(np.abs(error) <= rtol**2 * np.diagonal(exact.tensor))
