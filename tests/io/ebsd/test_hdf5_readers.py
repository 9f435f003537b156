"""Maps in HDF5: measured files, files in the vendors' layouts, and files that deviate from them."""

import warnings

import h5py
import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read, write
from jaxmicro.orientations import from_euler
from tests.io.ebsd.hdf5_files import NX, NY, NZ, STEP_X, STEP_Y, angles, numbers, write_dream3d_8, write_edax, write_h5oina

SINGLE = 2e-6  # quaternions of angles in single precision


def _check_orientations(ms, euler, indexed, atol=SINGLE):
    np.testing.assert_array_equal(ms.mask, indexed)
    np.testing.assert_allclose(np.asarray(ms.orientation)[:, indexed], np.asarray(from_euler(euler.astype(float)))[:, indexed], atol=atol)


def test_a_measured_edax_map(shared_data):
    ms = read(shared_data / "ebsd_ni_edax_h5/EdaxAngOnly.h5")
    assert ms.grid.shape == (186, 151)
    np.testing.assert_allclose(ms.grid.spacing, 1.5)
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Nickel", "m-3m")]
    assert float(ms.maps["ci"].max()) == pytest.approx(0.976)
    with h5py.File(shared_data / "ebsd_ni_edax_h5/EdaxAngOnly.h5") as file:
        data = file["Scan_1/EBSD/Data"]
        euler = np.stack([data[name][()].reshape(151, 186).T for name in ("Phi1", "Phi", "Phi2")])
    _check_orientations(ms, euler, np.asarray(ms.mask))
    assert int((~ms.mask).sum()) < 30


def test_a_measured_dream3d_map_is_the_ang_file_of_that_scan_put_right(shared_data):
    folder = shared_data / "ebsd_in100"
    ms = read(folder / "Small_IN100_Slice1.dream3d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        scan = read(folder / "Small_IN100_slice_out_of_order.ang", frame="edax")
    assert ms.grid.shape == scan.grid.shape == (189, 201)
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Nickel", "m-3m")]
    good = np.asarray(ms.maps["ci"]) > 0.2
    np.testing.assert_array_equal(good, np.asarray(scan.maps["ci"]) > 0.2)
    likeness = np.abs((np.asarray(ms.orientation) * np.asarray(scan.orientation)).sum(axis=0))[good]
    assert np.rad2deg(2 * np.arccos(np.minimum(likeness, 1))).max() < 1e-3
    assert int((~ms.mask).sum()) == 6926


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("version", ["1.0", "5.0", "8.0"])
def test_oxford_files(tmp_path, version, libver):
    write_h5oina(tmp_path / "map.h5oina", version, libver=libver)
    ms = read(tmp_path / "map.h5oina")
    assert ms.grid.shape == (NX, NY)
    np.testing.assert_allclose(ms.grid.spacing, (STEP_X, STEP_Y))
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Ni-superalloy", "m-3m"), ("Ti-Hex", "6/mmm")]
    indexed = numbers(NX, NY) > 0
    indexed[3, 2] = False
    _check_orientations(ms, angles(NX, NY), indexed)
    np.testing.assert_array_equal(np.asarray(ms.labels)[indexed], numbers(NX, NY)[indexed] - 1)
    np.testing.assert_allclose(ms.maps["mad"], 0.5, rtol=1e-6)  # degrees, from the file's radians
    np.testing.assert_array_equal(ms.maps["bc"], np.arange(NX * NY).reshape(NY, NX).T)


def test_an_oxford_version_to_come_is_read_with_a_warning(tmp_path):
    write_h5oina(tmp_path / "map.h5oina", "9.0")
    with pytest.warns(DataWarning, match=r"version '9.0' is none of 1 … 8"):
        read(tmp_path / "map.h5oina")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("1/EBSD/Header/X Cells", np.array([[8]], np.int32), r"35 points in 'Phase', but the header promises 8 × 5 = 40"),
        ("1/EBSD/Header/X Cells", np.array([[-7]], np.int32), r"promises -7 points along x"),
        ("1/EBSD/Header/Y Step", np.float32([[0]]), r"has a step of 0 µm along y"),
        (
            "1/EBSD/Header/Y Step",
            np.float32([[0.7]]),
            r"a grid of 7 × 5 points 0\.25 × 0\.5 µm apart, but the header promises 7 × 5 points 0\.25 × 0\.7 µm apart",
        ),
        ("1/EBSD/Data/Phase", np.full((35, 1), 3, np.uint8), r"points of phase 3, and its header lists 1, 2"),
        ("1/EBSD/Data/Euler", np.full((35, 3), 200, np.float32), r"out of range for radians"),
        ("1/EBSD/Data/Euler", np.zeros((35, 2), np.float32), r"70 / 3 points in 'Euler', but the header promises"),
        ("1/EBSD/Data/Euler", np.zeros((35, 3), "S4"), r"type \|S4, and numbers are expected"),
        ("1/EBSD/Header/Phases/1/Phase Name", np.float32([[1]]), r"and text is expected"),
        ("Format Version", None, r"has no 'Format Version'"),
        ("1/EBSD/Data/Phase", None, r"has no '/1/EBSD/Data/Phase'"),
        ("1/EBSD", None, r"holds no slices with EBSD data"),
    ],
)
def test_oxford_files_that_deviate_are_refused(tmp_path, place, value, words):
    write_h5oina(tmp_path / "map.h5oina")
    _replace(tmp_path / "map.h5oina", place, value)
    with pytest.raises(ReadError, match=rf"map\.h5oina` .*{words}"):
        read(tmp_path / "map.h5oina")


