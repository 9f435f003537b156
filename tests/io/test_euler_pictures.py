"""Orientation maps as pictures in Euler colours."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxmicro.io import ReadError, read_euler_map, write_euler_map
from jaxmicro.io.euler_pictures import euler_bytes
from jaxmicro.microstructures import Microstructure, Phase, flip, turn
from jaxmicro.orientations import from_euler, is_coincident, misorientation, multiply, random_orientations, symmetry_operators
from tests.orientations.groups import GROUPS

HALF_A_LEVEL = np.deg2rad((360 + 180 + 360) / 510)  # the angles are off by half a level each, and a rotation by no more than their sum


def crystal_map(laue="m-3m", shape=(9, 7), seed=0):
    line = np.zeros(shape, bool)
    line[4] = True
    return Microstructure(
        labels=np.zeros(shape, int), orientation=random_orientations(jax.random.key(seed), shape),
        phases=(Phase("crystal", laue=laue),), maps={"boundary": line}, mask=~line,
    )  # fmt: skip


@pytest.mark.parametrize("laue", GROUPS)
def test_a_map_comes_back_to_the_resolution_of_its_colours(tmp_path, laue):
    ms = crystal_map(laue)
    write_euler_map(tmp_path / "map.png", ms)
    back = read_euler_map(tmp_path / "map.png", laue=laue, spacing=0.5)
    measured = np.asarray(ms.mask)
    assert bool((back.mask == ms.mask).all())
    assert bool((back.maps["boundary"] == ms.maps["boundary"]).all())
    assert back.grid.lengths.tolist() == [4.5, 3.5]
    apart = np.asarray(misorientation(back.orientation, ms.orientation, laue=laue))[measured]
    assert apart.max() < HALF_A_LEVEL


@pytest.mark.parametrize("laue", GROUPS)
def test_equivalent_orientations_have_one_colour(laue):
    q = random_orientations(jax.random.key(2), 50)
    expected = euler_bytes(q, laue=laue)
    for operator in symmetry_operators(laue).T:
        assert (euler_bytes(multiply(jnp.asarray(operator)[:, None], q), laue=laue) == expected).all()


def test_the_channels_are_the_angles(tmp_path):
    """R = φ1/360°, G = Φ/90°, B = φ2/90°, and the rows of the picture run along y."""
    pixels = np.full((2, 3, 3), 100, np.uint8)
    pixels[1, 2] = (51, 85, 170)
    pixels[0, 0] = 0
    Image.fromarray(pixels).save(tmp_path / "map.png")
    ms = read_euler_map(tmp_path / "map.png")
    assert ms.grid.shape == (3, 2)
    expected = from_euler((72.0, 30.0, 60.0), degrees=True)
    assert float(misorientation(ms.orientation[:, 2, 1], expected, laue="-1")) < 1e-7
    assert ms.mask.tolist() == [[False, True], [True, True], [True, True]]
    assert float(misorientation(ms.orientation[:, 0, 0], ms.orientation[:, 1, 1], laue="-1")) < 1e-7  # filled
    assert bool(read_euler_map(tmp_path / "map.png", lines="none").mask.all())


def test_a_turned_picture_is_not_the_picture_of_the_turned_map(tmp_path):
    """Turning pixels alone leaves the crystals: colours must change too."""
    ms = crystal_map()
    write_euler_map(tmp_path / "map.png", turn(ms))
    back = read_euler_map(tmp_path / "map.png")
    apart = misorientation(turn(back, -1).orientation, ms.orientation)
    assert float(jnp.max(jnp.where(ms.mask, apart, 0.0))) < HALF_A_LEVEL
    pixels_alone = misorientation(jnp.rot90(back.orientation, -1, axes=(1, 2)), ms.orientation)
    assert float(jnp.median(pixels_alone)) > 0.2
    write_euler_map(tmp_path / "flipped.png", flip(ms, 0))
    assert (
        float(
            jnp.max(jnp.where(ms.mask, misorientation(flip(read_euler_map(tmp_path / "flipped.png"), 0).orientation, ms.orientation), 0.0))
        )
        < HALF_A_LEVEL
    )


def test_bad_pictures_are_refused(tmp_path):
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "black.png")
    with pytest.raises(ReadError, match="holds nothing but lines"):
        read_euler_map(tmp_path / "black.png")
    Image.fromarray(np.arange(16, dtype=np.uint8).reshape(4, 4)).save(tmp_path / "grey.png")
    with pytest.raises(ReadError, match="is not in colour"):
        read_euler_map(tmp_path / "grey.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "black.png").read_bytes()[:40])
    with pytest.raises(ReadError, match=r"cut\.png"):
        read_euler_map(tmp_path / "cut.png")
    with pytest.raises(ReadError, match="max_bytes"):
        read_euler_map(tmp_path / "black.png", max_bytes=10)
    with pytest.raises(ValueError, match="`ranges` must be three numbers"):
        read_euler_map(tmp_path / "black.png", ranges=(720, 90, 90))
    with pytest.raises(ValueError, match="misses"):
        euler_bytes(random_orientations(jax.random.key(0), 20), laue="-1", ranges=(360, 90, 90))


def test_the_seed_pictures_hold_twins(shared_data):
    """Pairs across the lines, along rows and columns, 10° apart or more: 31.6 % are within 5° of Σ3."""
    pairs = [[], []]
    for file in sorted((shared_data / "seed_in625").glob("*.png")):
        ms = read_euler_map(file, spacing=0.5)
        share = float(jnp.mean(ms.maps["boundary"]))
        assert 0.2 < share < 0.33
        for q, mask in ((ms.orientation, ms.mask), (jnp.swapaxes(ms.orientation, 1, 2), ms.mask.T)):
            for row, known in zip(np.moveaxis(np.asarray(q), 1, 0), np.asarray(mask), strict=True):
                pairs[0].append(row[:, known][:, :-1])
                pairs[1].append(row[:, known][:, 1:])
    first, second = (np.concatenate(side, axis=1) for side in pairs)
    apart = np.rad2deg(np.asarray(misorientation(first, second)))
    twins = np.asarray(is_coincident(first, second, 3, tolerance=np.deg2rad(5.0)))
    boundary = apart >= 10
    assert (twins & boundary).sum() / boundary.sum() == pytest.approx(0.316, abs=0.0005)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"spacing": "a"}, "`spacing` must be one positive number, but it is 'a'"),
        ({"spacing": (1, 2)}, r"`spacing` must be one positive number, but it is \(1, 2\)"),
        ({"spacing": np.inf}, "`spacing` must be one positive number, but it is inf"),
        ({"ranges": "abc"}, "`ranges` must be three numbers of degrees"),
    ],
)
def test_options_that_make_no_sense(as_user, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        read_euler_map(tmp_path / "map.png", **options)


def test_a_folder_and_a_number_are_no_picture_and_no_map(as_user, tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder\. Name one picture"):
        read_euler_map(tmp_path)
    with pytest.raises(TypeError, match="`ms` must be a Microstructure, but it is a int"):
        write_euler_map(tmp_path / "map.png", 5)
