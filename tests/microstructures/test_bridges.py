"""Bridges: necks first, exact fractions."""

import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, add_bridges


def test_bridges_fill_the_neck_first_on_a_rolled_cell_too():
    labels = np.zeros((40, 30), int)
    labels[5:17, 5:25] = labels[20:32, 5:25] = 1
    ms = Microstructure(labels=labels, phases=("pore", "grain"))
    bound = np.asarray(add_bridges(ms, 40 / labels.size, host="grain", into="pore", width=2.0).labels)
    assert (bound[17:20, 7:23] == 2).mean() > 0.75
    rolled = Microstructure(labels=np.roll(labels, (20, 11), (0, 1)), phases=("pore", "grain"))
    again = np.asarray(add_bridges(rolled, 40 / labels.size, host="grain", into="pore", width=2.0).labels)
    assert (np.roll(bound, (20, 11), (0, 1)) != again).sum() <= 8  # ties of equal rank
    with pytest.raises(ValueError, match="`into` must be another phase"):
        add_bridges(ms, 0.1, host=1, into="grain")
    with pytest.raises(ValueError, match="`host` must be one of the phases"):
        add_bridges(ms, 0.1, host="iron", into="pore")


@pytest.mark.parametrize("volume_fraction", [0.07, 0.151])
def test_fractions_are_exact_of_labels_to_a_voxel_and_of_fractions_at_all(volume_fraction):
    labels = np.zeros((13, 11), int)
    labels[2:6, 2:9] = labels[7:12, 2:9] = 1
    grid = Grid((13, 11), (2.6, 1.1))
    sharp = add_bridges(Microstructure(grid=grid, labels=labels, phases=("pore", "grain")), volume_fraction, host=1, into=0, width=0.3)
    assert (np.asarray(sharp.labels) == 2).sum() == round(volume_fraction * labels.size)
    np.testing.assert_array_equal(np.asarray(sharp.labels) == 1, labels == 1)
    half = np.stack([1 - 0.9 * labels, 0.9 * labels])
    soft = add_bridges(Microstructure(grid=grid, fractions=half, phases=("pore", "grain")), volume_fraction, host=1, into=0, width=0.3)
    np.testing.assert_allclose(soft.volume_fractions[2], volume_fraction, rtol=1e-12)
    np.testing.assert_allclose(soft.fractions[1], half[1])
