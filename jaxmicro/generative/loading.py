"""Codecs from files, and those that ship with the package."""

import json
import os
from importlib import resources
from pathlib import Path

import jax.numpy as jnp
import msgspec

from jaxmicro._core import nearest_name
from jaxmicro.generative.codec import Codec
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.files import FORMAT, fill, read_arrays, take
from jaxmicro.generative.metrics import EpochMetrics
from jaxmicro.generative.network import weight_shapes
from jaxmicro.generative.prior import LatentPrior


def pretrained_names() -> list[str]:
    """Names of the codecs that ship with the package.

    Example:
        >>> "two-phase-64" in pretrained_names()
        True
    """
    folder = resources.files("jaxmicro.generative") / "pretrained"
    return sorted(item.name.removesuffix(".safetensors") for item in folder.iterdir() if item.name.endswith(".safetensors"))


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
        **{name: jnp.asarray(take(arrays, f"prior.{name}", path), jnp.float32) for name in LatentPrior.__dataclass_fields__}
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
