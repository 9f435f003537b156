"""Pictures of bodies of voxels: rays, light from over the viewer's left shoulder, shade in holes, and smooth edges."""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from jaxmicro.plotting.camera import Camera, corners
from jaxmicro.plotting.ray_casting import Body, box_span, first_inside
from jaxmicro.plotting.volume_bodies import Scene, Solid, directions, openness

LIGHT = (-0.25, 0.60, 0.75)  # to the right, upwards, towards the viewer
AMBIENT, DIFFUSE = 0.50, 0.58  # of the light; the latter with the cosine to it, wrapped around the body
GLOSS = 0.10  # of curved surfaces that mirror the light
DEEPEST = 0.2  # of the light that reaches the bottom of a hole
LAYERS = 4  # see-through surfaces that one ray passes at most
CONTRAST = 0.07  # between neighbouring pixels, from which on they are drawn again with more rays
HALF_JITTER = ((-0.25, -0.25), (0.25, 0.25))  # where see-through surfaces make rays slow
JITTER = ((-0.375, -0.125), (0.125, -0.375), (-0.125, 0.375), (0.375, 0.125))  # of a pixel


@dataclasses.dataclass(frozen=True)
class View:
    """A scene before a camera. `hole` holds the low and high corner, in voxels, of what is cut away (or None).

    `paint` gives the colours `(n, 3)` of places `(3, n)` in voxels, just below the surface, where there are the phases `(n,)`; `haze` is the share
    of white at the far end; without it nothing is glossy, so that colours can be read off a scale.
    """

    scene: Scene
    camera: Camera
    hole: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]] | None
    paint: Callable[[Float[np.ndarray, "3 n"], Int[np.ndarray, " n"]], Float[np.ndarray, "n 3"]]
    haze: float = 0.0


@dataclasses.dataclass(frozen=True)
class Render:
    """A picture on white, `(rows, columns, 3)` with the lowest row first, its `extent` (left, right, low, high), and how far each ray went."""

    image: Float[np.ndarray, "rows columns 3"]
    extent: tuple[float, float, float, float]
    depth: Float[np.ndarray, "rows columns"]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """Part of each ray that is in the box and not in the hole, and the axis across the face it comes in through."""

    begin: Float[np.ndarray, " n"]
    end: Float[np.ndarray, " n"]
    axis: Int[np.ndarray, " n"]


def render(view: View, pixels: int) -> Render:
    """Trace a ray through the middle of every pixel, and four more where neighbours differ."""
    lengths = np.asarray(view.scene.shape) * view.scene.spacing
    seen = view.camera.project(corners(np.zeros(3), lengths))
    low, high = seen.min(axis=0), seen.max(axis=0)
    edge = float((high - low).max()) / pixels
    columns, rows = (max(round(float(size) / edge), 1) for size in high - low)
    x, y = np.meshgrid(low[0] + (np.arange(columns) + 0.5) * edge, low[1] + (np.arange(rows) + 0.5) * edge)
    places = np.stack([x.ravel(), y.ravel()], axis=-1)
    colors, depth = _trace(view, places)
    rough = _differs(colors.reshape(rows, columns, 3)).ravel()
    if rough.any():
        shifts = JITTER if view.scene.clear is None else HALF_JITTER
        colors[rough] = np.mean([_trace(view, places[rough] + edge * np.array(shift))[0] for shift in shifts], axis=0)
    extent = (float(low[0]), float(low[0] + columns * edge), float(low[1]), float(low[1] + rows * edge))
    return Render(np.clip(colors, 0, 1).reshape(rows, columns, 3), extent, depth.reshape(rows, columns))


def _differs(image: Float[np.ndarray, "rows columns 3"]) -> Bool[np.ndarray, "rows columns"]:
    rough = np.zeros(image.shape[:2], bool)
    for one, two in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        far = np.abs(image[one] - image[two]).max(axis=-1) > CONTRAST
        rough[one] |= far
        rough[two] |= far
    return rough


def _trace(view: View, places: Float[np.ndarray, "n 2"]) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, " n"]]:
    """Colours on white along rays, and how far each goes before it meets an opaque surface."""
    start, direction = view.camera.rays(places)
    spacing = view.scene.spacing[:, None]
    start, direction = start / spacing, direction / spacing
    pieces = _pieces(view, start, direction)
    colors, depth = np.ones((len(places), 3)), np.full(len(places), np.inf)
    if view.scene.opaque is not None:
        depth, axis = _hits(view.scene.opaque.body, start, direction, pieces)
        stopped = np.isfinite(depth)
        colors[stopped], _ = _surface_colors(view, view.scene.opaque, start, direction, depth, axis, stopped)
    if view.scene.clear is not None:
        colors = _through(view, view.scene.clear, start, direction, pieces, colors, depth)
    return colors, depth


