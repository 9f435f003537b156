import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import two_point_correlation
from jaxmicro.design import Statistic, lineal_path_statistic, reconstruct, two_point_statistic
from jaxmicro.design.exact_shares import exact_labels, voxel_counts
from jaxmicro.design.phase_retrieval import coefficients
from jaxmicro.design.statistics import TwoPoint
from jaxmicro.design.voxel_exchange import anneal
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, inclusions, random_field

KEY = jax.random.key(2)
GRID = Grid((32, 30))


def error_over_all_lags(found, target):
    """‖S₂ − target‖/‖target − φ²‖ by NumPy alone."""
    cell, like = np.asarray(found, float), np.asarray(target, float)
    correlate = lambda x: np.fft.ifftn(abs(np.fft.fftn(x)) ** 2).real / x.size  # noqa: E731
    return np.linalg.norm(correlate(cell) - correlate(like)) / np.linalg.norm(correlate(like) - like.mean() ** 2)


@pytest.fixture(scope="module")
def discs():
    return inclusions(GRID, 0.25, 5.0, key=KEY)


def test_a_full_map_gives_the_cell_back(discs):
    target = two_point_correlation(discs.fractions[1])
    found = reconstruct(target, key=KEY)
    labels = np.asarray(found.microstructure.labels)
    assert labels.sum() == int(discs.labels.sum())
    assert error_over_all_lags(labels, discs.labels) < 0.02
    np.testing.assert_allclose(found.error, error_over_all_lags(labels, discs.labels), atol=1e-12)
    assert int(found.status) == 0
    assert found.method == "phase retrieval"
    assert "within the tolerance" in str(found)
    assert (np.diff(np.asarray(found.history)) <= 0).all()


def test_several_phases_at_once():
    ms = random_field(GRID, (0.5, 0.3, 0.2), 4.0, key=KEY)
    found = reconstruct(ms, key=KEY)
    assert np.bincount(np.ravel(found.microstructure.labels)).tolist() == np.bincount(np.ravel(ms.labels)).tolist()
    for phase in range(3):
        assert error_over_all_lags(found.microstructure.labels == phase, ms.labels == phase) < 0.05


def test_what_is_not_found_is_told():
    ms = random_field(GRID, volume_fraction=0.5, correlation_length=1.5, key=KEY)
    found = reconstruct(ms, key=KEY, steps=20, tolerance=1e-3)
    assert int(found.status) != 0
    assert float(found.error) > 1e-3
    assert "above the tolerance" in str(found)
    assert any("above the tolerance of 0.001" in note for note in found.microstructure.notes)
    np.testing.assert_allclose(found.error, error_over_all_lags(found.microstructure.labels, ms.labels), rtol=1e-6)
    assert float(found.microstructure.volume_fractions[1]) == 0.5


def test_short_lags_leave_the_cell_free(discs):
    found = reconstruct(discs, key=KEY, max_lag=6.0, tolerance=0.03)
    assert float(found.error) < 0.03
    assert found.method == "gradient"
    assert error_over_all_lags(found.microstructure.labels, discs.labels) > 0.1  # another cell


@pytest.mark.slow
def test_sections_of_a_volume():
    flat = random_field(Grid((32, 32)), volume_fraction=0.4, correlation_length=3.0, key=KEY)
    grid = Grid((24, 24, 24))
    found = reconstruct(flat, grid, key=KEY, tolerance=0.05)
    assert float(found.error) < 0.05
    assert len(found.names) == 3
    stretched = random_field(Grid((32, 32)), volume_fraction=0.4, correlation_length=2.0, anisotropy=(3.0, 1.0), key=KEY)
    planes = reconstruct({"xy": stretched, "xz": stretched}, grid, key=KEY, tolerance=0.1)
    cell = np.asarray(planes.microstructure.fractions[1])
    correlation = np.asarray(two_point_correlation(cell))
    assert correlation[4, 0, 0] > correlation[0, 4, 0] + 0.03  # long along x
    assert float(planes.microstructure.volume_fractions[1]) == round(0.4 * 24**3) / 24**3


def test_any_differentiable_measure(discs):
    moment = Statistic(jnp.array([0.1]), 0.1, column_variance, "variance of columns")
    path = lineal_path_statistic([0.4, 0.32, 0.25, 0.2], axis=0)
    found = reconstruct([moment, path], GRID, volume_fractions=0.4, key=KEY, tolerance=0.05)
    cell = np.asarray(found.microstructure.labels)
    assert cell.sum() == round(0.4 * 960)
    assert abs(cell.mean(1).var() / 0.1 - 1) < 0.06
    runs = [np.mean([cell[(np.arange(32) + k) % 32] for k in range(r + 1)], axis=0) == 1 for r in range(4)]
    np.testing.assert_allclose([run.mean() for run in runs], [0.4, 0.32, 0.25, 0.2], atol=0.04)
    assert float(found.error) < 0.05


