import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxmicro.orientations import (
    from_axis_angle,
    inverse_pole_density,
    multiply,
    odf,
    pole_density,
    random_orientations,
    symmetry_operators,
    texture_index,
    to_matrix,
)
from tests.orientations.groups import GROUPS

KEY, OTHER = jax.random.split(jax.random.key(6))
N, PLACES = 15, 6
Q = random_orientations(KEY, N)
AT = random_orientations(OTHER, PLACES)
WEIGHTS = jnp.arange(1.0, N + 1)
CUBE = jnp.array([1.0, 0, 0, 0])
DIRECTIONS = jnp.asarray(np.random.default_rng(3).normal(size=(3, PLACES)))
H, R = (0.3, -1.0, 2.0), (1.0, 0.5, -0.2)  # oblique: 24 equivalents
WIDE = np.deg2rad(30.0)


def exponent(halfwidth):
    return np.log(0.5) / (2 * np.log(np.cos(halfwidth / 2)))


def sphere(along, around):
    """Points and weights that integrate polynomials of degree 2 along − 1 over the sphere; the weights sum to one."""
    z, w = np.polynomial.legendre.leggauss(along)
    phi = 2 * np.pi * (np.arange(around) + 0.3) / around
    flat = np.sqrt(1 - z**2)[:, None]
    points = np.stack([flat * np.cos(phi), flat * np.sin(phi), np.broadcast_to(z[:, None], (along, around))])
    return points, np.broadcast_to(w[:, None] / 2 / around, (along, around))


def rotations(degree):
    """Quaternions and weights that integrate harmonics up to a degree over all rotations exactly."""
    (axis, w), n = sphere(degree + 1, 2 * degree + 1), 2 * degree + 1
    half = np.pi * (np.arange(n) + 0.5) / (2 * n)  # of the angle ω, whose share is ∝ sin²(ω/2)
    shell = 2 * np.sin(half) ** 2 / n
    q = np.concatenate([np.broadcast_to(np.cos(half)[:, None, None], (1, n, *w.shape)), axis[:, None] * np.sin(half)[:, None, None]])
    return q.reshape(4, -1), (shell[:, None, None] * w).ravel()


def test_the_kernel_falls_to_one_half_at_the_half_width():
    there = from_axis_angle((0.6, 0.0, 0.8), jnp.array([0.0, 12.0, 24.0]), degrees=True)
    top, half, foot = odf(there, CUBE, laue="-1", halfwidth=12.0, degrees=True)
    k = exponent(np.deg2rad(12.0))
    np.testing.assert_allclose(half / top, 0.5, rtol=1e-12)
    np.testing.assert_allclose(foot / top, np.cos(np.deg2rad(12.0)) ** (2 * k), rtol=1e-12)
    np.testing.assert_allclose(odf(there, CUBE, laue="-1", halfwidth=np.deg2rad(12.0)), (top, half, foot), rtol=1e-12)
    np.testing.assert_allclose(odf(there, CUBE), odf(there, CUBE, halfwidth=10, degrees=True), rtol=1e-12)


@pytest.mark.parametrize("laue", ["-1", "6/mmm"])
def test_the_mean_over_all_rotations_is_one_and_that_of_the_square_the_texture_index(laue):
    q, w = rotations(24)
    assert abs(w.sum() - 1) < 1e-12
    density = np.asarray(odf(q, Q[:, :3], WEIGHTS[:3], laue=laue, halfwidth=0.9))
    np.testing.assert_allclose(w @ density, 1, rtol=1e-9)
    np.testing.assert_allclose(w @ density**2, texture_index(Q[:, :3], WEIGHTS[:3], laue=laue, halfwidth=0.9), rtol=1e-9)


def test_the_density_at_random_rotations_is_one_on_average():
    density = odf(random_orientations(OTHER, 20_000), Q[:, :1])
    assert abs(float(density.mean()) - 1) < 4 * float(density.std()) / np.sqrt(20_000)


@pytest.mark.parametrize("halfwidth", [10.0, 60.0])
def test_texture_index_of_one_crystal(halfwidth):
    """⟨K²⟩ is the integral of C² cos^(4κ)(ω/2) with the measure (2/π) sin²(ω/2) dω over 0 … π."""
    k, half = exponent(np.deg2rad(halfwidth)), (np.arange(20_000) + 0.5) * np.pi / 40_000
    square, first = (np.mean(np.cos(half) ** power * np.sin(half) ** 2) * 2 for power in (4 * k, 2 * k))
    np.testing.assert_allclose(texture_index(Q[:, 0], laue="-1", halfwidth=halfwidth, degrees=True), square / first**2, rtol=1e-9)