def _pieces(view: View, start: Float[np.ndarray, "3 n"], direction: Float[np.ndarray, "3 n"]) -> list[_Piece]:
    begin, end, axis, _ = box_span(start, direction, np.zeros(3), np.asarray(view.scene.shape, float))
    begin = np.maximum(begin, 0.0)
    if view.hole is None:
        return [_Piece(begin, end, axis)]
    into, out, _, behind = box_span(start, direction, *view.hole)
    crosses = np.maximum(into, begin) < np.minimum(out, end)
    first = _Piece(begin, np.where(crosses, np.maximum(into, begin), end), axis)
    return [first, _Piece(np.where(crosses, out, end), end, behind)]


def _hits(
    body: Body, start: Float[np.ndarray, "3 n"], direction: Float[np.ndarray, "3 n"], pieces: list[_Piece]
) -> tuple[Float[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Where rays meet a body first, and the axis of the face of the box that they meet it at, or -1 inside the box."""
    depth, axis = np.full(start.shape[1], np.inf), np.full(start.shape[1], -1)
    for piece in pieces:
        open_ = ~np.isfinite(depth)
        found = first_inside(body, start, direction, piece.begin, np.where(open_, piece.end, -np.inf))
        hit = open_ & np.isfinite(found)
        depth[hit] = found[hit]
        axis[hit] = np.where(found == piece.begin, piece.axis, -1)[hit]
    return depth, axis


def _surface_colors(
    view: View, solid: Solid, start: Float[np.ndarray, "3 n"], direction: Float[np.ndarray, "3 n"], depth: Float[np.ndarray, " n"],
    axis: Int[np.ndarray, " n"], chosen: Bool[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, "k 3"], Int[np.ndarray, " k"]]:  # fmt: skip
    """Shaded colours where the chosen rays end, and the phases there."""
    ray, face = direction[:, chosen], axis[chosen]
    places = start[:, chosen] + depth[chosen] * ray
    below = places + (0.3 / view.scene.fine) * ray / np.abs(ray).max(axis=0)
    flat = np.where(np.arange(3)[:, None] == face, -np.sign(ray), 0.0)
    normal = flat if (face >= 0).all() else np.where(face >= 0, flat, directions(view.scene, solid, places, ray))
    camera = view.camera
    light = np.array(LIGHT) @ np.stack([camera.right, camera.up, camera.towards])
    lambert = np.clip(0.5 + 0.5 * (light / np.linalg.norm(light)) @ normal, 0, 1)
    free = openness(view.scene, places, normal) if solid is view.scene.opaque else np.ones(len(face))
    bright = (AMBIENT + DIFFUSE * lambert**1.5) * (DEEPEST + (1 - DEEPEST) * free)
    phase = view.scene.phase_at(below)
    half = light / np.linalg.norm(light) + camera.towards
    gloss = GLOSS * free * np.clip(half @ normal / np.linalg.norm(half), 0, 1) ** 12 * (face < 0) * (view.haze > 0)
    color = np.clip(view.paint(below, phase) * bright[:, None] + gloss[:, None], 0, 1)
    far = np.clip(0.5 + 0.5 * (depth[chosen] - camera.middle) / camera.reach, 0, 1)[:, None]
    return color + view.haze * far * (1 - color), phase


def _through(
    view: View, clear: Solid, start: Float[np.ndarray, "3 n"], direction: Float[np.ndarray, "3 n"], pieces: list[_Piece],
    behind: Float[np.ndarray, "n 3"], depth: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "n 3"]:  # fmt: skip
    """Lay see-through surfaces, front to back, over what is behind them."""
    outside = clear.outside or clear.body
    color, passes = np.zeros_like(behind), np.ones(len(behind))
    stride = 1 / (view.scene.fine * np.abs(direction).max(axis=0))
    for piece in pieces:
        end, from_ = np.minimum(piece.end, depth), piece.begin.copy()
        for _ in range(LAYERS):
            entry = first_inside(clear.body, start, direction, from_, end)
            met = np.isfinite(entry)
            if not met.any():
                break
            axis = np.where(entry == piece.begin, piece.axis, -1)
            shaded, phase = _surface_colors(view, clear, start, direction, entry, axis, met)
            opacity = view.scene.opacity[phase] % 1
            color[met] += (passes[met] * opacity)[:, None] * shaded
            passes[met] *= 1 - opacity
            from_ = np.where(met, first_inside(outside, start, direction, np.where(met, entry + stride, np.inf), end), np.inf)
    return color + passes[:, None] * behind
