"""The command as its own process: what a shell sees."""

import os
import signal
import subprocess
import sys
import time

import pytest

from jaxmicro.cli import main
from tests.cli.command import left_over
from tests.house.checkout import CHECKOUT


def started(folder, *words):
    """The command, begun; its output comes through pipes."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(CHECKOUT),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(CHECKOUT / ".cache" / "jax")),
    }
    command = [sys.executable, "-m", "jaxmicro.cli", *map(str, words)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def jaxmicro(folder, *words):
    process = started(folder, *words)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_help_version_and_errors(tmp_path):
    overview = jaxmicro(tmp_path)
    assert overview.returncode == 2
    assert "jaxmicro COMMAND" in overview.stdout
    version = jaxmicro(tmp_path, "--version")
    assert (version.returncode, version.stdout.split()[0], version.stderr) == (0, "jaxmicro", "")
    wrong = jaxmicro(tmp_path, "homogenize", "none.png")
    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1].startswith("error: `none.png` does not exist")
    assert "Traceback" not in wrong.stderr
    assert [name for name in left_over(tmp_path) if not name.startswith("home")] in ([], ["runs"])  # matplotlib keeps fonts at home


@pytest.mark.slow
def test_a_job_in_a_folder_of_its_own(tmp_path):
    done = jaxmicro(tmp_path, "generate", "laminate", "--grid", 8, 8, "--fractions", 0.25, 0.75)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "generate" / "report.html").is_file()
    assert "warning" not in done.stderr


def test_a_job_that_is_terminated_leaves_nothing(tmp_path):
    process = started(tmp_path, "generate", "inclusions", "--grid", 64, 64, "--count", 100000, "--out", "run")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".run.*.partial/cells/*.npz")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143, err
    assert err.splitlines()[-1] == "error: terminated. Nothing was left half-written."
    assert [name for name in left_over(tmp_path) if not name.startswith("home")] == []


def test_an_interruption_while_the_command_loads_is_tidy(capsys, monkeypatch):
    class Interrupting:
        def find_spec(self, name, *_):
            if name == "jaxmicro.cli.entry":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "jaxmicro.cli.entry", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupting(), *sys.meta_path])
    assert main(["--version"]) == 130
    assert capsys.readouterr().err == "error: interrupted. Nothing was begun.\n"
