"""Directional moduli, measures of anisotropy, the nearest cubic tensor and wave speeds, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.fields import mandel_to_tensor, tensor_to_mandel
from jaxmicro.homogenization import (
    cubic_axes,
    directional_poisson,
    directional_shear,
    directional_young,
    distance_to_cubic,
    distance_to_isotropic,
    linear_compressibility,
    moduli,
    nearest_cubic,
    wave_polarizations,
    wave_speeds,
)
from jaxmicro.materials import cubic_stiffness, hexagonal_stiffness, isotropic_stiffness, lame_stiffness, plane_stiffness
from jaxmicro.orientations import random_orientations, rotate_in_plane, rotate_stiffness, rotation_mandel, rotation_mandel_in_plane
from tests.homogenization.references import random_stiffness

C11, C12, C44 = 168.9, 121.8, 75.8  # copper
COPPER = np.asarray(cubic_stiffness(C11, C12, C44))
SKEW = jm.orientations.from_euler(np.array([0.5, 0.7, 0.2]))
ROUNDING = 1e-12
TRICLINIC = {3: random_stiffness(np.random.default_rng(0), 3), 6: random_stiffness(np.random.default_rng(1), 6)}


def frame(seed, d):
    """Two perpendicular unit vectors in general position."""
    q = np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]
    return q[:, 0], q[:, 1]


# Directional moduli -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6])
def test_directional_moduli_are_those_of_a_load_in_that_direction(size):
    """Stress along n⊗n or m⊗n, strain by the compliance, read off as in a test."""
    c = TRICLINIC[size]
    n, m = frame(2, 2 if size == 3 else 3)
    strain = np.asarray(mandel_to_tensor(np.linalg.solve(c, np.asarray(tensor_to_mandel(np.outer(n, n))))))
    assert float(directional_young(c, n)) == pytest.approx(1 / (n @ strain @ n), rel=ROUNDING)
    assert float(directional_poisson(c, n, m)) == pytest.approx(-(m @ strain @ m) / (n @ strain @ n), rel=ROUNDING)
    sheared = np.asarray(mandel_to_tensor(np.linalg.solve(c, np.asarray(tensor_to_mandel(np.outer(m, n) + np.outer(n, m))))))
    assert float(directional_shear(c, m, n)) == pytest.approx(1 / (2 * m @ sheared @ n), rel=ROUNDING)
    assert float(directional_shear(c, n, m)) == pytest.approx(float(directional_shear(c, m, n)), rel=ROUNDING)
    squeezed = np.asarray(mandel_to_tensor(np.linalg.solve(c, np.asarray(tensor_to_mandel(np.eye(len(n)))))))
    assert float(linear_compressibility(c, n)) == pytest.approx(n @ squeezed @ n, rel=ROUNDING)
    axes = np.eye(len(n))
    assert float(jnp.sum(linear_compressibility(c, axes))) == pytest.approx(1 / float(moduli(c).bulk), rel=ROUNDING)


def test_shear_of_a_cubic_crystal_has_its_closed_form():
    assert float(directional_shear(COPPER, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))) == pytest.approx(C44)
    assert float(directional_shear(COPPER, np.array([1.0, 1, 0]), np.array([1.0, -1, 0]))) == pytest.approx((C11 - C12) / 2)
    slip = directional_shear(COPPER, np.array([1.0, -1, 0]), np.array([1.0, 1, 1]))
    assert float(slip) == pytest.approx(3 * C44 * (C11 - C12) / (4 * C44 + C11 - C12))
    assert np.allclose(linear_compressibility(COPPER, np.eye(3)), 1 / (C11 + 2 * C12))  # the same in all directions


def test_directional_moduli_of_a_round_solid_are_its_constants():
    c = isotropic_stiffness(210.0, 0.3)
    pairs = np.stack([np.stack(frame(seed, 3)) for seed in range(5)], axis=-1)  # (2, 3, 5)
    assert np.allclose(directional_young(c, pairs[0]), 210.0)
    assert np.allclose(directional_shear(c, pairs[0], pairs[1]), 210.0 / 2.6)
    assert np.allclose(directional_poisson(c, pairs[0], pairs[1]), 0.3)
    sheet = isotropic_stiffness(210.0, 0.3, dim=2, plane="stress")
    n, m = frame(0, 2)
    assert float(directional_poisson(sheet, n, m)) == pytest.approx(0.3)
    assert float(directional_shear(sheet, n, m)) == pytest.approx(210.0 / 2.6)


def test_lengths_of_directions_do_not_matter_and_small_overlaps_are_removed():
    n, m = frame(4, 3)
    for function in (directional_shear, directional_poisson):
        exact = float(function(COPPER, n, m))
        assert float(function(COPPER, 3 * n, 0.1 * m)) == pytest.approx(exact, rel=ROUNDING)
        assert float(function(COPPER, n, m + 5e-4 * n)) == pytest.approx(exact, rel=ROUNDING)
    assert float(directional_young(COPPER, 7 * n)) == pytest.approx(float(directional_young(COPPER, n)), rel=ROUNDING)


@pytest.mark.parametrize("function", [directional_shear, directional_poisson])
def test_vectors_that_make_no_plane_are_refused(as_user, function):
    x, y = np.eye(3)[:2]
    with pytest.raises(ValueError, match=r"must be perpendicular, but the cosine of their angle is 0\.707"):
        function(COPPER, x, x + y)
    with pytest.raises(ValueError, match="vectors of some length, but one is zero"):
        function(COPPER, x, 0 * x)
    with pytest.raises(ValueError, match=r"must have 3 components first, but its shape is \(2,\)"):
        function(COPPER, x[:2], y)
    with pytest.raises(ValueError, match=r"must have one shape, but theirs are \(3,\) and \(3, 1\)"):
        function(COPPER, x, y[:, None])
    with pytest.raises(ValueError, match=r"must be \(3, 3\) or \(6, 6\), but its shape is \(4, 4\)"):
        function(np.eye(4), x, y)
    assert np.isnan(jax.jit(lambda m: function(COPPER, x, m))(x + y))
    assert np.isnan(jax.jit(lambda m: directional_young(COPPER, m))(0 * x))


def test_directional_moduli_have_derivatives():
    n, m = map(jnp.asarray, frame(6, 3))
    c = jnp.asarray(TRICLINIC[6])
    check_grads(jax.jit(directional_young), (c, n), order=1, modes=["fwd", "rev"], rtol=1e-6)
    check_grads(jax.jit(lambda c: directional_shear(c, m, n)), (c,), order=1, modes=["fwd", "rev"], rtol=1e-6)
    check_grads(jax.jit(lambda c: directional_poisson(c, n, m)), (c,), order=1, modes=["fwd", "rev"], rtol=1e-6)
    check_grads(jax.jit(linear_compressibility), (c, n), order=1, modes=["fwd", "rev"], rtol=1e-6)
    assert abs(float(n @ jax.grad(directional_young, argnums=1)(c, n))) < 1e-12  # along the sphere
    assert directional_shear(np.float32(COPPER), np.float32([1, 0, 0]), np.float32([0, 1, 0])).dtype == jnp.float32


# Anisotropy -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6])
def test_voigt_and_reuss_are_means_over_all_rotations(size):
    c = TRICLINIC[size]
    if size == 3:
        turns = np.asarray(rotation_mandel_in_plane(np.arange(8) * np.pi / 8))  # exact for harmonics up to order four
    else:
        turns = np.asarray(rotation_mandel(random_orientations(jax.random.key(0), 40000)))
    mean = np.einsum("kin,kl,ljn->ij", turns, c, turns) / turns.shape[-1]
    soft = np.einsum("kin,kl,ljn->ij", turns, np.linalg.inv(c), turns) / turns.shape[-1]
    voigt, reuss, m = moduli(mean), moduli(np.linalg.inv(soft)), moduli(c)
    tolerance = 1e-12 if size == 3 else 0.02  # of 40,000 random rotations
    assert float(m.bulk_voigt) == pytest.approx(float(voigt.bulk), rel=tolerance)
    assert float(m.shear_voigt) == pytest.approx(float(voigt.shear[0]), rel=tolerance)
    assert float(m.bulk_reuss) == pytest.approx(float(reuss.bulk), rel=tolerance)
    assert float(m.shear_reuss) == pytest.approx(float(reuss.shear[0]), rel=tolerance)
    trace = np.trace(mean @ soft) - size
    assert float(m.universal_anisotropy) == pytest.approx(trace, rel=tolerance)
    assert m.in_plane == (size == 3)


def test_cubic_moduli_have_their_closed_forms():
    m, contrast = moduli(COPPER), 2 * C44 / (C11 - C12)  # Zener's ratio A
    assert float(m.shear_voigt) == pytest.approx((C11 - C12 + 3 * C44) / 5)
    assert float(m.shear_reuss) == pytest.approx(5 * (C11 - C12) * C44 / (4 * C44 + 3 * (C11 - C12)))
    assert float(m.bulk_voigt) == pytest.approx((C11 + 2 * C12) / 3)
    assert float(m.bulk_reuss) == pytest.approx((C11 + 2 * C12) / 3)
    assert float(m.universal_anisotropy) == pytest.approx(6 / 5 * (np.sqrt(contrast) - 1 / np.sqrt(contrast)) ** 2)
    assert float(moduli(isotropic_stiffness(3.0, 0.2)).universal_anisotropy) == pytest.approx(0.0, abs=1e-12)
    # A square with shear moduli a and b: A^U = 2 G_V/G_R − 2 = (a − b)²/(2 a b).
    square = moduli(nearest_cubic(np.diag([2.0, 2.0, 5.0])))
    assert float(square.universal_anisotropy) == pytest.approx((1.0 - 2.5) ** 2 / (2 * 1.0 * 2.5))


@pytest.mark.slow
def test_measures_of_anisotropy_have_derivatives_where_they_vanish():
    for c in (isotropic_stiffness(3.0, 0.2), isotropic_stiffness(3.0, 0.2, dim=2)):
        for measure in (
            lambda c: moduli(c).anisotropy,
            distance_to_isotropic,
            distance_to_cubic,
            lambda c: distance_to_cubic(c, align=True),
        ):
            assert np.isfinite(jax.grad(measure)(c)).all()
    check_grads(lambda c: moduli(c).universal_anisotropy, (jnp.asarray(TRICLINIC[6]),), order=1, modes=["fwd", "rev"], rtol=1e-6)
    assert float(distance_to_isotropic(np.zeros((6, 6)))) == 0.0


# Nearest cubic tensor ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 6])
def test_the_nearest_cubic_tensor_is_a_mean_over_the_symmetries_of_the_cube(size):
    c = TRICLINIC[size]
    if size == 3:
        mirror = np.diag([1.0, 1.0, -1.0])
        turns = [np.asarray(rotation_mandel_in_plane(k * np.pi / 2)) for k in range(4)]
        turns += [mirror @ t for t in turns]
    else:
        signs = [np.array(s) for s in np.ndindex(2, 2, 2)]
        cubes = [
            np.eye(3)[list(p)] * (1 - 2.0 * s) for p in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)) for s in signs
        ]
        turns = [np.asarray(rotation_mandel(jm.orientations.from_matrix(g))) for g in cubes if np.linalg.det(g) > 0]
        assert len(turns) == 24
    mean = sum(t.T @ c @ t for t in turns) / len(turns)
    assert np.allclose(nearest_cubic(c), mean, atol=1e-12 * np.abs(c).max() * 10)
    assert float(distance_to_cubic(c)) == pytest.approx(np.linalg.norm(c - mean) / np.linalg.norm(c), rel=ROUNDING)
    assert np.allclose(nearest_cubic(nearest_cubic(c)), nearest_cubic(c), rtol=ROUNDING)


def test_given_axes_turn_the_cube():
    turned = rotate_stiffness(COPPER, SKEW)
    assert np.allclose(nearest_cubic(turned, SKEW), turned, rtol=1e-10, atol=1e-10)
    assert float(distance_to_cubic(turned)) > 0.05
    square = nearest_cubic(np.diag([2.0, 2.0, 5.0]))
    assert np.allclose(nearest_cubic(rotate_in_plane(square, 0.3), 0.3), rotate_in_plane(square, 0.3), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("size", [3, 6])
def test_no_axes_fit_better_than_the_aligned_ones(size):
    aligned = jax.jit(lambda c: distance_to_cubic(c, align=True))
    for seed in range(6):
        c = random_stiffness(np.random.default_rng(seed), size)
        best = float(aligned(c))
        if size == 3:
            tried = jax.vmap(lambda a, c=c: distance_to_cubic(c, a))(jnp.linspace(0, np.pi / 2, 400))
        else:
            tried = jax.vmap(lambda q, c=c: distance_to_cubic(c, q), in_axes=1)(random_orientations(jax.random.key(seed), 4000))
        assert best <= float(tried.min()) + 1e-12
        assert best > float(tried.min()) - 0.02 * best  # and the best of many is near
        assert best <= float(distance_to_isotropic(c))


def test_turned_crystals_are_recognised():
    for seed in range(5):
        turned = rotate_stiffness(COPPER, random_orientations(jax.random.key(seed), ()))
        assert np.allclose(nearest_cubic(turned, align=True), turned, rtol=1e-9, atol=1e-9)
        assert float(distance_to_cubic(turned, align=True)) < 1e-9
    single = np.asarray(rotate_stiffness(COPPER, SKEW)).astype(np.float32)
    found = nearest_cubic(single, align=True)
    assert found.dtype == jnp.float32
    assert np.abs(found - single).max() < 1e-5 * np.abs(single).max()
    with pytest.raises(ValueError, match="but both are given"):
        nearest_cubic(COPPER, SKEW, align=True)
    with pytest.raises(ValueError, match=r"`axes` must have shape \(4,\) for a \(6, 6\) stiffness, but its shape is \(3,\)"):
        nearest_cubic(COPPER, np.zeros(3))


def test_the_derivative_follows_the_axes():
    c = jnp.asarray(rotate_stiffness(COPPER, SKEW)) / 100 + 0.1 * jnp.asarray(TRICLINIC[6])
    direction = jnp.asarray(np.random.default_rng(3).normal(size=(6, 6)))
    direction = direction + direction.T

    aligned = jax.jit(lambda c: nearest_cubic(c, align=True))
    tangent = jax.jvp(aligned, (c,), (direction,))[1]
    central = (aligned(c + 1e-5 * direction) - aligned(c - 1e-5 * direction)) / 2e-5
    assert np.abs(tangent - central).max() < 1e-6 * np.abs(central).max()
    fixed = nearest_cubic(direction, cubic_axes(c))
    assert np.abs(tangent - fixed).max() > 1e-2 * np.abs(tangent).max()  # the turn of the axes is no small part of it
    rows = jax.vjp(aligned, c)[1](direction)[0]
    assert float(jnp.vdot(rows, direction)) == pytest.approx(float(jnp.vdot(tangent, direction)), rel=1e-10)


# Rotations in the plane -------------------------------------------------------------------------------------------------


def test_rotation_in_the_plane_is_that_about_the_third_axis():
    angle = 0.4
    c = random_stiffness(np.random.default_rng(8), 6)
    turned = rotate_stiffness(c, jm.orientations.from_euler(np.array([angle, 0.0, 0.0])))
    assert np.allclose(rotate_in_plane(plane_stiffness(jnp.asarray(c)), angle), plane_stiffness(turned), rtol=1e-11, atol=1e-11)
    n = np.array([np.cos(angle), np.sin(angle)])
    assert float(directional_young(rotate_in_plane(TRICLINIC[3], angle), n)) == pytest.approx(
        float(directional_young(TRICLINIC[3], np.array([1.0, 0.0]))), rel=ROUNDING
    )


# Waves ------------------------------------------------------------------------------------------------------------------


def test_wave_speeds_of_a_round_solid():
    c, rho = isotropic_stiffness(200.0, 0.3), 7.8
    lame, shear = 200 * 0.3 / (1.3 * 0.4), 200 / 2.6
    n = np.stack([frame(seed, 3)[0] for seed in range(4)], axis=-1)
    speeds = wave_speeds(c, rho, n)
    assert speeds.shape == (3, 4)
    assert np.allclose(speeds[0], np.sqrt((lame + 2 * shear) / rho))
    assert np.allclose(speeds[1:], np.sqrt(shear / rho))
    flat = wave_speeds(isotropic_stiffness(200.0, 0.3, dim=2), rho, n[:2] + 0.1)
    assert np.allclose(flat, np.sqrt(np.array([lame + 2 * shear, shear]) / rho)[:, None])


def test_wave_speeds_of_a_cubic_crystal_have_their_closed_forms():
    rho = 8.96
    cases = {
        (1, 0, 0): (C11, C44, C44),
        (1, 1, 0): ((C11 + C12) / 2 + C44, C44, (C11 - C12) / 2),
        (1, 1, 1): ((C11 + 2 * C12 + 4 * C44) / 3, (C11 - C12 + C44) / 3, (C11 - C12 + C44) / 3),
    }
    for n, squares in cases.items():
        assert np.allclose(wave_speeds(COPPER, rho, np.array(n, float)), np.sqrt(np.array(squares) / rho))
    a = wave_polarizations(COPPER, rho, np.array([1.0, 1.0, 0.0]))
    assert np.allclose(np.abs(a), np.array([[1, 0, 1], [1, 0, 1], [0, np.sqrt(2), 0]]) / np.sqrt(2), atol=1e-12)
    assert np.allclose(a[:, 0], np.array([1, 1, 0]) / np.sqrt(2))


def test_polarizations_solve_the_christoffel_equation():
    c, rho, (n, _) = TRICLINIC[6], 2.0, frame(5, 3)
    speeds, a = wave_speeds(c, rho, n), np.asarray(wave_polarizations(c, rho, n))
    assert np.allclose(a.T @ a, np.eye(3), atol=1e-12)
    for mode in range(3):
        # A wave a exp(ik(n·x − vt)) has strain sym(a ⊗ n) and the traction ρ v² a across n.
        stress = mandel_to_tensor(c @ np.asarray(tensor_to_mandel(np.outer(a[:, mode], n))))
        assert np.allclose(stress @ n, rho * float(speeds[mode]) ** 2 * a[:, mode], rtol=1e-10, atol=1e-10)
    many = np.stack([frame(k, 3)[0] for k in range(3)], axis=-1)
    assert np.allclose(wave_polarizations(c, rho, many)[..., 1], wave_polarizations(c, rho, many[:, 1]))


def test_waves_in_fluids_and_voids():
    assert np.allclose(wave_speeds(lame_stiffness(2.25, 0.0), 1.0, np.array([1.0, 2.0, 3.0])), [1.5, 0.0, 0.0], atol=1e-7)
    assert np.asarray(wave_speeds(np.zeros((3, 3)), 1.0, np.array([1.0, 0.0]))).tolist() == [0.0, 0.0]
    slope = jax.grad(lambda c: jnp.sum(wave_speeds(c, 1.0, jnp.array([1.0, 0.0]))))(jnp.zeros((3, 3)))
    assert np.isfinite(slope).all()


def test_wave_speeds_have_derivatives():
    n = jnp.asarray(frame(3, 3)[0])
    check_grads(jax.jit(wave_speeds), (jnp.asarray(TRICLINIC[6]), 2.0, n), order=1, modes=["fwd", "rev"], rtol=1e-6)
    c = isotropic_stiffness(200.0, 0.3)  # two equal speeds: the sum is smooth
    check_grads(
        jax.jit(lambda scale: jnp.sum(wave_speeds(scale * c + 0.0 * COPPER, 7.8, n))), (1.0,), order=1, modes=["fwd", "rev"], rtol=1e-6
    )
    towards = jnp.asarray(hexagonal_stiffness(1.0, 0.3, 0.2, 1.5, 0.4))
    slope = jax.grad(lambda t: jnp.sum(wave_speeds(c + t * towards, 7.8, n)))(0.0)
    central = (jnp.sum(wave_speeds(c + 1e-4 * towards, 7.8, n)) - jnp.sum(wave_speeds(c - 1e-4 * towards, 7.8, n))) / 2e-4
    assert float(slope) == pytest.approx(float(central), rel=1e-6)
    assert wave_speeds(np.float32(COPPER), np.float32(8.96), np.float32([1, 0, 0])).dtype == jnp.float32


def test_waves_that_make_no_sense_are_refused(as_user):
    n = np.array([1.0, 0.0, 0.0])
    for density, text in ((0.0, "0"), (-1.0, "-1"), (np.inf, "inf")):
        with pytest.raises(ValueError, match=f"`density` must be positive, but it is {text}"):
            wave_speeds(COPPER, density, n)
    with pytest.raises(ValueError, match="`direction` must hold vectors of some length"):
        wave_speeds(COPPER, 1.0, 0 * n)
    with pytest.raises(ValueError, match="`direction` must have 3 components first"):
        wave_speeds(COPPER, 1.0, n[:2])
    with pytest.raises(ValueError, match=r"`density` must be one number, but its shape is \(2,\)"):
        wave_speeds(COPPER, np.ones(2), n)
    assert np.isnan(jax.jit(lambda r: wave_speeds(COPPER, r, n))(-1.0)).all()


@pytest.mark.parametrize(("dtype", "length"), [(np.float64, 1e-200), (np.float64, 1e200), (np.float32, 1e-25), (np.float32, 1e20)])
def test_directions_may_be_of_any_length(dtype, length):
    c, n = COPPER.astype(dtype), np.array([1.0, 2.0, -2.0], dtype)
    assert float(directional_young(c, dtype(length) * n)) == pytest.approx(float(directional_young(c, n)), rel=1e-6)


def test_a_list_of_numbers_follows_the_dtype_of_the_stiffness(as_user):
    assert directional_young(COPPER.astype(np.float32), [1.0, 0, 0]).dtype == np.float32


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0])
def test_directions_of_no_use_are_refused(bad):
    with pytest.raises(ValueError, match="`direction`"):
        jm.homogenization.directional_young(jnp.eye(6), jnp.array([bad, 0.0 if bad == 0 else 1.0, 0.0]))
