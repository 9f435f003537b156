"""Twins between grains, and shares of coincidence boundaries."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.descriptors import coincidence_shares, merge_twins, segment_grains
from jaxmicro.microstructures import Phase
from jaxmicro.orientations import from_axis_angle, from_euler, multiply, twin_system

HERE = from_euler((10.0, 20.0, 30.0), degrees=True)


def stripes(turns, widths, laue="m-3m", rows=5):
    column = jnp.repeat(jnp.stack(turns, axis=1), np.asarray(widths), axis=1)
    shape = (sum(widths), rows)
    return jm.Microstructure(
        labels=np.zeros(shape, int), orientation=jnp.broadcast_to(column[:, :, None], (4, *shape)), phases=(Phase("x", laue=laue),)
    )


TWIN = multiply(jnp.asarray(twin_system("fcc").rotations[:, 1]), HERE)
OTHER = multiply(from_axis_angle((1.0, 0.0, 0.0), 30.0, degrees=True), HERE)


def test_a_lamella_joins_both_sides_of_its_parent():
    ms = stripes([HERE, TWIN, HERE, OTHER], [6, 3, 5, 4])
    grains = segment_grains(ms)
    found = merge_twins(ms, grains)
    assert found.parents.tolist() == [0, 0, 0, 1]
    assert found.twins.tolist() == [False, True, True, False]
    assert found.grains.sizes.tolist() == [70, 20]
    assert found.twin_length.tolist() == [5.0, 5.0, 0.0]
    assert float(found.twin_share) == pytest.approx(2 / 3)
    np.testing.assert_allclose(found.grains.deviations[7, 0], 60.0, atol=1e-6)  # from the largest member
    assert coincidence_shares(ms) == {3: pytest.approx(2 / 3), 5: 0.0, 7: 0.0, 9: 0.0}


def test_boundaries_between_phases_are_none_of_the_twins_share():
    """Two cubic phases: the border between them is neither a twin nor one that could be."""
    ms = stripes([HERE, TWIN, OTHER, HERE], [6, 3, 5, 4])
    ms = ms.replace(labels=np.repeat([0, 1], [14, 4])[:, None] * np.ones((1, 5), int), phases=(Phase("fcc"), Phase("bcc", laue="m-3m")))
    found = merge_twins(ms, segment_grains(ms))
    assert found.twin_length.tolist() == [5.0, 0.0, 0.0]
    assert float(found.twin_share) == pytest.approx(1 / 2)
    assert coincidence_shares(ms, (3,))[3] == pytest.approx(1 / 2)


def test_hexagonal_twins_need_their_system():
    system = twin_system("hcp_10-12", 1.587)
    turned = multiply(jnp.asarray(system.rotations[:, 2]), HERE)
    ms = stripes([HERE, turned, OTHER], [4, 4, 4], laue="6/mmm")
    found = merge_twins(ms, segment_grains(ms), system)
    assert found.parents.tolist() == [0, 0, 1]
    with pytest.raises(ValueError, match="twins crystals of Laue group m-3m, but the phases are x: 6/mmm"):
        merge_twins(ms, segment_grains(ms), "fcc")
    with pytest.raises(ValueError, match="must be cubic"):
        coincidence_shares(ms, phase="x")


def test_tolerance_and_share_decide():
    bent = multiply(from_axis_angle((0.0, 1.0, 0.0), 6.0, degrees=True), TWIN)
    ms = stripes([HERE, bent], [6, 6])
    grains = segment_grains(ms)
    assert merge_twins(ms, grains).grains.count == 1
    assert merge_twins(ms, grains, tolerance=3.0).grains.count == 2
    for bad in ({"tolerance": 0.0}, {"tolerance": 200.0}, {"share": 0.0}, {"share": 1.1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            merge_twins(ms, grains, **bad)


def test_what_does_not_fit_is_named(as_user):
    ms = stripes([HERE, TWIN], [6, 6])
    grains = segment_grains(ms)
    for bad in ({"tolerance": "5"}, {"tolerance": np.nan}, {"share": "1"}, {"share": np.ones(2)}):
        with pytest.raises(ValueError, match=f"`{next(iter(bad))}` must be"):
            merge_twins(ms, grains, **bad)
    with pytest.raises(ValueError, match=r"`grains` must be those of `ms`, on its grid \(4, 5\)"):
        merge_twins(stripes([HERE, TWIN], [2, 2]), grains)
    with pytest.raises(TypeError, match="`system` must be a TwinSystem or the name of one, but it is 5"):
        merge_twins(ms, grains, 5)


@pytest.mark.parametrize(
    ("file", "options", "phase", "share"),
    [
        ("ebsd_ni_superalloy_oxford/testDataEBSD.cpr", {}, 0, 0.574),
        ("ebsd_ni_edax_h5/EdaxAngOnly.h5", {"min_ci": 0.1}, 0, 0.570),
        ("ebsd_in100/Small_IN100_slice_out_of_order.ang", {"min_ci": 0.1}, 0, 0.420),
        ("ebsd_duplex_steel/sdss_ferrite_austenite.ang", {}, 0, 0.689),
        ("ebsd_duplex_steel/sdss_ferrite_austenite.ang", {}, 1, 0.086),
    ],
)
@pytest.mark.filterwarnings("ignore::jaxmicro.io.DataWarning")
def test_sigma3_of_measured_maps(shared_data, file, options, phase, share):
    """Reference numbers from the provenance notes of the data, made with independent code."""
    assert coincidence_shares(jm.io.read(shared_data / file, **options), (3,), phase=phase)[3] == pytest.approx(share, abs=6e-4)
