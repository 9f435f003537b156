"""What lies at the edges of what may be passed: lengths near over- and underflow, quaternions not of unit length, nothing at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.orientations import (
    coincidence,
    embed,
    embedding_size,
    from_axis_angle,
    from_matrix,
    fundamental_zone,
    in_fundamental_zone,
    inverse_pole_density,
    ipf_color,
    is_coincident,
    mean_orientation,
    misorientation,
    multiply,
    normalize,
    odf,
    pole_density,
    project,
    random_orientations,
    rotate_stiffness,
    sample_odf,
    schmid_factors,
    slip_systems,
    symmetry_operators,
    to_axis_angle,
    to_euler,
    to_matrix,
    to_rodrigues,
)

SEVERAL = random_orientations(jax.random.key(3), 5)
IDENTITY = jnp.array([1.0, 0, 0, 0])
FCC = slip_systems("fcc")
HUGE_AND_TINY = [(jnp.float64, 1e-200), (jnp.float64, 1e200), (jnp.float32, 1e-25), (jnp.float32, 1e20)]
CUBIC = jnp.diag(jnp.array([1.0, 2, 3, 4, 5, 6]))
OF_ANY_LENGTH = {
    "to_matrix": to_matrix,
    "to_euler": to_euler,
    "to_rodrigues": to_rodrigues,
    "angle": lambda q: to_axis_angle(q)[1],
    "embed": lambda q: embed(q, "4/m"),
    "zone": fundamental_zone,
    "inside": in_fundamental_zone,
    "misorientation": lambda q: misorientation(q, SEVERAL[:, :1]),
    "mean": lambda q: mean_orientation(jnp.concatenate([SEVERAL[:, :1], q[:, :1]], axis=1), "-1"),
    "odf at": lambda q: odf(q, SEVERAL),
    "odf of": lambda q: odf(SEVERAL, q),
    "pole": lambda q: pole_density(q, (1.0, 0, 0), (0.0, 0, 1)),
    "colour": ipf_color,
    "schmid": lambda q: schmid_factors(q, FCC, (0.0, 0, 1)),
    "stiffness": lambda q: rotate_stiffness(CUBIC, q),
    "sample": lambda q: sample_odf(jax.random.key(1), 3, q),
}


@pytest.mark.parametrize("name", OF_ANY_LENGTH)
def test_the_length_of_a_quaternion_drops_out(name):
    lengths = jnp.array([2.0, 0.1, 3.0, 1.5, 0.7])
    np.testing.assert_allclose(OF_ANY_LENGTH[name](lengths * SEVERAL), OF_ANY_LENGTH[name](SEVERAL), atol=1e-11)


@pytest.mark.parametrize(("dtype", "length"), HUGE_AND_TINY)
def test_no_length_is_too_long_or_too_short(dtype, length):
    tolerance = 10 * float(jnp.finfo(dtype).eps)
    q, n = SEVERAL[:, 0].astype(dtype), jnp.array([1.0, 2.0, -2.0], dtype)
    far, axis = jnp.asarray(length, dtype) * q, jnp.asarray(length, dtype) * n
    np.testing.assert_allclose(normalize(far), q, atol=tolerance)
    np.testing.assert_allclose(from_axis_angle(axis, jnp.asarray(1.0, dtype)), from_axis_angle(n, jnp.asarray(1.0, dtype)), atol=tolerance)
    np.testing.assert_allclose(schmid_factors(q, FCC, axis), schmid_factors(q, FCC, n), atol=tolerance)
    np.testing.assert_allclose(
        misorientation(far, SEVERAL[:, 1].astype(dtype)), misorientation(q, SEVERAL[:, 1].astype(dtype)), rtol=tolerance
    )
    slope, plain = (jax.grad(lambda v: normalize(v)[1])(v) for v in (far, q))
    np.testing.assert_allclose(slope.astype(float) * length, plain, atol=10 * tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "length"),
    [(jnp.float64, 1e-200), (jnp.float64, 1e200), (jnp.float32, 1e-20), (jnp.float32, 1e20)],
)
def test_the_nearest_orientation_does_not_depend_on_the_length(dtype, length):
    t = embed(SEVERAL.astype(dtype))
    np.testing.assert_allclose(project(jnp.asarray(length, dtype) * t), project(t), atol=10 * float(jnp.finfo(dtype).eps))


def test_the_derivative_of_project_scales_with_the_inverse_length():
    t = embed(SEVERAL[:, :1])
    slope = jax.jit(jax.grad(lambda t: project(t)[1, 0]))
    np.testing.assert_allclose(1e-100 * slope(1e-100 * t), slope(t), atol=1e-13)


@pytest.mark.parametrize("matrix", [-np.eye(3), np.zeros((3, 3)), np.ones((3, 3)), 1.001 * np.eye(3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_matrices_that_are_no_rotations_are_refused(matrix, dtype):
    with pytest.raises(ValueError, match=r"`matrix` must hold proper rotations, but 1 of 2 are not \(the first at \(1,\): determinant"):
        from_matrix(np.stack([np.eye(3), matrix], axis=-1).astype(dtype))
    found = jax.jit(from_matrix)(np.stack([np.eye(3), matrix], axis=-1).astype(dtype))
    np.testing.assert_array_equal(np.isnan(found), [[False, True]] * 4)


def test_matrices_of_rounded_numbers_are_rotations_and_nan_stays_nan():
    g = np.array(to_matrix(SEVERAL))
    np.testing.assert_allclose(from_matrix(g.round(6)), from_matrix(g), atol=1e-6)
    np.testing.assert_allclose(from_matrix(g.astype(np.float32)), from_matrix(g), atol=1e-6)
    g[..., 0] = np.nan
    assert np.isnan(from_matrix(g)).any(axis=0).tolist() == [True] + [False] * 4


def test_densities_at_no_place_are_empty():
    assert odf(np.zeros((4, 0)), SEVERAL).shape == (0,)
    assert pole_density(SEVERAL, (0.0, 0, 1), np.zeros((3, 0))).shape == (0,)
    assert inverse_pole_density(SEVERAL, (0.0, 0, 1), np.zeros((3, 2, 0))).shape == (2, 0)


def test_a_tolerance_may_be_traced_or_in_degrees():
    twin = from_axis_angle((1.0, 1.0, 1.0), 57.0, degrees=True)
    within = jax.jit(lambda tolerance: is_coincident(IDENTITY, twin, 3, tolerance=tolerance, degrees=True))
    assert [bool(within(angle)) for angle in (2.9, 3.1, -1.0)] == [False, True, False]
    assert bool(is_coincident(IDENTITY, twin, 3.0, tolerance=np.deg2rad(3.1)))
    with pytest.raises(ValueError, match="`tolerance` must not be negative, but it is -1"):
        is_coincident(IDENTITY, twin, 3, tolerance=-1)
    assert coincidence(3.0)[1] == coincidence(3)[1]


@pytest.mark.parametrize("call", [symmetry_operators, embedding_size, lambda laue: embed(IDENTITY, laue)])
@pytest.mark.parametrize(("laue", "hint"), [(["m-3m"], r"but it is \['m-3m'\]\."), ("M-3M", "Did you mean 'm-3m'")])
def test_what_is_no_name_of_a_group_is_told_the_names(call, laue, hint, as_user):
    with pytest.raises(ValueError, match="`laue` must be one of '-1', .*" + hint):
        call(laue)


def test_shapes_that_do_not_fit_are_named(as_user):
    with pytest.raises(
        ValueError, match=r"`angle` must have a trailing shape that broadcasts with that of `axis`, \(4,\), but it is \(3,\)"
    ):
        from_axis_angle(np.ones((3, 4)), np.ones(3))
    with pytest.raises(ValueError, match=r"`q` must have a trailing shape that broadcasts with that of `p`"):
        multiply(SEVERAL, SEVERAL[:, :3])
    with pytest.raises(
        ValueError, match=r"`loading` must have a trailing shape that broadcasts with that of `q`, \(5,\), but it is \(4,\)"
    ):
        schmid_factors(SEVERAL, FCC, np.ones((3, 4)))
    with pytest.raises(ValueError, match=r"shape \(3, 3\) is that of a tensor and of three directions alike.*tensor_to_mandel"):
        schmid_factors(IDENTITY, FCC, np.diag([0.0, 0.0, 1.0]))
    with pytest.raises(TypeError, match="`c_over_a` must be a number"):
        slip_systems("hcp", "1.6")


def test_lists_of_numbers_follow_the_arrays_beside_them():
    single = SEVERAL.astype(jnp.float32)
    assert schmid_factors(single, FCC, (0.0, 0, 1)).dtype == jnp.float32
    assert from_axis_angle((0, 0, 1.0), np.float32(0.3)).dtype == jnp.float32
    assert from_axis_angle([[0, 1.0], [0, 0], [1, 0]], single[0, :2]).dtype == jnp.float32
    assert from_axis_angle((0, 0, 1.0), 0.3).dtype == jnp.float64
