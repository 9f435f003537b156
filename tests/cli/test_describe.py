"""What a file holds, told and drawn."""

import json
import warnings

import jax
import numpy as np
import pytest
from PIL import Image

import jaxmicro as jm
from jaxmicro.cli import main
from jaxmicro.microstructures import Phase, polycrystal
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
    names = {path.name for path in (tmp_path / "run" / "figures").iterdir()}
    assert {"ipf-z.png", "ipf-x.png", "pole-figures-0.png", "pole-figures-1.png", "misorientations-0.png"} <= names
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


def test_a_map_is_homogenised_without_further_words(capsys, tmp_path):
    write_map("map.ang")
    code = main(
        ["homogenize", "map.ang", "--frame", "edax", "--unindexed", "nearest", "--materials", "{Ni: Ni, Ti: Ti}", "--out", "run", "--quiet"]
    )
    assert code == 0
    assert "C_66" in json.loads((tmp_path / "run" / "metrics.json").read_text())
