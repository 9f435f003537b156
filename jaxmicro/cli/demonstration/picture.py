"""A person's picture as two phases at a scale that fits the codec."""

import numpy as np

from jaxmicro.cli.configs import PictureOptions
from jaxmicro.cli.console import Console
from jaxmicro.cli.problems import UsageError
from jaxmicro.cli.reading import reading_arguments
from jaxmicro.io import ReadError, read
from jaxmicro.microstructures import Microstructure, crop, downsample, sharpen

FEATURE = 7.0  # voxels of a mean chord of the rarer phase at which 64 voxels hold several features
SIZES = (64, 48, 32)  # of a cell, the largest that the picture has room for
ROOM = 1.5  # least size of a picture, in cells


def read_picture(path: str, options: PictureOptions, console: Console) -> Microstructure:
    """Read a picture as labels; grey levels are cut by Otsu's method where nothing else is asked for.

    Raises:
        ValueError: for a file that is no 2D picture of at least two phases.
    """
    arguments = reading_arguments(path, options)
    try:
        found = read(path, threshold=options.threshold, **arguments)
    except ReadError:
        if options.threshold is not None or options.phases is not None:
            raise
        found = _by_otsu(path, arguments, console)
    if not isinstance(found, Microstructure):
        raise UsageError(f"`image` must be a picture, but {path} holds a {type(found).__name__}.")
    if found.grid.ndim != 2:
        raise UsageError(
            f"`image` must be a 2D picture for the demo, but {path} is a volume. Use `jaxmicro homogenize` and `jaxmicro train` for it."
        )
    for line in found.describe().splitlines():
        console.step(f"  {line}")
    return found


def _by_otsu(path: str, arguments: dict, console: Console) -> Microstructure:
    """Try again with Otsu's method; the first complaint stands where that fails too."""
    try:
        found = read(path, threshold="otsu", **arguments)
    except ReadError as error:
        first = error
    else:
        console.warning(
            "The picture holds grey levels: they were cut into two phases by Otsu's method. Pass --threshold or --phases to decide."
        )
        return found
    raise first


def two_phases(ms: Microstructure, keep_order: bool, console: Console) -> Microstructure:
    """Labels of two phases: the most abundant first, unless the order was given; rarer ones join the most abundant."""
    labels = np.asarray(ms.labels)
    shares = np.bincount(labels.ravel(), minlength=ms.n_phases)
    order = np.argsort(-shares, kind="stable")
    if ms.n_phases == 2 and keep_order:
        return sharpen(ms)
    first, second = (int(place) for place in order[:2])
    names = [phase.name for phase in ms.phases]
    if ms.n_phases > 2:
        rest = ", ".join(f"{names[place]} ({100 * shares[place] / labels.size:.1f} %)" for place in order[2:])
        console.warning(
            f"The demo works on two phases: {rest} joined {names[first]}. Merge phases yourself with --phases '{{value: name, …}}'."
        )
    chosen = (labels == second).astype(np.int32)
    return ms.replace(labels=chosen, phases=(ms.phases[first], ms.phases[second]))


def mean_chord(ms: Microstructure) -> float:
    """Mean length of runs of the rarer phase along the axes, in voxels."""
    rare = np.asarray(ms.labels) == int(np.argmin(np.bincount(np.asarray(ms.labels).ravel(), minlength=2)))
    runs = sum(int((lines[1:] & ~lines[:-1]).sum() + lines[0].sum()) for lines in (rare, rare.T))
    return 2 * float(rare.sum()) / max(runs, 1)


def fit_scale(ms: Microstructure, console: Console) -> tuple[Microstructure, int]:
    """The picture coarsened so that a cell holds several features, and the size of that cell.

    Raises:
        ValueError: for a picture too small to cut different cells from it.
    """
    chord, shortest = mean_chord(ms), min(ms.grid.shape)
    factor = max(1, min(round(chord / FEATURE), shortest // int(ROOM * SIZES[0])))
    if factor > 1:
        whole = crop(ms, [(0, n - n % factor) for n in ms.grid.shape])
        ms = sharpen(downsample(whole, factor))
        console.step(f"  mean chord of the rarer phase {chord:.1f} voxels: blocks of {factor} x {factor} voxels merged")
    size = next((each for each in SIZES if min(ms.grid.shape) >= ROOM * each), None)
    if size is None:
        least = int(ROOM * SIZES[-1])
        raise UsageError(
            f"`image` must have at least {least} x {least} voxels to cut different cells from it, but it has {' x '.join(map(str, ms.grid.shape))}."
        )
    return ms, size
