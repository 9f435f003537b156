"""What loading a part of the library loads with it, seen in fresh processes."""

import json
import subprocess
import sys

import pytest

from tests.house.checkout import CHECKOUT, PHYSICS, rooms

HEAVY = {
    "scipy",
    "flax",
    "optax",
    "pymoo",
    "matplotlib",
    "h5py",
    "tifffile",
    "PIL",
    "orbax",
    "rich",
    "tyro",
    "msgspec",
    "safetensors",
    "yaml",
}
NETWORKS_AND_PICTURES = {"flax", "optax", "pymoo", "matplotlib", "orbax"}


def in_fresh_process(statements: str) -> object:
    """What `report` holds after the statements ran in a new interpreter."""
    script = f"import json, sys\n{statements}\nprint(json.dumps(report))"
    environment = {"PATH": "/usr/bin:/bin", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def loaded_by(statements: str) -> set[str]:
    """Top-level packages loaded by the statements."""
    return set(in_fresh_process(f"{statements}\nreport = sorted({{name.partition('.')[0] for name in sys.modules}})"))


def test_the_lobby_loads_nothing_heavy():
    assert loaded_by("import jaxmicro") & HEAVY == set()


def test_the_grid_loads_jax_and_nothing_heavy():
    loaded = loaded_by("import jaxmicro; jaxmicro.Grid")
    assert "jax" in loaded
    assert loaded & HEAVY == set()


def test_physics_loads_no_networks_optimisers_or_pictures():
    assert loaded_by("\n".join(f"import jaxmicro.{room}" for room in PHYSICS)) & NETWORKS_AND_PICTURES == set()


@pytest.mark.parametrize("room", ["fields", "solvers", "homogenization", "materials", "orientations"])
def test_the_solver_loads_no_readers_of_files(room):
    assert loaded_by(f"import jaxmicro.{room}") & {"h5py", "tifffile", "PIL", "msgspec", "tyro", "rich"} == set()


def test_importing_changes_no_setting_of_jax_and_touches_no_device():
    every_room = "\n".join(f"import jaxmicro.{room}" for room in rooms())
    before, after, started = in_fresh_process(
        "import jax; from jax._src.xla_bridge import backends_are_initialized\n"
        "settings = lambda: {name: repr(value) for name, value in jax.config.values.items()}\n"
        f"before = settings()\n{every_room}\n"
        "report = [before, settings(), backends_are_initialized()]"
    )
    assert after == before
    assert not started, "a module makes an array while it is imported: make a NumPy constant of it"
