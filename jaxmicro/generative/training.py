"""Training a codec: epochs, validation, checkpoints, and the prior at the end."""

import zlib
from os import PathLike
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxmicro._core import Progress, __version__, check, numpy_generator, silent, split_named
from jaxmicro._core.keys import check_key
from jaxmicro.generative.checkpoint import check_folder, read_checkpoint, write_checkpoint
from jaxmicro.generative.codec import Codec
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.images import as_images
from jaxmicro.generative.metrics import EpochMetrics
from jaxmicro.generative.network import initial_weights
from jaxmicro.generative.prior_fit import fit_prior
from jaxmicro.generative.steps import TrainState, encode_step, initial_state, training_step, validation_step

REPORT_EVERY = 10  # steps between two calls of the progress meter


def train(
    dataset: Any,
    config: CodecConfig | None = None,
    *,
    key: Array,
    progress: Progress = silent,
    checkpoint_dir: str | PathLike | None = None,
    resume: bool = False,
) -> Codec:
    """Train a codec on images.

    Minimises cross-entropy + kl_weight · KL / voxels + sharpness and statistics terms (`losses`), with AdamW, then
    fits the prior of the latents to the encoded training images.

    Args:
        dataset: phase fractions `(n, p, *grid)`, integer labels `(n, *grid)`, a sequence of microstructures, or an
            object of `jaxmicro.datasets`; every size of the grid a multiple of `config.factor`.
        config: architecture and training; by default `CodecConfig()`.
        key: typed random key. The same key, data, configuration, machine and x64 mode give the same codec bit for bit.
        progress: called with steps done, steps in all, and the latest loss.
        checkpoint_dir: folder for a checkpoint after every epoch.
        resume: continue from the checkpoint in that folder (from the start where there is none yet). The result is
            bit for bit that of an uninterrupted run.

    Returns:
        The codec, with one `EpochMetrics` per epoch in `codec.history`.

    Raises:
        ValueError: for images that do not fit the configuration, or a checkpoint of another run (naming the entries).
        FileExistsError: where the folder holds a checkpoint and `resume` is False.
        FloatingPointError: where the loss stops being finite.

    Reference:
        D. P. Kingma, M. Welling, Auto-encoding variational Bayes, 2013, doi:10.48550/arXiv.1312.6114.

    Example:
        >>> tiny = CodecConfig(patch=2, widths=(4,), blocks=1, epochs=1, batch_size=4)
        >>> codec = train(np.eye(8, dtype=int)[None].repeat(8, axis=0), tiny, key=jax.random.key(0))
        >>> len(codec.history)
        1

    Not differentiable; the codec it returns is.
    """
    config = CodecConfig() if config is None else config
    keys = split_named(check_key(key), "weights", "split", "order", "steps", "prior")
    data = _compact(as_images(dataset, phases=config.phases, ndim=config.ndim, argument="dataset"))
    _check_data(data, config)
    check(
        not (config.periodic and getattr(dataset, "periodic", None) is False),
        "`config.periodic` must be False for this dataset, but it is True: its images are not periodic, so rolling them would make seams. "
        "Pass CodecConfig(periodic=False).",
    )
    training, validation = _split(len(data), config, keys["split"])
    steps_per_epoch = max(1, len(training) // config.batch_size)
    total = steps_per_epoch * config.epochs
    mark = _mark(data)
    state, history = initial_state(initial_weights(config, keys["weights"]), config, total), []
    if check_folder(checkpoint_dir, resume):
        state, history = read_checkpoint(checkpoint_dir, state, config, key, mark)  # pyright: ignore[reportArgumentType]
    for epoch in range(len(history) + 1, config.epochs + 1):
        batches = _batches(training, config.batch_size, jax.random.fold_in(keys["order"], epoch))
        state, means = _run_epoch(state, data, batches, keys["steps"], config, total, progress)
        history.append(EpochMetrics(epoch=epoch, **means, **_validate(state, data, validation, config)))
        if checkpoint_dir is not None:
            write_checkpoint(checkpoint_dir, state, history, config, key, mark)
    return _finish(state, data, training, history, config, keys["prior"], _describe(dataset, data, mark))


def _compact(images: Array) -> Array:
    """Keep pure phases as 8-bit numbers: a quarter of the memory, nothing lost."""
    whole = bool(jnp.all((images == 0) | (images == 1)))
    return images.astype(jnp.uint8) if whole else images.astype(jnp.float32)


def _check_data(data: Array, config: CodecConfig) -> None:
    factor, grid = config.factor, data.shape[2:]
    check(
        all(size % factor == 0 for size in grid),
        f"`dataset` must have sizes that are multiples of the codec's factor {factor}, but its grid is {tuple(grid)}. Crop the images, or change `patch` and `widths`.",
    )
    check(
        not config.rotations or len(set(grid)) == 1,
        f"`dataset` must be square for `rotations`, but its grid is {tuple(grid)}. Switch `rotations` off or crop to squares.",
    )
    check(len(data) >= 2, f"`dataset` must hold at least 2 images, but it holds {len(data)}. Crop more of them from your map.")
    constant = bool(jnp.all(data == data[:1, :, :1, :1] if config.ndim == 2 else data == data[:1, :, :1, :1, :1]))
    check(not constant, "`dataset` must hold more than one phase, but every voxel of every image is the same. Check the segmentation.")


def _split(n: int, config: CodecConfig, key: Array) -> tuple[np.ndarray, np.ndarray]:
    order = numpy_generator(key).permutation(n)
    held = min(round(config.validation * n), n - 1)
    return order[held:], order[:held]


def _batches(indices: np.ndarray, size: int, key: Array) -> list[np.ndarray]:
    """Shuffled batches of one size; a small dataset fills its only batch by repetition."""
    order = numpy_generator(key).permutation(indices)
    if len(order) < size:
        return [np.resize(order, size)]
    return [order[i : i + size] for i in range(0, len(order) - size + 1, size)]


def _run_epoch(
    state: TrainState, data: Array, batches: list[np.ndarray], key: Array, config: CodecConfig, total: int, progress: Progress
) -> tuple[TrainState, dict[str, float]]:
    collected, before = [], int(state.step)
    for done, index in enumerate(batches, start=before + 1):
        state, parts = training_step(state, data, jnp.asarray(index), key, config=config, total_steps=total)
        collected.append(parts)
        if done % REPORT_EVERY == 0 or len(collected) == len(batches):
            loss = float(parts["loss"])
            _check_loss(loss, done)
            progress(done, total, {"loss": loss})
    return state, {name: float(np.mean([float(parts[name]) for parts in collected])) for name in collected[0]}


def _check_loss(loss: float, step: int) -> None:
    if not np.isfinite(loss):
        raise FloatingPointError(
            f"`loss` must stay finite, but it is {loss} at step {step}. Lower `learning_rate`, or look for extreme values in the dataset."
        )


def _validate(state: TrainState, data: Array, indices: np.ndarray, config: CodecConfig) -> dict[str, float]:
    """Means over the validation images (over some training images where none are held back)."""
    chosen = indices if len(indices) else np.arange(min(len(data), config.batch_size))
    parts = [validation_step(state.average, data, jnp.asarray(index), config=config) for index in _padded(chosen, config.batch_size)]
    return {name: float(np.mean([float(part[name]) for part in parts])) for name in parts[0]}


def _padded(indices: np.ndarray, size: int) -> list[np.ndarray]:
    """All indices in batches of one size; the last is filled from the front."""
    count = -(-len(indices) // size)
    return list(np.resize(indices, (count, size)))


def _finish(
    state: TrainState, data: Array, indices: np.ndarray, history: list[EpochMetrics], config: CodecConfig, key: Array, training_data: dict
) -> Codec:
    batches = _padded(indices, config.batch_size)
    latents = jnp.concatenate([encode_step(state.average, data, jnp.asarray(index), config=config) for index in batches])[: len(indices)]
    prior = fit_prior(latents, config.prior_components, key=key)
    names = training_data.pop("phases")
    card = {
        "phases": names,
        "training_data": training_data,
        "metrics": {name: getattr(history[-1], name) for name in EpochMetrics.__struct_fields__},
        "versions": {"jaxmicro": __version__, "jax": jax.__version__, "numpy": np.__version__},
    }
    return Codec(state.average, prior, config, card, tuple(history))


def _describe(dataset: Any, data: Array, mark: str) -> dict[str, Any]:
    names = getattr(dataset, "phases", None)
    return {
        "phases": list(names) if names else [f"phase {i}" for i in range(data.shape[1])],
        "description": getattr(dataset, "description", "arrays passed to train"),
        "images": int(data.shape[0]),
        "grid": [int(size) for size in data.shape[2:]],
        "mark": mark,
    }


def _mark(data: Array) -> str:
    """Shape and checksum, to recognise the data on resumption."""
    array = np.ascontiguousarray(np.asarray(data))
    return f"{array.shape} {array.dtype} crc {zlib.crc32(array.data):08x}"
