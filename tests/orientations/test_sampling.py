"""Samples have the moments of the distributions they are drawn from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.orientations import (
    from_euler,
    misorientation,
    multiply,
    random_orientations,
    sample_components,
    sample_fibre,
    sample_kernel,
    sample_odf,
    texture_component,
    texture_index,
    to_euler,
    to_matrix,
)

KEY = jax.random.key(7)
N = 4000
HALF = np.deg2rad(12.0)
CENTRE = random_orientations(jax.random.key(1), 1)[:, 0]


def squares(q, centre):
    """cos²(ω/2) of samples about a centre."""
    return np.asarray(jnp.sum(q * centre.reshape(4, -1), axis=0) ** 2)


def test_the_de_la_vallee_poussin_kernel_has_its_moments():
    """cos²(ω/2) is beta(κ + 1/2, 3/2): mean (κ + 1/2)/(κ + 2) and the variance of that distribution."""
    kappa = -np.log(2) / (2 * np.log(np.cos(HALF / 2)))
    a, b = kappa + 0.5, 1.5
    found = squares(sample_kernel(KEY, N, CENTRE, HALF), CENTRE)
    deviation = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    assert abs(found.mean() - a / (a + b)) < 4 * deviation / np.sqrt(N)
    assert found.std() == pytest.approx(deviation, rel=0.1)


def test_the_von_mises_fisher_kernel_has_its_mean():
    kappa = np.log(2) / (1 - np.cos(HALF))
    angles = np.linspace(0, np.pi, 200_001)
    density = np.sin(angles / 2) ** 2 * np.exp(kappa * (np.cos(angles) - 1))
    expected = np.trapezoid(density * np.cos(angles / 2) ** 2, angles) / np.trapezoid(density, angles)
    found = squares(sample_kernel(KEY, N, CENTRE, HALF, kernel="von_mises_fisher"), CENTRE)
    assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(N)


@pytest.mark.parametrize("kernel", ["de_la_vallee_poussin", "von_mises_fisher"])
def test_all_directions_of_a_spread_are_alike(kernel):
    """The vector parts about the identity have a mean of zero and equal variances."""
    found = np.asarray(sample_kernel(KEY, N, jnp.array([1.0, 0, 0, 0]), HALF, kernel=kernel))
    assert np.allclose((found**2).sum(axis=0), 1, atol=1e-12)
    spread = found[1:].std(axis=1)
    assert np.abs(found[1:].mean(axis=1)).max() < 4 * spread.max() / np.sqrt(N)
    assert spread.max() / spread.min() < 1.1


def test_half_of_the_peak_is_where_it_is_said_to_be():
    """Samples per volume of rotations, in a shell at the half width against those near the centre."""
    q = sample_kernel(KEY, 40 * N, jnp.array([1.0, 0, 0, 0]), HALF)
    angle = 2 * np.arccos(np.sqrt(np.clip(squares(q, jnp.array([1.0, 0, 0, 0])), 0, 1)))
    counts, edges = np.histogram(angle, [0, 0.25 * HALF, 0.9 * HALF, 1.1 * HALF])
    volume = np.diff(edges - np.sin(edges))
    assert counts[2] / volume[2] / (counts[0] / volume[0]) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    ("crystal", "sample"), [((1.0, 1.0, 1.0), (0.0, 0.0, 1.0)), ((0.0, 0.0, 2.0), (0.0, 0.0, -1.0)), ((1.0, 2.0, 3.0), (3.0, -1.0, 0.5))]
)
def test_a_fibre_keeps_its_direction_and_is_even_about_it(crystal, sample):
    q = sample_fibre(KEY, N, crystal, sample)
    h, s = (np.array(each) / np.linalg.norm(each) for each in (crystal, sample))
    assert np.allclose(np.einsum("ijn,j->in", to_matrix(q), s), h[:, None], atol=1e-7)
    across = np.cross(s, [0.3, 0.5, 0.7])
    seen = np.einsum("ijn,j->in", to_matrix(q), across / np.linalg.norm(across))
    assert np.abs(seen.mean(axis=1)).max() < 4 / np.sqrt(2 * N)


def test_a_spread_fibre_stays_near():
    q = sample_fibre(KEY, N, "gamma", halfwidth=5.0, degrees=True)
    away = np.arccos(np.clip(np.einsum("ijn,j->in", to_matrix(q), [0, 0, 1.0]).T @ np.ones(3) / np.sqrt(3), -1, 1))
    assert 0.03 < np.median(away) < 0.12


def test_components_have_their_angles():
    """Bunge angles of the literature: brass (35, 45, 0), copper (90, 35, 45), S (59, 37, 63), Goss (0, 45, 0) in degrees."""
    for name, angles in {"brass": (35.26, 45, 0), "copper": (90, 35.26, 45), "s": (58.98, 36.70, 63.43), "goss": (0, 45, 0)}.items():
        away = misorientation(texture_component(name), from_euler(angles, degrees=True)[:, None], degrees=True)
        assert float(away.min()) < 0.02, name
    assert np.allclose(to_euler(texture_component("cube")[:, 0]), 0, atol=1e-7)


def test_variants_are_distinct_and_closed_under_the_symmetry_of_the_sheet():
    for name, count in {"cube": 1, "goss": 1, "brass": 2, "copper": 2, "s": 4, "rotated cube": 1}.items():
        variants = texture_component(name)
        assert variants.shape[1] == count
        for half_turn in np.eye(4)[1:]:
            turned = multiply(variants, jnp.asarray(half_turn)[:, None])
            away = misorientation(turned[:, :, None], variants[:, None, :])
            assert float(away.min(axis=1).max()) < 1e-6


def test_components_are_drawn_in_their_shares():
    q = sample_components(KEY, N, {"cube": 3.0, "s": 1.0}, 2.0, degrees=True)
    cube = np.asarray(misorientation(q, texture_component("cube"), degrees=True)) < 15
    assert cube.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / N))
    others = np.asarray(misorientation(q[:, ~cube][:, :, None], texture_component("s")[:, None, :], degrees=True))
    assert others.min(axis=1).max() < 15
    assert np.bincount(others.argmin(axis=1), minlength=4).min() > 0.7 * (~cube).sum() / 4


def test_a_distribution_is_drawn_by_weight():
    members = random_orientations(jax.random.key(3), 3)
    q = sample_odf(KEY, N, members, jnp.array([0.0, 1.0, 3.0]))
    nearest = np.asarray(misorientation(q[:, :, None], members[:, None, :], "-1")).argmin(axis=1)
    assert np.bincount(nearest, minlength=3)[0] == 0
    assert (nearest == 2).mean() == pytest.approx(0.75, abs=0.03)
    assert float(jnp.median(misorientation(sample_odf(KEY, 100, members[:, :1], halfwidth=HALF), members[:, :1]))) > 0.02


def test_keys_dtypes_jit_and_gradients():
    same = sample_kernel(KEY, 5, CENTRE, HALF)
    assert bool((same == sample_kernel(KEY, 5, CENTRE, HALF)).all())
    assert np.allclose(jax.jit(lambda c: sample_kernel(KEY, 5, c, HALF))(CENTRE), same, atol=1e-12)
    assert sample_kernel(KEY, 5, CENTRE.astype(jnp.float32), 0.2).dtype == jnp.float32
    assert jax.jit(lambda: texture_component("s"))().shape == (4, 4)
    assert bool(jnp.isfinite(jax.jacfwd(lambda c: sample_kernel(KEY, 5, c, HALF))(CENTRE)).all())


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match="`halfwidth` must lie between 0 and 180 degrees, but it is 200"):
        sample_kernel(KEY, 5, CENTRE, 200.0, degrees=True)
    with pytest.raises(ValueError, match="`kernel` must be one of"):
        sample_kernel(KEY, 5, CENTRE, 0.1, kernel="gauss")
    with pytest.raises(ValueError, match="`sample_direction` must be given"):
        sample_fibre(KEY, 5, (1.0, 0, 0))
    with pytest.raises(ValueError, match="must have a length"):
        sample_fibre(KEY, 5, (0.0, 0, 0), (0.0, 0, 1.0))
    with pytest.raises(ValueError, match="`shares` must give weights"):
        sample_components(KEY, 5, {"cube": -1.0}, 0.1)
    with pytest.raises(ValueError, match="Did you mean 'brass'"):
        sample_components(KEY, 5, {"bras": 1.0}, 0.1)
    with pytest.raises(ValueError, match="`weights` must not be negative"):
        sample_odf(KEY, 5, jnp.eye(4), jnp.array([1.0, -1, 0, 0]))


def test_even_turns_have_the_moments_of_the_kernel_with_less_noise():
    kappa = -np.log(2) / (2 * np.log(np.cos(HALF / 2)))
    a, b = kappa + 0.5, 1.5
    count = 2000
    q = sample_odf(KEY, count, CENTRE[:, None], None, HALF, even=True)
    found = squares(q, CENTRE)
    deviation = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    assert abs(found.mean() - a / (a + b)) < 0.2 * deviation / np.sqrt(count)
    assert found.std() == pytest.approx(deviation, rel=0.02)
    axes = np.array(multiply(q, CENTRE[:, None] * jnp.array([[1.0], [-1.0], [-1.0], [-1.0]]))[1:])
    axes /= np.linalg.norm(axes, axis=0)
    np.testing.assert_allclose(axes @ axes.T / count, np.eye(3) / 3, atol=0.01)


def test_even_choices_are_the_shares():
    members = jnp.asarray(random_orientations(KEY, 3))
    q = np.asarray(sample_odf(jax.random.key(3), 100, members, jnp.array([1.0, 2.0, 5.0]), even=True))
    counts = [int((np.abs(q - np.asarray(members)[:, [k]]).max(axis=0) < 1e-12).sum()) for k in range(3)]
    np.testing.assert_allclose(counts, [12.5, 25.0, 62.5], atol=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("shares", [{"cube": 0.2, "uniform": 0.8}, {"copper": 0.3, "gamma": 0.7}])
def test_even_textures_have_the_index_of_many_draws(shares):
    """2,000 orientations, half width 10°: within 5 % of the index of the distribution (16,000 draws)."""

    def index(key, n, **how):
        return float(
            texture_index(sample_components(jax.random.key(key), n, shares, 10.0, degrees=True, **how), halfwidth=10.0, degrees=True)
        )

    asked = index(99, 16_000)
    assert all(index(key, 2000, even=True) == pytest.approx(asked, rel=0.02) for key in range(3))


def test_tiny_half_widths_are_no_nan():
    for halfwidth in (1e-3, 1e-6, 1e-9):
        q = sample_kernel(KEY, 20, CENTRE, halfwidth)
        assert np.rad2deg(np.asarray(misorientation(q, CENTRE[:, None], "-1"))).max() < np.rad2deg(6 * halfwidth) + 1e-6
        assert np.isfinite(sample_odf(KEY, 20, CENTRE[:, None], None, halfwidth, even=True)).all()


@pytest.mark.parametrize("even", [False, True])
def test_no_spread_gives_the_components_themselves(even):
    q = sample_components(KEY, 8, {"copper": 1.0}, 0.0, even=even)
    copper = texture_component("copper")
    apart = np.asarray(misorientation(q[:, :, None], copper[:, None, :], "-1")).min(axis=1)
    np.testing.assert_allclose(apart, 0.0, atol=1e-7)


@pytest.mark.parametrize("even", [False, True])
def test_what_is_not_indexed_is_never_drawn(even):
    holes = jnp.concatenate([jnp.full((4, 2), jnp.nan), CENTRE[:, None], jnp.zeros((4, 1)), jnp.full((4, 1), jnp.nan)], axis=1)
    for weights in (None, jnp.array([9.0, 1.0, 1.0, 5.0, 3.0])):
        q = sample_odf(KEY, 50, holes, weights, even=even)
        np.testing.assert_allclose(q, jnp.tile(CENTRE[:, None], 50), atol=1e-15)


@pytest.mark.parametrize("even", [False, True])
def test_weights_without_sense_are_refused_and_nan_under_a_trace(as_user, even):
    for weights in ((0.0, 0.0, 0.0, 0.0), (1.0, -1.0, 1.0, 1.0), (-1.0, -1.0, -1.0, -1.0), (np.inf,) * 4, (1.0, np.nan, 1.0, 1.0)):
        with pytest.raises(ValueError, match="`weights` must not be negative, infinite, NaN or all zero, but they range from"):
            sample_odf(KEY, 5, jnp.eye(4), jnp.array(weights), even=even)
        assert np.isnan(jax.jit(lambda w: sample_odf(KEY, 5, jnp.eye(4), w, even=even))(jnp.array(weights))).all()
    with pytest.raises(ValueError, match="`orientations` must hold one that is a number and has a weight"):
        sample_odf(KEY, 5, jnp.full((4, 3), jnp.nan), even=even)


def test_counts_that_are_none_are_named(as_user):
    for n in (-1, 2.5, True, "many"):
        for draw in (
            lambda n: sample_components(KEY, n, {"cube": 1.0}, 0.1, even=True),
            lambda n: sample_odf(KEY, n, jnp.eye(4)),
            lambda n: sample_fibre(KEY, n, "gamma"),
            lambda n: sample_kernel(KEY, n, CENTRE, 0.1),
        ):
            with pytest.raises(ValueError, match="`n` must be a whole number from 0 on, but it is"):
                draw(n)
    with pytest.raises(TypeError, match="`shares` must give a weight for each name, but it is 'cube'"):
        sample_components(KEY, 5, "cube", 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("laue", ["6/mmm", "m-3m"])
def test_even_draws_of_a_measured_distribution_have_its_index(laue):
    """A fibre of 300 weighted orientations: within 2 % of the index of 16,000 independent draws."""
    rng = np.random.default_rng(0)
    members, weights = sample_fibre(KEY, 300, (0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 20.0, degrees=True), jnp.asarray(rng.random(300))

    def index(key, n, **how):
        q = sample_odf(jax.random.key(key), n, members, weights, 10.0, degrees=True, **how)
        return float(texture_index(q, laue=laue, halfwidth=10.0, degrees=True))

    asked = index(99, 16_000)
    assert index(1, 2000, even=True) == pytest.approx(asked, rel=0.02)
