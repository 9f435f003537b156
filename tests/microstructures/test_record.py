import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import random_orientations

LABELS = np.array([[0, 1, 2], [0, 0, 1]])
GRID = Grid((2, 3), (1.0, 3.0))


def blurred(dtype=jnp.float64):
    return Microstructure(grid=GRID, fractions=jnp.array([[[0.2, 0.5, 1.0], [0.0, 0.4, 0.9]], [[0.8, 0.5, 0.0], [1.0, 0.6, 0.1]]], dtype))


def test_labels_give_fractions():
    ms = Microstructure(grid=GRID, labels=LABELS, phases=("a", "b", "c"))
    assert ms.is_sharp
    assert (ms.n_phases, ms.labels.dtype) == (3, jnp.int32)
    np.testing.assert_array_equal(ms.fractions, np.arange(3)[:, None, None] == LABELS)
    np.testing.assert_allclose(ms.volume_fractions, [3 / 6, 2 / 6, 1 / 6])


def test_fractions_give_labels():
    ms = blurred()
    assert not ms.is_sharp
    np.testing.assert_array_equal(ms.labels, [[1, 0, 0], [1, 1, 0]])
    np.testing.assert_allclose(ms.volume_fractions, [3.0 / 6, 3.0 / 6])
    assert [phase.name for phase in ms.phases] == ["phase 0", "phase 1"]


def test_the_mask_says_what_counts():
    mask = np.array([[True, True, False], [True, True, True]])
    np.testing.assert_allclose(Microstructure(labels=LABELS, mask=mask, phases=("a", "b", "c")).volume_fractions, [0.6, 0.4, 0])


def test_a_phase_may_be_absent_when_it_is_named():
    np.testing.assert_allclose(Microstructure(labels=np.zeros((2, 2), int), phases=("a", "b")).volume_fractions, [1, 0])


def test_notes_and_provenance_never_recompile_and_do_not_decide_equality():
    traces = []

    @jax.jit
    def share(ms):
        traces.append(1)
        return ms.volume_fractions

    first = Microstructure(labels=LABELS, provenance="file a", notes=("cropped",))
    second = Microstructure(labels=LABELS, provenance="file b")
    share(first), share(second)
    assert len(traces) == 1
    assert first == second
    assert first != Microstructure(labels=LABELS, phases=("a", "b", "c"))
    assert first != Microstructure(labels=LABELS[::-1])
    out = jax.jit(lambda ms: ms)(first)
    assert (out.provenance, out.notes) == ("", ())  # those of another file would be a lie
    assert out == first


def test_it_is_a_pytree_with_names():
    ms = blurred().replace(maps={"ci": np.ones((2, 3))}, orientation=random_orientations(jax.random.key(0), (2, 3)))
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree.flatten_with_path(ms)[0]]
    assert names == [".grid.lengths", ".fractions", ".orientation", ".maps['ci']"]
    batch = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), ms)
    np.testing.assert_allclose(jax.vmap(lambda m: m.volume_fractions)(batch), [[0.5, 0.5]] * 2)


def test_gradients_flow_through_fractions():
    weights = jnp.arange(6.0).reshape(2, 3)
    gradient = jax.grad(lambda ms: jnp.sum(ms.fractions[1] * weights) + ms.volume_fractions[0])(blurred())
    np.testing.assert_allclose(gradient.fractions, jnp.stack([jnp.full((2, 3), 1 / 6), weights]))


def test_it_is_built_under_jit_without_looking_at_values():
    built = jax.jit(lambda f: Microstructure(grid=GRID, fractions=f).volume_fractions)(jnp.full((2, 2, 3), 7.0))
    np.testing.assert_allclose(built, 7.0)
    with pytest.raises(ValueError, match=r"`phases` must be given where `labels` are traced"):
        jax.jit(lambda labels: Microstructure(labels=labels).volume_fractions)(LABELS)


def test_known_labels_are_judged_inside_a_trace_too():
    share = jax.jit(lambda scale: scale * Microstructure(labels=LABELS).volume_fractions)
    np.testing.assert_allclose(share(6.0), [3, 2, 1])
    with pytest.raises(ValueError, match="without gaps"):
        jax.jit(lambda scale: scale * Microstructure(labels=2 * LABELS).volume_fractions)(1.0)


def test_replace_checks_again_and_swaps_the_representation():
    ms = Microstructure(labels=LABELS, phases=("a", "b", "c"), notes=("one",))
    soft = ms.replace(fractions=jnp.full((3, 2, 3), 1 / 3))
    assert not soft.is_sharp
    assert soft.notes == ("one",)
    assert soft.replace(labels=LABELS).is_sharp
    with pytest.raises(ValueError, match="`labels` must have shape"):
        ms.replace(labels=np.zeros((3, 3), int))
    assert ms.with_notes("two").notes == ("one", "two")


def test_it_is_frozen_and_can_be_copied():
    ms = blurred()
    with pytest.raises(AttributeError, match="frozen"):
        ms.labels = LABELS
    assert copy.deepcopy(ms) == ms


