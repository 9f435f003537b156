"""Mean-field estimates of two-phase composites: one inclusion solved exactly, its neighbours replaced by their mean.

One formula serves spheres, discs and aligned circular fibres, elasticity and conduction; the shape enters by its Hill tensor.
Matrices must be round for the shape (isotropic; transversely isotropic about the fibres); an inclusion may be of any symmetry
in the dilute and Mori–Tanaka estimates.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from jaxmicro._core import (
    SolveError,
    Status,
    as_float_arrays,
    check,
    check_choice,
    check_finite,
    check_probability,
    is_concrete,
    poison,
    record,
    static,
)
from jaxmicro.homogenization.differential_scheme import differential_constants
from jaxmicro.homogenization.inclusions import (
    SHAPES,
    SIZES,
    Kind,
    basis,
    change_by,
    constants_of,
    hill,
    holding,
    kind_of,
    permutation,
    tensor_of,
)
from jaxmicro.homogenization.moduli import relative_distance
from jaxmicro.homogenization.self_consistency import self_consistent_constants
from jaxmicro.materials import is_semidefinite

METHODS = ("dilute", "mori_tanaka", "differential", "self_consistent")
ROUND = {"float64": 1e-9, "float32": 1e-5}  # relative distance up to which a phase counts as round: rounding of its constants

NEGATIVE = 64  # an eigenvalue counts as zero above minus this many eps for each row, relative to the largest entry

Tensor = Float[ArrayLike, "..."] | float
Outcome = tuple[Int[Array, ""], Int[Array, ""], Float[Array, ""]]


@record
class MeanField:
    """Four estimates of one composite; a pytree.

    Attributes:
        dilute, mori_tanaka, differential, self_consistent: tensors (m, m) in Mandel notation, or conductivities (d, d).
        status: how the self-consistent solve ended, a `Status` code; the other estimates need no iteration.
        steps: its Newton steps.
        residual: its relative residual.
        shape: `"sphere"`, `"disc"` or `"fibre"`.
    """

    dilute: Float[Array, "m m"]
    mori_tanaka: Float[Array, "m m"]
    differential: Float[Array, "m m"]
    self_consistent: Float[Array, "m m"]
    status: Int[Array, ""]
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    shape: str = static(default="sphere")


def mean_field(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *,
    shape: str = "sphere", method: str = "mori_tanaka", axis: int = 2,
) -> Float[Array, "m m"]:  # fmt: skip
    """Effective stiffness or conductivity of a matrix with inclusions, by a mean-field estimate.

    Args:
        matrix: stiffness in Mandel notation, or conductivity (tensor, or a number where it is isotropic). Spheres: (6, 6) or
            (3, 3), isotropic. Discs: in-plane (3, 3) or (2, 2), isotropic. Aligned circular fibres: (6, 6) or (3, 3), isotropic
            or transversely isotropic about the fibres.
        inclusion: likewise. Of any symmetry for `"dilute"` and `"mori_tanaka"`.
        fraction: volume fraction f of the inclusions, in [0, 1].
        shape: `"sphere"`, `"disc"` (a plane problem) or `"fibre"`.
        method: `"dilute"`: C₀ + f (C₁ − C₀) A with the localisation A = (I + P (C₁ − C₀))⁻¹ in a single inclusion. Right to first
            order in f only: it leaves the bounds for larger ones.
            `"mori_tanaka"`: each inclusion feels the mean strain of the matrix, C₀ + f (C₁ − C₀)(I + (1 − f) P (C₁ − C₀))⁻¹. For
            round phases it is the Hashin–Shtrikman bound on the side of the matrix.
            `"differential"`: inclusions added little by little; they never touch (voids percolate at f = 1 only).
            `"self_consistent"`: no phase is the matrix; the phases may be exchanged together with f and 1 − f. Voids leave no
            stiffness from f = 1/2 on (discs 1/3), and no conductivity from f = 2/3 on (discs 1/2).
        axis: direction of fibres, 0, 1 or 2.

    Returns:
        (m, m) in the unit of the phases.

    Raises:
        ValueError: for other shapes, a fraction outside [0, 1], phases that are not finite and positive semi-definite or not
            round where they must be, and voids in a fluid. Under a tracer the estimate is NaN then.
        SolveError: if the self-consistent equation could not be solved (NaN under a tracer).

    Differentiable in both modes in the phases and the fraction, the self-consistent one implicitly; phases that must be round have
    derivatives along round changes. At its percolation threshold the self-consistent estimate has a kink.

    References: Eshelby (1957), doi:10.1098/rspa.1957.0133; Hill (1965), doi:10.1016/0022-5096(65)90010-4 and
    doi:10.1016/0022-5096(65)90008-6; Mori & Tanaka (1973), doi:10.1016/0001-6160(73)90064-3; Benveniste (1987),
    doi:10.1016/0167-6636(87)90005-6; McLaughlin (1977), doi:10.1016/0020-7225(77)90058-1; Norris (1985),
    doi:10.1016/0167-6636(85)90002-X. For conduction these are the formulas of Maxwell (Mori–Tanaka) and Bruggeman (1935),
    doi:10.1002/andp.19354160705 (self-consistent, differential).

    Example:
        >>> from jaxmicro.materials import isotropic_stiffness
        >>> epoxy, glass = isotropic_stiffness(3.5, 0.33), isotropic_stiffness(71.0, 0.22)
        >>> c = mean_field(epoxy, glass, 0.3, shape="fibre")
        >>> [round(float(1 / jnp.linalg.inv(c)[i, i]), 2) for i in (0, 2)]  # across and along the fibres
        [6.09, 23.76]
    """
    check_choice("method", method, METHODS)
    c0, c1, f, kind, back = _prepared(matrix, inclusion, fraction, shape, axis, method in METHODS[2:])
    tensors, outcome = _estimate(c0, c1, f, kind, (method,))
    _report(method, tensors[method], outcome)
    return tensors[method][back[:, None], back]


def dilute(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *, shape: str = "sphere", axis: int = 2
) -> Float[Array, "m m"]:
    """The estimate of inclusions that do not feel each other, `mean_field(…, method="dilute")`: right to first order in f.

    Example:
        >>> dilute(1.0, 3.0, 0.25, shape="disc").tolist()
        [[1.25, 0.0], [0.0, 1.25]]
    """
    return mean_field(matrix, inclusion, fraction, shape=shape, method="dilute", axis=axis)


def mori_tanaka(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *, shape: str = "sphere", axis: int = 2
) -> Float[Array, "m m"]:
    """The estimate of Mori and Tanaka, `mean_field(…, method="mori_tanaka")`; of Maxwell for conduction.

    Example:
        >>> mori_tanaka(1.0, 0.0, 0.5, shape="disc").round(6).tolist()  # voids: (1 − f)/(1 + f)
        [[0.333333, 0.0], [0.0, 0.333333]]
    """
    return mean_field(matrix, inclusion, fraction, shape=shape, method="mori_tanaka", axis=axis)


def differential(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *, shape: str = "sphere", axis: int = 2
) -> Float[Array, "m m"]:
    """The estimate of inclusions that are added little by little, `mean_field(…, method="differential")`.

    Example:
        >>> differential(1.0, 0.0, 0.5).round(6).tolist()[0]  # voids in a conductor: (1 − f)^(3/2)
        [0.353553, 0.0, 0.0]
    """
    return mean_field(matrix, inclusion, fraction, shape=shape, method="differential", axis=axis)


def self_consistent(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *, shape: str = "sphere", axis: int = 2
) -> Float[Array, "m m"]:
    """The estimate in which each phase is an inclusion in the composite, `mean_field(…, method="self_consistent")`.

    Example:
        >>> self_consistent(1.0, 4.0, 0.5, shape="disc").round(6).tolist()  # the geometric mean
        [[2.0, 0.0], [0.0, 2.0]]
    """
    return mean_field(matrix, inclusion, fraction, shape=shape, method="self_consistent", axis=axis)


def mean_field_estimates(
    matrix: Tensor, inclusion: Tensor, fraction: Float[ArrayLike, ""] | float, *, shape: str = "sphere", axis: int = 2
) -> MeanField:
    """All four estimates of `mean_field` in one record, which also says how the self-consistent solve ended.

    Args:
        matrix: as in `mean_field`.
        inclusion: as in `mean_field`; round, because two of the estimates need it.
        fraction: as in `mean_field`.
        shape: as in `mean_field`.
        axis: as in `mean_field`.

    Returns:
        `MeanField`. It does not raise for a self-consistent solve that failed: look at its `status`.

    Raises:
        ValueError: as `mean_field`.

    Differentiable as `mean_field`.

    Example:
        >>> r = mean_field_estimates(1.0, 10.0, 0.3)
        >>> [round(float(k[0, 0]), 3) for k in (r.dilute, r.mori_tanaka, r.differential, r.self_consistent)]
        [1.675, 1.871, 2.027, 2.261]
    """
    c0, c1, f, kind, back = _prepared(matrix, inclusion, fraction, shape, axis, both=True)
    tensors, (status, steps, residual) = _estimate(c0, c1, f, kind, METHODS)
    turned = {method: tensor[back[:, None], back] for method, tensor in tensors.items()}
    return MeanField(**turned, status=status, steps=steps, residual=residual, shape=shape)


def hill_tensor(matrix: Tensor, *, shape: str = "sphere", axis: int = 2) -> Float[Array, "m m"]:
    """Hill's polarisation tensor P of one inclusion: the strain that a uniform stress released in it leaves, with a minus.

    A uniform polarisation τ in the inclusion makes the strain −P : τ there; Eshelby's tensor is P : C. With the acoustic
    tensor Γ(n) of the matrix, P is the mean of sym(n ⊗ Γ⁻¹(n) ⊗ n) over the directions n that the shape knows.

    Args:
        matrix: as in `mean_field`.
        shape: as in `mean_field`.
        axis: as in `mean_field`.

    Returns:
        (m, m), in the inverse unit of the matrix. Differentiable.

    Raises:
        ValueError: as `mean_field`.

    References: Hill (1965), doi:10.1016/0022-5096(65)90008-6; Walpole (1969), J. Mech. Phys. Solids 17, 235.

    Example:
        >>> hill_tensor(2.0, shape="disc").tolist()  # 1/(2 k)
        [[0.25, 0.0], [0.0, 0.25]]
    """
    c0, _, _, kind, back = _prepared(matrix, matrix, 0.0, shape, axis, both=True)
    tensor = poison(hill(constants_of(c0, kind), kind), _is_valid(c0, c0, jnp.zeros((), c0.dtype), kind, both=True))
    return tensor[back[:, None], back]


def _estimate(c0: Array, c1: Array, f: Array, kind: Kind, methods: tuple[str, ...]) -> tuple[dict[str, Array], Outcome]:
    """Estimates with fibres along the third axis, and how the self-consistent solve ended; NaN for bad input that is traced."""
    tensors, (status, steps, residual) = _compiled(c0, c1, f, kind, methods)
    if is_concrete(c0, c1, f):
        return tensors, (status, steps, residual)
    valid = _is_valid(c0, c1, f, kind, both=not set(methods) <= set(METHODS[:2]))
    return poison(tensors, valid), (jnp.where(valid, status, Status.BAD_INPUT).astype(jnp.int32), steps, residual)


@partial(jax.jit, static_argnames=("kind", "methods"))
def _compiled(c0: Array, c1: Array, f: Array, kind: Kind, methods: tuple[str, ...]) -> tuple[dict[str, Array], Outcome]:
    outcome: Outcome = (jnp.array(0, jnp.int32), jnp.array(0, jnp.int32), jnp.zeros((), c0.dtype))
    phases = jnp.stack([constants_of(c0, kind), constants_of(c1, kind)])
    tensors = {}
    for method in methods:
        if method == "differential":
            tensors[method] = tensor_of(differential_constants(phases[0], phases[1], f, kind), kind)
        elif method == "self_consistent":
            constants, outcome = self_consistent_constants(phases, jnp.stack([1 - f, f]), kind)
            tensors[method] = poison(tensor_of(constants, kind), outcome[0] == Status.CONVERGED)
        else:
            felt = 1 - f if method == "mori_tanaka" else jnp.ones_like(f)
            if len(methods) > 1:  # round phases
                tensors[method] = tensor_of(phases[0] + f * change_by(phases[1], phases[0], felt, kind), kind)
            else:
                tensors[method] = _located(c0, c1, f, felt, holding(phases[0], kind), kind)
    return tensors, outcome


def _located(c0: Array, c1: Array, f: Array, felt: Array, held: Array, kind: Kind) -> Array:
    """C₀ + f Δ (I + felt P Δ)⁻¹, Δ = C₁ − C₀, as C₀ + f Δ (T + felt Δ)⁻¹ T with T = P⁻¹, which has no division by a soft matrix."""
    u = jnp.asarray(basis(kind), c0.dtype)
    change = u @ (c1 - c0) @ u.T
    resists = jnp.isfinite(held)
    weight = jnp.where(resists, held, 1.0)  # along fibres P is zero, and the row of the system that of the identity
    system = jnp.diag(weight) + felt * jnp.where(resists[:, None], change, 0.0)
    idle = jnp.diagonal(system) <= 0  # neither the medium nor the inclusion resists: a void in a void
    system = system + jnp.diag(jnp.where(idle, 1 - jnp.diagonal(system), 0.0))
    tensor = c0 + f * (u.T @ change @ jnp.linalg.solve(system, jnp.diag(weight)) @ u)
    return 0.5 * (tensor + tensor.T)


def _is_valid(c0: Array, c1: Array, f: Array, kind: Kind, both: bool) -> Array:
    """What `_prepared` checks, for tracers."""
    good = (f >= 0) & (f <= 1) & _is_round(c0, kind) & is_semidefinite(c0) & is_semidefinite(c1)
    good &= ~is_bubbly(constants_of(c0, kind), constants_of(c1, kind), kind)
    return good & _is_round(c1, kind) if both else good


def _is_round(c: Array, kind: Kind) -> Array:
    return _distance(c, kind) <= ROUND[c.dtype.name]


def _distance(c: Array, kind: Kind) -> Array:
    """From the nearest tensor that is round for the shape."""
    return relative_distance(c, tensor_of(constants_of(c, kind), kind))


def is_bubbly(matrix: Float[Array, " c"], inclusion: Float[Array, " c"], kind: Kind) -> Bool[Array, ""]:
    """Whether constants are those of voids in a fluid: the first void takes all its bulk modulus, and no estimate makes sense.

    Example:
        >>> bool(is_bubbly(jnp.array([1.0, 0.0]), jnp.zeros(2), Kind("sphere", True)))
        True
    """
    shear = matrix[{"sphere": 1, "disc": 1, "fibre": 3}[kind.shape]] if kind.elastic else jnp.ones(())
    return (shear <= 0) & (matrix[0] > 0) & (inclusion[0] <= 0)


def _prepared(
    matrix: Tensor, inclusion: Tensor, fraction: ArrayLike | float, shape: str, axis: int, both: bool
) -> tuple[Array, Array, Array, Kind, np.ndarray]:
    """Checked tensors with fibres along the third axis, the kind, and the order that turns the components back."""
    check_choice("shape", shape, SHAPES)
    c0, c1, f = as_float_arrays(matrix=matrix, inclusion=inclusion, fraction=fraction)
    sizes = [c.shape[0] for c in (c0, c1) if c.ndim == 2]
    size = sizes[0] if sizes else SIZES[shape][1]
    kind = kind_of(shape, size)
    for name, c in (("matrix", c0), ("inclusion", c1)):
        fits = c.shape == (size, size) or (c.ndim == 0 and not kind.elastic)
        number = "" if kind.elastic else " or a number"
        check(fits, f"`{name}` must be ({size}, {size}){number} for shape={shape!r} beside the other phase, but its shape is {c.shape}.")
    check(f.ndim == 0, f"`fraction` must be one number, but its shape is {f.shape}. Use jax.vmap for several.")
    c0, c1 = (c * jnp.eye(size, dtype=c.dtype) if c.ndim == 0 else c for c in (c0, c1))
    order = permutation(kind, axis)
    c0, c1 = c0[order[:, None], order], c1[order[:, None], order]
    check_probability("fraction", f)
    check_finite("fraction", f)
    _check_phase("matrix", c0, kind, round_=True)
    _check_phase("inclusion", c1, kind, round_=both)
    check(
        not is_concrete(c0, c1) or not bool(is_bubbly(constants_of(c0, kind), constants_of(c1, kind), kind)),
        "`inclusion` must resist compression in a matrix without shear stiffness, but it is a void in a fluid. Give the matrix some shear modulus.",
    )
    return c0, c1, f, kind, np.argsort(order)


def _check_phase(name: str, c: Array, kind: Kind, round_: bool) -> None:
    """Refuse a concrete tensor that is not finite, not positive semi-definite, or not round where it must be."""
    if not is_concrete(c):
        return
    check_finite(name, c)
    host = np.asarray(c)
    smallest, rounding = float(np.linalg.eigvalsh(0.5 * (host + host.T))[0]), NEGATIVE * len(host) * np.finfo(host.dtype).eps
    check(smallest >= -rounding * np.abs(host).max(), f"`{name}` must be positive semi-definite, but it has the eigenvalue {smallest:.4g}.")
    far = float(_distance(c, kind)) if round_ else 0.0
    axes = "transversely isotropic about the fibres" if kind.shape == "fibre" else "isotropic"
    remedy = "Turn it, average it (isotropic_part)" if name == "matrix" else "Use method='dilute' or 'mori_tanaka', average it"
    check(
        far <= ROUND[c.dtype.name],
        f"`{name}` must be {axes} for shape={kind.shape!r}, but its relative distance to such a tensor is {far:.3g}. "
        f"{remedy}, or solve a cell (effective_stiffness).",
    )


def _report(method: str, tensor: Array, outcome: Outcome) -> None:
    status, steps, residual = outcome
    if is_concrete(tensor, status, steps, residual) and int(status) != Status.CONVERGED:
        code = Status(int(status))
        raise SolveError(
            f"`{method}` failed with status {code.name} after {int(steps)} steps at relative residual {float(residual):.2e}: {code.advice}."
        )
