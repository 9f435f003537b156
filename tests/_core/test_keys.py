import jax
import numpy as np
import pytest

from jaxmicro._core import numpy_generator, split_named


def data(key):
    return np.asarray(jax.random.key_data(key)).tolist()


def test_a_name_draws_the_same_whatever_its_neighbours():
    key = jax.random.key(3)
    alone, together = split_named(key, "noise"), split_named(key, "field", "noise", "data")
    assert data(alone["noise"]) == data(together["noise"])
    assert len({str(data(k)) for k in [key, *together.values()]}) == 4


def test_other_keys_draw_other_numbers():
    assert data(split_named(jax.random.key(0), "a")["a"]) != data(split_named(jax.random.key(1), "a")["a"])


@pytest.mark.parametrize("key", [0, jax.random.PRNGKey(0), None], ids=["integer", "untyped", "none"])
@pytest.mark.parametrize("function", [lambda key: split_named(key, "a"), numpy_generator], ids=["split", "numpy"])
def test_only_typed_keys_are_accepted(as_user, function, key):
    with pytest.raises(TypeError, match=r"`key` must be a typed key.*jax.random.key\(seed\)"):
        function(key)


def test_names_split_inside_a_transformation():
    keys = jax.random.split(jax.random.key(0), 3)
    drawn = jax.jit(jax.vmap(lambda key: jax.random.normal(split_named(key, "a")["a"])))(keys)
    assert len(set(drawn.tolist())) == 3


def test_a_numpy_generator_repeats_its_key():
    a, b, c = (numpy_generator(jax.random.key(seed)).random(4) for seed in (5, 5, 6))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
