import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import random_field

KEY = jax.random.key(2)
GRID = Grid((15, 14), (3.0, 2.0))


@given(parts=st.lists(st.integers(1, 9), min_size=2, max_size=5), arrangement=st.sampled_from(["levels", "independent"]))
@settings(max_examples=12, deadline=None)
def test_fractions_are_exact_to_one_voxel(parts, arrangement):
    fractions = np.array(parts) / sum(parts)
    ms = random_field(GRID, fractions, key=KEY, arrangement=arrangement)
    counts = np.bincount(np.asarray(ms.labels).ravel(), minlength=len(parts))
    assert np.abs(counts - fractions * GRID.size).max() < 1


def touching(labels):
    """Pairs of phases that are neighbours somewhere."""
    found = set()
    for axis in range(labels.ndim):
        found |= {tuple(sorted(pair)) for pair in zip(labels.ravel(), np.roll(labels, 1, axis).ravel(), strict=True) if pair[0] != pair[1]}
    return found


def test_levels_are_shells_and_independent_phases_all_touch():
    grid = Grid((64, 64))
    levels, free = (
        np.asarray(random_field(grid, (0.3, 0.4, 0.3), 8.0, key=KEY, arrangement=kind).labels) for kind in ("levels", "independent")
    )
    assert touching(levels) == {(0, 1), (1, 2)}
    assert touching(free) == {(0, 1), (0, 2), (1, 2)}


def test_the_second_phase_takes_the_volume_fraction():
    ms = random_field(Grid((10, 10)), volume_fraction=0.17, key=KEY, phases=("matrix", "pore"))
    np.testing.assert_allclose(ms.volume_fractions, [0.83, 0.17])
    assert ms.phases[1].name == "pore"
    assert "random_field" in ms.provenance


def test_it_runs_under_jit_and_vmap():
    def draw(key, share):
        return random_field(GRID, volume_fraction=share, key=key).labels

    keys, shares = jax.random.split(KEY, 3), jnp.array([0.2, 0.5, 0.7])
    batch = jax.jit(jax.vmap(draw))(keys, shares)
    np.testing.assert_array_equal(np.asarray(batch).mean(axis=(1, 2)), np.round(np.asarray(shares) * GRID.size) / GRID.size)
    np.testing.assert_array_equal(batch[1], draw(keys[1], 0.5))


def test_bad_fractions_are_named():
    with pytest.raises(ValueError, match=r"non-negative and sum to 1, but they are \[0.5, 0.4\] with sum 0.9"):
        random_field(GRID, (0.5, 0.4), key=KEY)
    with pytest.raises(ValueError, match="must not both be given"):
        random_field(GRID, (0.5, 0.5), volume_fraction=0.5, key=KEY)
    with pytest.raises(ValueError, match="at least two numbers"):
        random_field(GRID, (1.0,), key=KEY)
    with pytest.raises(ValueError, match=r"one entry per fraction, but there are 3"):
        random_field(GRID, (0.5, 0.5), key=KEY, phases=("a", "b", "c"))


@pytest.mark.parametrize(
    ("shape", "length", "share"),
    [
        ((120, 128), 4.0, 0.5),
        pytest.param((120, 128), 3.2, 0.12, marks=pytest.mark.slow),
        pytest.param((36, 40, 42), 3.3, 0.3, marks=pytest.mark.slow),
    ],
)
def test_the_surface_follows_from_the_spectrum(shape, length, share):
    grid = Grid(shape, tuple(0.5 * n for n in shape))
    found = [
        fidelity(random_field(grid, volume_fraction=share, correlation_length=length / 2, key=key)) for key in jax.random.split(KEY, 4)
    ]
    assert found[0].names[-1] == "surface_density"
    # one cell scatters by 4 %, the mean of four by 2 %; crossings of neighbours miss 1 to 2 %
    assert abs(np.mean([one.relative_deviation[-1] for one in found])) < 0.05


@pytest.mark.parametrize(
    ("shape", "bandwidth"), [((96, 90), 0.1), ((96, 90), 0.2), pytest.param((48, 48, 50), 0.15, marks=pytest.mark.slow)]
)
def test_the_wavelength_of_a_band_is_the_mean_over_its_waves(shape, bandwidth):
    options = {"volume_fraction": 0.4, "correlation_length": 11.0, "spectrum": "band", "bandwidth": bandwidth}
    found = [fidelity(random_field(Grid(shape), key=key, **options)) for key in jax.random.split(KEY, 3)]
    assert found[0].names[-1] == "wavelength"
    # one cell of eight waves scatters by 3 %, the mean of three by 2 %
    assert abs(np.mean([one.relative_deviation[-1] for one in found])) < 0.04


def test_what_the_cell_cannot_show_is_not_claimed():
    for options in (
        {"correlation_length": 2.0},  # too few voxels
        {"correlation_length": 20.0},  # too few of them
        {"correlation_length": 3.2, "anisotropy": (2.0, 1.0)},
        {"correlation_length": 3.2, "spectrum": "power"},
        {"correlation_length": 10.0, "spectrum": "band", "bandwidth": 0.4},
    ):
        assert list(random_field(Grid((100, 100)), key=KEY, **options).asked) == ["volume_fractions"]
