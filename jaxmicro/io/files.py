"""The front doors: read a file, write a value."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check, nearest_name
from jaxmicro.fields import Grid
from jaxmicro.io.arrays import NPY, NPZ
from jaxmicro.io.atomic import as_path, checked_bytes, write_atomically
from jaxmicro.io.ebsd.ang import ANG
from jaxmicro.io.ebsd.cpr import CPR
from jaxmicro.io.ebsd.ctf import CTF
from jaxmicro.io.ebsd.hdf5_maps import DREAM3D, H5OINA, HDF5_MAP
from jaxmicro.io.ebsd.stack import STACK
from jaxmicro.io.formats import Format, Raster, find_format
from jaxmicro.io.pictures import PICTURES, PNG
from jaxmicro.io.problems import DEFAULT_MAX_BYTES, DataWarning, ReadError, unreadable
from jaxmicro.io.raw import RAW
from jaxmicro.io.segmentation import Segmented, segment
from jaxmicro.io.slices import SLICES, holds_pictures
from jaxmicro.io.tiff import TIFF
from jaxmicro.io.voxel_size import voxel_size
from jaxmicro.io.vti import VTI
from jaxmicro.io.zipped import ZIP
from jaxmicro.microstructures import Microstructure, make_periodic
from jaxmicro.microstructures import crop as crop_microstructure

ALIKE = 0.8  # file names less alike than this are other files, not misspelt ones
FORMATS: tuple[Format, ...] = (PNG, PICTURES, TIFF, NPZ, NPY, RAW, VTI, ZIP, ANG, CTF, CPR, HDF5_MAP, H5OINA, DREAM3D)
STACK_OPTIONS = STACK.options  # of a folder of slices


def read(
    path: str | Path,
    *,
    phases: Any = None,
    threshold: float | Sequence[float] | str | None = None,
    crop: Sequence[Sequence[int]] | None = None,
    periodic: str = "as_is",
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    smooth: Sequence[Any] | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    **options: Any,
) -> Any:
    """Read a picture, a volume, an array or an EBSD map as a `Microstructure`, or a saved record as it was.

    Pictures and stacks have rows along y (downwards), columns along x and pages along z; they are transposed so that
    array axis 0 is x. Arrays of .npz, .npy and HDF5 files are taken as they are, unless `axes="yx"` or `"zyx"`. Plain numbers
    (.raw) need `shape=(nx, ny, nz)`. A .zip is read as the one readable file in it.

    Values become phases as follows: few distinct values (at most 16) are labels in ascending order, but never in a JPEG,
    whose values are only near to what they were; a mapping of grey value or colour to name says it exactly (values of
    one name are merged); grey levels are cut at `threshold`, or by Otsu's method where only a number of phases is given. Labels are
    0 … p−1 whatever the values were; the names of the phases tell the values.

    EBSD maps bring phases with Laue groups, unit quaternions, a mask (True where indexed), maps of quality and lengths in
    µm. Rows are sorted by position; a file that is cut, no grid, or contradicts itself is refused. `frame="raw"` leaves
    positions and Euler angles as they are in the file, where those of most vendors do not share one frame.

    Args:
        path: .png, .jpg, .bmp, .tif, .tiff, .npz, .npy, .raw, .bin, .vol, .vti or a .zip with one of these; .ang, .ctf, .cpr or .crc (with the other one beside it), .h5,
            .hdf5 (EDAX's, Oxford's or DREAM.3D's by their contents, or any array of numbers), .h5oina, .dream3d; or a folder of .ang or
            .ctf slices, or else of pictures, in the order of the numbers in their names (whole numbers; an order that decimal numbers
            leave open is refused).
        phases: a number of phases, names in ascending order of the values, or a mapping `{value: name}` or
            `{(r, g, b): name}`, where the key None stands for all others.
        threshold: one number or ascending numbers (a phase holds its threshold and what is above), "otsu", or a method of scikit-image
            (extra `images`): "isodata", "li", "mean", "minimum", "triangle", "yen" for two phases, "multiotsu".
        crop: `((x0, x1), (y0, y1))` in voxels, first and one past the last; phases are decided on the whole file.
        periodic: "as_is", "mirror" or "blend"; see `microstructures.make_periodic`. The effect is in the notes.
        spacing: edge length of a voxel, one number or one per axis; by default what the file says without doubt (ImageJ's, OME's and
            VTK's voxel sizes; printers' dots per inch do not count), else 1. For a folder of EBSD slices, their distance in µm.
        unit: unit of `spacing`, "um", "nm", "mm" or "m", which is noted so that pictures carry a scale bar (`noted_unit`); without
            `spacing`, lengths that the file says are converted to it. EBSD maps are in µm.
        smooth: a filter for grey values before they are cut, ("median", radius) or ("gaussian", standard deviation), in voxels.
        max_bytes: most bytes that the file may take once decoded, checked from its header.
        **options: of the format: `key` (array name) for .npz and .vti; `member` (file name) for .zip; `dataset` (its path) for HDF5;
            `shape` (nx, ny, nz), `dtype`, `axes` (order in the file, slowest first, "zyx"), `byteorder` ("little", "big") and
            `offset` (bytes of a header) for plain numbers; `axes` for .npz and .npy ("xyz" as they are, "zyx" or
            "yx" where the last one is x; "xyz" and "zyx" also say that the last axis holds no colours); `channel` for
            .tif, and `axes` where its own are wrong or missing (one letter of x, y, z, c for channels and s for colours
            per stored axis, such as "zyx"). For EBSD maps: `frame` ("raw", "edax" or "oxford": positions and angles put into
            one frame as that vendor's files need it; "oxford" turns positions by 180° about y as DREAM.3D does, where MTEX turns them
            about x: `turn(ms, 2).replace(orientation=ms.orientation[:, ::-1, ::-1])` gives that), `crystal_x` ("a" or "a*", what the file's crystal x axis is along in
            hexagonal and trigonal phases), `min_ci`, `max_mad` and `phase` (names to keep) as filters, `unindexed` ("keep"
            or "nearest": orientation of the nearest good point), `resample="nearest"` for hexagonal grids, `degrees` where
            the unit of the angles is not that of the format, `align="translation"` for slices, and
            `scan` (a name) for HDF5 files that hold several scans.

    Returns:
        A `Microstructure`; for a .npz that `write` made, what was written.

    Raises:
        ReadError: naming the file, what was found, and the way out.
        TypeError: if `path` is no path, or an option is not of this format.
        FileNotFoundError: if there is no such file.

    Warns:
        DataWarning: for each oddity of the file that was resolved.

    Example:
        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "cell.png")
        >>> write(file, Microstructure(labels=[[0, 0, 1], [0, 1, 1]]))
        >>> read(file, phases={0: "matrix", 255: "fibre"}).volume_fractions.tolist()
        [0.5, 0.5]

    Nothing here is differentiable.
    """
    path = as_path(path)
    if not path.exists():
        near = nearest_name(path.name, [entry.name for entry in path.parent.iterdir()], ALIKE) if path.parent.is_dir() else None
        raise FileNotFoundError(f"`{path}` does not exist." + (f" Did you mean {near!r}?" if near else ""))
    if not path.is_file() and not path.is_dir():
        raise unreadable(path, "is neither a file nor a folder", "Name one file, or a folder of slices.")
    chosen = _format_of(path)
    for name in options:
        known = ", ".join(chosen.options) or "none"
        check(name in chosen.options, f"`{name}` is no option of a {chosen.name}: it has {known}.", TypeError)
    if chosen is STACK:
        options, spacing = options | {"spacing": spacing}, None
    loaded = chosen.load(path, checked_bytes("max_bytes", max_bytes), **options)  # pyright: ignore[reportOptionalCall]
    if isinstance(loaded, Raster):
        found = segment(path, _checked_extent(path, loaded), phases, threshold, smooth)
        return _to_microstructure(path, loaded, found, crop, periodic, spacing, unit)
    given = {"phases": phases, "threshold": threshold, "spacing": spacing, "unit": unit, "smooth": smooth}
    if any(value is not None for value in given.values()):
        way_out = "Leave `phases`, `threshold` and `spacing` out."
        if unit is not None or smooth is not None:
            way_out = "Leave `phases`, `threshold`, `spacing`, `unit` and `smooth` out."
        if "phase" in chosen.options:
            way_out += " Pass phase= to keep only some of its phases; its lengths are those of the file."
        raise unreadable(path, f"holds a whole {type(loaded).__name__}", way_out)
    if crop is None and periodic == "as_is":
        return loaded
    if not isinstance(loaded, Microstructure):
        raise unreadable(path, f"holds a {type(loaded).__name__}, which has no voxels to treat", "Leave `crop` and `periodic` out.")
    return make_periodic(loaded if crop is None else _cropped(path, loaded, crop), periodic)


def write(path: str | Path, value: Any) -> None:
    """Write a microstructure or any record of this library; the file is there whole or not at all.

    The file is written beside `path` and moved onto it: a file of that name is replaced even where it is read-only, and a symbolic
    link is replaced by the file, not followed.

    - .npz holds everything: microstructures with phases, orientations, masks, maps and lengths, and every `@record`
      (results of solves); `read` gives it back exactly, and `numpy.load` shows its arrays.
    - .png holds a 2D microstructure as grey levels: labels spread over 0 … 255, or the fraction of the second of two
      phases. .tif holds labels, in 3D as a stack with pages along z. Both keep the names of the phases, so that labels
      come back as they were, and lose all else.
    - .vti is for ParaView and DAMASK: labels, crystals (`material`), quaternions, Bunge angles in radians, mask and maps of a
      microstructure, or the fields of a result (components in Mandel notation, voxels of unit length), or a tuple of both.
      A map is one voxel thick. For the input of DAMASK with its list of materials see `write_damask`.
    - .ctf and .ang hold a map with orientations, .dream3d a map or a volume, in the frame of the microstructure: reading with
      `frame="raw"` gives phases, orientations, mask and lengths back. .dream3d keeps all scalar maps; .ctf has columns for `bands`,
      `error`, `mad`, `bc` and `bs` (whole numbers but for `mad`), .ang for `iq`, `ci`, `sem` and `fit`. A column without a map is filled
      for the sake of other software (0, but 1 for `ci`, so that filters there pass everything), and `read` leaves it out again.
      Lattice constants are not known and are written as 1 Å.

    Args:
        path: .npz, .png, .tif, .tiff, .vti, .ctf, .ang or .dream3d, in a folder that exists; a file of that name is replaced.
        value: a `Microstructure` or a record.

    Raises:
        ValueError: if the extension is not supported, or the value does not fit the format.
        TypeError: if the value, or something in it, cannot be written.
        FileNotFoundError: if the folder does not exist.

    Warns:
        DataWarning: where phase fractions were sharpened because the format holds labels, and where .ctf, .ang or .dream3d has no
            place for a map or for some of its values.

    Example:
        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "cell.npz")
        >>> write(file, Microstructure(labels=[[0, 0], [0, 1]], phases=("matrix", "fibre")))
        >>> read(file).phases[1].name
        'fibre'

    Nothing here is differentiable.
    """
    path = as_path(path)
    writable = tuple(candidate for candidate in FORMATS if candidate.save is not None)
    save = find_format(path, writable, ValueError).save
    if save is not None:
        write_atomically(path, lambda stream: save(stream, value))


def _format_of(path: Path) -> Format:
    if path.is_dir():
        return SLICES if holds_pictures(path) else STACK
    return find_format(path, tuple(candidate for candidate in FORMATS if candidate.load is not None), ReadError)


def _to_microstructure(
    path: Path, raster: Raster, found: Segmented, crop: Any, periodic: str, spacing: float | Sequence[float] | None, unit: str | None
) -> Microstructure:
    """Give lengths, cut, treat, and say in notes and warnings what was decided."""
    oddities = (*raster.oddities, *found.oddities)
    for line in oddities:
        warnings.warn(f"`{path}`: {line}", DataWarning, stacklevel=3)
    shape = found.labels.shape
    voxel = voxel_size(path, raster, len(shape), spacing, unit)
    ms = Microstructure(
        grid=Grid(shape, None if voxel.edges is None else np.asarray(voxel.edges) * np.asarray(shape)),
        labels=found.labels,
        phases=found.phases,
        provenance=f"read from {path.name}",
        notes=[*raster.notes, *found.notes, *oddities, *voxel.notes],
    )
    if crop is not None:
        ms = _cropped(path, ms, crop)
        _check_cut(path, ms, crop)
    return make_periodic(ms, periodic)


def _checked_extent(path: Path, raster: Raster) -> Raster:
    shape = raster.values.shape[: raster.values.ndim - raster.colour]
    if len(shape) not in (2, 3) or min(shape) < 2:
        raise unreadable(path, f"holds {' x '.join(map(str, shape))} voxels", "A map needs 2 or 3 axes of at least two voxels each.")
    return raster


def _cropped(path: Path, ms: Microstructure, crop: Any) -> Microstructure:
    """A piece of what was read; one that does not fit is an error of this file."""
    try:
        return crop_microstructure(ms, crop)
    except ValueError as error:
        raise ReadError(f"`{path}` holds {' × '.join(map(str, ms.grid.shape))} voxels and cannot be cropped so: {error}") from error


def _check_cut(path: Path, ms: Microstructure, crop: Any) -> None:
    present = np.unique(np.asarray(ms.labels))
    if present.size == 1:
        raise unreadable(
            path, f"holds only phase {ms.phases[int(present[0])].name!r} in the crop {crop}", "Choose another or a larger crop."
        )
