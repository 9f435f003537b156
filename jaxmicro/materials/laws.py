"""Linear laws: stress from strain, point by point, with constants that are fields on the grid.

One protocol serves elasticity (strain → stress) and conduction (gradient → flux):
- `components`: number m of strain components, `grid_shape`, `dtype`;
- `stress(strain)`: m component fields from m component fields, where None stands for a zero strain;
- `map_fields(f)`: the law with f applied to each field of constants, whose trailing axes are the grid;
- `softest()`: about the smallest eigenvalue of C̄⁻¹ C over all voxels, rather below it, for the estimate of the error;
- `mean()`: the volume average (m, m) of the tangent, which is also the reference medium;
- `size()`: one number per voxel that says how stiff it is: the mean of the diagonal;
- `fault()`: the reasons why the constants are not admissible, as traced flags (`Faults`);
- `tensor()`: the full (m, m, *grid) field, for inspection.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from jaxmicro._core import as_float_array, as_float_arrays, check, record, static
from jaxmicro.materials.definiteness import is_semidefinite

Strain = Sequence[Array | None]
MARGIN = 0.25  # of the smallest share of a diagonal entry in its mean, for the smallest eigenvalue


class Faults(NamedTuple):
    """Per voxel, what is wrong with the constants.

    `unknown` marks labels without a tensor, `void` voxels of zero stiffness, which some schemes take.
    """

    unknown: Bool[Array, "*grid"]
    non_finite: Bool[Array, "*grid"]
    asymmetric: Bool[Array, "*grid"]
    indefinite: Bool[Array, "*grid"]
    void: Bool[Array, "*grid"]


@record
class Tensor:
    """A full symmetric tensor per voxel: stiffness (m, m, *grid) in Mandel notation, or conductivity (d, d, *grid).

    A batch of cells is the same with one leading axis, and is taken apart before anything else is asked.
    """

    values: Float[Array, "..."]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_float_array("values", self.values))

    @property
    def components(self) -> int:
        """Number m of strain components."""
        return self.values.shape[0]

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.values.shape[2:]

    @property
    def dtype(self) -> jnp.dtype:
        """Floating type of the constants."""
        return self.values.dtype

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """σ_i = Σ_j C_ij ε_j."""
        zero = jnp.zeros(self.grid_shape, self.dtype)
        out = []
        for i in range(self.components):
            terms = [self.values[i, j] * e for j, e in enumerate(strain) if e is not None]
            out.append(sum(terms[1:], start=terms[0]) if terms else zero)
        return tuple(out)

    def map_fields(self, function: Callable[[Array], Array]) -> "Tensor":
        """The law with other fields of constants."""
        return Tensor(function(self.values))

    def packed(self) -> "Triangle":
        """The same law from its upper triangle: less memory to read, but derivatives would fall on one half."""
        return Triangle(jnp.stack([self.values[i, j] for i, j in zip(*np.triu_indices(self.components), strict=True)]))

    def size(self) -> Float[Array, "*grid"]:
        """Mean of the diagonal."""
        return jnp.mean(jnp.stack([self.values[i, i] for i in range(self.components)]), axis=0)

    def softest(self) -> Float[Array, ""]:
        """From the diagonals, with a margin for what anisotropy hides there."""
        return _softest(self.values, self.mean())

    def mean(self) -> Float[Array, "m m"]:
        """Volume average, symmetrised."""
        average = jnp.mean(self.values, axis=tuple(range(2, self.values.ndim)))
        return 0.5 * (average + average.T)

    def tensor(self) -> Float[Array, "m m *grid"]:
        """The field itself."""
        return self.values

    def faults(self) -> Faults:
        """What is wrong, voxel by voxel."""
        c = self.values
        size = jnp.max(jnp.abs(c), axis=(0, 1))
        slack = 64 * jnp.finfo(c.dtype).eps * size
        skew = jnp.max(jnp.abs(c - jnp.swapaxes(c, 0, 1)), axis=(0, 1))
        return Faults(
            unknown=jnp.zeros(c.shape[2:], bool),
            non_finite=~jnp.all(jnp.isfinite(c), axis=(0, 1)),
            asymmetric=skew > slack,
            indefinite=~is_semidefinite(c),
            void=_diagonal_minimum(c) <= 0,
        )


@record
class Triangle:
    """The upper triangle of a symmetric tensor per voxel, row by row: (m (m + 1)/2, *grid). For kernels."""

    values: Float[Array, "k *grid"]

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.values.shape[1:]

    def map_fields(self, function: Callable[[Array], Array]) -> "Triangle":
        """The law with other fields of constants."""
        return Triangle(function(self.values))

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """σ_i = Σ_j C_ij ε_j."""
        m = len(strain)
        place = np.zeros((m, m), int)
        place[np.triu_indices(m)] = np.arange(m * (m + 1) // 2)
        out = []
        for i in range(m):
            terms = [self.values[place[min(i, j), max(i, j)]] * e for j, e in enumerate(strain) if e is not None]
            out.append(sum(terms[1:], start=terms[0]) if terms else jnp.zeros(self.grid_shape, self.values.dtype))
        return tuple(out)


def _diagonal_minimum(c: Float[Array, "m m *grid"]) -> Float[Array, "*grid"]:
    return jnp.min(jnp.stack([c[i, i] for i in range(c.shape[0])]), axis=0)


def _softest(values: Float[Array, "m m ..."], mean: Float[Array, "m m"]) -> Float[Array, ""]:
    shares = [_share(values[i, i], mean[i, i]) for i in range(mean.shape[0])]
    return MARGIN * jnp.min(jnp.stack(shares))


def _share(field: Float[Array, "..."], mean: Float[Array, ""]) -> Float[Array, ""]:
    """Smallest value over the mean; 0 where the mean vanishes."""
    return jnp.where(mean > 0, jnp.min(field) / jnp.where(mean > 0, mean, 1.0), 0.0)


@record
class Scalar:
    """An isotropic conductivity per voxel, (*grid)."""

    values: Float[Array, "*grid"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", as_float_array("values", self.values))

    @property
    def components(self) -> int:
        """Number d of gradient components."""
        return self.values.ndim

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.values.shape

    @property
    def dtype(self) -> jnp.dtype:
        """Floating type of the constants."""
        return self.values.dtype

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """Flux q = k g (with the sign of the gradient)."""
        return tuple(jnp.zeros_like(self.values) if g is None else self.values * g for g in strain)

    def map_fields(self, function: Callable[[Array], Array]) -> "Scalar":
        """The law with another field of constants."""
        return Scalar(function(self.values))

    def size(self) -> Float[Array, "*grid"]:
        """The conductivity itself."""
        return self.values

    def softest(self) -> Float[Array, ""]:
        """Smallest over mean conductivity: exact."""
        return _share(self.values, jnp.mean(self.values))

    def mean(self) -> Float[Array, "d d"]:
        """Volume average times the identity."""
        return jnp.mean(self.values) * jnp.eye(self.components, dtype=self.dtype)

    def tensor(self) -> Float[Array, "d d *grid"]:
        """The full tensor field."""
        eye = jnp.eye(self.components, dtype=self.dtype)
        return eye.reshape(eye.shape + (1,) * self.values.ndim) * self.values

    def faults(self) -> Faults:
        """What is wrong, voxel by voxel."""
        k = self.values
        none = jnp.zeros(k.shape, bool)
        return Faults(none, ~jnp.isfinite(k), none, k < 0, k == 0)


@record
class Isotropic:
    """Isotropic elasticity with two numbers per voxel: σ = λ tr(ε) 1 + 2 μ ε.

    Args:
        lame_lambda: first Lamé constant λ, (*grid).
        shear: shear modulus μ, (*grid).
        components: 3 for plane strain on a 2D grid, 6 for the columnar problem and for 3D; by default 3 in 2D, 6 in 3D.

    Example:
        >>> law = Isotropic(jnp.ones((4, 4)), jnp.ones((4, 4)))
        >>> law.tensor()[:, :, 0, 0].tolist()
        [[3.0, 1.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 2.0]]
    """

    lame_lambda: Float[Array, "*grid"]
    shear: Float[Array, "*grid"]
    components: int = static(default=0)

    def __post_init__(self) -> None:
        lame, shear = jnp.broadcast_arrays(*as_float_arrays(lame_lambda=self.lame_lambda, shear=self.shear))
        object.__setattr__(self, "lame_lambda", lame)
        object.__setattr__(self, "shear", shear)
        if self.components == 0:
            object.__setattr__(self, "components", 6 if shear.ndim == 3 else 3)
        check(self.components in (3, 6), f"`components` must be 3 or 6, but it is {self.components}.")

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.shear.shape

    @property
    def dtype(self) -> jnp.dtype:
        """Floating type of the constants."""
        return self.shear.dtype

    @property
    def _axes(self) -> int:
        return 3 if self.components == 6 else 2

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """σ_k = λ tr ε [k normal] + 2 μ ε_k."""
        normals = [e for e in strain[: self._axes] if e is not None]
        pressure = self.lame_lambda * sum(normals[1:], start=normals[0]) if normals else None
        out = []
        for k, e in enumerate(strain):
            term = None if e is None else 2.0 * self.shear * e
            if k < self._axes and pressure is not None:
                term = pressure if term is None else pressure + term
            out.append(jnp.zeros_like(self.shear) if term is None else term)
        return tuple(out)

    def map_fields(self, function: Callable[[Array], Array]) -> "Isotropic":
        """The law with other fields of constants."""
        return Isotropic(function(self.lame_lambda), function(self.shear), self.components)

    def size(self) -> Float[Array, "*grid"]:
        """Mean of the diagonal of the stiffness."""
        return self.lame_lambda * (self._axes / self.components) + 2.0 * self.shear

    def softest(self) -> Float[Array, ""]:
        """Smallest over mean bulk or shear modulus: exact."""
        bulk = self.lame_lambda + 2.0 * self.shear / self._axes
        return jnp.minimum(_share(bulk, jnp.mean(bulk)), _share(self.shear, jnp.mean(self.shear)))

    def mean(self) -> Float[Array, "m m"]:
        """Volume average of the stiffness."""
        return _isotropic(jnp.mean(self.lame_lambda), jnp.mean(self.shear), self.components)

    def tensor(self) -> Float[Array, "m m *grid"]:
        """The full stiffness field."""
        return _isotropic(self.lame_lambda, self.shear, self.components)

    def faults(self) -> Faults:
        """What is wrong, voxel by voxel: μ ≥ 0 and the bulk modulus λ + 2μ/axes ≥ 0 are needed."""
        bulk = self.lame_lambda + 2.0 * self.shear / self._axes
        slack = 64 * jnp.finfo(self.dtype).eps * (jnp.abs(self.lame_lambda) + jnp.abs(self.shear))
        finite = jnp.isfinite(self.lame_lambda) & jnp.isfinite(self.shear)
        none = jnp.zeros(self.grid_shape, bool)
        return Faults(none, ~finite, none, (self.shear < 0) | (bulk < -slack), self.shear <= 0)


def _isotropic(lame: Array, shear: Array, components: int) -> Array:
    axes = 3 if components == 6 else 2
    normal = jnp.asarray([1.0] * axes + [0.0] * (components - axes), shear.dtype)
    extra = (1,) * shear.ndim
    pressure = jnp.outer(normal, normal).reshape((components, components, *extra))
    identity = jnp.eye(components, dtype=shear.dtype).reshape((components, components, *extra))
    return lame * pressure + 2.0 * shear * identity


@record
class Phases:
    """One constant tensor per phase, looked up by label: 36 numbers a phase instead of a voxel.

    Args:
        labels: phase index of each voxel, (*grid) integers from 0.
        table: tensors of the phases, (p, m, m).

    Differentiable in `table`.
    """

    labels: Int[Array, "*grid"]
    table: Float[Array, "p m m"]

    def __post_init__(self) -> None:
        kind = jnp.result_type(self.labels)
        check(jnp.issubdtype(kind, jnp.integer), f"`labels` must be whole numbers from 0, but their dtype is {kind}.", TypeError)
        object.__setattr__(self, "labels", jnp.asarray(self.labels))
        object.__setattr__(self, "table", as_float_array("table", self.table))

    @property
    def components(self) -> int:
        """Number m of strain components."""
        return self.table.shape[-1]

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.labels.shape

    @property
    def dtype(self) -> jnp.dtype:
        """Floating type of the constants."""
        return self.table.dtype

    def stress(self, strain: Strain) -> tuple[Array, ...]:
        """σ_i = Σ_j C_ij(label) ε_j."""
        out = []
        for i in range(self.components):
            terms = [self.table[:, i, j][self.labels] * e for j, e in enumerate(strain) if e is not None]
            out.append(sum(terms[1:], start=terms[0]) if terms else jnp.zeros(self.grid_shape, self.dtype))
        return tuple(out)

    def map_fields(self, function: Callable[[Array], Array]) -> "Phases":
        """The law with another field of labels."""
        return Phases(function(self.labels), self.table)

    def size(self) -> Float[Array, "*grid"]:
        """Mean of the diagonal, looked up."""
        return (jnp.trace(self.table, axis1=1, axis2=2) / self.components)[self.labels]

    def softest(self) -> Float[Array, ""]:
        """As for `Tensor`, of the phases in the table."""
        return _softest(jnp.moveaxis(self.table, 0, -1), self.mean())

    def mean(self) -> Float[Array, "m m"]:
        """Volume average."""
        shares = jnp.mean(self.labels.ravel()[None] == jnp.arange(self.table.shape[0])[:, None], axis=1, dtype=self.dtype)
        average = jnp.einsum("p,pij->ij", shares, self.table)
        return 0.5 * (average + average.T)

    def tensor(self) -> Float[Array, "m m *grid"]:
        """The full field."""
        return jnp.moveaxis(self.table[self.labels], (-2, -1), (0, 1))

    def faults(self) -> Faults:
        """What is wrong, voxel by voxel."""
        per_phase = Tensor(jnp.moveaxis(self.table, 0, -1)).faults()
        found = Faults(*(flags[self.labels] for flags in per_phase))
        return found._replace(unknown=(self.labels < 0) | (self.labels >= self.table.shape[0]))
