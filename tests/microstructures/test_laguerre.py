"""Laguerre diagrams against brute force, exact statistics of Poisson–Voronoi cells, and weights that reach volumes."""

import itertools
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import ConvexHull, Voronoi

import jaxmicro as jm
import jaxmicro.microstructures.power_weights as solver
from jaxmicro.microstructures import laguerre, laguerre_weights, log_normal_sizes
from jaxmicro.microstructures.laguerre import power_owner, scaled_cell

ALMOST_TIES = 1e-11  # of squared lengths: what rounding may decide otherwise


def brute_force(grid, seeds, weights, aspect=None):
    """Power distances of all seeds over 5^d images, (n, *grid)."""
    factors = np.ones(grid.ndim) if aspect is None else np.asarray(aspect, float) / np.prod(aspect) ** (1 / grid.ndim)
    lengths, points = np.asarray(grid.lengths) / factors, np.asarray(seeds) / factors[:, None]
    points = points - np.floor(points / lengths[:, None]) * lengths[:, None]
    x = np.asarray(grid.centres()) / factors.reshape(-1, *(1,) * grid.ndim)
    table = []
    for seed, weight in zip(points.T, weights, strict=True):
        images = [seed + np.array(shift) * lengths for shift in itertools.product((-2, -1, 0, 1, 2), repeat=grid.ndim)]
        table.append(np.min([((x - image.reshape(-1, *(1,) * grid.ndim)) ** 2).sum(0) for image in images], axis=0) - weight)
    return np.array(table)


