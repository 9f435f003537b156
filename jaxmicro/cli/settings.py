"""What the command line sets up, and the library never does: double precision and the compilation cache."""

import os
from pathlib import Path

import jax


def configure_jax() -> None:
    """Switch on x64, and keep compiled programs between runs in a folder of the user's own."""
    jax.config.update("jax_enable_x64", True)
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") or jax.config.jax_compilation_cache_dir:  # pyright: ignore[reportAttributeAccessIssue]
        return
    folder = cache_folder()
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/jaxmicro/jax` or `~/.cache/jaxmicro/jax`, made if need be; None where it cannot be written."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(base) if base else Path.home() / ".cache"
        folder = root / "jaxmicro" / "jax"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None
