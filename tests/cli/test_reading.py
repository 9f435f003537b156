"""What a person says about pictures and materials: named arrays, channels, thresholds, colours, constants."""

import zipfile

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.cli.catalogue import COMMANDS
from jaxmicro.cli.console import Console
from jaxmicro.cli.options import parse
from jaxmicro.cli.reading import read_microstructure
from tests.cli.command import PAIR, left_over, refuse, squares, succeed, write_cell

RATIO = "[{conductivity: 1.0}, {conductivity: 10.0}]"


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def read_with(path, *words):
    """What `homogenize` reads with options as typed."""
    row = COMMANDS["homogenize"]
    config = parse(row, row.load().Config, [str(path), *map(str, words)])
    assert config is not None
    return read_microstructure(config.image, config, Console(quiet=True))


def coloured(path):
    """A red square on black, with a blue stripe; its labels, x first: 0 black, 1 red, 2 blue."""
    labels = squares()
    labels[0] = 2
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)[labels]
    Image.fromarray(np.swapaxes(colours, 0, 1)).save(path)
    return labels


def named_shares(ms):
    return {phase.name: float(share) for phase, share in zip(ms.phases, ms.volume_fractions, strict=True)}


@pytest.mark.parametrize(
    "phases",
    [
        '{"255,0,0": red, rest: others}',
        '{"255, 0, 0": red, null: others}',
        '{"(255, 0, 0)": red, None: others}',
        '{"255,0,0": red, "0,0,0": others, "0,0,255": others}',
    ],
)
def test_colours_are_named_as_the_help_says(tmp_path, phases):
    labels = coloured(tmp_path / "colours.png")
    shares = named_shares(read_with("colours.png", "--phases", phases))
    assert shares == pytest.approx({"red": (labels == 1).mean(), "others": (labels != 1).mean()})


@pytest.mark.parametrize("phases", ["{0: pore, null: solid}", "{0: pore, rest: solid}", '{"0": pore, "255": solid}'])
def test_grey_values_are_named(tmp_path, phases):
    Image.fromarray((255 * squares()).astype(np.uint8)).save(tmp_path / "grey.png")
    assert named_shares(read_with("grey.png", "--phases", phases))["solid"] == pytest.approx(squares().mean())


def test_a_mapping_with_others_is_kept_and_repeats_the_run(capsys, tmp_path):
    coloured(tmp_path / "colours.png")
    succeed(capsys, "homogenize", "colours.png", "--phases", '{"255,0,0": red, null: others}', "--materials", RATIO, "--out", "first")
    succeed(capsys, "homogenize", "--config", "first/config.json", "--out", "second")
    assert (tmp_path / "first" / "metrics.json").read_bytes() == (tmp_path / "second" / "metrics.json").read_bytes()
    (tmp_path / "run.yaml").write_text('phases: {"255,0,0": red, null: others}\n')
    succeed(capsys, "homogenize", "colours.png", "--config", "run.yaml", "--materials", RATIO, "--out", "third")
    assert (tmp_path / "first" / "metrics.json").read_bytes() == (tmp_path / "third" / "metrics.json").read_bytes()


@pytest.mark.parametrize(
    ("phases", "said"),
    [
        ("{red: a, rest: b}", "has the key 'red'. Write 128, \"255,0,0\", or rest for all others."),
        ("{255,0,0: a, rest: b}", "it has None among its names. Write"),
        ("{[0,0,0]: a, rest: b}", "a table must look like"),
        ("{0: 1, 255: 2}", "it has 1 among its names"),
    ],
)
def test_a_mapping_that_says_nothing(capsys, tmp_path, phases, said):
    coloured(tmp_path / "colours.png")
    assert said in refuse(capsys, "homogenize", "colours.png", "--phases", phases, "--materials", PAIR)


def test_one_of_several_arrays(capsys, tmp_path):
    np.savez(tmp_path / "two.npz", first=squares(), second=squares()[:12])
    assert "key=" in refuse(capsys, "homogenize", "two.npz", "--materials", PAIR)
    assert read_with("two.npz", "--key", "second").grid.shape == (12, 16)
    assert read_with("two.npz", "--key", "second", "--axes", "yx").grid.shape == (16, 12)
    write_cell(tmp_path / "saved.npz")
    assert read_with("saved.npz", "--key", "labels").grid.shape == (16, 16)


def test_plain_numbers_and_members_of_an_archive(capsys, tmp_path):
    squares()[:12].T.astype(">u2").tofile(tmp_path / "cell.raw")
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        for name in ("a.raw", "b.raw"):
            archive.write(tmp_path / "cell.raw", name)
    words = ("--shape", 12, 16, "--dtype", "uint16", "--byteorder", "big")
    for file, more in (("cell.raw", ()), ("two.zip", ("--member", "b.raw"))):
        found = read_with(file, *words, *more)
        np.testing.assert_array_equal(found.labels, squares()[:12])
    message = refuse(capsys, "homogenize", "cell.raw", "--materials", PAIR)
    assert "holds 384 bytes without a header. Pass --shape NX NY NZ and --dtype uint8" in message
    message = refuse(capsys, "homogenize", "cell.raw", "--shape", 12, 15, "--dtype", "int16", "--materials", PAIR)
    assert "What would fit: --shape 12 16" in message
    assert "Say which one with --member," in refuse(capsys, "homogenize", "two.zip", *words, "--materials", PAIR)