def _replace(path, place, value):
    with h5py.File(path, "r+") as file:
        del file[place]
        if value is not None:
            file[place] = value


def test_edax_files(tmp_path):
    write_edax(tmp_path / "map.h5", phases=2)
    ms = read(tmp_path / "map.h5")
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Nickel", "m-3m"), ("Titanium", "6/mmm")]
    indexed = numbers(NX, NY) > 0
    _check_orientations(ms, angles(NX, NY), indexed)
    np.testing.assert_array_equal(np.asarray(ms.labels)[indexed], numbers(NX, NY)[indexed] - 1)
    np.testing.assert_allclose(ms.grid.spacing, (STEP_X, STEP_Y))


def test_edax_points_without_data(tmp_path):
    write_edax(tmp_path / "map.hdf5")
    with h5py.File(tmp_path / "map.hdf5", "r+") as file:
        data = file["Scan 1/EBSD/Data"]
        for name in ("X Position", "Y Position"):
            data[name][3] = -1111111.0
        data["Valid"][4], data["CI"][5] = 1, -1
        data["Phi"][6], data["Phi2"][6] = 4 * np.pi, 4 * np.pi
    lost = np.zeros(NX * NY, bool)
    lost[3:7] = True
    ms = read(tmp_path / "map.hdf5")
    _check_orientations(ms, angles(NX, NY), ~lost.reshape(NY, NX).T)


def test_edax_rows_out_of_order_are_sorted(tmp_path):
    write_edax(tmp_path / "map.h5")
    expected = read(tmp_path / "map.h5")
    order = np.random.default_rng(0).permutation(NX * NY)
    with h5py.File(tmp_path / "map.h5", "r+") as file:
        for stored in file["Scan 1/EBSD/Data"].values():
            stored[...] = stored[()][order]
    found = read(tmp_path / "map.h5")
    np.testing.assert_array_equal(found.orientation, expected.orientation)
    assert any("out of order" in note for note in found.notes)


