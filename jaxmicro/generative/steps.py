"""One step of training as a pure function of its state."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from jaxmicro._core import record, split_named
from jaxmicro.generative.augmentation import augment
from jaxmicro.generative.config import CodecConfig
from jaxmicro.generative.losses import kl_divergence, reconstruction, scramble, sharpness, statistics
from jaxmicro.generative.metrics import compare
from jaxmicro.generative.network import assemble


@record
class TrainState:
    """Everything a step changes: weights, their running mean, the optimizer's memory, the count of steps."""

    weights: Any
    average: Any
    optimizer: Any
    step: Array


def make_optimizer(config: CodecConfig, total_steps: int) -> optax.GradientTransformation:
    """AdamW with clipped gradients and a cosine schedule after a short rise."""
    rise = max(1, min(100, total_steps // 10))
    schedule = optax.warmup_cosine_decay_schedule(
        0.1 * config.learning_rate, config.learning_rate, rise, max(total_steps, rise + 1), 0.02 * config.learning_rate
    )
    return optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, b2=0.99, weight_decay=config.weight_decay))


def initial_state(weights: Any, config: CodecConfig, total_steps: int) -> TrainState:
    """State before the first step."""
    copy = jax.tree.map(jnp.copy, weights)
    return TrainState(weights, copy, make_optimizer(config, total_steps).init(weights), jnp.zeros((), jnp.int32))


@partial(jax.jit, static_argnames=("config", "total_steps"), donate_argnums=0)
def training_step(
    state: TrainState, data: Array, index: Array, key: Array, *, config: CodecConfig, total_steps: int
) -> tuple[TrainState, dict[str, Array]]:
    """One gradient step on the images `data[index]`, with randomness of its own from the count of steps."""
    keys = split_named(jax.random.fold_in(key, state.step), "augment", "loss")
    images = augment(as_float_batch(data, index), config, keys["augment"])
    share = state.step / max(1.0, config.kl_warmup * total_steps)
    kl_weight = (config.kl_weight * jnp.minimum(1.0, share)).astype(images.dtype)
    (loss, parts), gradient = jax.value_and_grad(_loss, has_aux=True)(state.weights, images, keys["loss"], kl_weight, config)
    updates, optimizer = make_optimizer(config, total_steps).update(gradient, state.optimizer, state.weights)
    weights = optax.apply_updates(state.weights, updates)
    decay = jnp.minimum(config.ema_decay, (1 + state.step) / (10 + state.step)).astype(jnp.float32)
    average = jax.tree.map(lambda a, w: decay * a + (1 - decay) * w, state.average, weights)
    return TrainState(weights, average, optimizer, state.step + 1), {"loss": loss, **parts}


def as_float_batch(data: Array, index: Array) -> Float[Array, "n p *grid"]:
    """A batch of the images, which are kept as 8-bit whole numbers where that loses nothing."""
    batch = data[index]
    return batch.astype(jnp.float32) if jnp.issubdtype(batch.dtype, jnp.integer) else batch


def _loss(weights: Any, images: Array, key: Array, kl_weight: Array, config: CodecConfig) -> tuple[Array, dict[str, Array]]:
    keys = split_named(key, "posterior", "phases")
    network = assemble(config, weights)
    mean, log_std = network.encoder(jnp.moveaxis(images, 1, -1))
    z = mean + jnp.exp(log_std) * jax.random.normal(keys["posterior"], mean.shape, dtype=mean.dtype)
    logits = jnp.moveaxis(network.decoder(z), -1, 1)
    decoded = jax.nn.softmax(logits, axis=1)
    cross_entropy, kl = reconstruction(logits, images), kl_divergence(mean, log_std, config.free_bits)
    loss = (
        cross_entropy
        + kl_weight * kl / images[0, 0].size
        + config.sharpness_weight * sharpness(decoded, images)
        + config.statistics_weight * statistics(decoded, images)
    )
    if config.surrogate_weight:
        shuffled = jax.nn.softmax(jnp.moveaxis(network.decoder(scramble(z, keys["phases"])), -1, 1), axis=1)
        loss += config.surrogate_weight * (statistics(shuffled, images) + config.surrogate_sharpness * sharpness(shuffled, images))
    return loss, {"cross_entropy": cross_entropy, "kl": kl}


@partial(jax.jit, static_argnames="config")
def validation_step(weights: Any, data: Array, index: Array, *, config: CodecConfig) -> dict[str, Array]:
    """Metrics of reconstructions from the mean latents."""
    images = as_float_batch(data, index)
    network = assemble(config, weights)
    mean, _ = network.encoder(jnp.moveaxis(images, 1, -1))
    return compare(jax.nn.softmax(jnp.moveaxis(network.decoder(mean), -1, 1), axis=1), images)


@partial(jax.jit, static_argnames="config")
def encode_step(weights: Any, data: Array, index: Array, *, config: CodecConfig) -> Float[Array, "n c *coarse"]:
    """Mean latents of a batch."""
    mean, _ = assemble(config, weights).encoder(jnp.moveaxis(as_float_batch(data, index), 1, -1))
    return jnp.moveaxis(mean, -1, 1)
