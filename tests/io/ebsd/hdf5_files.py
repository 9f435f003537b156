"""Small HDF5 maps in the vendors' layouts, written from their specifications, with contents that are known."""

from pathlib import Path

import h5py
import numpy as np

NX, NY, NZ = 7, 5, 3
STEP_X, STEP_Y = 0.25, 0.5


def angles(*shape: int) -> np.ndarray:
    """Bunge angles (3, *shape) in radians."""
    random = np.random.default_rng(7)
    top = np.reshape([2 * np.pi, np.pi, 2 * np.pi], (3, *(1,) * len(shape)))
    return (random.random((3, *shape)) * top).astype(np.float32)


def numbers(*shape: int) -> np.ndarray:
    """Numbers of phases: 0 in one corner, then 1 and 2."""
    found = 1 + (np.indices(shape).sum(axis=0) % 3 == 0)
    found[(0,) * len(shape)] = 0
    return found


def write_h5oina(path: Path, version: str = "5.0", slices: tuple[str, ...] = ("1",), libver: str = "earliest") -> None:
    """Two phases, the point at the origin not indexed, one point outside the measured area (NaN)."""
    euler, phase = angles(NX, NY), numbers(NX, NY)
    euler[:, 3, 2] = np.nan
    with h5py.File(path, "w", libver=libver) as file:
        text = h5py.string_dtype()
        file.create_dataset("Format Version", data=[version], dtype=text)
        file.create_dataset("Manufacturer", data=["Oxford Instruments"], dtype=text)
        file.create_dataset("Index", data=list(slices), dtype=text)
        for name in slices:
            data, header = file.create_group(f"{name}/EBSD/Data"), file.create_group(f"{name}/EBSD/Header")
            data.create_dataset("Euler", data=euler.T.reshape(-1, 3), chunks=(NX, 3), compression="lzf")
            data["Phase"] = phase.T.reshape(-1, 1).astype(np.uint8)
            x, y = np.meshgrid(STEP_X * np.arange(NX), STEP_Y * np.arange(NY))
            data["X"], data["Y"] = np.float32(x.reshape(-1, 1)), np.float32(y.reshape(-1, 1))
            data["Band Contrast"] = np.arange(NX * NY, dtype=np.uint8)[:, None]
            data["Mean Angular Deviation"] = np.full((NX * NY, 1), np.deg2rad(0.5), np.float32)
            data["Unprocessed Patterns"] = np.zeros((NX * NY, 2, 2), np.int16)
            for key, value in (("X Cells", NX), ("Y Cells", NY)):
                header[key] = np.array([[value]], np.int32)
            header["X Step"], header["Y Step"] = np.float32([[STEP_X]]), np.float32([[STEP_Y]])
            _oina_phase(header.create_group("Phases/1"), "Ni-superalloy", 11, 225)
            _oina_phase(header.create_group("Phases/2"), "Ti-Hex", 9, 194)


def _oina_phase(group: h5py.Group, name: str, laue: int, space: int) -> None:
    group.create_dataset("Phase Name", data=[[name]], dtype=h5py.string_dtype())
    group["Laue Group"], group["Space Group"] = np.array([[laue]], np.int32), np.array([[space]], np.int32)
    group["Lattice Dimensions"] = np.float32([[3.5, 3.5, 3.5]])
    group["Lattice Angles"] = np.float32([[np.pi / 2] * 3])


def write_edax(path: Path, scans: tuple[str, ...] = ("Scan 1",), phases: int = 1) -> None:
    """As OIM Analysis lays it out: fixed texts, big-endian headers, one value per point."""
    euler, phase = angles(NX, NY), numbers(NX, NY)
    with h5py.File(path, "w") as file:
        file[" Manufacturer"], file[" Version"] = np.bytes_(["EDAX"]), np.bytes_(["OIM Analysis 7.2.1"])
        for name in scans:
            data, header = file.create_group(f"{name}/EBSD/Data"), file.create_group(f"{name}/EBSD/Header")
            for key, values in zip(("Phi1", "Phi", "Phi2"), euler, strict=True):
                data.create_dataset(key, data=values.T.ravel(), chunks=(NX,))
            data["Phase"] = (np.zeros((NX, NY)) if phases == 1 else phase).T.ravel().astype(np.int8)
            data["CI"] = np.linspace(0.1, 0.9, NX * NY, dtype=np.float32)
            data["Valid"] = np.zeros(NX * NY, np.int8)
            x, y = np.meshgrid(STEP_X * np.arange(NX), STEP_Y * np.arange(NY))
            data["X Position"], data["Y Position"] = np.float32(x.ravel()), np.float32(y.ravel())
            header["Grid Type"] = np.bytes_(["SqrGrid"])
            header["nColumns"], header["nRows"] = np.array([NX], ">i4"), np.array([NY], ">i4")
            header["Step X"], header["Step Y"] = np.array([STEP_X], ">f4"), np.array([STEP_Y], ">f4")
            for number, title, symmetry in ((1, "Nickel", 43), (2, "Titanium", 62))[:phases]:
                group = header.create_group(f"Phase/{number}")
                group["MaterialName"], group["Symmetry"] = np.bytes_([title]), np.array([symmetry], ">i4")


