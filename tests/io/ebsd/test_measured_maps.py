"""Measured maps against the figures of other software."""

import h5py
import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read
from jaxmicro.orientations import from_euler
from jaxmicro.orientations.laue import symmetry_operators

OXFORD = "ebsd_ni_superalloy_oxford"
DEGREES_OF_ROUNDING = 0.005  # angles have five decimals


def disorientation(p, q, laue="m-3m"):
    """Angle in degrees modulo crystal symmetry, in plain NumPy: the smallest one of q p⁻¹ turned by all operators."""
    w, x, y, z = np.asarray(p)
    conjugate = np.stack([w, -x, -y, -z])
    a, b = np.asarray(q), conjugate
    product = np.stack(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ]
    )
    flipped = np.array([1.0, -1, -1, -1])[:, None] * symmetry_operators(laue)
    scalar = np.abs(np.tensordot(flipped, product, axes=(0, 0))).max(axis=0)
    return 2 * np.rad2deg(np.arccos(np.minimum(scalar, 1)))


def neighbours(q):
    """Angles of pairs along x and along y."""
    return disorientation(q[:, 1:], q[:, :-1]), disorientation(q[..., 1:], q[..., :-1])


@pytest.fixture(scope="module")
def nickel(shared_data):
    return np.asarray(read(shared_data / OXFORD / "testDataEBSD.cpr").orientation)


def test_oxford_nickel(shared_data):
    ms = read(shared_data / OXFORD / "testDataEBSD.crc")
    assert ms.grid.shape == (359, 243)
    np.testing.assert_allclose(ms.grid.spacing, (0.12, 0.12))
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Ni-superalloy", "m-3m")]
    assert bool(ms.mask.all())
    assert 0.1 < float(ms.maps["mad"].min()) < float(ms.maps["mad"].max()) < 2


def test_neighbours_of_oxford_nickel(nickel):
    along_x, along_y = neighbours(nickel)
    pairs = np.concatenate([along_x.ravel(), along_y.ravel()])
    assert pairs.size == 173_872
    assert int((pairs >= 5).sum()) == 6_980
    np.testing.assert_allclose(pairs[pairs < 5].mean(), 0.373, atol=5e-4)


def test_boundaries_of_oxford_nickel_are_where_other_software_has_them(nickel, shared_data):
    """DefDAP's boundaries between a point and the next one along x and along y, place by place."""
    stored = np.load(shared_data / OXFORD / "defdap_expected_ebsd_grain_boundaries_5deg.npz")
    for angles, name in zip(neighbours(nickel), ("points_x", "points_y"), strict=True):
        np.testing.assert_array_equal(np.argwhere(angles >= 5), np.unique(stored[name], axis=0))


def test_duplex_steel(shared_data):
    ms = read(shared_data / "ebsd_duplex_steel/sdss_ferrite_austenite.ang")
    assert ms.grid.shape == (117, 100)
    np.testing.assert_allclose(ms.grid.spacing, (1.5, 1.5))
    np.testing.assert_allclose(ms.volume_fractions, (0.484, 0.516), atol=5e-4)
    assert [phase.name for phase in ms.phases] == ["austenite/austenite", "ferrite/ferrite"]
    assert bool(ms.mask.all())


def test_the_frame_of_edax_gives_what_another_pipeline_stored(shared_data):
    folder = shared_data / "ebsd_in100"
    ms = read(folder / "Small_IN100_slice_out_of_order.ang", frame="edax")
    assert ms.grid.shape == (189, 201)
    with h5py.File(folder / "Small_IN100_Slice1.dream3d") as file:
        cells = file["DataContainers/Small IN100 Slice 1/EBSD Scan Data"]
        euler = cells["EulerAngles"][0].astype(float).T
        ci = cells["Confidence Index"][0, ..., 0].T
    np.testing.assert_allclose(ms.maps["ci"], ci, atol=1e-6)
    good = ci > 0.2
    assert good.mean() > 0.5
    apart = disorientation(np.asarray(ms.orientation), np.asarray(from_euler(euler)))[good]
    assert apart.max() < DEGREES_OF_ROUNDING
    raw = np.asarray(read(folder / "Small_IN100_slice_out_of_order.ang").orientation)
    assert np.median(disorientation(raw, np.asarray(from_euler(euler)))[good]) > 10  # the test can fail
    np.testing.assert_allclose(np.mean(~np.asarray(ms.mask)), 0.1823, atol=1e-4)