@pytest.mark.parametrize("laue", GROUPS)
def test_texture_index_is_the_sum_over_all_pairs(laue):
    """Σ w_i w_j mean_s (K∗K)(q_i s q_j), the convolution from the Fourier coefficients of K by quadrature."""
    angle = (np.arange(4000) + 0.5) * np.pi / 4000
    k = exponent(WIDE)
    shell = 2 * np.sin(angle / 2) ** 2 / 4000
    kernel = np.cos(angle / 2) ** (2 * k)
    kernel /= shell @ kernel
    s = np.asarray(to_matrix(symmetry_operators(laue)))
    g = np.asarray(to_matrix(Q))
    trace = np.einsum("ais,ikl,akm->slm", s, g, g)
    omega = np.arccos(np.clip((trace - 1) / 2, -1, 1)) + 1e-9
    both = np.zeros(omega.shape)
    for degree in range(24):
        of_kernel, of_pairs = (np.sin((2 * degree + 1) * w / 2) / np.sin(w / 2) for w in (angle, omega))
        both = both + (shell @ (kernel * of_kernel)) ** 2 / (2 * degree + 1) * of_pairs
    share = np.asarray(WEIGHTS / WEIGHTS.sum())
    expected = share @ both.mean(axis=0) @ share
    np.testing.assert_allclose(texture_index(Q, WEIGHTS, laue=laue, halfwidth=WIDE), expected, rtol=1e-7)


def test_texture_index_of_many_random_crystals():
    """Each pair of different crystals adds one on average, each crystal with itself its own index."""
    n = 3000
    alone = float(texture_index(CUBE, halfwidth=WIDE))
    index = float(texture_index(random_orientations(KEY, n), halfwidth=WIDE))
    assert abs(index - 1 - (alone - 1) / n) < 5 * alone / n


@pytest.mark.parametrize("laue", GROUPS)
def test_equivalents_have_the_same_density(laue):
    s = symmetry_operators(laue)[:, -1]
    np.testing.assert_allclose(odf(multiply(s, AT), Q, laue=laue, halfwidth=WIDE), odf(AT, Q, laue=laue, halfwidth=WIDE), rtol=1e-11)
    turned = to_matrix(s) @ DIRECTIONS
    plain = inverse_pole_density(Q, R, DIRECTIONS, WEIGHTS, laue=laue)
    np.testing.assert_allclose(inverse_pole_density(Q, R, turned, WEIGHTS, laue=laue), plain, rtol=1e-11)
    np.testing.assert_allclose(inverse_pole_density(multiply(s, Q), R, -3 * DIRECTIONS, WEIGHTS, laue=laue), plain, rtol=1e-11)


@pytest.mark.parametrize("h", [H, (0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (2.0, 1.0, 0.0)])
def test_pole_densities_are_one_on_average(h):
    points, w = sphere(40, 80)
    for laue in ("m-3m", "-3m"):
        np.testing.assert_allclose(np.sum(w * pole_density(Q, h, points, WEIGHTS, laue=laue, halfwidth=WIDE)), 1, rtol=1e-10)
        np.testing.assert_allclose(np.sum(w * inverse_pole_density(Q, h, points, WEIGHTS, laue=laue, halfwidth=WIDE)), 1, rtol=1e-10)


@pytest.mark.parametrize("laue", ["m-3m", "-3", "2/m"])
def test_both_figures_are_one_function(laue):
    poles = pole_density(Q, H, DIRECTIONS, WEIGHTS, laue=laue)
    ways = [inverse_pole_density(Q, DIRECTIONS[:, k], jnp.array(H), WEIGHTS, laue=laue) for k in range(2)]
    np.testing.assert_allclose(poles[:2], jnp.stack(ways), rtol=1e-11)
    traced = jax.jit(lambda h: pole_density(Q, h, DIRECTIONS, WEIGHTS, laue=laue))  # all operators, not only distinct axes
    for h in (H, (0.0, 1.0, 0.0)):
        np.testing.assert_allclose(traced(jnp.array(h)), pole_density(Q, h, DIRECTIONS, WEIGHTS, laue=laue), rtol=1e-11)


def test_pole_density_is_the_mean_of_the_odf_along_a_fibre():
    """The rotations g with g r = ± h, all angles about h."""
    h, r = (np.array(v) / np.linalg.norm(v) for v in (H, R))
    turns = np.linspace(0, 2 * np.pi, 240, endpoint=False)
    mean = 0
    for end in (h, -h):
        axis = np.cross(r, end)
        angle = np.arctan2(np.linalg.norm(axis), r @ end)
        there = np.concatenate([[np.cos(angle / 2)], np.sin(angle / 2) * axis / np.linalg.norm(axis)])
        about = np.concatenate([np.cos(turns / 2)[None], np.sin(turns / 2) * end[:, None]])
        fibre = multiply(about, there[:, None])
        assert np.abs(np.einsum("ij...,j->i...", to_matrix(fibre), r) - end[:, None]).max() < 1e-12
        mean += float(odf(fibre, Q, WEIGHTS, laue="-3m", halfwidth=WIDE).mean()) / 2
    np.testing.assert_allclose(pole_density(Q, H, r, WEIGHTS, laue="-3m", halfwidth=WIDE), mean, rtol=1e-10)


def test_blocks_make_no_difference():
    many, at = random_orientations(KEY, 4500), random_orientations(OTHER, 40)
    both = (odf(at[:, k], many[:, half], halfwidth=WIDE) for half in (slice(0, 2250), slice(2250, None)) for k in (0, 39))
    whole = odf(at, many, halfwidth=WIDE)
    a, b, c, d = both
    np.testing.assert_allclose(whole[jnp.array([0, 39])], [(a + c) / 2, (b + d) / 2], rtol=1e-12)


def all_of(q, w, at, r):
    return (
        odf(at, q, w, halfwidth=WIDE),
        texture_index(q, w, halfwidth=WIDE),
        pole_density(q, r[:, 0], r, w, laue="-3m", halfwidth=WIDE),
        inverse_pole_density(q, r[:, 0], r, w, laue="-3m", halfwidth=WIDE),
    )


def test_derivatives_agree_with_differences():
    """At the cube orientation too, where the angles of Bunge are not defined."""
    check_grads(jax.jit(all_of), (Q.at[:, 0].set(CUBE), WEIGHTS, AT, DIRECTIONS), 1, modes=["rev"], eps=1e-6, rtol=1e-6, atol=1e-7)


@pytest.mark.slow
def test_the_index_does_not_change_along_a_turn_of_the_sample():
    slope = jax.grad(lambda angle: texture_index(multiply(Q, from_axis_angle((0.0, 0.6, 0.8), angle)), halfwidth=WIDE))(0.3)
    assert abs(float(slope)) < 1e-10


def test_densities_follow_single_precision():
    q, w, at = (a.astype(jnp.float32) for a in (Q, WEIGHTS, AT))
    found = odf(at, q, w, halfwidth=WIDE)
    assert found.dtype == pole_density(q, (0, 0, 1), [[0.0], [0.0], [1.0]]).dtype == jnp.float32
    np.testing.assert_allclose(found, odf(AT, Q, WEIGHTS, halfwidth=WIDE), rtol=2e-5, atol=1e-6)


@pytest.mark.slow
def test_single_precision_and_batches():
    singles = [a.astype(jnp.float32) for a in (Q, WEIGHTS, AT, DIRECTIONS)]
    exact = all_of(*(a.astype(jnp.float64) for a in singles))
    for one, other in zip(all_of(*singles), exact, strict=True):
        assert one.dtype == jnp.float32
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)
    assert pole_density(singles[0], (0, 0, 1), [[0.0], [0.0], [1.0]]).dtype == jnp.float32
    batch = jax.vmap(all_of, (0, None, None, None))(jnp.stack([Q, Q[:, ::-1]]), WEIGHTS, AT, DIRECTIONS)
    for many, one in zip(batch, all_of(Q, WEIGHTS, AT, DIRECTIONS), strict=True):
        np.testing.assert_allclose(many[0], one, rtol=1e-11)


