"""Run folders: what they hold, what they never overwrite, how they are resumed."""

import csv
import json

import jax
import numpy as np
import pytest

from jaxmicro.cli.problems import Terminated
from jaxmicro.cli.settings import cache_folder, configure_jax
from jaxmicro.fields import Grid
from jaxmicro.generative import load
from jaxmicro.io import read, write
from jaxmicro.microstructures import Microstructure
from tests.cli.command import PAIR, left_over, read_json, refuse, squares, succeed, write_cell

SMALL = (
    "--crop-size",
    16,
    "--crops",
    12,
    "--training.epochs",
    2,
    "--training.widths",
    4,
    4,
    "--training.batch-size",
    4,
    "--training.blocks",
    1,
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def homogenized(capsys, tmp_path, *words):
    cell = tmp_path / "cell.npz"
    if not cell.exists():
        write_cell(cell)
    return succeed(capsys, "homogenize", cell, "--materials", PAIR, *words)


def test_a_run_folder_is_complete(capsys, tmp_path):
    said = homogenized(capsys, tmp_path, "--seed", 3)
    folder = tmp_path / "runs" / "homogenize"
    assert str(folder.relative_to(tmp_path)) in said.err
    mark = read_json(folder / "run.json")
    assert (mark["command"], mark["status"], mark["seed"]) == ("homogenize", "done", 3)
    assert {"jaxmicro", "jax", "python", "system", "seconds"} <= mark.keys()
    result = read(folder / "result.npz")
    metrics = read_json(folder / "metrics.json")
    assert metrics["C_11"]["value"] == float(result.stiffness[0, 0])
    with (folder / "metrics.csv").open() as file:
        rows = {row["name"]: row["value"] for row in csv.DictReader(file)}
    assert float(rows["k_11"]) == float(result.conductivity[0, 0])
    assert (np.asarray(read(folder / "cell.npz").labels) == squares()).all()
    page = (folder / "report.html").read_text()
    assert (folder / "figures" / "young-1.png").is_file()
    assert "--seed 3" in page
    assert "The cell that was solved." in page
    assert "design" not in page.partition("<main")[2].lower()
    assert not any(name.startswith(".") for name in left_over(tmp_path))


def test_a_run_folder_that_exists_is_kept(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "run")
    before = (tmp_path / "run" / "run.json").read_bytes()
    message = refuse(capsys, "homogenize", "cell.npz", "--materials", PAIR, "--out", "run")
    assert "holds a run of `jaxmicro homogenize`" in message
    assert "--overwrite" in message
    assert (tmp_path / "run" / "run.json").read_bytes() == before


def test_without_a_name_the_next_free_folder_is_taken(capsys, tmp_path):
    for name in ("homogenize", "homogenize-2"):
        homogenized(capsys, tmp_path)
        assert (tmp_path / "runs" / name / "run.json").is_file()


def test_overwriting_replaces_a_run_whole(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "run")
    before = (tmp_path / "run" / "result.npz").stat().st_ino
    homogenized(capsys, tmp_path, "--out", "run", "--overwrite", "--seed", 1)
    assert read_json(tmp_path / "run" / "run.json")["seed"] == 1
    assert (tmp_path / "run" / "result.npz").stat().st_ino != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell.npz", "run"]


def test_a_failed_replacement_keeps_the_old_run(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "run")
    before = left_over(tmp_path)
    refuse(capsys, "homogenize", "cell.npz", "--materials", "[epoxy]", "--out", "run", "--overwrite")
    assert left_over(tmp_path) == before


def test_overwriting_never_takes_what_a_person_wrote(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "run")
    (tmp_path / "run" / "figures" / "notes.txt").write_text("precious")
    before = left_over(tmp_path)
    message = refuse(capsys, "homogenize", "cell.npz", "--materials", PAIR, "--out", "run", "--overwrite")
    assert "but run also holds figures/notes.txt. Move them out" in message
    message = refuse(capsys, "generate", "laminate", "--out", "run", "--overwrite")
    assert "holds a run of `jaxmicro homogenize`, which `generate` does not replace" in message
    assert left_over(tmp_path) == before


def test_what_appears_while_a_replacement_runs_is_kept(capsys, tmp_path, monkeypatch):
    import jaxmicro.cli.commands.homogenize as command

    homogenized(capsys, tmp_path, "--out", "run")
    solve = command.homogenize

    def solve_while_a_person_writes(*words, **options):
        (tmp_path / "run" / "notes.txt").write_text("precious")
        return solve(*words, **options)

    monkeypatch.setattr(command, "homogenize", solve_while_a_person_writes)
    assert "which appeared while this one ran" in homogenized(capsys, tmp_path, "--out", "run", "--overwrite").err
    assert [path.read_text() for path in tmp_path.rglob("notes.txt")] == ["precious"]
    assert (tmp_path / "run" / "report.html").is_file()


def test_housekeeping_is_not_handed_on(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "first")
    homogenized(capsys, tmp_path, "--out", "first", "--overwrite", "--quiet")
    kept = read_json(tmp_path / "first" / "config.json")
    assert not {"out", "config", "overwrite", "quiet", "debug"} & kept.keys()
    of_an_older_version = kept | {"overwrite": True, "out": "first", "quiet": True, "debug": False, "config": ""}
    (tmp_path / "first" / "config.json").write_text(json.dumps(of_an_older_version))
    homogenized(capsys, tmp_path, "--out", "second")
    before = (tmp_path / "second" / "run.json").read_bytes()
    words = ("homogenize", "--config", "first/config.json")
    assert "holds a run of `jaxmicro homogenize`" in refuse(capsys, *words, "--out", "second")
    assert (tmp_path / "second" / "run.json").read_bytes() == before
    assert "run folder: runs/homogenize" in succeed(capsys, *words).err


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_the_folder_one_works_in_is_refused_before_the_work(capsys, tmp_path, monkeypatch, words):
    homogenized(capsys, tmp_path, "--out", "run")
    before = left_over(tmp_path)
    monkeypatch.chdir(tmp_path / "run")
    message = refuse(capsys, "homogenize", "none.npz", "--out", ".", *words)
    assert ("is or holds the one you work in" if words else "Pass --overwrite") in message
    assert left_over(tmp_path) == before


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_a_folder_of_something_else_is_never_touched(capsys, tmp_path, words):
    cell = write_cell(tmp_path / "cell.npz")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("precious")
    message = refuse(capsys, "homogenize", cell, "--materials", PAIR, "--out", "thesis", *words)
    assert "no run folder" in message
    assert left_over(tmp_path / "thesis") == ["chapter.tex"]


def test_an_empty_folder_may_be_used(capsys, tmp_path):
    (tmp_path / "run").mkdir()
    homogenized(capsys, tmp_path, "--out", "run")
    assert (tmp_path / "run" / "report.html").is_file()


def test_a_report_is_made_again_from_its_numbers(capsys, tmp_path):
    homogenized(capsys, tmp_path, "--out", "run")
    page, figure = tmp_path / "run" / "report.html", tmp_path / "run" / "figures" / "young-1.png"
    before = page.read_bytes(), figure.read_bytes()
    page.unlink()
    figure.unlink()
    assert "report.html" in succeed(capsys, "report", "run").out
    assert (page.read_bytes(), figure.read_bytes()) == before
    assert "must be a run folder" in refuse(capsys, "report", tmp_path)
    assert "does not exist" in refuse(capsys, "report", "nowhere")


def test_generated_cells(capsys, tmp_path):
    words = ("generate", "inclusions", "--grid", 24, 16, "--volume-fraction", 0.3, "--radius", 4, "--count", 2, "--phases", "[a, b]")
    succeed(capsys, *words, "--out", "run")
    cells = [read(tmp_path / "run" / "cells" / f"cell-000{index}.npz") for index in (0, 1)]
    assert cells[0].grid.shape == (24, 16)
    assert cells[0].phases[1].name == "b"
    assert cells[0] != cells[1]
    assert (tmp_path / "run" / "cells" / "cell-0001.png").is_file()
    succeed(capsys, *words, "--out", "again")
    assert read(tmp_path / "again" / "cells" / "cell-0001.npz") == cells[1]


@pytest.mark.parametrize("grid", [(16, 16), (12, 12, 12)])
def test_a_radius_that_the_cell_has_no_room_for_is_a_warning(capsys, tmp_path, grid):
    words = ("generate", "inclusions", "--volume-fraction", 0.3)
    said = succeed(capsys, *words, "--grid", *grid, "--radius", 40, "--out", "run").err
    assert "but `radius` asks for 40: whole inclusions of that size do not give the volume fraction in this cell." in said
    said = succeed(capsys, *words, "--grid", *(2 * n for n in grid), "--radius", 4, "--count", 2, "--out", "fits").err
    assert "warning" not in said


def test_sampled_cells(capsys, tmp_path):
    succeed(capsys, "sample", "two-phase-64", "-n", 2, "--grid", 32, 64, "--out", "run", "--seed", 4)
    codec = load("two-phase-64")
    latents = np.load(tmp_path / "run" / "latents.npz")["latents"]
    cell = read(tmp_path / "run" / "cells" / "cell-0001.npz")
    np.testing.assert_allclose(cell.fractions, codec.decode(latents)[1], atol=1e-6)
    assert (tmp_path / "run" / "samples.png").is_file()


@pytest.mark.slow
def test_training_resumes_where_it_stopped(capsys, tmp_path, monkeypatch):
    cell = write_cell(tmp_path / "cell.npz", np.kron(squares(), np.ones((2, 2), np.int32)))
    words = ("train", cell, *SMALL)
    succeed(capsys, *words, "--out", "whole")
    import jaxmicro.generative.training as training

    written = training.write_checkpoint

    def stop_after_one(*arguments):
        written(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training, "write_checkpoint", stop_after_one)
        said = refuse(capsys, *words, "--out", "run", code=130)
    assert "`jaxmicro train --resume --out run` continues this run" in said
    assert read_json(tmp_path / "run" / "run.json")["status"] == "interrupted"
    assert not (tmp_path / "run" / "codec.safetensors").exists()
    assert "holds a run of `jaxmicro train`" in refuse(capsys, *words, "--out", "run")

    message = refuse(capsys, *words, "--training.learning-rate", 0.01, "--out", "run", "--resume")
    assert "differs in: training.learning_rate: 0.002 there, 0.01 now. " in message
    assert "differs in: seed: 0 there, 3 now. " in refuse(capsys, "train", "--seed", 3, "--out", "run", "--resume")
    succeed(capsys, "train", "--resume", "--out", "run")
    assert read_json(tmp_path / "run" / "run.json")["status"] == "done"
    assert (tmp_path / "run" / "codec.safetensors").read_bytes() == (tmp_path / "whole" / "codec.safetensors").read_bytes()
    assert len(read_json(tmp_path / "run" / "epochs.json")) == 2


def test_training_may_be_resumed_under_an_awkward_name(capsys, tmp_path, monkeypatch):
    cell = write_cell(tmp_path / "cell.npz", np.kron(squares(), np.ones((2, 2), np.int32)))
    import jaxmicro.generative.training as training

    written = training.write_checkpoint

    def stop_after_one(*arguments):
        written(*arguments)
        raise Terminated

    monkeypatch.setattr(training, "write_checkpoint", stop_after_one)
    said = refuse(capsys, "train", cell, *SMALL, "--out", "my run", code=143)
    assert "terminated. `jaxmicro train --resume --out 'my run'` continues this run." in said
    assert left_over(tmp_path / "my run") == ["checkpoints", "checkpoints/training.safetensors", "config.json", "run.json"]


def test_a_replacement_that_fails_at_once_keeps_the_trained_codec(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz", np.kron(squares(), np.ones((2, 2), np.int32)))
    succeed(capsys, "train", cell, *SMALL, "--out", "run")
    before = left_over(tmp_path)
    refuse(capsys, "train", "none.npz", *SMALL, "--out", "run", "--overwrite")
    assert left_over(tmp_path) == before
    (tmp_path / "run" / "notes.txt").write_text("precious")
    assert "also holds notes.txt" in refuse(capsys, "train", cell, *SMALL, "--out", "run", "--overwrite")
    (tmp_path / "run" / "notes.txt").unlink()
    succeed(capsys, "train", cell, *SMALL, "--out", "run", "--overwrite")
    assert left_over(tmp_path) == before


def test_resuming_and_replacing_exclude_each_other(capsys, tmp_path):
    assert "must not both be given" in refuse(capsys, "train", "a.png", "--out", "run", "--resume", "--overwrite")


def test_a_resumed_checkpoint_of_other_pictures_is_refused(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz", np.kron(squares(), np.ones((2, 2), np.int32)))
    succeed(capsys, "train", cell, *SMALL, "--out", "run")
    write_cell(cell, np.kron(squares().T, np.ones((2, 2), np.int32)))
    assert "differs in: dataset" in refuse(capsys, "train", "--config", "run/config.json", "--out", "run", "--resume")


def test_pictures_too_small_to_train_on_are_named(capsys, tmp_path):
    (tmp_path / "pictures").mkdir()
    large = Microstructure(labels=np.kron(squares(), np.ones((2, 2), np.int32)), phases=("matrix", "fibre"), provenance="large")
    write(tmp_path / "pictures" / "large.npz", large)
    write(tmp_path / "pictures" / "small.npz", large.replace(grid=Grid((16, 8)), labels=squares()[:, :8], provenance="small"))
    said = succeed(capsys, "train", "pictures", *SMALL, "--out", "run")
    assert "warning: Windows of 16 x 16 voxels do not fit into 1 of 2 maps, which are left out: small (16 x 8)." in said.err
    page = (tmp_path / "run" / "report.html").read_text()
    assert "12 random crops of 16 x 16 voxels from large<" in page
    assert "left out: small" in page


def test_training_that_fails_at_once_leaves_nothing(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz", np.kron(squares(), np.ones((2, 2), np.int32)))
    refuse(capsys, "train", cell, *SMALL, "--crop-size", 18, "--out", "run")
    assert left_over(tmp_path) == ["cell.npz"]


def test_resuming_needs_a_run(capsys, tmp_path):
    assert "there is none at run" in refuse(capsys, "train", "a.png", "--out", "run", "--resume")


def test_the_cache_is_in_the_users_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "jaxmicro" / "jax"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache_folder() is None


def test_a_cache_chosen_by_the_environment_is_kept(tmp_path, monkeypatch):
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "mine"))
    configure_jax()
    assert jax.config.jax_compilation_cache_dir == before
    assert jax.config.jax_enable_x64
