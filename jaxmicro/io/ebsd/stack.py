"""A folder of .ang or .ctf slices as one volume."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxmicro._core import check, check_choice
from jaxmicro.io.ebsd.align import align_slices
from jaxmicro.io.ebsd.ang import read_ang
from jaxmicro.io.ebsd.build import OPTIONS, scan_to_microstructure
from jaxmicro.io.ebsd.ctf import read_ctf
from jaxmicro.io.ebsd.promise import extent
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.io.ebsd.slice_order import gaps, in_order, order_line
from jaxmicro.io.formats import Format
from jaxmicro.io.problems import check_size, unreadable
from jaxmicro.microstructures import Microstructure

READERS: dict[str, Callable[..., Scan]] = {".ang": read_ang, ".ctf": read_ctf}
ALIGNMENTS = ("translation",)
OFF_ORIGIN = 0.25  # of a step by which slices may begin elsewhere
SAME_STEP = 1e-3  # share by which steps of slices may differ: rounded positions


def load_stack(
    path: Path,
    max_bytes: int,
    spacing: Any = None,
    align: str | None = None,
    resample: str | None = None,
    degrees: bool | None = None,
    **options: Any,
) -> Microstructure:
    """Read a folder of slices.

    Args:
        path: the folder; its .ang or .ctf files are the slices, in the order of the numbers in their names.
        max_bytes: most bytes that the volume may take.
        spacing: distance of neighbouring slices in µm.
        align: "translation" moves each slice by whole points onto the one before it and cuts to the common window.
        resample: as for one slice.
        degrees: as for one slice.
        **options: those of `scan_to_microstructure`.

    Raises:
        ReadError: if slices are missing, cannot be read, or differ in shape, step or phases.
        ValueError: if the spacing is no positive number.
    """
    files = slices_in(path)
    real = isinstance(spacing, int | float | np.number) and not isinstance(spacing, bool) and 0 < spacing < np.inf
    check(
        bool(real), f"`spacing` must be the distance of the slices in µm for a folder of slices, but it is {spacing!r}. Write spacing=0.5."
    )
    if align is not None:
        check_choice("align", align, ALIGNMENTS)
    scans = _read_all(path, files, max_bytes, resample, degrees)
    notes = [
        f"volume of {len(files)} slices {float(spacing):g} µm apart along z, from {files[0].name} to {files[-1].name}",
        f"order of the slices: {order_line(files)}",
    ]
    oddities = gaps(files)
    if align is None:
        oddities += _different_origins(files, scans)
    else:
        scans, lines, odd = _aligned(path, files, scans)
        notes += lines
        oddities += odd
    return scan_to_microstructure(path, _volume(scans, float(spacing), notes, oddities), **options)


def slices_in(path: Path) -> list[Path]:
    """The .ang or .ctf files of a folder in the order of the numbers in their names."""
    entries = [entry for entry in path.iterdir() if entry.suffix.lower() in READERS and not entry.name.startswith(".") and entry.is_file()]
    kinds = sorted({entry.suffix.lower() for entry in entries})
    if len(kinds) > 1:
        raise unreadable(path, f"holds both {' and '.join(kinds)} files", "Keep the slices of one volume in a folder of their own.")
    if len(entries) < 2:
        raise unreadable(
            path,
            f"is a folder with {len(entries)} .ang or .ctf files, and a volume has at least two slices",
            "Name one file, or a folder of slices.",
        )
    return in_order(path, entries)


def _read_all(path: Path, files: list[Path], max_bytes: int, resample: str | None, degrees: bool | None) -> list[Scan]:
    """All slices, each of which is refused where it does not fit the first one."""
    read = READERS[files[0].suffix.lower()]
    scans: list[Scan] = []
    for file in files:
        scan = read(file, max_bytes, resample, degrees)
        if not scans:
            size = (scan.euler.nbytes + scan.phase.nbytes + sum(values.nbytes for values in scan.maps.values())) * len(files)
            check_size(path, size, max_bytes, f"{len(files)} slices of {extent(scan.phase.shape)} points")
        else:
            _check_fits(file, scan, files[0], scans[0])
        scans.append(scan)
    return scans


def _check_fits(file: Path, scan: Scan, first_file: Path, first: Scan) -> None:
    if scan.phase.shape != first.phase.shape:
        raise unreadable(
            file, f"has {_size(scan)} points, but the first slice, {first_file.name}, has {_size(first)}", "Crop all slices to one size."
        )
    if not np.allclose(scan.spacing, first.spacing, rtol=SAME_STEP, atol=0):
        raise unreadable(
            file, f"has steps of {scan.spacing} µm, but the first slice, {first_file.name}, has {first.spacing}", "Resample the slices."
        )
    if scan.phases != first.phases:
        raise unreadable(
            file,
            f"has the phases {_names(scan)}, but the first slice, {first_file.name}, has {_names(first)}",
            "Export all slices with one list of phases.",
        )


def _size(scan: Scan) -> str:
    return extent(scan.phase.shape)


def _names(scan: Scan) -> str:
    return ", ".join(f"{phase.name!r} ({phase.laue})" for phase in scan.phases)


def _different_origins(files: list[Path], scans: list[Scan]) -> list[str]:
    """An oddity where slices begin at other positions than the first one."""
    shifts = []
    for file, scan in zip(files, scans, strict=True):
        for axis, begin, first, step in zip("xy", scan.origin, scans[0].origin, scans[0].spacing, strict=False):
            if abs(begin - first) > OFF_ORIGIN * step:
                shifts.append(f"{file.name} by {begin - first:+.6g} µm along {axis}")
    if not shifts:
        return []
    listed = ", ".join(shifts[:4]) + (", …" if len(shifts) > 4 else "")
    return [f"slices begin at other positions than {files[0].name} ({listed}): they were put on top of one another without that shift"]


def _aligned(path: Path, files: list[Path], scans: list[Scan]) -> tuple[list[Scan], list[str], list[str]]:
    """Slices moved and cut, notes, and an oddity where there was nothing to align by."""
    empty = [file.name for file, scan in zip(files, scans, strict=True) if (scan.phase == NOT_INDEXED).all()]
    try:
        cut, shifts = align_slices(scans)
    except ValueError as error:
        raise unreadable(path, f"cannot be aligned: {error}", "Leave align out, or remove the slices that do not belong.") from error
    moves = ", ".join(str(shift.move) for shift in shifts)
    judged = [shift for shift in shifts if np.isfinite((shift.before, shift.after)).all()]
    agreement = "no agreement could be judged"
    if judged:
        before, after = (float(np.mean([getattr(shift, name) for shift in judged])) for name in ("before", "after"))
        agreement = f"agreement {before:.3f} before, {after:.3f} after"
    line = f"aligned by translation: shifts against the slice before {moves} points; {agreement}"
    listed = ", ".join(empty[:4]) + (", …" if len(empty) > 4 else "")
    oddities = [f"nothing is indexed in {listed}: there the slices could not be aligned and were left where they are"] if empty else []
    return cut, [line, f"cut to the common window of {_size(cut[0])} points"], oddities


def _volume(scans: list[Scan], distance: float, notes: list[str], of_order: list[str]) -> Scan:
    """Slices on top of one another; maps that not all of them have are left out."""
    first = scans[0]
    shared = [name for name in first.maps if all(name in scan.maps for scan in scans)]
    times = Counter(line for scan in scans for line in dict.fromkeys(scan.oddities))
    oddities = of_order + [f"{line} ({count} of {len(scans)} slices)" for line, count in times.items()]
    lost = sorted({name for scan in scans for name in scan.maps} - set(shared))
    if lost:
        oddities.append(f"not all slices have the maps {', '.join(lost)}: they were left out")
    of_slices = dict.fromkeys(line for scan in scans for line in scan.notes)
    return Scan(
        vendor=first.vendor,
        euler=np.stack([scan.euler for scan in scans], axis=-1),
        phase=np.stack([scan.phase for scan in scans], axis=-1),
        phases=first.phases,
        spacing=(*first.spacing, distance),
        maps={name: np.stack([scan.maps[name] for scan in scans], axis=-1) for name in shared},
        notes=(*notes, *of_slices),
        oddities=tuple(oddities),
    )


STACK = Format("folder of EBSD slices", (), load_stack, options=(*OPTIONS, "align", "resample", "degrees"))
