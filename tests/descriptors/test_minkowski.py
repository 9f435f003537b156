"""Minkowski functionals of bodies whose volume, surface, curvature and topology are known."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import euler_number, minkowski_functionals, surface_density
from jaxmicro.fields import Grid
from jaxmicro.microstructures import clusters

BOTH = ("faces", "corners")


def centred(grid):
    """Coordinates relative to the middle of the cell, slightly off the lattice's symmetry."""
    return [x - float(length) / 2 - 0.017 * k for k, (x, length) in enumerate(zip(np.asarray(grid.centres()), grid.lengths, strict=True))]


def torus(grid, around, radius):
    x, y, z = centred(grid)
    return (np.hypot(x, y) - around) ** 2 + z**2 < radius**2


def by_cells(mask, connectivity):
    """Euler number of a finite image as the complex of its closed voxels, or of its voxels' centres, each cell listed by its middle."""
    reach = {"corners": (-1, 0, 1), "faces": (0, 1)}[connectivity]
    inside = set(map(tuple, 2 * np.argwhere(mask)))
    cells = set()
    for voxel in inside:
        for step in itertools.product(reach, repeat=mask.ndim):
            cell = tuple(np.add(voxel, step))
            # a cell of centres belongs to it if all of its ends do, one of closed voxels if any of them does
            ends = itertools.product(*[(c - 1, c + 1) if c % 2 else (c,) for c in cell])
            if connectivity == "corners" or all(end in inside for end in ends):
                cells.add(cell)
    odd = [sum(c % 2 for c in cell) for cell in cells]
    dimension = [mask.ndim - k if connectivity == "corners" else k for k in odd]
    return sum((-1) ** k for k in dimension)


@pytest.mark.parametrize("shape", [(7, 6), (4, 5, 3)])
def test_the_euler_number_is_that_of_the_cells(shape):
    for seed, connectivity in itertools.product(range(3), BOTH):
        mask = np.random.default_rng(seed).random(shape) < 0.4
        assert float(euler_number(mask, connectivity=connectivity, periodic=False)) == by_cells(mask, connectivity)


def test_pieces_handles_and_cavities():
    grid = Grid((30, 28, 24), (15.0, 15.4, 12.0))
    r = np.sqrt(sum(x**2 for x in centred(grid)))
    bodies = {
        "ball": (r < 4, 1),
        "shell": ((r < 4.5) & (r > 2), 2),
        "torus": (torus(grid, 4.0, 1.8), 0),
        "around the shell": ((r > 4.5) | (r < 2), 2),
    }
    for name, (body, euler) in bodies.items():
        for connectivity in BOTH:
            assert float(euler_number(body, connectivity=connectivity)) == euler, name
    assert float(euler_number(np.ones((4, 5)))) == 0.0  # a torus
    assert float(euler_number(np.ones((4, 5)), periodic=False)) == 1.0
    assert float(euler_number(np.ones((4, 5, 6)), periodic=(True, False, True))) == 0.0


def test_as_many_as_there_are_separate_voxels():
    mask = np.zeros((12, 12), bool)
    mask[1::3, 2::3] = True
    assert float(euler_number(mask)) == float(jnp.max(clusters(mask, periodic=True))) == 16
    assert float(euler_number(~mask, connectivity="corners")) == -16


def test_a_gyroid_has_genus_three_in_a_primitive_cell():
    """Two primitive cells in a cubic one: χ of the surface is 2 (2 − 2·3) = −8, and half of it that of each side."""
    grid = Grid((32, 30, 36), (2 * np.pi,) * 3)
    x = np.asarray(grid.centres())
    solid = sum(np.sin(x[k]) * np.cos(x[(k + 1) % 3]) for k in range(3)) > 0
    for connectivity in BOTH:
        m = minkowski_functionals(solid, grid, connectivity=connectivity)
        assert float(m.euler_number) == -4.0
        assert abs(float(m.curvature_density)) < 1e-3
    assert float(m.surface_density * m.volume) == pytest.approx(3.0915 * (2 * np.pi) ** 2, rel=0.02)  # area of the gyroid


