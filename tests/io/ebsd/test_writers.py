"""What is written as .ctf, .ang or .dream3d is read again: to the digits of the text files, exactly in single precision for HDF5."""

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.io import DataWarning, read, write
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
    write(path, ms)
    found = read(path)
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
