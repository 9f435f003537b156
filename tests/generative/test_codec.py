"""The conformance of a codec: symmetry, sums, precision, derivatives, transformations, errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.generative import Codec, load
from jaxmicro.microstructures import Microstructure

FD_STEP = 1e-5
FD_RTOL = 1e-7  # of central differences with that step in float64


@pytest.mark.parametrize("shift", [(1, 0), (0, 3), (2, 1)])
def test_a_shift_of_latent_cells_shifts_the_image(tiny, latents, shift):
    moved = tiny.decode(np.roll(latents, shift, axis=(2, 3)))
    np.testing.assert_allclose(moved, np.roll(tiny.decode(latents), np.multiply(shift, tiny.factor), axis=(2, 3)), atol=1e-12)


def test_a_shift_of_the_image_by_the_factor_shifts_the_latent(tiny, cells):
    images = np.asarray(cells.images[:3], float)
    moved = tiny.encode(np.roll(images, (4, 8), axis=(2, 3)))
    np.testing.assert_allclose(moved, np.roll(tiny.encode(images), (1, 2), axis=(2, 3)), atol=1e-12)
    assert np.abs(tiny.encode(np.roll(images, (1, 0), axis=(2, 3))) - tiny.encode(images)).max() > 1e-3


def test_tiles_of_the_latent_are_tiles_of_the_cell(tiny, latents):
    np.testing.assert_allclose(tiny.decode(np.tile(latents, (1, 1, 2, 3))), np.tile(tiny.decode(latents), (1, 1, 2, 3)), atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-14), ("float32", 1e-6)])
def test_fractions_sum_to_one_in_the_dtype_of_the_latent(tiny, latents, dtype, tolerance):
    images = tiny.decode(latents.astype(dtype))
    assert images.dtype == dtype
    assert images.shape == (2, 2, 12, 16)
    assert images.min() >= 0
    np.testing.assert_allclose(images.sum(axis=1), 1, atol=tolerance)


def test_single_precision_agrees_with_double(tiny, latents):
    np.testing.assert_allclose(tiny.decode(latents.astype("float32")), tiny.decode(latents), atol=1e-5)


def test_gradient_of_decode_against_differences(tiny, latents):
    rng = np.random.default_rng(1)
    weight, direction = rng.standard_normal((2, 12, 16)), rng.standard_normal(latents.shape[1:])

    @jax.jit
    def objective(z):
        return jnp.sum(weight * jnp.sin(9 * tiny.decode(z[None])[0]))

    slope = np.vdot(jax.grad(objective)(latents[0]), direction)
    difference = (objective(latents[0] + FD_STEP * direction) - objective(latents[0] - FD_STEP * direction)) / (2 * FD_STEP)
    np.testing.assert_allclose(slope, difference, rtol=FD_RTOL)
    _, forward = jax.jvp(objective, (jnp.asarray(latents[0]),), (jnp.asarray(direction),))
    np.testing.assert_allclose(forward, slope, rtol=1e-12)


def test_gradient_of_the_encoder_against_differences(tiny, cells):
    images = np.asarray(cells.images[:1], float) * 0.8 + 0.1
    direction = np.random.default_rng(2).standard_normal((1, 1, 16, 16)) * np.array([1.0, -1.0]).reshape(1, 2, 1, 1)

    @jax.jit
    def objective(x):
        return jnp.sum(jnp.sin(tiny.encode(x)))

    slope = np.vdot(jax.grad(objective)(jnp.asarray(images)), direction)
    step = FD_STEP * direction
    np.testing.assert_allclose(slope, (objective(images + step) - objective(images - step)) / (2 * FD_STEP), rtol=1e-6)


def test_transformations_agree_and_compile_once(tiny, latents):
    compiled = []

    @jax.jit
    def decode(codec, z):
        compiled.append(1)
        return codec.decode(z)

    expected = tiny.decode(latents)
    renamed = Codec(tiny.weights, tiny.prior, tiny.config, {"phases": ["a", "b"]})
    np.testing.assert_allclose(decode(tiny, latents), expected, atol=1e-12)
    np.testing.assert_allclose(decode(renamed, latents), expected, atol=1e-12)
    assert len(compiled) == 1
    np.testing.assert_allclose(jax.vmap(lambda z: tiny.decode(z[None])[0])(jnp.asarray(latents)), expected, atol=1e-12)


def test_weights_have_gradients_through_the_codec_as_argument(tiny, latents):
    gradient = jax.grad(lambda codec: jnp.sum(codec.decode(latents)[:, 1] ** 2), allow_int=True)(tiny)
    assert isinstance(gradient, Codec)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(gradient.weights["decoder"])) > 0


def test_every_kind_of_input_gives_the_same_latent(tiny, cells):
    labels = np.asarray(cells.images[:2]).argmax(axis=1)
    expected = tiny.encode(np.asarray(cells.images[:2], "float32"))
    for given in (labels, labels.astype("uint8"), [Microstructure(labels=image) for image in labels]):
        np.testing.assert_allclose(tiny.encode(given), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [16, (16, 16), Grid((16, 16)), None])
def test_latent_shape(tiny, shape):
    assert tiny.latent_shape(shape) == (2, 4, 4)


def test_samples_of_other_sizes(tiny):
    images = tiny.sample(3, key=jax.random.key(0), shape=(8, 20))
    assert images.shape == (3, 2, 8, 20)
    np.testing.assert_allclose(images.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(images, tiny.sample(3, key=jax.random.key(0), shape=(8, 20)))
    assert np.abs(images - tiny.sample(3, key=jax.random.key(1), shape=(8, 20))).max() > 1e-2


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.encode(np.zeros((1, 3, 16, 16))), r"2 channels .* \(1, 3, 16, 16\)"),
        (lambda c: c.encode(np.zeros((16, 16))), r"shape is \(16, 16\)"),
        (lambda c: c.encode(np.zeros((1, 18, 16), int)), r"multiple of the codec's factor 4 .* \(18, 16\).* Crop to \(16, 16\)"),
        (lambda c: c.encode(np.full((1, 2, 16, 16), 255.0)), r"\[0, 1\], but they span \[255, 255\]"),
        (lambda c: c.encode(np.full((1, 2, 16, 16), 0.25)), r"sum to 1 .* 0\.5"),
        (lambda c: c.encode(np.full((1, 2, 16, 16), np.nan)), r"must"),
        (lambda c: c.encode(np.full((1, 16, 16), 7)), r"0 … 1 for 2 phases, but they span 7 … 7"),
        (lambda c: c.decode(np.zeros((2, 4, 4))), r"\(n, 2, \*coarse\).*\(2, 4, 4\)"),
        (lambda c: c.decode(np.zeros((1, 3, 4, 4))), r"\(n, 2, \*coarse\).*\(1, 3, 4, 4\)"),
        (lambda c: c.sample(1, key=jax.random.key(0), shape=10), r"multiple of the codec's factor 4"),
        (lambda c: c.sample(0, key=jax.random.key(0)), r"at least 1, but it is 0"),
        (lambda c: c.latent_shape((16, 16, 16)), r"2 space axes"),
    ],
)
def test_bad_input_is_explained(tiny, call, words):
    with pytest.raises(ValueError, match=words):
        call(tiny)


@pytest.mark.usefixtures("as_user")
def test_a_seed_is_no_key(tiny):
    with pytest.raises(TypeError, match="typed key"):
        tiny.sample(1, key=np.zeros(2, "uint32"))


def test_gradient_of_an_effective_property_in_one_expression():
    import jaxmicro as jm

    codec, grid = load("two-phase-64"), jm.Grid((16, 16))
    z = codec.sample_latents(1, key=jax.random.key(3), shape=grid, dtype="float64")[0]

    def property_of(z):
        return jm.effective_conductivity(1 + 9 * codec.decode(z[None])[0, 1], grid, rtol=1e-9).tensor[0, 0]

    gradient = jax.grad(property_of)(z)
    direction = jax.random.normal(jax.random.key(4), z.shape)
    difference = (property_of(z + FD_STEP * direction) - property_of(z - FD_STEP * direction)) / (2 * FD_STEP)
    assert gradient.dtype == "float64"
    np.testing.assert_allclose(jnp.vdot(gradient, direction), difference, rtol=1e-6)
