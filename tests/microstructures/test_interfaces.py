"""Plane cuts of voxels, and the fractions and normals that are made of them, against independent volumes."""

import itertools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.microstructures import (
    Interface,
    disc,
    interface_from_fractions,
    interface_from_level_set,
    interface_normals,
    interface_of_layers,
    interface_of_spheres,
    laminate,
    plane_cut,
    sphere,
)

ROUNDING = 1e-14
SUMS = 1e-12  # of a few hundred shares


def exact_cut(offset, gradient, spacing):
    """The share by inclusion and exclusion of the corners, in rational numbers, which cancel nothing."""
    widths = [abs(Fraction(float(g))) * Fraction(float(h)) for g, h in zip(gradient, spacing, strict=True)]
    widths = [m for m in widths if m > 0]
    level = sum(widths) / 2 - Fraction(float(offset))
    total = Fraction(0)
    for corner in itertools.product((0, 1), repeat=len(widths)):
        rest = level - sum(c * m for c, m in zip(corner, widths, strict=True))
        total += (-1) ** sum(corner) * max(rest, Fraction(0)) ** len(widths)
    return float(total / (math.factorial(len(widths)) * math.prod(widths)))


def planes(dim, count, seed):
    """Offsets and gradients of planes that cut voxels of unequal edges, some of them almost along an axis."""
    rng = np.random.default_rng(seed)
    gradient = rng.normal(size=(dim, count)) * 10.0 ** rng.uniform(-9, 0, size=(dim, count))
    gradient[0, ::7] = 0.0
    spacing = rng.uniform(0.2, 2.0, dim)
    half = (np.abs(gradient) * spacing[:, None]).sum(0) / 2
    return rng.uniform(-1.1, 1.1, count) * half, gradient, spacing


@pytest.mark.parametrize("dim", [2, 3])
def test_a_plane_cuts_the_exact_share_of_a_box(dim):
    offset, gradient, spacing = planes(dim, 400, dim)
    found = np.asarray(plane_cut(offset, gradient, spacing))
    exact = [exact_cut(offset[k], gradient[:, k], spacing) for k in range(offset.size)]
    assert np.abs(found - exact).max() < ROUNDING
    assert (found == 0).any()
    assert (found == 1).any()


@pytest.mark.parametrize("dim", [2, 3])
def test_a_plane_cuts_what_counted_points_say(dim):
    offset, gradient, spacing = (
        np.array([0.3, -0.1]),
        np.array([[1.0, -0.2], [0.7, 0.9], [-0.4, 0.5]])[:dim],
        np.array([0.5, 1.0, 1.5])[:dim],
    )
    points = np.array(list(itertools.product((np.arange(60) + 0.5) / 60 - 0.5, repeat=dim))).T * spacing[:, None]
    counted = (offset[:, None] + gradient.T @ points < 0).mean(axis=1)
    assert np.abs(plane_cut(offset, gradient, spacing) - counted).max() < 2e-3


@pytest.mark.parametrize("dim", [2, 3])
def test_symmetries_of_a_plane_cut(dim):
    offset, gradient, spacing = planes(dim, 50, 7)
    here = np.asarray(plane_cut(offset, gradient, spacing))
    assert np.allclose(here + plane_cut(-offset, -gradient, spacing), 1.0, rtol=ROUNDING)
    assert np.allclose(plane_cut(offset, gradient * np.where(np.arange(dim) == 1, -1.0, 1.0)[:, None], spacing), here, atol=ROUNDING)
    assert np.allclose(plane_cut(1e-9 * offset, 1e-9 * gradient, spacing), here, atol=1e-13)
    assert np.allclose(
        plane_cut(offset, gradient / spacing[:, None], np.ones(dim)), plane_cut(offset, gradient / spacing[:, None], np.ones(dim))
    )
    assert plane_cut(np.array([-1.0, 0.0, 1.0]), np.zeros((dim, 3)), spacing).tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("dim", [2, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [-0.4, -0.17, 0.06, 0.3, 0.46])
def test_a_plane_cut_has_derivatives(dim, share):
    gradient, spacing = np.array([0.3, -1.1, 0.5])[:dim], np.array([1.0, 0.6, 1.7])[:dim]
    offset = share * float((np.abs(gradient) * spacing).sum())
    check_grads(plane_cut, (offset, jnp.asarray(gradient), jnp.asarray(spacing)), order=2, modes=("fwd", "rev"), rtol=1e-4, atol=1e-4)


def test_derivatives_of_a_plane_cut_are_right_at_its_middle_and_finite_without_a_gradient():
    slope = jax.grad(plane_cut, argnums=(0, 1, 2))
    at_middle = slope(0.0, jnp.array([2.0, 0.0]), jnp.array([1.0, 1.0]))
    assert float(at_middle[0]) == -0.5  # area over the length of the gradient
    assert np.allclose(at_middle[1], 0.0)
    assert all(np.isfinite(part).all() for part in slope(0.3, jnp.zeros(3), jnp.ones(3)))


# -------------------------------------------------------------------------------------------------------------- level sets


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.07, 0.93)])
def test_the_area_of_a_disc_is_met_to_its_curvature(centre):
    grid, radius = jm.Grid((20, 30), (1.0, 1.5)), 0.31
    for parts in (1, 2, 4):
        found = interface_of_spheres(grid, np.array(centre)[:, None], np.array([radius]), parts=parts)
        missed = float(found.fraction.mean()) * 1.5 / (np.pi * radius**2) - 1
        expected = (0.05 / parts / radius) ** 2 / 12  # tangents lie outside, by κ s²/24 on average
        assert missed == pytest.approx(expected, rel=0.2)  # of the few voxels


