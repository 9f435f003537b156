"""The box around a drawn volume: its edges where nothing hides them, and scales of length along three of them."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.ticker import MaxNLocator

from jaxmicro.plotting.camera import Camera, corners
from jaxmicro.plotting.style import FRAME, INK, LABEL_SIZE, SMALL_SIZE, with_unit
from jaxmicro.plotting.volume_rendering import Render

POINTS = 240  # along an edge, at each of which it is seen or not
TICK = 3.0  # points
NUMBER, NAME = 6.0, 21.0  # points from an edge to the near side of its numbers, and to the middle of its name
SHORT = 0.12  # of the picture, below which a foreshortened edge has no scale
EDGE_ON = 1e-6
STEEP = 120.0  # degrees from the horizontal up to which a name turns


def draw_box(
    axes: Axes, camera: Camera, picture: Render, lengths: Float[np.ndarray, "3"], hole: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]] | None,
    slack: float,
) -> None:  # fmt: skip
    """Draw the edges of the box, and of what is cut away; `slack` is how far, in units of length, an edge may be behind what is drawn."""
    ends = corners(np.zeros(3), lengths)
    faces_viewer = _facing(camera, lengths)
    for first, second, axis in _edges():
        points = np.linspace(ends[first], ends[second], POINTS)
        shown = _visible(points, camera, picture, slack)
        if hole is not None:
            shown &= ~np.all((points > hole[0] - slack / 10) & (points < hole[1] + slack / 10), axis=1)
        front = any(faces_viewer[other][first >> other & 1] for other in range(3) if other != axis)
        _line(axes, camera.project(points), shown, INK if front else FRAME)
    if hole is None:
        return
    ends = corners(*hole)
    gone = sum(1 << k for k in range(3) if camera.towards[k] > 0)  # the corner of the hole nearest to the viewer
    for first, second, _ in _edges():
        if gone not in (first, second):
            points = np.linspace(ends[first], ends[second], POINTS)
            _line(axes, camera.project(points), _visible(points, camera, picture, slack), INK)


def draw_scales(axes: Axes, camera: Camera, lengths: Float[np.ndarray, "3"], unit: str) -> None:
    """Ticks, numbers and a name along one edge of the outline for each axis: x and y below, z to the left."""
    ends = corners(np.zeros(3), lengths)
    flat = camera.project(ends)
    faces_viewer = _facing(camera, lengths)
    middle, size = flat.mean(axis=0), float(np.ptp(flat, axis=0).max())
    for axis in range(3):
        outline = []
        for first, second, along in _edges():
            if along == axis and np.linalg.norm(flat[second] - flat[first]) > SHORT * size:
                sides = [faces_viewer[other][first >> other & 1] for other in range(3) if other != axis]
                if sides[0] != sides[1]:
                    outline.append((first, second))
        if outline:
            centre = {pair: 0.5 * (flat[pair[0]] + flat[pair[1]]) for pair in outline}
            chosen = min(outline, key=lambda pair: centre[pair][0 if axis == 2 else 1])
            _scale(axes, camera, ends[chosen[0]], ends[chosen[1]], middle, with_unit("xyz"[axis], unit))


def _scale(
    axes: Axes, camera: Camera, first: Float[np.ndarray, "3"], second: Float[np.ndarray, "3"], middle: Float[np.ndarray, "2"], name: str
) -> None:
    length = float(np.linalg.norm(second - first))
    one, two = camera.project(np.stack([first, second]))
    outward = np.array([one[1] - two[1], two[0] - one[0]]) / np.linalg.norm(two - one)
    if outward @ (0.5 * (one + two) - middle) < 0:
        outward = -outward
    values = [value for value in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(0, length) if 0.04 * length < value < 0.96 * length]
    places = camera.project(np.array([first + (second - first) * value / length for value in values]).reshape(-1, 3))
    angle = STEEP - (STEEP - float(np.degrees(np.arctan2(*(two - one)[::-1])))) % 180  # never upside down, and upwards where steep
    sides: dict[str, Any] = {
        "ha": "center" if abs(outward[0]) < 0.5 else "left" if outward[0] > 0 else "right",
        "va": "center" if abs(outward[1]) < 0.5 else "bottom" if outward[1] > 0 else "top",
    }
    tick, number, far = (_pair(outward * reach) for reach in (TICK, NUMBER, NAME + 8.0 * abs(float(outward[0]))))
    for value, place in zip(values, places, strict=True):
        arrow: dict[str, Any] = {"arrowstyle": "-", "color": INK, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", _pair(place), tick, textcoords="offset points", arrowprops=arrow)
        axes.annotate(
            f"{value:g}",
            _pair(place),
            number,
            textcoords="offset points",
            fontsize=SMALL_SIZE,
            color=INK,
            annotation_clip=False,
            **sides,
        )
    axes.annotate(
        name, _pair(0.5 * (one + two)), far, textcoords="offset points", fontsize=LABEL_SIZE, color=INK, ha="center", va="center",
        rotation=angle, rotation_mode="anchor", annotation_clip=False,
    )  # fmt: skip


def _pair(place: Float[np.ndarray, "2"]) -> tuple[float, float]:
    return float(place[0]), float(place[1])


def _edges() -> list[tuple[int, int, int]]:
    """The two corners and the axis of each of the twelve edges of a box."""
    return [(corner, corner | 1 << axis, axis) for axis in range(3) for corner in range(8) if not corner >> axis & 1]


def _facing(camera: Camera, lengths: Float[np.ndarray, "3"]) -> list[tuple[bool, bool]]:
    """Per axis, whether the viewer sees the low and the high face from outside."""
    if np.isinf(camera.distance):
        return [(bool(camera.towards[k] < -EDGE_ON), bool(camera.towards[k] > EDGE_ON)) for k in range(3)]
    eye = camera.centre + camera.distance * camera.towards
    slight = EDGE_ON * camera.distance
    return [(bool(eye[k] < -slight), bool(eye[k] > lengths[k] + slight)) for k in range(3)]


def _visible(points: Float[np.ndarray, "n 3"], camera: Camera, picture: Render, slack: float) -> Bool[np.ndarray, " n"]:
    """Whether nothing opaque is before points, as the picture's own rays tell."""
    from scipy.ndimage import maximum_filter

    rows, columns = picture.depth.shape
    left, right, low, high = picture.extent
    places = camera.project(points)
    column = np.clip(((places[:, 0] - left) / (right - left) * columns).astype(int), 0, columns - 1)
    row = np.clip(((places[:, 1] - low) / (high - low) * rows).astype(int), 0, rows - 1)
    return camera.travelled(points) < maximum_filter(picture.depth, 3)[row, column] + slack


def _line(axes: Axes, places: Float[np.ndarray, "n 2"], shown: Bool[np.ndarray, " n"], color: str) -> None:
    both = shown[:-1] & shown[1:]
    starts = np.flatnonzero(both & ~np.concatenate([[False], both[:-1]]))
    stops = np.flatnonzero(both & ~np.concatenate([both[1:], [False]])) + 1
    lines = [places[[start, stop]] for start, stop in zip(starts, stops, strict=True)]
    axes.add_collection(LineCollection(lines, colors=color, linewidths=0.8, capstyle="round"), autolim=False)
