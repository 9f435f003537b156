"""Coated bodies: thickness of the shell by each of its measures, against the areas and volumes of rings."""

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import core_shell

KEY = jax.random.key(6)
GRID = Grid((48, 40), (4.8, 4.0))


@pytest.mark.parametrize(("grid", "supersample"), [(GRID, 4), (Grid((24, 22, 26), (2.4, 2.2, 2.6)), 3)])
@pytest.mark.parametrize(("measure", "shell"), [("radius", 0.3), ("length", 0.12), ("volume", 0.4)])
def test_each_shell_is_as_thick_as_asked(grid, supersample, measure, shell):
    radii = np.array([0.5, 0.3, 0.6])
    ms = core_shell(grid, radii=radii, shell=shell, measure=measure, key=KEY, supersample=supersample)
    ndim, voxel = grid.ndim, float(np.prod(np.asarray(grid.spacing)))
    number = np.asarray(ms.maps["inclusion"]).ravel()
    core = np.bincount(number, np.asarray(ms.fractions[2]).ravel(), 4)[1:] * voxel
    inner = {"radius": (1 - shell) * radii, "length": radii - shell, "volume": (1 - shell) ** (1 / ndim) * radii}[measure]
    truth = (np.pi if ndim == 2 else 4 / 3 * np.pi) * inner**ndim
    # points of a grid in a ball: the error falls with the number of points in it, here 150 and more
    np.testing.assert_allclose(core, truth, rtol=0.04)
    np.testing.assert_allclose(ms.volume_fractions, ms.asked["volume_fractions"], atol=4e-3)


def test_shells_that_leave_no_core_are_refused(as_user):
    with pytest.raises(ValueError, match="`shell` must lie between 0 and the smallest radius"):
        core_shell(GRID, 0.4, 0.3, 0.4, measure="length", key=KEY)
    with pytest.raises(ValueError, match=r"`shell` must lie between 0 and 1 as a share of the volume, but it is 1\.0"):
        core_shell(GRID, 0.4, 0.3, 1.0, measure="volume", key=KEY)