def test_the_volume_of_spheres_and_their_union():
    grid = jm.Grid((14, 14, 14), (1.0, 1.0, 1.0))
    centres, radii = np.array([[0.2, 0.7], [0.3, 0.75], [0.25, 0.8]]), np.array([0.22, 0.2])
    both = interface_of_spheres(grid, centres, radii)
    volume = 4 / 3 * np.pi * (radii**3).sum()
    assert float(both.fraction.mean()) == pytest.approx(volume, rel=3e-3)
    alone = [interface_of_spheres(grid, centres[:, [k]], radii[[k]]).fraction for k in range(2)]
    assert np.allclose(both.fraction, alone[0] + alone[1], atol=1e-12)
    same = interface_of_spheres(grid, np.repeat(centres[:, :1], 2, axis=1), np.array([0.22, 0.1]))
    assert np.allclose(same.fraction, alone[0], atol=1e-12)  # one inside the other
    counted = sphere(grid, radius=0.22, centre=centres[:, 0], supersample=8).fractions[1]
    assert np.abs(alone[0] - counted).max() < 0.03


@pytest.mark.slow
def test_a_function_a_sampled_field_and_spheres_give_the_same_disc():
    grid, radius, centre = jm.Grid((24, 16), (1.2, 0.8)), 0.27, jnp.array([0.55, 0.43])

    def level(x):
        return jnp.hypot(x[0] - centre[0], x[1] - centre[1]) - radius

    exact = interface_of_spheres(grid, centre[:, None], np.array([radius]))
    function = interface_from_level_set(level, grid)
    mixed = np.asarray((exact.fraction > 0) & (exact.fraction < 1))
    radial = np.array(grid.centres() - centre[:, None, None])
    radial /= np.linalg.norm(radial, axis=0)
    assert np.allclose(function.fraction, exact.fraction, atol=1e-12)
    assert np.allclose(function.normal[:, mixed], exact.normal[:, mixed], atol=1e-12)
    assert np.abs((radial * exact.normal).sum(0) - 1)[mixed].max() < 1e-8
    corners = grid.centres() - grid.spacing[:, None, None] / 2
    for at, values in (("centres", level(grid.centres())), ("corners", level(corners))):
        sampled = interface_from_level_set(values, grid, at=at)
        assert np.abs(sampled.fraction - exact.fraction)[mixed].max() < 1e-3
        assert np.abs((radial * sampled.normal).sum(0) - 1)[mixed].max() < 1e-5


def test_the_unit_of_a_level_set_does_not_matter():
    grid = jm.Grid((9, 9), (1.0, 1.0))

    def level(x, factor=1.0):
        return factor * jnp.cos(2 * jnp.pi * x[0]) * jnp.cos(2 * jnp.pi * x[1])

    here = interface_from_level_set(level, grid)
    there = interface_from_level_set(lambda x: level(x, 1e6), grid)
    assert np.allclose(here.fraction, there.fraction, atol=1e-12)
    assert float(here.fraction.mean()) == pytest.approx(0.5, abs=1e-12)


