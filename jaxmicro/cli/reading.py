"""From options to microstructures and materials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmicro.cli.configs import PictureOptions
from jaxmicro.cli.console import Console
from jaxmicro.cli.problems import UsageError
from jaxmicro.io import read
from jaxmicro.microstructures import Microstructure

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npz", ".npy")


def read_microstructure(path: str, options: PictureOptions, console: Console) -> Microstructure:
    """Read a picture, volume or saved cell, and say what was decided about it.

    Raises:
        ValueError: for a file that cannot be read as phases, with the way out.
    """
    saved = Path(path).suffix.lower() == ".npz" and options.threshold is None and options.phases is None
    found = read(
        path,
        phases=label_keys(options.phases),
        threshold=options.threshold,
        crop=window(options.crop),
        periodic=options.periodic,
        spacing=None if saved and options.spacing == 1.0 else options.spacing,
        max_bytes=options.max_bytes,
    )
    if not isinstance(found, Microstructure):
        raise UsageError(f"`{path}` must hold a microstructure, but it holds a {type(found).__name__}. Pass a picture, a volume or a cell.")
    for line in found.describe().splitlines():
        console.step(f"  {line}")
    return found


def window(crop: tuple[int, ...]) -> tuple[tuple[int, int], ...] | None:
    """`x0 x1 y0 y1 …` as pairs; None where nothing is cropped.

    Example:
        >>> window((0, 64, 32, 96))
        ((0, 64), (32, 96))
    """
    if not crop:
        return None
    if len(crop) not in (4, 6):
        raise UsageError(f"`crop` must be x0 x1 y0 y1 (z0 z1), but it holds {len(crop)} numbers: {crop}.")
    return tuple(zip(crop[::2], crop[1::2], strict=True))


def label_keys(table: Any) -> Any:
    """A table whose keys that read as whole numbers are numbers: configuration files know text keys only.

    Example:
        >>> label_keys({"0": "epoxy", "fibre": "glass fibre"})
        {0: 'epoxy', 'fibre': 'glass fibre'}
    """
    if not isinstance(table, Mapping):
        return table
    return {int(key) if isinstance(key, str) and key.strip().isdigit() else key: value for key, value in table.items()}


def picture_files(paths: tuple[str, ...]) -> list[str]:
    """The pictures that paths name: files as they are, folders by what they hold.

    Raises:
        ValueError: where a folder holds no picture.
    """
    found: list[str] = []
    for path in paths:
        if not Path(path).is_dir():
            found.append(path)
            continue
        inside = sorted(str(each) for each in Path(path).iterdir() if each.suffix.lower() in SUFFIXES)
        if not inside:
            raise UsageError(f"`{path}` must hold pictures ({', '.join(SUFFIXES)}), but it holds none.")
        found += inside
    return found
