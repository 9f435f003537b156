"""Composite voxels: a voxel that an interface cuts gets the tensor of the laminate of what lies on its two sides.

**They belong to the schemes that see one strain per voxel, `rotated` and `fourier`.** The laminate tensor relates the mean stress to
the mean strain of a voxel whose displacement has a kink. A finite element also charges what the kink leaves in the bilinear part
of the corner displacements, its hourglass modes, as a strain of the mixed material. But the energy of the kink is in the laminate
tensor already. What is charged twice is of order one in each interface voxel, so the effective tensor is too stiff by an amount of
order h, which no tensor for the voxel removes. Measured for a disc (fraction 0.3, contrast 10, 64², error of C11): finite_element
3.3e-3, rotated 0.4e-3. Of the hourglass energy 87 % sit in the 3.8 % of voxels at the interface; finite elements without it there
err by 0.8e-3, with it there alone by 2.8e-3. Layers across (1, 1), of any share, are exact with rotated on odd grids, and err by
order h with finite_element.

**What is left is of order h, too, with a small factor**: the gradient that a voxel takes from its corners is not the mean of the
kinked one, and is not along the normal. Fractions over windows of two voxels (`width=2` in jaxmicro.microstructures) make the
profile smooth enough for the grid, and remain exact for layers. On the disc the order is then above 2 down to errors of 1e-4 with
rotated and 1e-5 with fourier; layers across (2, 1) with fourier err 300 times less than with plain voxels. Where a radius is
less than about 15 voxels, windows of one are the better ones.

**They pay for moderate contrasts.** At contrast 1000 the factor grows, because the corner gradient strains the stiff direction of
the laminate: rotated gains little for discs and loses for oblique layers, fourier gains a factor of 4. Laminates with a void have
no stiffness across, however thin the void: plain voxels are better for holes, and solves with composite ones may not converge.
Soft inclusions (contrast 0.1) with finite_element are an exception: the laminate is too soft there, and hourglass energy makes up
for part of it. benchmarks/composite_voxels.py holds all errors and orders.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float

from jaxmicro._core import as_float_arrays, check, check_shape, is_concrete
from jaxmicro.fields import Kinematics, conduction, elasticity

ROUNDING = 64  # a share below this many eps is absent, and one this near to 1 is alone
PIVOT = 4  # a pivot below this many eps of the largest entry is zero: the tensor has no stiffness there, and what it divides is zero, too
SLACK = 1e-4  # what fractions may miss of [0, 1], as in a Microstructure


def composite_stiffness(
    fraction: Float[ArrayLike, "*grid"],
    normal: Float[ArrayLike, "d *grid"],
    C0: Float[ArrayLike, "m m ..."],
    C1: Float[ArrayLike, "m m ..."],
) -> Float[Array, "m m *grid"]:
    """Stiffness of voxels that hold two phases with a plane interface between them: the laminate rule, exact for layers.

    C = f₀ C₀ + f₁ C₁ − f₀ f₁ ΔC N (Nᵀ (f₀ C₁ + f₁ C₀) N)⁻¹ Nᵀ ΔC,   ΔC = C₁ − C₀,   N a = sym(a ⊗ n),

    which relates mean stress to mean strain where strains jump by some a ⊗ n and tractions are equal. The shares of the inverse
    are crossed, so that it is as large as the stiffer phase, and a void divides by nothing. With a void C keeps only what it
    takes to strain the other phase with no traction on the layer, however thin the void is.

    Args:
        fraction: share of phase 1 in each voxel, (*grid), in [0, 1].
        normal: normal of the interface, (d, *grid), d = 2 or 3, of any length and sign; not looked at where a voxel is pure.
        C0: stiffness of phase 0, (m, m) or a field (m, m, *grid), Mandel: m = 3 in plane, m = 6 in 3D or columnar (d = 2).
        C1: stiffness of phase 1, likewise.

    Returns:
        (m, m, *grid) in the unit of the constants; exactly C0 or C1 where the fraction is 0 or 1.

    Raises:
        ValueError: if shapes do not fit, a fraction leaves [0, 1], or a normal has no length where a voxel holds both phases.
            Under a tracer such voxels are NaN.

    Differentiable in all arguments in both modes. In a pure voxel without a normal the derivative is that of the mean of C;
    where a phase is exactly zero it is one-sided.

    References:
        Kabel, Merkert & Schneider (2015), doi:10.1016/j.cma.2015.06.003; Milton (2002), The Theory of Composites, chapter 9,
        doi:10.1017/CBO9780511613357.

    Example:
        >>> C0, C1 = jnp.eye(3), 4 * jnp.eye(3)  # halves, across x: harmonic mean for xx and xy, arithmetic for yy
        >>> composite_stiffness(jnp.full((2, 2), 0.5), jnp.ones((2, 2, 2)).at[1].set(0.0), C0, C1)[:, :, 0, 0].diagonal().tolist()
        [1.6, 2.5, 1.6]
    """
    f, n, c0, c1 = as_float_arrays(fraction=fraction, normal=normal, C0=C0, C1=C1)
    _check_shapes(f, n, {"C0": c0, "C1": c1})
    d, m = n.shape[0], c0.shape[0] if c0.ndim else 0
    fits = {2: (3, 6), 3: (6,)}[d]
    check(
        m in fits, f"`C0` must be {' or '.join(f'({k}, {k})' for k in fits)} for a normal with {d} components, but its shape is {c0.shape}."
    )
    return _checked(elasticity(d, m), f, n, c0, c1)


def composite_conductivity(
    fraction: Float[ArrayLike, "*grid"],
    normal: Float[ArrayLike, "d *grid"],
    k0: Float[ArrayLike, "..."],
    k1: Float[ArrayLike, "..."],
) -> Float[Array, "d d *grid"]:
    """Conductivity of voxels that hold two phases with a plane interface between them: the laminate rule, exact for layers.

    k = f₀ k₀ + f₁ k₁ − f₀ f₁ (Δk n) (Δk n)ᵀ / (n · (f₀ k₁ + f₁ k₀) n): arithmetic mean along the layers, harmonic across.

    Args:
        fraction: share of phase 1, as in `composite_stiffness`.
        normal: normal of the interface, as in `composite_stiffness`.
        k0: conductivity of phase 0: a number, a tensor (d, d) or a field of tensors (d, d, *grid).
        k1: conductivity of phase 1, likewise.

    Returns:
        (d, d, *grid) in the unit of the constants.

    Raises:
        ValueError: as `composite_stiffness`, whose sources and derivatives are the same.

    Example:
        >>> k = composite_conductivity(jnp.full((2, 2), 0.5), jnp.ones((2, 2, 2)).at[1].set(0.0), 1.0, 4.0)
        >>> k[:, :, 0, 0].tolist()
        [[1.6, 0.0], [0.0, 2.5]]
    """
    f, n, a, b = as_float_arrays(fraction=fraction, normal=normal, k0=k0, k1=k1)
    d = n.shape[0] if n.ndim else 0
    a, b = (k * jnp.eye(d, dtype=k.dtype) if k.ndim == 0 else k for k in (a, b))
    _check_shapes(f, n, {"k0": a, "k1": b})
    check(a.shape[:2] == (d, d), f"`k0` must be a number or ({d}, {d}), as the normal has {d} components, but its shape is {a.shape}.")
    return _checked(conduction(d), f, n, a, b)


def layered(
    kinematics: Kinematics,
    shares: Sequence[Float[Array, "*grid"]],
    tensors: Sequence[Float[Array, "m m ..."]],
    normal: Float[Array, "d *grid"],
) -> Float[Array, "m m *grid"]:
    """The laminate of any number of phases in every voxel, all with the voxel's normal.

    Layers with one normal may be joined two at a time in any order. The largest comes first, so that no share is divided by
    zero, and all derivatives are right in pure voxels, too. Without a normal it is the mean.

    Args:
        kinematics: elasticity or conduction.
        shares: of the phases, each (*grid).
        tensors: of the phases, each (m, m, *grid) or with edges of 1.
        normal: (d, *grid).
    """
    if len(shares) == 2:
        return laminated(kinematics, shares[1], normal, tensors[0], tensors[1])
    first = jnp.argmax(jnp.stack(shares), axis=0)
    total = jnp.max(jnp.stack(shares), axis=0)
    found = sum(jnp.where(first == p, tensor, 0.0) for p, tensor in enumerate(tensors))
    for p, (share, tensor) in enumerate(zip(shares, tensors, strict=True)):
        added = jnp.where(first == p, 0.0, share)
        total = total + added
        found = laminated(kinematics, added / total, normal, found, tensor)
    return found  # pyright: ignore[reportReturnType]


@functools.partial(jax.jit, static_argnames="kinematics")
def laminated(
    kinematics: Kinematics,
    fraction: Float[Array, "*grid"],
    normal: Float[Array, "d *grid"],
    c0: Float[Array, "m m ..."],
    c1: Float[Array, "m m ..."],
) -> Float[Array, "m m *grid"]:
    """The rule of `composite_stiffness`, unchecked; the mean of the tensors where there is no normal."""
    # Shares that are pure up to rounding are pure, but keep their derivative.
    f1 = fraction + jax.lax.stop_gradient(_cleaned(fraction) - fraction)
    f0 = 1 - f1
    length = jnp.max(jnp.abs(normal), axis=0)
    live = (length > 0) & jnp.isfinite(length)
    n = jnp.where(live, normal, 1.0) / jax.lax.stop_gradient(jnp.where(live, length, 1.0))  # the rule does not see its length
    pulls = [_traction(kinematics, n, c) for c in (c0, c1)]  # Nᵀ C, (c, m, *grid)
    acoustic = [_traction(kinematics, n, jnp.swapaxes(pull, 0, 1)) for pull in pulls]  # Nᵀ C N, (c, c, *grid)
    relaxed = _quadratic(f0 * acoustic[1] + f1 * acoustic[0], pulls[1] - pulls[0])
    return f0 * c0 + f1 * c1 - jnp.where(live, f0 * f1, 0.0) * relaxed


def check_interfaces(fraction: Float[Array, "*grid"], normal: Float[Array, "d *grid"], name: str) -> None:
    """Refuse concrete normals without length at interfaces; `name` is that of the argument."""
    if not is_concrete(fraction, normal):
        return
    bad = np.asarray(_without_normal(fraction, normal))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"`{name}` must have a length where a voxel holds two phases, but in {int(bad.sum())} of {int(_is_mixed(fraction).sum())} such voxels it has none "
            f"(the first is voxel {where} with a fraction of {float(fraction[where]):.4g} and the normal {normal[(slice(None), *where)].tolist()}). "
            "Take normals from jaxmicro.microstructures.interface_normals or from the gradient of a level set, or make those fractions 0 or 1."
        )


def poisoned(
    field: Float[Array, "m m *grid"], fraction: Float[Array, "*grid"], normal: Float[Array, "d *grid"]
) -> Float[Array, "m m *grid"]:
    """The field, NaN where a fraction leaves [0, 1] or an interface has no normal."""
    outside = ~((fraction >= -SLACK) & (fraction <= 1 + SLACK))
    return jnp.where(outside | _without_normal(fraction, normal), jnp.nan, field)


def _checked(kinematics: Kinematics, fraction: Array, normal: Array, c0: Array, c1: Array) -> Array:
    if is_concrete(fraction):
        low, high = float(jnp.min(fraction)), float(jnp.max(fraction))
        check(
            low >= -SLACK and high <= 1 + SLACK,
            f"`fraction` must lie in [0, 1], but it spans [{low:g}, {high:g}]. Clip it, or divide by what a full voxel has.",
        )
    check_interfaces(fraction, normal, "normal")
    wide = [c.reshape(c.shape + (1,) * (fraction.ndim + 2 - c.ndim)) for c in (c0, c1)]
    return poisoned(laminated(kinematics, fraction, normal, *wide), fraction, normal)


def _check_shapes(fraction: Array, normal: Array, tensors: dict[str, Array]) -> None:
    check_shape("normal", normal, ("d", *fraction.shape), "Normals have their 2 or 3 components first and then the shape of `fraction`.")
    check(normal.shape[0] in (2, 3), f"`normal` must have 2 or 3 components first, but its shape is {normal.shape}.")
    sizes = {c.shape[:2] for c in tensors.values()}
    for name, c in tensors.items():
        whole = c.ndim >= 2 and c.shape[0] == c.shape[1] and len(sizes) == 1 and c.shape[2:] in ((), fraction.shape)
        check(
            whole,
            f"`{name}` must be (m, m) or (m, m, {', '.join(map(str, fraction.shape))}) with one m for both phases, "
            f"but the shapes are {' and '.join(str(t.shape) for t in tensors.values())}.",
        )


def _is_mixed(fraction: Array) -> Bool[Array, "*grid"]:
    rounding = ROUNDING * jnp.finfo(fraction.dtype).eps
    return (fraction > rounding) & (fraction < 1 - rounding)


def _cleaned(fraction: Array) -> Array:
    return jnp.where(_is_mixed(fraction) | jnp.isnan(fraction), fraction, jnp.round(fraction))


def _without_normal(fraction: Array, normal: Array) -> Bool[Array, "*grid"]:
    length = jnp.max(jnp.abs(normal), axis=0)
    return _is_mixed(fraction) & ~((length > 0) & jnp.isfinite(length))


def _traction(kinematics: Kinematics, normal: Array, tensor: Array) -> Array:
    """Nᵀ on the first index of (m, k, …): (c, k, …)."""
    rows: list[Array] = [jnp.zeros((), tensor.dtype)] * kinematics.components
    for k, component, axis, factor in kinematics.table:
        rows[component] = rows[component] + factor * normal[axis] * tensor[k]
    return jnp.stack(rows)


def _quadratic(matrix: Float[Array, "c c *grid"], rows: Float[Array, "c m *grid"]) -> Float[Array, "m m *grid"]:
    """Rᵀ A⁻¹ R by elimination, a symmetric rank one at a time; a zero pivot of the semi-definite A leaves nothing to divide."""
    count = matrix.shape[0]
    smallest = PIVOT * jnp.finfo(matrix.dtype).eps * jnp.max(jnp.abs(matrix), axis=(0, 1))
    a, r = {(i, j): matrix[i, j] for i in range(count) for j in range(i, count)}, list(rows)
    total = jnp.zeros((), matrix.dtype)
    for k in range(count):
        free = a[k, k] <= smallest
        inverse = jnp.where(free, 0.0, 1.0 / jnp.where(free, 1.0, a[k, k]))
        total = total + r[k][:, None] * r[k][None, :] * inverse
        for i in range(k + 1, count):
            factor = a[k, i] * inverse
            r[i] = r[i] - factor * r[k]
            for j in range(i, count):
                a[i, j] = a[i, j] - factor * a[k, j]
    return total
