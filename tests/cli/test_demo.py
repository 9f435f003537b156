"""`jaxmicro demo`: how pictures become two phases, and the whole loop at its smallest."""

import csv

import jax
import numpy as np
import pytest
from PIL import Image

from jaxmicro.cli.commands.demo import Config
from jaxmicro.cli.console import Console
from jaxmicro.cli.demonstration.picture import fit_scale, mean_chord, read_picture, two_phases
from jaxmicro.cli.demonstration.settings import demo_materials
from jaxmicro.generative import load
from jaxmicro.io import read
from jaxmicro.microstructures import Microstructure
from tests.cli.command import left_over, read_json, refuse, succeed


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def blobs(n=96, share=0.3, length=3.0):
    """Labels of a thresholded random field."""
    from jaxmicro.fields import Grid
    from jaxmicro.microstructures import random_field

    return np.asarray(random_field(Grid((n, n)), volume_fraction=share, correlation_length=length, key=jax.random.key(3)).labels)


def save_grey(path, labels):
    """A noisy picture of labels: dark matrix, bright inclusions."""
    noise = np.random.default_rng(0).normal(0, 8, labels.shape)
    Image.fromarray(np.clip(60 + 120 * labels + noise, 0, 255).astype(np.uint8)).save(path)
    return path


def test_grey_levels_are_cut_by_otsu_and_that_is_said(capsys, tmp_path):
    labels, console = blobs(), Console()
    found = read_picture(str(save_grey(tmp_path / "grey.png", labels)), Config(), console)
    assert (np.asarray(found.labels) == labels.T).mean() > 0.999
    assert any("Otsu" in line for line in console.warnings)
    asked = read_picture(str(tmp_path / "grey.png"), Config(threshold=120.0), silent := Console())
    assert silent.warnings == []
    assert asked.n_phases == 2


def test_rarer_phases_join_the_most_abundant_one():
    labels = np.zeros((10, 10), np.int32)
    labels[:3], labels[3] = 2, 1
    console = Console(quiet=True)
    found = two_phases(Microstructure(labels=labels, phases=("matrix", "void", "fibre")), False, console)
    assert [phase.name for phase in found.phases] == ["matrix", "fibre"]
    assert float(found.volume_fractions[1]) == pytest.approx(0.3)
    assert "void (10.0 %) joined matrix" in console.warnings[0]


@pytest.mark.parametrize(("keep", "first"), [(False, "light"), (True, "dark")])
def test_the_more_abundant_phase_is_the_first_unless_the_order_is_given(keep, first):
    labels = np.ones((10, 10), np.int32)
    labels[:3] = 0
    found = two_phases(Microstructure(labels=labels, phases=("dark", "light")), keep, Console(quiet=True))
    assert found.phases[0].name == first
    assert int(np.asarray(found.labels)[0, 0]) == (0 if keep else 1)


def test_coarse_features_are_brought_to_scale():
    assert mean_chord(Microstructure(labels=np.kron(np.eye(8, dtype=np.int32), np.ones((4, 4), np.int32)))) == pytest.approx(4.0)
    fine = blobs(share=0.3, length=2.0)
    coarse, size = fit_scale(Microstructure(labels=np.kron(fine, np.ones((9, 9), np.int32))), Console(quiet=True))
    assert size == 64
    assert 4.0 < mean_chord(coarse) < 12.0 < mean_chord(Microstructure(labels=np.kron(fine, np.ones((9, 9), np.int32))))
    assert float(coarse.volume_fractions[1]) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize(
    ("shape", "said"), [((40, 200), "must have at least 48 x 48 voxels"), ((8, 64, 64), "must be a 2D picture for the demo")]
)
def test_pictures_that_do_not_fit(capsys, tmp_path, shape, said):
    np.savez(tmp_path / "odd.npz", phase=(np.random.default_rng(0).random(shape) < 0.4).astype(np.uint8))
    assert said in refuse(capsys, "demo", "--image", "odd.npz")
    assert left_over(tmp_path) == ["odd.npz"]


