"""Percolation and tortuosity of pore spaces."""

import itertools
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import effective_diffusivity, percolating_share, percolation, tortuosity, transport


def test_a_bent_channel_is_as_tortuous_as_its_resistances_say():
    """A channel along x that steps aside by its width: in the shadow of the step the flux turns, by a network solved by hand."""
    mask = np.zeros((2, 4), bool)
    mask[0, :2] = mask[1, 1:3] = True
    # Voxels a = (0,0), b = (0,1), c = (1,1), d = (1,2); walls through half voxels of conductance 2. d and a hang at b and c.
    matrix = np.array([[3.0, -1, 0, 0], [-1, 4, -1, 0], [0, -1, 4, -1], [0, 0, -1, 3]])
    potential = np.linalg.solve(matrix, [0, 0, 2, 2])
    relative = 2 * potential[:2].sum() * 2 / 4
    t = tortuosity(mask, 0)
    assert float(t.relative) == pytest.approx(relative, rel=1e-10)
    assert float(t) == float(t.factor) == pytest.approx(0.5 / relative, rel=1e-10)
    assert int(t.isolated_clusters) == 0
    assert "tortuosity factor" in str(t)


def test_isolated_pores_count_in_the_porosity():
    mask = np.zeros((6, 6))
    mask[:, 2] = 3.0
    mask[1, 5] = 3.0
    t = tortuosity(mask, 0)
    assert float(t.factor) == pytest.approx(7 / 6, rel=1e-10)
    assert float(t.porosity) == pytest.approx(7 / 36)
    assert float(t.percolating_porosity) == pytest.approx(6 / 36)
    assert float(t.effective) == pytest.approx(0.5, rel=1e-10)
    assert float(percolating_share(mask, 0)) == pytest.approx(6 / 7)
    closed = tortuosity(mask, 1)
    assert np.isinf(float(closed))
    assert int(closed.status) == jm.Status.NO_PATH
    assert float(percolating_share(mask, 1)) == 0.0
    assert float(percolating_share(np.zeros((3, 3), bool), 0)) == 0.0


HELIX = np.eye(6, dtype=bool) | np.eye(6, k=1, dtype=bool) | np.eye(6, k=-5, dtype=bool)  # a stair around the cell


def test_a_stair_winds_around_a_periodic_cell_along_both_axes():
    """Between walls its end in the corner is cut off; without them it is a ring of 12 steps that crosses 6 + 6 voxels."""
    t = transport(HELIX, boundary="periodic")
    np.testing.assert_allclose(t.relative, 6 * 6 / 12 / 36, rtol=1e-8)  # flux 6/12 per unit gradient times 6 voxels, over 36
    assert np.asarray(t.percolating_share).tolist() == [1.0, 1.0]
    assert float(percolating_share(HELIX, 0)) == pytest.approx(11 / 12)
    assert float(tortuosity(HELIX, 0, boundary="periodic")) == pytest.approx(4.0, rel=1e-8)
    p = percolation(HELIX, periodic=True)
    assert (int(p.clusters), float(p.largest), float(p.euler_number)) == (1, 1.0, 0.0)
    assert "percolating 1.0000 along axis 0" in str(p)