# ------------------------------------------------------------------------------------------------------------------ layers


@pytest.mark.parametrize(("shape", "normal"), [((8, 6), (2, 0)), ((8, 6), (0, -1)), ((6, 5, 7), (0, 0, 3))])
def test_layers_along_an_axis_are_those_of_the_generator(shape, normal):
    grid = jm.Grid(shape, np.array([1.0, 2.0, 3.0])[: len(shape)])
    exact = laminate(grid, (0.63, 0.37), normal=normal, exact=True).fractions[1]
    assert np.allclose(interface_of_layers(grid, 0.37, normal).fraction, exact, atol=1e-12)


@pytest.mark.parametrize(("shape", "normal"), [((12, 9), (2, 1)), ((7, 8), (-1, 3)), ((6, 5, 4), (1, 2, -1))])
def test_oblique_layers_have_the_exact_mean_and_the_shares_of_finer_voxels(shape, normal):
    lengths = np.array([1.0, 1.7, 0.6])[: len(shape)]
    grid, parts = jm.Grid(shape, lengths), 12
    for width in (1.0, 2.0, 3.0):
        found = interface_of_layers(grid, 0.3, normal, width=width)
        assert float(found.fraction.mean()) == pytest.approx(0.3, abs=SUMS)
    found = interface_of_layers(grid, 0.3, normal)
    fine = laminate(jm.Grid(tuple(n * parts for n in shape), lengths), (0.7, 0.3), normal=normal)
    counted = jm.microstructures.downsample(fine, parts).fractions[1]
    assert np.abs(found.fraction - counted).max() < 0.05
    direction = np.array(normal) / lengths
    assert np.allclose(found.normal[(..., *(0,) * len(shape))], direction / np.linalg.norm(direction), atol=1e-14)
    shifted = interface_of_layers(grid, 0.3, normal, shift=1.0)
    assert np.allclose(shifted.fraction, found.fraction, atol=SUMS)


def test_one_window_may_hold_many_layers():
    found = interface_of_layers(jm.Grid((4, 4)), 0.25, (11, 5))
    assert float(found.fraction.mean()) == pytest.approx(0.25, abs=SUMS)
    assert np.abs(found.fraction - 0.25).max() < 0.2


# ------------------------------------------------------------------------------------------------------ normals of fractions


@pytest.mark.parametrize(("shape", "lengths"), [((32, 32), (1.0, 1.0)), ((24, 40), (1.0, 1.0))])
@pytest.mark.parametrize("normal", [(2, 1), (1, 0), (-1, 3)])
def test_normals_of_plane_interfaces_from_their_fractions(shape, lengths, normal):
    grid = jm.Grid(shape, lengths)
    exact = interface_of_layers(grid, 0.47, normal)
    found = interface_from_fractions(exact.fraction, grid)
    mixed = np.asarray((found.fraction > 0) & (found.fraction < 1))
    cosine = np.abs((found.normal * exact.normal).sum(0))[mixed]
    assert np.degrees(np.arccos(np.minimum(cosine, 1.0))).max() < 1.5  # what sampling hides: 0.1° with a reach of 1.5
    assert np.allclose(found.fraction, exact.fraction, rtol=ROUNDING)


def test_normals_of_a_disc_from_pixels_and_from_finer_pixels():
    grid, angles = jm.Grid((32, 32), (1.0, 1.0)), []
    radial = np.array(grid.centres()) - 0.5
    radial /= np.linalg.norm(radial, axis=0)
    for parts in (1, 4, 16):
        fine = disc(jm.Grid((32 * parts,) * 2, (1.0, 1.0)), radius=0.3)
        found = interface_from_fractions(fine.fractions[1], grid)
        assert float(found.fraction.mean()) == pytest.approx(float(fine.volume_fractions[1]), abs=1e-12)
        near = (
            np.asarray((found.fraction > 0) & (found.fraction < 1))
            if parts > 1
            else np.abs(np.linalg.norm(grid.centres() - 0.5, axis=0) - 0.3) < 0.02
        )
        cosine = (found.normal * radial).sum(0)[near]
        assert cosine.min() > 0  # out of the disc
        angles.append(np.degrees(np.arccos(np.minimum(cosine, 1.0))).max())
    assert angles[0] < 15
    assert angles[1] < 2.5
    assert angles[2] < 1