def test_precision_follows_the_input():
    assert blurred(jnp.float32).volume_fractions.dtype == jnp.float32
    grid = Grid((2, 3), jnp.array([1.0, 1.0], jnp.float32))
    assert Microstructure(grid=grid, labels=LABELS).fractions.dtype == jnp.float32


def test_the_summary_says_what_a_person_wants_to_know():
    ms = Microstructure(
        grid=GRID,
        labels=LABELS,
        phases=(Phase("ferrite", laue="m-3m"), "austenite", "void"),
        maps={"ci": np.linspace(0, 1, 6).reshape(2, 3)},
        mask=np.ones((2, 3), bool),
        provenance="read from map.ang",
        notes=("frame='raw' by default",),
    )
    text = str(ms)
    for part in (
        "2 x 3 voxels",
        "edges 1 x 3",
        "ferrite     50.00 %",
        "Laue group m-3m",
        "map ci: 0 … 1",
        "100.00 %",
        "map.ang",
        "frame='raw'",
    ):
        assert part in text
    assert "austenite" in repr(ms)
    seen = []
    jax.jit(lambda m: seen.append(str(m)) or m.volume_fractions)(ms)
    assert "ferrite" in seen[0]


def test_phases_hash_by_value():
    one, same = (Phase("steel", constants={"young": 210.0, "poisson": 0.3}) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert dict(one.constants) == {"poisson": 0.3, "young": 210.0}


FULL = {"labels": LABELS}


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ({}, ValueError, "either `labels` or `fractions`, but neither is given"),
        ({**FULL, "fractions": np.ones((1, 2, 3))}, ValueError, "but both are given"),
        ({"labels": LABELS / 2}, TypeError, r"`labels` must be whole numbers, but their dtype is float64.*labels\.astype\(int\)"),
        ({**FULL, "grid": Grid((3, 2))}, ValueError, r"`labels` must have shape \(3, 2\), but its shape is \(2, 3\)"),
        ({**FULL, "grid": (2, 3)}, TypeError, r"`grid` must be a Grid, but it is tuple"),
        ({"labels": LABELS * 5}, ValueError, r"without gaps where `phases` is not given, but they are 0, 5, 10"),
        ({"labels": np.array([[0, 1], [0, 2**32]])}, ValueError, "span 0 … 4294967296. Renumber"),
        ({**FULL, "phases": ("a", "b")}, ValueError, r"must lie in 0 … 1 for 2 phases \('a', 'b'\), but they span 0 … 2"),
        ({**FULL, "phases": "abc"}, TypeError, r"must be a sequence of phases, but it is the text 'abc'"),
        ({**FULL, "phases": ()}, ValueError, "at least one phase"),
        ({"fractions": np.full((2, 2, 3), 0.5), "phases": ("a",)}, ValueError, r"one entry per fraction, but there are 1 \('a'\)"),
        ({"fractions": np.full((2, 2, 3), 0.4)}, ValueError, r"sum to 1 .* at voxel \(0, 0\) the sum is 0.8"),
        (
            {"fractions": np.stack([np.full((2, 3), 1.5), np.full((2, 3), -0.5)])},
            ValueError,
            r"must not be negative, but the smallest is -0.5 \(phase 1\)",
        ),
        ({"fractions": np.full((2, 2, 3), np.nan)}, ValueError, "`fractions` must be finite"),
        ({**FULL, "orientation": np.ones((4, 2, 3))}, ValueError, r"unit quaternions, but 6 are not .* with norm 2"),
        ({**FULL, "orientation": np.ones((3, 2, 3))}, ValueError, r"`orientation` must have shape \(4, 2, 3\)"),
        ({**FULL, "mask": np.ones((2, 3))}, TypeError, "`mask` must be boolean"),
        (
            {**FULL, "maps": {"ci": np.ones((3, 2))}},
            ValueError,
            r"`maps\['ci'\]` must end with the shape of the grid \(2, 3\), but its shape is \(3, 2\)",
        ),
        ({"labels": np.zeros((2, 3, 2, 2), int)}, ValueError, "two or three"),
    ],
)
def test_bad_input_is_named(as_user, parts, error, message):
    with pytest.raises(error, match=message):
        Microstructure(**parts)


def test_a_voxel_outside_the_mask_needs_no_orientation():
    turns = np.full((4, 2, 3), 0.5)
    turns[:, 0, 0] = np.nan
    mask = np.ones((2, 3), bool)
    with pytest.raises(ValueError, match=r"but 1 are not"):
        Microstructure(labels=LABELS, orientation=turns, mask=mask)
    mask[0, 0] = False
    assert Microstructure(labels=LABELS, orientation=turns, mask=mask).orientation is not None


def test_bad_phases_are_named():
    with pytest.raises(ValueError, match="non-empty"):
        Phase(" ")
    with pytest.raises(TypeError, match=r"`constants` of phase 'a' must be hashable"):
        Phase("a", constants={"c": np.eye(6)})
