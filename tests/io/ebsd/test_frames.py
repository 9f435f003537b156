"""What the frames do to positions and crystals."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.io import read
from jaxmicro.io.ebsd.frames import in_frame
from jaxmicro.io.ebsd.scan import Scan
from jaxmicro.microstructures import Phase, turn
from jaxmicro.orientations import from_euler, to_matrix
from tests.io.ebsd.samples import ctf, sample

SHAPE = (3, 4, 2)


def scan(vendor="edax", laue="m-3m", shape=SHAPE):
    random = np.random.default_rng(0)
    euler = random.uniform(0.2, 3, (3, *shape))
    return Scan(vendor, euler, np.zeros(shape, int), (Phase("A", laue),), (1.0,) * len(shape), {"ci": random.uniform(size=shape)})


def matrices(s):
    return np.asarray(to_matrix(from_euler(jnp.asarray(s.euler))))


def test_raw_is_as_in_the_file_and_says_what_that_means():
    s = scan()
    raw = in_frame(s, "raw", None)
    np.testing.assert_array_equal(raw.euler, s.euler)
    np.testing.assert_array_equal(raw.maps["ci"], s.maps["ci"])
    assert raw.notes[0].startswith("frame: raw")
    assert "frame='edax' puts them right" in raw.notes[0]
    assert "frame='oxford' puts them right" in in_frame(scan("oxford"), "raw", None).notes[0]


def test_a_half_turn_about_y_reverses_x_and_in_a_volume_z():
    for shape, flipped in ((SHAPE, (slice(None, None, -1), slice(None), slice(None, None, -1))), (SHAPE[:2], (slice(None, None, -1),))):
        s = scan(shape=shape)
        np.testing.assert_array_equal(in_frame(s, "edax", None).maps["ci"], s.maps["ci"][flipped])
        np.testing.assert_array_equal(in_frame(s, "oxford", None).euler, s.euler[(slice(None), *flipped)])


def test_edax_turns_the_specimen_by_a_quarter_about_z():
    s = scan()
    before = matrices(s)[:, :, ::-1, :, ::-1]
    after = matrices(in_frame(s, "edax", None))
    quarter = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1.0]])  # φ1 − 90°: what is along x was along y
    np.testing.assert_allclose(after, np.einsum("ij...,jk->ik...", before, quarter), atol=1e-12)


@pytest.mark.parametrize("laue", ["-3", "-3m", "6/m", "6/mmm"])
@pytest.mark.parametrize(("frame", "crystal_x"), [("oxford", None), ("oxford", "a*"), ("raw", "a*"), ("edax", "a*")])
def test_a_in_the_file_is_x_of_this_library(laue, frame, crystal_x):
    s = scan("oxford", laue)
    unturned, turned = in_frame(s, frame, "a"), in_frame(s, frame, crystal_x)
    a = np.array([np.cos(np.pi / 6), -np.sin(np.pi / 6), 0])  # a* is 30° after a, and along x in the file
    a_in_the_specimen = np.einsum("ij...,i->j...", matrices(unturned), a)
    found = np.einsum("ij...,j...->i...", matrices(turned), a_in_the_specimen)
    np.testing.assert_allclose(found, np.broadcast_to(np.reshape([1.0, 0, 0], (3, 1, 1, 1)), found.shape), atol=1e-12)
    assert any("turned to x ∥ a" in line for line in turned.notes)


@pytest.mark.parametrize(("frame", "crystal_x", "laue"), [("raw", None, "6/mmm"), ("oxford", "a", "6/mmm"), ("oxford", None, "m-3m")])
def test_crystals_that_stay_as_they_are(frame, crystal_x, laue):
    s = scan("oxford", laue)
    np.testing.assert_array_equal(np.sort(in_frame(s, frame, crystal_x).euler, axis=None), np.sort(s.euler, axis=None))


def test_only_the_hexagonal_phase_is_turned():
    s = scan("oxford", "m-3m")
    s = dataclasses.replace(s, phases=(Phase("A", "m-3m"), Phase("B", "6/mmm")), phase=np.arange(24).reshape(SHAPE) % 2)
    change = in_frame(s, "raw", "a*").euler - s.euler
    np.testing.assert_allclose(change[2], -np.pi / 6 * s.phase)
    assert not change[:2].any()


def test_frames_of_another_vendor_are_said_to_be_so():
    assert "though the file follows the conventions of oxford" in in_frame(scan("oxford"), "edax", None).notes[0]
    assert "though" not in in_frame(scan("emsoft"), "edax", None).notes[0]


@pytest.mark.parametrize(("options", "words"), [(("tsl", None), "`frame` must be one of"), (("raw", "b"), "`crystal_x` must be one of")])
def test_unknown_choices(as_user, options, words):
    with pytest.raises(ValueError, match=words):
        in_frame(scan(), *options)


def test_the_other_frame_of_oxford_is_one_line_away(tmp_path):
    """Positions turned by 180° about x instead of y, angles kept: what `frames` says of MTEX."""
    (tmp_path / "map.ctf").write_text(ctf(sample(phases=1)))
    raw, ms = read(tmp_path / "map.ctf"), read(tmp_path / "map.ctf", frame="oxford")
    other = turn(ms, 2).replace(orientation=ms.orientation[:, ::-1, ::-1])
    np.testing.assert_array_equal(other.orientation, raw.orientation[:, :, ::-1])
    np.testing.assert_array_equal(other.labels, raw.labels[:, ::-1])
