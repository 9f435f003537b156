"""Turned crystals: one tensor per phase and four numbers per voxel instead of thirty-six."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from jaxmicro._core import as_float_arrays, check, check_choice, is_concrete, record, static
from jaxmicro.fields.mandel import PAIRS
from jaxmicro.materials.embedded import GROUPS, embedded_stiffness
from jaxmicro.materials.laws import Faults, Phases, Strain, Tensor
from jaxmicro.orientations import embedding_size, normalize, rotate_stiffness
from jaxmicro.orientations.quaternions import matrix_of_unit

ROOT = float(np.sqrt(2))
NORM_TOLERANCE = 1e-3
MARGIN = 0.5  # of the smallest eigenvalue beside the mean over all rotations, for what a texture makes of the mean
COMPONENTS = 6


@record
class Crystals:
    """Crystals turned voxel by voxel: σ = gᵀ (C : (g ε gᵀ)) g, with C in the crystal frame.

    The stress is computed from the orientation each time, so that the field of tensors is never stored: 32 bytes a voxel in
    double precision instead of 288, for about one and a half (3D) to three times (2D) the time of a stored field on CPUs.

    Args:
        constants: stiffness of the crystal (6, 6) in Mandel notation, or of each phase (p, 6, 6).
        orientation: unit quaternions (4, *grid), sample → crystal; or, with `laue`, embeddings of orientations (k, *grid) as
            `orientations.embed` makes them, or blends of such, in which the law is linear.
        labels: phase index of each voxel, (*grid), from 0; left out for one crystal.
        laue: Laue group of the embeddings ("m-3m", "m-3", "6/mmm" or "6/m"); left out for quaternions.

    Raises:
        ValueError: for other shapes, and for concrete labels without a crystal and quaternions not of unit length. Under a tracer such
            labels are NaN in the tensor, and a solve ends with a status; traced quaternions of any length stand for q/|q|.

    Example:
        >>> from jaxmicro.materials import constants
        >>> law = Crystals(jnp.asarray(constants("Cu").stiffness), jnp.ones((4, 8, 8)) / 2)
        >>> law.tensor().shape, round(float(law.tensor()[0, 0, 0, 0]), 9)
        ((6, 6, 8, 8), 168.9)

    Differentiable in constants and orientations.
    """

    constants: Float[Array, "*p 6 6"]
    orientation: Float[Array, "k *grid"]
    labels: Int[Array, "*grid"] | None = None
    laue: str = static(default="")
    components: int = static(default=COMPONENTS)

    def __post_init__(self) -> None:
        table, turns = as_float_arrays(constants=self.constants, orientation=self.orientation)
        table = table[None] if table.ndim == 2 else table
        check(
            table.ndim == 3 and table.shape[1:] == (6, 6),
            f"`constants` must be (6, 6) or (p, 6, 6) in Mandel notation, but their shape is {table.shape}.",
        )
        if self.laue:
            self._check_embedding(table, turns)
        else:
            _check_units(turns)
            turns = normalize(turns)
        check(
            self.labels is not None or table.shape[0] == 1,
            f"`labels` must be given where there are several crystals, but there are {table.shape[0]} and none.",
        )
        object.__setattr__(self, "constants", table)
        object.__setattr__(self, "orientation", turns)
        if self.labels is not None:
            labels = Phases(self.labels, table).labels
            check(labels.shape == turns.shape[1:], f"`labels` must have shape {turns.shape[1:]}, but it is {labels.shape}.")
            _check_labels(labels, table.shape[0])
            object.__setattr__(self, "labels", labels)

    def _check_embedding(self, table: Array, points: Array) -> None:
        check_choice("laue", self.laue, tuple(GROUPS))
        size = embedding_size(self.laue)
        check(
            points.ndim >= 2 and points.shape[0] == size,
            f"`orientation` must be embeddings ({size}, *grid) of {self.laue}, but its shape is {points.shape}.",
        )
        check(
            table.shape[0] == 1 and self.labels is None,
            f"`constants` must be of one crystal where embeddings are given, but there are {table.shape[0]}"
            + (" and `labels`." if self.labels is not None else ".")
            + " Use assign_stiffness for several phases.",
        )
        embedded_stiffness(table[0], points[:, :1], self.laue)  # refuses constants of another symmetry

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.orientation.shape[1:]

    @property
    def dtype(self) -> jnp.dtype:
        """Floating type of the constants."""
        return self.constants.dtype

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """Strain into the crystal frame, stress there, and back; of embeddings, the tensor times the strain."""
        if self.laue:
            return Tensor(self.tensor()).stress(strain)
        g = matrix_of_unit(self.orientation)
        turned = _turn(g, strain)
        local = [sum((self._constant(i, j) * turned[j] for j in range(1, 6)), start=self._constant(i, 0) * turned[0]) for i in range(6)]
        return _turn(jnp.swapaxes(g, 0, 1), local)

    def _constant(self, i: int, j: int) -> ArrayLike:
        """C_ij of every voxel's crystal."""
        return self.constants[0, i, j] if self.labels is None else self.constants[:, i, j][self.labels]

    def map_fields(self, function: Callable[[Array], Array]) -> "Crystals":
        """The law with other fields of orientations and labels."""
        mapped = object.__new__(
            Crystals
        )  # padded or sliced, not averaged: `stress` takes quaternions to be of unit length, and padding to be of no account
        labels = None if self.labels is None else function(self.labels)
        parts = {"constants": self.constants, "orientation": function(self.orientation), "labels": labels, "laue": self.laue}
        for name, value in parts.items():
            object.__setattr__(mapped, name, value)
        object.__setattr__(mapped, "components", COMPONENTS)
        return mapped

    def size(self) -> Float[Array, "*grid"]:
        """Mean of the diagonal, which no rotation and no blend changes."""
        traces = jnp.trace(self.constants, axis1=1, axis2=2) / COMPONENTS
        return jnp.broadcast_to(traces[0], self.grid_shape) if self.labels is None else traces[self.labels]

    def softest(self) -> Float[Array, ""]:
        """Smallest eigenvalue of the crystals beside the mean of the stiffest over all rotations, with a margin."""
        dilating = jnp.sum(self.constants[:, :3, :3], axis=(1, 2)) / 3
        shearing = (jnp.trace(self.constants, axis1=1, axis2=2) - dilating) / 5
        third = jnp.full((3, 3), 1 / 3, self.dtype)
        dilation = jnp.zeros((6, 6), self.dtype).at[:3, :3].set(third)
        bulk, shear = jnp.max(dilating), jnp.max(shearing)
        sound = (bulk > 0) & (shear > 0)
        root = dilation / jnp.sqrt(jnp.where(sound, bulk, 1.0)) + (jnp.eye(6, dtype=self.dtype) - dilation) / jnp.sqrt(
            jnp.where(sound, shear, 1.0)
        )
        smallest = jnp.min(jnp.linalg.eigvalsh(root @ self.constants @ root))
        return jnp.where(sound, MARGIN * jnp.maximum(smallest, 0.0), 0.0)

    def mean(self) -> Float[Array, "6 6"]:
        """Volume average, column by column."""
        one = jnp.ones(self.grid_shape, self.dtype)
        columns = [jnp.stack([jnp.mean(s) for s in self.stress([one if k == j else None for k in range(6)])]) for j in range(6)]
        average = jnp.stack(columns, axis=1)
        return 0.5 * (average + average.T)

    def tensor(self) -> Float[Array, "6 6 *grid"]:
        """The full field of tensors in the sample frame."""
        if self.laue:
            return embedded_stiffness(self.constants[0], self.orientation, self.laue)
        if self.labels is None:
            return rotate_stiffness(self.constants[0], self.orientation)
        per_voxel = jnp.moveaxis(self.constants[self.labels], (-2, -1), (0, 1))
        known = (self.labels >= 0) & (self.labels < self.constants.shape[0])
        return rotate_stiffness(jnp.where(known, per_voxel, jnp.nan), self.orientation)

    def faults(self) -> Faults:
        """What is wrong, voxel by voxel; a blend of embeddings may fail to be positive where it is no average of orientations."""
        if self.laue:
            return Tensor(self.tensor()).faults()
        labels = jnp.zeros(self.grid_shape, int) if self.labels is None else self.labels
        found = Phases(labels, self.constants).faults()
        return found._replace(non_finite=found.non_finite | ~jnp.all(jnp.isfinite(self.orientation), axis=0))


