import dataclasses

import jax
import jax.numpy as jnp
import pytest

from jaxmicro._core import record, replace, static


@record
class Sample:
    density: object
    inner: object = None
    scheme: str = static(default="a")


@record
class Strict:
    density: object

    def __post_init__(self):
        if isinstance(self.density, str):
            raise TypeError("no text")


def test_only_undeclared_fields_are_leaves():
    assert jax.tree.leaves(Sample(density=1.0, inner={"x": 2.0}, scheme="b")) == [1.0, 2.0]


def test_a_static_field_is_part_of_the_structure():
    a, b = Sample(density=1.0, scheme="a"), Sample(density=1.0, scheme="b")
    assert jax.tree.structure(a) != jax.tree.structure(b)
    assert jax.tree.structure(a) == jax.tree.structure(Sample(density=5.0, scheme="a"))


def test_equal_static_fields_compile_once():
    traces = []

    @jax.jit
    def double(sample):
        traces.append(sample.scheme)
        return replace(sample, density=2 * sample.density)

    assert double(Sample(density=jnp.array(1.0))).density == 2.0
    assert double(Sample(density=jnp.array(4.0))).density == 8.0
    assert traces == ["a"]
    double(Sample(density=jnp.array(1.0), scheme="b"))
    assert traces == ["a", "b"]


def test_transformations_pass_through_records():
    def energy(sample):
        return jnp.sum(sample.density**2)

    gradient = jax.grad(energy)(Sample(density=jnp.array([1.0, 2.0])))
    assert isinstance(gradient, Sample)
    assert gradient.density.tolist() == [2.0, 4.0]
    batch = Sample(density=jnp.arange(6.0).reshape(3, 2))
    assert jax.vmap(energy)(batch).tolist() == [1.0, 13.0, 41.0]


def test_transformations_do_not_call_the_constructor():
    placeholders = jax.tree.map(lambda _: "placeholder", Strict(density=1.0))
    assert placeholders.density == "placeholder"
    with pytest.raises(TypeError, match="no text"):
        Strict(density="text")


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Sample(density=1.0).density = 2.0


def test_replace_leaves_the_original_alone():
    sample = Sample(density=1.0)
    assert replace(sample, density=2.0).density == 2.0
    assert sample.density == 1.0
    with pytest.raises(TypeError, match="colour"):
        replace(sample, colour=3)


def test_leaves_are_named_in_key_paths():
    (path, _), *_ = jax.tree_util.tree_leaves_with_path(Sample(density=1.0))
    assert jax.tree_util.keystr(path) == ".density"
