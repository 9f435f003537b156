"""Mandel notation against explicit tensors."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import conduction, elasticity, from_voigt, mandel_to_tensor, tensor_to_mandel, to_voigt

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dim", [2, 3])
def test_inner_products_are_those_of_the_tensors(dim):
    a, b = RNG.normal(size=(2, dim, dim))
    a, b = a + a.T, b + b.T
    assert jnp.vdot(tensor_to_mandel(a), tensor_to_mandel(b)) == pytest.approx(np.sum(a * b))
    assert np.allclose(mandel_to_tensor(tensor_to_mandel(a)), a)


def test_the_order_is_11_22_33_23_13_12():
    names = np.array([["11", "12", "13"], ["12", "22", "23"], ["13", "23", "33"]])
    order = []
    for k in range(6):
        tensor = np.asarray(mandel_to_tensor(jnp.eye(6)[k]))
        order.append(names[tuple(np.argwhere(tensor > 0)[0])])
    assert order == ["11", "22", "33", "23", "13", "12"]


@pytest.mark.parametrize("size", [3, 6])
def test_voigt_and_mandel_give_the_same_energy(size):
    c = RNG.normal(size=(size, size))
    c = c @ c.T
    strain = RNG.normal(size=size)
    stress = c @ strain  # all in Voigt
    c_m, e_m = from_voigt(c), from_voigt(strain, "strain")
    assert np.allclose(from_voigt(stress, "stress"), c_m @ e_m)
    assert jnp.vdot(from_voigt(stress, "stress"), e_m) == pytest.approx(stress @ strain)
    assert np.allclose(from_voigt(np.linalg.inv(c), "compliance"), np.linalg.inv(c_m))


@pytest.mark.parametrize("kind", ["stiffness", "compliance", "stress", "strain"])
def test_round_trip_with_a_grid_behind(kind):
    shape = (6, 6, 2, 3) if kind in ("stiffness", "compliance") else (6, 2, 3)
    value = RNG.normal(size=shape)
    assert np.allclose(to_voigt(from_voigt(value, kind), kind), value)


def test_bad_shapes_are_named(as_user):
    with pytest.raises(ValueError, match=r"3 or 6 components.*\(4,"):
        from_voigt(np.ones((4, 4)))
    with pytest.raises(ValueError, match=r"\(6, 6, …\)"):
        from_voigt(np.ones((6, 5)))
    with pytest.raises(ValueError, match="stress"):
        from_voigt(np.ones(6), "stres")


@pytest.mark.parametrize(("dim", "size", "components"), [(2, 3, 2), (2, 6, 3), (3, 6, 3)])
def test_kinematics_is_the_symmetric_gradient(dim, size, components):
    kinematics = elasticity(dim, size)
    gradient = RNG.normal(size=(components, dim))
    full = np.zeros((3, 3))
    full[:components, :dim] = gradient
    expected = tensor_to_mandel(0.5 * (full + full.T))
    if size == 3:
        expected = expected[np.array([0, 1, 5])]
    strain = kinematics.strain([list(jnp.asarray(gradient[:, a])) for a in range(dim)])
    assert np.allclose([0.0 if e is None else e for e in strain], expected)
    # the column map is the transpose: σ : ε(G) = Σ_a column_a · G_a
    stress = RNG.normal(size=size)
    work = sum(
        float(v) * gradient[c, a]
        for a in range(dim)
        for c, v in enumerate(kinematics.column(list(jnp.asarray(stress)), a))
        if v is not None
    )
    assert work == pytest.approx(float(np.dot(stress, expected)))


def test_conduction_takes_the_gradient_itself():
    assert [float(e) for e in conduction(2).strain([[jnp.asarray(2.0)], [jnp.asarray(3.0)]])] == [2.0, 3.0]


def test_impossible_kinematics_is_refused():
    with pytest.raises(ValueError, match="not 3 in 3D"):
        elasticity(3, 3)