def _check_labels(labels: Array, phases: int) -> None:
    if not is_concrete(labels):
        return
    host = np.asarray(labels)
    least, most = int(host.min(initial=0)), int(host.max(initial=0))
    check(
        least >= 0 and most < phases,
        f"`labels` must lie between 0 and {phases - 1} for {phases} crystals, but they include [{least if least < 0 else most}]. "
        "Give one crystal per label.",
    )


def _check_units(turns: Array) -> None:
    check(
        turns.ndim >= 2 and turns.shape[0] == 4,
        f"`orientation` must be quaternions (4, *grid), scalar first, but its shape is {turns.shape}. Name `laue` if these are embeddings.",
    )
    if not is_concrete(turns):
        return
    length = np.sqrt((np.asarray(turns) ** 2).sum(axis=0))
    wrong = np.abs(length - 1) > NORM_TOLERANCE  # not those that are not finite: the solve reports them
    check(
        not wrong.any(),
        f"`orientation` must hold unit quaternions, but {int(wrong.sum())} are not (the first has norm {length[wrong][0] if wrong.any() else 1:g}). "
        "Use orientations.normalize, or orientations.from_euler where these are Euler angles.",
    )


def _turn(g: Any, tensor: Sequence[Any]) -> tuple[Array, ...]:
    """The tensor g t gᵀ from a symmetric one in Mandel components, of which None is zero."""
    t: dict[tuple[int, int], Any] = {}
    for (i, j), value in zip(PAIRS[6], tensor, strict=True):
        if value is not None:
            t[i, j] = t[j, i] = value if i == j else value / ROOT
    first: dict[tuple[int, int], Any] = {}
    for i in range(3):
        for m in range(3):
            terms = [g[i, k] * t[k, m] for k in range(3) if (k, m) in t]
            if terms:
                first[i, m] = sum(terms[1:], start=terms[0])
    out = []
    for i, j in PAIRS[6]:
        terms = [first[i, m] * g[j, m] for m in range(3) if (i, m) in first]
        total = sum(terms[1:], start=terms[0]) if terms else jnp.zeros_like(g[0, 0])
        out.append(total if i == j else ROOT * total)
    return tuple(out)
