"""VTK images, read back by the rules of the format: XML, base64, zlib, x fastest."""

import base64
import zlib
from xml.etree import ElementTree as ET

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.homogenization.cell_problem import CellSolution
from jaxmicro.homogenization.results import EffectiveResult
from jaxmicro.io import write
from jaxmicro.io.vtk_image import BLOCK, write_image
from jaxmicro.microstructures import Microstructure, Phase, polycrystal
from jaxmicro.orientations import random_orientations, to_euler

DTYPES = {"UInt8": "u1", "Int32": "<i4", "Int64": "<i8", "Float32": "<f4", "Float64": "<f8"}


def _read(path):
    """Cells and edges along x, y, z, and the arrays (components, nx, ny, nz) of the voxels with the names of their components."""
    root = ET.parse(path).getroot()
    assert root.attrib["type"] == "ImageData"
    image = root.find("ImageData")
    extent = [int(n) for n in image.attrib["WholeExtent"].split()]
    assert extent[::2] == [0, 0, 0]
    assert image.find("Piece").attrib["Extent"] == image.attrib["WholeExtent"]
    shape = tuple(extent[1::2])
    arrays, names = {}, {}
    for each in image.find("Piece/CellData"):
        count = int(each.attrib["NumberOfComponents"])
        values = np.frombuffer(_unpacked(each.text.strip()), DTYPES[each.attrib["type"]])
        arrays[each.attrib["Name"]] = values.reshape(*shape[::-1], count).T
        names[each.attrib["Name"]] = [each.attrib.get(f"ComponentName{k}") for k in range(count)]
    return shape, [float(h) for h in image.attrib["Spacing"].split()], arrays, names


