import itertools

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, otsu_thresholds, read
from jaxmicro.microstructures import Phase

RNG = np.random.default_rng(4)
THREE = RNG.permutation(np.repeat([0, 1, 5], [40, 50, 10])).reshape(10, 10)
GREY = np.clip(RNG.normal(np.where(THREE == 0, 60, 180), 12), 0, 255).astype(np.uint8)


@pytest.fixture
def three(tmp_path):
    np.save(tmp_path / "map.npy", THREE)
    return tmp_path / "map.npy"


@pytest.fixture
def grey(tmp_path):
    np.save(tmp_path / "grey.npy", GREY)
    return tmp_path / "grey.npy"


def names(ms):
    return [phase.name for phase in ms.phases]


def test_few_values_are_labels_in_ascending_order(three):
    ms = read(three)
    assert names(ms) == ["value 0", "value 1", "value 5"]
    np.testing.assert_allclose(ms.volume_fractions, [0.4, 0.5, 0.1])
    assert "values taken as labels: 0: 40.0 %, 1: 50.0 %, 5: 10.0 %" in ms.notes


def test_names_in_ascending_order_and_a_number_of_phases(three):
    ms = read(three, phases=("pore", Phase("solid", laue="m-3m"), "binder"))
    assert names(ms) == ["pore", "solid", "binder"]
    assert ms.phases[1].laue == "m-3m"
    assert read(three, phases=3) == read(three)


def test_a_mapping_names_and_merges_values(three):
    ms = read(three, phases={5: "other", 0: "pore", 1: "other"})
    assert names(ms) == ["other", "pore"]
    np.testing.assert_array_equal(ms.labels, THREE == 0)
    np.testing.assert_array_equal(read(three, phases={"0": "pore", "rest": "solid"}).labels, THREE > 0)
    with pytest.warns(DataWarning, match="no voxel has the value 7 of phase 'x'"):
        assert names(read(three, phases={0: "pore", None: "solid", 7: "x"})) == ["pore", "solid", "x"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_mapping_names_values_in_the_precision_of_the_file(as_user, tmp_path, dtype):
    np.save(tmp_path / "map.npy", np.where(THREE > 0, 0.1, 2.3).astype(dtype))
    ms = read(tmp_path / "map.npy", phases={0.1: "solid", 2.3: "pore"})
    np.testing.assert_array_equal(ms.labels, THREE == 0)
    assert "phases by grey value: 0.1 = solid, 2.3 = pore" in ms.notes or dtype == np.float16
    if dtype != np.float64:
        with pytest.raises(ValueError, match=rf"two of \[0.1, 0.1000000001, None\] are the same number in {np.dtype(dtype)}"):
            read(tmp_path / "map.npy", phases={0.1: "solid", 0.1000000001: "pore", None: "rest"})


def test_thresholds_cut_grey_values(three, grey):
    np.testing.assert_array_equal(read(grey, threshold=120).labels, GREY >= 120)
    np.testing.assert_array_equal(read(three, threshold=(1, 5)).labels, np.digitize(THREE, [1, 5]))
    assert names(read(grey, threshold=100, phases=("dark", "bright"))) == ["dark", "bright"]
    assert "grey values cut at 120 (as asked): a phase holds its threshold and what is above" in read(grey, threshold=120).notes


def test_otsu_finds_the_gap(grey):
    for ms in (read(grey, threshold="otsu"), read(grey, phases=2), read(grey, phases=("a", "b"))):
        np.testing.assert_array_equal(ms.labels, THREE > 0)
        assert any("by Otsu's method" in note for note in ms.notes)


@pytest.mark.parametrize("classes", [2, 3, 4])
@pytest.mark.parametrize("scale", [1, 0.01])
def test_otsu_against_all_cuts(classes, scale):
    values = np.repeat(RNG.choice(20, 9, replace=False), RNG.integers(1, 9, 9)) * scale
    levels = np.unique(values)

    def between(cuts):
        groups = np.digitize(values, cuts)
        return sum(np.sum(groups == k) * (values[groups == k].mean() - values.mean()) ** 2 for k in np.unique(groups))

    found = otsu_thresholds(values if scale != 1 else values.astype(int), classes)
    best = max(between(cuts) for cuts in itertools.combinations(levels[1:], classes - 1))
    assert len(found) == classes - 1
    np.testing.assert_allclose(between(found), best, rtol=1e-12 if scale == 1 else 1e-2)  # 256 bins of a float are no exact cuts


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phases": 2}, r"holds 3 distinct values \(0: 40.0 %, 1: 50.0 %, 5: 10.0 %\), but 2 phases were asked for. Merge or name them"),
        ({"phases": ("a", "b", "c", "d")}, r"but 4 phases were asked for"),
        ({"phases": 1}, r"was asked for phases=1. A segmented picture has at least two phases"),
        ({"phases": {0: "a", 1: "b"}}, r"holds grey values that `phases` does not name: 5: 10.0 %"),
        ({"phases": {0: "a", None: "a"}}, r"holds only phase 'a' under this mapping"),
        ({"threshold": 9}, r"holds values from 0 to 5, so that the thresholds 9 leave class 1 empty. Choose thresholds inside"),
        ({"threshold": (1, 2), "phases": 2}, r"was given 2 phases and 2 thresholds, which make 3"),
        ({"threshold": 1, "phases": {0: "a"}}, r"both a mapping `phases` and a `threshold`"),
        ({"threshold": "otsu", "phases": 4}, r"cannot be cut into 4 phases .* they take 3"),
        ({"crop": ((0, 2), (0, 2)), "phases": {5: "a", None: "b"}}, r"holds only phase 'b' in the crop"),
    ],
)
def test_what_does_not_fit_is_named(three, options, message):
    if "crop" in options:
        table = THREE.copy()
        table[:2, :2] = 0
        np.save(three, table)
    with pytest.raises(ReadError, match=message):
        read(three, **options)


def test_grey_values_need_to_be_cut(grey):
    with pytest.raises(
        ReadError,
        match=r"grey\.npy` holds \d+ distinct grey values \(\d+ … \d+\) where labels were expected. Cut them with threshold='otsu'",
    ):
        read(grey)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"threshold": (5, 1)}, ValueError, r"`threshold` must be ascending, but it is \[5.0, 1.0\]"),
        (
            {"threshold": "ostu"},
            ValueError,
            r"`threshold` must be one or more numbers or 'otsu' or .*, but it is 'ostu'. Did you mean 'otsu'",
        ),
        (
            {"threshold": []},
            ValueError,
            r"`threshold` must be one or more numbers or 'otsu' or another method's name, but it is \[\]. Write threshold=128",
        ),
        ({"threshold": [[1, 2]]}, ValueError, r"`threshold` must be one or more numbers"),
        (
            {"threshold": float("nan")},
            ValueError,
            r"`threshold` must be one or more numbers or 'otsu' or another method's name, but it is nan",
        ),
        ({"threshold": (1, "x")}, ValueError, r"`threshold` must be one or more numbers"),
        ({"crop": ((0, 10.5), (0, 10))}, ValueError, r"in whole voxels, but it is \(\(0, 10.5\), \(0, 10\)\)"),
        ({"phases": {b"0": "pore", None: "solid"}}, ValueError, "has the key b'0'"),
        ({"phases": "pore"}, TypeError, "`phases` must be a number, names, or a mapping"),
        ({"phases": {"zero": "pore"}}, ValueError, "has the key 'zero'"),
    ],
)
def test_misspelt_options_are_named(as_user, three, options, error, message):
    with pytest.raises(error, match=message):
        read(three, **options)
