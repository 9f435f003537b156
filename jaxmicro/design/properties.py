"""Properties: differentiable functions of phase fractions that name what they return.

A property is a callable `(fractions (p, *grid), grid) → {name: number}`. Its attribute `solves` says how many linear cell
problems (each with all its load cases) one evaluation costs, and `stiffness_scale` how strongly each phase answers, which
sharpens the prediction of finite changes (see flips.py). Any record with these is a property; `Measure` makes one of a function.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import as_float_array, check, check_choice, is_concrete, record, static
from jaxmicro.fields import Grid
from jaxmicro.homogenization import (
    assign_conductivity,
    assign_stiffness,
    effective_conductivity,
    effective_stiffness,
    moduli,
)
from jaxmicro.homogenization.assign import in_plane
from jaxmicro.materials import as_constants
from jaxmicro.microstructures import Microstructure, split_voxels

RTOL = {"float64": 1e-4, "float32": 1e-3}  # of the fields; tensors have its square, so 1e-8 where a target wants 1e-2


class Property(Protocol):
    """A differentiable function of a cell, and what it costs."""

    @property
    def solves(self) -> int:
        """Cell problems per evaluation."""
        ...

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Mapping[str, Array]:
        """Named scalars of a cell; NaN where a solve fails."""
        ...


@record
class Conductivity:
    """Effective conductivity: `k_xx`, `k_yy`, `k_xy` (3D: also `k_zz`, `k_yz`, `k_xz`) and `k_mean` = trace / d.

    Args:
        values: conductivity of each phase, `(p,)`, isotropic.
        discretization: as in `effective_conductivity`.
        rtol: of the fields; the tensor's error is about its square.
        split: parts of each voxel along each axis for the solve. A design judged with 2 or 4 keeps its value on finer grids,
            and its solves, though as many, are larger.

    Example:
        >>> fractions = jnp.zeros((2, 8, 8)).at[0, :4].set(1.0).at[1, 4:].set(1.0)
        >>> round(float(Conductivity([1.0, 3.0])(fractions, Grid((8, 8)))["k_xx"]), 4)
        1.5

    Differentiable in fractions and values at no extra solve.
    """

    values: Any
    discretization: str = static(default="finite_element")
    rtol: float | None = static(default=None)
    split: int = static(default=1)

    def __post_init__(self) -> None:
        values = as_float_array("values", self.values)
        check(values.ndim == 1 and values.shape[0] >= 2, f"`values` must hold one conductivity per phase, but its shape is {values.shape}.")
        if is_concrete(values):
            host = np.asarray(values)
            check(bool((np.isfinite(host) & (host >= 0)).all()), f"`values` must be finite and not negative, but they are {host.tolist()}.")
        object.__setattr__(self, "values", values)

    @property
    def solves(self) -> int:
        """One cell problem."""
        return 1

    @property
    def phases(self) -> int:
        """Number of phases."""
        return self.values.shape[0]

    @property
    def stiffness_scale(self) -> Float[Array, " p"]:
        """How strongly each phase answers."""
        return self.values

    def tensors(self, grid: Grid) -> Float[Array, "p d d"]:
        """The phases' tensors."""
        return self.values[:, None, None] * jnp.eye(grid.ndim, dtype=self.values.dtype)

    def tensor(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, "d d"]:
        """The effective tensor, NaN where the solve fails."""
        ms = _cell(fractions, grid, self.split)
        field = assign_conductivity(ms, list(self.values.astype(fractions.dtype)))
        options: dict[str, Any] = {"discretization": self.discretization, "rtol": _rtol(self.rtol, fractions)}
        return effective_conductivity(field, ms.grid, **options).tensor

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> dict[str, Array]:
        """Named entries of the effective conductivity."""
        return self.named(self.tensor(fractions, grid))

    def named(self, tensor: Float[Array, "d d"]) -> dict[str, Array]:
        """Named entries of an effective tensor."""
        d = tensor.shape[0]
        entries = {f"k_{'xyz'[i]}{'xyz'[j]}": tensor[i, j] for i in range(d) for j in range(i, d)}
        return entries | {"k_mean": jnp.trace(tensor) / d}


