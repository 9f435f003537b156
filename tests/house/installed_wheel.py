"""Run by `make wheel-test` with the Python of a clean environment, away from the sources: is the wheel whole?"""

import importlib
import importlib.metadata
import importlib.resources
import pkgutil
import subprocess
import sys
from pathlib import Path

import jaxmicro

CHECKOUT = Path(__file__).resolve().parents[2]


def main() -> None:
    home = Path(jaxmicro.__file__).resolve().parent
    assert home != CHECKOUT / "jaxmicro", f"imported from the sources: {home}"
    assert importlib.metadata.version("jaxmicro") == jaxmicro.__version__

    shipped = sorted(module.name for module in pkgutil.walk_packages(jaxmicro.__path__, "jaxmicro."))
    for name in shipped:
        importlib.import_module(name)
    for name in jaxmicro.__all__:
        getattr(jaxmicro, name)

    sources = {
        path.relative_to(CHECKOUT) for path in (CHECKOUT / "jaxmicro").rglob("*") if "__pycache__" not in path.parts and path.is_file()
    }
    missing = sorted(str(path) for path in sources if not (home.parent / path).is_file())
    assert not missing, f"in the sources, not in the wheel: {missing}"
    pretrained = [path.name for path in importlib.resources.files("jaxmicro").joinpath("generative/pretrained").iterdir()]
    assert any(name.endswith(".safetensors") for name in pretrained), pretrained

    command = Path(sys.executable).with_name("jaxmicro")
    subprocess.run([command, "--help"], check=True, stdout=subprocess.DEVNULL, timeout=120)
    print(f"the wheel is whole: {len(shipped)} modules, version {jaxmicro.__version__}, {home}")


if __name__ == "__main__":
    main()