def test_an_edax_hexagonal_grid_is_resampled_on_request(tmp_path):
    write_edax(tmp_path / "map.h5")
    _replace(tmp_path / "map.h5", "Scan 1/EBSD/Header/Grid Type", np.bytes_(["HexGrid"]))
    with h5py.File(tmp_path / "map.h5", "r+") as file:
        x = file["Scan 1/EBSD/Data/X Position"]
        x[...] = (np.arange(NX) + 0.5 * (np.arange(NY)[:, None] % 2)).ravel() * STEP_X
    with pytest.raises(ReadError, match="holds a hexagonal grid of 35 points"):
        read(tmp_path / "map.h5")
    assert read(tmp_path / "map.h5", resample="nearest").grid.shape[0] == NX


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("Header/nRows", np.array([6], ">i4"), r"35 points in 'Phi1', but the header promises 7 × 6 = 42"),
        ("Header/Step X", np.array([0.4], ">f4"), r"points \(0\.25, 0\.5\) apart but the header promises steps of"),
        ("Header/Grid Type", np.bytes_(["HexGrid"]), r"square grid of 7 × 5 points but the header promises a hexagonal one"),
        ("Header/Grid Type", np.bytes_(["Voronoi"]), r"type 'Voronoi', which is neither SqrGrid nor HexGrid"),
        ("Header/nColumns", np.array([7.5]), r"= 7\.5, and a whole number is expected"),
        ("Data/Phase", np.full(35, 3, np.int8), r"35 points of phase 3"),
        ("Data/Phi", np.full(35, np.nan, np.float32), r"35 indexed points whose Euler angles are not finite"),
        ("Header/Phase/1", None, r"lists phases \[\]"),
    ],
)
def test_edax_files_that_deviate_are_refused(tmp_path, place, value, words):
    write_edax(tmp_path / "map.h5")
    _replace(tmp_path / "map.h5", f"Scan 1/EBSD/{place}", value)
    with pytest.raises(ReadError, match=words):
        read(tmp_path / "map.h5")


@pytest.mark.parametrize(
    ("make", "name", "names"), [(write_edax, "map.h5", ("Scan 1", "Scan 2")), (write_h5oina, "map.h5oina", ("1", "2"))]
)
def test_one_of_several_scans_is_named(tmp_path, make, name, names):
    make(tmp_path / name, **{"scans" if make is write_edax else "slices": names})
    with pytest.raises(ReadError, match=rf"holds 2 .*: '{names[0]}', '{names[1]}'. Say which one: scan="):
        read(tmp_path / name)
    with pytest.raises(ReadError, match=rf"holds no 'x', but '{names[0]}'"):
        read(tmp_path / name, scan="x")
    assert read(tmp_path / name, scan=names[1]).grid.shape == (NX, NY)


@pytest.mark.parametrize("quaternions", [False, True])
@pytest.mark.parametrize("nz", [1, NZ])
def test_dream3d_files_of_version_8(tmp_path, nz, quaternions):
    write_dream3d_8(tmp_path / "map.dream3d", nz, quaternions=quaternions)
    ms = read(tmp_path / "map.dream3d")
    shape = (NX, NY, nz)[: 3 if nz > 1 else 2]
    assert ms.grid.shape == shape
    np.testing.assert_allclose(ms.grid.spacing, (STEP_X, STEP_Y, 1.5)[: len(shape)])
    indexed = numbers(NX, NY, nz).reshape(shape) > 0
    q, expected = np.asarray(ms.orientation), np.asarray(from_euler(angles(NX, NY, nz).reshape(3, *shape).astype(float)))
    np.testing.assert_allclose(np.abs((q * expected).sum(axis=0))[indexed], 1, atol=SINGLE)
    np.testing.assert_array_equal(ms.mask, indexed)
    np.testing.assert_array_equal(np.asarray(ms.labels)[indexed], numbers(NX, NY, nz).reshape(shape)[indexed] - 1)
    np.testing.assert_array_equal(ms.maps["grain"], np.arange(NX * NY * nz).reshape(shape))
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("Nickel", "m-3m"), ("Titanium", "6/mmm")]
    assert any("IPFColors" in note for note in ms.notes)


def test_one_of_several_geometries_is_named(tmp_path):
    write_dream3d_8(tmp_path / "map.dream3d", names=("A", "B"))
    with pytest.raises(ReadError, match=r"holds 2 image geometries: 'A', 'B'"):
        read(tmp_path / "map.dream3d")
    assert read(tmp_path / "map.dream3d", scan="B").grid.shape == (NX, NY, NZ)


