"""`jaxmicro design`: wishes, searches, resumption, refusals before anything is solved."""

import csv

import numpy as np
import pytest

from jaxmicro.cli.outcome import conductivity_of, stiffness_of
from jaxmicro.cli.wishes import phase_constants, properties_for
from jaxmicro.design import Stiffness, named_moduli
from jaxmicro.homogenization import effective_conductivity
from jaxmicro.io import read
from tests.cli.command import left_over, read_json, refuse, succeed

RATIO = "[{conductivity: 1.0}, {conductivity: 10.0}]"
SMALL = ("--grid", 12, 12, "--materials", RATIO)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--targets", "{k_xx: 12.0}"), "at most 10, the Voigt bound over all volume fractions, but it passes it by 2 (20.0%)"),
        (("--targets", "{k_xx: 3.0}", "--between", "{volume_fraction: [null, 0.1]}"), "Voigt bound"),
        (("--targets", "{kxx: 3.0}"), "`kxx` is no property. Did you mean `k_xx`?"),
        (("--targets", "{E_x: 3.0}"), "give every phase elastic constants"),
        (("--targets", "{k_xx: high}"), "`targets.k_xx` must be a number, but it is 'high'"),
        (("--targets", "[2.0]"), "`targets` must be a table"),
        (("--minimize", "k_xx", "--between", "{volume_fraction: 0.3}"), "must be [low, high]"),
        ((), "`targets`, `minimize` or `maximize` must say what is wanted"),
        (
            ("--targets", "{k_xx: 2.0}", "--materials", "[{conductivity: 1.0}]"),
            "one entry per phase ['phase 0', 'phase 1'], but it holds 1",
        ),
        (("--targets", "{k_xx: 2.0}", "--materials", "{0: {conductivity: 1.0}, 2: {conductivity: 2.0}}"), "[2] are unknown"),
        (("--targets", "{k_xx: 2.0}", "--method", "hybrid"), "which is for fronts"),
        (("--targets", "{k_xx: 2.0}", "--method", "gradien"), "gradient"),
        (("--targets", "{k_xx: 2.0}", "--codec", "none.safetensors"), "there is neither for 'none.safetensors'"),
        (("--targets", "{k_xx: 2.0}", "--codec", "two-phase-64"), "must be a multiple of the codec's factor"),
    ],
)
def test_a_wish_that_cannot_be_met(capsys, tmp_path, words, said):
    message = refuse(capsys, "design", *SMALL, *words)
    assert said in message
    assert left_over(tmp_path) == []


def test_targets_are_met_written_and_resumed(capsys, tmp_path):
    words = ("design", *SMALL, "--targets", "{k_xx: 2.5, k_yy: 2.0}", "--tolerance", 0.05, "--designs", 2, "--seed", 1)
    said = succeed(capsys, *words, "--out", "run")
    assert said.out.count("all targets met") == 2
    folder = tmp_path / "run"
    labels = np.asarray(read(folder / "designs" / "design-1.npz").labels)
    solved = effective_conductivity(np.where(labels == 1, 10.0, 1.0), read(folder / "designs" / "design-1.npz").grid).tensor
    with (folder / "designs.csv").open() as file:
        rows = {row["property"]: row for row in csv.DictReader(file) if row["design"] == "1"}
    assert float(rows["k_xx"]["predicted"]) == pytest.approx(float(solved[0, 0]), rel=1e-6)
    assert abs(float(rows["k_xx"]["predicted"]) / 2.5 - 1) <= 0.05
    assert float(rows["k_xx"]["split"]) < float(rows["k_xx"]["predicted"])
    assert read_json(folder / "metrics.json")["search 2, status"]["value"] == "met"
    assert (folder / "figures" / "conductivity-2.png").is_file()

    (folder / "checkpoints" / "search-0001.npz").unlink()
    said = succeed(capsys, "design", "--out", "run", "--resume")
    assert "search 1 of 2 was finished before" in said.err
    assert "search 2 of 2 was finished before" not in said.err
    assert (np.asarray(read(folder / "designs" / "design-1.npz").labels) == labels).all()
    assert "differs in: budget: None there, 7 now" in refuse(capsys, *words, "--budget", 7, "--out", "run", "--resume")


@pytest.mark.slow
def test_moduli_carry_the_unit_of_the_constants(capsys, tmp_path):
    words = ("--grid", 8, 8, "--materials", "[epoxy, glass fibre]", "--targets", "{E_x: 12.0}", "--tolerance", 0.2, "--budget", 12)
    said = succeed(capsys, "design", *words, "--out", "run")
    assert "E_x (GPa)" in said.out
    with (tmp_path / "run" / "designs.csv").open() as file:
        units = {row["property"]: row["unit"] for row in csv.DictReader(file)}
    assert units["E_x"] == units["C11"] == units["bulk"] == "GPa"
    assert units["nu_xy"] == ""
    assert "<i>E</i><sub>x</sub> (GPa)" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_a_front_by_evolution(capsys, tmp_path):
    words = ("--maximize", "k_xx", "--minimize", "volume_fraction", "--method", "nsga2", "--budget", 40)
    said = succeed(capsys, "design", *SMALL, *words, "--out", "run")
    assert "front found" in said.out
    result = read(tmp_path / "run" / "result-1.npz")
    assert result.evaluations == 40
    assert (tmp_path / "run" / "figures" / "pareto.png").is_file()
    assert len(list((tmp_path / "run" / "designs").glob("*.png"))) == len(result.labels)


def test_tensors_come_back_from_their_entries():
    tensor = np.array([[5.0, 1.0, 0.3], [1.0, 4.0, -0.2], [0.3, -0.2, 2.0]])
    named = named_moduli(tensor)
    values = np.array([[float(value) for value in named.values()]])
    np.testing.assert_allclose(stiffness_of(values, tuple(named), 2)[0], tensor, atol=1e-12)
    assert stiffness_of(values, ("C11",), 2) is None
    found = conductivity_of(np.array([[3.0, 0.5, 2.0]]), ("k_xx", "k_xy", "k_yy"), 2)
    np.testing.assert_array_equal(found[0], [[3.0, 0.5], [0.5, 2.0]])


def test_only_what_is_asked_for_is_computed():
    phases = phase_constants(["epoxy", "glass fibre"], ("matrix", "fibre"))
    (only,) = properties_for(["E_x", "C11"], phases)
    assert isinstance(only, Stiffness)
    assert [type(each).__name__ for each in properties_for(["volume_fraction"], phases)] == ["VolumeFraction"]
