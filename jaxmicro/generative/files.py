"""Codecs as files: safetensors with a JSON card inside the header, no pickle, written atomically."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialise

from jaxmicro._core import check, nearest_name
from jaxmicro.generative.codec import Codec
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.metrics import EpochMetrics
from jaxmicro.generative.network import weight_shapes
from jaxmicro.generative.prior import LatentPrior

FORMAT = "jaxmicro-codec-1"
MAX_BYTES = 2**30


def pretrained_names() -> list[str]:
    """Names of the codecs that ship with the package.

    Example:
        >>> "two-phase-64" in pretrained_names()
        True
    """
    folder = resources.files("jaxmicro.generative") / "pretrained"
    return sorted(item.name.removesuffix(".safetensors") for item in folder.iterdir() if item.name.endswith(".safetensors"))


def save(codec: Codec, path: str | os.PathLike, *, half: bool = False) -> None:
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


def load(path_or_pretrained_name: str | os.PathLike) -> Codec:
    """Read a codec from a file, or one that ships with the package by its name.

    Args:
        path_or_pretrained_name: a `.safetensors` file written by `Codec.save`, or a name such as `"two-phase-64"`.

    Returns:
        The codec.

    Raises:
        FileNotFoundError: where there is neither a file nor a shipped codec of that name.
        ValueError: for a file that is truncated, no codec, or does not fit its own configuration.

    Example:
        >>> load("two-phase-64").config.phases
        2

    Reading a file is not differentiable; the codec is.
    """
    path = _find(path_or_pretrained_name)
    arrays, header = read_arrays(path, FORMAT, "codec")
    try:
        config = msgspec.json.decode(header["config"], type=CodecConfig)
        history = msgspec.json.decode(header.get("history", "[]"), type=tuple[EpochMetrics, ...])
        card = json.loads(header["card"])
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(
            f"`{path}` must hold the configuration of a codec, but it does not ({error}). It was made by another version: train it again."
        ) from error
    weights = fill(weight_shapes(config), arrays, "weights", path)
    prior = LatentPrior(
        **{name: jnp.asarray(_take(arrays, f"prior.{name}", path), jnp.float32) for name in LatentPrior.__dataclass_fields__}
    )
    return Codec(weights, prior, config, card, history)


def _find(name: str | os.PathLike) -> Path:
    path = Path(name)
    if path.is_file():
        return path
    names = pretrained_names()
    if str(name) in names:
        return Path(str(resources.files("jaxmicro.generative") / "pretrained" / f"{name}.safetensors"))
    hint = nearest_name(str(name), names)
    suggestion = f" Did you mean {hint!r}?" if hint else ""
    raise FileNotFoundError(
        f"`path_or_pretrained_name` must be a codec file or one of {', '.join(names)}, but there is neither for {str(name)!r}.{suggestion}"
    )


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
        array = _take(arrays, name, path)
        check(
            tuple(array.shape) == tuple(leaf.shape),
            f"`{path}` must hold {name} of shape {tuple(leaf.shape)} for its configuration, but its shape is {tuple(array.shape)}. The file is damaged.",
        )
        return jnp.asarray(array, dtype=leaf.dtype)

    return jax.tree_util.tree_map_with_path(one, template)


def _take(arrays: Mapping[str, np.ndarray], name: str, path: str | os.PathLike) -> np.ndarray:
    check(name in arrays, f"`{path}` must hold {name!r}, but it does not. The file is damaged or from another version.")
    return arrays[name]


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], header: Mapping[str, str]) -> None:
    """Write a safetensors file beside its place and move it there, so that a reader never sees half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    payload = serialise({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=dict(header))
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
