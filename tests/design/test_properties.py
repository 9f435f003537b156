import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.design import Conductivity, Density, Measure, Problem, Stiffness, Target, VolumeFraction
from jaxmicro.design.evaluation import Evaluator
from jaxmicro.fields import Grid
from jaxmicro.homogenization import homogenize
from jaxmicro.microstructures import random_field

SOFT, STIFF = {"young": 1.0, "poisson": 0.3}, {"young": 10.0, "poisson": 0.2}


def test_layers_have_their_closed_form():
    fractions = jnp.zeros((2, 8, 6)).at[0, :6].set(1.0).at[1, 6:].set(1.0)
    found = Conductivity([1.0, 10.0])(fractions, Grid((8, 6)))
    assert float(found["k_xx"]) == pytest.approx(1 / (0.75 + 0.25 / 10), rel=1e-7)
    assert float(found["k_yy"]) == pytest.approx(0.75 + 2.5, rel=1e-7)
    assert float(found["k_mean"]) == pytest.approx((found["k_xx"] + found["k_yy"]) / 2)


@pytest.mark.slow
def test_stiffness_agrees_with_homogenize():
    ms = random_field(Grid((8, 8)), volume_fraction=0.4, key=jax.random.key(0))
    whole = homogenize(ms, [SOFT, STIFF], rtol=1e-8)
    found = Stiffness([SOFT, STIFF], rtol=1e-8)(ms.fractions, ms.grid)
    assert float(found["C11"]) == pytest.approx(float(whole.stiffness[0, 0]), rel=1e-9)
    assert float(found["C66"]) == pytest.approx(float(whole.stiffness[2, 2]) / 2, rel=1e-9)
    assert float(found["E_y"]) == pytest.approx(float(whole.moduli.young[1]), rel=1e-9)
    assert float(found["nu_xy"]) == pytest.approx(float(whole.moduli.poisson[0, 1]), rel=1e-9)
    assert float(found["G_xy"]) == pytest.approx(float(whole.moduli.shear[0]), rel=1e-9)


def test_split_solves_the_finer_cell():
    ms = random_field(Grid((8, 8)), volume_fraction=0.5, key=jax.random.key(1))
    coarse = Conductivity([1.0, 10.0])(ms.fractions, ms.grid)["k_xx"]
    fine = Conductivity([1.0, 10.0], split=2)(ms.fractions, ms.grid)["k_xx"]
    by_hand = Conductivity([1.0, 10.0])(jnp.repeat(jnp.repeat(ms.fractions, 2, 1), 2, 2), Grid((16, 16), ms.grid.lengths))["k_xx"]
    assert float(fine) == pytest.approx(float(by_hand), rel=1e-9)
    assert float(fine) < float(coarse)  # finite elements: a finer mesh lowers the energy


@pytest.mark.slow
def test_derivatives_of_all_values_agree_with_differences():
    grid = Grid((6, 6))
    parts = [Conductivity([1.0, 10.0], rtol=1e-10), Stiffness([SOFT, STIFF], rtol=1e-10), VolumeFraction()]
    problem = Problem(Density(grid), parts, [Target("k_xx", 3.0)])
    evaluator = Evaluator(problem)
    base = jax.random.uniform(jax.random.key(0), (6, 6), minval=0.2, maxval=0.8)
    cell = jnp.stack([1 - base, base])
    direction = jax.random.normal(jax.random.key(1), cell.shape)
    direction = direction - direction.mean(axis=0)  # fractions go on summing to one
    _, jacobian = evaluator.values_and_jacobians(cell[None])
    step = 1e-5
    up, down = (evaluator.values((cell + sign * step * direction)[None])[0] for sign in (1, -1))
    slope = np.tensordot(np.asarray(jacobian[0]), np.asarray(direction), axes=3)
    assert np.allclose(slope, (up - down) / (2 * step), rtol=1e-6, atol=1e-8 * np.abs(slope).max())


def test_values_and_derivatives_count_alike():
    grid = Grid((6, 6))
    problem = Problem(Density(grid), [Conductivity([1.0, 10.0]), VolumeFraction()], [Target("k_xx", 3.0)])
    evaluator = Evaluator(problem)
    cells = jnp.stack([jnp.ones((6, 6)), jnp.zeros((6, 6))])[None].repeat(3, axis=0)
    evaluator.values(cells, batch=4)
    assert evaluator.evaluations == 3
    evaluator.values_and_jacobians(cells)
    assert (evaluator.evaluations, evaluator.cells, evaluator.failed) == (6, 6, 0)


def test_two_linear_problems_count_two():
    problem = Problem(Density(Grid((6, 6))), [Conductivity([1.0, 2.0]), Stiffness([SOFT, STIFF])], [Target("k_xx", 1.5)])
    assert problem.solves == 2


def test_a_property_of_ones_own():
    grid = Grid((6, 6))
    own = Measure(lambda fractions, grid: {"edge": fractions[1, 0].mean(), "share": fractions[1].mean()}, solves=0)
    problem = Problem(Density(grid), own, Target("edge", 0.5))
    assert problem.names == ("edge", "share")
    with pytest.raises(TypeError, match=r"Wrap it: Measure\(function, solves"):
        Problem(Density(grid), lambda fractions, grid: {"x": fractions.mean()}, Target("x", 0.5))


def test_bad_constants_are_refused(as_user):
    with pytest.raises(ValueError, match="`values` must be finite and not negative, but they are"):
        Conductivity([1.0, -10.0])
    with pytest.raises(ValueError, match="must hold one conductivity per phase"):
        Conductivity(3.0)
    with pytest.raises(ValueError, match="must have elastic constants, but it has a conductivity alone"):
        Stiffness([SOFT, {"conductivity": 3.0}])
    with pytest.raises(ValueError, match="must have constants for 2 phases, but Conductivity has them for 3"):
        Problem(Density(Grid((6, 6))), Conductivity([1.0, 2.0, 3.0]), Target("k_xx", 1.5))
