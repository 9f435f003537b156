import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.design import Conductivity, Density, Measure, Problem, Stiffness, Target, VolumeFraction, minimize, verify
from jaxmicro.fields import Grid
from jaxmicro.homogenization import effective_conductivity, effective_stiffness
from jaxmicro.materials import isotropic_stiffness

GRID = Grid((8, 6), lengths=(2.0, 1.0))


def field_of(labels, low=1.0, high=10.0):
    return jnp.where(jnp.asarray(labels) == 1, high, low)


@pytest.mark.slow
def test_split_and_rotated_values_agree_with_direct_solves():
    space = Density(GRID)
    problem = Problem(space, [Conductivity([1.0, 10.0], rtol=1e-8), VolumeFraction()], [Target("k_xx", 3.0)])
    latents = space.initial(2, jax.random.key(0))
    checked = verify(problem, latents)
    labels = np.argmax(np.asarray(space.decode(latents)), axis=1)
    for i in range(2):
        fine = np.kron(labels[i], np.ones((4, 4), int))
        split = effective_conductivity(field_of(fine), Grid((32, 24), GRID.lengths), rtol=1e-8).tensor
        rotated = effective_conductivity(field_of(labels[i]), GRID, discretization="rotated", rtol=1e-8).tensor
        own = effective_conductivity(field_of(labels[i]), GRID, rtol=1e-8).tensor
        column = problem.column("k_xx")
        assert checked.predicted[i, column] == pytest.approx(float(own[0, 0]), rel=1e-9)
        assert checked.split[i, column] == pytest.approx(float(split[0, 0]), rel=1e-9)
        assert checked.rotated[i, column] == pytest.approx(float(rotated[0, 0]), rel=1e-9)
        assert checked.split_gap[i, column] == pytest.approx(float(split[0, 0] / own[0, 0]) - 1, rel=1e-6)
    share = problem.column("volume_fraction")
    assert np.allclose(checked.split[:, share], labels.mean(axis=(1, 2)))
    assert np.isnan(checked.rotated[:, share]).all()  # costs no solve, so it has no second scheme
    assert checked.evaluations == 6


@pytest.mark.slow
def test_stiffness_is_checked_too():
    space = Density(Grid((6, 6)))
    phases = [{"young": 1.0, "poisson": 0.3}, {"young": 10.0, "poisson": 0.3}]
    latents = space.initial(1, jax.random.key(0))
    checked = verify(Problem(space, Stiffness(phases, rtol=1e-8), Target("C11", 3.0)), latents)
    labels = np.kron(np.argmax(np.asarray(space.decode(latents)), axis=1)[0], np.ones((4, 4), int))
    soft, stiff = (isotropic_stiffness(p["young"], p["poisson"], dim=2) for p in phases)
    field = jnp.where(jnp.asarray(labels) == 1, stiff[:, :, None, None], soft[:, :, None, None])
    direct = effective_stiffness(field, Grid((24, 24), (6.0, 6.0)), rtol=1e-8).tensor
    assert checked.split[0, checked.names.index("C11")] == pytest.approx(float(direct[0, 0]), rel=1e-9)


@pytest.mark.slow
def test_predicted_values_lie_between_the_bounds_at_their_own_fractions():
    space = Density(Grid((12, 12)))
    problem = Problem(space, Conductivity([1.0, 10.0]), Target("k_xx", 3.0))
    latents = space.initial(3, jax.random.key(1))
    checked = verify(problem, latents)
    share = np.argmax(np.asarray(space.decode(latents)), axis=1).mean(axis=(1, 2))
    column = problem.column("k_xx")
    assert np.allclose(checked.upper[:, column], 1 + 9 * share)
    assert np.allclose(checked.lower[:, column], 1 / (1 - 0.9 * share))
    assert (checked.predicted[:, column] < checked.upper[:, column]).all()
    assert checked.violations == ((), (), ())


def test_a_broken_bound_is_reported_and_not_clipped():
    problem = Problem(Density(Grid((6, 6))), _Overshooting([1.0, 10.0]), Target("k_xx", 3.0))
    checked = verify(problem, Density(Grid((6, 6))).initial(1, jax.random.key(0)))
    assert any("with its own resolution violates the Voigt bound" in line for line in checked.violations[0])
    assert checked.predicted[0, problem.column("k_xx")] > checked.upper[0, problem.column("k_xx")]


class _Broken(Conductivity):
    def tensor(self, fractions, grid):
        return 3 * super().tensor(fractions, grid)


def _Overshooting(values):
    from jaxmicro._core import record

    return record(_Broken)(jnp.asarray(values))


def test_distance_to_data_is_zero_for_the_data():
    space = Density(Grid((6, 6)))
    latents = space.initial(3, jax.random.key(0))
    problem = Problem(space, Measure(lambda f, grid: {"share": f[1].mean()}, solves=0), Target("share", 0.5))
    checked = verify(problem, latents[:2], data=latents)
    assert checked.data_distance.tolist() == [0.0, 0.0]
    moved = verify(problem, latents[:1] + 0.25, data=latents[:1])
    assert moved.data_distance[0] == pytest.approx(0.25)
    assert checked.prior_distance is None


def test_results_print_and_save(tmp_path):
    from jaxmicro.io import read, write

    problem = Problem(Density(Grid((8, 8))), Conductivity([1.0, 10.0]), Target("k_xx", 3.0))
    result = minimize(problem, key=jax.random.key(0))
    assert "all targets met, 1 design(s)" in str(result)
    assert "split" in str(result.verification)
    write(tmp_path / "design.npz", result)
    again = read(tmp_path / "design.npz")
    assert np.array_equal(again.labels, result.labels)
    assert np.array_equal(again.verification.split, result.verification.split)
    assert again.status == "met"
    assert again.history["error"].tolist() == result.history["error"].tolist()
