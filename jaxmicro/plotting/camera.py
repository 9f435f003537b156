"""Where a volume is looked at from: rays through the pixels of a picture, and where points of space are in it."""

import dataclasses

import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_number, check

STEEPEST = 90.0
WIDEST = 60.0  # degrees of view, beyond which nobody would call it mild


@dataclasses.dataclass(frozen=True)
class Camera:
    """A camera that looks at the centre of a box; `right`, `up` and `towards` (to the camera) are orthonormal, right-handed.

    `distance` is that of the eye from the centre, infinite for parallel rays; `reach` is the radius of the box about its centre.
    """

    right: Float[np.ndarray, "3"]
    up: Float[np.ndarray, "3"]
    towards: Float[np.ndarray, "3"]
    centre: Float[np.ndarray, "3"]
    reach: float
    distance: float

    @property
    def middle(self) -> float:
        """How far a ray has gone when it passes the centre."""
        return 2 * self.reach if np.isinf(self.distance) else self.distance

    def project(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 2"]:
        """Places (to the right, upwards) in the picture plane through the centre, in units of length."""
        away = points - self.centre
        scale = 1.0 if np.isinf(self.distance) else self.distance / (self.distance - away @ self.towards)
        return np.stack([away @ self.right * scale, away @ self.up * scale], axis=-1)

    def travelled(self, points: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, " n"]:
        """How far along its ray a point is, from where the rays of `rays` start."""
        if np.isinf(self.distance):
            return 2 * self.reach - (points - self.centre) @ self.towards
        return np.linalg.norm(points - (self.centre + self.distance * self.towards), axis=-1)

    def rays(self, places: Float[np.ndarray, "n 2"]) -> tuple[Float[np.ndarray, "3 n"], Float[np.ndarray, "3 n"]]:
        """Starts and unit directions of the rays through places in the picture plane."""
        plane = self.centre[:, None] + self.right[:, None] * places[:, 0] + self.up[:, None] * places[:, 1]
        if np.isinf(self.distance):
            return plane + 2 * self.reach * self.towards[:, None], np.broadcast_to(-self.towards[:, None], plane.shape)
        eye = (self.centre + self.distance * self.towards)[:, None]
        direction = plane - eye
        return np.broadcast_to(eye, plane.shape), direction / np.linalg.norm(direction, axis=0)


def camera_for(lengths: Float[np.ndarray, "3"], azimuth: float, elevation: float, perspective: float) -> Camera:
    """The camera whose view holds the whole box [0, lengths]; angles in degrees.

    The azimuth turns from x to y, the elevation from the x-y plane upwards to z, which is up in the picture.
    """
    turn, lift, view = (as_number(each) for each in (azimuth, elevation, perspective))
    check(bool(np.isfinite(turn)), f"`azimuth` must be an angle in degrees, but it is {azimuth!r}.")
    check(abs(lift) <= STEEPEST, f"`elevation` must be an angle from -90 to 90 degrees, but it is {elevation!r}.")
    check(
        0 <= view <= WIDEST,
        f"`perspective` must be an angle of view from 0 (parallel rays) to {WIDEST:g} degrees, but it is {perspective!r}. 20 is mild.",
    )
    a, e = np.radians(turn), np.radians(lift)
    towards = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.array([-np.sin(a), np.cos(a), 0.0])
    reach = 0.5 * float(np.linalg.norm(lengths))
    distance = np.inf if view == 0 else reach / np.sin(np.radians(view / 2))
    return Camera(right, np.cross(towards, right), towards, 0.5 * lengths, reach, float(distance))


def corners(low: Float[np.ndarray, "3"], high: Float[np.ndarray, "3"]) -> Float[np.ndarray, "8 3"]:
    """The corners of a box; bit k of a corner's number says whether it is at the high end of axis k."""
    return np.array([[(high if corner >> k & 1 else low)[k] for k in range(3)] for corner in range(8)])
