"""The front door to volumes that are larger than memory."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check
from jaxmicro.io.arrays import NPY, NPZ
from jaxmicro.io.atomic import as_path, checked_bytes
from jaxmicro.io.ebsd.hdf5_maps import HDF5_MAP
from jaxmicro.io.formats import Format, find_format
from jaxmicro.io.pictures import PICTURES, PNG
from jaxmicro.io.problems import DEFAULT_MAX_BYTES, ReadError, check_size, unreadable
from jaxmicro.io.raw import RAW, RAW_OPTIONS
from jaxmicro.io.slices import SLICES, holds_pictures
from jaxmicro.io.tiff import TIFF
from jaxmicro.io.volume import Volume
from jaxmicro.io.volume_sources import Opening, Source, folder_source, hdf5_source, npy_source, raw_source, tiff_source
from jaxmicro.io.voxel_size import voxel_size
from jaxmicro.io.zipped import ZIP, as_member, data_offset, find_member, unpacked

MOST_UNPACKED = 1 << 36  # 64 GiB
SOURCES: dict[Format, tuple[Callable[..., Source], tuple[str, ...]]] = {
    RAW: (raw_source, RAW_OPTIONS),
    NPY: (npy_source, ("axes",)),
    TIFF: (tiff_source, ("axes",)),
    HDF5_MAP: (hdf5_source, ("dataset", "axes")),
    SLICES: (folder_source, ()),
}
PACKED: dict[Format, tuple[str, ...]] = {NPZ: ("key", "axes"), ZIP: ("member", *RAW_OPTIONS)}


def open_volume(
    path: str | Path,
    *,
    spacing: float | Sequence[float] | None = None,
    unit: str | None = None,
    max_bytes: int = DEFAULT_MAX_BYTES,
    max_unpacked: int = MOST_UNPACKED,
    **options: Any,
) -> Volume:
    """Open a map or volume of any size, to look at it box by box.

    Nothing but headers is read until a box is asked for. Plain numbers (.raw, .npy, uncompressed .tif, members of .npz and .zip that are
    stored as they are) are mapped into memory piece by piece; other TIFF files are decoded page by page, folders of pictures file by
    file, HDF5 by its chunks. A member of an archive that is packed is first unpacked into a temporary file (in TMPDIR), since it
    cannot be entered in the middle; it is removed by `close`.

    Args:
        path: .raw, .bin, .vol, .npy, .npz, .tif, .tiff, .h5, .hdf5, .zip with one of .raw, .npy and .tif, or a folder of pictures.
        spacing: edge length of a voxel, one number or one per axis, as in `read`.
        unit: its unit, as in `read`.
        max_bytes: most bytes that a box, and a page or chunk of the file, may take.
        max_unpacked: most bytes of the disk that a packed member may take.
        **options: as in `read`: `shape`, `dtype`, `axes`, `byteorder` and `offset` for plain numbers; `axes` for arrays, TIFF and HDF5;
            `dataset` for HDF5; `key` for .npz; `member` for .zip.

    Returns:
        A `Volume`: `.shape`, `.dtype`, `.spacing`, `volume[x0:x1, y0:y1, z0:z1]`, `.read(crop)`, `.microstructure(crop, …)`,
        `.blocks(shape, overlap)`, `.values()`; to be used in a `with`, or closed by `.close()`.

    Raises:
        ReadError: naming the file, what was found, and the way out.
        TypeError: if `path` is no path, or an option is not of this format.
        FileNotFoundError: if there is no such file.

    Example:
        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "rock.raw")
        >>> (np.arange(4 * 3 * 2) % 5).astype(np.uint8).tofile(file)
        >>> with open_volume(file, shape=(4, 3, 2)) as volume:
        ...     volume[1, :, 0].tolist(), [block.core[2] for block in volume.blocks((None, None, 1))]
        ([1, 0, 4], [(0, 1), (1, 2)])

    Nothing here is differentiable.
    """
    path = as_path(path)
    if not path.exists():
        raise FileNotFoundError(f"`{path}` does not exist.")
    most, chosen = checked_bytes("max_bytes", max_bytes), _format(path)
    for name in options:
        known = SOURCES[chosen][1] if chosen in SOURCES else PACKED[chosen]
        listed = ", ".join(known) or "none"
        check(name in known, f"`{name}` is no option of a {chosen.name} that is opened: it has {listed}.", TypeError)
    with contextlib.ExitStack() as stack:
        source = _source(path, chosen, stack, most, checked_bytes("max_unpacked", max_unpacked), options)
        if len(source.shape) not in (2, 3) or min(source.shape) < 2:
            raise unreadable(path, f"holds {source.shape} voxels", "A map needs 2 or 3 axes of at least two voxels each.")
        if source.about.palette is not None and not _plain(source.about.palette):
            raise unreadable(path, "holds pictures with a palette", "Save their values as grey, or read them whole.")
        size = voxel_size(path, source.about, len(source.shape), spacing, unit)
        notes = (*source.about.notes, *source.about.oddities, *size.notes)
        source = dataclasses.replace(source, about=dataclasses.replace(source.about, palette=None))
        return Volume(path, source.shape, source.dtype, size.edges, size.unit, notes, source, stack.pop_all().close, most)


def _format(path: Path) -> Format:
    if path.is_dir():
        if not holds_pictures(path):
            raise unreadable(
                path, "is a folder without pictures, or one of orientation maps", "Slices of EBSD maps are read whole, by read."
            )
        return SLICES
    if path.suffix.lower() in (*PNG.extensions, *PICTURES.extensions):
        raise unreadable(path, "is a single picture", "Read it whole, by read, or name a folder of pictures.")
    return find_format(path, (*(each for each in SOURCES if each.extensions), *PACKED), ReadError)


def _source(path: Path, chosen: Format, stack: contextlib.ExitStack, most: int, unpack: int, options: dict[str, Any]) -> Source:
    if chosen in SOURCES:
        return SOURCES[chosen][0](Opening(path, stack, most, options))
    options = dict(options)
    if chosen is NPZ:
        key = options.pop("key", None)
        member = find_member(path, None if key is None else f"{key}.npy", (NPY,))
    else:
        member = find_member(path, options.pop("member", None), (RAW, NPY, TIFF))
    opener, known = SOURCES[member.format]
    for name in options:
        listed = ", ".join(known)
        check(name in known, f"`{name}` is no option of a {member.format.name}, which {member.name!r} is: it has {listed}.", TypeError)
    if member.stored and member.format is not TIFF:
        return opener(Opening(path, stack, most, options, (data_offset(path, member), member.size)))
    check_size(path, member.size, unpack, f"{member.name!r} packed, which is unpacked into a temporary file")
    file = stack.enter_context(unpacked(path, member))
    with as_member(path, member, file):
        return opener(Opening(file, stack, most, options))


def _plain(palette: np.ndarray) -> bool:
    """Whether a palette changes nothing: greys, each its own index."""
    return bool((palette == np.arange(len(palette))[:, None]).all())
