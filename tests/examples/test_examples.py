"""Every example runs, and its numbers are what they should be."""

import runpy

import pytest

from tests.house.checkout import CHECKOUT

EXAMPLES = CHECKOUT / "examples"


def example(name):
    """The `main` of an example."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"]


def test_every_example_has_a_test():
    names = [
        "01_homogenize_micrograph", "02_design_a_cell", "03_dual_phase_steel", "04_grey_cells_quickly", "05_tortuosity_of_an_electrode",
        "06_residual_stress_in_a_composite", "07_stiffness_with_bounds", "08_superalloy_from_ebsd", "09_grains_of_a_superalloy",
        "10_synthetic_twin_of_a_map", "11_rolled_and_recrystallised", "12_grain_shapes", "13_battery_cathode", "14_sandstone", "15_fuel_cell_electrode", "16_fibre_composite",
        "17_phases_of_a_steel",
    ]  # fmt: skip
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == names


NEED_DATA = [
    "01_homogenize_micrograph", "03_dual_phase_steel", "05_tortuosity_of_an_electrode", "06_residual_stress_in_a_composite",
    "08_superalloy_from_ebsd", "09_grains_of_a_superalloy", "10_synthetic_twin_of_a_map", "13_battery_cathode", "14_sandstone",
    "15_fuel_cell_electrode", "16_fibre_composite", "17_phases_of_a_steel",
]  # fmt: skip


@pytest.mark.parametrize("name", NEED_DATA)
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


@pytest.mark.slow
def test_tortuosity_of_an_electrode(capsys, shared_data, tmp_path):
    found = example("05_tortuosity_of_an_electrode")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert all(1.3 < found[axis] < 2.2 for axis in "xyz")
    assert 0.0 < -found["split"] < 0.1  # plain voxels close narrow throats
    assert "MIT licence" in capsys.readouterr().out
    assert (tmp_path / "flux.png").is_file()


@pytest.mark.slow
def test_residual_stress_in_a_composite(shared_data, tmp_path):
    found = example("06_residual_stress_in_a_composite")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert found["levin"] < 1e-10 * found["across"]
    assert 5.0e-6 < found["along"] < found["across"] < 57.5e-6
    assert found["matrix"] > 0  # the matrix wants to shrink more than the fibres let it
    assert abs(found["sum"]) < 1e-6 * found["matrix"]
    assert (tmp_path / "residual_stress.png").is_file()


@pytest.mark.slow
def test_stiffness_with_bounds(capsys):
    found = example("07_stiffness_with_bounds")(["--quick"])
    assert 0 < found["soft_lower"] < found["soft"] <= found["soft_upper"]
    assert found["void_lower"] == 0.0
    assert found["void"] < found["soft"]
    assert "doi:10.1016/0001-6160(73)90064-3" in capsys.readouterr().out


@pytest.mark.slow
def test_superalloy_from_ebsd(capsys, shared_data, tmp_path):
    found = example("08_superalloy_from_ebsd")([str(shared_data), "--quick", f"--out={tmp_path}"])
    # Of the crystal E lies between 120.9 (100) and 294 GPa (111); steps along the gradient raise E_x, and a second scheme agrees.
    assert 120.9 < found["E_x before"] < found["E_x after"] - 5.0 < 294.0
    assert found["E_x after, rotated"] == pytest.approx(found["E_x after"], rel=0.005)
    assert 195.0 < found["duplex"] < 215.0
    said = capsys.readouterr().out
    assert "48.4 % austenite, 51.6 % ferrite" in said
    assert (tmp_path / "gradient_pixels.png").is_file()


@pytest.mark.slow
def test_grains_of_a_superalloy(capsys, shared_data, tmp_path):
    found = example("09_grains_of_a_superalloy")([str(shared_data), f"--out={tmp_path}"])
    assert found["grains"] == 109
    assert found["Σ3"] == pytest.approx(0.574, abs=1e-3)
    assert (found["grains of phase 0"], found["grains of phase 1"]) == (75, 27)
    assert "109 grains from 5°" in capsys.readouterr().out
    assert (tmp_path / "gnd.png").is_file()


@pytest.mark.slow
def test_synthetic_twin_of_a_map(shared_data, tmp_path):
    found = example("10_synthetic_twin_of_a_map")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert found["Σ3 twin"] == pytest.approx(found["Σ3 map"], abs=0.05)
    assert found["E_x twin"] == pytest.approx(found["E_x map"], rel=0.1)


@pytest.mark.slow
def test_rolled_and_recrystallised(tmp_path):
    found = example("11_rolled_and_recrystallised")(["--quick", f"--out={tmp_path}"])
    assert found["E_x random"] == pytest.approx(found["self-consistent"], rel=0.08)
    assert found["index rolled"] > found["index random"]
    # cube grains are soft along the edges of their lattice, 67 GPa, and stiffer between them
    assert found["E_x half recrystallised"] < found["E_x rolled"]
    assert found["diagonal half recrystallised"] > found["E_x half recrystallised"]


@pytest.mark.slow
def test_grain_shapes(tmp_path):
    found = example("12_grain_shapes")(["--quick", f"--out={tmp_path}"])
    assert found["derivative error"] < 1e-4
    assert found["E_x after"] > found["E_x before"] + 2.0
    assert found["E_x after, split"] > found["E_x before, split"]
    assert found["E_x after, rotated"] == pytest.approx(found["E_x after, split"], rel=0.01)


@pytest.mark.slow
def test_battery_cathode(shared_data):
    found = example("13_battery_cathode")([str(shared_data), "--quick"])
    assert found["share of pore"] == pytest.approx(0.4005, abs=1e-4)
    assert found["percolating pore"] == pytest.approx(0.995, abs=1e-3)
    assert found["percolating NMC"] == pytest.approx(0.998, abs=1e-3)
    assert found["percolating binder"] == pytest.approx(0.660, abs=1e-3)
    assert all(found[f"tortuosity {axis}"] > 1.2 for axis in "xyz")
    assert all(0.0 < found[f"frame {axis}"] < 0.5 for axis in "xyz")


@pytest.mark.slow
def test_sandstone(shared_data, tmp_path):
    found = example("14_sandstone")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert 0.15 < found["porosity"] < 0.25
    assert found["percolating"] > 0.95
    assert 1.5 < found["Archie"] < 4.0
    assert 0.0 < found["bulk"] < found["bulk bound"]
    assert (tmp_path / "sections.png").is_file()


@pytest.mark.slow
def test_fuel_cell_electrode(shared_data, tmp_path):
    found = example("15_fuel_cell_electrode")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert sum(found[f"share {name}"] for name in ("pore", "solid 1", "solid 2")) == pytest.approx(1.0)
    assert all(found[f"percolating {name}"] > 0.85 for name in ("pore", "solid 1", "solid 2"))
    assert all(found[f"contact {pair}"] > 0 for pair in ("01", "02", "12"))


@pytest.mark.slow
def test_fibre_composite(shared_data, tmp_path):
    found = example("16_fibre_composite")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert found["reconstruction error"] < 0.03
    for name in ("micrograph, mirrored", "synthetic, discs", "reconstructed from correlations"):
        assert found["Reuss"] < found[name] < found["Voigt"]
    assert (tmp_path / "cells.png").is_file()


@pytest.mark.slow
def test_phases_of_a_steel(shared_data, tmp_path):
    found = example("17_phases_of_a_steel")([str(shared_data), "--quick", f"--out={tmp_path}"])
    assert found["fraction"] == pytest.approx(0.1673, abs=1e-4)
    assert found["chord x"] > found["chord y"] * 0.8
    assert found["reconstruction error"] < 0.02
    assert (tmp_path / "correlations.png").is_file()
