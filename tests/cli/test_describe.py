"""What a file holds, told and drawn."""

import json
import warnings

import jax
import numpy as np
import pytest
from PIL import Image

import jaxmicro as jm
from jaxmicro.cli import main
from jaxmicro.cli.commands import describe
from jaxmicro.cli.console import Console
from jaxmicro.cli.crystal_checks import symmetry_conflicts, wrong_frame
from jaxmicro.cli.crystal_seams import crystal_seams, made_periodic
from jaxmicro.cli.reading import read_microstructure
from jaxmicro.microstructures import Phase, polycrystal
from jaxmicro.orientations import misorientation
from tests.cli.command import refuse, squares, succeed


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def write_map(path="map.ctf"):
    """A small map of two phases with a hole, and one lonely point."""
    ms = polycrystal(jm.Grid((24, 20), (12.0, 10.0)), 6, key=jax.random.key(3))
    labels = (np.asarray(ms.maps["grain"]) % 2).astype(int)
    mask = np.ones(ms.grid.shape, bool)
    mask[:2] = False
    ms = ms.replace(labels=labels, mask=mask, phases=(Phase("Ni", laue="m-3m"), Phase("Ti", laue="6/mmm")), maps={})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jm.io.DataWarning)  # the crystal x axis of Oxford's files
        jm.io.write(path, ms)
    return labels, mask


def test_a_map_is_told_and_drawn(capsys, tmp_path):
    labels, mask = write_map()
    said = succeed(capsys, "describe", "map.ctf", "--out", "run", "--quiet").out
    for line in (
        "24 x 20 voxels",
        "Laue group m-3m",
        "Laue group 6/mmm",
        "frame: raw",
        "boundaries:",
        "odd: 40 points (8.33 %) are not measured",
    ):
        assert line in said
    assert "whole layers at the edges: 2 and 0 along x" in said
    assert "edges 12 x 10 µm, voxel 0.5 x 0.5 µm" in said
    names = {path.name for path in (tmp_path / "run" / "figures").iterdir()}
    assert {
        "phases.png",
        "ipf-z.png",
        "ipf-x.png",
        "euler.png",
        "pole-figures-0.png",
        "pole-figures-1.png",
        "misorientations-0.png",
    } <= names
    assert not {"cells.png", "tiled-1.png"} & names  # a map is no cell
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["points of Ti"]["value"] == int(((labels == 1) & mask).sum())
    assert jm.io.read("run/map.npz").phases[1].laue == "6/mmm"
    assert "Crystals" in (tmp_path / "run" / "report.html").read_text()


def test_options_of_maps_reach_the_reader(capsys):
    write_map()
    said = succeed(capsys, "describe", "map.ctf", "--out", "run", "--quiet", "--frame", "oxford", "--unindexed", "nearest").out
    assert "frame: oxford" in said
    Image.fromarray((255 * squares()).astype(np.uint8)).save("grey.png")
    assert "`frame` must be left out for grey.png" in refuse(capsys, "describe", "grey.png", "--frame", "edax")


def test_pictures_and_damaged_files(capsys, tmp_path):
    Image.fromarray((255 * squares()).astype(np.uint8)).save("grey.png")
    said = succeed(capsys, "describe", "grey.png", "--out", "picture", "--quiet").out
    assert "16 x 16 voxels" in said
    assert "odd: nothing" in said
    write_map()
    text = (tmp_path / "map.ctf").read_text().splitlines()
    (tmp_path / "cut.ctf").write_text("\n".join(text[:-7]) + "\n")
    message = refuse(capsys, "describe", "cut.ctf")
    assert "cut.ctf" in message
    assert "473" in message
    assert "24 x 20 = 480" in message.replace("×", "x")


@pytest.mark.slow
def test_a_map_is_homogenised_without_further_words(capsys, tmp_path):
    write_map("map.ang")
    code = main(
        ["homogenize", "map.ang", "--frame", "edax", "--unindexed", "nearest", "--materials", "{Ni: Ni, Ti: Ti}", "--out", "run", "--quiet"]
    )
    assert code == 0
    assert "C_66" in json.loads((tmp_path / "run" / "metrics.json").read_text())
    names = {path.name for path in (tmp_path / "run" / "figures").iterdir()}
    assert {"ipf-z.png", "tiled-ipf.png", "pole-figures-0.png", "young-surface.png", "tiled-1.png"} <= names
    assert json.loads((tmp_path / "run" / "run.json").read_text())["warnings"] == []  # a periodic polycrystal fits itself
    assert "seconds before the figures" in (tmp_path / "run" / "report.html").read_text()


