"""Orientation maps stored as pictures: Euler angles as red, green and blue, with boundaries drawn as black lines."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, UInt8

from jaxmicro._core import check, check_choice, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.io.atomic import as_path, check_positive, write_atomically
from jaxmicro.io.formats import Raster
from jaxmicro.io.pictures import load_picture
from jaxmicro.io.problems import DEFAULT_MAX_BYTES, unreadable
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import LAUE_GROUPS, euler_ranges, from_euler, symmetry_operators, to_euler

LINE = "boundary"  # the map that holds the lines
DARKEST = 8  # levels of all three channels up to which a pixel is line: anti-aliased black is rarely 0
WHITE = 255
NEAR = 1e-6  # degrees that an angle may lie beyond its range by rounding


def read_euler_map(
    path: str | Path, *, laue: str = "m-3m", ranges: Sequence[float] | None = None, lines: str = "black", spacing: float = 1.0,
    name: str = "crystal", max_bytes: int = DEFAULT_MAX_BYTES,
) -> Microstructure:  # fmt: skip
    """Read a picture whose colours are Euler angles: φ1 = R/255 · range, Φ = G/255 · range, φ2 = B/255 · range.

    Black lines are drawing, not orientation: they are kept as their own channel `maps["boundary"]`, masked (`mask` is False there)
    and given the orientation of the nearest pixel beside them, so that the map can be solved. A crystal whose three angles are
    within 8/255 of zero (the cube orientation) looks the same as a line; with `lines="none"` nothing is a line.

    Args:
        path: a picture in red, green and blue; its rows run along y (downwards), its columns along x.
        laue: Laue group of the crystal.
        ranges: degrees of the three full channels; by default those of the Laue group (cubic: 360, 90, 90).
        lines: "black" or "none".
        spacing: edge of a pixel.
        name: of the phase.
        max_bytes: as in `read`.

    Returns:
        A 2D `Microstructure` of one phase with orientations. Colours of 8 bits resolve φ1 to ± range/510 = ± 0.7°.

    Raises:
        ReadError: if the picture is not in colour, is damaged, or holds nothing but lines.
        ValueError: for other options.
        FileNotFoundError: if there is no such file.
        IsADirectoryError: if it is a folder.

    Example:
        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "map.png")
        >>> turns = jnp.broadcast_to(from_euler((30.0, 20.0, 40.0), degrees=True)[:, None, None], (4, 2, 3))
        >>> write_euler_map(file, Microstructure(labels=np.zeros((2, 3), int), phases=(Phase("Ni", laue="m-3m"),), orientation=turns))
        >>> to_euler(read_euler_map(file).orientation[:, 0, 0], degrees=True).round(0).tolist()
        [30.0, 20.0, 40.0]

    Nothing here is differentiable.
    """
    path = as_path(path)
    span = _ranges(laue, ranges)
    check(lines in ("black", "none"), f"`lines` must be 'black' or 'none', but it is {lines!r}.")
    check_positive("spacing", spacing, "Write spacing=0.5 for pixels of half a unit.")
    if path.is_dir():
        raise IsADirectoryError(f"`{path}` is a folder. Name one picture.")
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` does not exist.")
    raster = load_picture(path, max_bytes)
    rgb = _colours(path, raster)
    line = (rgb.max(axis=-1) <= DARKEST) & (lines == "black")
    if line.all():
        raise unreadable(path, "holds nothing but lines", "Check that its colours are Euler angles, or pass lines='none'.")
    filled = rgb[_nearest(~line)] if line.any() else rgb
    angles = np.moveaxis(filled, -1, 0) / WHITE * np.asarray(span)[:, None, None]
    dtype = jnp.result_type(float)
    notes = [*raster.notes, f"colours were read as Euler angles of {laue} up to {', '.join(f'{each:g}' for each in span)}°"]
    if line.any():
        notes.append(f"{100 * line.mean():.1f} % of the pixels are lines: masked, and filled from the nearest pixel")
    return Microstructure(
        grid=Grid(line.shape, np.asarray(line.shape) * float(spacing)),
        labels=np.zeros(line.shape, np.int32),
        orientation=from_euler(jnp.asarray(angles, dtype), degrees=True),
        mask=~line,
        phases=(Phase(name, laue=laue),),
        maps={LINE: line},
        provenance=f"read from {path.name}",
        notes=notes,
    )


def write_euler_map(path: str | Path, ms: Microstructure, *, ranges: Sequence[float] | None = None, lines: bool = True) -> None:
    """Write a 2D map as a picture whose colours are Euler angles.

    Each orientation is replaced by the equivalent one whose angles are in the ranges, the one of smallest Φ first; pixels of
    `maps["boundary"]`, and unmeasured ones, are black.

    Args:
        path: a .png file in a folder that exists.
        ms: a 2D microstructure with orientations; its first phase with a Laue group decides the symmetry.
        ranges: degrees of the three full channels; by default those of the Laue group.
        lines: whether to draw the lines.

    Raises:
        ValueError: if there is no orientation, the map is 3D, or an orientation has no equivalent in the ranges.

    Example:
        >>> import os, tempfile
        >>> file = os.path.join(tempfile.mkdtemp(), "map.png")
        >>> turns = jnp.broadcast_to(from_euler((180.0, 45.0, 45.0), degrees=True)[:, None, None], (4, 2, 3))
        >>> write_euler_map(file, Microstructure(labels=np.zeros((2, 3), int), phases=(Phase("Ni", laue="m-3m"),), orientation=turns))
        >>> os.path.getsize(file) > 0
        True

    Nothing here is differentiable.
    """
    from PIL import Image

    check(isinstance(ms, Microstructure), f"`ms` must be a Microstructure, but it is a {type(ms).__name__}.", TypeError)
    check(ms.grid.ndim == 2, f"`ms` must be a map, but its grid is {ms.grid.shape}. Cut a slice first.")
    if ms.orientation is None:
        raise ValueError("`ms` must have orientations, but it has none.")
    check(is_concrete(ms), "Pictures are written from concrete numbers: call this outside jit, vmap and grad.")
    path = as_path(path)
    check(path.suffix.lower() == ".png", f"`path` must end in .png, but it is `{path}`.")
    line = np.zeros(ms.grid.shape, bool)
    if lines and LINE in ms.maps:
        line |= np.asarray(ms.maps[LINE], bool)
    if ms.mask is not None:
        line |= ~np.asarray(ms.mask)
    rgb = euler_bytes(ms.orientation, laue=_laue_of(ms), ranges=ranges)
    picture = np.moveaxis(np.where(line, np.uint8(0), rgb), 0, -1)
    write_atomically(path, lambda stream: Image.fromarray(np.ascontiguousarray(np.swapaxes(picture, 0, 1))).save(stream, format="PNG"))


def euler_bytes(q: Float[ArrayLike, "4 ..."], *, laue: str = "m-3m", ranges: Sequence[float] | None = None) -> UInt8[np.ndarray, "3 ..."]:
    """Euler angles as bytes (3, …): R, G, B = 255 φ1/range, 255 Φ/range, 255 φ2/range of the equivalent in the ranges.

    Args:
        q: unit quaternions (4, …).
        laue: Laue group.
        ranges: degrees of the full channels; by default those of the Laue group.

    Raises:
        ValueError: if an orientation has no equivalent with angles in the ranges.

    Example:
        >>> euler_bytes(from_euler((180.0, 45.0, 45.0), degrees=True)).tolist()
        [128, 128, 128]

    Not differentiable: the colours are bytes.
    """
    span = np.asarray(_ranges(laue, ranges), float)
    turns = np.asarray(q, float)
    flat = turns.reshape(4, -1)
    best = np.full((3, flat.shape[1]), np.inf)
    for operator in symmetry_operators(laue).T:
        angles = _angles(operator, flat, span)
        inside = (angles <= span[:, None] + NEAR).all(axis=0)
        better = inside & _before(angles, best)
        best = np.where(better, angles, best)
    lost = ~np.isfinite(best).all(axis=0)
    check(
        not lost.any(),
        f"`ranges` must hold an equivalent of every orientation, but {tuple(span.tolist())} misses {int(lost.sum())} of {lost.size} under {laue!r}. "
        "Leave `ranges` out.",
    )
    return np.rint(WHITE * np.clip(best / span[:, None], 0, 1)).astype(np.uint8).reshape(3, *turns.shape[1:])


def _angles(operator: np.ndarray, q: np.ndarray, span: np.ndarray) -> np.ndarray:
    """Euler angles in degrees of the equivalent s q; a full turn up to rounding counts as none."""
    w, x, y, z = operator
    a, b, c, d = q
    product = np.stack(
        [w * a - x * b - y * c - z * d, w * b + x * a + y * d - z * c, w * c - x * d + y * a + z * b, w * d + x * c - y * b + z * a]
    )
    angles = np.asarray(to_euler(jnp.asarray(product, jnp.result_type(float)), degrees=True), float)
    return np.where((angles > 360 - NEAR) & (span[:, None] < 360), 0.0, angles)


def _before(angles: np.ndarray, best: np.ndarray) -> Bool[np.ndarray, " n"]:
    """Whether Φ is smaller, or as small with a smaller φ2: one choice among equivalents."""
    equal = np.abs(angles[1] - best[1]) <= NEAR
    return (angles[1] < best[1] - NEAR) | (equal & (angles[2] < best[2] - NEAR)) | ~np.isfinite(best[1])


def _ranges(laue: str, ranges: Any) -> tuple[float, float, float]:
    check_choice("laue", laue, LAUE_GROUPS)
    try:
        span = euler_ranges(laue) if ranges is None else tuple(float(each) for each in ranges)
    except (TypeError, ValueError):
        span = ()
    good = len(span) == 3 and all(0 < each <= limit for each, limit in zip(span, (360, 180, 360), strict=True))
    check(good, f"`ranges` must be three numbers of degrees up to 360, 180 and 360, but it is {ranges!r}. Write ranges=(360, 90, 90).")
    return span  # pyright: ignore[reportReturnType]


def _colours(path: Path, raster: Raster) -> np.ndarray:
    """The three channels (nx, ny, 3) as numbers."""
    if raster.palette is not None:
        return raster.palette[raster.values].astype(float)
    if not raster.colour:
        raise unreadable(path, "is not in colour", "Read it with `read`, which takes grey levels as phases.")
    return raster.values[..., :3].astype(float)


def _nearest(known: Bool[np.ndarray, "*grid"]) -> tuple[np.ndarray, ...]:
    """Index of the nearest known pixel of every pixel."""
    from scipy import ndimage

    return tuple(np.asarray(ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)))


def _laue_of(ms: Microstructure) -> str:
    named = [phase.laue for phase in ms.phases if phase.laue]
    check(len(set(named)) <= 1, f"`ms` must hold crystals of one Laue group, but they are {sorted(set(named))}.")
    return named[0] if named else "m-3m"
