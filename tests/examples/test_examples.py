"""Every example runs, and its numbers are what they should be."""

import runpy

import pytest

from tests.house.checkout import CHECKOUT

EXAMPLES = CHECKOUT / "examples"


def example(name):
    """The `main` of an example."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]


def test_every_example_has_a_test():
    names = ["01_homogenize_micrograph", "02_design_a_cell", "03_dual_phase_steel", "04_grey_cells_quickly"]
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == names


@pytest.mark.parametrize("name", ["01_homogenize_micrograph", "03_dual_phase_steel"])
def test_an_example_without_its_data_says_so(capsys, tmp_path, name):
    assert example(name)([str(tmp_path)]) == {}
    assert capsys.readouterr().out.startswith("skipped: there is no ")


@pytest.mark.slow
def test_homogenize_a_micrograph(capsys, shared_data):
    young = example("01_homogenize_micrograph")([str(shared_data)])
    # Transverse moduli lie far above the Reuss bound (5.5 GPa at 40 % fibres) and below Voigt's (31 GPa); the treatment of the edges
    # changes them by no more than a tenth.
    assert all(7.0 < value < 12.0 for value in young.values())
    assert max(young.values()) / min(young.values()) < 1.2
    assert "MY4150" in capsys.readouterr().out


@pytest.mark.slow
def test_design_a_cell(capsys):
    found = example("02_design_a_cell")(["--quick"])
    assert found["k_xx"] == pytest.approx(2.2, rel=0.01)
    assert found["k_yy"] == pytest.approx(1.8, rel=0.01)
    assert "Hashin–Shtrikman interval" in capsys.readouterr().out


@pytest.mark.slow
def test_dual_phase_steel(capsys, shared_data, tmp_path):
    found = example("03_dual_phase_steel")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert 0.1 < found["spread"] < 2.0
    said = capsys.readouterr().out
    assert "E = 211.1" in said  # Hill average of Dever's constants: G = 81.8, K = 168.3
    assert "doi:10.1063/1.1661710" in said
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
def test_grey_cells_quickly(capsys):
    found = example("04_grey_cells_quickly")([])
    assert found["auto"] == found["multigrid"] < 0.1 * found["green"]
    assert found["warm"] < found["cold"]
    assert "estimated" in capsys.readouterr().out
