"""Input of DAMASK, and its quaternions by hand."""

import json
import re

import jax
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.io import write_damask
from jaxmicro.io.crystallites import crystallites
from jaxmicro.io.damask import damask_quaternions
from jaxmicro.microstructures import Microstructure, Phase, polycrystal
from jaxmicro.orientations import from_euler, multiply, to_matrix
from jaxmicro.orientations.laue import symmetry_operators
from tests.io.test_vti import _read

MATERIAL = re.compile(r"  - homogenization: SX\n    constituents:\n      - \{phase: (.*), v: 1\.0, O: (\[.*\])\}")
HALF = np.sqrt(0.5)


@pytest.mark.parametrize(
    ("euler", "expected"),
    [
        ((90, 0, 0), (HALF, 0, 0, HALF)),  # P = −1: q = (c cos σ, s cos δ, s sin δ, c sin σ), σ = δ = 45°, c = 1, s = 0
        ((0, 90, 0), (HALF, HALF, 0, 0)),
        ((90, 90, 0), (0.5, 0.5, 0.5, 0.5)),  # σ = δ = 45°, c = s = √½
        ((0, 90, 90), (0.5, 0.5, -0.5, 0.5)),  # σ = 45°, δ = −45°
        ((270, 0, 0), (HALF, 0, 0, -HALF)),  # σ = 135°: (−√½, 0, 0, √½), with its sign changed
        ((0, 0, 0), (1, 0, 0, 0)),
    ],
)
def test_quaternions_by_hand(euler, expected):
    q = np.asarray(from_euler(np.array(euler, float)[:, None], degrees=True))
    found = damask_quaternions(q)[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-15)
    w, x, y, z = found
    active = np.array(  # of a unit quaternion, v' = q v q*; with P = −1 the passive matrix is its transpose
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    np.testing.assert_allclose(active.T, np.asarray(to_matrix(q[:, 0])), atol=1e-15)


def _materials(path):
    found = MATERIAL.findall(path.read_text())
    return [json.loads(name) for name, _ in found], np.array([json.loads(turn) for _, turn in found]).T


def test_grid_and_materials_give_every_voxel_its_crystal(tmp_path):
    ms = polycrystal(Grid((5, 4, 3), lengths=(10.0, 4.0, 6.0)), grains=6, key=jax.random.key(0), phase=Phase('Ni "A"', "m-3m"))
    write_damask(tmp_path, ms, lattices={'Ni "A"': "cF"}, elastic={'Ni "A"': "Ni"})
    shape, spacing, arrays, _ = _read(tmp_path / "grid.vti")
    assert shape == (5, 4, 3)
    np.testing.assert_allclose(spacing, (2e-6, 1e-6, 2e-6))
    names, turns = _materials(tmp_path / "material.yaml")
    assert set(names) == {'Ni "A"'}
    found = turns[:, arrays["material"][0]] * np.array([1, -1, -1, -1])[:, None, None, None]
    np.testing.assert_allclose(np.abs((found * np.asarray(ms.orientation)).sum(axis=0)), 1, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=0), 1, atol=1e-15)
    assert (turns[0] >= 0).all()
    text = (tmp_path / "material.yaml").read_text()
    assert "lattice: cF" in text
    assert "elastic: {type: Hooke, C_11: 2.5100000000e+11, C_12: 1.5000000000e+11, C_44: 1.2370000000e+11}" in text


def test_without_grains_each_pair_of_phase_and_orientation_is_a_material(tmp_path):
    q = np.tile(np.reshape([1.0, 0, 0, 0], (4, 1, 1)), (1, 4, 3))
    q[:, :2] = np.reshape([0.6, 0, 0.8, 0], (4, 1, 1))
    labels = np.zeros((4, 3), int)
    labels[:, 0] = 1
    ms = Microstructure(labels=labels, orientation=q, phases=[Phase("ferrite", "m-3m"), Phase("Ti", "6/mmm")])
    write_damask(tmp_path, ms, elastic={"Ti": {"C_11": 1.6e11, "C_12": 9e10, "C_13": 7e10, "C_33": 1.8e11, "C_44": 4.7e10}})
    names, turns = _materials(tmp_path / "material.yaml")
    assert sorted(names) == ["Ti", "Ti", "ferrite", "ferrite"]
    shape, _, arrays, _ = _read(tmp_path / "grid.vti")
    assert shape == (4, 3, 1)
    material = arrays["material"][0, ..., 0]
    np.testing.assert_array_equal([[names[k] for k in row] for row in material], np.where(labels == 1, "Ti", "ferrite"))
    np.testing.assert_allclose(turns[2][material], np.where(np.arange(4)[:, None] < 2, -0.8, 0) + 0 * labels, atol=1e-15)
    text = (tmp_path / "material.yaml").read_text()
    assert re.search(r'"ferrite":\n    lattice: cI', text)
    assert re.search(r'"Ti":\n    lattice: hP', text)


