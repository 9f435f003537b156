"""Packings: how dense they become, and contact functions against independent truths."""

import itertools

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import PackingError, inclusions, pack_spheres
from jaxmicro.microstructures.bodies import Capsules, Ellipsoids
from jaxmicro.microstructures.contact import ellipsoid_contact
from jaxmicro.microstructures.relaxation import turns

KEY = jax.random.key(3)
SLOPE = 1e-5  # rounding of differences over steps of 1e-5, where λ is found to 1e-4 and F to 1e-8


def least_gap(centres, radii, lengths):
    """Over all pairs and all images, by brute force."""
    least = np.inf
    for shift in itertools.product((-1, 0, 1), repeat=len(lengths)):
        between = centres[:, :, None] - centres[:, None, :] + (np.array(shift) * lengths)[:, None, None]
        gaps = np.linalg.norm(between, axis=0) - radii[:, None] - radii[None, :]
        if not any(shift):
            np.fill_diagonal(gaps, np.inf)
        least = min(least, gaps.min())
    return least


def sized(lengths, count, share, scatter=0.0):
    ndim = len(lengths)
    radii = np.exp(scatter * np.random.default_rng(0).standard_normal(count).clip(-2.5, 2.5))
    volume = np.pi * radii**2 if ndim == 2 else 4 / 3 * np.pi * radii**3
    return radii * (share * np.prod(lengths) / volume.sum()) ** (1 / ndim)


@pytest.mark.parametrize(
    ("lengths", "count", "share", "scatter"),
    [((9.0, 7.0), 120, 0.82, 0.0), ((6.0, 5.0, 7.0), 150, 0.62, 0.0), ((6.0, 5.0, 7.0), 150, 0.66, 0.5)],
)
def test_dense_packings_are_reached_without_overlap(lengths, count, share, scatter):
    radii = sized(lengths, count, share, scatter)
    centres = pack_spheres(lengths, radii, key=KEY)
    assert least_gap(centres, radii, np.array(lengths)) >= -1e-12


@pytest.mark.slow
def test_five_hundred_equal_spheres_fill_more_than_62_percent():
    lengths = (10.0, 10.0, 10.0)
    radii = sized(lengths, 500, 0.622)
    assert least_gap(pack_spheres(lengths, radii, key=KEY), radii, np.array(lengths)) >= -1e-12


def test_the_best_is_returned_with_a_note_where_more_cannot_be_reached():
    grid = Grid((40, 30), (4.0, 3.0))
    ms = inclusions(grid, 0.9, radius=0.5, key=KEY, if_jammed="best", supersample=4)
    got = float(ms.volume_fractions[1])
    assert 0.75 < got < 0.89
    assert ms.asked["volume_fractions"][1] == 0.9
    assert f"{got:.2f}" in ms.notes[0] or "is reached" in ms.notes[0]
    reached = float(ms.notes[0].split("and ")[-1].split(" is")[0])
    assert abs(reached - got) < 2e-3
    with pytest.raises(PackingError, match=r"0.9 could not be reached .* if_jammed='best'"):
        inclusions(grid, 0.9, radius=0.5, key=KEY)


def test_radii_can_be_given_and_sizes_mixed():
    grid = Grid((60, 50), (6.0, 5.0))
    given = np.array([0.3, 0.5, 0.7, 0.4])
    ms = inclusions(grid, radii=given, key=KEY, supersample=4)
    assert abs(float(ms.volume_fractions[1]) - np.pi * (given**2).sum() / 30) < 1e-3
    scaled = inclusions(grid, 0.2, radii=given, key=KEY, supersample=4)
    assert abs(float(scaled.volume_fractions[1]) - 0.2) < 1e-3
    mixed = inclusions(grid, 0.5, radius=(0.2, 0.6), shares=(0.25, 0.75), key=KEY, supersample=4)
    areas = np.bincount(np.asarray(mixed.maps["inclusion"]).ravel(), np.asarray(mixed.fractions[1]).ravel())[1:]
    small = areas < areas.mean()
    assert abs(areas[small].sum() / areas.sum() - 0.25) < 0.01
    assert abs(np.sqrt(areas[~small].mean() * 30 / 3000 / np.pi) - 0.6) < 0.06


