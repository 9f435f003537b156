"""The Microstructure record: what is where in a periodic cell."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmicro._core import check, is_concrete
from jaxmicro.fields import Grid
from jaxmicro.microstructures import validation
from jaxmicro.microstructures.phase import Phase
from jaxmicro.microstructures.summary import summarise

_LEAVES = ("grid", "_labels", "_fractions", "orientation", "mask", "maps")


@jax.tree_util.register_pytree_with_keys_class
class Microstructure:
    """What is where in a periodic cell: phases, and where known orientations and measured maps.

    Either `labels` or `fractions` is stored, and the other one is derived on request: `fractions` of labels are
    0 or 1, `labels` of fractions are the largest fraction's phase. Arrays are pytree leaves, `phases` are static;
    `provenance`, `notes` and `asked` ride along but are part neither of the pytree nor of equality (they would recompile every
    function for every file), so what comes out of `jit` has none.

    Args:
        grid: the cell; by default unit voxels in the shape of the labels.
        labels: phase index of each voxel, `(*grid)`, 0 … p−1.
        fractions: volume fraction of each phase in each voxel, `(p, *grid)`, sum 1.
        orientation: unit quaternions, scalar first, sample → crystal, `(4, *grid)`.
        mask: True where the voxel was measured, `(*grid)`.
        phases: one `Phase` (or name) per label; by default "phase 0", "phase 1", …
        maps: further named maps, `(…, *grid)`.
        provenance: where this comes from, one line.
        notes: what a reader of a report should know, such as defaults chosen while reading.
        asked: what a generator was asked for, numbers or tuples of numbers by the name of the quantity, which
            `descriptors.fidelity` measures again; it is lost where labels, fractions, grid or mask are replaced.

    Raises:
        ValueError: where shapes disagree, labels have no phase, or fractions are negative or do not sum to 1.
        TypeError: where labels are no integers.

    Example:
        >>> ms = Microstructure(labels=[[0, 0], [0, 1]], phases=("matrix", "fibre"))
        >>> ms.volume_fractions.tolist()
        [0.75, 0.25]

    Differentiable in `fractions`, `orientation`, `maps` and `grid.lengths`; values are checked only where concrete.
    """

    grid: Grid
    orientation: Float[Array, "4 *grid"] | None
    mask: Bool[Array, "*grid"] | None
    phases: tuple[Phase, ...]
    maps: dict[str, Array]
    provenance: str
    notes: tuple[str, ...]
    asked: dict[str, float | tuple[float, ...]]
    _labels: Int[Array, "*grid"] | None
    _fractions: Float[Array, "p *grid"] | None

    def __init__(
        self,
        *,
        grid: Grid | None = None,
        labels: Any = None,
        fractions: Any = None,
        orientation: Any = None,
        mask: Any = None,
        phases: Sequence[Phase | str] | None = None,
        maps: Mapping[str, Any] | None = None,
        provenance: str = "",
        notes: Iterable[str] = (),
        asked: Mapping[str, Any] | None = None,
    ):
        check((labels is None) != (fractions is None), "A microstructure must have either `labels` or `fractions`, but " + _both(labels))
        if grid is None:
            grid = Grid(_shape(labels) if fractions is None else _shape(fractions)[1:])
        check(isinstance(grid, Grid), f"`grid` must be a Grid, but it is {type(grid).__name__}. Write grid=Grid(shape).", TypeError)
        stored = None if labels is None else validation.checked_labels(labels, grid.shape)
        parts = None if fractions is None else validation.checked_fractions(fractions, grid.shape)
        mask = None if mask is None else validation.checked_mask(mask, grid.shape)
        self._set("grid", grid)
        self._set("_labels", None if stored is None else jnp.asarray(stored))
        self._set("_fractions", parts)
        self._set("mask", mask)
        self._set("orientation", None if orientation is None else validation.checked_orientation(orientation, grid.shape, mask))
        self._set("maps", validation.checked_maps(maps, grid.shape))
        self._set("phases", validation.checked_phases(phases, stored, parts))
        self._set("provenance", str(provenance))
        self._set("notes", (notes,) if isinstance(notes, str) else tuple(notes))
        self._set("asked", validation.checked_asked(asked))

    def _set(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Microstructure is frozen: use microstructure.replace({name}=…) instead of setting `{name}`.")

    @property
    def labels(self) -> Int[Array, "*grid"]:
        """Phase index of each voxel `(*grid)`: as stored, or that of the largest fraction."""
        if self._fractions is None:
            return self._labels  # pyright: ignore[reportReturnType]
        return jnp.argmax(self._fractions, axis=0).astype(jnp.int32)

    @property
    def fractions(self) -> Float[Array, "p *grid"]:
        """Volume fraction of each phase in each voxel `(p, *grid)`: as stored, or 0 and 1 from the labels."""
        if self._fractions is not None:
            return self._fractions
        return jax.nn.one_hot(self._labels, self.n_phases, dtype=self.grid.lengths.dtype, axis=0)

    @property
    def is_sharp(self) -> bool:
        """True where labels are stored, so that every voxel holds one phase."""
        return self._labels is not None

    @property
    def n_phases(self) -> int:
        """Number of phases p, present or not."""
        return len(self.phases)

    @property
    def volume_fractions(self) -> Float[Array, " p"]:
        """Share of each phase in the (measured) voxels, `(p,)`."""
        return jnp.stack([self._mean(self._share(phase)) for phase in range(self.n_phases)])

    def _share(self, phase: int) -> Float[Array, "*grid"]:
        """Fraction of one phase, without making those of all."""
        if self._fractions is not None:
            return self._fractions[phase]
        return (self._labels == phase).astype(self.grid.lengths.dtype)

    def _mean(self, field: Float[Array, "*grid"]) -> Float[Array, ""]:
        """Mean over the measured voxels."""
        return jnp.mean(field) if self.mask is None else jnp.sum(field * self.mask) / jnp.sum(self.mask)

    def replace(self, **changes: Any) -> "Microstructure":
        """A copy with some parts changed and checked again; new labels replace stored fractions and the reverse."""
        parts: dict[str, Any] = {
            name: getattr(self, name) for name in ("grid", "orientation", "mask", "phases", "maps", "provenance", "notes")
        }
        if not {"labels", "fractions"} & changes.keys():
            parts |= {"labels": self._labels, "fractions": self._fractions}
        if not {"labels", "fractions", "grid", "mask"} & changes.keys():
            parts["asked"] = self.asked
        return Microstructure(**(parts | changes))

    def with_notes(self, *lines: str) -> "Microstructure":
        """A copy with further lines in `notes`."""
        copy = self.tree_unflatten(*reversed(self.tree_flatten()))
        copy._set("provenance", self.provenance)
        copy._set("notes", self.notes + lines)
        copy._set("asked", self.asked)
        return copy

    def describe(self) -> str:
        """A readable summary: grid, phases with their shares, orientations, maps, provenance and notes."""
        return summarise(self)

    def __str__(self) -> str:
        return self.describe()

    def __repr__(self) -> str:
        stored = "labels" if self.is_sharp else "fractions"
        names = ", ".join(p.name for p in self.phases)
        extra = " with orientations" if self.orientation is not None else ""
        return f"Microstructure({self.grid!r}, {stored} of {self.n_phases} phases ({names}){extra})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Microstructure):
            return NotImplemented
        if self is other:
            return True
        mine, structure = jax.tree.flatten(self)
        theirs, other_structure = jax.tree.flatten(other)
        if structure != other_structure or not is_concrete(mine, theirs):
            return False
        return all(
            a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f")) for a, b in zip(mine, theirs, strict=True)
        )

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Phase, ...]]:
        """Split into array parts and the static phases."""
        return tuple(getattr(self, name) for name in _LEAVES), self.phases

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any], ...], tuple[Phase, ...]]:
        """As `tree_flatten`, each part with its name."""
        keys = (jax.tree_util.GetAttrKey(name.lstrip("_")) for name in _LEAVES)
        return tuple(zip(keys, self.tree_flatten()[0], strict=True)), self.phases

    @classmethod
    def tree_unflatten(cls, phases: tuple[Phase, ...], parts: Sequence[Any]) -> "Microstructure":
        """Rebuild without checks (parts may be tracers or placeholders), without provenance, notes and what was asked."""
        copy = object.__new__(cls)
        for name, part in zip(_LEAVES, parts, strict=True):
            copy._set(name, part)
        copy._set("phases", phases)
        copy._set("provenance", "")
        copy._set("notes", ())
        copy._set("asked", {})
        return copy


def _shape(array: Any) -> tuple[int, ...]:
    return tuple(np.shape(array))


def _both(labels: Any) -> str:
    return "neither is given. Pass labels=(*grid)." if labels is None else "both are given. Pass one; the other is derived on request."
