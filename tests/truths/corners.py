"""Where phases meet at a point the potential goes like r^λ, and so the order of convergence is known."""

from collections.abc import Sequence

import numpy as np
import scipy.optimize


def corner_exponent(conductivities: Sequence[float], angles: Sequence[float]) -> float:
    """The smallest λ > 0 of a potential r^λ v(θ) around a point where sectors meet.

    In a sector v″ = −λ² v; v and k v′ are continuous. With q = k v′/λ, a sector turns (v, q) by

        [[cos λα, sin λα / k], [−k sin λα, cos λα]],

    and once around (v, q) returns: the product, whose determinant is one, has the trace 2. For a checkerboard that is
    λ = (4/π) arctan √(k_min/k_max). An energy that is minimised over piecewise (bi)linear potentials is then off by h^{2λ}.

    Args:
        conductivities: of the sectors, in order around the point.
        angles: of the sectors, of sum 2π.
    """

    def gap(exponent: float) -> float:
        turn = np.eye(2)
        for k, angle in zip(conductivities, angles, strict=True):
            c, s = np.cos(exponent * angle), np.sin(exponent * angle)
            turn = np.array([[c, s / k], [-k * s, c]]) @ turn
        return float(np.trace(turn) - 2)

    grid = np.linspace(1e-3, 2.0, 4000)
    values = [gap(x) for x in grid]
    first = next(i for i in range(1, len(grid)) if values[i - 1] < 0 <= values[i])
    return float(scipy.optimize.brentq(gap, grid[first - 1], grid[first]))
