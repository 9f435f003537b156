"""Orientations put into cells so that boundaries and texture are those of a structure that is known to be possible."""

import jax
import numpy as np
import pytest

from jaxmicro import Grid
from jaxmicro.descriptors import measure_grains
from jaxmicro.design.arranged_orientations import Borders, Target, _State, arrange, boundaries, candidates, corrected
from jaxmicro.microstructures import polycrystal
from jaxmicro.orientations import misorientation, multiply, random_orientations, twin_system


@pytest.fixture(scope="module")
def structure():
    """Cells in a band of which every second one is a twin of the one before it in the numbering."""
    grains = measure_grains(polycrystal(Grid((96, 64)), 60, key=jax.random.key(0)), periodic=True)
    borders = Borders(np.asarray(grains.neighbours), np.asarray(grains.shared, float))
    parents = random_orientations(jax.random.key(1), 12)
    twins = multiply(twin_system("fcc").rotations[:, :1], parents)
    orientations = np.concatenate([np.asarray(parents), np.asarray(twins)], axis=1)
    volumes = np.asarray(grains.areas, float)
    chosen = np.random.default_rng(0).integers(24, size=60)
    for first, second in borders.pairs.T[np.argsort(-borders.lengths)][:40]:  # the longest boundaries are twins
        chosen[second] = (chosen[first] + 12) % 24
    shares = np.bincount(chosen, volumes, minlength=24)
    everywhere = Borders(np.stack(np.triu_indices(24, 1)), np.ones(276))
    table, _ = candidates(orientations, shares, everywhere, "m-3m", "fcc")
    return table, borders, volumes, boundaries(table, borders, chosen)


def test_a_structure_that_exists_is_found_again(structure):
    table, borders, volumes, wanted = structure
    assert 0.2 < wanted.twins < 0.9
    generator = np.random.default_rng(1)
    drawn = boundaries(table, borders, generator.choice(24, 60, p=table.shares))
    chosen = arrange(table, wanted, borders, volumes, generator)
    found = boundaries(table, borders, chosen)
    apart = np.abs(np.cumsum(found.distribution - wanted.distribution)).max()
    assert apart < 0.06 < 0.12 < np.abs(np.cumsum(drawn.distribution - wanted.distribution)).max()
    assert found.twins == pytest.approx(wanted.twins, abs=0.02)
    surplus = np.bincount(chosen, volumes / volumes.sum(), minlength=24) - table.shares
    assert surplus @ table.overlap @ surplus < 0.05 * table.shares @ table.overlap @ table.shares


def test_sums_are_kept_up(structure):
    table, borders, volumes, wanted = structure
    generator = np.random.default_rng(2)
    state = _State(table, wanted, borders, volumes / volumes.sum(), generator.integers(24, size=60))
    for cell in range(60):
        state.draw(cell, 1e-3, generator)
    found = boundaries(table, borders, state.chosen)
    np.testing.assert_allclose(state.excess, found.distribution - wanted.distribution, atol=1e-12)
    assert state.twins == pytest.approx(found.twins - wanted.twins, abs=1e-12)
    surplus = np.bincount(state.chosen, volumes / volumes.sum(), minlength=24) - table.shares
    np.testing.assert_allclose(state.field, table.overlap @ surplus, atol=1e-12)


def test_a_draw_at_no_temperature_takes_the_least_energy(structure):
    """The energy of every choice, worked out from nothing, against what the heat bath takes."""
    from jaxmicro.design.arranged_orientations import TEXTURE

    table, borders, volumes, wanted = structure
    volumes = volumes / volumes.sum()
    start = np.random.default_rng(3).integers(24, size=60)

    def energy(chosen):
        found = boundaries(table, borders, chosen)
        weights = 0.5 * (wanted.distribution + 1 / wanted.distribution.size)
        surplus = np.bincount(chosen, volumes, minlength=24) - table.shares
        texture = surplus @ table.overlap @ surplus / (table.shares @ table.overlap @ table.shares)
        apart = np.cumsum(found.distribution - wanted.distribution) ** 2
        return apart @ weights + (found.twins - wanted.twins) ** 2 + TEXTURE * texture

    for cell in (0, 17, 59):
        energies = [energy(np.where(np.arange(60) == cell, k, start)) for k in range(24)]
        state = _State(table, wanted, borders, volumes, start.copy())
        state.draw(cell, 1e-12, np.random.default_rng(0))
        assert energies[state.chosen[cell]] <= min(energies) + 1e-12


def test_few_stand_for_many():
    """Of 900 grains 500 at most are taken, the large ones more often; what is asked of the boundaries is that of all."""
    turns = np.asarray(random_orientations(jax.random.key(3), 900))
    volumes = np.random.default_rng(0).exponential(size=900)
    borders = Borders(np.stack([np.arange(899), np.arange(1, 900)]), np.ones(899))
    table, wanted = candidates(turns, volumes, borders, "m-3m", "fcc")
    assert 300 < table.shares.size <= 500
    assert table.orientations.shape == (4, table.shares.size)
    assert table.shares.sum() == pytest.approx(1.0)
    places = [int(np.flatnonzero((turns == each[:, None]).all(axis=0))[0]) for each in table.orientations.T]
    assert np.abs(table.shares - volumes[places] / volumes.sum()).max() <= 1.0 / 500
    angles = np.rad2deg(np.asarray(misorientation(turns[:, :-1], turns[:, 1:])))
    np.testing.assert_allclose(wanted.distribution, table.binned(angles, np.ones(899)), atol=2.5 / 899)  # one or two at an edge


def test_what_is_asked_next(structure):
    table = structure[0]
    flat = np.full(table.edges.size + 1, 1 / (table.edges.size + 1))
    angles, lengths = np.array([7.0, 42.0]), np.array([1.0, 3.0])
    same = corrected(table, Target(flat, 0.3), (angles, lengths), (angles, lengths), 0.1)
    np.testing.assert_allclose(same.distribution, flat)
    assert same.twins == pytest.approx(0.4)
    more = corrected(table, Target(flat, 0.3), (angles[1:], lengths[1:]), (angles, lengths), -0.5)
    assert more.twins == 0.0
    assert more.distribution.sum() == pytest.approx(1.0)
    assert more.distribution[np.searchsorted(table.edges, 42.0)] > flat[0] > more.distribution[np.searchsorted(table.edges, 7.0)]
