"""From a scan to a microstructure."""

import dataclasses
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError
from jaxmicro.io.ebsd.build import scan_to_microstructure
from jaxmicro.io.ebsd.laue_names import edax_of_laue, laue_of_edax, laue_of_oxford, laue_of_space_group, oxford_of_laue
from jaxmicro.io.ebsd.scan import NOT_INDEXED, Scan
from jaxmicro.microstructures import Phase
from jaxmicro.orientations import from_euler
from jaxmicro.orientations.laue import LAUE_GROUPS

FILE = Path("map.ang")
PHASE = np.array([[0, 0, 1], [0, -1, 1], [1, 1, -1], [0, 0, 0]])
CI = np.linspace(0, 1, 12).reshape(4, 3)


def scan(**changes):
    euler = np.random.default_rng(0).uniform(0.1, 3, (3, 4, 3))
    s = Scan("edax", euler, PHASE, (Phase("A", "m-3m"), Phase("B", "6/mmm")), (0.5, 0.25), {"ci": CI, "mad": 1 - CI}, ("a remark",))
    return dataclasses.replace(s, **changes)


def test_every_part_of_a_scan_arrives():
    ms = scan_to_microstructure(FILE, scan())
    assert ms.grid.shape == (4, 3)
    np.testing.assert_allclose(ms.grid.spacing, (0.5, 0.25))
    np.testing.assert_array_equal(ms.mask, PHASE != NOT_INDEXED)
    np.testing.assert_array_equal(ms.labels, np.maximum(PHASE, 0))
    expected = np.where(PHASE >= 0, from_euler(scan().euler), np.reshape([1, 0, 0, 0], (4, 1, 1)))
    np.testing.assert_allclose(np.abs((ms.orientation * expected).sum(axis=0)), 1, atol=1e-12)
    assert [phase.laue for phase in ms.phases] == ["m-3m", "6/mmm"]
    assert ms.maps["ci"].dtype == np.float32
    np.testing.assert_allclose(ms.maps["ci"], CI, rtol=1e-6)
    assert ms.provenance == "read from map.ang"
    assert ms.notes[0].startswith("frame: raw")
    assert {"a remark", "not indexed: 2 of 12 points (16.67 %)"} <= set(ms.notes)


def test_single_precision_comes_without_a_warning():
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.simplefilter("error")
        ms = scan_to_microstructure(FILE, scan(), unindexed="nearest", min_ci=0.1)
    assert ms.orientation.dtype == np.float32


@pytest.mark.parametrize(
    ("filters", "good"), [({"min_ci": 0.5}, CI >= 0.5), ({"max_mad": 0.3}, CI >= 0.7), ({"min_ci": 0.2, "max_mad": 0.5}, CI >= 0.5)]
)
def test_filters_mask_points_and_leave_what_was_measured(filters, good):
    ms, whole = scan_to_microstructure(FILE, scan(), **filters), scan_to_microstructure(FILE, scan())
    np.testing.assert_array_equal(ms.mask, good & (PHASE >= 0))
    np.testing.assert_array_equal(ms.labels, whole.labels)
    np.testing.assert_array_equal(ms.orientation, whole.orientation)
    assert any(line.startswith("masked out by") for line in ms.notes)


def test_one_phase_is_kept():
    ms = scan_to_microstructure(FILE, scan(), phase="B")
    assert [phase.name for phase in ms.phases] == ["B"]
    np.testing.assert_array_equal(ms.mask, PHASE == 1)
    assert scan_to_microstructure(FILE, scan(), phase=("B", "A")).phases == scan().phases


def test_points_that_are_not_good_take_the_nearest_good_one():
    ms = scan_to_microstructure(FILE, scan(), unindexed="nearest")
    np.testing.assert_array_equal(ms.mask, PHASE >= 0)
    # (1, 1) lies 0.25 from its neighbours along y and 0.5 along x; (2, 2) has one at 0.25
    assert int(ms.labels[2, 2]) == 1
    np.testing.assert_allclose(ms.orientation[:, 2, 2], ms.orientation[:, 2, 1])
    assert any(np.allclose(ms.orientation[:, 1, 1], ms.orientation[:, 1, j]) for j in (0, 2))


