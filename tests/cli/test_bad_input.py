"""Each kind of bad input: exit code, one clear message with the way out, no traceback, nothing left behind."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.cli import main
from jaxmicro.cli.material_tables import checked_materials
from tests.cli.command import PAIR, left_over, refuse, squares, succeed, write_cell


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def refused_whole(capsys, tmp_path, *words, code=2):
    """The message of a refusal that leaves the folder as it was."""
    before = left_over(tmp_path)
    message = refuse(capsys, *words, code=code)
    assert left_over(tmp_path) == before
    return message


def save_png(path, array):
    Image.fromarray(np.asarray(array, np.uint8)).save(path)
    return path


def test_a_constant_image(capsys, tmp_path):
    image = save_png(tmp_path / "flat.png", np.full((16, 16), 7))
    message = refused_whole(capsys, tmp_path, "homogenize", image, "--materials", PAIR)
    assert "flat.png` is constant" in message
    assert "at least two values" in message


def test_an_unreadable_image(capsys, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    assert "broken.png`" in refused_whole(capsys, tmp_path, "homogenize", tmp_path / "broken.png", "--materials", PAIR)


def test_a_missing_image_names_the_nearest(capsys, tmp_path):
    save_png(tmp_path / "micrograph.png", 255 * squares())
    message = refused_whole(capsys, tmp_path, "homogenize", "micrgraph.png", "--materials", PAIR)
    assert "does not exist" in message
    assert "'micrograph.png'" in message


def test_an_image_that_is_too_large(capsys, tmp_path):
    tifffile.imwrite(tmp_path / "large.tif", np.zeros((64, 64), np.uint8))
    message = refused_whole(capsys, tmp_path, "homogenize", tmp_path / "large.tif", "--materials", PAIR, "--max-bytes", 1000)
    assert "Pass --max-bytes 4096" in message


def test_colours_where_labels_are_expected(capsys, tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (16, 16, 3))
    message = refused_whole(capsys, tmp_path, "homogenize", save_png(tmp_path / "rgb.png", colours), "--materials", PAIR)
    assert "colour" in message.lower()


def test_grey_levels_where_labels_are_expected(capsys, tmp_path):
    grey = np.arange(256).reshape(16, 16)
    message = refused_whole(capsys, tmp_path, "homogenize", save_png(tmp_path / "grey.png", grey), "--materials", PAIR)
    assert "otsu" in message


def test_a_phase_count_that_does_not_match_the_materials(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", "[epoxy, glass fibre, Fe]")
    assert "`materials` must hold one entry per phase (2: 'matrix', 'fibre'), but it holds 3" in message


def test_a_misspelt_material(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", "[epoxi, Fe]")
    assert "Did you mean 'epoxy'?" in message


def test_names_of_materials_that_read_as_numbers_or_symbols(capsys, tmp_path):
    assert checked_materials([304, "Fe", {"young": 1.0, "poisson": 0.3}])[:2] == ["304", "Fe"]
    cell = write_cell(tmp_path / "cell.npz")
    assert "but it is 305" in refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", "[305, Fe]")
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", "[Zr, Fe]")
    assert "it is 'Zr'. Known: 304," in message
    assert "Did you mean" not in message


def test_options_are_explained_in_words(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    assert "Did you mean" not in refused_whole(capsys, tmp_path, "describe", cell, "--bogus", "1")
    assert "`--min-ci` must be a number, but it is 'abc'" in refused_whole(capsys, tmp_path, "describe", cell, "--min-ci", "abc")
    assert "('edax', 'oxford', 'raw')" in refused_whole(capsys, tmp_path, "describe", cell, "--frame", "foo")
    assert "`crop` must lie inside the (16, 16) voxels" in refused_whole(capsys, tmp_path, "describe", cell, "--crop", "0", "99", "0", "9")


def test_negative_definite_constants(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    message = refused_whole(
        capsys, tmp_path, "homogenize", cell, "--materials", "[{young: -1.0, poisson: 0.3}, {young: 2.0, poisson: 0.3}]"
    )
    assert "young" in message or "definite" in message


def test_not_a_number(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", "[{conductivity: .nan}, {conductivity: 1.0}]")
    assert "finite" in message


@pytest.mark.slow
def test_mixed_units_are_a_warning(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    said = succeed(capsys, "homogenize", cell, "--materials", "[epoxy, {young: 71.0e9, poisson: 0.22}]", "--out", "run")
    assert said.err.count("warning: The constants look like mixed units") == 1
    assert "mixed units" in (tmp_path / "run" / "report.html").read_text()


def test_a_crop_outside_the_picture(capsys, tmp_path):
    image = save_png(tmp_path / "cell.png", 255 * squares())
    assert "inside the (16, 16)" in refused_whole(capsys, tmp_path, "homogenize", image, "--materials", PAIR, "--crop", 0, 64, 0, 64)
    assert "x0 x1 y0 y1" in refused_whole(capsys, tmp_path, "homogenize", image, "--materials", PAIR, "--crop", 0, 64, 0)


def test_a_window_larger_than_the_picture(capsys, tmp_path):
    image = save_png(tmp_path / "cell.png", 255 * squares())
    message = refused_whole(capsys, tmp_path, "train", image, "--crop-size", 64)
    assert "must fit into the maps" in message
    assert "(16, 16)" in message


def test_a_folder_without_pictures(capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds none" in refused_whole(capsys, tmp_path, "train", "empty")


def test_an_unknown_codec(capsys, tmp_path):
    assert "Did you mean 'two-phase-64'?" in refused_whole(capsys, tmp_path, "sample", "two-phases-64")


def test_a_damaged_codec(capsys, tmp_path):
    (tmp_path / "codec.safetensors").write_bytes(b"no weights")
    assert "cannot be read" in refused_whole(capsys, tmp_path, "sample", "codec.safetensors")


def test_a_size_that_does_not_fit_the_codec(capsys, tmp_path):
    assert "multiple of the codec's factor" in refused_whole(capsys, tmp_path, "sample", "two-phase-64", "--grid", 60, 60)


def test_a_packing_that_does_not_fit(capsys, tmp_path):
    message = refused_whole(capsys, tmp_path, "generate", "inclusions", "--grid", 16, 16, "--volume-fraction", 0.95, "--radius", 4)
    assert "`volume_fraction` 0.95 could not be reached" in message


def test_an_option_of_another_generator(capsys, tmp_path):
    message = refused_whole(capsys, tmp_path, "generate", "laminate", "--grains", 5)
    assert "`grains` must be left out for laminate: it belongs to polycrystal" in message


def test_what_must_be_given(capsys, tmp_path):
    assert "`image` must be given" in refused_whole(capsys, tmp_path, "homogenize")
    assert "`codec` must be given" in refused_whole(capsys, tmp_path, "sample")


def test_an_unknown_command(capsys, tmp_path):
    assert "Did you mean 'homogenize'?" in refused_whole(capsys, tmp_path, "homogenise")


def test_a_computation_that_fails_has_its_own_exit_code(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", PAIR, "--max-steps", 1, code=1)
    assert "MAX_STEPS" in message


def test_an_interruption_leaves_nothing(capsys, tmp_path, monkeypatch):
    cell = write_cell(tmp_path / "cell.npz")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxmicro.cli.commands.homogenize.homogenize", interrupted)
    assert "interrupted" in refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", PAIR, code=130)


def test_a_defect_is_one_line_unless_debug(capsys, tmp_path, monkeypatch):
    cell = write_cell(tmp_path / "cell.npz")

    def broken(*_, **__):
        raise RuntimeError("no such luck")

    monkeypatch.setattr("jaxmicro.cli.commands.homogenize.homogenize", broken)
    message = refused_whole(capsys, tmp_path, "homogenize", cell, "--materials", PAIR, code=1)
    assert message == "error: RuntimeError: no such luck Run again with --debug to see where."
    assert main(["homogenize", str(cell), "--materials", PAIR, "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
