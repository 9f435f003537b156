"""Every example in a docstring runs and prints what it says.

It may use what its module holds, what its room exports, and `jax`, `jnp`, `np`, `jm`.
"""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro
from tests.house.checkout import documented, module_name, modules, parsed

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# Modules whose examples take over eight seconds, nearly all of it to compile; what they show has tests of its own.
SLOW = {
    "jaxmicro.descriptors.grain_comparison",
    "jaxmicro.descriptors.transport",
    "jaxmicro.design.minimize",
    "jaxmicro.design.polycrystal_like",
    "jaxmicro.design.properties",
    "jaxmicro.design.space",
    "jaxmicro.design.verification",
    "jaxmicro.generative.codec",
    "jaxmicro.generative.training",
    "jaxmicro.homogenization.anisotropy",
    "jaxmicro.homogenization.averages",
    "jaxmicro.homogenization.cell_problem",
    "jaxmicro.homogenization.effective",
    "jaxmicro.homogenization.homogenize",
    "jaxmicro.homogenization.multigrid",
    "jaxmicro.homogenization.polycrystal_estimates",
    "jaxmicro.homogenization.self_consistency",
    "jaxmicro.homogenization.thermoelastic",
    "jaxmicro.homogenization.volume_multigrid",
    "jaxmicro.homogenization.walled_green",
    "jaxmicro.microstructures.interfaces",
    "jaxmicro.microstructures.recrystallized",
    "jaxmicro.orientations.projection",
    "jaxmicro.orientations.sampling",
}
WITH_EXAMPLES = [path for path in modules() if ">>> " in path.read_text()]
ALWAYS_THERE = {"jax": jax, "jnp": jnp, "np": np, "jm": jaxmicro}


def examples(path):
    parser = doctest.DocTestParser()
    for name, text, line in documented(parsed(path)):
        test = parser.get_doctest(text, {}, f"{module_name(path)}:{name}", str(path), line)
        if test.examples:
            yield test


def exports(path):
    room = importlib.import_module(".".join(module_name(path).split(".")[:2]))
    return {name: getattr(room, name) for name in room.__all__} if room is not jaxmicro else {}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if module_name(path) in SLOW else (), id=module_name(path)) for path in WITH_EXAMPLES],
)
def test_examples(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(module_name(path))
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report = []
    for test in examples(path):
        test.globs = {**ALWAYS_THERE, **exports(path), **vars(module)}
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_every_slow_module_has_examples():
    assert {module_name(path) for path in WITH_EXAMPLES} >= SLOW


def test_a_wrong_example_is_noticed(tmp_path):
    source = tmp_path / "wrong.py"
    source.write_text('"""A module.\n\n>>> 1 + 1\n3\n"""\n')
    (text,) = [text for _, text, _ in documented(parsed(source))]
    test = doctest.DocTestParser().get_doctest(text, {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None).failed == 1
