"""Edges of voxels and their unit, as asked and as files say them."""

import h5py
import numpy as np
import pytest
import tifffile

from jaxmicro.io import ReadError, noted_unit, read
from jaxmicro.microstructures import crop, resample

VOLUME = np.random.default_rng(0).choice([0, 1], (7, 6, 5)).astype(np.uint8)  # x, y, z
IMAGEJ = {"axes": "ZYX", "spacing": 2.0, "unit": "um"}
OME = {"axes": "ZYX"} | {f"PhysicalSize{k}": v for k, v in zip("XYZ", (400, 500, 2000), strict=True)}
OME |= {f"PhysicalSize{k}Unit": "nm" for k in "XYZ"}


def spacing(ms):
    return tuple(np.round(np.asarray(ms.grid.spacing), 9).tolist())


@pytest.mark.parametrize(("asked", "noted"), [("um", "µm"), ("µm", "µm"), ("μm", "µm"), ("nm", "nm"), ("mm", "mm"), ("m", "m")])
def test_a_unit_is_noted_and_stays(tmp_path, asked, noted):
    np.save(tmp_path / "a.npy", VOLUME)
    ms = read(tmp_path / "a.npy", spacing=(1, 2, 3), unit=asked)
    assert noted_unit(ms) == noted_unit(resample(crop(ms, ((0, 4), (0, 4), (0, 4))), 3)) == noted
    assert spacing(ms) == (1, 2, 3)
    assert noted_unit(read(tmp_path / "a.npy", spacing=2)) == ""


def test_imagej_says_edges_and_unit(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOLUME.T, imagej=True, resolution=(2.5, 2.0), metadata=IMAGEJ)
    ms = read(tmp_path / "a.tif")
    assert (spacing(ms), noted_unit(ms)) == ((0.4, 0.5, 2.0), "µm")
    assert "voxel edges of 0.4 x 0.5 x 2 µm, as the file says" in ms.notes
    converted = read(tmp_path / "a.tif", unit="nm")
    assert (spacing(converted), noted_unit(converted)) == ((400, 500, 2000), "nm")
    asked = read(tmp_path / "a.tif", spacing=3)
    assert (spacing(asked), noted_unit(asked)) == ((3, 3, 3), "")
    assert "the file says 0.4 x 0.5 x 2 µm: the spacing as asked was taken" in asked.notes
    renamed = read(tmp_path / "a.tif", axes="yzx")
    assert (spacing(renamed), noted_unit(renamed)) == ((1, 1, 1), "")


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"axes": "ZYX", "unit": "um"}, r"the file says voxel edges of x 0.4 µm, y 0.5 µm and none along the other axis"),
        ({"axes": "ZYX", "spacing": 2.0, "unit": "furlong"}, "ImageJ's unit 'furlong' is no unit of length"),
    ],
)
def test_what_imagej_leaves_open_is_told_and_not_taken(tmp_path, metadata, told):
    tifffile.imwrite(tmp_path / "a.tif", VOLUME.T, imagej=True, resolution=(2.5, 2.0), metadata=metadata)
    ms = read(tmp_path / "a.tif")
    assert spacing(ms) == (1, 1, 1)
    assert any(told in note for note in ms.notes)


