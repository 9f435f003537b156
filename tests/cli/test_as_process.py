"""The command as its own process: what a shell sees."""

import os
import subprocess
import sys

import pytest

from tests.cli.command import left_over
from tests.house.checkout import CHECKOUT


def jaxmicro(folder, *words):
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "PYTHONPATH": str(CHECKOUT),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": os.environ.get("JAX_COMPILATION_CACHE_DIR", str(CHECKOUT / ".cache" / "jax")),
    }
    command = [sys.executable, "-m", "jaxmicro.cli", *map(str, words)]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


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