def write_dream3d_8(path: Path, nz: int = NZ, names: tuple[str, ...] = ("ImageGeom",), quaternions: bool = False) -> None:
    """As simplnx lays it out: geometry in attributes, arrays (z, y, x, components) in an attribute matrix of its own."""
    euler, phase = angles(NX, NY, nz), numbers(NX, NY, nz)
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["FileVersion"] = np.bytes_("8.0")
        root = file.create_group("DataStructure")
        for k, name in enumerate(names):
            image = _object(root.create_group(name), "ImageGeom", 10 * k + 1)
            image.attrs["_DIMENSIONS"] = np.array([NX, NY, nz], np.uint64)
            image.attrs["_SPACING"], image.attrs["_ORIGIN"] = np.float32([STEP_X, STEP_Y, 1.5]), np.zeros(3, np.float32)
            image.attrs["Cell Data ID"] = np.array([10 * k + 2], np.uint64)
            cells = _object(image.create_group("Cell Data"), "AttributeMatrix", 10 * k + 2)
            cells.attrs["TupleDims"] = np.array([nz, NY, NX], np.uint64)
            orientation = _quaternions(euler) if quaternions else euler
            _array(cells, "Quats" if quaternions else "EulerAngles", orientation, "float32")
            _array(cells, "Phases", phase[None].astype(np.int32), "int32")
            _array(cells, "FeatureIds", np.arange(NX * NY * nz, dtype=np.int32).reshape(1, NX, NY, nz), "int32")
            _array(cells, "IPFColors", np.zeros((3, NX, NY, nz), np.uint8), "uint8")
            ensemble = _object(image.create_group("Cell Ensemble Data"), "AttributeMatrix", 10 * k + 3)
            ensemble.attrs["TupleDims"] = np.array([3], np.uint64)
            ensemble["CrystalStructures"] = np.array([[999], [1], [0]], np.uint32)
            ensemble.create_dataset("MaterialName", data=["Invalid Phase", "Nickel", "Titanium"], dtype=h5py.string_dtype())


def _object(group: h5py.Group, kind: str, ident: int) -> h5py.Group:
    group.attrs["ObjectType"], group.attrs["ObjectId"] = np.bytes_(kind), np.array([ident], np.uint64)
    group.attrs["Importable"] = np.array([1], np.int32)
    return group


def _array(group: h5py.Group, name: str, values: np.ndarray, kind: str) -> None:
    stored = group.create_dataset(name, data=values.T)
    stored.attrs["ObjectType"] = np.bytes_(f"DataArray<{kind}>")
    stored.attrs["ComponentDimensions"] = np.array(values.shape[:1], np.uint64)
    stored.attrs["TupleDimensions"] = np.array(values.shape[:0:-1], np.uint64)


def _quaternions(euler: np.ndarray) -> np.ndarray:
    """Vector part first, by products of the three turns (passive: negative vector parts), not by the library's formula."""
    half = euler.astype(float) / 2
    zero = np.zeros_like(half[0])
    first = np.stack([np.cos(half[0]), zero, zero, -np.sin(half[0])])
    second = np.stack([np.cos(half[1]), -np.sin(half[1]), zero, zero])
    third = np.stack([np.cos(half[2]), zero, zero, -np.sin(half[2])])
    q = _product(third, _product(second, first))
    return q[[1, 2, 3, 0]].astype(np.float32)


def _product(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    vector = p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:], axis=0)
    return np.concatenate([[p[0] * q[0] - (p[1:] * q[1:]).sum(axis=0)], vector])