def test_dream3d_representations_that_differ_are_told(tmp_path):
    write_dream3d_8(tmp_path / "map.dream3d")
    with h5py.File(tmp_path / "map.dream3d", "r+") as file:
        file["DataStructure/ImageGeom/Cell Data/Quats"] = np.tile(np.float32([0, 0, 0, 1]), (NZ, NY, NX, 1))
    with pytest.warns(DataWarning, match=r"'EulerAngles' and 'Quats' differ in 105 of 105 points: 'EulerAngles' was read"):
        ms = read(tmp_path / "map.dream3d")
    _check_orientations(ms, angles(NX, NY, NZ), numbers(NX, NY, NZ) > 0)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("Cell Data/Phases", np.full((NZ, NY, NX, 1), 3, np.int32), r"phases 3 … 3, and its list has the phases 1 … 2"),
        ("Cell Data/EulerAngles", np.zeros((NZ, NY, NX, 2), np.float32), r"and 315 numbers are expected"),
        ("Cell Data/EulerAngles", None, r"holds neither EulerAngles nor Quats"),
        ("Cell Data", None, r"holds neither EulerAngles nor Quats"),
        ("Cell Ensemble Data/CrystalStructures", np.array([999, 1, 11], np.uint32), r"the crystal structure 11"),
        ("Cell Ensemble Data/MaterialName", np.bytes_(["a", "b"]), r"3 crystal structures and 2 names"),
    ],
)
def test_dream3d_files_that_deviate_are_refused(tmp_path, place, value, words):
    write_dream3d_8(tmp_path / "map.dream3d")
    _replace(tmp_path / "map.dream3d", f"DataStructure/ImageGeom/{place}", value)
    with pytest.raises(ReadError, match=words):
        read(tmp_path / "map.dream3d")


def test_dream3d_versions_that_are_not_known_are_refused(tmp_path):
    write_dream3d_8(tmp_path / "map.dream3d")
    with h5py.File(tmp_path / "map.dream3d", "r+") as file:
        file.attrs["FileVersion"] = np.bytes_("6.0")
    with pytest.raises(ReadError, match=r"version 6\.0 of the \.dream3d format"):
        read(tmp_path / "map.dream3d")


def test_the_contents_decide_between_layouts_of_one_extension(tmp_path):
    write_dream3d_8(tmp_path / "a.hdf5")
    write_h5oina(tmp_path / "b.h5")
    assert read(tmp_path / "a.hdf5").grid.shape == (NX, NY, NZ)
    assert read(tmp_path / "b.h5").phases[1].name == "Ti-Hex"
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["numbers"] = np.zeros(3)
    with pytest.raises(ReadError, match=r"none of the layouts that are read .* its root holds 'numbers'"):
        read(tmp_path / "c.h5")


def test_angles_in_degrees_are_told_by_the_user(tmp_path):
    write_dream3d_8(tmp_path / "map.dream3d")
    degrees = np.rad2deg(angles(NX, NY, NZ)).T
    _replace(tmp_path / "map.dream3d", "DataStructure/ImageGeom/Cell Data/EulerAngles", degrees)
    with pytest.raises(ReadError, match="Pass degrees=True"):
        read(tmp_path / "map.dream3d")
    _check_orientations(read(tmp_path / "map.dream3d", degrees=True), angles(NX, NY, NZ), numbers(NX, NY, NZ) > 0, atol=1e-5)


def test_the_options_of_all_orientation_maps_hold(tmp_path):
    write_h5oina(tmp_path / "map.h5oina")
    ms = read(tmp_path / "map.h5oina", phase="Ti-Hex", frame="oxford", unindexed="nearest")
    assert [phase.name for phase in ms.phases] == ["Ti-Hex"]
    np.testing.assert_array_equal(ms.mask, np.flip(numbers(NX, NY) == 2, axis=0))
    with pytest.raises(ReadError, match="none of which passes the filters"):
        read(tmp_path / "map.h5oina", max_mad=0.4)


def test_what_was_read_is_saved_and_read(tmp_path):
    write_h5oina(tmp_path / "map.h5oina")
    ms = read(tmp_path / "map.h5oina")
    write(tmp_path / "map.npz", ms)
    assert read(tmp_path / "map.npz") == ms