def test_the_outermost_voxels_of_a_piece_see_no_other_side():
    ramp = np.broadcast_to(np.linspace(0.0, 1.0, 12)[:, None], (12, 5))
    grid = jm.Grid((12, 5))
    piece = interface_from_fractions(ramp, grid, periodic=False)
    assert np.allclose(piece.normal[0], -1.0)
    assert interface_from_fractions(ramp, grid).normal[0, 0, 0] == pytest.approx(1.0)  # across the seam it falls


def test_the_largest_of_several_phases_gives_the_normal():
    grid = jm.Grid((12, 12))
    labels = np.zeros((12, 12), int)
    labels[6:], labels[:, 8:] = 1, 2
    shares = jm.microstructures.downsample(jm.Microstructure(labels=np.kron(labels, np.ones((3, 3), int))), 3).fractions
    normals = np.asarray(interface_normals(shares, grid))
    assert np.abs(normals[0, 6, 3]) > 0.999
    assert np.abs(normals[1, 3, 8]) > 0.999
    two = interface_normals(np.stack([1 - shares[1], shares[1]]), grid)
    assert np.allclose(np.abs(normals[:, 6, 3]), np.abs(two[:, 6, 3]))


def test_where_nothing_changes_there_is_no_normal():
    assert np.array_equal(interface_normals(np.full((2, 6, 6), 0.5), jm.Grid((6, 6))), np.zeros((2, 6, 6)))
    dot = np.zeros((9, 9))
    dot[4, 4] = 0.5
    assert np.array_equal(interface_from_fractions(dot, jm.Grid((9, 9))).normal[:, 4, 4], [0.0, 0.0])


def test_a_wider_window_is_a_mean_over_neighbours():
    values = np.random.default_rng(0).uniform(size=(6, 5))
    found = interface_from_fractions(values, jm.Grid((6, 5)), width=2.0).fraction
    along = 0.25 * np.roll(values, 1, 0) + 0.5 * values + 0.25 * np.roll(values, -1, 0)
    assert np.allclose(found, 0.25 * np.roll(along, 1, 1) + 0.5 * along + 0.25 * np.roll(along, -1, 1), rtol=1e-13)


# -------------------------------------------------------------------------------------------- derivatives, programs, precision


@pytest.mark.slow
def test_spheres_have_derivatives_in_centres_radii_and_edges():
    def fractions(centres, radii, lengths):
        return interface_of_spheres(jm.Grid((6, 6), lengths), centres, radii, parts=2).fraction

    arguments = jnp.array([[2.83], [3.21]]), jnp.array([1.87]), jnp.array([6.0, 6.3])
    check_grads(fractions, arguments, order=1, modes=("fwd", "rev"), rtol=1e-4, atol=1e-4)
    area = jax.grad(lambda r: interface_of_spheres(jm.Grid((16, 16)), jnp.array([[8.1], [7.7]]), r).fraction.sum())(jnp.array([5.0]))
    assert float(area[0]) == pytest.approx(2 * np.pi * 5.0, rel=1e-3)


