import dataclasses
import enum
import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro._core import record, static
from jaxmicro.fields import Grid
from jaxmicro.homogenization import effective_conductivity, homogenize
from jaxmicro.io import DataWarning, ReadError, read, register_record, write
from jaxmicro.materials import constants
from jaxmicro.microstructures import Phase, SeamReport, polycrystal, random_field

KEY = jax.random.key(0)


class Colour(enum.Enum):
    RED = "red"


@register_record
@record
class Inner:
    value: object
    note: str = static(default="")


@register_record
@record
class Everything:
    array: object
    single: object
    host: object
    number: float
    missing: object
    nested: Inner
    many: tuple
    table: dict
    listed: list
    name: str = static(default="x")
    sizes: tuple = static(default=(1, 2))
    flag: bool = static(default=True)


def everything():
    return Everything(
        array=jnp.arange(6.0).reshape(2, 3),
        single=jnp.ones(2, jnp.float32),
        host=np.arange(3, dtype=np.int16),
        number=float("nan"),
        missing=None,
        nested=Inner(jnp.array(True), note="ä"),
        many=(Inner(1.5), jnp.array(2)),
        table={"a b/..": jnp.zeros(1), "c": "three"},
        listed=[1, float("-inf"), np.float64(2.5)],
        name="ÿ",
        sizes=((1, "a"), None),
        flag=False,
    )


def leaves(value):
    return jax.tree.flatten(value, is_leaf=lambda leaf: leaf is None)


def test_every_kind_of_field_comes_back(tmp_path):
    value = everything()
    write(tmp_path / "r.npz", value)
    back = read(tmp_path / "r.npz")
    assert jax.tree.structure(back) == jax.tree.structure(value)
    for old, new in zip(leaves(value)[0], leaves(back)[0], strict=True):
        np.testing.assert_array_equal(new, old)
        if hasattr(old, "dtype"):
            assert new.dtype == old.dtype
    assert isinstance(back.host, np.ndarray)
    assert isinstance(back.array, jax.Array)
    assert (back.name, back.sizes, back.flag, back.nested.note, back.table["c"]) == ("ÿ", ((1, "a"), None), False, "ä", "three")


def test_numpy_alone_shows_the_arrays(tmp_path):
    write(tmp_path / "r.npz", everything())
    with np.load(tmp_path / "r.npz") as archive:
        np.testing.assert_array_equal(archive["array"], np.arange(6.0).reshape(2, 3))
        assert "nested.value" in archive.files


def test_microstructures_come_back_whole(tmp_path):
    ms = polycrystal(Grid((8, 6), (2.0, 5.0)), grains=4, key=KEY, phase=Phase("Ti", laue="6/mmm", constants=constants("Ti")))
    ms = ms.replace(mask=np.arange(48).reshape(8, 6) > 3, notes=("one", "zwei"))
    write(tmp_path / "cell.npz", ms)
    back = read(tmp_path / "cell.npz")
    assert back == ms
    assert (back.notes, back.provenance, back.phases) == (ms.notes, ms.provenance, ms.phases)
    assert back.maps["grain"].dtype == ms.maps["grain"].dtype
    soft = random_field(Grid((4, 4, 4)), key=KEY).replace(fractions=jnp.full((2, 4, 4, 4), 0.5))
    write(tmp_path / "soft.npz", soft)
    assert read(tmp_path / "soft.npz") == soft
    assert not read(tmp_path / "soft.npz").is_sharp


def comes_back(path, result):
    write(path, result)
    back = read(path)
    assert type(back) is type(result)
    assert str(back) == str(result)
    assert jax.tree.structure(back) == jax.tree.structure(result)
    for old, new in zip(jax.tree.leaves(result), jax.tree.leaves(back), strict=True):
        np.testing.assert_array_equal(new, old)


def test_results_of_solves_come_back(tmp_path):
    ms = random_field(Grid((8, 8)), key=KEY)
    for name, result in {
        "conductivity": effective_conductivity(1.0 + 9.0 * ms.labels, ms.grid),
        "homogenized": homogenize(ms, materials=[{"conductivity": 1.0}, {"conductivity": 10.0}]),
        "seam": SeamReport(seam=jnp.ones(2), inside=jnp.zeros(2)),
    }.items():
        comes_back(tmp_path / f"{name}.npz", result)


@pytest.mark.slow
def test_a_stiffness_with_its_bounds_and_estimates_comes_back(tmp_path):
    comes_back(tmp_path / "homogenized.npz", homogenize(random_field(Grid((8, 8)), key=KEY), materials=["IN625", "Cu"]))


@dataclasses.dataclass(frozen=True)
class Stranger:
    value: object