@pytest.mark.parametrize("shape", [(48, 48, 48), (64, 40, 32)])
def test_surface_and_curvature_of_a_ball_and_a_torus(shape):
    grid = Grid(shape, (12.0, 12.0, 12.0))
    ball = np.sqrt(sum(x**2 for x in centred(grid))) < 4.0
    for body, surface, curvature in (
        (ball, 4 * np.pi * 16, 4 * np.pi * 4),
        (~ball, 4 * np.pi * 16, -4 * np.pi * 4),
        (torus(grid, 3.6, 1.6), 4 * np.pi**2 * 3.6 * 1.6, 2 * np.pi**2 * 3.6),
    ):
        m = minkowski_functionals(body, grid)
        assert float(m.surface_density * m.volume) == pytest.approx(surface, rel=0.03)
        assert float(m.curvature_density * m.volume) == pytest.approx(curvature, rel=0.03)
        assert float(m.surface_density) == float(surface_density(body.astype(float), grid))


def test_the_curvature_of_a_box_comes_closer_with_finer_voxels():
    """π (a + b + c) of a box, of which a lattice sees the edges blunted by less than a voxel."""
    errors = []
    for n in (1, 3):
        box = np.zeros((14 * n, 10 * n, 9 * n))
        box[2 * n : 12 * n, 2 * n : 8 * n, 2 * n : 7 * n] = 1
        m = minkowski_functionals(box, Grid(box.shape, (14.0, 10.0, 9.0)))
        errors.append(float(m.curvature_density * m.volume) / (np.pi * (10 + 6 + 5)) - 1)
    axis, edge, corner = 0.0457779, 0.0369806, 0.0351956  # shares of 26 directions (Ohser & Mücklich, table 4.1)
    limit = 2 * (2 * axis + 8 * edge / np.sqrt(2) + 8 * corner / np.sqrt(3)) - 1  # of mean |n·e| of the 13 normals, 1/2 for all
    assert (errors[0] - limit) / (errors[1] - limit) == pytest.approx(3, abs=0.1)


def test_closed_and_open_edges():
    """Layers that end at the image: closed, their ends are surface; open, only the flat sides are."""
    layers = np.zeros((12, 9), bool)
    layers[2:5] = layers[8:11] = True
    grid = Grid((12, 9), (6.0, 9.0))
    closed, cut = (minkowski_functionals(layers, grid, periodic=(True, False), edges=edges) for edges in ("closed", "open"))
    assert float(closed.euler_number) == 2.0
    assert float(cut.euler_number) == pytest.approx(0.0, abs=1e-12)  # endless layers
    sides = surface_density(layers.astype(float), grid, "faces", periodic=(True, False), edges="open")
    assert float(sides) == pytest.approx(4 / 6, rel=1e-12)
    ends = surface_density(layers.astype(float), grid, "faces", periodic=(True, False))
    assert float(ends) == pytest.approx(4 / 6 + 2 * 3.0 / 54, rel=1e-12)


@pytest.mark.slow
def test_open_edges_give_the_densities_of_what_a_piece_is_cut_from():
    mask = _boolean(Grid((96, 96, 96)), 3.0, 400, 0)[0]
    whole = minkowski_functionals(mask)
    pieces = [
        minkowski_functionals(mask[a : a + 48, b : b + 48, c : c + 48], periodic=False, edges="open")
        for a, b, c in itertools.product((0, 48), repeat=3)
    ]
    for name, tolerance in (("surface_density", 0.02), ("curvature_density", 0.05), ("euler_density", 0.1)):
        assert np.mean([float(getattr(piece, name)) for piece in pieces]) == pytest.approx(float(getattr(whole, name)), rel=tolerance)


def _boolean(grid, radius, count, seed):
    """Overlapping discs or balls of random centres, their number drawn, and their expected number per volume."""
    rng = np.random.default_rng(seed)
    lengths, x = np.asarray(grid.lengths), np.asarray(grid.centres())
    mask = np.zeros(grid.shape, bool)
    for centre in rng.random((rng.poisson(count), grid.ndim)) * lengths:
        away = [np.abs(x[k] - c) for k, c in enumerate(centre)]
        mask |= sum(np.minimum(a, length - a) ** 2 for a, length in zip(away, lengths, strict=True)) < radius**2
    return mask, count / lengths.prod()


