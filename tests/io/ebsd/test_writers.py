"""What is written as .ctf, .ang or .dream3d is read again: to the digits of the text files, exactly in single precision for HDF5."""

import contextlib

import h5py
import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.io import DataWarning, ReadError, read, write
from jaxmicro.io.ebsd.measured import euler_angles
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import from_euler, random_orientations
from jaxmicro.orientations.laue import LAUE_GROUPS

TEXT = 1e-6  # quaternions of angles with 5 digits of a degree, or 6 of a radian
SINGLE = 5e-7


def _map(shape=(7, 5), phases=(("Ni", "m-3m"), ("Fe", "m-3")), lengths=(1.75, 2.5, 3.0), masked=True):
    q = random_orientations(jax.random.key(3), int(np.prod(shape))).reshape(4, *shape)
    place = np.indices(shape).sum(axis=0)
    return Microstructure(
        grid=Grid(shape, lengths[: len(shape)]),
        labels=place % len(phases),
        orientation=q,
        mask=(place % 4 > 0) if masked else None,
        phases=[Phase(name, laue) for name, laue in phases],
        maps={"ci": np.linspace(0.1, 1, place.size, dtype=np.float32).reshape(shape), "bc": place, "grain": place},
    )


def _losing(words, extension):
    """Text files have no columns for most maps, and say so."""
    return contextlib.nullcontext() if extension == ".dream3d" else pytest.warns(DataWarning, match=words)


def _check(found, written, atol):
    good = np.ones(written.grid.shape, bool) if written.mask is None else np.asarray(written.mask)
    np.testing.assert_array_equal(found.mask, good)
    np.testing.assert_array_equal(np.asarray(found.labels)[good], np.asarray(written.labels)[good])
    p, q = np.asarray(found.orientation)[:, good], np.asarray(written.orientation)[:, good]
    np.testing.assert_allclose(np.minimum(np.abs(p - q), np.abs(p + q)), 0, atol=atol)
    np.testing.assert_allclose(found.grid.lengths, written.grid.lengths, rtol=1e-6)
    assert found.phases == written.phases


@pytest.mark.parametrize("extension", [".ctf", ".ang", ".dream3d"])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_round_trip_of_a_map(tmp_path, extension, masked, count):
    ms = _map(masked=masked, phases=(("Ni super alloy", "m-3m"), ("Fe", "m-3"))[:count])
    path = tmp_path / f"map{extension}"
    with _losing("has no column for the maps", extension):
        write(path, ms)
    found = read(path)
    assert set(found.maps) == {".ctf": {"bc"}, ".ang": {"ci"}, ".dream3d": {"ci", "bc", "grain"}}[extension]
    _check(found, ms, SINGLE if extension == ".dream3d" else TEXT)
    kept = {".ctf": "bc", ".ang": "ci", ".dream3d": "grain"}[extension]
    good = np.asarray(found.mask)
    np.testing.assert_allclose(np.asarray(found.maps[kept])[good], np.asarray(ms.maps[kept])[good], atol=1e-4)
    if extension != ".dream3d":
        write(tmp_path / f"again{extension}", found)
        again = read(tmp_path / f"again{extension}")
        _check(again, found, 1e-15)  # nothing moves a second time


def test_round_trip_of_a_volume(tmp_path):
    ms = _map((5, 4, 3))
    write(tmp_path / "cell.dream3d", ms)
    found = read(tmp_path / "cell.dream3d")
    _check(found, ms, SINGLE)
    for name in ("ci", "bc", "grain"):
        np.testing.assert_array_equal(found.maps[name], ms.maps[name])


@pytest.mark.parametrize("extension", [".ctf", ".ang", ".dream3d"])
def test_every_laue_group_comes_back(tmp_path, extension):
    shape = (len(LAUE_GROUPS), 2)
    labels = np.repeat(np.arange(len(LAUE_GROUPS)), 2).reshape(shape)
    q = np.zeros((4, *shape))
    q[1] = 1.0
    phases = [Phase(f"p{k}", laue) for k, laue in enumerate(LAUE_GROUPS)]
    path = tmp_path / f"map{extension}"
    if extension == ".ctf":
        with pytest.warns(DataWarning, match=r"Angles of p3, p4, p7, p8 were written as they are"):
            write(path, Microstructure(labels=labels, orientation=q, phases=phases))
    else:
        write(path, Microstructure(labels=labels, orientation=q, phases=phases))
    found = read(path)
    assert [phase.laue for phase in found.phases] == list(LAUE_GROUPS)
    np.testing.assert_array_equal(found.labels, labels)


