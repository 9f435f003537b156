import ast
import importlib
import importlib.metadata
import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.checkout import CHECKOUT, modules, parsed

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
CORE = [Requirement(line) for line in PROJECT["dependencies"]]
DEV = [Requirement(line) for line in PROJECT["optional-dependencies"]["dev"]]
PINS = [Requirement(line) for line in (CHECKOUT / "constraints.txt").read_text().splitlines()]


def imported_packages():
    """Top-level packages that the library imports, each with one file that does."""
    found = {}
    for path in modules():
        for node in ast.walk(parsed(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            found.update({name.partition(".")[0]: path.name for name in names})
    return {name: where for name, where in found.items() if name not in sys.stdlib_module_names and name != "jaxmicro"}


def needed_by_users():
    """Installed distributions that the core dependencies pull in, themselves included."""
    found, waiting = {}, list(CORE)
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = requirement.extras or {""}
        if name in found or not any(requirement.marker is None or requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        found[name] = importlib.metadata.distribution(name)
        for line in importlib.metadata.requires(name) or []:
            child = Requirement(line)
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(Requirement(f"{child.name}[{','.join(child.extras)}]" if child.extras else child.name))
    return found


def test_what_is_imported_is_declared():
    extras = [Requirement(line) for name, lines in PROJECT["optional-dependencies"].items() if name != "dev" for line in lines]
    declared = {canonicalize_name(requirement.name) for requirement in [*CORE, *extras]}
    providers = importlib.metadata.packages_distributions()
    undeclared = {
        name: where
        for name, where in imported_packages().items()
        if declared.isdisjoint(canonicalize_name(provider) for provider in providers.get(name, [name]))
    }
    assert undeclared == {}


@pytest.mark.parametrize("requirement", [*CORE, *DEV], ids=str)
def test_every_requirement_is_pinned_to_a_version_it_allows(requirement):
    pins = [pin for pin in PINS if canonicalize_name(pin.name) == canonicalize_name(requirement.name)]
    assert pins, f"{requirement.name} is not in constraints.txt"
    for pin in pins:
        (exact,) = pin.specifier
        assert exact.operator == "=="
        assert requirement.specifier.contains(exact.version)


def test_pins_hold_names_and_versions_only():
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; .+)?", line) or re.search(r"://|@|/", line)] == []


def test_licences_are_permissive():
    copyleft = re.compile(r"\bA?GPL|General Public License", re.IGNORECASE)
    offenders = {}
    for name, distribution in needed_by_users().items():
        fields = [distribution.metadata.get("License-Expression") or "", (distribution.metadata.get("License") or "").partition("\n")[0]]
        fields += [line for line in distribution.metadata.get_all("Classifier") or [] if line.startswith("License")]
        if any(copyleft.search(field) for field in fields):
            offenders[name] = fields
    assert offenders == {}
    assert "Apache License" in (CHECKOUT / "LICENSE").read_text()


def test_the_command_exists():
    module, _, name = PROJECT["scripts"]["jaxmicro"].partition(":")
    assert callable(getattr(importlib.import_module(module), name))


def test_the_gates_call_the_test_command_of_the_readme():
    readme, gates = (CHECKOUT / "README.md").read_text(), (CHECKOUT / ".ci" / "run").read_text()
    assert re.search(r"^make demo\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", gates, re.MULTILINE)
