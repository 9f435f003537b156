"""Kinds of bodies that are packed and drawn: spheres, ellipsoids, and straight fibres with round ends; discs, ellipses and sticks in 2D.

A body has a centre and a frame, whose rows are its own axes. It answers two questions: how far it is from another one (contact.py), and
how large it would have to be to hold a point: the gauge, which is 1 on its surface and less inside.
"""

import dataclasses
import math
from typing import Any, Protocol, Self

import numpy as np
from jaxtyping import Float, Int

from jaxmicro.microstructures.contact import Contact, cross, directed, ellipsoid_contact, segment_contact, times

TINY = 1e-12  # of a contact function

Places = list[np.ndarray]  # coordinates of points from the centre of a body, along each axis, that broadcast with each other


class Bodies(Protocol):
    """Bodies of one kind: radii of spheres around each, a length of each that measures overlaps, and their contacts."""

    @property
    def reach(self) -> Float[np.ndarray, " n"]:
        """Radius of a sphere about the centre that holds the body and half of the gap."""
        ...

    @property
    def size(self) -> Float[np.ndarray, " n"]:
        """A thickness of the body: what is a small overlap is measured by it."""
        ...

    def scaled(self, factor: float) -> Self:
        """Larger or smaller bodies, with the same gap."""
        ...

    def contact(
        self,
        first: Int[np.ndarray, " m"],
        second: Int[np.ndarray, " m"],
        between: Float[np.ndarray, "m d"],
        frames: Float[np.ndarray, "n d d"],
    ) -> Contact:
        """Contacts of pairs; rows of `frames` are the axes of each body."""
        ...

    def extent(self, frames: Float[np.ndarray, "n d d"], level: float = 1.0) -> Float[np.ndarray, "n d"]:
        """Half of the box around each body where its gauge is at most `level`."""
        ...

    def gauge(self, number: int, frame: Float[np.ndarray, "d d"], places: Places) -> np.ndarray:
        """The gauge of one body at points."""
        ...

    def volumes(self, ndim: int) -> Float[np.ndarray, " n"]:
        """Volume of each body, in two dimensions its area."""
        ...


@dataclasses.dataclass(frozen=True)
class Spheres:
    """Discs or spheres of given `radii` `(n,)` and a `gap` between surfaces."""

    radii: Float[np.ndarray, " n"]
    gap: float = 0.0

    @property
    def reach(self) -> Float[np.ndarray, " n"]:
        """Radius and half of the gap."""
        return self.radii + self.gap / 2

    @property
    def size(self) -> Float[np.ndarray, " n"]:
        """The same."""
        return self.reach

    def scaled(self, factor: float) -> "Spheres":
        """Spheres of other radii."""
        return Spheres(factor * self.radii, self.gap)

    def contact(self, first: np.ndarray, second: np.ndarray, between: np.ndarray, frames: np.ndarray) -> Contact:
        """Along the line of centres."""
        del frames
        length, push = directed(between)
        reach = self.reach
        return Contact(length - reach[first] - reach[second], push)

    def extent(self, frames: np.ndarray, level: float = 1.0) -> np.ndarray:
        """The radius."""
        return np.repeat(level * self.radii[:, None], frames.shape[1], axis=1)

    def gauge(self, number: int, frame: np.ndarray, places: Places) -> np.ndarray:
        """Distance from the centre over the radius."""
        del frame
        return np.sqrt(sum(x**2 for x in places)) / self.radii[number]

    def volumes(self, ndim: int) -> np.ndarray:
        """Areas of discs or volumes of spheres."""
        return ball(ndim, self.radii)