def test_angles_of_every_pole_come_back(tmp_path):
    euler = np.deg2rad(
        [[0, 0, 0], [90, 0, 0], [30, 180, 0], [359.9999999, 0, 0], [10, 1e-9, 20], [0, 180, 350], [270, 90, 180], [5, 5, 5]]
    ).T
    q = np.asarray(from_euler(euler))
    angles = euler_angles(q)
    assert (angles >= 0).all()
    assert (angles < 2 * np.pi).all()
    back = np.asarray(from_euler(angles))
    np.testing.assert_allclose(np.abs((back * q).sum(axis=0)), 1, atol=1e-15)
    ms = Microstructure(labels=np.zeros((4, 2), int), orientation=q.reshape(4, 4, 2), phases=[Phase("Ni", "m-3m")])
    for extension in (".ctf", ".ang", ".dream3d"):
        write(tmp_path / f"map{extension}", ms)
        _check(read(tmp_path / f"map{extension}"), ms, TEXT)


def test_measured_maps_are_written_again(tmp_path, shared_data):
    ms = read(shared_data / "ebsd_in100/Small_IN100_Slice1.dream3d")
    for extension in (".ctf", ".ang", ".dream3d"):
        with _losing("has no column for the maps ci, fit, iq, sem", ".ctf" if extension == ".ctf" else ".dream3d"):
            write(tmp_path / f"map{extension}", ms)
        _check(read(tmp_path / f"map{extension}"), ms, SINGLE if extension == ".dream3d" else TEXT)


@pytest.mark.parametrize("extension", [".ctf", ".ang", ".dream3d"])
def test_what_a_format_cannot_hold_is_refused(tmp_path, extension, as_user):
    path = tmp_path / f"map{extension}"
    with pytest.raises(ValueError, match="holds orientations, but the microstructure has none"):
        write(path, Microstructure(labels=np.zeros((3, 4), int)))
    with pytest.raises(TypeError, match="holds a Microstructure, but the value is a Grid"):
        write(path, Grid((3, 4)))
    with pytest.raises(ValueError, match=r"names Laue groups, but .* none of -1, 2/m"):
        write(path, _map(phases=(("Ni", "cubic"),)))
    if extension != ".dream3d":
        with pytest.raises(ValueError, match=r"holds one map, but the grid is \(5, 4, 3\)"):
            write(path, _map((5, 4, 3)))
        with pytest.raises(ValueError, match=r"\['Ni'\] have none\. Write Phase\(name, laue='m-3m'\)"):
            write(path, _map(phases=(("Ni", None),)))
    assert list(tmp_path.iterdir()) == []


def test_phases_without_a_laue_group_come_back_from_hdf5(tmp_path):
    ms = _map(phases=(("Ni", None), ("Fe", "m-3m")))
    write(tmp_path / "map.dream3d", ms)
    assert read(tmp_path / "map.dream3d").phases == ms.phases


def test_an_unwritable_map_is_named(tmp_path):
    ms = _map().replace(maps={"z": np.zeros((7, 5), complex)})
    with pytest.raises(TypeError, match=r"`maps\['z'\]` must hold numbers that DREAM\.3D knows, but they are complex128"):
        write(tmp_path / "map.dream3d", ms)


PLACE = np.arange(35).reshape(7, 5)


def _bare(**maps):
    return _map(phases=(("Ni", "m-3m"),)).replace(maps=maps)