def test_arrays_in_hdf5_bring_their_lengths(capsys, tmp_path):
    with h5py.File(tmp_path / "two.h5", "w") as file:
        file["a"], file["b"] = squares(), squares().T
        file["b"].attrs["element_size_um"] = [0.5, 0.25]
    assert "Say which one with --dataset." in refuse(capsys, "homogenize", "two.h5", "--materials", PAIR)
    found = read_with("two.h5", "--dataset", "/b")
    np.testing.assert_array_equal(found.labels, squares().T)
    np.testing.assert_allclose(found.grid.lengths, (8, 4))
    np.testing.assert_allclose(read_with("two.h5", "--dataset", "/b", "--spacing", 2).grid.lengths, 32)


def test_one_of_several_channels(capsys, tmp_path):
    channels = np.stack([squares(), squares().T]).astype(np.uint8)
    tifffile.imwrite(tmp_path / "two.tif", channels, metadata={"axes": "CYX"})
    assert "channel=" in refuse(capsys, "homogenize", "two.tif", "--materials", PAIR)
    found = [np.asarray(read_with("two.tif", "--channel", index).labels) for index in (0, 1)]
    assert (found[0] == squares().T).all()
    assert (found[1] == squares()).all()


@pytest.mark.parametrize(
    ("words", "said"), [(("--key", "a"), ".npz, .vti, .zip files"), (("--channel", 0), ".tif, .tiff"), (("--axes", "yx"), ".npz, .npy")]
)
def test_an_option_of_another_format(capsys, tmp_path, words, said):
    coloured(tmp_path / "colours.png")
    message = refuse(capsys, "homogenize", "colours.png", *words, "--materials", PAIR)
    assert f"`{words[0][2:]}` must be left out for colours.png" in message
    assert said in message


def test_several_thresholds_make_several_phases(capsys, tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    for text in ("[64, 192]", "64,192", "[64.0,192]"):
        found = read_with("--threshold", text, "grey.png")
        assert np.asarray(found.volume_fractions).tolist() == [0.25, 0.5, 0.25]
    assert read_with("--threshold", 128, "grey.png").n_phases == read_with("--threshold", "otsu", "grey.png").n_phases == 2
    (tmp_path / "run.toml").write_text("threshold = [64, 192]\n")
    assert read_with("grey.png", "--config", "run.toml").n_phases == 3
    assert "`threshold` must be ascending" in refuse(capsys, "homogenize", "grey.png", "--threshold", "[192, 64]")
    for text in ("ots", "", "64 192"):
        assert f"`threshold` in the options is none of the valid names, but it is {text!r}" in refuse(
            capsys, "homogenize", "grey.png", "--threshold", text
        )


@pytest.mark.parametrize(
    ("materials", "said"),
    [
        ("{0: epoxy, 1: {young: x, poisson: 0.2}}", "`materials.1.young` must be a number, but it is 'x'"),
        ("[epoxy, {young: true, poisson: 0.2}]", "`materials.1.young` must be a number, but it is True"),
        ("[epoxy, {young: .nan, poisson: 0.2}]", "`materials.1.young` must be finite, but it is nan"),
        ("[{conductivity: [[1, 0], [0, .inf]]}, {conductivity: 1}]", "`materials.0.conductivity.1.1` must be finite, but it is inf"),
        ("epoxy", "`materials` must be a list or a table with one entry per phase, but it is 'epoxy'. Write '[epoxy, glass fibre]'"),
        ("3", "`materials` must be a list or a table with one entry per phase, but it is 3"),
        ("[epoxy, 3]", "`materials.1` must be the name of a material or a table of its constants, but it is 3"),
    ],
)
def test_a_material_that_is_none_names_its_place(capsys, tmp_path, materials, said):
    write_cell(tmp_path / "cell.npz")
    for words in (("homogenize", "cell.npz"), ("design", "--grid", 8, 8, "--targets", "{E_x: 5}"), ("demo", "--quick")):
        assert said in refuse(capsys, *words, "--materials", materials)
    assert left_over(tmp_path) == ["cell.npz"]


def test_a_hint_names_only_a_file_that_is_alike(capsys, tmp_path):
    coloured(tmp_path / "shot.png")
    assert refuse(capsys, "homogenize", "nope.png", "--materials", PAIR) == "error: `nope.png` does not exist."
    assert "Did you mean 'shot.png'?" in refuse(capsys, "homogenize", "shots.tif", "--materials", PAIR)
