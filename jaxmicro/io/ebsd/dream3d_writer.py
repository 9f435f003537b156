"""Microstructures as .dream3d files in the layout of version 7, which DREAM.3D 6 and DREAM3D-NX both read."""

import warnings
from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.ebsd.dream3d import LAUE, OURS, UNKNOWN
from jaxmicro.io.ebsd.dream3d_layout import CELL, ENSEMBLE, GEOMETRY, STRUCTURES
from jaxmicro.io.ebsd.measured import Measured, measured
from jaxmicro.io.problems import DataWarning

CONTAINER, CELLS, PHASES = "DataContainer", "CellData", "CellEnsembleData"
NAMES = {"ci": "Confidence Index", "iq": "Image Quality", "fit": "Fit", "grain": "FeatureIds"}
TYPES = {"f4": "float", "f8": "double", "u1": "uint8_t", "i1": "int8_t", "i2": "int16_t", "u2": "uint16_t", "i4": "int32_t", "u4": "uint32_t", "i8": "int64_t", "u8": "uint64_t"}  # fmt: skip
CODES = {laue: code for code, laue in LAUE.items()}


def save_dream3d(stream: BinaryIO, value: Any) -> None:
    """Write phases, Bunge angles, quaternions, mask and scalar maps of a map or a volume, and the phases' Laue groups."""
    import h5py

    ms = measured(value, "A .dream3d file")
    if ms.left_out:
        lost = f"A .dream3d file loses something: the maps {', '.join(ms.left_out)} are not of one number per voxel and were left out. .npz keeps all."
        warnings.warn(lost, DataWarning, stacklevel=5)
    with h5py.File(stream, "w") as file:
        file.attrs["FileVersion"] = np.bytes_("7.0")
        file.attrs[OURS] = np.array([1], np.uint8)
        file.attrs["DREAM3D Version"] = np.bytes_("6.5.171")
        file.create_group("DataContainerBundles")
        container = file.create_group("DataContainers").create_group(CONTAINER)
        _write_geometry(container.create_group(GEOMETRY), ms)
        _write_cells(container.create_group(CELLS), ms)
        _write_phases(container.create_group(PHASES), ms)


def _write_geometry(group: Any, ms: Measured) -> None:
    group.attrs["GeometryName"] = np.bytes_("ImageGeometry")
    group.attrs["GeometryTypeName"] = np.bytes_("ImageGeometry")
    group.attrs["GeometryType"] = np.array([0], np.uint32)
    group.attrs["SpatialDimensionality"] = np.array([3], np.uint32)
    group.attrs["UnitDimensionality"] = np.array([3], np.uint32)
    group["DIMENSIONS"] = np.array(_volume(ms.shape), np.int64)
    group["ORIGIN"] = np.zeros(3, np.float32)
    group["SPACING"] = np.array((*ms.spacing, min(ms.spacing))[:3], np.float32)


def _volume(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 1)[:3]


def _write_cells(group: Any, ms: Measured) -> None:
    group.attrs["AttributeMatrixType"] = np.array([CELL], np.uint32)
    group.attrs["TupleDimensions"] = np.array(_volume(ms.shape), np.uint64)
    _write_array(group, "Phases", (ms.labels + 1).astype(np.int32), ms.shape)
    _write_array(group, "EulerAngles", ms.euler.astype(np.float32), ms.shape)
    _write_array(group, "Quats", ms.orientation[[1, 2, 3, 0]].astype(np.float32), ms.shape)
    if not ms.mask.all() or "ci" in ms.maps:
        _write_array(group, "Mask", ms.mask.astype(np.uint8), ms.shape)
    for name, values in ms.maps.items():
        values = values.astype(np.int32) if name == "grain" else values.astype(np.uint8) if values.dtype == bool else values
        check(
            values.dtype.str[1:] in TYPES,
            f"`maps[{name!r}]` must hold numbers that DREAM.3D knows, but they are {values.dtype}. Convert it to float.",
            TypeError,
        )
        _write_array(group, NAMES.get(name, name), values, ms.shape)


def _write_array(group: Any, name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """Numbers (components, x, y, z) as (z, y, x, components)."""
    box = _volume(shape)
    stored = group.create_dataset(name, data=values.reshape(-1, *box).T)
    stored.attrs["ComponentDimensions"] = np.array(stored.shape[-1:], np.uint64)
    stored.attrs["TupleDimensions"] = np.array(box, np.uint64)
    stored.attrs["Tuple Axis Dimensions"] = np.bytes_("x={},y={},z={}".format(*box))
    stored.attrs["DataArrayVersion"] = np.array([2], np.int32)
    stored.attrs["ObjectType"] = np.bytes_(f"DataArray<{TYPES[values.dtype.str[1:]]}>")


def _write_phases(group: Any, ms: Measured) -> None:
    """The list of phases, in which the first stands for none."""
    import h5py

    count = len(ms.phases) + 1
    group.attrs["AttributeMatrixType"] = np.array([ENSEMBLE], np.uint32)
    group.attrs["TupleDimensions"] = np.array([count], np.uint64)
    codes = np.array([UNKNOWN] + [UNKNOWN if phase.laue is None else CODES[phase.laue] for phase in ms.phases], np.uint32)
    stored = group.create_dataset(STRUCTURES, data=codes[:, None])
    titles = group.create_dataset("MaterialName", (count,), h5py.string_dtype())
    titles[:] = ["Invalid Phase", *(phase.name for phase in ms.phases)]
    for each, kind in ((stored, "DataArray<uint32_t>"), (titles, "StringDataArray")):
        each.attrs["ComponentDimensions"] = np.array([1], np.uint64)
        each.attrs["TupleDimensions"] = np.array([count], np.uint64)
        each.attrs["Tuple Axis Dimensions"] = np.bytes_(f"x={count}")
        each.attrs["DataArrayVersion"] = np.array([2], np.int32)
        each.attrs["ObjectType"] = np.bytes_(kind)
