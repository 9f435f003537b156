"""Stiffness fields from embeddings of orientations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import assign_stiffness
from jaxmicro.materials import Crystals, constants, embedded_stiffness
from jaxmicro.microstructures import Phase, polycrystal
from jaxmicro.orientations import embed, rotate_stiffness

GRID = jm.Grid((6, 5), (1.2, 1.5))
CRYSTALS = {"m-3m": jnp.asarray(constants("Cu").stiffness), "6/mmm": jnp.asarray(constants("Ti").stiffness)}


def cell(laue):
    return polycrystal(GRID, 5, key=jax.random.key(4), phase=Phase("crystal", laue=laue))


@pytest.mark.parametrize("laue", CRYSTALS)
def test_embeddings_of_orientations_give_the_turned_crystals(laue):
    ms, crystal = cell(laue), CRYSTALS[laue]
    expected = assign_stiffness(ms, [crystal])
    points = embed(ms.orientation, laue)
    assert np.allclose(assign_stiffness(ms.replace(orientation=None), [crystal], embedding=points), expected, rtol=1e-12, atol=1e-10)
    law = Crystals(crystal, points, laue=laue)
    assert np.allclose(law.tensor(), expected, rtol=1e-12, atol=1e-10)
    assert np.allclose(law.mean(), jnp.mean(expected, axis=(2, 3)), rtol=1e-12, atol=1e-10)
    assert np.allclose(law.size(), jnp.trace(expected) / 6, rtol=1e-12)


@pytest.mark.parametrize("laue", CRYSTALS)
def test_a_blend_is_the_voigt_mixture(laue):
    ms, crystal = cell(laue), CRYSTALS[laue]
    q = ms.orientation
    first, second = embed(q[:, :3], laue), embed(q[:, 3:], laue)
    blend = embedded_stiffness(crystal, 0.3 * first + 0.7 * second, laue)
    assert np.allclose(blend, 0.3 * rotate_stiffness(crystal, q[:, :3]) + 0.7 * rotate_stiffness(crystal, q[:, 3:]), rtol=1e-12, atol=1e-10)


def test_phases_of_several_kinds():
    ms = cell("m-3m")
    labels = np.zeros(GRID.shape, int)
    labels[:, 2:4], labels[:, 4:] = 1, 2
    ms = ms.replace(labels=labels, phases=(Phase("Cu", laue="m-3m"), Phase("Ti", laue="6/mmm"), Phase("glass")))
    glass = jm.materials.isotropic_stiffness(71.0, 0.22)
    tensors = [CRYSTALS["m-3m"], CRYSTALS["6/mmm"], glass]
    points = [embed(ms.orientation, "m-3m"), embed(ms.orientation, "6/mmm"), None]
    assert np.allclose(assign_stiffness(ms, tensors, embedding=points), assign_stiffness(ms, tensors), rtol=1e-12, atol=1e-10)


def test_effective_stiffness_has_a_gradient_in_embeddings():
    """Against differences, also at identical neighbours; the law and the field of tensors agree."""
    ms, crystal = cell("m-3m"), CRYSTALS["m-3m"]
    points = embed(ms.orientation, "m-3m").at[:, :3].set(embed(ms.orientation, "m-3m")[:, :1, :1])
    weight = jnp.asarray(np.random.default_rng(1).normal(size=(6, 6)))

    @jax.jit
    def value(t):
        return jnp.vdot(weight, jm.effective_stiffness(assign_stiffness(ms, [crystal], embedding=t), GRID, rtol=1e-8).tensor)

    gradient = jax.jit(jax.grad(value))(points)
    assert bool(jnp.isfinite(gradient).all())
    direction = jnp.asarray(np.random.default_rng(2).normal(size=points.shape))
    step = 1e-4
    difference = (value(points + step * direction) - value(points - step * direction)) / (2 * step)
    assert float(jnp.vdot(gradient, direction)) == pytest.approx(float(difference), rel=1e-6)
    law = jm.effective_stiffness(Crystals(crystal, points, laue="m-3m"), GRID, rtol=1e-8).tensor
    assert float(jnp.vdot(weight, law)) == pytest.approx(float(value(points)), rel=1e-9)


def test_bad_input_is_named(as_user):
    ms, crystal = cell("m-3m"), CRYSTALS["m-3m"]
    points = embed(ms.orientation, "m-3m")
    with pytest.raises(ValueError, match="must have the symmetry of m-3m in its standard axes, but it differs from such a tensor by"):
        assign_stiffness(ms, [CRYSTALS["6/mmm"]], embedding=points)
    with pytest.raises(ValueError, match=r"`orientation` must be embeddings \(9, \*grid\) of m-3m"):
        Crystals(crystal, points[:5], laue="m-3m")
    with pytest.raises(ValueError, match="`laue`"):
        Crystals(crystal, points, laue="4/mmm")
    with pytest.raises(ValueError, match="Name `laue` if these are embeddings"):
        Crystals(crystal, points)
    with pytest.raises(ValueError, match="one field or None per phase"):
        assign_stiffness(ms, [crystal], embedding=[points, points])
    with pytest.raises(ValueError, match=r"`embedding` must have shape \(9, 6, 5\)"):
        assign_stiffness(ms, [crystal], embedding=points[:, :2])
    with pytest.raises(ValueError, match=r"`embedding` must have shape \(9, 6, 5\), but its shape is \(7, 6, 5\)\. Embeddings of m-3m"):
        assign_stiffness(ms, [crystal], embedding=points[:7])
    with pytest.raises(ValueError, match=r"`embedding` must be \(9, …\) of m-3m"):
        embedded_stiffness(crystal, points[:7])
