import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import numpy_generator
from jaxmicro.descriptors import ensemble, representative_volume, two_point_correlation
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, random_field

KEY = jax.random.key(4)


def test_intervals_hold_the_mean_as_often_as_they_say():
    """800 sets of 6 normal numbers: about 95 % of the intervals hold the mean, and not 99 or 90."""
    numbers = np.random.default_rng(0).normal(2.0, 3.0, (6, 800))
    found = ensemble(numbers, lambda x: jnp.asarray(x))
    hold = float(np.mean((np.asarray(found.low) < 2.0) & (np.asarray(found.high) > 2.0)))
    assert abs(hold - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 800)
    np.testing.assert_allclose(found.std, numbers.std(0, ddof=1), rtol=1e-12)
    narrow = ensemble(numbers, lambda x: jnp.asarray(x), confidence=0.5)
    hold = float(np.mean((np.asarray(narrow.low) < 2.0) & (np.asarray(narrow.high) > 2.0)))
    assert abs(hold - 0.5) < 4 * np.sqrt(0.25 / 800)


def test_descriptors_of_cells_and_names():
    cells = [random_field(Grid((12, 10)), volume_fraction=0.3, key=key) for key in jax.random.split(KEY, 4)]
    found = ensemble(cells, lambda ms: {"s2": two_point_correlation(ms.fractions[1]), "share": ms.volume_fractions[1]})
    expected = np.mean([np.asarray(two_point_correlation(ms.fractions[1])) for ms in cells], axis=0)
    np.testing.assert_allclose(found.mean["s2"], expected, rtol=1e-12)
    np.testing.assert_allclose(found.std["share"], 0, atol=1e-15)
    assert int(found.count) == 4


def test_derivatives_reach_the_samples():
    cells = jax.random.uniform(KEY, (3, 6, 5))
    slope = jax.grad(lambda x: ensemble(x, jnp.mean).mean)(cells)
    np.testing.assert_allclose(slope, np.full((3, 6, 5), 1 / 90), rtol=1e-12)


def test_one_sample_has_no_spread(as_user):
    with pytest.raises(ValueError, match="at least two, but there are 1"):
        ensemble([jnp.ones(3)], jnp.mean)
    with pytest.raises(ValueError, match="`confidence` must lie between 0 and 1, but it is 95"):
        ensemble(jnp.ones((2, 3)), jnp.mean, confidence=95)


def blocks(grid, key):
    """Blocks of 2 × 2 voxels of either phase with probability 0.3: the mean over n blocks has variance 0.21/n."""
    size = tuple(n // 2 for n in grid.shape)
    labels = (numpy_generator(key).random(size) < 0.3).astype(int).repeat(2, 0).repeat(2, 1)
    return Microstructure(grid=grid, labels=labels, phases=("a", "b"))


def test_independent_blocks_have_the_block_as_integral_range():
    share = lambda ms: float(np.asarray(ms.labels).mean())  # noqa: E731
    study = representative_volume(blocks, share, (8, 16, 32), 150, key=KEY, spacing=0.5, ndim=2)
    assert study.shapes == ((8, 8), (16, 16), (32, 32))
    np.testing.assert_allclose(study.volumes, [16.0, 64.0, 256.0])
    spread = 4 / np.sqrt(2 * 150)  # four standard errors of a standard deviation
    np.testing.assert_allclose(study.std[:, 0], np.sqrt(0.21 / study.volumes), rtol=spread)
    assert abs(study.exponent[0] - 1) < 0.2
    assert abs(study.integral_range(0.21) - 1.0) < 2 * spread
    # 0.3 to 5 %: (1.96 √(0.21/V)/0.015)² = 1
    expected = 0.21 * (1.96 / 0.015) ** 2
    assert abs(study.volume(0.05) / expected - 1) < 0.4
    assert abs(study.realisations(256.0, 0.05) * 256 / expected - 1) < 0.4
    assert abs(study.relative_error(study.volume(0.05)) - 0.05) < 1e-12
    assert "std² ~ volume^-" in str(study)


def test_windows_of_a_map_and_several_properties():
    ms = random_field(Grid((40, 30), (4.0, 3.0)), volume_fraction=0.3, key=KEY, correlation_length=0.2)
    measure = lambda cell: {"share": float(np.asarray(cell.labels).mean()), "corner": float(cell.labels[0, 0])}  # noqa: E731
    study = representative_volume(ms, measure, ((6, 8), (20, 20)), (9, 5), key=KEY)
    np.testing.assert_allclose(study.volumes, [0.48, 4.0], rtol=1e-6)
    assert study.names == ("share", "corner")
    assert np.isnan(study.values[1, 5:]).all()
    assert np.isfinite(study.values[1, :5]).all()
    assert study.std[1, 0] < study.std[0, 0]
    with pytest.raises(ValueError, match="`name` must be one of share, corner, but none"):
        study.volume(0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shapes": (50,)}, "must fit into the microstructure of"),
        ({"shapes": (8, 4)}, "ascending volumes"),
        ({"shapes": ()}, "at least one size"),
        ({"realisations": 1}, "`realisations` must be a whole number from 2 on"),
        ({"realisations": (3, 3, 3)}, "one number or one per size"),
        ({"measure": lambda ms: np.nan}, "must return finite numbers"),
        ({"source": 3}, "`source` must be a Microstructure or a function"),
        ({"source": blocks}, "`ndim` must be 2 or 3"),
    ],
)
def test_bad_input(options, message, as_user):
    ms = random_field(Grid((12, 10)), volume_fraction=0.3, key=KEY)
    arguments = {"source": ms, "measure": lambda ms: 1.0, "shapes": (4, 8), "realisations": 3} | options
    if arguments["source"] == 3:
        arguments["ndim"] = 2
    with pytest.raises(ValueError, match=message):
        representative_volume(**arguments, key=KEY)
