"""Nodal surfaces: exact fractions, symmetry, areas of the minimal surfaces, derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ellipk

from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import tpms
from jaxmicro.microstructures.tpms import AREAS, FUNCTIONS

CUBE = Grid((24, 24, 24), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(("kind", "style"), [*((kind, "network") for kind in FUNCTIONS), ("gyroid", "sheet"), ("iwp", "sheet")])
def test_fractions_are_exact_sharp_and_soft(kind, style):
    grid = Grid((11, 12, 10), (1.0, 2.0, 1.5))
    sharp = tpms(grid, kind, 0.31, style=style)
    assert abs(float(sharp.volume_fractions[1]) - 0.31) * grid.size < 1
    soft = tpms(grid, kind, 0.31, style=style, width=0.2)
    np.testing.assert_allclose(soft.volume_fractions, [0.69, 0.31], atol=1e-14)
    assert float(soft.fractions.min()) > -1e-14


def test_the_area_of_the_primitive_surface_is_its_closed_form():
    """Schwarz: 3 K(1/2) / K(√3/2) in a unit cube; scipy takes k²."""
    assert abs(AREAS["primitive"] - 3 * ellipk(0.25) / ellipk(0.75)) < 1e-4


@pytest.mark.parametrize("kind", list(AREAS))
def test_areas_are_those_of_the_minimal_surfaces(kind):
    found = fidelity(tpms(Grid((32, 32, 32), (2.0, 2.0, 2.0)), kind))
    assert found.names[-1] == "surface_density"
    assert abs(found.relative_deviation[-1]) < 0.03  # crossings of 26 neighbours, in 8 voxels between walls


@pytest.mark.parametrize(("kind", "euler"), [("gyroid", -8), ("diamond", -16), ("primitive", -4)])
def test_areas_by_the_coarea_formula_count_no_voxels(kind, euler):
    """The mean of |∇φ| is the mean area of the levels; a minimal surface's parallels at ± t have A + 2π χ t² (Steiner)."""
    width = 0.05  # three voxels
    phi = np.asarray(tpms(Grid((64, 64, 64), (1.0, 1.0, 1.0)), kind, width=width).fractions[1])
    waves = 2 * np.pi * np.fft.fftfreq(64, 1 / 64)
    spectrum = np.fft.fftn(phi)
    gradient = [np.fft.ifftn(1j * waves.reshape([-1 if k == axis else 1 for k in range(3)]) * spectrum).real for axis in range(3)]
    parallels = 2 * np.pi * euler * np.pi**2 / 3 * (width / 4) ** 2  # the variance of the logistic
    assert abs(np.linalg.norm(gradient, axis=0).mean() / (AREAS[kind] + parallels) - 1) < 0.01  # nodal surfaces are near, not minimal


def test_the_phases_of_balanced_surfaces_are_copies():
    """f changes sign under half a cell (P, along all axes; D, along one) and inversion (G)."""
    p, d, g = (np.asarray(tpms(CUBE, kind, level=0.0, width=0.1).fractions[1]) for kind in ("primitive", "diamond", "gyroid"))
    np.testing.assert_allclose(1 - p, np.roll(p, (12, 12, 12), (0, 1, 2)), atol=1e-12)
    np.testing.assert_allclose(1 - d, np.roll(d, 12, 0), atol=1e-12)
    np.testing.assert_allclose(1 - g, g[::-1, ::-1, ::-1], atol=1e-12)


def test_cells_repeat_along_each_axis():
    one = np.asarray(tpms(Grid((8, 9, 10)), "neovius", level=0.3).labels)
    many = np.asarray(tpms(Grid((16, 9, 30)), "neovius", level=0.3, cells=(2, 1, 3)).labels)
    np.testing.assert_array_equal(many, np.tile(one, (2, 1, 3)))


def test_a_sheet_is_a_wall_between_two_labyrinths():
    ms = tpms(CUBE, "primitive", level=0.4, style="sheet")
    x = 2 * np.pi * (np.arange(24) + 0.5) / 24
    f = np.cos(x)[:, None, None] + np.cos(x)[:, None] + np.cos(x)
    np.testing.assert_array_equal(ms.labels, np.abs(f) < 0.4)
    soft = tpms(CUBE, "primitive", level=0.4, style="sheet", width=1e-4)
    np.testing.assert_allclose(soft.fractions[1], ms.labels, atol=1e-6)


@pytest.mark.parametrize(
    ("style", "by"),
    [
        ("network", "volume_fraction"),
        pytest.param("sheet", "volume_fraction", marks=pytest.mark.slow),
        pytest.param("sheet", "level", marks=pytest.mark.slow),
    ],
)
def test_derivatives_agree_with_differences(style, by):
    def value(p):
        ms = tpms(Grid((7, 6, 8), lengths=p[2:]), "gyroid", style=style, width=p[1], **{by: p[0]})
        return jnp.sum(ms.fractions[1] ** 2 * jnp.cos(jnp.arange(336.0)).reshape(7, 6, 8))

    p = jnp.array([0.35, 0.3, 1.0, 1.4, 0.8])
    direction = jnp.array([0.3, -0.2, 0.1, 0.2, -0.1])
    gradient, forward = jax.jit(lambda p: (jax.grad(value)(p), jax.jvp(value, (p,), (direction,))[1]))(p)
    call, step = jax.jit(value), 1e-5
    expected = (call(p + step * direction) - call(p - step * direction)) / (2 * step)
    np.testing.assert_allclose([gradient @ direction, forward], [expected] * 2, rtol=1e-6)
    assert np.isnan(call(p.at[0].set(-0.1)))


def test_single_precision_and_bad_input(as_user):
    ms = tpms(Grid((8, 8, 8), jnp.ones(3, jnp.float32)), "frd", 0.3, width=0.3)
    assert ms.fractions.dtype == jnp.float32
    assert np.isnan(jax.jit(lambda v: tpms(CUBE, "gyroid", v, style="sheet", width=0.1).fractions)(-0.1)).all()
    for call, message in [
        (lambda: tpms(Grid((8, 8))), "`grid` must be 3D for a minimal surface, but it has 2 axes"),
        (lambda: tpms(CUBE, "gyroidd"), "Did you mean 'gyroid'"),
        (lambda: tpms(CUBE, "gyroid", 0.3, level=0.1), "must not both be given"),
        (lambda: tpms(CUBE, "gyroid", 1.3), r"must lie in \[0, 1\], but it is 1.3"),
        (lambda: tpms(CUBE, "gyroid", cells=0), "`cells` must be a positive whole number"),
        (lambda: tpms(CUBE, "gyroid", width=-0.1), "`width` must be positive and finite, but it is -0.1"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
