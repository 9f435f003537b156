"""Training images from a folder of the user's files."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.datasets.crops import crops
from jaxmicro.datasets.image_set import ImageSet, stacked
from jaxmicro.io import FORMATS, read
from jaxmicro.microstructures import Microstructure


def from_folder(
    path: str | PathLike, size: int | tuple[int, ...] | None = None, n: int | None = None, *, key: Array | None = None, **reading: Any
) -> ImageSet:
    """Read every picture, volume and array of a folder, and cut random windows from them.

    Args:
        path: the folder; files are taken in the order of their names, those of other kinds are passed over.
        size: voxels of a window; None takes the files whole (they must share one shape).
        n: number of windows; needed with `size`.
        key: typed random key; needed with `size`.
        **reading: of `jaxmicro.io.read`, such as `phases=2`, `threshold=128`, `periodic="mirror"`.

    Returns:
        The dataset, `sources` being positions in the sorted list of files. It counts as periodic only where files are
        taken whole and made so by `periodic="mirror"` or `"blend"`.

    Raises:
        FileNotFoundError: where there is no such folder, or no file of a known kind in it.
        ReadError: for a file that cannot be read.
        ValueError: where files or sizes do not fit together.

    Example:
        >>> import tempfile
        >>> from jaxmicro.io import write
        >>> folder = tempfile.mkdtemp()
        >>> write(f"{folder}/a.npz", Microstructure(labels=[[0, 1], [1, 1]]))
        >>> from_folder(folder).images.shape
        (1, 2, 2, 2)

    Not differentiable: it reads files.
    """
    maps = [_read(file, reading) for file in _files(Path(path))]
    where = f"folder {Path(path).name} ({len(maps)} files)"
    if size is None:
        check(n is None, "`n` must be left out where files are taken whole (`size` is None), but it is given. Pass `size` to cut crops.")
        return ImageSet(
            images=stacked(maps),
            origins=np.zeros((len(maps), maps[0].grid.ndim), int),
            sources=np.arange(len(maps)),
            phases=tuple(phase.name for phase in maps[0].phases),
            periodic=reading.get("periodic", "as_is") != "as_is",
            description=where,
        )
    check(
        n is not None and key is not None,
        "`n` and `key` must be given with `size`, but one of them is missing. Pass n=1000, key=jax.random.key(0).",
    )
    return crops(maps, size, n, key=key, description=f"{n} random crops from {where}")  # pyright: ignore[reportArgumentType]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(f"`path` must be a folder, but {str(folder)!r} is none. Pass the folder that holds your pictures.")
    endings = {ending.lower() for kind in FORMATS for ending in kind.extensions}
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix.lower() in endings)
    if not files:
        raise FileNotFoundError(f"`path` must hold files of a known kind ({', '.join(sorted(endings))}), but {str(folder)!r} holds none.")
    return files


def _read(file: Path, reading: dict[str, Any]) -> Microstructure:
    found = read(file, **reading)
    check(
        isinstance(found, Microstructure),
        f"`{file.name}` must hold a microstructure, but it holds a {type(found).__name__}. Move it out of the folder.",
    )
    return found