def test_a_volume_of_one_layer_is_a_map():
    s = scan()
    deep = dataclasses.replace(s, euler=s.euler[..., None], phase=PHASE[..., None], spacing=(0.5, 0.25, 1), maps={"ci": CI[..., None]})
    np.testing.assert_array_equal(scan_to_microstructure(FILE, deep).labels, scan_to_microstructure(FILE, s).labels)


def test_oddities_warn_and_are_notes():
    with pytest.warns(DataWarning, match=r"`map.ang`: something odd"):
        ms = scan_to_microstructure(FILE, scan(oddities=("something odd",)))
    assert "something odd" in ms.notes


LOST = np.where(np.arange(12).reshape(1, 4, 3) == 0, np.nan, 0.5) * np.ones((3, 1, 1))


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"phase": np.full((4, 3), -1)}, {"unindexed": "nearest"}, "holds 12 points, none of which is indexed"),
        ({}, {"min_ci": 2}, "holds 10 indexed points, none of which passes the filters. Choose other filters"),
        ({"phase": np.minimum(PHASE, 0)}, {"phase": "B"}, "no indexed point of the phases asked for"),
        ({}, {"phase": "C"}, "has no phase 'C'. It has 'A', 'B'"),
        ({"maps": {"iq": CI}}, {"min_ci": 0.1}, "has no map 'ci', which min_ci=0.1 needs. It has iq"),
        ({"phase": PHASE + 1}, {}, r"has phases 1 … 2, and describes 2|has phases 0 … 2, and describes 2"),
        ({"spacing": (0.0, 1.0)}, {}, "has points 0 × 1 µm apart"),
        ({"spacing": (1e-300, 1.0)}, {}, "µm apart"),
        ({"euler": LOST}, {}, "holds 1 indexed points whose Euler angles are not finite"),
        ({"euler": np.ones((3, 4, 1)), "phase": np.zeros((4, 1), int), "maps": {}}, {}, "holds 4 × 1 points"),
    ],
)
def test_what_no_reader_may_let_through(changes, options, words):
    with pytest.raises(ReadError, match=words):
        scan_to_microstructure(FILE, scan(**changes), **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"unindexed": "drop"}, "`unindexed` must be one of 'keep', 'nearest'"),
        ({"min_ci": "high"}, "`min_ci` must be a number, but it is 'high'"),
        ({"phase": ()}, "`phase` must be the name of a phase"),
    ],
)
def test_options_that_make_no_sense(as_user, options, words):
    with pytest.raises(ValueError, match=words):
        scan_to_microstructure(FILE, scan(), **options)


def test_numbers_of_laue_groups_come_back():
    assert [laue_of_edax(edax_of_laue(laue)) for laue in LAUE_GROUPS] == list(LAUE_GROUPS)
    assert sorted(oxford_of_laue(laue) for laue in LAUE_GROUPS) == list(range(1, 12))
    assert [laue_of_oxford(oxford_of_laue(laue)) for laue in LAUE_GROUPS] == list(LAUE_GROUPS)
    assert edax_of_laue(None) is oxford_of_laue(None) is laue_of_edax(99) is laue_of_oxford(12) is None


@pytest.mark.parametrize(
    ("number", "laue"),
    [(1, "-1"), (14, "2/m"), (62, "mmm"), (88, "4/m"), (141, "4/mmm"), (148, "-3"), (152, "-3m"), (173, "6/m"), (194, "6/mmm"), (205, "m-3"), (227, "m-3m"), (0, None), (231, None)],
)  # fmt: skip
def test_space_groups(number, laue):
    """Rutile 136, quartz 152, zinc 194, pyrite 205, diamond 227 and others of known class."""
    assert laue_of_space_group(number) == laue