def test_a_grain_has_its_mean_orientation_whatever_equivalents_its_voxels_have():
    angles = np.zeros((3, 4, 3))
    angles[0] = np.deg2rad([[-1, 1, 0], [0, 2, -2], [0, 0, 0], [3, -3, 0]]) + 0.7
    angles[1] = 0.5
    q = np.asarray(from_euler(angles))
    pick = np.random.default_rng(0).integers(24, size=(4, 3))
    turned = np.asarray(multiply(symmetry_operators("m-3m")[:, pick], q))
    ms = Microstructure(labels=np.zeros((4, 3), int), orientation=turned, phases=[Phase("Ni", "m-3m")], maps={"grain": np.ones((4, 3))})
    found = crystallites(ms)
    assert found.orientation.shape == (4, 1)
    equivalents = np.asarray(multiply(symmetry_operators("m-3m"), np.broadcast_to(from_euler((0.7, 0.5, 0.0))[:, None], (4, 24))))
    likeness = np.abs((equivalents * found.orientation).sum(axis=0)).max()
    np.testing.assert_allclose(likeness, 1, atol=1e-9)


def test_measured_voxels_alone_count_for_a_grain():
    q = np.zeros((4, 4, 2))
    q[0] = 1.0
    q[:, 0, 0] = (0, 1, 0, 0)
    mask = np.ones((4, 2), bool)
    mask[0, 0] = False
    ms = Microstructure(
        labels=np.zeros((4, 2), int), orientation=q, mask=mask, phases=[Phase("x", "-1")], maps={"grain": np.zeros((4, 2), int)}
    )
    np.testing.assert_allclose(crystallites(ms).orientation[:, 0], (1, 0, 0, 0))


def test_what_damask_cannot_take_is_refused(tmp_path, as_user):
    ms = Microstructure(labels=np.zeros((4, 3), int), phases=[Phase("IN718", "m-3m")])
    with pytest.raises(ValueError, match=r"lattice of 'IN718' \(Laue group m-3m\) is not known. Pass lattices=\{'IN718': 'cF'\}"):
        write_damask(tmp_path, ms)
    with pytest.raises(ValueError, match="must be one of cF, cI, hP, tI, but it is 'fcc'"):
        write_damask(tmp_path, ms, lattices={"IN718": "fcc"})
    with pytest.raises(ValueError, match=r"`lattices` must name phases of the microstructure \(IN718\), but it names \['Ni'\]"):
        write_damask(tmp_path, ms, lattices={"Ni": "cF"})
    with pytest.raises(ValueError, match=r"must hold C_11, C_12, C_44 \(lattice cF\), but \['C_12', 'C_44'\] are missing"):
        write_damask(tmp_path, ms, lattices={"IN718": "cF"}, elastic={"IN718": {"C_11": 1.0}})
    masked = ms.replace(mask=np.eye(4, 3) == 0)
    with pytest.raises(
        ValueError, match=r"3 of 12 voxels were not measured\. Crop them away, or fill them: read\(…, unindexed='nearest'\)"
    ):
        write_damask(tmp_path, masked, lattices={"IN718": "cF"})
    with pytest.raises(TypeError, match="`ms` must be a Microstructure"):
        write_damask(tmp_path, "cell")
    with pytest.raises(FileNotFoundError, match="its folder does not exist"):
        write_damask(tmp_path / "none", ms, lattices={"IN718": "cF"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("metres", ["a", np.inf, 0, np.nan])
def test_lengths_that_make_no_sense(as_user, tmp_path, metres):
    with pytest.raises(ValueError, match="`metres` must be one positive number, but it is"):
        write_damask(tmp_path, Microstructure(labels=np.zeros((2, 2), int), phases=[Phase("Nickel", "m-3m")]), metres=metres)
    assert list(tmp_path.iterdir()) == []


def test_a_length_may_be_an_array_of_no_axes(as_user, tmp_path):
    cell = Microstructure(
        labels=np.zeros((2, 2), int),
        orientation=np.array([1.0, 0, 0, 0])[:, None, None] * np.ones((4, 2, 2)),
        phases=[Phase("Nickel", "m-3m")],
    )
    write_damask(tmp_path, cell, metres=np.array(1e-6), lattices={"Nickel": "cF"})
