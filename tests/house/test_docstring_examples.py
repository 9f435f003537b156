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


@pytest.mark.parametrize("path", [path for path in modules() if ">>> " in path.read_text()], ids=module_name)
def test_examples(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(module_name(path))
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    report = []
    for test in examples(path):
        test.globs = {**ALWAYS_THERE, **exports(path), **vars(module)}
        runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


def test_a_wrong_example_is_noticed(tmp_path):
    source = tmp_path / "wrong.py"
    source.write_text('"""A module.\n\n>>> 1 + 1\n3\n"""\n')
    (text,) = [text for _, text, _ in documented(parsed(source))]
    test = doctest.DocTestParser().get_doctest(text, {}, "wrong", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test, out=lambda _: None).failed == 1
