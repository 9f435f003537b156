"""Microstructures and fields of results as .vti files, for ParaView and as grids of DAMASK; images of VTK's as microstructures."""

from typing import Any, BinaryIO

import numpy as np

from jaxmicro._core import is_concrete
from jaxmicro.io.crystallites import crystallites
from jaxmicro.io.formats import Format
from jaxmicro.io.image_reader import image_texts, load_vti
from jaxmicro.io.problems import warn_if_blurred
from jaxmicro.io.vtk_image import TYPES, write_image
from jaxmicro.microstructures import Microstructure
from jaxmicro.orientations import to_euler

FIELDS = ("strain", "stress", "energy_density")
TENSOR_NAMES = {3: ("11", "22", "sqrt2*12"), 6: ("11", "22", "33", "sqrt2*23", "sqrt2*13", "sqrt2*12")}
LOADS = {3: ("11", "22", "12"), 6: ("11", "22", "33", "23", "13", "12")}
VECTOR_NAMES = ("x", "y", "z")
QUATERNION_NAMES = ("w", "x", "y", "z")
EULER_NAMES = ("phi1", "Phi", "phi2")


def save_vti(stream: BinaryIO, value: Any) -> None:
    """Write a microstructure, a result with fields, or a tuple of both on one grid, as data of the voxels."""
    parts = value if isinstance(value, tuple) else (value,)
    arrays: dict[str, np.ndarray] = {}
    names: dict[str, tuple[str, ...]] = {}
    texts: dict[str, tuple[str, ...]] = {}
    shape, spacing = (), None
    for part in parts:
        size = _collect_microstructure(part, arrays, names) if isinstance(part, Microstructure) else _collect_fields(part, arrays, names)
        if shape and size != shape:
            raise ValueError(f"A .vti file holds one grid, but the parts have {shape} and {size} voxels. Write one file per grid.")
        shape = size
        if isinstance(part, Microstructure):
            spacing = np.asarray(part.grid.spacing, float)
            texts = image_texts(part)
    if not shape:
        raise ValueError("A .vti file holds a microstructure or a result with fields, but the tuple is empty.")
    write_image(stream, shape, in_space(np.ones(len(shape)) if spacing is None else spacing), arrays, names, texts)


def in_space(spacing: np.ndarray) -> tuple[float, ...]:
    """Edges of a voxel along x, y and z; a map is one voxel thick, as thick as the shorter edge."""
    edges = tuple(float(edge) for edge in spacing)
    return edges if len(edges) == 3 else (*edges, min(edges))


def _collect_microstructure(ms: Microstructure, arrays: dict[str, np.ndarray], names: dict[str, tuple[str, ...]]) -> tuple[int, ...]:
    if not is_concrete(ms):
        raise TypeError("The microstructure is traced, so it has no values to write. Write outside jit, vmap and grad.")
    warn_if_blurred(ms)
    arrays["label"] = np.asarray(ms.labels)
    arrays["material"] = crystallites(ms).index.astype(np.int32)
    if not ms.is_sharp:
        arrays["fraction"] = np.asarray(ms.fractions)
        names["fraction"] = tuple(phase.name for phase in ms.phases)
    if ms.orientation is not None:
        arrays["orientation"] = np.asarray(ms.orientation)
        arrays["euler"] = np.asarray(to_euler(ms.orientation))
        names |= {"orientation": QUATERNION_NAMES, "euler": EULER_NAMES}
    if ms.mask is not None:
        arrays["mask"] = np.asarray(ms.mask)
    for name, values in ms.maps.items():
        _add(arrays, name, np.asarray(values), ms.grid.shape)
    return ms.grid.shape


def _add(arrays: dict[str, np.ndarray], name: str, values: np.ndarray, shape: tuple[int, ...]) -> None:
    """A map under its own name, or under `map …` where that is taken; what has no number type of VTK's is refused."""
    if values.dtype.str[1:] not in TYPES:
        raise TypeError(f"`maps[{name!r}]` holds numbers of type {values.dtype}, which a .vti file cannot hold. Convert it to float.")
    while name in arrays:
        name = f"map {name}"
    arrays[name] = values.reshape(-1, *shape) if values.ndim > len(shape) else values


def _collect_fields(value: Any, arrays: dict[str, np.ndarray], names: dict[str, tuple[str, ...]]) -> tuple[int, ...]:
    """Fields (load, component, *grid) of an effective result, (component, *grid) of others."""
    kind = type(value).__name__
    found = {name: np.asarray(field) for name in FIELDS if (field := getattr(value, name, None)) is not None}
    if not found:
        raise TypeError(
            f"A .vti file holds a Microstructure or a result with fields, but the value is a {kind} without any. "
            "Ask the solve for them with fields=('strain', 'stress'), or write records to .npz."
        )
    if np.ndim(getattr(value, "status", 0)):
        raise ValueError(f"A .vti file holds one sample, but this {kind} holds a batch of {np.size(value.status)}. Write each in turn.")
    loads = hasattr(value, "quantity")  # an effective result has one field per unit load
    vector = getattr(value, "quantity", "") == "conductivity" or hasattr(value, "tortuosity")
    name, field = next(iter(found.items()))
    shape = field.shape[loads + (name != "energy_density") :]
    for name, field in found.items():
        _add_field(name, field if loads else field[None], loads, vector, arrays, names)
    return shape


def _add_field(
    name: str, field: np.ndarray, loads: bool, vector: bool, arrays: dict[str, np.ndarray], names: dict[str, tuple[str, ...]]
) -> None:
    """One array per unit load."""
    titles = VECTOR_NAMES if vector else LOADS[field.shape[0]] if loads else ("",)
    for title, values in zip(titles, field, strict=False):
        full = f"{name} of load {title}" if loads else name
        arrays[full] = values
        if name != "energy_density":
            names[full] = VECTOR_NAMES[: values.shape[0]] if vector else TENSOR_NAMES[values.shape[0]]


VTI = Format("VTK image", (".vti",), load_vti, save_vti, options=("key",))

__all__ = ["VTI", "in_space", "save_vti"]