def test_a_constant_or_missing_picture(capsys, tmp_path):
    Image.fromarray(np.full((99, 99), 5, np.uint8)).save(tmp_path / "flat.png")
    assert "is constant" in refuse(capsys, "demo", "--image", "flat.png")
    assert "does not exist" in refuse(capsys, "demo", "--image", "flt.png")


def test_conductivities_that_are_missing_become_a_ratio():
    console = Console(quiet=True)
    first, second = demo_materials(None, ("matrix", "inclusion"), console)
    assert (first.name, second.name, first.unit) == ("epoxy", "glass fibre", "GPa")
    assert (first.conductivity, second.conductivity, console.warnings) == (1.0, 10.0, [])
    demo_materials(["Cu", "W"], ("matrix", "inclusion"), console)
    assert "ratios" in console.warnings[0]


def test_materials_that_do_not_fit_are_refused_before_the_training(capsys, tmp_path, monkeypatch):
    def trained(*_, **__):
        raise AssertionError("the codec was trained first")

    monkeypatch.setattr("jaxmicro.cli.demonstration.source.train", trained)
    image = save_grey(tmp_path / "grey.png", blobs())
    message = refuse(capsys, "demo", "--quick", "--image", image, "--materials", "[epoxy, glass fibre, Fe]")
    assert "one entry per phase ['phase 1', 'phase 0'], but it holds 3" in message or "['phase 0', 'phase 1'], but it holds 3" in message
    assert "'epoxy'" in refuse(capsys, "demo", "--quick", "--image", image, "--materials", "[epoxi, glass fibre]")


def checked_run(folder):
    """What every demo leaves."""
    metrics = {name: entry["value"] for name, entry in read_json(folder / "metrics.json").items()}
    assert metrics["gradient, error against central differences"] < 1e-6
    with (folder / "designs.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["property"] == "E_x"]
    assert len(rows) == metrics["designs"] == 2
    for index, row in enumerate(rows, start=1):
        assert row["unit"] == "GPa"
        assert float(row["split"]) == metrics[f"design {index}, E_x, split"]
        assert float(row["lower bound"]) <= float(row["split"]) <= float(row["upper bound"])
        assert float(row["split"]) < float(row["predicted"]) * 1.001
    page = (folder / "report.html").read_text()
    for title in (
        "Targets, predictions, verification",
        "Designed cells",
        "Direction dependence",
        "Convergence",
        "Walk through latent space",
    ):
        assert title in page
    assert "<sub>x</sub></td>" not in page
    assert "<sub>x</sub></th>" not in page  # every modulus in a table carries its unit
    assert "<i>E</i><sub>x</sub> (GPa)</td>" in page
    for figure in ("cells", "tiled-1", "young-1", "convergence", "interpolation", "data-against-samples"):
        assert (folder / "figures" / f"{figure}.png").is_file()
    assert read(folder / "front-nsga2.npz").evaluations == read(folder / "front-gradient.npz").evaluations == 40
    return metrics, page


@pytest.mark.slow
def test_the_whole_loop_with_the_shipped_codec(capsys, tmp_path):
    said = succeed(capsys, "demo", "--quick", "--out", "run")
    checked_run(tmp_path / "run")
    assert said.out.splitlines()[-1] == f"report: {'run'}/report.html"
    assert "Pareto front" in (tmp_path / "run" / "report.html").read_text()
    before = (tmp_path / "run" / "report.html").read_bytes()
    succeed(capsys, "report", "run")
    assert (tmp_path / "run" / "report.html").read_bytes() == before


@pytest.mark.slow
def test_the_whole_loop_with_a_picture(capsys, tmp_path):
    image = save_grey(tmp_path / "grey.png", blobs())
    said = succeed(capsys, "demo", "--quick", "--image", image, "--out", "run", "--spacing", 0.5)
    metrics, page = checked_run(tmp_path / "run")
    assert "Otsu" in said.err
    assert "Edges that do not fit" in page
    assert ">as_is</th>" in page
    assert "mean E_x (GPa)" in page
    assert metrics["periodic treatment mirror, mean E_x"] > 0
    assert load(tmp_path / "run" / "codec.safetensors").config.periodic is False
    assert float(read(tmp_path / "run" / "designs" / "design-1.npz").grid.spacing[0]) == 0.5
