"""All pairs (k_xx, k_yy) that two isotropic phases can have in two dimensions.

At volume fraction f of the better conductor k₂, with the means m = ((1−f)/k₁ + f/k₂)⁻¹ and a = (1−f) k₁ + f k₂, the
eigenvalues λ of the effective conductivity of any cell satisfy (and nothing more: the set is the G-closure)

    m ≤ λ_i ≤ a,    Σ 1/(λ_i − k₁) ≤ 1/(m − k₁) + 1/(a − k₁),    Σ 1/(k₂ − λ_i) ≤ 1/(k₂ − m) + 1/(k₂ − a).

These sets are convex and symmetric in λ, so they hold for the diagonal entries in any frame too (which are averages of λ
and its transposition). The first sum bounds f from above, the second from below; a pair is reachable if between them a
volume fraction is left. Over all fractions this is the region inside the curve of the laminates, k_yy = k₁ + k₂ − k₁k₂/k_xx.

References: Lurie & Cherkaev (1984), doi:10.1017/S0308210500014517; Tartar (1985); Milton, The Theory of Composites (2002),
doi:10.1017/CBO9780511613357, chapter 23.
"""

from typing import NamedTuple

SLACK = 1e-9


class PairLimits(NamedTuple):
    """The G-closure of two isotropic conductors in 2D.

    Attributes:
        worse: k₁.
        better: k₂, larger.
    """

    worse: float
    better: float

    def means(self, fraction: float) -> tuple[float, float]:
        """Harmonic and arithmetic mean."""
        arithmetic = (1 - fraction) * self.worse + fraction * self.better
        return self.worse * self.better / (self.worse + self.better - arithmetic), arithmetic

    def partner(self, k: float) -> float:
        """Largest conductivity across, given one: that of the laminate."""
        return self.worse + self.better - self.worse * self.better / k

    def fractions(self, k_xx: float, k_yy: float) -> tuple[float, float]:
        """Smallest and largest volume fraction of the better conductor with which the pair is possible.

        Each limit is where its inequality turns into an equality; both are monotone in the fraction. The interval is empty
        (low > high) where the pair is impossible.

        Example:
            >>> low, high = PairLimits(1.0, 10.0).fractions(20 / 11, 5.5)  # the laminate of equal shares
            >>> round(low, 9), round(high, 9)
            (0.5, 0.5)
        """
        pair = (k_xx, k_yy)
        a, b = self.worse, self.better
        if min(pair) <= a or max(pair) >= b:
            pure = 0.0 if max(pair) <= a else 1.0
            same = max(pair) <= a * (1 + SLACK) or min(pair) >= b * (1 - SLACK)
            return (pure, pure) if same else (1.0, 0.0)
        return (
            _root(lambda f: self._need(pair, f)),
            _root(lambda f: self._excess(pair, f)),
        )

    def _need(self, pair: tuple[float, float], f: float) -> float:
        """Negative while the fraction is too small for the pair (second sum)."""
        m, a = self.means(f)
        if f >= 1:
            return 1.0
        return 1 / (self.better - m) + 1 / (self.better - a) - sum(1 / (self.better - k) for k in pair)

    def _excess(self, pair: tuple[float, float], f: float) -> float:
        """Positive once the fraction is too large for the pair (first sum)."""
        m, a = self.means(f)
        if f <= 0:
            return -1.0
        return sum(1 / (k - self.worse) for k in pair) - 1 / (m - self.worse) - 1 / (a - self.worse)

    def refusal(self, k_xx: float, k_yy: float, allowed: tuple[float, float]) -> str:
        """Why a pair is impossible with fractions of the better conductor in `allowed`; empty if it is not."""
        low, high = self.fractions(k_xx, k_yy)
        if low > high + SLACK:
            small, name, other = (k_xx, "k_xx", "k_yy") if k_xx <= k_yy else (k_yy, "k_yy", "k_xx")
            most, asked = self.partner(small), max(k_xx, k_yy)
            return (
                f"with {name} = {small:g} no cell of conductivities {self.worse:g} and {self.better:g} has {other} above {most:.6g} "
                f"(the bound of laminates, Lurie and Cherkaev): it is passed by {asked - most:.4g} ({asked / most - 1:.1%})."
            )
        if low > allowed[1] + SLACK or high < allowed[0] - SLACK:
            return (
                f"the pair needs a volume fraction of the better conductor in [{low:.4g}, {high:.4g}] (Lurie and Cherkaev), "
                f"and the goals allow [{allowed[0]:.4g}, {allowed[1]:.4g}]."
            )
        return ""


def _root(rising) -> float:
    """Where a rising function of the fraction changes its sign, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return 0.5 * (low + high)