CASES = {
    "2D": ((17, 23), (1.0, 1.7), None),
    "flat cell": ((5, 40), (30.0, 0.2), None),
    "elongated": ((16, 13), (2.0, 1.0), (20.0, 1.0)),
    "3D": ((9, 8, 11), (1.0, 1.5, 0.7), None),
    "rolled": ((7, 10, 8), (1.0, 1.0, 1.0), (4.0, 1.0, 0.5)),
    "least": ((2, 2), (1.0, 1.0), None),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("count", [1, 2, 3, 20])
@pytest.mark.parametrize("extent", [0.0, 0.05, 10.0])
def test_owners_are_those_of_brute_force(case, count, extent):
    shape, lengths, aspect = CASES[case]
    rng, grid = np.random.default_rng(count), jm.Grid(shape, lengths)
    seeds = rng.normal(size=(grid.ndim, count)) * 2 * np.array(lengths)[:, None]  # also outside of the cell
    weights = rng.normal(size=count) * extent * np.prod(lengths) ** (2 / grid.ndim)
    owner = laguerre(grid, seeds, weights, aspect=aspect)
    distance = brute_force(grid, seeds, weights, aspect)
    assert owner.dtype == np.int32
    lost = np.take_along_axis(distance, owner[None], axis=0)[0] - distance.min(axis=0)
    assert lost.max() <= ALMOST_TIES * np.abs(distance).max()
    assert np.mean(owner == distance.argmin(axis=0)) > 0.999
    if extent == 10.0 and count == 20:
        assert len(np.unique(owner)) < count  # some cells are empty


def test_tiles_fit_together(monkeypatch):
    rng = np.random.default_rng(0)
    grid, seeds, weights = jm.Grid((21, 34)), rng.random((2, 30)) * 30, rng.random(30) * 5
    whole = laguerre(grid, seeds, weights)
    monkeypatch.setattr(sys.modules[laguerre.__module__], "TILE", {2: 8})
    np.testing.assert_array_equal(laguerre(grid, seeds, weights), whole)


def test_only_differences_of_weights_and_ratios_of_aspect_matter():
    rng, grid = np.random.default_rng(1), jm.Grid((24, 20))
    seeds, weights = rng.random((2, 12)) * 20, rng.random(12) * 9
    owner = laguerre(grid, seeds, weights, aspect=(2.0, 1.0))
    np.testing.assert_array_equal(laguerre(grid, seeds, weights + 7, aspect=(6.0, 3.0)), owner)
    np.testing.assert_array_equal(laguerre(grid, seeds + np.array([[24.0], [-40.0]]), weights, aspect=(2.0, 1.0)), owner)
    assert not np.array_equal(laguerre(grid, seeds, weights), owner)


# ------------------------------------------------------------------------------------------------- Poisson–Voronoi statistics


def exact_voronoi(seeds):
    """Volumes and numbers of faces of periodic Voronoi cells in the unit cell, without voxels."""
    count, dim = seeds.shape
    images = np.concatenate([seeds + shift for shift in sorted(itertools.product((-1, 0, 1), repeat=dim), key=lambda s: sum(map(abs, s)))])
    diagram = Voronoi(images[((images > -0.5) & (images < 1.5)).all(axis=1)])
    volumes = [ConvexHull(diagram.vertices[diagram.regions[diagram.point_region[k]]]).volume for k in range(count)]
    return np.array(volumes), np.bincount(diagram.ridge_points.ravel(), minlength=count)[:count]


@pytest.mark.parametrize(("dim", "variance", "faces"), [(2, 0.280, 6.0), (3, 0.179, 15.54)])
def test_cells_of_random_seeds_have_the_known_statistics(dim, variance, faces):
    """Variances of Gilbert (1962), doi:10.1214/aoms/1177704464; 2 + 48 π²/35 faces of Meijering; 6 sides of Euler."""
    count = {2: 2000, 3: 600}[dim]
    seeds = np.random.default_rng(7).random((count, dim))
    volumes, numbers = exact_voronoi(seeds)
    assert volumes.sum() == pytest.approx(1.0, abs=1e-9)
    assert np.var(volumes * count) == pytest.approx(variance, rel=4 * np.sqrt(2.5 / count))  # four standard errors
    assert numbers.mean() == pytest.approx(faces, abs=1e-9 if dim == 2 else 0.35)
    grid = jm.Grid(({2: 256, 3: 48}[dim],) * dim, (1.0,) * dim)
    owner = laguerre(grid, seeds.T)
    counted = np.bincount(owner.ravel(), minlength=count) / grid.size
    assert np.var(counted * count) == pytest.approx(np.var(volumes * count), rel=0.02)
    joints = solver.face_stiffness(owner, scaled_cell(grid, seeds.T))
    seen = np.diff((joints > 0).tocsr().indptr).mean()
    assert 0.85 * faces < seen < numbers.mean()  # voxels miss small faces


def test_stiffness_of_faces_is_that_of_exact_ones():
    """The derivative of a volume to a weight, length / (2 |s_i − s_j|), of the cells of few enough seeds to see their faces."""
    count, grid = 40, jm.Grid((300, 300), (1.0, 1.0))
    seeds = np.random.default_rng(3).random((count, 2))
    joints = solver.face_stiffness(laguerre(grid, seeds.T), scaled_cell(grid, seeds.T)).toarray()
    images = np.concatenate([seeds + s for s in sorted(itertools.product((-1, 0, 1), repeat=2), key=lambda s: sum(map(abs, s)))])
    diagram, exact = Voronoi(images), np.zeros((count, count))
    for pair, ridge in zip(diagram.ridge_points, diagram.ridge_vertices, strict=True):
        for first, second in (pair, pair[::-1]):
            if first < count:
                length = np.linalg.norm(np.subtract(*diagram.vertices[ridge]))
                exact[first, second % count] += length / (2 * np.linalg.norm(images[first] - images[second]))
    assert np.abs(joints - exact).max() < 0.05 * exact.max()
    np.testing.assert_allclose(joints.sum(axis=1), exact.sum(axis=1), rtol=0.05)


# ------------------------------------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize(("shape", "count", "aspect"), [((96, 64), 60, None), ((24, 30, 20), 40, (2.0, 1.0, 1.0)), ((30, 30), 2, None)])
@pytest.mark.parametrize("relax", [0, 3])
def test_weights_reach_volumes(shape, count, aspect, relax):
    rng, grid = np.random.default_rng(4), jm.Grid(shape)
    asked = rng.permutation(log_normal_sizes(count, 0.3, dim=grid.ndim))
    found = laguerre_weights(grid, rng.random((grid.ndim, count)) * np.array(shape)[:, None], 3 * asked, aspect=aspect, relax=relax)
    counts = np.bincount(laguerre(grid, found.seeds, found.weights, aspect=aspect).ravel(), minlength=count)
    np.testing.assert_array_equal(counts / grid.size, found.volumes)
    voxels = solver.VOXELS[grid.ndim] * (1.0 if aspect is None else 2 ** (1 / 3))
    assert (np.abs(counts - asked * grid.size) <= 0.01 * asked * grid.size + voxels).all()
    assert float(found.volume_error) == pytest.approx(np.abs(found.volumes / asked - 1).max())
    assert int(found.status) == 0
    assert abs(found.weights.mean()) < 1e-9


def test_weights_of_two_slabs_are_known():
    """Slabs of widths v and 1 − v between seeds at 1/4 and 3/4: faces are where (x − 1/4)² − w₀ = (x − 3/4)² − w₁."""
    grid = jm.Grid((400, 4), (1.0, 0.01))
    found = laguerre_weights(grid, [[0.25, 0.75], [0.005, 0.005]], [0.7, 0.3], rtol=1e-3)
    assert int(found.steps) <= 3  # volumes are linear in the weights: Newton needs one step, and one more for what lies on the lattice
    assert found.weights[0] - found.weights[1] == pytest.approx(0.1, abs=0.005)  # Δw = |Δ| (v − 1/2)


def test_relaxed_seeds_lie_at_the_centres_of_their_cells():
    rng, grid = np.random.default_rng(5), jm.Grid((64, 64))
    asked = rng.permutation(log_normal_sizes(30, 0.35, dim=2))
    seeds = rng.random((2, 30)) * 64
    moved = []
    for relax in (0, 12):
        found = laguerre_weights(grid, seeds, asked, relax=relax)
        cell = scaled_cell(grid, found.seeds, found.weights)
        offset = solver.centroids(power_owner(grid.shape, cell), cell) - cell.seeds
        moved.append(np.linalg.norm(offset - 64 * np.round(offset / 64), axis=1).mean())
    assert moved[1] < 0.3 * moved[0]


def test_a_failure_says_how_far_it_is():
    grid = jm.Grid((30, 30))
    seeds = np.random.default_rng(0).random((2, 20)) * 30
    with pytest.raises(jm.SolveError, match=r"did not reach the volumes .* the largest relative error is .* of cell \d+ with \d+ voxels"):
        laguerre_weights(grid, seeds, np.arange(1.0, 21.0) ** 1.5, rtol=0.0, max_steps=1)
    kept = laguerre_weights(grid, seeds, np.arange(1.0, 21.0) ** 1.5, rtol=0.0, max_steps=1, throw=False)
    assert int(kept.status) != 0
    assert float(kept.volume_error) > 0


def test_wrong_input_is_refused(as_user):
    grid, seeds = jm.Grid((8, 8)), [[1.0, 5.0], [2.0, 6.0]]
    with pytest.raises(ValueError, match=r"`seeds` must have shape \(2, n\), but its shape is \(3, 2\)"):
        laguerre(grid, np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"`weights` must be finite"):
        laguerre(grid, seeds, [0.0, np.nan])
    with pytest.raises(ValueError, match=r"`aspect` must be positive and finite, but it is \[1\.0, 0\.0\]"):
        laguerre(grid, seeds, aspect=(1.0, 0.0))
    with pytest.raises(ValueError, match="call this outside jit"):
        jax.jit(lambda s: jnp.asarray(laguerre(grid, s)))(jnp.asarray(seeds))
    with pytest.raises(ValueError, match=r"`volumes` must be positive and finite, but 1 of 2 are not \(the first at index 1: -1\.0\)"):
        laguerre_weights(grid, seeds, [1.0, -1.0])
    with pytest.raises(ValueError, match=r"1 of 2 grains would be smaller \(the smallest 0\.64 voxels\)\. Use a grid of \(10, 10\) voxels"):
        laguerre_weights(grid, seeds, [0.99, 0.01])
    with pytest.raises(ValueError, match="seeds 0 and 1 are at one place"):
        laguerre_weights(grid, [[1.0, 9.0], [2.0, 2.0]], [0.5, 0.5])


def test_numbers_that_are_none_are_refused(as_user):
    grid, seeds = jm.Grid((8, 8)), [[1.0, 5.0], [2.0, 6.0]]
    with pytest.raises(ValueError, match=r"`aspect` must have ratios of at most 1e\+06, but it is \[1e-200, 1e\+200\]"):
        laguerre(grid, seeds, aspect=(1e-200, 1e200))
    with pytest.raises(ValueError, match="call this outside jit"):
        jax.jit(lambda v: jnp.asarray(laguerre_weights(grid, seeds, v).weights))(jnp.ones(2))
    for name, value in {"relax": 1.5, "max_steps": 2.5, "rtol": "x"}.items():
        with pytest.raises(ValueError, match=f"`{name}` must .*, but it is {value!r}"):
            laguerre_weights(grid, seeds, [0.5, 0.5], **{name: value})
