"""Twins against tabulated misorientations and against the mirror that they are."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.orientations import TWIN_SYSTEMS, coincidence, from_axis_angle, misorientation, symmetry_operators, to_matrix, twin_system
from jaxmicro.orientations.on_host import angle_from

HERE = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize(("name", "planes"), [("fcc", 4), ("bcc", 12)])
def test_cubic_twins_are_sigma_three(name, planes):
    system = twin_system(name)
    assert system.normals.shape == (3, planes)
    np.testing.assert_allclose(np.linalg.norm(system.normals, axis=0), 1.0)
    sigma3 = np.asarray(from_axis_angle(*coincidence(3)))
    here = np.tile(HERE[:, None], (1, planes))
    np.testing.assert_allclose(angle_from(here, system.rotations, sigma3, "m-3m"), 0.0, atol=1e-7)


# J. W. Christian, S. Mahajan, Prog. Mater. Sci. 39, 1 (1995); angles as commonly tabulated for Ti and Mg.
@pytest.mark.parametrize(
    ("name", "ratio", "degrees"),
    [
        ("hcp_10-12", 1.624, 86.3),
        ("hcp_10-11", 1.624, 56.2),
        ("hcp_10-12", 1.587, 85.0),
        ("hcp_11-22", 1.587, 64.4),
        ("hcp_11-21", 1.587, 35.0),
    ],
)
def test_hexagonal_twins_have_the_tabulated_angle(name, ratio, degrees):
    system = twin_system(name, ratio)
    assert system.normals.shape == (3, 6)
    angles = misorientation(HERE[:, None], system.rotations, "6/mmm", degrees=True)
    np.testing.assert_allclose(angles, degrees, atol=0.15)


@pytest.mark.parametrize("name", TWIN_SYSTEMS)
def test_the_twin_is_the_mirror_image(name):
    """A half turn and the mirror in K1 differ by an inversion, so both lattices share the plane K1 and the lattice is the mirrored one."""
    system = twin_system(name, 1.6)
    for normal, rotation in zip(system.normals.T, system.rotations.T, strict=True):
        mirror = np.eye(3) - 2 * np.outer(normal, normal)
        np.testing.assert_allclose(np.asarray(to_matrix(rotation)), -mirror, atol=1e-12)
        group = [np.asarray(to_matrix(s)) for s in symmetry_operators(system.laue).T]
        assert not any(np.allclose(np.asarray(to_matrix(rotation)), s) for s in group)  # no symmetry of the crystal itself


def test_bad_input_is_named(as_user):
    with pytest.raises(ValueError, match=r"one of|known"):
        twin_system("sigma3")
    for ratio in (None, 0.0, math.nan):
        with pytest.raises(ValueError, match=r"axial ratio.*Give c/a"):
            twin_system("hcp_10-12", ratio)
    for ratio in (1e-9, 1e9):  # planes of a family would fall together
        with pytest.raises(ValueError, match=r"from 0\.1 to 10"):
            twin_system("hcp_10-12", ratio)
    for ratio in ("1.6", True, [1.6, 1.5]):
        with pytest.raises(TypeError, match="`c_over_a` must be a number, but it is"):
            twin_system("hcp_10-12", ratio)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda ratio: jnp.asarray(twin_system("hcp_10-12", ratio).normals))(1.6)