def test_wrong_sizes_are_named(as_user):
    grid = Grid((16, 16))
    with pytest.raises(ValueError, match="`radii` must be given alone"):
        inclusions(grid, 0.3, 2.0, radii=[1.0], key=KEY)
    with pytest.raises(ValueError, match=r"`radii` must be positive numbers.*-1"):
        inclusions(grid, 0.3, radii=[1.0, -1.0], key=KEY)
    with pytest.raises(ValueError, match="`shares` must say how the volume is shared"):
        inclusions(grid, 0.3, (1.0, 2.0), key=KEY)
    with pytest.raises(ValueError, match="`shares` must be positive"):
        inclusions(grid, 0.3, (1.0, 2.0), shares=(0.5, 0.6), key=KEY)
    with pytest.raises(ValueError, match="`if_jammed` must be one of 'raise', 'best', but it is 'beste'"):
        inclusions(grid, 0.95, 2.0, key=KEY, if_jammed="beste")
    with pytest.raises(ValueError, match="`gap` must not be negative, but it is -1"):
        inclusions(grid, 0.3, 2.0, gap=-1, key=KEY)
    with pytest.raises(ValueError, match="`radii` must fill less than the cell"):
        inclusions(grid, radii=[9.0, 9.0], key=KEY)


def frames(count, ndim, seed):
    return np.stack([np.linalg.qr(np.random.default_rng(seed + k).normal(size=(ndim, ndim)))[0] for k in range(count)])


@pytest.mark.parametrize("ndim", [2, 3])
def test_the_contact_function_is_the_largest_over_a_fine_scan_and_one_at_contact(ndim):
    rng = np.random.default_rng(4)
    axes, g = rng.uniform(0.2, 3.0, (40, 2, ndim)), frames(80, ndim, 0).reshape(40, 2, ndim, ndim)
    shapes = np.einsum("pbki,pbk,pbkj->pbij", g, axes**2, g)
    r = rng.normal(size=(40, ndim)) * 3
    got, _, normal = ellipsoid_contact(r, shapes[:, 0], shapes[:, 1])
    share = np.linspace(0, 1, 4001)[1:-1, None, None, None]
    mixed = (1 - share) * shapes[:, 0] + share * shapes[:, 1]
    scan = (share * (1 - share))[..., 0, 0] * np.einsum("pi,spi->sp", r, np.linalg.solve(mixed, r[None, :, :, None])[..., 0])
    np.testing.assert_allclose(got, scan.max(axis=0), rtol=1e-6)
    one = np.sqrt(np.einsum("pi,pij,pj->p", normal, shapes[:, 0], normal))
    two = np.sqrt(np.einsum("pi,pij,pj->p", normal, shapes[:, 1], normal))
    reach = (one + two) * np.sqrt(got)  # both grown by √F, along the common normal, span r
    np.testing.assert_allclose(np.einsum("pi,pi->p", r, normal), reach, rtol=1e-5)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("far", [1.0, 0.1])
@pytest.mark.parametrize("kind", ["ellipsoids", "capsules"])
def test_derivatives_of_distances_are_those_of_differences(ndim, far, kind):
    axes = np.array([[1.0, 0.6, 0.4], [0.9, 0.5, 0.3]])[:, :ndim]
    bodies = Ellipsoids(axes) if kind == "ellipsoids" else Capsules(axes[:, 0], axes[:, 1] / 3)
    g, r = frames(2, ndim, 7), far * np.array([[0.9, -0.7, 0.5]])[:, :ndim]
    i, j, k, step = np.array([0]), np.array([1]), 1 if ndim == 2 else 3, 1e-5

    def distance(shift, turn):
        return bodies.contact(i, j, r + shift, np.einsum("nki,nji->nkj", g, turns(turn))).distance[0]

    found = bodies.contact(i, j, r, g)
    for axis in range(ndim):
        e = step * np.eye(ndim)[axis]
        slope = (distance(e, np.zeros((2, k))) - distance(-e, np.zeros((2, k)))) / (2 * step)
        assert abs(slope - found.push[0, axis]) < SLOPE
    for body, turned in enumerate((found.first_turn, found.second_turn)):
        for axis in range(k):
            e = np.zeros((2, k))
            e[body, axis] = step
            slope = (distance(np.zeros(ndim), e) - distance(np.zeros(ndim), -e)) / (2 * step)
            assert abs(slope - turned[0, axis]) < SLOPE


@pytest.mark.parametrize("ndim", [2, 3])
def test_distances_of_fibres_are_those_of_many_points(ndim):
    rng = np.random.default_rng(0)
    halves, g, r = rng.uniform(0.2, 1.5, (60, 2)), frames(120, ndim, 50), rng.normal(size=(60, ndim))
    bodies = Capsules(halves.ravel(), np.full(120, 0.1))
    first = np.arange(0, 120, 2)
    got = bodies.contact(first, first + 1, r, g).distance
    t = np.linspace(-1, 1, 801)
    for k in range(60):
        a = (t * halves[k, 0])[:, None] * g[2 * k, 0]
        b = r[k] + (t * halves[k, 1])[:, None] * g[2 * k + 1, 0]
        scan = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=-1)).min() - 0.2
        if ndim == 2 and scan < -0.195:
            assert got[k] < -0.19  # they cross
        else:
            assert abs(got[k] - scan) < 5e-3
