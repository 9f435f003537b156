"""The habits of the house that no other tool checks."""

import ast
import importlib
import re

import pytest

from tests.house.checkout import CHECKOUT, PACKAGE, documented, module_name, modules, parsed, rooms

LONGEST_FILE = 450
LONGEST_FUNCTION = 60
CARD = ("In:", "Out:", "Add one:")


def written_files():
    folders = ("jaxmicro", "tests", "examples", "benchmarks")
    return [path for folder in folders for path in sorted((CHECKOUT / folder).rglob("*.py")) if "__pycache__" not in path.parts]


@pytest.mark.parametrize("room", rooms())
def test_a_room_has_its_card(room):
    tree = parsed(PACKAGE / room / "__init__.py")
    card = ast.get_docstring(tree) or ""
    assert [line for line in CARD if line not in card] == []


@pytest.mark.parametrize("room", rooms())
def test_a_room_exports_what_it_lists(room):
    module = importlib.import_module(f"jaxmicro.{room}")
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("room", [room for room in rooms() if not room.startswith("_")])
def test_every_function_of_a_room_shows_an_example(room):
    module = importlib.import_module(f"jaxmicro.{room}")
    functions = {name: getattr(module, name) for name in module.__all__ if not isinstance(getattr(module, name), type)}
    bare = [name for name, value in functions.items() if callable(value) and ">>>" not in (value.__doc__ or "")]
    assert not bare, f"without an example: {', '.join(bare)}"


def test_files_are_short_enough_to_read():
    lengths = {str(path.relative_to(CHECKOUT)): len(path.read_text().splitlines()) for path in written_files()}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_are_short_enough_to_read():
    long = {}
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                length = node.body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > LONGEST_FUNCTION:
                    long[f"{module_name(path)}.{node.name}"] = length
    assert long == {}


def test_files_are_named_after_what_they_hold():
    assert [path.name for path in written_files() if path.stem in {"utils", "util", "misc", "helpers", "common"}] == []


def test_no_room_reaches_around_through_the_lobby():
    """The lobby leads to every room, so an import of it would hide from the contracts which room is meant."""
    offenders = []
    for path in modules():
        for node in ast.walk(parsed(path)):
            whole = isinstance(node, ast.Import) and any(alias.name == "jaxmicro" for alias in node.names)
            named = (
                isinstance(node, ast.ImportFrom) and node.module == "jaxmicro" and not {alias.name for alias in node.names} <= {*rooms()}
            )
            if (whole or named) and path != PACKAGE / "__init__.py":
                offenders.append(module_name(path))
    assert offenders == []


def test_only_the_command_line_changes_settings_of_jax():
    changing = re.compile(r"config\.update\(|jax\.config\.\w+ *=[^=]|enable_x64\(")
    offenders = []
    for path in modules():
        text = path.read_text()
        for _, docstring, _ in documented(parsed(path)):
            text = text.replace(docstring, "")
        lines = [line for line in text.splitlines() if changing.search(re.sub(r"\"[^\"]*\"|#.*", "", line))]
        if lines and "cli" not in path.relative_to(PACKAGE).parts:
            offenders.append((module_name(path), lines))
    assert offenders == []


def test_nothing_is_pickled():
    offenders = [module_name(path) for path in modules() if re.search(r"\bimport pickle\b|allow_pickle=True", path.read_text())]
    assert offenders == []


def test_no_file_knows_a_machine():
    private = re.compile(r"(^|[^A-Za-z0-9_.])/(" + "|".join(["work", "tmp", "root", "home"]) + r")/")
    texts = [
        *written_files(),
        *(CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml", ".ci/run")),
    ]
    assert [
        (str(path.relative_to(CHECKOUT)), line) for path in texts for line in path.read_text().splitlines() if private.search(line)
    ] == []
