"""Ellipses and ellipsoids: no overlap, sizes, orientations, periodicity."""

import itertools

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import PackingError, ellipsoids, pack_ellipsoids
from jaxmicro.orientations import from_axis_angle, to_matrix

KEY = jax.random.key(5)


def axes_of(orientations, ndim):
    if ndim == 3:
        return np.moveaxis(np.asarray(to_matrix(orientations)), -1, 0)
    c, s = np.cos(orientations), np.sin(orientations)
    return np.moveaxis(np.array([[c, s], [-s, c]]), -1, 0)


def least_gauge(lengths, semi_axes, centres, frames):
    """Of dense points on each surface, in every other body and image: below 1 bodies overlap."""
    ndim = len(lengths)
    u = np.random.default_rng(0).normal(size=(600, ndim))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    least = np.inf
    for i in range(centres.shape[1]):
        points = centres[:, i] + (u * semi_axes[:, i]) @ frames[i]
        for shift in itertools.product((-1, 0, 1), repeat=ndim):
            away = points[:, None] - centres.T - np.array(shift) * lengths
            gauge = np.sqrt(((np.einsum("jkm,pjm->pjk", frames, away) / semi_axes.T) ** 2).sum(axis=-1))
            if not any(shift):
                gauge[:, i] = np.inf
            least = min(least, gauge.min())
    return least


@pytest.mark.parametrize(
    ("lengths", "aspect", "count", "share"),
    [((9.0, 7.0), 3.0, 30, 0.7), ((9.0, 7.0), 6.0, 30, 0.5), ((8.0, 7.0, 9.0), 2.0, 16, 0.45), ((8.0, 7.0, 9.0), 0.3, 16, 0.3)],
)
def test_no_point_of_a_surface_lies_in_another_body(lengths, aspect, count, share):
    ndim = len(lengths)
    axes = np.tile(np.array([aspect, 1.0, 1.0])[:ndim, None], (1, count))
    ball = np.pi if ndim == 2 else 4 / 3 * np.pi
    axes *= (share * np.prod(lengths) / (ball * axes.prod(axis=0).sum())) ** (1 / ndim)
    centres, turned = pack_ellipsoids(lengths, axes, key=KEY)
    assert least_gauge(np.array(lengths), axes, centres, axes_of(turned, ndim)) >= 1
    close = least_gauge(np.array(lengths), 1.1 * axes, centres, axes_of(turned, ndim))
    assert close < 1  # the oracle sees overlaps


def test_a_gap_is_kept_between_surfaces():
    lengths, gap = np.array((9.0, 7.0)), 0.3
    axes = np.tile(np.array([[0.9], [0.3]]), (1, 20))
    centres, turned = pack_ellipsoids(lengths, axes, gap=gap, key=KEY)
    frames, t = axes_of(turned, 2), np.linspace(0, 2 * np.pi, 400)
    surfaces = [c + (np.stack([np.cos(t), np.sin(t)], axis=1) * a) @ g for c, a, g in zip(centres.T, axes.T, frames, strict=True)]
    least = np.inf
    for one, other in itertools.combinations(surfaces, 2):
        away = one[:, None] - other[None]
        away -= lengths * np.round(away / lengths)
        least = min(least, np.sqrt((away**2).sum(axis=-1)).min())
    assert gap <= least + 1e-4
    assert least < 2 * gap


def test_sizes_counts_and_aspects_are_those_asked_for():
    ms = ellipsoids(Grid((60, 50), (6.0, 5.0)), 0.5, (0.6, 0.2), key=KEY, scatter=0.3, supersample=4)
    assert abs(float(ms.volume_fractions[1]) - 0.5) < 2e-3
    assert np.unique(np.asarray(ms.maps["inclusion"])).size - 1 == ms.asked["count"]
    assert ms.asked["aspect_ratio"] == pytest.approx(3)
    again = ellipsoids(Grid((60, 50), (6.0, 5.0)), 0.5, (0.6, 0.2), key=KEY, scatter=0.3, supersample=4)
    assert ms == again


def test_a_fixed_orientation_is_kept():
    angle = 0.4
    ms = ellipsoids(Grid((80, 60), (4.0, 3.0)), 0.2, (0.6, 0.2), key=KEY, orientations=angle, count=6)
    number = np.asarray(ms.maps["inclusion"])
    for k in range(1, 7):
        x, y = (index * 0.05 for index in np.nonzero(number == k))
        away = [a - c for a, c in ((x, x[0]), (y, y[0]))]
        away = [a - length * np.round(a / length) for a, length in zip(away, (4.0, 3.0), strict=True)]
        values, axes = np.linalg.eigh(np.cov(np.stack(away)))
        long = axes[:, -1]
        assert abs(long @ [np.cos(angle), np.sin(angle)]) > 0.995
        assert np.sqrt(values[1] / values[0]) == pytest.approx(3, rel=0.15)


def test_quaternions_turn_the_sample_into_the_body():
    q = np.asarray(from_axis_angle(np.array([0.0, 0.0, 1.0]), 30.0, degrees=True))
    ms = ellipsoids(Grid((40, 40, 20), (4.0, 4.0, 2.0)), 0.0073, (0.9, 0.25, 0.25), key=KEY, orientations=q, count=1)
    x = np.stack(np.nonzero(np.asarray(ms.labels))).astype(float)
    x -= x[:, :1]
    x -= np.array([40.0, 40.0, 20.0])[:, None] * np.round(x / np.array([40.0, 40.0, 20.0])[:, None])
    long = np.linalg.eigh(np.cov(x))[1][:, -1]
    wanted = np.asarray(to_matrix(q))[0]  # the first axis of the body in the sample
    assert abs(long @ wanted) > 0.999


def test_what_cannot_be_is_named(as_user):
    grid = Grid((20, 20), (2.0, 2.0))
    with pytest.raises(PackingError, match="meets its own image"):
        ellipsoids(grid, 0.3, (1.2, 0.1), key=KEY)
    with pytest.raises(PackingError, match=r"`volume_fraction` 0.97 could not be reached"):
        ellipsoids(grid, 0.97, (0.5, 0.4), key=KEY)
    with pytest.raises(ValueError, match=r"`semi_axes` must have shape \(2,\)"):
        ellipsoids(grid, 0.3, (0.3, 0.2, 0.1), key=KEY)
    with pytest.raises(ValueError, match="`semi_axes` must be positive"):
        ellipsoids(grid, 0.3, (0.3, -0.2), key=KEY)
    with pytest.raises(ValueError, match="`orientations` must be 'random', 'aligned', or numbers, but it is 'up'"):
        ellipsoids(grid, 0.3, (0.3, 0.2), key=KEY, orientations="up")
    with pytest.raises(ValueError, match="`orientations` must be an angle"):
        ellipsoids(grid, 0.3, (0.3, 0.2), key=KEY, orientations=[0.1, 0.2, 0.3], count=2)
    with pytest.raises(ValueError, match=r"`volume_fraction` must lie between 0 and 1, but it is 1.5"):
        ellipsoids(grid, 1.5, (0.3, 0.2), key=KEY)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda key: ellipsoids(grid, 0.3, key=key).labels)(KEY)
