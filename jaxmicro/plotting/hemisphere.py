"""Directions on paper: equal-area and stereographic projections of a hemisphere onto a disc of radius 1."""

import numpy as np
from jaxtyping import Float

PROJECTIONS = ("equal_area", "stereographic")


def project(direction: Float[np.ndarray, "3 *places"], projection: str) -> Float[np.ndarray, "2 *places"]:
    """Places (x, y) of unit vectors with z ≥ 0: r = √2 sin θ/2 keeps areas, r = tan θ/2 keeps angles and circles.

    Example:
        >>> project(np.array([1.0, 0.0, 0.0]), "equal_area").tolist()
        [1.0, 0.0]
    """
    x, y, z = direction
    upward = 1 + z  # 2 cos² θ/2
    scale = 1 / np.sqrt(upward) if projection == "equal_area" else 1 / upward
    return np.stack([x * scale, y * scale])


def upper(direction: Float[np.ndarray, "3 ..."]) -> Float[np.ndarray, "3 ..."]:
    """Axes, which have no sign, by their end with z ≥ 0."""
    return np.where(direction[2] < 0, -direction, direction)


def disc(projection: str, rings: int = 46, spokes: int = 181) -> tuple[Float[np.ndarray, "3 r s"], np.ndarray, np.ndarray]:
    """Directions of a hemisphere in rings evenly spaced on paper, and their places."""
    radius, azimuth = np.meshgrid(np.linspace(0, 1, rings), np.linspace(0, 2 * np.pi, spokes), indexing="ij")
    half = np.arcsin(radius / np.sqrt(2)) if projection == "equal_area" else np.arctan(radius)
    polar = 2 * half
    direction = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)])
    return direction, radius * np.cos(azimuth), radius * np.sin(azimuth)
