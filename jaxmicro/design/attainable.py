"""What no cell can reach: rigorous bounds on properties before anything is solved.

Voigt and Reuss hold in the Loewner order, so along any vector x they bound the quadratic forms of the effective tensor,
and of its inverse:

    x·C_eff x ≤ Σ f_p x·C_p x,      x·C_eff⁻¹ x ≤ Σ f_p x·C_p⁻¹ x      (for every cell with volume fractions f)

The right-hand sides are linear in f, so over a set of volume fractions their largest value lies at a corner. By Cauchy's
inequality (x·y)² ≤ (y·C y)(x·C⁻¹ x), so that every y bounds the inverse forms too:

    1/(x·C_eff⁻¹ x) ≤ y·C_eff y/(x·y)²,      x·C_eff x ≥ (x·y)²/(y·C_eff⁻¹ y)

with y = C_p x or C_p⁻¹ x of each phase as candidates besides x itself. From these follow bounds of diagonal entries, of the
nearest isotropic bulk and shear moduli (means of diagonal entries), and of Young's and shear moduli (1/x·S x).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxmicro._core import check
from jaxmicro.design.closure import PairLimits
from jaxmicro.design.goals import Between, Target
from jaxmicro.design.properties import Conductivity, Stiffness, VolumeFraction
from jaxmicro.fields import Grid

SLACK = 1e-9  # rounding that a comparison with a bound forgives, relative


class TargetError(ValueError):
    """A target that no cell can reach."""


class Limit(NamedTuple):
    """Interval of a property, and the bounds at its ends."""

    low: float
    high: float
    low_name: str
    high_name: str


def check_attainable(properties: Sequence[Any], targets: Sequence[Target], constraints: Sequence[Between], phases: int, grid: Grid) -> None:
    """Refuse targets outside rigorous bounds.

    Raises:
        TargetError: naming the bound that is passed, and by how much.
    """
    shares = volume_shares(properties, constraints, targets, phases)
    for part in properties:
        found = limits(part, shares, grid)
        for target in targets:
            if target.name in found:
                _check_one(f"The target {target.name} = {target.value:g}", target.value, target.value, found[target.name], shares)
        for each in constraints:
            if each.name in found:
                _check_one(f"The constraint on {each.name}", each.low, each.high, found[each.name], shares)
        if isinstance(part, Conductivity):
            _check_pair(part, targets, shares, grid)


def volume_shares(
    properties: Sequence[Any], constraints: Sequence[Between], targets: Sequence[Target], phases: int
) -> tuple[tuple[float, float], ...]:
    """Interval of each phase's volume fraction that goals leave open."""
    names = {part.name: part.phase for part in properties if isinstance(part, VolumeFraction)}
    low, high = [0.0] * phases, [1.0] * phases
    bands = [(c.name, c.low, c.high) for c in constraints] + [
        (t.name, t.value - t.tolerance * abs(t.value), t.value + t.tolerance * abs(t.value)) for t in targets
    ]
    for name, bottom, top in bands:
        if name in names:
            low[names[name]] = max(low[names[name]], 0.0 if bottom is None else bottom)
            high[names[name]] = min(high[names[name]], 1.0 if top is None else top)
    for p in range(phases):
        check(
            low[p] <= high[p],
            f"The goals for the volume fraction of phase {p} must leave a value in [0, 1], but they ask for at least {low[p]:g} and at most {high[p]:g}.",
            TargetError,
        )
    total = [sum(low), sum(high)]
    check(
        total[0] <= 1 + SLACK and total[1] >= 1 - SLACK,
        f"The goals for volume fractions must leave fractions that sum to 1, but their sum lies in [{total[0]:g}, {total[1]:g}].",
        TargetError,
    )
    return tuple((max(a, 1 - (total[1] - b)), min(b, 1 - (total[0] - a))) for a, b in zip(low, high, strict=True))


def limits(part: Any, shares: Sequence[tuple[float, float]], grid: Grid) -> Mapping[str, Limit]:
    """Bounds of the values of a property over all cells with volume fractions in `shares`; {} where none are known."""
    if isinstance(part, VolumeFraction):
        low, high = shares[part.phase]
        return {part.name: Limit(low, high, "smallest volume fraction", "largest volume fraction")}
    if isinstance(part, Conductivity):
        return _conductivity_limits(np.asarray(part.values, float), shares, grid.ndim)
    if isinstance(part, Stiffness):
        return _stiffness_limits(np.asarray(part.tensors(grid), float), shares)
    return {}


def largest_mean(values: np.ndarray, shares: Sequence[tuple[float, float]]) -> float:
    """Largest Σ f_p v_p over volume fractions in `shares` that sum to 1: fill up the largest values first."""
    left, total = 1 - sum(low for low, _ in shares), sum(low * v for (low, _), v in zip(shares, values, strict=True))
    for p in np.argsort(-values):
        extra = min(left, shares[p][1] - shares[p][0])
        total, left = total + extra * values[p], left - extra
    return float(total)