def by_copies(mask, axis, connectivity):
    """A voxel and its image in the middle of nine copies of the cell along each axis, not repeated, belong together."""
    copies = 9 if mask.ndim == 2 else 5
    labels = np.asarray(jm.microstructures.clusters(np.tile(mask, (copies,) * mask.ndim), connectivity=connectivity))
    middle = [slice(n * (copies // 2), n * (copies // 2 + 1)) for n in mask.shape]
    joined = np.zeros(mask.shape, bool)
    for step in itertools.product(range(-(copies // 2), copies // 2 + 1), repeat=mask.ndim):
        if step[axis]:
            there = tuple(slice(m.start + k * n, m.stop + k * n) for m, k, n in zip(middle, step, mask.shape, strict=True))
            joined |= mask & (labels[tuple(middle)] == labels[there])
    whole = np.asarray(jm.microstructures.clusters(mask, periodic=True, connectivity=connectivity))
    return np.isin(whole, whole[joined]) & mask


@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 5)])
def test_what_winds_around_a_cell_joins_a_voxel_to_its_image(shape):
    share = jax.jit(lambda mask: percolating_share(mask, 0, boundary="periodic"))
    seen = set()
    for seed, connectivity in itertools.product(range(6), ("faces", "corners")):
        mask = np.random.default_rng(seed).random(shape) < {"faces": 0.55, "corners": 0.35}[connectivity] * (1 if len(shape) == 2 else 0.6)
        for axis in range(len(shape)):
            expected = by_copies(mask, axis, connectivity).sum() / max(mask.sum(), 1)
            assert float(percolating_share(mask, axis, connectivity=connectivity, boundary="periodic")) == pytest.approx(expected)
            seen.add(expected > 0)
        if connectivity == "faces":
            assert float(share(mask)) == pytest.approx(float(percolating_share(mask, 0, boundary="periodic")))
    assert seen == {True, False}


def test_a_periodic_cell_is_the_entry_of_the_effective_tensor():
    grid = jm.Grid((7, 6, 5), (7.0, 9.0, 5.0))
    k = np.random.default_rng(1).uniform(0.5, 2.0, grid.shape)
    tensor = jm.effective_conductivity(k, grid, discretization="finite_volume").tensor
    t = transport(k, grid, "periodic")
    np.testing.assert_allclose(t.effective, jnp.diagonal(tensor), rtol=1e-9)
    np.testing.assert_allclose(t.factor, k.mean() / t.effective, rtol=1e-12)
    np.testing.assert_allclose(effective_diffusivity(k, 1, grid=grid, boundary="periodic", diffusivity=3.0), 3 * tensor[1, 1], rtol=1e-9)


@pytest.mark.parametrize("boundary", ["walls", "periodic"])
def test_nothing_is_solved_where_nothing_percolates(boundary, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a solve")

    monkeypatch.setitem(transport.__globals__, "effective_conductivity", refuse)
    lonely = np.zeros((5, 6), bool)
    lonely[2, 3] = True
    for mask, clusters in ((np.zeros((5, 6)), 0), (lonely, 1)):
        t = transport(mask, boundary=boundary)
        assert np.isinf(t.factor).all()
        assert not np.any(t.relative)
        assert not np.any(t.percolating_share)
        assert np.asarray(t.status).tolist() == [jm.Status.NO_PATH] * 2
        assert np.asarray(t.isolated_clusters).tolist() == [clusters] * 2
        assert float(percolation(mask).share[0]) == 0.0
        assert np.asarray(effective_diffusivity(mask, boundary=boundary)).tolist() == [0.0, 0.0]


def test_a_table_of_all_axes():
    layers = np.zeros((6, 8), bool)
    layers[:, 2:5] = True
    for boundary in ("walls", "periodic"):
        t = transport(layers, boundary=boundary)
        np.testing.assert_allclose(t.factor, [1.0, np.inf], rtol=1e-10)
        np.testing.assert_allclose(t.relative, [3 / 8, 0], rtol=1e-10, atol=1e-12)
        assert [line.split()[-1] for line in str(t).splitlines()[2:]] == ["converged", "no_path"]


@pytest.mark.slow
def test_under_jit_in_single_precision():
    layers = np.zeros((6, 8), bool)
    layers[:, 2:5] = True
    under = jax.jit(lambda mask: transport(mask, boundary="periodic").factor)
    np.testing.assert_allclose(under(layers.astype(np.float32)), [1.0, np.inf], rtol=1e-5)


def cathode(shared_data):
    import tifffile

    return tifffile.imread(shared_data / "tomo_nmc_cathode" / "nmc-1-cal_generatedCBD_bridge.tif")


def sandstone(shared_data):
    import tifffile

    with zipfile.ZipFile(shared_data / "rock_berea" / "berea.zip") as archive, archive.open("berea.tif") as file:
        return tifffile.imread(file)


@pytest.mark.slow
def test_a_piece_of_a_cathode_conducts_as_taufactor_says(shared_data):
    """taufactor 1.2.1 on the same 32³ voxels, its rule for convergence at 1e-5, along the first axis."""
    piece = cathode(shared_data)[:32, :32, :32] == 0
    assert float(tortuosity(piece, 0)) == pytest.approx(2.363233, rel=5e-3)


@pytest.mark.slow
def test_what_percolates_in_measured_volumes(shared_data):
    volume, rock = cathode(shared_data), sandstone(shared_data) == 0
    for label, share in ((0, 0.995), (1, 0.998), (2, 0.660)):
        np.testing.assert_allclose([float(percolating_share(volume == label, axis)) for axis in range(3)], share, atol=5e-4)
    assert rock.mean() == pytest.approx(0.19645, abs=5e-6)
    np.testing.assert_allclose([float(percolating_share(rock, axis)) for axis in range(3)], 0.9937, atol=5e-5)


@pytest.mark.slow
def test_its_derivative_is_that_of_the_effective_conductivity():
    k = np.random.default_rng(0).uniform(0.5, 2.0, (5, 4))
    grid = jm.Grid((5, 4), (2.0, 1.0))
    found = jax.grad(lambda k: tortuosity(k, 1, grid=grid, rtol=1e-8).factor)(k)
    step = np.zeros_like(k)
    step[2, 1] = 1e-5
    slope = (float(tortuosity(k + step, 1, grid=grid, rtol=1e-9)) - float(tortuosity(k - step, 1, grid=grid, rtol=1e-9))) / 2e-5
    assert float(found[2, 1]) == pytest.approx(slope, rel=1e-6)


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match=r"`conducting` must have two or three axes, but its shape is \(4,\)"):
        tortuosity(np.ones(4), 0)
    with pytest.raises(ValueError, match="`walls` must be the number of an axis of the grid, below 2, but it is 3"):
        tortuosity(np.ones((4, 4)), 3)
    with pytest.raises(ValueError, match="must be positive semi-definite in every voxel"):
        tortuosity(-np.ones((4, 4)), 0)