def test_overlapping_discs():
    """Mecke & Wagner (1991): of a Poisson process of density n, with ψ = n π R², χ = n (1 − ψ) exp(−ψ) and S = 2 π R n exp(−ψ)."""
    grid, found = Grid((160, 160)), []
    for seed in range(24):
        mask, n = _boolean(grid, 6.0, 60, seed)
        m = minkowski_functionals(mask, grid)
        found.append([float(m.volume_fraction), float(m.surface_density), float(m.euler_density)])
    psi = n * np.pi * 36
    expected = [1 - np.exp(-psi), n * 2 * np.pi * 6 * np.exp(-psi), n * (1 - psi) * np.exp(-psi)]
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 3 * error + 0.01 * np.abs(expected))


@pytest.mark.slow
def test_overlapping_balls():
    """With η = n 4πR³/3: S = 4πR² n e^(−η), M = 4πR n (1 − 3π²η/32) e^(−η), χ = n (1 − 3η + 3π²η²/32) e^(−η).

    Voxels close gaps that are thinner than they are, an error that halves with them: two sizes of voxels tell the limit.
    """
    coarse, fine = (Grid((n,) * 3, (64.0,) * 3) for n in (48, 96))
    found, radius = [], 8.0
    for seed in range(16):
        each = []
        for grid in (coarse, fine):
            mask, n = _boolean(grid, radius, 40, seed)
            m = minkowski_functionals(mask, grid)
            each.append(np.array([float(x) for x in (m.volume_fraction, m.surface_density, m.curvature_density, m.euler_density)]))
        found.append(2 * each[1] - each[0])
    eta = n * 4 / 3 * np.pi * radius**3
    expected = np.exp(-eta) * np.array([
        np.expm1(eta), 4 * np.pi * radius**2 * n, 4 * np.pi * radius * n * (1 - 3 * np.pi**2 * eta / 32),
        n * (1 - 3 * eta + 3 * np.pi**2 * eta**2 / 32),
    ])  # fmt: skip
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 3 * error + 0.01 * np.abs(expected))


def test_a_derivative_is_the_change_that_a_voxel_makes():
    mask = jnp.asarray(np.random.default_rng(3).random((5, 4, 6)) < 0.5, float)
    grid = Grid((5, 4, 6), (5.0, 6.0, 6.0))

    def values(p):
        m = minkowski_functionals(p, grid, connectivity="corners")
        return jnp.stack([m.euler_number, m.curvature_density])

    slopes, call = jax.jit(jax.jacrev(values))(mask), jax.jit(values)
    for voxel in ((0, 0, 0), (4, 3, 5), (2, 1, 3)):
        np.testing.assert_allclose(slopes[(slice(None), *voxel)], call(mask.at[voxel].set(1)) - call(mask.at[voxel].set(0)), atol=1e-12)
    p = jax.random.uniform(jax.random.key(0), (5, 4, 6))
    direction = jax.random.normal(jax.random.key(1), p.shape)
    expected = (call(p + 1e-6 * direction) - call(p - 1e-6 * direction)) / 2e-6
    np.testing.assert_allclose(jax.jvp(values, (p,), (direction,))[1], expected, rtol=1e-6)


def test_the_expected_number_where_voxels_are_independent():
    p, rng = 0.3, np.random.default_rng(4)
    found = [float(euler_number(rng.random((40, 40)) < p)) for _ in range(40)]
    assert abs(np.mean(found) - float(euler_number(np.full((40, 40), p)))) < 3 * np.std(found) / np.sqrt(len(found))


def test_single_precision_and_batches():
    masks = jnp.asarray(np.random.default_rng(5).random((3, 9, 8)) < 0.5, jnp.float32)
    found = jax.jit(jax.vmap(lambda mask: minkowski_functionals(mask).euler_number))(masks)
    assert found.dtype == jnp.float32
    assert found.tolist() == [float(euler_number(mask)) for mask in masks]


@pytest.mark.usefixtures("as_user")
def test_bad_input_is_refused_in_words():
    with pytest.raises(ValueError, match="`connectivity` must be one of 'faces', 'corners', but it is 'face'"):
        minkowski_functionals(np.ones((3, 3)), connectivity="face")
    with pytest.raises(ValueError, match=r"`mask` must have two or three axes, but its shape is \(3,\)"):
        euler_number(np.ones(3))
    with pytest.raises(ValueError, match="`edges` must be one of 'closed', 'open', but it is 'cut'"):
        minkowski_functionals(np.ones((3, 3)), edges="cut")
    with pytest.raises(ValueError, match=r"`grid.lengths` must be concrete"):
        jax.jit(lambda grid: minkowski_functionals(np.ones((3, 3)), grid).euler_number)(Grid((3, 3)))
