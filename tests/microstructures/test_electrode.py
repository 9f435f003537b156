"""Electrodes: exact fractions, particles that touch, binder in necks."""

import jax
import numpy as np
import pytest
from scipy import ndimage

from jaxmicro.fields import Grid
from jaxmicro.microstructures import electrode

KEY = jax.random.key(6)


@pytest.mark.parametrize("grid", [Grid((48, 40), (4.8, 2.0)), Grid((20, 18, 22), (2.0, 1.8, 2.2))])
def test_fractions_are_exact_and_binder_is_nearer_to_particles_than_pores_are(grid):
    cell = electrode(grid, 0.5, 0.1, 0.3, key=KEY, scatter=0.2)
    labels = np.asarray(cell.labels)
    counts = np.bincount(labels.ravel())
    assert abs(counts[1] - 0.5 * grid.size) <= 0.5
    assert abs(counts[2] - 0.1 * grid.size) <= 0.5
    np.testing.assert_array_equal(np.asarray(cell.maps["inclusion"]) > 0, labels == 1)
    tiled = np.tile(labels, (3,) * grid.ndim)
    away = ndimage.distance_transform_edt(tiled != 1, sampling=tuple(np.asarray(grid.spacing)))
    away = away[tuple(slice(n, 2 * n) for n in grid.shape)]
    assert away[labels == 2].mean() < 0.8 * away[labels == 0].mean()


def test_without_binder_there_are_particles_and_pores():
    cell = electrode(Grid((40, 40)), 0.4, 0.0, 5.0, key=KEY)
    assert [phase.name for phase in cell.phases] == ["pore", "particle", "binder"]
    assert (np.asarray(cell.labels) == 1).mean() == pytest.approx(0.4)


def test_what_leaves_no_pores_is_refused(as_user):
    with pytest.raises(ValueError, match="`particles` and `binder` must leave some pores"):
        electrode(Grid((20, 20)), 0.7, 0.3, key=KEY)
    with pytest.raises(ValueError, match=r"`overlap` must lie in \[0, 1\), but it is 1"):
        electrode(Grid((20, 20)), 0.4, 0.1, key=KEY, overlap=1.0)