def _unpacked(text):
    blocks = int(np.frombuffer(base64.b64decode(text[:12])[:8], "<u8")[0])
    length = -(-8 * (3 + blocks) // 3) * 4
    _, size, rest, *packed = np.frombuffer(base64.b64decode(text[:length]), "<u8").tolist()
    data, found = base64.b64decode(text[length:]), b""
    for each in packed:
        found += zlib.decompress(data[:each])
        data = data[each:]
    assert len(found) == (blocks - bool(rest)) * size + rest
    return found


def _crystal(shape=(5, 4, 3)):
    q = random_orientations(jax.random.key(0), int(np.prod(shape))).reshape(4, *shape)
    mask = np.indices(shape).sum(axis=0) > 0
    maps = {
        "ci": np.linspace(0, 1, q[0].size, dtype=np.float32).reshape(shape),
        "shift": np.arange(2.0 * q[0].size).reshape(2, *shape),
        "label": mask,
    }
    labels = np.arange(q[0].size).reshape(shape) % 2
    grid = Grid(shape, lengths=(1.0, 2.0, 4.5)[: len(shape)])
    return Microstructure(grid=grid, labels=labels, orientation=q, mask=mask, phases=("a", "b"), maps=maps)


def test_everything_of_a_volume_comes_back(tmp_path):
    ms = _crystal()
    write(tmp_path / "cell.vti", ms)
    shape, spacing, arrays, names = _read(tmp_path / "cell.vti")
    assert shape == (5, 4, 3)
    np.testing.assert_allclose(spacing, (0.2, 0.5, 1.5))
    np.testing.assert_array_equal(arrays["label"][0], ms.labels)
    np.testing.assert_array_equal(arrays["mask"][0], ms.mask)
    np.testing.assert_array_equal(arrays["orientation"], ms.orientation)
    np.testing.assert_allclose(arrays["euler"], to_euler(ms.orientation))
    np.testing.assert_array_equal(arrays["ci"][0], ms.maps["ci"])
    np.testing.assert_array_equal(arrays["shift"], ms.maps["shift"])
    np.testing.assert_array_equal(arrays["map label"][0], ms.maps["label"])
    assert names["orientation"] == ["w", "x", "y", "z"]
    assert sorted(np.unique(arrays["material"]).tolist()) == list(range(60))


def test_a_map_is_one_voxel_thick(tmp_path):
    write(tmp_path / "map.vti", _crystal((5, 4)))
    shape, spacing, arrays, _ = _read(tmp_path / "map.vti")
    assert shape == (5, 4, 1)
    np.testing.assert_allclose(spacing, (0.2, 0.5, 0.2))
    np.testing.assert_array_equal(arrays["label"][0, ..., 0], np.arange(20).reshape(5, 4) % 2)


def test_fractions_keep_their_phases(tmp_path):
    share = np.linspace(0, 1, 12).reshape(4, 3)
    with pytest.warns(UserWarning, match="written as the label"):
        write(tmp_path / "map.vti", Microstructure(fractions=np.stack([share, 1 - share]), phases=("pore", "solid")))
    _, _, arrays, names = _read(tmp_path / "map.vti")
    np.testing.assert_array_equal(arrays["fraction"][0, ..., 0], share)
    assert names["fraction"] == ["pore", "solid"]


@pytest.mark.parametrize("size", [BLOCK // 8 - 1, BLOCK // 8, BLOCK // 8 + 1])
def test_arrays_of_several_blocks(tmp_path, size):
    values = np.random.default_rng(0).random((2, 1, 1, size))
    with open(tmp_path / "long.vti", "wb") as stream:
        write_image(stream, (1, 1, size), (1, 1, 1), {"values": values})
    np.testing.assert_array_equal(_read(tmp_path / "long.vti")[2]["values"], values)


def _result(m, shape, quantity="stiffness", fields=("strain", "stress"), batch=()):
    """A result with random fields: what is written does not depend on how it was found."""
    random = np.random.default_rng(0)
    found = {name: jnp.asarray(random.random((*batch, m, m, *shape))) for name in fields}
    numbers = jnp.zeros((*batch, m), int)
    return EffectiveResult(
        tensor=jnp.zeros((*batch, m, m)), status=jnp.zeros(batch, int), steps=numbers, residual=numbers * 1.0,
        tensor_error=jnp.zeros((*batch, m, m)), energy_density=jnp.asarray(random.random((*batch, m, *shape))) if fields else None,
        quantity=quantity, **found,
    )  # fmt: skip


def test_fields_of_effective_results(tmp_path):
    result = _result(3, (5, 4))
    write(tmp_path / "fields.vti", result)
    shape, spacing, arrays, names = _read(tmp_path / "fields.vti")
    assert shape == (5, 4, 1)
    assert spacing == [1.0, 1.0, 1.0]
    for load, title in enumerate(("11", "22", "12")):
        np.testing.assert_array_equal(arrays[f"strain of load {title}"][..., 0], result.strain[load])
        np.testing.assert_array_equal(arrays[f"stress of load {title}"][..., 0], result.stress[load])
        np.testing.assert_array_equal(arrays[f"energy_density of load {title}"][0, ..., 0], result.energy_density[load])
    assert names["strain of load 22"] == ["11", "22", "sqrt2*12"]


def test_fields_beside_their_microstructure(tmp_path):
    ms, zero = _crystal(), jnp.zeros(())
    stress = jnp.asarray(np.random.default_rng(0).random((6, 5, 4, 3)))
    solution = CellSolution(jnp.zeros(6), jnp.zeros(6), zero.astype(int), zero.astype(int), zero, zero, stress=stress)
    write(tmp_path / "both.vti", (ms, solution))
    _, spacing, arrays, names = _read(tmp_path / "both.vti")
    np.testing.assert_allclose(spacing, (0.2, 0.5, 1.5))
    np.testing.assert_array_equal(arrays["stress"], stress)
    np.testing.assert_array_equal(arrays["label"][0], ms.labels)
    assert names["stress"] == ["11", "22", "33", "sqrt2*23", "sqrt2*13", "sqrt2*12"]


def test_fields_of_conduction_are_vectors(tmp_path):
    result = _result(3, (5, 4, 3), "conductivity", ("strain",))
    write(tmp_path / "fields.vti", result)
    _, _, arrays, names = _read(tmp_path / "fields.vti")
    np.testing.assert_array_equal(arrays["strain of load z"], result.strain[2])
    assert names["strain of load z"] == ["x", "y", "z"]


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (_result(2, (4, 4), "conductivity", ()), TypeError, r"EffectiveResult without any\. Ask the solve for them with fields="),
        (Grid((4, 4)), TypeError, "the value is a Grid without any"),
        (
            _result(2, (4, 4), "conductivity", ("strain",), (2,)),
            ValueError,
            "holds one sample, but this EffectiveResult holds a batch of 2",
        ),
        ((), ValueError, "the tuple is empty"),
    ],
)
def test_what_has_no_fields_is_refused(tmp_path, as_user, value, error, words):
    with pytest.raises(error, match=words):
        write(tmp_path / "a.vti", value)
    assert list(tmp_path.iterdir()) == []


def test_parts_on_different_grids_and_numbers_without_a_type_are_refused(tmp_path, as_user):
    with pytest.raises(ValueError, match=r"parts have \(4, 4\) and \(5, 4\) voxels"):
        write(tmp_path / "a.vti", (Microstructure(labels=np.zeros((4, 4), int)), _crystal((5, 4))))
    with pytest.raises(TypeError, match=r"`maps\['z'\]` holds numbers of type complex128"):
        write(tmp_path / "a.vti", Microstructure(labels=np.zeros((4, 4), int), maps={"z": np.zeros((4, 4), complex)}))


def test_materials_are_grains_where_there_are_grains(tmp_path):
    ms = polycrystal(Grid((6, 5, 4)), grains=7, key=jax.random.key(1), phase=Phase("Ni", "m-3m"))
    write(tmp_path / "cell.vti", ms)
    np.testing.assert_array_equal(_read(tmp_path / "cell.vti")[2]["material"][0], ms.maps["grain"])