def test_ome_says_edges_and_unit(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", VOLUME.T, photometric="minisblack", metadata=OME)
    ms = read(tmp_path / "a.ome.tif")
    assert (spacing(ms), noted_unit(ms)) == ((400, 500, 2000), "nm")
    tifffile.imwrite(tmp_path / "b.ome.tif", VOLUME.T, photometric="minisblack", metadata=OME | {"PhysicalSizeZUnit": "µm"})
    ms = read(tmp_path / "b.ome.tif")
    assert spacing(ms) == (1, 1, 1)
    assert any("in several units" in note for note in ms.notes)


def test_dots_per_inch_are_told_and_not_taken(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOLUME[..., 0].T, resolution=(300, 300), resolutionunit="INCH")
    ms = read(tmp_path / "a.tif")
    assert spacing(ms) == (1, 1)
    assert any("the resolution tags say 300 dots per inch" in note for note in ms.notes)


def test_a_turned_picture_turns_its_edges(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOLUME[..., 0].T, imagej=True, resolution=(2.5, 2.0), metadata={"axes": "YX", "unit": "um"},
                     extratags=[(274, 3, 1, 6, True)])  # fmt: skip
    with pytest.warns(UserWarning, match="turned or mirrored"):
        ms = read(tmp_path / "a.tif")
    assert ms.grid.shape == (6, 7)
    assert spacing(ms) == (0.5, 0.4)


@pytest.mark.parametrize(
    ("attributes", "edges", "unit"),
    [
        ({"element_size_um": [2.0, 0.5, 0.4]}, (0.4, 0.5, 2.0), "µm"),
        ({"voxel_size": [2.0, 0.5, 0.4], "unit": np.bytes_("nm")}, (0.4, 0.5, 2.0), "nm"),
        ({"spacing": 0.5, "units": np.bytes_("mm")}, (0.5, 0.5, 0.5), "mm"),
        ({"spacing": 0.5}, (1, 1, 1), ""),
        ({"spacing": 0.5, "unit": "mm"}, (1, 1, 1), ""),  # text of variable length is not read from a stranger
        ({"element_size_um": [-1.0, 1.0, 1.0]}, (1, 1, 1), ""),
        ({"element_size_um": [1.0, 1.0]}, (1, 1, 1), ""),
    ],
)
def test_attributes_of_datasets(tmp_path, attributes, edges, unit):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["v"] = VOLUME.T
        for name, value in attributes.items():
            file["v"].attrs[name] = value
    ms = read(tmp_path / "a.h5", axes="zyx")
    assert (spacing(ms), noted_unit(ms)) == (edges, unit)
    assert unit or any("pass spacing= and unit=" in note for note in ms.notes)


def test_datasets_by_path(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw/grey"] = VOLUME.T
        file["raw/labels"] = 5 * VOLUME.astype(np.int16)
        file["raw/list"] = np.arange(4)
        file["link"] = h5py.ExternalLink("b.h5", "/v")
        file["soft"] = h5py.SoftLink("/raw/grey")
    listed = r"2 arrays that could be a volume \('/raw/grey' of shape \(5, 6, 7\), '/raw/labels' of shape \(7, 6, 5\)\)"
    with pytest.raises(ReadError, match=listed + ". Say which one with dataset="):
        read(tmp_path / "a.h5")
    ms = read(tmp_path / "a.h5", dataset="/raw/labels")
    np.testing.assert_array_equal(ms.labels, VOLUME)
    assert [phase.name for phase in ms.phases] == ["value 0", "value 5"]
    assert read(tmp_path / "a.h5", dataset="raw/grey", axes="zyx").grid.shape == (7, 6, 5)
    with pytest.raises(ReadError, match=r"Did you mean dataset='/raw/labels'"):
        read(tmp_path / "a.h5", dataset="/raw/label")
    with pytest.raises(ReadError, match="holds '/link' as a link, which is not followed"):
        read(tmp_path / "a.h5", dataset="/link")
    with pytest.raises(ReadError, match=r"holds '/raw/list' of shape \(4,\)"):
        read(tmp_path / "a.h5", dataset="/raw/list")
    with pytest.raises(ReadError, match=r"420 bytes once decoded"):
        read(tmp_path / "a.h5", dataset="/raw/labels", max_bytes=400)
    with pytest.raises(ReadError, match="was given frame= for the dataset '/raw/grey'"):
        read(tmp_path / "a.h5", dataset="/raw/grey", frame="edax")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"spacing": 1, "unit": "inch"}, ValueError, r"`unit` must be a unit of length \(um, nm, mm, m\), but it is 'inch'"),
        ({"unit": "um"}, ReadError, "has no voxel size, and unit='um'. Pass spacing= as well"),
    ],
)
def test_bad_units_are_named(as_user, tmp_path, options, error, message):
    np.save(tmp_path / "a.npy", VOLUME)
    with pytest.raises(error, match=message):
        read(tmp_path / "a.npy", **options)
