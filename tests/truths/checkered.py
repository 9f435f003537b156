"""Cases: checkerboards, and Keller's exchange of phases, where potentials are singular at corners."""

import functools

import numpy as np

from tests.truths.case import EXACT, Case, Trial
from tests.truths.corners import corner_exponent
from tests.truths.voxels import conductivity, relative

QUARTERS = [np.pi / 2] * 4
KELLER = "Keller (1964), doi:10.1063/1.1704146; Dykhne (1971), Sov. Phys. JETP 32, 63"
FOUR = "Craster & Obnosov (2001), SIAM J. Appl. Math. 61, 1839; Milton (2001), J. Math. Phys. 42, 4873"
CYCLE = (1.0, 2.0, 5.0, 10.0)


def checkerboard(scheme: str, n: int, contrast: float) -> float:
    """k = √(k₁ k₂)."""
    low = np.arange(n) < n // 2
    found = conductivity(np.where(low[:, None] == low, 1.0, contrast), (1.0, 1.0), scheme)
    return relative(found, np.sqrt(contrast) * np.eye(2))


def four_phases(scheme: str, n: int) -> float:
    """Four squares: k_x² = (Σ of triple products / Σ k) (k₁ + k₄)(k₂ + k₃) / ((k₁ + k₂)(k₃ + k₄)), k₁ beside k₂ along x."""
    a, b, c, d = CYCLE
    left, low = (np.arange(n) < n // 2)[:, None], np.arange(n) < n // 2
    field = np.where(left, np.where(low, a, d), np.where(low, b, c))
    middle = (a * b * c + a * b * d + a * c * d + b * c * d) / (a + b + c + d)
    ratio = (a + d) * (b + c) / ((a + b) * (c + d))
    return relative(conductivity(field, (1.0, 1.0), scheme), np.sqrt(middle) * np.diag([ratio**0.5, ratio**-0.5]))


def exchanged(field, other, product: float, lengths, scheme: str) -> float:
    """Error of k(k₁, k₂) R k(k₂, k₁) Rᵀ = k₁ k₂ with the turn R by a right angle."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    first, second = (conductivity(one, lengths, scheme) for one in (field, other))
    return relative(first @ turn @ second @ turn.T, product * np.eye(2))


def rectangles(scheme: str, n: int) -> float:
    """Rectangles of contrast 10 in a rectangular cell."""
    inside = (np.arange(n) < n // 2)[:, None] & (np.arange(n) < n // 4)
    return exchanged(np.where(inside, 10.0, 1.0), np.where(inside, 1.0, 10.0), 10.0, (1.0, 1.7), scheme)


def random_voxels(scheme: str, n: int) -> float:
    """Voxels of two conductivities at random."""
    inside = np.random.default_rng(n).random((n, n)) < 0.4
    return exchanged(np.where(inside, 10.0, 1.0), np.where(inside, 1.0, 10.0), 10.0, (1.0, 1.7), scheme)


def energy_trials(exponent: float, bounds: tuple[float, float]) -> tuple[Trial, Trial]:
    """Finite elements and finite volumes, whose energies are off by h^{2λ}."""
    order, reason = (2 * exponent - 0.08, 2 * exponent + 0.08), f"2 λ = {2 * exponent:.3f} of the corner"
    sizes, table = (16, 32, 64), (16, 32, 64, 128, 256, 512)
    return tuple(Trial(s, sizes, table, order, b, reason) for s, b in zip(("finite_element", "finite_volume"), bounds, strict=True))  # type: ignore[return-value]


def dual_trial(exponent: float, bound: float) -> Trial:
    """`rotated`, whose flux is a gradient of the same kind turned, so that the errors of a cell and its dual cancel to first order."""
    reason = f"4 λ = {4 * exponent:.3f}: errors of first order cancel between the cell and its dual"
    return Trial("rotated", (16, 32, 64), (16, 32, 64, 128, 256), (4 * exponent - 0.25, 4 * exponent + 0.25), bound, reason)


MEASURED = "largest error of an entry of k over the largest entry"
DUAL = "on odd grids the turned flux is a gradient of the scheme, so Keller's proof holds voxel by voxel"
CORNER = {contrast: corner_exponent([1.0, contrast] * 2, QUARTERS) for contrast in (2.0, 10.0)}
CASES = (
    *(
        Case(
            f"checkerboard, contrast {contrast:g}", KELLER, MEASURED, functools.partial(checkerboard, contrast=contrast),
            (*energy_trials(CORNER[contrast], bounds), dual_trial(CORNER[contrast], dual)),
        )
        for contrast, bounds, dual in ((2.0, (3e-4, 7e-4), 1e-6), (10.0, (0.035, 0.05), 2e-3))
    ),
    Case(
        "checkerboard of four phases 1, 2, 5, 10", FOUR, MEASURED, four_phases,
        energy_trials(corner_exponent(CYCLE, QUARTERS), (1.5e-4, 4e-4)),
    ),
    Case(
        "exchange of phases, rectangles, contrast 10", KELLER, "error of k(1, 10) R k(10, 1) Rᵀ = 10", rectangles,
        energy_trials(corner_exponent([10.0, 1.0], [np.pi / 2, 1.5 * np.pi]), (4e-3, 7e-3)),
    ),
    Case(
        "exchange of phases, random voxels, contrast 10", KELLER, "error of k(1, 10) R k(10, 1) Rᵀ = 10", random_voxels,
        tuple(Trial(s, (15,), (15, 31, 63), None, EXACT, DUAL, slow=s != "rotated") for s in ("rotated", "fourier")),
    ),
)  # fmt: skip