@register_record
@record
class Holder:
    value: object


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Stranger(1), r"is a Stranger, which could not be read again. Register its class"),
        (Holder(Stranger(1)), r"`value` is a Stranger"),
        (Holder(np.sum), r"`value` is a .*, which cannot be written"),
        (Holder(KEY), "is a random key, which is not written"),
        (Holder(np.array(["a"])), "numbers of type <U1, which cannot be written"),
        (Holder(jnp.ones(2, jnp.bfloat16)), "numbers of type bfloat16"),
        (Holder({1, 2}), r"`value` is a set"),
        (Holder(Colour.RED), "is a Colour, which could not be read again"),
        (np.ones(3), "Only records and microstructures can be written to .npz, but the value is a ndarray"),
    ],
)
def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path, value, message):
    with pytest.raises(TypeError, match=message):
        write(tmp_path / "r.npz", value)
    assert list(tmp_path.iterdir()) == []


def test_traced_values_are_not_written(tmp_path):
    with pytest.raises(TypeError, match="is traced, so it has no value"):
        jax.jit(lambda x: write(tmp_path / "r.npz", Holder(x)) or x)(1.0)


def tampered(folder, change):
    """A saved grid whose description was changed by a stranger."""
    write(folder / "good.npz", Holder(Grid((2, 2))))
    with zipfile.ZipFile(folder / "good.npz") as old, zipfile.ZipFile(folder / "bad.npz", "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "record.json":
                document = json.loads(data)
                change(document)
                data = json.dumps(document)
            new.writestr(name, data)
    return folder / "bad.npz"


def as_class(path, fields):
    def change(document):
        document["tree"] = {"record": path, "fields": fields}

    return change


ONE = {"value": {"value": "true"}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            as_class("os:system", {"command": {"value": "true"}}),
            "names the class os:system, which is neither registered nor part of this library",
        ),
        (as_class("subprocess:Popen", {"args": {"value": "true"}}), "which is neither registered"),
        (as_class("jaxmicro.io.npy:np.lib.npyio.NpzFile", ONE), "which is no class of this library"),
        (as_class("jaxmicro.io.npy:Path", ONE), "which is no class of this library"),
        (as_class("jaxmicro.io.npy:Archive", ONE), "which is no record"),
        (as_class("jaxmicro.io.atomic:write_atomically", ONE), "which is no class of this library"),
        (as_class("jaxmicro.nowhere:Nothing", ONE), "cannot be rebuilt"),
        (as_class("jaxmicro..io:x", ONE), "which is neither registered"),
        (as_class("jaxmicro.fields.grid:Grid", {"shape": {"value": 3}}), "cannot be rebuilt"),
        (as_class("jaxmicro.fields.grid:Grid", {"colour": {"value": 3}}), "cannot be rebuilt"),
        (lambda d: d["tree"]["fields"].update(more={"value": 1}), r"cannot be rebuilt \(Holder has no field \['more'\]\)"),
        (lambda d: d["tree"]["fields"].update(value={"array": "../x", "of": "jax"}), r"holds '../x.npy', which cannot be opened"),
        (lambda d: d["tree"]["fields"].update(value={"run": "x"}), "cannot be rebuilt"),
        (lambda d: d["tree"]["fields"].update(value={}), "cannot be rebuilt"),
        (lambda d: d.update(version=99), "is in version 99 of the format, and this library reads version 1. Update jaxmicro"),
        (lambda d: d.update(format="other"), "that this library did not write"),
        (lambda d: d.pop("tree"), "cannot be rebuilt"),
    ],
)
def test_strangers_cannot_run_anything(as_user, tmp_path, change, message):
    with pytest.raises(ReadError, match=message):
        read(tampered(tmp_path, change))


def test_budget_counts_all_arrays_together(tmp_path):
    write(tmp_path / "r.npz", Holder((jnp.zeros(1000), jnp.zeros(1000))))
    read(tmp_path / "r.npz", max_bytes=20_000)
    with pytest.raises(ReadError, match="once decoded"):
        read(tmp_path / "r.npz", max_bytes=12_000)


def test_deep_nesting_is_refused(tmp_path):
    deep = '{"tuple": [' * 100_000 + "1" + "]}" * 100_000
    with zipfile.ZipFile(tmp_path / "deep.npz", "w") as archive:
        archive.writestr("record.json", '{"format": "jaxmicro record", "version": 1, "tree": ' + deep + "}")
    with pytest.raises(ReadError, match="holds a damaged description"):
        read(tmp_path / "deep.npz")


def test_keys_of_a_table_keep_their_type(tmp_path):
    write(tmp_path / "r.npz", Holder({0: 1.5, 3: (None, "x")}))
    assert read(tmp_path / "r.npz").value == {0: 1.5, 3: (None, "x")}


def test_doubles_read_without_x64_say_so(tmp_path):
    write(tmp_path / "r.npz", Holder(jnp.ones(3)))
    with jax.enable_x64(False), pytest.warns(DataWarning, match="saved with float64 numbers and read with float32"):
        assert read(tmp_path / "r.npz").value.dtype == jnp.float32


def test_only_frozen_dataclasses_are_registered():
    with pytest.raises(TypeError, match="Only frozen dataclasses can be registered"):
        register_record(dict)
