"""Arrays with a JSON card in one safetensors file: no pickle, written atomically, checked when read."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from jaxmicro._core import check

if TYPE_CHECKING:
    from jaxmicro.generative.codec import Codec

FORMAT = "jaxmicro-codec-1"
MAX_BYTES = 2**30


def save(codec: "Codec", path: str | os.PathLike, *, half: bool = False) -> None:
    """Write a codec for `load`: weights, prior, configuration, history and card in one safetensors file.

    The file appears whole or not at all.

    Args:
        codec: what to write.
        path: where to; folders are made.
        half: store float16 numbers: half the size, read back as float32.

    Example:
        >>> import tempfile
        >>> save(load("two-phase-64"), f"{tempfile.mkdtemp()}/copy.safetensors", half=True)

    Not differentiable.
    """
    arrays = named_leaves({"weights": codec.weights, "prior": codec.prior})
    kind = np.float16 if half else np.float32
    header = {
        "format": FORMAT,
        "config": msgspec.json.encode(codec.config).decode(),
        "card": json.dumps(codec.card),
        "history": msgspec.json.encode(codec.history).decode(),
    }
    write_arrays(path, {name: array.astype(kind) for name, array in arrays.items()}, header)


def named_leaves(tree: Any) -> dict[str, np.ndarray]:
    """Leaves of a pytree by dotted path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {_dotted(path): np.asarray(leaf) for path, leaf in leaves}


def _dotted(path: tuple) -> str:
    return re.sub(r"[\[\]'.]+", ".", jax.tree_util.keystr(path)).strip(".")


def fill(template: Any, arrays: Mapping[str, np.ndarray], prefix: str, path: str | os.PathLike) -> Any:
    """The pytree `template` with its leaves taken from `arrays`, checked for shape."""

    def one(where: tuple, leaf: Any) -> jax.Array:
        name = f"{prefix}.{_dotted(where)}"
        array = take(arrays, name, path)
        check(
            tuple(array.shape) == tuple(leaf.shape),
            f"`{path}` must hold {name} of shape {tuple(leaf.shape)} for its configuration, but its shape is {tuple(array.shape)}. The file is damaged.",
        )
        return jnp.asarray(array, dtype=leaf.dtype)

    return jax.tree_util.tree_map_with_path(one, template)


def take(arrays: Mapping[str, np.ndarray], name: str, path: str | os.PathLike) -> np.ndarray:
    """One array by name, or an error that names the file."""
    check(name in arrays, f"`{path}` must hold {name!r}, but it does not. The file is damaged or from another version.")
    return arrays[name]


def _ordered(payload: bytes) -> bytes:
    """The same safetensors file with sorted names in its header, whose order is otherwise random: equal codecs, equal bytes."""
    size = int.from_bytes(payload[:8], "little")
    text = json.dumps(json.loads(payload[8 : 8 + size]), sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + payload[8 + size :]


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], header: Mapping[str, str]) -> None:
    """Write a safetensors file beside its place and move it there, so that a reader never sees half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    payload = _ordered(serialise({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=dict(header)))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_arrays(path: str | os.PathLike, wanted: str, noun: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Arrays and header of a safetensors file of the format `wanted`."""
    size = os.path.getsize(path)
    check(size <= MAX_BYTES, f"`{path}` must be at most {MAX_BYTES} bytes, but it has {size}.")
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = file.metadata() or {}
            found = header.get("format")
            check(
                found == wanted,
                f"`{path}` must be a {noun} of format {wanted!r}, but its format is {found!r}. Pass a file written by this package.",
            )
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(
            f"`{path}` must be a complete {noun} (safetensors), but it cannot be read ({error}). It is truncated or of another kind."
        ) from error