def test_what_is_not_indexed_does_not_count():
    holes = jnp.concatenate([Q, jnp.full((4, 2), jnp.nan)], axis=1)
    weights = jnp.concatenate([WEIGHTS, jnp.array([7.0, 0.0])])
    for one, other in zip(all_of(holes, weights, AT, DIRECTIONS), all_of(Q, WEIGHTS, AT, DIRECTIONS), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    slope = jax.jit(jax.grad(lambda q: sum(jnp.sum(each) for each in all_of(q, weights, AT, DIRECTIONS))))(holes)
    assert np.isfinite(slope).all()
    for each in all_of(Q, 0 * WEIGHTS, AT, DIRECTIONS):
        assert np.isnan(each).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: odf(AT[:3], Q), r"`q` must be quaternions \(4, …\)"),
        (lambda: odf(AT, Q[:3]), "`orientations` must be quaternions"),
        (lambda: odf(AT, Q[:, :0]), "`orientations` must hold at least one"),
        (lambda: texture_index(Q, WEIGHTS[1:]), r"`weights` must have the trailing shape of `orientations`, \(15,\)"),
        (lambda: texture_index(Q, WEIGHTS - 2), "must not be negative, but the smallest is -1"),
        (lambda: texture_index(Q, laue="m3m"), "Did you mean 'm-3m'"),
        (lambda: odf(AT, Q, halfwidth=10.0), r"must lie in \[0.1°, 90°\], but it is 572.958°"),
        (lambda: odf(AT, Q, halfwidth=float("nan")), r"but it is nan°"),
        (lambda: texture_index(Q, halfwidth=0.01), "Take at least 2°"),
        (lambda: pole_density(Q, DIRECTIONS, DIRECTIONS), r"`direction` must have shape \(3,\), but its shape is \(3, 6\)"),
        (lambda: pole_density(Q, H, jnp.ones((2, 4))), r"`r` must have shape \(3, …\)"),
        (lambda: inverse_pole_density(Q, (0.0, 0.0, 0.0), DIRECTIONS), "`r` must not be zero"),
    ],
)
def test_bad_input_is_refused(as_user, call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_bad_values_under_a_trace_are_nan(as_user):
    assert np.isnan(jax.jit(lambda w: texture_index(Q, w))(WEIGHTS - 2))
    assert np.isnan(jax.jit(lambda r: pole_density(Q, H, r))(jnp.zeros(3)))
    with pytest.raises(TypeError, match="`halfwidth` must be a number"):
        jax.jit(lambda width: texture_index(Q, halfwidth=width))(0.2)
