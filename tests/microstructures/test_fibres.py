"""Fibres: no overlap, orientation tensors, limits."""

import itertools

import jax
import numpy as np
import pytest

from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import PackingError, fibres, pack_fibres

KEY = jax.random.key(2)


def least_distance(found, lengths, half):
    """Between points along the segments of different fibres and images."""
    t = np.linspace(-half, half, 60)
    points = found.centres.T[:, None] + t[None, :, None] * found.directions.T[:, None]
    least = np.inf
    for i, j in itertools.product(range(len(points)), repeat=2):
        for shift in itertools.product((-1, 0, 1), repeat=len(lengths)):
            if i < j or (i == j and shift > (0,) * len(lengths)):
                away = points[i][:, None] - points[j][None] - np.array(shift) * lengths
                least = min(least, np.sqrt((away**2).sum(axis=-1)).min())
    return least


@pytest.mark.parametrize(("lengths", "count", "length"), [((10.0, 8.0), 14, 4.0), ((8.0, 7.0, 9.0), 16, 6.0)])
def test_fibres_keep_their_distance_and_their_tensor(lengths, count, length):
    tensor = np.diag([0.6, 0.4] if len(lengths) == 2 else [0.5, 0.3, 0.2])
    found = pack_fibres(lengths, count, length, 0.8, key=KEY, orientation=tensor, gap=0.1)
    assert least_distance(found, np.array(lengths), (length - 0.8) / 2) >= 0.9
    np.testing.assert_allclose(found.directions @ found.directions.T / count, tensor, atol=1e-9)


def test_what_was_asked_for_is_found_on_the_voxels():
    tensor = np.diag([0.7, 0.2, 0.1])
    ms = fibres(Grid((40, 36, 44), (4.0, 3.6, 4.4)), 0.1, 2.0, 0.3, key=KEY, orientation=tensor, supersample=2)
    table = fidelity(ms)
    assert np.abs(table.deviation[table.names.index("orientation_tensor[0]") :]).max() < 0.01
    assert abs(float(ms.volume_fractions[1]) - 0.1) < 2e-3
    assert ms == fibres(ms.grid, 0.1, 2.0, 0.3, key=KEY, orientation=tensor, supersample=2)


def test_what_cannot_be_is_named(as_user):
    grid = Grid((20, 20), (2.0, 2.0))
    with pytest.raises(PackingError, match="meets its own image"):
        fibres(grid, 0.2, 2.5, 0.1, key=KEY)
    with pytest.raises(ValueError, match=r"`length` must be at least the diameter 0.3"):
        fibres(grid, 0.2, 0.2, 0.3, key=KEY)
    with pytest.raises(ValueError, match="`orientation` must be symmetric with trace 1"):
        fibres(grid, 0.2, 0.5, 0.1, key=KEY, orientation=[[0.5, 0.0], [0.0, 0.7]])
    with pytest.raises(ValueError, match="`orientation` must be 'random', a direction"):
        fibres(grid, 0.2, 0.5, 0.1, key=KEY, orientation="up")