TRAPS = {
    "ShortFile.ang": r"ShortFile.ang` holds 88 points, but the header promises 40 × 4 = 160",
    "MissingHeader_1.ang": "lacks NCOLS_ODD, NCOLS_EVEN, NROWS in its header",
    "GridMissing.ang": "lacks GRID in its header",
    "ZeroXYCells.ctf": r"ZeroXYCells.ctf` holds 2 points, but the header promises 0 × 0 = 0",
}


@pytest.mark.parametrize("name", TRAPS)
def test_traps_are_refused(shared_data, name):
    with pytest.raises(ReadError, match=TRAPS[name]):
        read(shared_data / "ebsd_reader_traps" / name)


def indexed(text):
    """The rows of a file of which nothing is indexed, with angles and a confidence index."""
    return (
        text.replace(" 12.56637  12.56637  12.56637 ", "  1.00000   0.50000   2.00000 ")
        .replace(" -1.000 ", "  0.500 ")
        .replace("180.000", "  0.500")
    )


def test_a_sound_map_of_which_nothing_is_indexed(shared_data):
    """There is nothing to hide and nothing to fill from: the record says so, and filters that leave nothing are refused."""
    file = shared_data / "ebsd_reader_traps" / "Test_1.ang"
    ms = read(file)
    assert ms.grid.shape == (40, 4)
    assert not np.asarray(ms.mask).any()
    assert "not indexed: 160 of 160 points (100.00 %)" in ms.notes
    np.testing.assert_array_equal(np.asarray(ms.orientation)[0], 1.0)
    for options in ({"unindexed": "nearest"}, {"min_ci": 0.1}, {"phase": "Nickel"}):
        with pytest.raises(ReadError, match="holds 160 points, none of which is indexed"):
            read(file, **options)


def test_traps_whose_points_are_indexed(shared_data, tmp_path):
    """`Test_1` is sound; the others are refused for what they lack, indexed or not."""
    for name in ("Test_1.ang", "GridMissing.ang", "ShortFile.ang", "MissingHeader_1.ang"):
        (tmp_path / name).write_text(indexed((shared_data / "ebsd_reader_traps" / name).read_text()))
    sound = read(tmp_path / "Test_1.ang")
    assert sound.grid.shape == (40, 4)
    np.testing.assert_allclose(np.asarray(sound.mask), True)
    for name in ("GridMissing.ang", "ShortFile.ang", "MissingHeader_1.ang"):
        with pytest.raises(ReadError, match=TRAPS[name]):
            read(tmp_path / name)


def test_the_same_map_from_two_countries(shared_data):
    folder = shared_data / "ebsd_reader_traps"
    american = read(folder / "Test_US_1.ctf")
    with pytest.warns(DataWarning, match="decimal commas"):
        european = read(folder / "Test_European_1.ctf")
    assert american == european
    assert american.grid.shape == (40, 5)
    assert american.phases[0].laue == "6/mmm"
    np.testing.assert_allclose(np.mean(american.mask), 0.95)
    q = np.asarray(from_euler((103.85, 40.207, 29.394), degrees=True))
    np.testing.assert_allclose(abs(q @ np.asarray(american.orientation)[:, 1, 0]), 1, atol=1e-12)


def test_five_phases(shared_data):
    ms = read(shared_data / "ebsd_reader_traps/Test_US_2.ctf")
    assert [phase.laue for phase in ms.phases] == ["m-3m", "4/mmm", "-3m", "-3m", "m-3m"]
    assert ms.phases[2].name == "Li2 Nb O F5"
