"""From options to microstructures."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxmicro.cli.config_files import REST
from jaxmicro.cli.configs import PictureOptions
from jaxmicro.cli.console import Console
from jaxmicro.cli.crystal_checks import measured, told
from jaxmicro.cli.crystal_seams import made_periodic
from jaxmicro.cli.problems import UsageError
from jaxmicro.io import FORMATS, STACK_OPTIONS, read, read_euler_map
from jaxmicro.microstructures import Microstructure, crop, make_periodic

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npz", ".npy")
OF_PLAIN_NUMBERS = ("shape", "dtype", "byteorder", "offset", "member", "dataset")
OF_ONE_FORMAT = (
    "key",
    "channel",
    "axes",
    *OF_PLAIN_NUMBERS,
    "frame",
    "crystal_x",
    "min_ci",
    "max_mad",
    "unindexed",
    "resample",
    "align",
    "scan",
)
TELL_LENGTHS = (".tif", ".tiff", ".vti", ".zip", ".h5", ".hdf5")  # formats that may say a voxel size themselves
OF_MAPS = "frame"  # the option that marks the formats of orientation maps, which bring their own lengths and phases
EULER_ADVICE = "read the measured file instead"  # how the library advises where a picture is in colour
ALIKE = 0.6  # least likeness of two stems, 1 for equal ones, at which one is taken for a misspelling of the other


def read_microstructure(path: str, options: PictureOptions, console: Console, *, tell: bool = True, cell: bool = False) -> Microstructure:
    """Read a picture, volume, map or saved cell, and say what was decided about it unless the caller does.

    As a `cell` that is to be solved, crystals at opposite edges are compared, before and after their treatment.

    Raises:
        ValueError: for a file that cannot be read as phases, with the way out.
    """
    late = cell and _may_hold_crystals(path, options)
    try:
        found = _read(path, options, "as_is" if late else options.periodic)
        found = _treated(found, options.periodic, console) if late and isinstance(found, Microstructure) else found
    except UsageError:
        raise
    except ValueError as error:
        raise UsageError(_as_typed(str(error), options)) from error
    if not isinstance(found, Microstructure):
        raise UsageError(f"`{path}` must hold a microstructure, but it holds a {type(found).__name__}. Pass a picture, a volume or a cell.")
    for line in told(found).splitlines() if tell else ():
        console.step(f"  {line}")
    return found


def _read(path: str, options: PictureOptions, periodic: str) -> Any:
    if getattr(options, "euler_colors", ""):
        return _read_euler_picture(path, options, periodic)
    arguments = reading_arguments(path, options)
    if options.spacing == 1.0 and (_may_hold_crystals(path, options) or Path(path).suffix.lower() in TELL_LENGTHS):
        arguments["spacing"] = None
    return read(path, threshold=options.threshold, periodic=periodic, **arguments)


def _may_hold_crystals(path: str, options: PictureOptions) -> bool:
    """Whether a path is read as an orientation map or a saved cell, which bring their own lengths and perhaps orientations."""
    saved = Path(path).suffix.lower() in (".npz", ".vti") and options.threshold is None and options.phases is None and not options.key
    return saved or (is_orientation_map(path) and not options.dataset) or bool(getattr(options, "euler_colors", ""))


def _treated(ms: Microstructure, periodic: str, console: Console) -> Microstructure:
    """The edges made periodic, with a note on the effect, and a warning where crystals across the seam do not fit."""
    if ms.orientation is None or not measured(ms).any():
        return ms if periodic == "as_is" else make_periodic(ms, periodic)
    treated, seams = made_periodic(ms, periodic)
    if not seams.fits:
        way_out = "--periodic mirror or blend treat them" if periodic == "as_is" else "compare with another treatment"
        console.warning(
            f"Crystals at opposite edges do not fit: {seams}. The solve sees boundaries there that the material has not; {way_out}."
        )
    return treated


def _read_euler_picture(path: str, options: Any, periodic: str) -> Microstructure:
    """A picture whose colours are Euler angles of crystals of one Laue group."""
    _check_exists(Path(path))
    for name in ("threshold", *OF_ONE_FORMAT):
        if getattr(options, name, None) not in (None, "", ()):
            raise UsageError(f"`{name}` must be left out for a picture of Euler colours, but it is {getattr(options, name)!r}.")
    names = options.phases if isinstance(options.phases, (list, tuple)) else [] if options.phases is None else None
    if names is None or len(names) > 1 or not all(isinstance(name, str) for name in names):
        raise UsageError(f"`phases` must name the one phase of a picture of Euler colours, '[Ni]', but it is {options.phases!r}.")
    named = {"name": names[0]} if names else {}
    ms = read_euler_map(path, laue=options.euler_colors, spacing=options.spacing, max_bytes=options.max_bytes, **named)
    part = window(options.crop)
    ms = ms if part is None else crop(ms, part)
    return ms if periodic == "as_is" else make_periodic(ms, periodic)


def _as_typed(message: str, options: PictureOptions) -> str:
    """A message of the library in the words of the command line."""
    message = re.sub(r"\bPass max_bytes=(\d+)", r"Pass --max-bytes \1", message)
    message = message.replace("A window must lie", "`crop` must lie").replace("shape=(nx, ny, nz)", "--shape NX NY NZ")
    message = re.sub(r"\bdtype='(\w+)'", r"--dtype \1", message)
    message = re.sub(r"\bshape=\(([\d, ]+)\)", lambda found: f"--shape {found[1].replace(',', '')}", message)
    message = re.sub(r"\b(dataset|member)='", r"--\1 '", message)
    message = re.sub(r"\b(dataset|member)=(?=[.,])", r"--\1", message)
    if EULER_ADVICE in message and hasattr(options, "euler_colors"):
        message = message.replace(
            EULER_ADVICE, f"{EULER_ADVICE}, or pass --euler-colors m-3m (the Laue group) where its colours are Euler angles"
        )
    return message


def reading_arguments(path: str, options: PictureOptions) -> dict[str, Any]:
    """What `jaxmicro.io.read` is asked for, all but threshold and treatment of the edges.

    Raises:
        ValueError: for a file that does not exist, or an option that does not belong to its format.
    """
    _check_exists(Path(path))
    suffix = Path(path).suffix.lower()
    given = {name: getattr(options, name) for name in OF_ONE_FORMAT if getattr(options, name, None) not in (None, "", ())}
    for name in given:
        endings = [ending for each in FORMATS if name in each.options for ending in each.extensions]
        if suffix not in endings and not (Path(path).is_dir() and name in STACK_OPTIONS):
            raise UsageError(f"`{name}` must be left out for {path}: it belongs to {', '.join(endings)} files.")
    return {
        "phases": phase_keys(options.phases),
        "crop": window(options.crop),
        "spacing": options.spacing,
        "max_bytes": options.max_bytes,
        **given,
    }


def is_orientation_map(path: str) -> bool:
    """Whether a path is read as an orientation map: a file of such a format, or a folder of slices.

    Example:
        >>> is_orientation_map("map.ctf"), is_orientation_map("map.png")
        (True, False)
    """
    suffix = Path(path).suffix.lower()
    return Path(path).is_dir() or any(suffix in each.extensions for each in FORMATS if OF_MAPS in each.options)


def _check_exists(path: Path) -> None:
    """A hint names a file only where the names are alike without their common ending."""
    if path.exists():
        return
    beside = {each.stem.lower(): each.name for each in path.parent.iterdir()} if path.parent.is_dir() else {}
    near = difflib.get_close_matches(path.stem.lower(), beside, n=1, cutoff=ALIKE)
    raise UsageError(f"`{path}` does not exist." + (f" Did you mean {beside[near[0]]!r}?" if near else ""))


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


def phase_keys(phases: Any) -> Any:
    """Phases as `jaxmicro.io.read` takes them: the keys of a table are grey values, colours, or None for all others.

    Raises:
        ValueError: for a key that is none of these, or a name that is no text.

    Example:
        >>> phase_keys({"0": "matrix", "255, 0, 0": "fibre", "rest": "void"})
        {0: 'matrix', (255, 0, 0): 'fibre', None: 'void'}
    """
    if not isinstance(phases, Mapping):
        return phases
    wrong = [name for name in phases.values() if not isinstance(name, str)]
    if wrong:
        raise UsageError(
            f"`phases` must give every value a name, but it has {wrong[0]!r} among its names. "
            "Write '{0: matrix, 255: fibre}', or colours in quotes: '{\"255,0,0\": fibre, rest: matrix}'."
        )
    return {_phase_key(key): name for key, name in phases.items()}


def _phase_key(key: Any) -> Any:
    if not isinstance(key, str):
        return key
    text = key.strip().removeprefix("(").removesuffix(")")
    if text.lower() in (REST, "none", "null"):
        return None
    try:
        numbers = tuple(int(float(part)) if float(part).is_integer() else float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) not in (1, 3):
        raise UsageError(
            f'`phases` must name grey values or colours, but it has the key {key!r}. Write 128, "255,0,0", or rest for all others.'
        )
    return numbers[0] if len(numbers) == 1 else numbers


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