@pytest.mark.slow
def test_functions_and_values_have_derivatives_in_what_they_hold():
    grid = jm.Grid((7, 6), (1.0, 1.0))

    def of_function(amplitude):
        return interface_from_level_set(lambda x: jnp.cos(2 * jnp.pi * x[0]) + amplitude * jnp.sin(2 * jnp.pi * x[1]) - 0.2, grid, parts=2)

    check_grads(of_function, (0.4,), order=1, modes=("fwd", "rev"), rtol=1e-4, atol=1e-4)
    values = jnp.asarray(np.random.default_rng(1).normal(size=(7, 6)))
    check_grads(lambda v: interface_from_level_set(v, grid, parts=2), (values,), order=1, modes=("fwd", "rev"), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_layers_and_fractions_have_derivatives():
    check_grads(
        lambda f, s, edges: interface_of_layers(jm.Grid((5, 4), edges), f, (2, 1), shift=s),
        (0.31, 0.123, jnp.array([1.0, 1.4])),
        order=1,
        modes=("fwd", "rev"),
        rtol=1e-4,
        atol=1e-4,
    )
    shares = jnp.asarray(np.random.default_rng(2).uniform(size=(8, 6)))
    check_grads(lambda f: interface_from_fractions(f, jm.Grid((4, 3))), (shares,), order=2, modes=("fwd", "rev"), rtol=1e-4, atol=1e-4)


def test_compiled_mapped_and_single_precision_agree():
    grid = jm.Grid((10, 10))
    low = jm.Grid((10, 10), np.array([10.0, 10.0], np.float32))
    centre = jnp.array([[5.2], [4.9]])
    radii = jnp.array([[2.0], [3.0]])
    here = [interface_of_spheres(grid, centre, r).fraction for r in radii]
    mapped = jax.jit(jax.vmap(lambda r: interface_of_spheres(grid, centre, r).fraction))(radii)
    assert np.allclose(mapped, np.stack(here), atol=1e-12)
    single = interface_of_spheres(low, centre.astype(np.float32), radii[0].astype(np.float32))
    assert single.fraction.dtype == single.normal.dtype == np.float32
    assert np.abs(single.fraction - here[0]).max() < 1e-5
    layers = interface_of_layers(low, np.float32(0.3), (2, 1))
    assert layers.fraction.dtype == np.float32
    assert np.abs(layers.fraction - interface_of_layers(grid, 0.3, (2, 1)).fraction).max() < 1e-5
    grey = np.asarray(here[0], np.float32)
    assert interface_from_fractions(grey, low).normal.dtype == np.float32
    assert plane_cut(np.float32(0.1), np.ones(2, np.float32), np.ones(2, np.float32)).dtype == np.float32


def test_an_interface_is_a_pair_and_a_pytree():
    interface = interface_of_layers(jm.Grid((4, 4)), 0.5, (1, 1))
    fraction, normal = interface
    assert isinstance(jax.tree.map(lambda x: x, interface), Interface)
    assert fraction.shape == (4, 4)
    assert normal.shape == (2, 4, 4)


# ---------------------------------------------------------------------------------------------------------------- bad input

GRID = jm.Grid((4, 4))


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plane_cut(0.0, np.ones(4), np.ones(4)), "`gradient` must have 2 or 3 components first"),
        (lambda: plane_cut(0.0, np.ones(2), np.ones(3)), r"`spacing` must have shape \(2,\)"),
        (lambda: interface_of_spheres(GRID, np.ones((3, 1)), np.ones(1)), r"`centres` must have shape \(2, n\)"),
        (lambda: interface_of_spheres(GRID, np.ones((2, 1)), np.ones(2)), r"`radii` must have shape \(1,\)"),
        (lambda: interface_of_spheres(GRID, np.ones((2, 1)), np.array([3.0])), r"half of the shortest edge 2, but they span \[3, 3\]"),
        (lambda: interface_of_spheres(GRID, np.ones((2, 1)), np.ones(1), parts=0), "`parts` must be a positive whole number, but it is 0"),
        (lambda: interface_of_spheres(GRID, np.ones((2, 1)), np.ones(1), width=0.0), "`width` must be positive, but it is 0"),
        (lambda: interface_of_layers(GRID, 1.2, (1, 0)), r"`fraction` must lie in \[0, 1\], but it is 1.2"),
        (lambda: interface_of_layers(GRID, 0.2, (1.5, 0)), "`normal` must be 2 whole numbers"),
        (lambda: interface_of_layers(GRID, 0.2, (0, 0)), "`normal` must be 2 whole numbers, not all zero"),
        (lambda: interface_from_level_set(np.ones((3, 3)), GRID), r"`level_set` must have shape \(4, 4\)"),
        (
            lambda: interface_from_level_set(np.ones((4, 4)), GRID, at="nodes"),
            "`at` must be one of 'centres', 'corners', but it is 'nodes'",
        ),
        (lambda: interface_from_level_set(lambda x: x, GRID), r"`level_set\(x\)` must have shape \(4, 4\), but its shape is \(2, 4, 4\)"),
        (
            lambda: interface_from_fractions(np.ones((6, 4)), GRID),
            "`fraction` must have a whole number of voxels in each voxel of the grid",
        ),
        (lambda: interface_from_fractions(np.full((4, 4), 7.0), GRID), r"`fraction` must lie in \[0, 1\], but it spans \[7, 7\]"),
        (lambda: interface_from_fractions(np.ones((4, 4)), GRID, reach=0.0), "`width` and `reach` must be positive"),
        (lambda: interface_normals(np.ones((4, 4)), GRID), r"`fractions` must be \(p, \*grid\)"),
        (lambda: interface_normals(np.ones((2, 4, 4)), GRID, reach=-1.0), "`reach` must be positive"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
