import jax
import numpy as np
import pytest

from jaxmicro import io
from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, inclusions, laminate, random_field

KEY = jax.random.key(3)


def test_inclusions_are_measured_on_their_voxels():
    ms = inclusions(Grid((128, 96), (4.0, 3.0)), 0.35, 0.25, scatter=0.2, key=KEY)
    found = fidelity(ms)
    assert found.names == ("volume_fractions[0]", "volume_fractions[1]", "count", "mean_radius", "radius_scatter")
    np.testing.assert_allclose(found.asked[:2], [0.65, 0.35])
    np.testing.assert_allclose(found.got[:2], np.asarray(ms.volume_fractions))
    assert (abs(found.relative_deviation) < [0.01, 0.02, 1e-12, 0.02, 0.1]).all()
    assert f"{found.got[3]:.5g}" in str(found)


def test_shared_voxels_count_by_their_share():
    ms = inclusions(Grid((32, 32)), 0.3, 4.0, key=KEY, supersample=4)
    assert abs(fidelity(ms).relative_deviation[3]) < 0.01


def test_what_was_asked_is_kept_and_lost():
    ms = random_field(Grid((16, 16)), volume_fraction=0.25, key=KEY)
    assert ms.asked == {"volume_fractions": (0.75, 0.25)}
    assert ms.replace(phases=("a", "b")).with_notes("n").asked == ms.asked
    assert ms.replace(labels=1 - ms.labels).asked == {}
    assert jax.jit(lambda m: m)(ms).asked == {}
    with pytest.raises(ValueError, match="nothing is known"):
        fidelity(ms.replace(labels=1 - ms.labels))


def test_it_is_written_and_read(tmp_path):
    ms = inclusions(Grid((16, 16)), 0.3, 3.0, key=KEY)
    io.write(tmp_path / "cell.npz", ms)
    assert io.read(tmp_path / "cell.npz").asked == ms.asked


def test_a_quantity_without_a_measure_is_refused():
    ms = laminate(Grid((4, 4))).replace(asked={"colour": 1.0})
    with pytest.raises(ValueError, match="'colour' is none of volume_fractions"):
        fidelity(ms)
    with pytest.raises(ValueError, match="'volume_fractions' has 3 numbers, and 2"):
        fidelity(ms.replace(asked={"volume_fractions": (0.2, 0.3, 0.5)}))
    with pytest.raises(ValueError, match="has shape"):
        Microstructure(labels=[[0, 1], [0, 1]], asked={"a": [[1.0]]})
