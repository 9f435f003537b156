"""Sections of the orientation density: ideal components at their places, one where there is no texture."""

import jax
import numpy as np
import pytest

from jaxmicro.orientations import from_euler, odf, random_orientations, texture_component
from jaxmicro.plotting import odf_sections
from jaxmicro.plotting.orientation_sections import SAMPLES, _as_few, _densities, _places
from tests.daily import daily

PEAK = 64.8  # of one cubic orientation with a half width of 10°


def densities(q, cuts, sample="orthorhombic", laue="m-3m"):
    """What the figure draws, (φ1, Φ) for each section, and its angles."""
    turns, last = SAMPLES[sample]
    q = np.asarray(q).reshape(4, -1)
    few = _as_few(q, np.ones(q.shape[1]), turns, laue, 10.0)
    places = _places(last, 10.0), _places(90.0, 10.0)
    found = _densities(*few, *places, cuts, laue, 10.0)
    return found, [np.linspace(0, each[-1], found[0].shape[k]) for k, each in enumerate(places)]


# (φ1, Φ, φ2) in degrees, U. F. Kocks, C. N. Tomé, H.-R. Wenk, Texture and Anisotropy, Cambridge University Press 1998, chapter 2
IDEAL = {"copper": (90, 35.26, 45), "brass": (35.26, 45, 0), "s": (58.98, 36.70, 63.43), "goss": (0, 45, 0), "cube": (0, 0, 0)}


@pytest.mark.parametrize("name", daily(list(IDEAL), "s", "cube"))
def test_ideal_components_are_at_their_places(name):
    phi1, phi, phi2 = IDEAL[name]
    component = np.asarray(texture_component(name))
    (found,), (along, down) = densities(component, (float(phi2),))
    i, j = np.unravel_index(found.argmax(), found.shape)
    if name == "cube":  # at Φ = 0 only φ1 + φ2 counts: 0° and 90°
        assert (down[j], along[i] % 90) == (0, 0)
    else:
        assert (along[i], down[j]) == pytest.approx((phi1, phi), abs=1.3)
    assert found.max() == pytest.approx(PEAK / component.shape[1], rel=0.02)


def test_the_figure_shows_the_density_with_phi_downwards():
    figure = odf_sections(texture_component("brass"), sections=[0, 30], sample="orthorhombic", title="Brass")
    first, second = figure.axes[:2]
    assert first.get_title().startswith("φ₂ = 0°  max 32")
    assert second.get_title().startswith("φ₂ = 30°")
    assert (first.get_xlim(), first.get_ylim()) == ((0.0, 90.0), (90.0, 0.0))
    assert (first.get_xlabel(), first.get_ylabel()) == ("φ₁ (°)", "Φ (°)")
    assert figure.axes[-1].get_ylabel() == "multiples of random"
    path = [path for path in first.collections[0].get_paths() if path.vertices.size][-1]  # the highest filled level
    assert path.vertices.mean(axis=0) == pytest.approx((35.3, 45), abs=2)


def test_no_line_is_drawn_around_nothing():
    """Far from a single orientation the density is nothing but rounding, which has no contours."""
    for axes in odf_sections(texture_component("cube"), laue="6/mmm").axes[:2]:
        lines = axes.collections[1]
        assert lines.levels.min() > 1
        for path in lines.get_paths():
            assert np.abs(path.vertices[:, 1] - 0).max(initial=0.0) < 25  # the c axis stays within 25° of z


@pytest.mark.slow
def test_no_texture_is_one_everywhere():
    every = np.array(
        from_euler(np.stack(np.meshgrid(np.arange(0, 360, 5), np.arange(2.5, 90, 5), np.arange(0, 90, 5), indexing="ij")), degrees=True)
    )
    weights = np.broadcast_to(np.sin(np.deg2rad(np.arange(2.5, 90, 5)))[:, None], (72, 18, 18))
    few = _as_few(every.reshape(4, -1), weights.ravel(), SAMPLES["triclinic"][0], "m-3m", 15.0)
    (found,) = _densities(*few, _places(90.0, 15.0), _places(90.0, 15.0), (20.0,), "m-3m", 15.0)
    np.testing.assert_allclose(found, 1.0, atol=0.05)


def test_few_stand_for_many():
    q = random_orientations(jax.random.key(0), 3000)
    found, (along, down) = densities(q, (45.0,), "triclinic")
    at = from_euler(
        np.stack([*np.meshgrid(along[::24], down[::8], indexing="ij"), np.full((13, 10), 45.0)[: along[::24].size, : down[::8].size]]),
        degrees=True,
    )
    np.testing.assert_allclose(found[0][::24, ::8], odf(at, q, halfwidth=10.0, degrees=True), rtol=0.05, atol=0.03)


def test_sections_of_other_crystals():
    titles = [axes.get_title()[:8].split("°")[0] for axes in odf_sections(texture_component("cube"), laue="6/mmm", halfwidth=20).axes[:-1]]
    assert titles == ["φ₂ = 0", "φ₂ = 30"]


@pytest.mark.slow
def test_sections_without_symmetry_reach_to_180_degrees():
    assert odf_sections(texture_component("cube"), laue="-1", halfwidth=30).axes[0].get_ylim() == (180.0, 0.0)


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sections": []}, "`sections` must be one to 8 angles φ2 in degrees, but they are \\[\\]"),
        ({"sections": [np.nan]}, "`sections` must be one to 8 angles"),
        ({"sample": "cubic"}, "`sample` must be one of 'triclinic', 'orthorhombic'"),
        ({"halfwidth": 0.1}, "`halfwidth` must be from 1 to 60 degrees"),
        ({"halfwidth": "10"}, "`halfwidth` must be from 1 to 60 degrees, but it is '10'"),
        ({"laue": "m3"}, "`laue` must be one of"),
        ({"weights": [1.0, 2.0]}, "`weights` must have one weight per orientation \\(1,\\)"),
    ],
)
def test_what_makes_no_section_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        odf_sections(texture_component("cube"), **options)