def _warned(path, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ms = read(path, **options)
    return ms, " ".join(str(each.message) for each in caught)


@pytest.mark.parametrize(
    ("laue", "space", "group", "words"),
    [
        (8, 194, "6/m", "space group 194 belongs to 6/mmm: the Laue group was taken"),
        (0, 225, "m-3m", "has no Laue group 0: m-3m of its space group 225 was taken"),
        (11, 225, "m-3m", ""),
    ],
)
def test_oxford_groups_that_contradict_each_other_follow_one_rule(tmp_path, laue, space, group, words):
    path = tmp_path / "map.h5oina"
    write_h5oina(path)
    _replace(path, "1/EBSD/Header/Phases/2/Laue Group", np.array([[laue]], np.int32))
    _replace(path, "1/EBSD/Header/Phases/2/Space Group", np.array([[space]], np.int32))
    ms, said = _warned(path)
    assert ms.phases[1].laue == group
    assert words in said


def test_oxford_rows_out_of_order_are_sorted(tmp_path):
    path = tmp_path / "map.h5oina"
    write_h5oina(path)
    expected = read(path)
    order = np.random.default_rng(0).permutation(NX * NY)
    with h5py.File(path, "r+") as file:
        for name in ("Euler", "Phase", "X", "Y", "Band Contrast", "Mean Angular Deviation"):
            stored = file[f"1/EBSD/Data/{name}"]
            stored[...] = stored[()][order]
    found = read(path)
    np.testing.assert_array_equal(found.orientation, expected.orientation)
    np.testing.assert_array_equal(found.maps["bc"], expected.maps["bc"])
    assert any("sorted by position" in note for note in found.notes)


def test_oxford_units_are_honoured(tmp_path):
    path = tmp_path / "map.h5oina"
    write_h5oina(path)
    expected = read(path)
    with h5py.File(path, "r+") as file:
        header, data = file["1/EBSD/Header"], file["1/EBSD/Data"]
        header["X Step"].attrs["Unit"] = header["Y Step"].attrs["Unit"] = np.bytes_("mm")
        data["X"].attrs["Unit"] = data["Y"].attrs["Unit"] = np.bytes_("mm")
        data["Euler"][...] = np.rad2deg(data["Euler"][()])
        data["Euler"].attrs["Unit"] = np.bytes_("deg")
    ms, said = _warned(path)
    np.testing.assert_allclose(ms.grid.spacing, (1e3 * STEP_X, 1e3 * STEP_Y))
    np.testing.assert_allclose(ms.orientation, expected.orientation, atol=SINGLE)
    assert "X Step is given in 'mm', against the specification: it was converted" in said
    with h5py.File(path, "r+") as file:
        file["1/EBSD/Header/X Step"].attrs["Unit"] = np.bytes_("furlong")
    with pytest.raises(ReadError, match="gives X Step in 'furlong', which is no known unit of length"):
        read(path)


def test_units_that_cannot_be_read_safely_are_told(tmp_path):
    path = tmp_path / "map.h5oina"
    write_h5oina(path)
    with h5py.File(path, "r+") as file:
        file["1/EBSD/Header/X Step"].attrs["Unit"] = "um"  # of variable length
    assert any("units of X Step are texts that are not read" in note for note in read(path).notes)


def test_lattice_constants_are_noted(tmp_path, shared_data):
    write_h5oina(tmp_path / "map.h5oina")
    for path, words in (
        (tmp_path / "map.h5oina", "phase Ni-superalloy: lattice constants 3.5 3.5 3.5 90 90 90 (Å, degrees), space group 225"),
        (shared_data / "ebsd_ni_edax_h5/EdaxAngOnly.h5", "phase Nickel: lattice constants 3.56 3.56 3.56 90 90 90"),
        (shared_data / "ebsd_in100/Small_IN100_Slice1.dream3d", "phase Nickel: lattice constants 3.52 3.52 3.52 90 90 90"),
    ):
        assert any(words in note for note in read(path).notes)


def test_files_without_positions_say_so(tmp_path):
    write_h5oina(tmp_path / "map.h5oina")
    write_edax(tmp_path / "map.h5")
    for name, root, columns in (("map.h5oina", "1", ("X", "Y")), ("map.h5", "Scan 1", ("X Position", "Y Position"))):
        for column in columns:
            _replace(tmp_path / name, f"{root}/EBSD/Data/{column}", None)
        assert any("has no positions" in note for note in read(tmp_path / name).notes)


def test_options_of_the_wrong_type_are_named(tmp_path, as_user):
    write_h5oina(tmp_path / "map.h5oina", slices=("1", "2"))
    with pytest.raises(ReadError, match=r"is asked for the scan 2, which is no name\. It holds '1', '2'\. Write scan='2'"):
        read(tmp_path / "map.h5oina", scan=2)
    with pytest.raises(ValueError, match=r"`phase` must be the name of a phase, or at least one name in a list, but it is 3"):
        read(tmp_path / "map.h5oina", scan="1", phase=3)
