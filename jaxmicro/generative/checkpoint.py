"""Checkpoints of a training run: one safetensors file, replaced atomically, resumed bit for bit."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import jax
import msgspec
import numpy as np
from jaxtyping import Array

from jaxmicro._core import check
from jaxmicro.generative.config import CodecConfig, differing_entries
from jaxmicro.generative.files import fill, named_leaves, read_arrays, write_arrays
from jaxmicro.generative.metrics import EpochMetrics
from jaxmicro.generative.steps import TrainState

FORMAT = "jaxmicro-training-1"
FILE = "training.safetensors"


def write_checkpoint(
    folder: str | PathLike, state: TrainState, history: Sequence[EpochMetrics], config: CodecConfig, key: Array, data_mark: str
) -> None:
    """Write the state after an epoch, with configuration, key and a mark of the data."""
    header = {
        "format": FORMAT,
        "config": msgspec.json.encode(config).decode(),
        "history": msgspec.json.encode(list(history)).decode(),
        "key": _key_text(key),
        "data": data_mark,
    }
    write_arrays(Path(folder) / FILE, named_leaves({"state": state}), header)


def read_checkpoint(
    folder: str | PathLike, template: TrainState, config: CodecConfig, key: Array, data_mark: str
) -> tuple[TrainState, list[EpochMetrics]]:
    """Read the state back, after a check that it belongs to this configuration, key and data.

    Raises:
        ValueError: naming every entry that differs, or for a damaged file.
    """
    path = Path(folder) / FILE
    arrays, header = read_arrays(path, FORMAT, "training checkpoint")
    try:
        there = msgspec.json.decode(header["config"], type=CodecConfig)
        history = msgspec.json.decode(header["history"], type=list[EpochMetrics])
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise ValueError(
            f"`{path}` must hold a training configuration, but it does not ({error}). Train again in another folder."
        ) from error
    differences = differing_entries(config, there)
    differences += ["key (another seed)"] if header.get("key") != _key_text(key) else []
    differences += [f"dataset ({data_mark} here, {header.get('data')} there)"] if header.get("data") != data_mark else []
    check(
        not differences,
        f"`checkpoint_dir` must hold a checkpoint of the same run, but {path} differs in: {'; '.join(differences)}. "
        "Resume with the same configuration, key and data, or train in another folder.",
    )
    return fill(template, arrays, "state", path), history


def check_folder(folder: str | PathLike | None, resume: bool) -> bool:
    """True when there is a checkpoint to resume; an error when there is one that would be overwritten."""
    if folder is None:
        check(not resume, "`checkpoint_dir` must be given to resume, but it is None. Pass the folder of the interrupted run.")
        return False
    exists = (Path(folder) / FILE).is_file()
    if exists and not resume:
        raise FileExistsError(
            f"`checkpoint_dir` must not hold another run, but {Path(folder) / FILE} exists. Pass resume=True or another folder."
        )
    return exists


def _key_text(key: Array) -> str:
    return f"{jax.random.key_impl(key)}:{np.asarray(jax.random.key_data(key)).ravel().tolist()}"
