"""Mean-field estimates at their limits, their derivatives, jit, vmap and float32, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxmicro as jm
from jaxmicro.homogenization import differential, dilute, mean_field, mean_field_estimates, mori_tanaka, self_consistent
from jaxmicro.materials import isotropic_stiffness
from tests.daily import daily
from tests.homogenization.composites import METHODS, PAIRS, ROUNDING, VOID, from_moduli

# Limits -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.parametrize(("shape", "rows"), [("sphere", 6), ("disc", 3), ("fibre", 6), ("sphere", 3)])
def test_voids_as_matrix_carry_nothing_and_have_derivatives(method, shape, rows):
    solid = np.asarray({6: isotropic_stiffness(3.0, 0.2), 3: isotropic_stiffness(3.0, 0.2, dim=2) if shape == "disc" else np.eye(3)}[rows])
    found = mean_field(0 * solid, solid, 0.2, shape=shape, method=method)
    if shape == "fibre":  # stiff along the fibres alone
        assert 1e-12 < np.linalg.eigvalsh(found)[-1] < 0.2 * solid.max() + 1e-9
        assert np.abs(np.delete(np.asarray(found), 2, axis=0)).max() < 1e-12
    else:
        assert np.abs(found).max() < 1e-12
    slope = jax.jit(jax.grad(lambda c, f: mean_field(c, 0 * c, f, shape=shape, method=method)[0, 0], argnums=(0, 1)))
    for f in (0.0, 0.3, 0.8):
        assert all(np.isfinite(g).all() for g in slope(jnp.asarray(solid), f))


def test_equal_phases_are_themselves():
    c = np.asarray(isotropic_stiffness(3.0, 0.2))
    for method in METHODS:
        assert np.allclose(mean_field(c, c, 0.4, method=method), c, rtol=ROUNDING)
    assert not np.asarray(mean_field_estimates(VOID, VOID, 0.4).mori_tanaka).any()


# Derivatives, jit, vmap, float32 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "method"),
    daily(
        [
            ("spheres", "dilute"),
            ("spheres", "differential"),
            ("discs", "mori_tanaka"),
            ("fibres", "differential"),
            ("conducting fibres", "dilute"),
            *((pair, "self_consistent") for pair in PAIRS),
        ],
        ("spheres", "differential"),
        ("discs", "mori_tanaka"),
        ("conducting fibres", "dilute"),
        ("fibres", "self_consistent"),
        unpack=True,
    ),
)
def test_both_modes_match_finite_differences(pair, method):
    shape, c0, c1 = PAIRS[pair]

    def value(scale0, scale1, f):
        c = mean_field(scale0 * c0, scale1 * c1, f, shape=shape, method=method)
        return jnp.sum(jnp.sin(jnp.arange(1.0, c.size + 1).reshape(c.shape)) * c)

    check_grads(jax.jit(value), (1.2, 0.9, 0.35), order=1, modes=["fwd", "rev"], rtol=1e-6)


@pytest.mark.slow
def test_second_derivatives_of_the_self_consistent_estimate():
    c0, c1 = isotropic_stiffness(3.5, 0.33), isotropic_stiffness(71.0, 0.22)
    check_grads(jax.jit(lambda f: self_consistent(c0, c1, f)[0, 0]), (0.35,), order=2, modes=["fwd", "rev"], rtol=1e-5)


def test_the_slope_at_a_full_volume():
    # Removing a little of the inclusion is a dilute suspension of the matrix in it for the self-consistent scheme.
    c0, c1 = (np.asarray(isotropic_stiffness(*pair)) for pair in ((3.5, 0.33), (71.0, 0.22)))
    slope = jax.jit(jax.jacfwd(lambda f: self_consistent(c0, c1, f)))(1.0)
    back = jax.jit(jax.jacfwd(lambda f: dilute(c1, c0, f)))(0.0)
    assert np.allclose(slope, -back, rtol=1e-9, atol=1e-9)
    path = jax.jit(lambda f: differential(c0, c1, f))
    one_sided = (path(1.0) - path(1.0 - 1e-5)) / 1e-5
    assert np.allclose(jax.jit(jax.jacfwd(path))(1.0), one_sided, rtol=1e-3)


@pytest.mark.parametrize("method", daily(METHODS, "dilute", "self_consistent"))
def test_jit_and_vmap_agree_with_single_calls(method):
    shape, c0, c1 = PAIRS["fibres"]
    fractions = jnp.array([0.0, 0.2, 0.6, 1.0])
    mapped = jax.jit(jax.vmap(lambda f: mean_field(c0, c1, f, shape=shape, method=method)))(fractions)
    single = jnp.stack([mean_field(c0, c1, f, shape=shape, method=method) for f in fractions])
    assert np.allclose(mapped, single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("pair", daily(["spheres", "fibres", "conducting discs"], "fibres"))
def test_float32_stays_float32(pair):
    shape, c0, c1 = PAIRS[pair]
    double = mean_field_estimates(c0, c1, 0.4, shape=shape)
    single = mean_field_estimates(np.float32(c0), np.float32(c1), 0.4, shape=shape)
    for method in METHODS:
        found, exact = getattr(single, method), getattr(double, method)
        assert found.dtype == jnp.float32
        assert np.abs(found - exact).max() < 1e-5 * np.abs(exact).max()
    voids = mean_field_estimates(np.float32(c0), 0 * np.float32(c0), np.float32(0.9), shape=shape)
    assert int(voids.status) == 0
    assert np.abs(voids.differential - mean_field(c0, 0 * c0, 0.9, shape=shape, method="differential")).max() < 1e-5 * c0.max()
    with jax.enable_x64(False):
        alone = mori_tanaka(np.float32(c0), np.float32(c1), 0.4, shape=shape)
    assert alone.dtype == jnp.float32
    assert np.abs(alone - double.mori_tanaka).max() < 1e-5 * np.abs(double.mori_tanaka).max()


# Bad input --------------------------------------------------------------------------------------------------------------

COPPER = jm.materials.constants("Cu").stiffness
SOLID = np.asarray(isotropic_stiffness(1.0, 0.3))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((SOLID, SOLID, 1.2), {}, r"`fraction` must lie in \[0, 1\], but it spans \[1.2, 1.2\]"),
        ((SOLID, SOLID, -0.1), {}, r"`fraction` must lie in \[0, 1\]"),
        ((SOLID, SOLID, np.nan), {}, r"`fraction` must"),
        ((SOLID, SOLID, np.array([0.1, 0.2])), {}, r"`fraction` must be one number, but its shape is \(2,\). Use jax.vmap"),
        ((COPPER, SOLID, 0.2), {}, r"`matrix` must be isotropic for shape='sphere', but its relative distance .* is 0.232"),
        ((SOLID, COPPER, 0.2), {"method": "self_consistent"}, r"`inclusion` must be isotropic .*Use method='dilute' or 'mori_tanaka'"),
        ((COPPER, SOLID, 0.2), {"shape": "fibre"}, r"`matrix` must be transversely isotropic about the fibres"),
        (
            (SOLID, SOLID[:3, :3], 0.2),
            {},
            r"`inclusion` must be \(6, 6\) for shape='sphere' beside the other phase, but its shape is \(3, 3\)",
        ),
        ((np.eye(4), np.eye(4), 0.2), {"shape": "disc"}, r"\(3, 3\) stiffness, a \(2, 2\) conductivity or a number for shape='disc'"),
        ((SOLID, 1.0, 0.2), {}, r"`inclusion` must be \(6, 6\) for"),
        ((SOLID, -SOLID, 0.2), {}, r"`inclusion` must be positive semi-definite, but it has the eigenvalue -2.5"),
        ((SOLID, np.full((6, 6), np.inf), 0.2), {}, r"`inclusion` must be finite"),
        ((from_moduli(1.0, 0.0), VOID, 0.2), {}, r"`inclusion` must resist compression .* void in a fluid"),
        ((SOLID, SOLID, 0.2), {"method": "mori-tanaka"}, r"`method` must be one of .*Did you mean 'mori_tanaka'"),
        ((SOLID, SOLID, 0.2), {"shape": "spheres"}, r"`shape` must be one of .*Did you mean 'sphere'"),
        ((SOLID, SOLID, 0.2), {"axis": 1}, r"`axis` is the direction of fibres, but the shape is 'sphere'"),
        ((SOLID, SOLID, 0.2), {"shape": "fibre", "axis": 3}, r"`axis` must be 0, 1 or 2, but it is 3"),
    ],
)
def test_what_makes_no_sense_is_refused(as_user, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        mean_field(*arguments, **options)


@pytest.mark.parametrize("method", daily(METHODS, "mori_tanaka", "self_consistent"))
def test_bad_input_is_nan_under_a_tracer(method):
    solve = jax.jit(lambda c0, c1, f: mean_field(c0, c1, f, method=method))
    assert np.isfinite(solve(SOLID, 2 * SOLID, 0.2)).all()
    assert np.isnan(solve(SOLID, 2 * SOLID, 1.1)).all()
    assert np.isnan(solve(COPPER, SOLID, 0.2)).all()
    assert np.isnan(solve(SOLID, COPPER, 0.2)).all() == (method in METHODS[2:])  # the others take any inclusion
    assert np.isnan(solve(SOLID, -SOLID, 0.2)).all()
    assert np.isnan(solve(SOLID, np.nan * SOLID, 0.2)).all()
    assert np.isnan(solve(from_moduli(1.0, 0.0), VOID, 0.2)).all()
    assert np.isnan(jax.jit(jax.grad(lambda f: mean_field(SOLID, 2 * SOLID, f, method=method)[0, 0]))(1.1))


def test_bad_input_has_its_status_under_a_tracer():
    traced = jax.jit(lambda f: mean_field_estimates(SOLID, 2 * SOLID, f))(1.1)
    assert int(traced.status) == jm.Status.BAD_INPUT
    assert np.isnan(traced.mori_tanaka).all()
