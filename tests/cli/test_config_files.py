"""Configuration files and options: precedence, round trips, errors that name the place."""

import msgspec
import pytest

from jaxmicro.cli import main
from jaxmicro.cli.catalogue import COMMANDS
from jaxmicro.cli.config_files import as_data, inline_table
from jaxmicro.cli.options import option_names, parse
from tests.cli.command import PAIR, read_json, refuse, succeed, write_cell


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch, as_user):
    monkeypatch.chdir(tmp_path)


def parsed(command, *words):
    row = COMMANDS[command]
    return parse(row, row.load().Config, [str(word) for word in words])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.toml", 'image = "a.png"\nseed = 5\nplane = "stress"\n[materials]\n0 = "epoxy"\n1 = { young = 71.0, poisson = 0.22 }\n'),
        ("run.yaml", "image: a.png\nseed: 5\nplane: stress\nmaterials:\n  0: epoxy\n  1: {young: 71.0, poisson: 0.22}\n"),
        ("run.json", '{"command": "homogenize", "image": "a.png", "seed": 5, "plane": "stress", "materials": {"0": "epoxy", "1": {"young": 71.0, "poisson": 0.22}}}'),
    ],
)  # fmt: skip
def test_three_kinds_of_files_mean_the_same(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    config = parsed("homogenize", "--config", name)
    assert (config.image, config.seed, config.plane) == ("a.png", 5, "stress")
    assert {int(key): value for key, value in config.materials.items()} == {0: "epoxy", 1: {"young": 71.0, "poisson": 0.22}}


def test_options_win_over_the_file(tmp_path):
    (tmp_path / "run.toml").write_text('image = "a.png"\nseed = 5\nquiet = true\nout = "mine"\n')
    config = parsed("homogenize", "b.png", "--config", "run.toml", "--seed", 7, "--no-quiet")
    assert (config.image, config.seed, config.quiet, config.out) == ("b.png", 7, False, "mine")


def test_a_file_may_ask_for_quiet_and_for_tracebacks(capsys, tmp_path):
    (tmp_path / "quiet.toml").write_text("quiet = true\n")
    words = ("generate", "inclusions", "--grid", 16, 16, "--volume-fraction", 0.3)
    assert succeed(capsys, *words, "--config", "quiet.toml").err == ""
    assert "run folder" in succeed(capsys, *words, "--config", "quiet.toml", "--no-quiet").err
    (tmp_path / "debug.toml").write_text("debug = true\n")
    assert main(["describe", "none.npz", "--config", "debug.toml"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["overwrite", "resume"])
def test_what_must_be_typed_does_not_come_from_a_file(capsys, tmp_path, name):
    (tmp_path / "run.toml").write_text(f"{name} = true\n")
    assert f"`{name}` must be given on the command line" in refuse(capsys, "train", "a.png", "--config", "run.toml")


def test_a_nested_table_keeps_the_other_defaults(tmp_path):
    (tmp_path / "run.toml").write_text('images = ["a.png"]\n[training]\nepochs = 3\n')
    config = parsed("train", "--config", "run.toml", "--training.widths", 8, 16)
    assert (config.training.epochs, config.training.widths, config.training.periodic) == (3, (8, 16), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sed = 5", "`run.toml` has the unknown key `sed`. Did you mean `seed`?"),
        ("[training]\nepoch = 5", "unknown key `training.epoch` in the table `training`. Did you mean `epochs`?"),
        ("[training]\nepochs = 'many'", "`training.epochs` in run.toml must be `int`, got `str`, but it is 'many'"),
        ("[training]\nepochs = 0", "`training.epochs` in run.toml must be `int` >= 1, but it is 0"),
        ("periodic = 'always'", "`periodic` in run.toml is none of the valid names, but it is 'always'"),
        ("seed = ", "must be valid TOML"),
        ("command = 'sample'", "is a configuration for `jaxmicro sample`"),
    ],
)
def test_an_error_names_its_place(capsys, tmp_path, text, said):
    (tmp_path / "run.toml").write_text(text)
    assert said in refuse(capsys, "train", "--config", "run.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--sed", "5"), "`jaxmicro train` has no option `--sed`. Did you mean `--seed`?"),
        (("--training.epoch", "5"), "Did you mean `--training.epochs`?"),
        (("--seed", "five"), "--seed"),
        (("--seed", "-1"), "`seed` in the options must be `int` >= 0, but it is -1"),
        (("--periodic", "always"), "as_is"),
        (("--config",), "`--config` must name a file"),
        (("--config", "none.toml"), "there is none at none.toml"),
        (("--config", "run.ini"), "must be a .toml, .yaml, .yml, .json file"),
    ],
)
def test_an_option_that_is_wrong(capsys, words, said):
    assert said in refuse(capsys, "train", "a.png", *words)


@pytest.mark.slow
def test_the_stored_configuration_repeats_the_run(capsys, tmp_path):
    cell = write_cell(tmp_path / "cell.npz")
    succeed(capsys, "homogenize", cell, "--materials", PAIR, "--out", "first", "--plane", "stress")
    succeed(capsys, "homogenize", "--config", "first/config.json", "--out", "second")
    first, second = (read_json(tmp_path / name / "metrics.json") for name in ("first", "second"))
    assert first == second
    assert "C_11" in first
    assert read_json(tmp_path / "second" / "config.json")["plane"] == "stress"


def test_inline_tables():
    assert inline_table("{0: {young: 3.5}}") == {0: {"young": 3.5}}
    assert inline_table("{a = {young = 3.5}}") == {"a": {"young": 3.5}}
    assert inline_table("[epoxy, glass fibre]") == ["epoxy", "glass fibre"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_a_sentence_an_example_and_every_option(capsys, name):
    said = succeed(capsys, name, "--help").out
    assert COMMANDS[name].sentence.split()[0] in said
    assert f"jaxmicro {name}" in said
    struct = COMMANDS[name].load().Config
    missing = {option for option in option_names(struct) if option not in said}
    assert missing == {
        "homogenize": {"--image"},
        "describe": {"--file"},
        "generate": {"--kind"},
        "train": {"--images"},
        "sample": {"--codec"},
        "report": {"--run"},
    }.get(name, set())
    assert "positional arguments" in said or not missing


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    from tyro._docstrings import get_field_docstring

    struct = COMMANDS[name].load().Config
    assert [
        field.name
        for field in msgspec.structs.fields(struct)
        if not get_field_docstring(struct, field.name, ()) and field.name != "training"
    ] == []


def test_defaults_are_valid():
    for command in COMMANDS.values():
        struct = command.load().Config
        assert msgspec.convert(as_data(struct()), struct) == struct()
