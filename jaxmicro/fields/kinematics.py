"""Which entries of a gradient make which component of the strain.

A kinematics turns the gradient G (c, d) of a field with c components on a d-dimensional grid into a strain vector (m,).
Elasticity takes the symmetric part in Mandel notation; conduction takes the gradient itself. On a 2D grid with m = 6
three displacements vary in the plane only (the columnar, "2.5D" problem).
"""

import dataclasses
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import check
from jaxmicro.fields.mandel import PAIRS

Column = Sequence[Array | None]


@dataclasses.dataclass(frozen=True)
class Kinematics:
    """The linear map from gradient to strain, as a sparse table.

    Attributes:
        components: number c of field components.
        dim: number d of space dimensions of the grid.
        size: number m of strain components.
        table: entries `(strain index, field component, direction, factor)`.
    """

    components: int
    dim: int
    size: int
    table: tuple[tuple[int, int, int, float], ...]

    def strain(self, columns: Sequence[Column | None]) -> tuple[Array | None, ...]:
        """Strain components from gradient columns: `columns[direction][component]`; None stands for zero."""
        out: list[Array | None] = [None] * self.size
        for k, component, direction, factor in self.table:
            column = columns[direction]
            entry = None if column is None else column[component]
            if entry is not None:
                term = entry if factor == 1.0 else factor * entry
                current = out[k]
                out[k] = term if current is None else current + term
        return tuple(out)

    def column(self, stress: Sequence[Array | None], direction: int) -> list[Array | None]:
        """The transpose of `strain`: the column of the gradient's dual in one direction."""
        out: list[Array | None] = [None] * self.components
        for k, component, along, factor in self.table:
            value = stress[k]
            if along == direction and value is not None:
                term = value if factor == 1.0 else factor * value
                current = out[component]
                out[component] = term if current is None else current + term
        return out

    def acoustic(self, moduli: Float[Array, "m m"], vectors: Sequence[Sequence[Array]]) -> dict[tuple[int, int], Array]:
        """Upper triangle of Σ_k C contracted with the wave vectors b_k: the acoustic tensor of a homogeneous medium."""
        out: dict[tuple[int, int], Array] = {}
        for k, i, a, first in self.table:
            for q, j, b, second in self.table:
                if i <= j:
                    products = sum(vector[a] * vector[b] for vector in vectors)
                    term = (first * second) * moduli[k, q] * products
                    out[i, j] = out[i, j] + term if (i, j) in out else term
        zero = jnp.zeros(())
        return {(i, j): out.get((i, j), zero) for i in range(self.components) for j in range(i, self.components)}


def elasticity(dim: int, size: int) -> Kinematics:
    """Small-strain kinematics: `dim` 2 with `size` 3 (in plane) or 6 (columnar), `dim` 3 with `size` 6.

    Example:
        >>> elasticity(2, 6).components
        3
    """
    check((dim, size) in ((2, 3), (2, 6), (3, 6)), f"elasticity knows 3 or 6 components in 2D and 6 in 3D, not {size} in {dim}D.")
    table = []
    for k, (i, j) in enumerate(PAIRS[size]):
        if i == j and i < dim:
            table.append((k, i, i, 1.0))
        elif i != j:
            table += [(k, component, direction, 0.5**0.5) for component, direction in ((i, j), (j, i)) if direction < dim]
    return Kinematics(components=2 if size == 3 else 3, dim=dim, size=size, table=tuple(table))


def conduction(dim: int) -> Kinematics:
    """Conduction: the "strain" is the gradient of one potential.

    Example:
        >>> conduction(3).size
        3
    """
    return Kinematics(components=1, dim=dim, size=dim, table=tuple((a, 0, a, 1.0) for a in range(dim)))
