"""The orientation that a camera or scanner notes in a picture: how its rows and columns are to be shown."""

from collections.abc import Callable

import numpy as np

TAG = 274  # of TIFF and EXIF
UPRIGHT = 1
TRANSPOSED = (5, 6, 7, 8)  # those that make columns of rows
_BACK = {6: 8, 8: 6}  # the others undo themselves


def upright(values: np.ndarray, orientation: int) -> np.ndarray:
    """Values `(..., y, x)` as they are to be shown (TIFF 6.0, tag 274; unknown orientations change nothing).

    Example:
        >>> upright(np.array([[1, 2], [3, 4]]), 6).tolist()  # a quarter turn clockwise
        [[3, 1], [4, 2]]
    """
    if orientation in TRANSPOSED:
        values = np.swapaxes(values, -1, -2)
    if orientation in (2, 3, 6, 7):
        values = values[..., ::-1]
    if orientation in (3, 4, 7, 8):
        values = values[..., ::-1, :]
    return values


def as_stored(values: np.ndarray, orientation: int) -> np.ndarray:
    """The reverse of `upright`."""
    return upright(values, _BACK.get(orientation, orientation))


def on_axes(turn: Callable[[np.ndarray, int], np.ndarray], values: np.ndarray, y: int, x: int, orientation: int) -> np.ndarray:
    """A turn of rows and columns wherever their axes are."""
    return np.moveaxis(turn(np.moveaxis(values, (y, x), (-2, -1)), orientation), (-2, -1), (y, x))


def note(orientation: int) -> str:
    """What a reader says of a turned picture."""
    return f"the file asks to be shown turned or mirrored (orientation {orientation}): it was read as it is to be shown"
