"""What every test shares: double precision, one compilation cache, types checked at run time, pictures without a screen.

Shapes and types are checked by beartype through jaxtyping on every call into `jaxmicro`. Tests of what users do wrong
want the library's own words instead of the checker's: they take the fixture `as_user`, which switches the checks off.
"""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import jax
import pytest
from jaxtyping import config as jaxtyping_config
from jaxtyping import install_import_hook

from tests import typechecker

CHECKOUT = Path(__file__).resolve().parent.parent

jax.config.update("jax_enable_x64", True)
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    jax.config.update("jax_compilation_cache_dir", str(CHECKOUT / ".cache" / "jax"))
if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

# The same examples in every run, and no stop-watch: the first call of a jitted function compiles.
hypothesis.settings.register_profile("jaxmicro", deadline=None, derandomize=True, max_examples=25, database=None)
hypothesis.settings.load_profile("jaxmicro")

jaxtyping_config.update("jaxtyping_remove_typechecker_stack", True)
install_import_hook("jaxmicro", f"{typechecker.__name__}.check")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of measured data: `JAXMICRO_DATA`, or `shared/data` beside the checkout."""
    folder = Path(os.environ.get("JAXMICRO_DATA", CHECKOUT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"measured data not found at {folder}; set JAXMICRO_DATA to its folder")
    return folder


@pytest.fixture
def as_user():
    """Call the library as a user does, without types checked at run time."""
    jaxtyping_config.update("jaxtyping_disable", True)
    yield
    jaxtyping_config.update("jaxtyping_disable", False)


@pytest.fixture(autouse=True, scope="module")
def _forget_compiled():
    """Compiled programs of a module are dropped after it (over a gigabyte in all); equal ones come back from the cache on disk."""
    yield
    jax.clear_caches()