@dataclasses.dataclass(frozen=True)
class Ellipsoids:
    """Ellipses or ellipsoids of given `semi_axes` `(n, d)` and at least a `gap` between surfaces.

    The body at half the gap δ around an ellipsoid is none; the ellipsoid with a'² = a² (1 + δ/c) + δ² + δ c holds it for every c > 0, since
    the support function √(Σ a² n²) + δ is then nowhere larger, and for a sphere with c = a it is that body.
    """

    semi_axes: Float[np.ndarray, "n d"]
    gap: float = 0.0

    @property
    def outer(self) -> Float[np.ndarray, "n d"]:
        """Semi-axes of ellipsoids that hold half of the gap."""
        half = self.gap / 2
        middle = self.semi_axes.mean(axis=1, keepdims=True)
        return np.sqrt(self.semi_axes**2 * (1 + half / middle) + half**2 + half * middle)

    @property
    def reach(self) -> Float[np.ndarray, " n"]:
        """The longest semi-axis."""
        return self.outer.max(axis=1)

    @property
    def size(self) -> Float[np.ndarray, " n"]:
        """The shortest semi-axis."""
        return self.outer.min(axis=1)

    def scaled(self, factor: float) -> "Ellipsoids":
        """Ellipsoids of the same shape."""
        return Ellipsoids(factor * self.semi_axes, self.gap)

    def contact(self, first: np.ndarray, second: np.ndarray, between: np.ndarray, frames: np.ndarray) -> Contact:
        """By the contact function of Perram and Wertheim."""
        shapes = np.einsum("nki,nk,nkj->nij", frames, self.outer**2, frames, optimize=True)
        size = self.size
        one, two = shapes[first], shapes[second]
        factor, share, normal = ellipsoid_contact(between, one, two)
        root = np.sqrt(np.maximum(factor, TINY))
        scale = (size[first] + size[second]) / (2 * root)  # of dF in dh
        weight = (scale * share * (1 - share))[:, None]
        first_turn = -2 * weight * (1 - share)[:, None] * cross(times(one, normal), normal)
        second_turn = -2 * weight * share[:, None] * cross(times(two, normal), normal)
        return Contact((root - 1) * (size[first] + size[second]), 2 * weight * normal, first_turn, second_turn)

    def extent(self, frames: np.ndarray, level: float = 1.0) -> np.ndarray:
        """Of the ellipsoid without its gap."""
        return level * np.sqrt(np.einsum("nki,nk->ni", frames**2, self.semi_axes**2))

    def gauge(self, number: int, frame: np.ndarray, places: Places) -> np.ndarray:
        """√(Σ (y/a)²) in coordinates of the body."""
        return np.sqrt(sum((_component(axis, places) / a) ** 2 for axis, a in zip(frame, self.semi_axes[number], strict=True)))

    def volumes(self, ndim: int) -> np.ndarray:
        """Areas of ellipses or volumes of ellipsoids."""
        return ball(ndim, 1.0) * self.semi_axes.prod(axis=1)


@dataclasses.dataclass(frozen=True)
class Capsules:
    """Straight fibres with round ends: `half_lengths` `(n,)` of the segments along the first axis, `radii` `(n,)`, and a `gap`."""

    half_lengths: Float[np.ndarray, " n"]
    radii: Float[np.ndarray, " n"]
    gap: float = 0.0

    @property
    def reach(self) -> Float[np.ndarray, " n"]:
        """Half of the whole length."""
        return self.half_lengths + self.size

    @property
    def size(self) -> Float[np.ndarray, " n"]:
        """Radius and half of the gap."""
        return self.radii + self.gap / 2

    def scaled(self, factor: float) -> "Capsules":
        """Fibres of the same slenderness."""
        return Capsules(factor * self.half_lengths, factor * self.radii, self.gap)

    def contact(self, first: np.ndarray, second: np.ndarray, between: np.ndarray, frames: np.ndarray) -> Contact:
        """By the distance of segments."""
        axes = frames[:, 0]
        found = segment_contact(between, axes[first], axes[second], self.half_lengths[first], self.half_lengths[second])
        return found._replace(distance=found.distance - self.size[first] - self.size[second])

    def extent(self, frames: np.ndarray, level: float = 1.0) -> np.ndarray:
        """Of the fibre without its gap."""
        return np.abs(frames[:, 0]) * self.half_lengths[:, None] + level * self.radii[:, None]

    def gauge(self, number: int, frame: np.ndarray, places: Places) -> np.ndarray:
        """Distance from the segment over the radius."""
        along = np.clip(_component(frame[0], places), -self.half_lengths[number], self.half_lengths[number])
        square = sum((x - along * u) ** 2 for x, u in zip(places, frame[0], strict=True))
        return np.sqrt(square) / self.radii[number]

    def volumes(self, ndim: int) -> np.ndarray:
        """Of the cylinder and the two ends."""
        return 2 * self.half_lengths * ball(ndim - 1, self.radii) + ball(ndim, self.radii)


def ball(ndim: int, radius: Any) -> Any:
    """Volume of spheres, area of discs, or length of lines, of a radius."""
    return (2.0, math.pi, 4 / 3 * math.pi)[ndim - 1] * radius**ndim


def _component(axis: np.ndarray, places: Places) -> np.ndarray:
    """Coordinates along an axis of the body."""
    return np.asarray(sum(u * x for u, x in zip(axis, places, strict=True)))
