"""Running the command inside the test's own process, and looking at what it left."""

import json
from pathlib import Path

import numpy as np

from jaxmicro.cli import main
from jaxmicro.io import write
from jaxmicro.microstructures import Microstructure

PAIR = "[{young: 1.0, poisson: 0.3, conductivity: 1.0}, {young: 10.0, poisson: 0.2, conductivity: 10.0}]"


def refuse(capsys, *words, code=2):
    """Run a command that must fail without a traceback; its message."""
    assert main([str(word) for word in words]) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, said
    return errors[0]


def succeed(capsys, *words):
    """Run a command that must succeed; what it printed on stdout and stderr."""
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    assert code == 0, said.err
    return said


def squares(n=16):
    """Labels of a periodic cell with a square inclusion."""
    labels = np.zeros((n, n), np.int32)
    labels[n // 4 : 3 * n // 4, n // 8 : n // 2] = 1
    return labels


def write_cell(path, labels=None):
    """A saved cell; its path."""
    write(path, Microstructure(labels=squares() if labels is None else labels, phases=("matrix", "fibre")))
    return path


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def left_over(folder: Path):
    """All that is in a folder, hidden files too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