def test_a_map_without_an_indexed_point_is_told_and_not_solved(capsys, tmp_path):
    ms = jm.Microstructure(
        labels=np.zeros((4, 3), int), orientation=np.eye(4)[:, 0, None, None] * np.ones((4, 4, 3)), mask=np.zeros((4, 3), bool),
        phases=(Phase("Ni", laue="m-3m"),),
    )  # fmt: skip
    jm.io.write("empty.npz", ms)
    message = refuse(capsys, "homogenize", "empty.npz", "--materials", "[Ni]")
    assert "none of its 12 points is indexed. Index the patterns again" in message
    said = succeed(capsys, "describe", "empty.npz", "--out", "run", "--quiet")
    assert "nan" not in said.out + said.err
    assert "odd: none of the 12 points is measured" in said.out
    assert (tmp_path / "run" / "phases.csv").read_text().splitlines()[1] == "Ni,m-3m,0,"


def test_a_picture_of_euler_colours_is_named_and_read(capsys):
    turns = polycrystal(jm.Grid((12, 10)), 3, key=jax.random.key(1)).replace(phases=(Phase("Ni", laue="m-3m"),), maps={})
    jm.io.write_euler_map("patch.png", turns)
    assert "pass --euler-colors m-3m" in refuse(capsys, "describe", "patch.png")
    assert "`threshold` must be left out" in refuse(capsys, "describe", "patch.png", "--euler-colors", "m-3m", "--threshold", "3")
    ms = read_microstructure("patch.png", describe.Config(euler_colors="m-3m", phases=["Ni"], crop=(0, 12, 0, 8)), Console(quiet=True))
    assert (ms.phases[0], ms.grid.shape) == (Phase("Ni", laue="m-3m"), (12, 8))
    angles = misorientation(ms.orientation, turns.orientation[..., :8], "m-3m", degrees=True)
    assert float(np.median(np.asarray(angles))) < 1.0


def test_a_frame_of_another_vendor_is_odd():
    write_map("map.ang")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jm.io.DataWarning)
        wrong, right = (jm.io.read("map.ang", frame=frame) for frame in ("oxford", "edax"))
    (line,) = wrong_frame(wrong)
    assert "frame='oxford' was asked for, but the file follows the conventions of edax" in line
    assert wrong_frame(right) == []


def test_constants_of_another_symmetry_are_noticed():
    laue = {"m-3m": ["Ti", "olivine"], "6/mmm": ["IN625", "olivine"], "-3m": ["IN625", "olivine"], "4/mmm": ["olivine"], "mmm": []}
    for group, conflicting in laue.items():
        ms = jm.Microstructure(labels=np.zeros((2, 2), int), orientation=np.ones((4, 2, 2)) / 2, phases=(Phase("x", laue=group),))
        found = [name for name in ("IN625", "Ti", "olivine", "epoxy") if symmetry_conflicts(ms, [name])]
        assert found == conflicting


def test_the_crystals_at_a_seam_are_compared_before_and_after():
    turns = np.zeros((4, 6, 4))
    turns[0], turns[3] = 1.0, np.tan(np.radians(np.arange(6) * 10.0 / 2))[:, None]
    ms = jm.Microstructure(labels=np.zeros((6, 4), int), orientation=turns / np.linalg.norm(turns, axis=0), phases=(Phase("Ti", "6/mmm"),))
    treated, seams = made_periodic(ms, "mirror")
    assert (seams.seam, seams.fits) == ((0.0, 0.0), True)
    assert "untreated x 100.0 % against 100.0 % inside, y 0.0 % against 0.0 % inside" in treated.notes[-1]
    fine = ms.replace(orientation=np.where(np.arange(6)[:, None] < 5, np.eye(4)[:, 0, None, None], np.asarray(ms.orientation)))
    assert crystal_seams(fine).seam == (1.0, 0.0)
    assert not made_periodic(fine, "as_is")[1].fits


def test_a_configuration_of_the_other_command_names_the_same_file(capsys, tmp_path):
    write_map("map.ang")
    (tmp_path / "one.toml").write_text('image = "none.ang"\nframe = "edax"\n')
    assert "`none.ang` does not exist" in refuse(capsys, "describe", "--config", "one.toml")
    (tmp_path / "two.toml").write_text('file = "none.ang"\n')
    assert "`none.ang` does not exist" in refuse(capsys, "homogenize", "--config", "two.toml")
    (tmp_path / "both.toml").write_text('file = "a.ang"\nimage = "b.ang"\n')
    assert "it holds both" in refuse(capsys, "homogenize", "--config", "both.toml")