@record
class Stiffness:
    """Effective stiffness: `C11` … (Voigt names, such as `C66` for the shear 12), Young's moduli `E_x`, `E_y`, shear moduli
    `G_xy`, Poisson's ratios `nu_xy`, the nearest isotropic `bulk` and `shear`, and `anisotropy` (0 is isotropic).

    Args:
        phases: per phase a name (`"IN625"`), a mapping (`{"young": 210.0, "poisson": 0.3}`), `Constants`, or a tensor in
            Mandel notation, (6, 6), or (3, 3) in plane.
        plane: 2D grids: `"strain"` or `"stress"` (3 × 3), or `"columnar"` (6 × 6).
        discretization, rtol: as in `effective_stiffness`.
        split: as in `Conductivity`.

    Example:
        >>> steel = Stiffness([{"young": 1.0, "poisson": 0.3}, {"young": 1.0, "poisson": 0.3}])
        >>> round(float(steel(jnp.full((2, 4, 4), 0.5), Grid((4, 4)))["G_xy"]), 6)
        0.384615

    Differentiable in fractions and constants at no extra solve.
    """

    phases: Any
    plane: str = static(default="strain")
    discretization: str = static(default="finite_element")
    rtol: float | None = static(default=None)
    split: int = static(default=1)

    def __post_init__(self) -> None:
        check_choice("plane", self.plane, ("strain", "stress", "columnar"))
        if not hasattr(self.phases, "ndim") or self.phases.ndim != 3:
            object.__setattr__(self, "phases", _tensors(self.phases))
        check(self.phases.shape[0] >= 2, f"`phases` must hold at least two phases, but it holds {self.phases.shape[0]}.")

    @property
    def solves(self) -> int:
        """One cell problem."""
        return 1

    @property
    def stiffness_scale(self) -> Float[Array, " p"]:
        """Size of each phase's tensor."""
        return jnp.trace(self.phases, axis1=1, axis2=2)

    def tensors(self, grid: Grid) -> Float[Array, "p m m"]:
        """The phases' tensors of the problem that a grid asks for."""
        if grid.ndim == 3 or self.phases.shape[-1] == 3:
            return self.phases
        return jnp.stack([in_plane(c, self.plane) for c in self.phases])

    def tensor(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Float[Array, "m m"]:
        """The effective tensor in Mandel notation, NaN where the solve fails."""
        parts = [c.astype(fractions.dtype) for c in self.tensors(grid)]
        ms = _cell(fractions, grid, self.split)
        field = assign_stiffness(ms, parts)
        options: dict[str, Any] = {"discretization": self.discretization, "rtol": _rtol(self.rtol, fractions)}
        return effective_stiffness(field, ms.grid, **options).tensor

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> dict[str, Array]:
        """Named entries and moduli of the effective stiffness."""
        return self.named(self.tensor(fractions, grid))

    def named(self, tensor: Float[Array, "m m"]) -> dict[str, Array]:
        """Named entries and moduli of an effective tensor."""
        return named_moduli(tensor)


def named_moduli(c: Float[Array, "m m"]) -> dict[str, Array]:
    """Entries in Voigt notation and engineering moduli of a Mandel stiffness.

    Example:
        >>> sorted(named_moduli(jnp.eye(3)))[:4]
        ['C11', 'C12', 'C16', 'C22']
    """
    m = c.shape[0]
    d, places = (2, (1, 2, 6)) if m == 3 else (3, (1, 2, 3, 4, 5, 6))
    root = jnp.sqrt(jnp.where(jnp.arange(m) < d, 1.0, 2.0)).astype(c.dtype)
    voigt = c / root[:, None] / root[None]
    named = {f"C{places[i]}{places[j]}": voigt[i, j] for i in range(m) for j in range(i, m)}
    found, letters = moduli(c), "xyz"[:d]
    pairs = ((0, 1),) if d == 2 else ((1, 2), (0, 2), (0, 1))
    named |= {f"E_{letter}": found.young[i] for i, letter in enumerate(letters)}
    named |= {f"G_{letters[i]}{letters[j]}": found.shear[k] for k, (i, j) in enumerate(pairs)}
    named |= {f"nu_{letters[i]}{letters[j]}": found.poisson[i, j] for i in range(d) for j in range(d) if i != j}
    return named | {"bulk": found.bulk_isotropic, "shear": found.shear_isotropic, "anisotropy": found.anisotropy}


@record
class VolumeFraction:
    """Share of one phase; costs no solve.

    Args:
        phase: index of the phase.
        name: of the property.

    Example:
        >>> VolumeFraction(1)(jnp.stack([jnp.zeros((4, 4)), jnp.ones((4, 4))]), Grid((4, 4)))["volume_fraction"].item()
        1.0
    """

    phase: int = static(default=1)
    name: str = static(default="volume_fraction")

    @property
    def solves(self) -> int:
        """None."""
        return 0

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> dict[str, Array]:  # noqa: ARG002
        """The share."""
        return {self.name: jnp.mean(fractions[self.phase])}


@record
class Measure:
    """A property of your own from a differentiable function `(fractions (p, *grid), grid) → {name: scalar}`.

    Args:
        function: pure JAX.
        solves: cell problems that one call solves; the honest number, for every method counts with it.

    Example:
        >>> balance = Measure(lambda fractions, grid: {"balance": fractions[1, 0].mean()}, solves=0)
        >>> balance(jnp.ones((2, 4, 4)), Grid((4, 4)))["balance"].item()
        1.0
    """

    function: Callable[[Array, Grid], Mapping[str, Array]] = static()
    solves: int = static()

    def __call__(self, fractions: Float[Array, "p *grid"], grid: Grid) -> Mapping[str, Array]:
        """What the function returns."""
        return self.function(fractions, grid)


def _cell(fractions: Array, grid: Grid, split: int) -> Microstructure:
    ms = Microstructure(grid=grid, fractions=fractions)
    return ms if split == 1 else split_voxels(ms, split)


def _rtol(given: float | None, fractions: Array) -> float:
    return RTOL[jnp.dtype(fractions.dtype).name] if given is None else given


def _tensors(phases: Sequence[Any]) -> Float[Array, "p m m"]:
    """One (6, 6) per phase from whatever names it, or (3, 3) where given so."""
    found = []
    for index, phase in enumerate(phases):
        if hasattr(phase, "shape") and np.shape(phase) == (3, 3):
            found.append(as_float_array(f"phases[{index}]", phase))
            continue
        stiffness = as_constants(phase, f"phases[{index}]").stiffness
        check(stiffness is not None, f"`phases[{index}]` must have elastic constants, but it has a conductivity alone.")
        found.append(jnp.asarray(stiffness, dtype=jnp.result_type(float)))
    shapes = sorted({c.shape for c in found})
    check(len(shapes) == 1, f"`phases` must hold tensors of one shape, but their shapes are {shapes}. Pass all in plane, or none.")
    return jnp.stack(found)
