"""The mean-field estimates that belong to one homogenized cell of two isotropic phases, each of them as the matrix."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxmicro._core import record, static
from jaxmicro.homogenization.analytic import Assigned, is_isotropic, is_round, is_sharp, shares_of
from jaxmicro.homogenization.inclusions import constants_of, kind_of
from jaxmicro.homogenization.mean_field import MeanField, is_bubbly, mean_field_estimates
from jaxmicro.microstructures import Microstructure


@record
class TwoPhases:
    """What the estimates of a cell are made from.

    Attributes:
        stiffness: those of the phases (2, m, m), in plane where the problem is, or None.
        conductivity: likewise (2, d, d), or None.
        fractions: volume fractions (2,), of all voxels.
        shape: of inclusions in the elastic problem: `"sphere"`, `"disc"`, or `"fibre"` (columnar).
        names: of the phases.
    """

    stiffness: Float[Array, "2 m m"] | None
    conductivity: Float[Array, "2 d d"] | None
    fractions: Float[Array, "2"]
    shape: str = static(default="sphere")
    names: tuple[str, str] = static(default=("", ""))


@record
class CellEstimates:
    """Mean-field estimates beside a homogenized cell: what spheres, discs or fibres of its phases in its fractions would do.

    Attributes:
        stiffness: two `MeanField`s, the first with phase `phases[0]` as the matrix, the second with `phases[1]`; or None. The
            self-consistent estimates of both are the same.
        conductivity: likewise; across the fibres in a columnar cell.
        phases: names of the phases, each the matrix once.
    """

    stiffness: tuple[MeanField, MeanField] | None
    conductivity: tuple[MeanField, MeanField] | None
    phases: tuple[str, str] = static(default=("", ""))


def two_phases_of(
    ms: Microstructure, elastic: Assigned | None, conductive: Assigned | None, plane: str
) -> tuple[TwoPhases | None, tuple[str, ...]]:
    """What the estimates need where their premises hold, and which premises fail.

    Example:
        >>> two_phases_of(Microstructure(labels=[[0, 0], [0, 0]]), None, None, "strain")[1]
        ('mean-field estimates need two phases',)
    """
    if ms.n_phases != 2:
        return None, ("mean-field estimates need two phases",)
    if not is_sharp(ms):
        return None, ("mean-field estimates need voxels that hold one phase each",)
    notes = []
    stiffness = conductivity = None
    shape = "sphere" if ms.grid.ndim == 3 else "fibre" if plane == "columnar" else "disc"
    if elastic is not None:
        if elastic.turned or not all(is_isotropic(c) for c in elastic.tensors):
            notes.append("mean-field estimates of the stiffness need isotropic phases")
        elif _are_bubbly(elastic.tensors, shape):
            notes.append("mean-field estimates of the stiffness need a solid beside voids, not a fluid")
        else:
            stiffness = jnp.stack(elastic.tensors)
    if conductive is not None:
        if conductive.turned or not all(is_round(k) for k in conductive.tensors):
            notes.append("mean-field estimates of the conductivity need isotropic phases")
        else:
            conductivity = jnp.stack(conductive.tensors)
    if stiffness is None and conductivity is None:
        return None, tuple(notes)
    first, second = (str(p.name) for p in ms.phases)
    return TwoPhases(stiffness, conductivity, jnp.clip(shares_of(ms), 0.0, 1.0), shape, (first, second)), tuple(notes)


def _are_bubbly(tensors: list[Array], shape: str) -> bool:
    kind = kind_of(shape, len(tensors[0]))
    with jax.ensure_compile_time_eval():  # constants are concrete while the cell may be traced
        first, second = (constants_of(c, kind) for c in tensors)
        return bool(is_bubbly(first, second, kind)) or bool(is_bubbly(second, first, kind))


def estimates_of(phases: TwoPhases) -> CellEstimates:
    """The estimates, with each phase as the matrix.

    Example:
        >>> conductors = jnp.stack([jnp.eye(3), 4 * jnp.eye(3)])
        >>> found = estimates_of(TwoPhases(None, conductors, jnp.array([0.7, 0.3]), "sphere", ("soft", "hard")))
        >>> [round(float(r.mori_tanaka[0, 0]), 3) for r in found.conductivity]  # the Hashin–Shtrikman bounds
        [1.529, 1.73]
    """

    def both(tensors: Array | None, shape: str) -> tuple[MeanField, MeanField] | None:
        if tensors is None:
            return None
        one, other = (
            mean_field_estimates(tensors[m], tensors[1 - m], phases.fractions[1 - m].astype(tensors.dtype), shape=shape) for m in (0, 1)
        )
        return one, other

    conductors = "disc" if phases.shape == "fibre" else phases.shape  # the conductivity of a 2D grid is that in its plane
    return CellEstimates(both(phases.stiffness, phases.shape), both(phases.conductivity, conductors), phases.names)
