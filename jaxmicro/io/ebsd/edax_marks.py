"""How EDAX marks points that could not be indexed: the angles 4π, confidence −1, fit 180."""

import numpy as np
from jaxtyping import Bool, Float

NO_ANGLE, NO_FIT, NO_CONFIDENCE = 4 * np.pi, 180.0, -1.0
CLOSE = 1e-3  # radians: files round


def marked_by_angles(
    middle: Float[np.ndarray, "*points"], last: Float[np.ndarray, "*points"], in_degrees: bool
) -> Bool[np.ndarray, "*points"]:
    """Where Φ and φ2 are both 4π, in the unit of the file."""
    scale = 180 / np.pi if in_degrees else 1.0
    return (np.abs(middle - scale * NO_ANGLE) < scale * CLOSE) & (np.abs(last - scale * NO_ANGLE) < scale * CLOSE)