@pytest.mark.parametrize("extension", [".ctf", ".ang", ".dream3d"])
@pytest.mark.parametrize(
    "maps",
    [
        {"ci": np.full((7, 5), -1.0)},
        {"ci": np.where(PLACE % 3, 0.5, -1.0), "fit": np.full((7, 5), 1.0)},
        {"ci": np.where(PLACE % 3, 0.5, 0.0), "fit": np.where(PLACE % 2, 180.0, -180.0)},
        {"ci": np.full((7, 5), -1.00001), "fit": np.full((7, 5), 179.99999)},
        {"mad": np.where(PLACE % 3, 0.5, 0.0)},
    ],
)
@pytest.mark.filterwarnings("ignore::jaxmicro.io.DataWarning")
def test_the_mask_comes_back_whatever_the_maps_say(tmp_path, extension, maps):
    ms = _bare(**maps)
    q = np.asarray(ms.orientation).copy()
    q[:, 3] = [[1.0], [0], [0], [0]]
    for each in (ms, ms.replace(mask=None), ms.replace(orientation=q)):
        write(tmp_path / f"map{extension}", each)
        _check(read(tmp_path / f"map{extension}"), each, TEXT)


def test_marks_at_measured_points_are_changed_with_a_warning(tmp_path):
    ms = _bare(ci=np.where(PLACE == 3, -1.0, 0.0), fit=np.full((7, 5), 180.0)).replace(mask=None)
    with pytest.warns(DataWarning, match=r"1 confidence indices of -1 at measured points .* 35 fits of 180° at measured points"):
        write(tmp_path / "map.ang", ms)


def test_a_mark_of_edax_everywhere_is_none_in_files_of_others(tmp_path):
    write(tmp_path / "map.dream3d", _bare(ci=np.full((7, 5), -1.0)).replace(mask=None))
    with h5py.File(tmp_path / "map.dream3d", "r+") as file:
        del file.attrs["jaxmicro"]
    with pytest.warns(DataWarning, match="the confidence index is -1 everywhere"):
        assert read(tmp_path / "map.dream3d").mask.all()


@pytest.mark.parametrize("largest", [(0.5, 0.3, 0.2), (3, 2, 1)])
def test_small_angles_are_read_as_they_were_written(tmp_path, largest):
    euler = np.deg2rad(largest)[:, None, None] * np.linspace(0.1, 1, 12).reshape(4, 3)
    ms = Microstructure(labels=np.zeros((4, 3), int), orientation=from_euler(euler), phases=[Phase("Ni", "m-3m")])
    write(tmp_path / "map.ctf", ms)
    _check(read(tmp_path / "map.ctf"), ms, TEXT)


def test_columns_without_a_map_are_no_maps(tmp_path):
    for extension, option in ((".ctf", "max_mad"), (".ang", "min_ci")):
        write(tmp_path / f"map{extension}", _bare())
        assert read(tmp_path / f"map{extension}").maps == {}
        with pytest.raises(ReadError, match=f"which {option}=0.5 needs"):
            read(tmp_path / f"map{extension}", **{option: 0.5})


def test_what_a_column_cannot_hold_is_told(tmp_path):
    ms = _bare(bc=np.where(PLACE, 99.99, np.nan), error=np.where(PLACE % 2, 2, 0), velocity=np.zeros((2, 7, 5)))
    with pytest.warns(DataWarning) as caught:
        write(tmp_path / "map.ctf", ms)
    said = str(caught[0].message)
    assert "1 values of 'bc' that are not finite were written as 0" in said
    assert "the map 'bc' was rounded to whole numbers" in said
    assert "no column for the maps velocity" in said
    found = read(tmp_path / "map.ctf")
    good = np.asarray(found.mask)
    np.testing.assert_array_equal(np.asarray(found.maps["bc"])[good], np.where(PLACE, 100, 0)[good])
    np.testing.assert_array_equal(np.asarray(found.maps["error"])[good], np.where(PLACE % 2, 2, 0)[good])
    with pytest.warns(DataWarning, match="the maps velocity are not of one number per voxel"):
        write(tmp_path / "map.dream3d", ms)


@pytest.mark.parametrize(("extension", "name"), [(".ang", "iq"), (".ctf", "mad")])
def test_numbers_that_a_reader_would_refuse_are_not_written(tmp_path, extension, name):
    with pytest.raises(ValueError, match=rf"`maps\['{name}'\]` must hold numbers up to 1e\+30, but it holds 1e\+35"):
        write(tmp_path / f"map{extension}", _bare(**{name: np.full((7, 5), 1e35)}))
    assert list(tmp_path.iterdir()) == []
