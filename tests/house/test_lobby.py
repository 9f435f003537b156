import ast
import importlib
import re
import tomllib

import pytest

import jaxmicro
from tests.house.checkout import CHECKOUT, PACKAGE, parsed, rooms


@pytest.mark.parametrize("name", jaxmicro.__all__)
def test_every_promised_name_exists(name):
    value = getattr(jaxmicro, name)
    assert value is getattr(jaxmicro, name)
    assert name in dir(jaxmicro)


def test_every_room_is_in_the_lobby():
    assert sorted(jaxmicro._ROOMS) == [room for room in rooms() if not room.startswith("_")]


def test_a_front_door_is_the_rooms_own_object():
    for name, room in jaxmicro._FRONT_DOORS.items():
        assert getattr(jaxmicro, name) is getattr(importlib.import_module(f"jaxmicro.{room}"), name)


def test_type_checkers_see_what_users_see():
    tree = parsed(PACKAGE / "__init__.py")
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(jaxmicro.__all__) == {*jaxmicro._ROOMS, *jaxmicro._FRONT_DOORS}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("homogenise", "homogenize"),
        ("Microstructures", "Microstructure"),
        ("effective_stifness", "effective_stiffness"),
        ("desing", "design"),
    ],
)
def test_a_misspelt_name_is_corrected(typed, meant):
    with pytest.raises(AttributeError, match=rf"no attribute '{typed}'. Did you mean '{meant}'\?"):
        getattr(jaxmicro, typed)


def test_a_name_like_nothing_here_is_told_where_to_look():
    with pytest.raises(AttributeError, match=re.escape("`dir(jaxmicro)`")):
        jaxmicro.qqqqqqqq  # noqa: B018


def test_probes_for_special_names_stay_quiet():
    assert not hasattr(jaxmicro, "__wrapped__")


def test_one_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+", jaxmicro.__version__)
    assert tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["version"]["path"] == "jaxmicro/_core/version.py"
    assert f"## [{jaxmicro.__version__}]" in (CHECKOUT / "CHANGELOG.md").read_text()