def _conductivity_limits(k: np.ndarray, shares: Sequence[tuple[float, float]], dim: int) -> dict[str, Limit]:
    voigt = largest_mean(k, shares)
    reuss = 0.0 if (k == 0).any() else 1 / largest_mean(1 / k, shares)
    letters = "xyz"[:dim]
    found = {f"k_{a}{a}": Limit(reuss, voigt, "Reuss", "Voigt") for a in letters} | {"k_mean": Limit(reuss, voigt, "Reuss", "Voigt")}
    half = (voigt - reuss) / 2
    name = "half the difference of Voigt and Reuss"
    pairs = [f"k_{a}{b}" for i, a in enumerate(letters) for b in letters[i + 1 :]]
    return found | {pair: Limit(-half, half, name, name) for pair in pairs}


def _stiffness_limits(c: np.ndarray, shares: Sequence[tuple[float, float]]) -> dict[str, Limit]:
    m = c.shape[-1]
    d, places = (2, (1, 2, 6)) if m == 3 else (3, (1, 2, 3, 4, 5, 6))
    forms = _Forms(c, shares)
    basis, letters, pairs = np.eye(m), "xyz"[:d], ((0, 1),) if d == 2 else ((1, 2), (0, 2), (0, 1))
    found = {f"C{places[i]}{places[i]}": _limit(*forms.direct(basis[i]), 1.0 if i < d else 0.5) for i in range(m)}
    found |= {f"E_{letter}": _limit(*forms.inverse(basis[i]), 1.0) for i, letter in enumerate(letters)}
    found |= {f"G_{letters[i]}{letters[j]}": _limit(*forms.inverse(basis[d + k]), 0.5) for k, (i, j) in enumerate(pairs)}
    pressure = np.where(np.arange(m) < d, 1.0, 0.0) / np.sqrt(d)
    deviators = np.linalg.svd(np.eye(m) - np.outer(pressure, pressure))[0][:, : m - 1].T
    found["bulk"] = _limit(*forms.direct(pressure), 1 / d)
    low, high = np.mean([forms.direct(x) for x in deviators], axis=0)
    found["shear"] = _limit(low, high, 0.5)
    return found


def _limit(low: float, high: float, scale: float) -> Limit:
    return Limit(scale * float(low), scale * float(high), "Reuss", "Voigt")


class _Forms:
    """Bounds of the quadratic forms of an effective tensor and of its inverse."""

    def __init__(self, c: np.ndarray, shares: Sequence[tuple[float, float]]):
        self.c, self.shares = c, shares
        self.sound = all(np.linalg.eigvalsh(tensor)[0] > 1e-12 * np.abs(c).max() for tensor in c)
        self.s = np.linalg.inv(c) if self.sound else None

    def direct(self, x: np.ndarray) -> tuple[float, float]:
        """Bounds of x·C x."""
        if self.s is None:
            return 0.0, self._mean(self.c, x)
        return max(float(x @ y) ** 2 / self._mean(self.s, y) for y in (x, *(c @ x for c in self.c))), self._mean(self.c, x)

    def inverse(self, x: np.ndarray) -> tuple[float, float]:
        """Bounds of 1/(x·C⁻¹ x)."""
        if self.s is None:
            return 0.0, self._mean(self.c, x)
        return 1 / self._mean(self.s, x), min(self._mean(self.c, y) / float(x @ y) ** 2 for y in (x, *(s @ x for s in self.s)))

    def _mean(self, tensors: np.ndarray, y: np.ndarray) -> float:
        return largest_mean(np.einsum("i,pij,j->p", y, tensors, y), self.shares)


def _check_one(goal: str, least: float | None, most: float | None, limit: Limit, shares: Sequence[tuple[float, float]]) -> None:
    """Refuse a goal for a value between `least` and `most` where no cell has one."""
    slack = SLACK * max(abs(limit.low), abs(limit.high))
    for outside, bound, name, word in (
        (-np.inf if most is None else limit.low - most, limit.low, limit.low_name, "at least"),
        (-np.inf if least is None else least - limit.high, limit.high, limit.high_name, "at most"),
    ):
        if outside > slack:
            by = f"{outside:.4g}" + (f" ({outside / abs(bound):.1%})" if bound else "")
            raise TargetError(
                f"{goal} must be {word} {bound:.6g}, the {name} bound {_where(shares)}, but it passes it by {by}. "
                "No cell of these phases can reach it: move it inside, or change the phases."
            )


def _check_pair(part: Conductivity, targets: Sequence[Target], shares: Sequence[tuple[float, float]], grid: Grid) -> None:
    wanted = {t.name: t.value for t in targets}
    k = np.asarray(part.values, float)
    if grid.ndim != 2 or len(k) != 2 or not {"k_xx", "k_yy"} <= wanted.keys() or k[0] == k[1] or k.min() <= 0:
        return
    high = int(np.argmax(k))
    problem = PairLimits(float(k.min()), float(k.max())).refusal(wanted["k_xx"], wanted["k_yy"], shares[high])
    if problem:
        raise TargetError(
            f"The targets k_xx = {wanted['k_xx']:g} and k_yy = {wanted['k_yy']:g} must be reachable together, but {problem} "
            "Move one of them, or widen the range of volume fractions."
        )


def _where(shares: Sequence[tuple[float, float]]) -> str:
    if all(low <= 0 and high >= 1 for low, high in shares):
        return "over all volume fractions"
    parts = ", ".join(f"phase {p}: {low:.4g} to {high:.4g}" for p, (low, high) in enumerate(shares))
    return f"at the volume fractions that the goals allow ({parts})"