def column_variance(fractions, grid):
    return jnp.var(fractions[1].mean(1))[None]


def test_sections_are_measured_section_by_section():
    cell = jax.random.uniform(KEY, (2, 6, 5, 4))
    found = TwoPoint((0, 2))(cell, Grid((6, 5, 4)))
    expected = np.mean([np.asarray(two_point_correlation(cell[1, :, k])) for k in range(5)], axis=0)
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)


def test_lags_of_another_size_are_those_of_both():
    target = np.arange(64.0).reshape(8, 8)
    small = np.asarray(two_point_statistic(target, (5, 12)).target[0])
    assert small.shape == (5, 12)
    assert small[1, 2] == target[1, 2]
    assert small[-2, -3] == target[-2, -3]
    assert np.isnan(small[0, 4:9]).all()
    near = two_point_statistic(target, (8, 8), max_lag=2.0, spacing=(2.0, 1.0)).target[0]
    assert np.isfinite(np.asarray(near)).sum() == 7  # the lags (0, ±2 … 2) and (±1, 0)


def test_annealing_keeps_the_share_and_tells_its_error(discs):
    cell = np.asarray(discs.fractions[1])
    wanted = coefficients(np.asarray(TwoPoint()(discs.fractions, GRID)), np.asarray(discs.volume_fractions))
    assert wanted is not None
    correlation = np.asarray(two_point_correlation(cell))
    scale = np.linalg.norm(correlation - cell.mean() ** 2)
    stirred = cell.copy()
    for x, y in np.random.default_rng(0).integers(0, 30, (40, 2)):
        stirred[x, y], stirred[x - 1, y] = stirred[x - 1, y], stirred[x, y]
    found, error = anneal(stirred, abs(wanted[0]) + 0j, float(scale), KEY, 20_000)
    assert found.sum() == cell.sum()
    np.testing.assert_allclose(error, error_over_all_lags(found, cell), rtol=1e-9, atol=1e-12)
    assert error < 0.5 * error_over_all_lags(stirred, cell)


def test_numbers_of_voxels_are_exact():
    assert voxel_counts(np.array([0.5, 0.25, 0.25]), 10).tolist() == [5, 3, 2]
    wanted = np.random.default_rng(1).random((3, 9, 7))
    counts = np.array([50, 3, 10])
    labels = exact_labels(wanted, counts)
    assert np.bincount(labels.ravel(), minlength=3).tolist() == [50, 3, 10]
    easy = np.bincount(wanted.argmax(0).ravel(), minlength=3)
    assert (exact_labels(wanted, easy) == wanted.argmax(0)).all()


def test_single_precision():
    grid = Grid((16, 16), jnp.array([16.0, 16.0], jnp.float32))
    labels = np.zeros((16, 16), int)
    labels[3:8, 2:9] = 1
    found = reconstruct(Microstructure(grid=grid, labels=labels), key=KEY)
    assert found.error.dtype == jnp.float32
    assert float(found.error) < 0.02


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (np.ones((4, 4)), {}, "zero lag, between 0 and 1, but it holds 1"),
        (np.ones(4), {}, "but it is ndarray of shape"),
        ({"xy": "a"}, {"grid": Grid((4, 4, 4))}, "a 2D Microstructure for the plane 'xy', but it is str"),
        ({"yx": "a"}, {"grid": Grid((4, 4, 4))}, "must be one of 'xy', 'xz', 'yz'"),
        ({"xy": "a"}, {"grid": GRID}, "`grid` must be 3D"),
        (lineal_path_statistic([0.4], 0), {}, "`grid` must be given"),
        (lineal_path_statistic([0.4], 0), {"grid": GRID}, "`volume_fractions` must be given"),
        (lineal_path_statistic([0.4], 0), {"grid": GRID, "volume_fractions": (0.5, 0.6)}, "sum to 1"),
        (None, {"statistics": ("s2",)}, "'s2'"),
        (None, {"statistics": ()}, "at least one"),
        (None, {"tolerance": 0}, "`tolerance` must be a positive"),
        (None, {"steps": 0}, "`steps` must be a whole number"),
        (None, {"grid": Grid((32, 30), (1.0, 1.0))}, "voxels of the size of the target's"),
        (None, {"volume_fractions": (0.2, 0.3, 0.5)}, "must hold 2 numbers"),
        (None, {"phases": ("a",)}, "must hold 2 names"),
        (None, {"max_lag": -1}, "`max_lag` must be a positive distance"),
    ],
)
def test_bad_input(target, options, message, discs, as_user):
    with pytest.raises(ValueError, match=message):
        reconstruct(discs if target is None else target, **options, key=KEY)
