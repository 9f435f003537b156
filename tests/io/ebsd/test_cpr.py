"""Oxford's binary files."""

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read
from tests.io.ebsd.samples import CRC_FIELDS, cpr, sample
from tests.io.ebsd.test_ang import check


def written(folder, s, names=("map.cpr", "map.crc"), cut=None, **changes):
    text, data = cpr(s, **changes)
    (folder / names[0]).write_text(text, newline="")
    (folder / names[1]).write_bytes(data[:cut])
    return folder / names[0], folder / names[1]


@pytest.mark.parametrize("names", [("map.cpr", "map.crc"), ("Map.CPR", "map.Crc")])
def test_either_file_finds_the_other(tmp_path, names):
    s = sample((7, 6), step=(0.5, 0.25))
    for path in written(tmp_path, s, names):
        ms = read(path)
        check(ms, s)
        np.testing.assert_allclose(ms.maps["mad"], s.grid(s.quality), rtol=1e-6)
        assert list(ms.maps) == ["mad", "bc", "bs", "bands", "error", "reliability"]


def test_decimal_commas_in_the_header(tmp_path):
    s = sample()
    check(read(written(tmp_path, s, comma=True)[0]), s)


def test_fields_in_another_order_and_x_ray_counts(tmp_path):
    s = sample()
    ms = read(written(tmp_path, s, fields=(CRC_FIELDS[7], *CRC_FIELDS[2::-1], CRC_FIELDS[3], (100, "<f4"), (101, "<f4")))[0])
    check(ms, s)
    assert list(ms.maps) == ["error", "mad", "edx0", "edx1"]


@pytest.mark.parametrize(
    "fields", [((9, "V3"), *CRC_FIELDS), (*CRC_FIELDS, (13, "V1"), (14, "V2")), (*CRC_FIELDS[:3], (20, "V5"), *CRC_FIELDS[3:])]
)
def test_fields_of_unknown_size_are_left_out_where_their_size_follows(tmp_path, fields):
    s = sample()
    with pytest.warns(DataWarning, match="is not known and was left out"):
        check(read(written(tmp_path, s, fields=fields)[0]), s)


REFUSED = {
    "cut": ({"cut": -25}, r"map.crc` holds 725 bytes, but map.cpr promises 6 × 5 = 30 points of 25 bytes"),
    "cut record": ({"cut": -3}, r"holds 747 bytes"),
    "counts": ({"cells": (1330, 426)}, r"promises 1330 × 426 = 566,580 points"),
    "no cells": ({"cells": (0, 5)}, r"promises 0 × 5 = 0 points"),
    "fewer cells": ({"cells": (3, 5)}, r"holds 25 bytes per point beyond the fields that are known"),
    "scattered": ({"mode": "Interactive"}, "is a job of mode 'Interactive', whose points are no grid"),
    "two unknown": ({"fields": ((9, "V3"), *CRC_FIELDS, (13, "V1"))}, r"the unknown fields 9, 13"),
    "no angles": ({"fields": CRC_FIELDS[1:]}, r"lists the fields .* and needs 3, 4 and 5"),
    "twice": ({}, "each one once"),
    "phase": ({"phases": 1}, "of phase 2, which its header does not describe"),
    "no phase": ({"phases": 0}, "has 0 phases"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_are_refused(tmp_path, case):
    changes, words = REFUSED[case]
    s = sample()
    text, data = cpr(s, **{name: value for name, value in changes.items() if name != "cut"})
    if case == "twice":
        text = text.replace("Field9=12", "Field9=11")
    (tmp_path / "map.cpr").write_text(text)
    (tmp_path / "map.crc").write_bytes(data[: changes.get("cut")])
    with pytest.raises(ReadError, match=words):
        read(tmp_path / "map.cpr")


def test_a_missing_partner_is_named(tmp_path):
    head, data = written(tmp_path, sample())
    data.unlink()
    with pytest.raises(ReadError, match=r"map.cpr` has no map.crc beside it. Copy both files"):
        read(head)


def test_headers_that_lack_something(tmp_path):
    head, _ = written(tmp_path, sample())
    text = head.read_text()
    for name, words in (
        ("GridDistX", r"lacks GridDistX in \[Job\]"),
        ("[Fields]", r"lacks Count in \[Fields\]"),
        ("LaueGroup", "lacks LaueGroup"),
    ):
        head.write_text(text.replace(name, "Other"))
        with pytest.raises(ReadError, match=words):
            read(head)


def test_angles_in_degrees_are_found_out(tmp_path):
    s = sample()
    s.euler = np.rad2deg(s.euler)
    head, _ = written(tmp_path, s)
    with pytest.raises(ReadError, match="Pass degrees=True if they are degrees"):
        read(head)
    s.euler = np.deg2rad(s.euler)
    check(read(head, degrees=True), s)


def test_numbers_that_are_none(tmp_path):
    s = sample()
    s.euler[0, 3] = np.nan
    with pytest.raises(ReadError, match="1 values of 'phi1' that are no measured numbers"):
        read(written(tmp_path, s)[0])


def test_sizes_are_checked_before_records_are_read(tmp_path):
    head, _ = written(tmp_path, sample())
    with pytest.raises(ReadError, match=r"holds 6 × 5 points of 10 numbers: .* `max_bytes` allows"):
        read(head, max_bytes=2000)


WITH_PLACES = ((1, "<f4"), (2, "<f4"), *CRC_FIELDS)


def placed(folder, s, x, y, order=None, **changes):
    """A file with positions, its records in another order."""
    text, data = cpr(s, fields=WITH_PLACES, **changes)
    records = np.frombuffer(data, np.dtype([("phase", "u1"), *((str(field), kind) for field, kind in WITH_PLACES)])).copy()
    records["1"], records["2"] = x, y
    (folder / "map.cpr").write_text(text)
    (folder / "map.crc").write_bytes(records[slice(None) if order is None else order].tobytes())
    return folder / "map.cpr"


def test_records_are_sorted_by_their_positions(tmp_path):
    s = sample()
    check(read(placed(tmp_path, s, s.x, s.y)), s)
    for order in (np.random.default_rng(0).permutation(30), np.arange(30).reshape(5, 6).T.ravel()):
        ms = read(placed(tmp_path, s, s.x, s.y, order))
        check(ms, s)
        assert any("sorted by position" in note for note in ms.notes)


def test_positions_are_believed_against_the_header(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match=r"promises 5 × 6, but the positions fill 6 × 5: they were believed"):
        check(read(placed(tmp_path, s, s.x, s.y, cells=(5, 6))), s)
    with pytest.warns(DataWarning, match=r"a step of 0.5 along x, but the positions are 2 apart"):
        assert read(placed(tmp_path, s, 4 * s.x, s.y)).grid.spacing[0] == 2


def test_positions_that_are_no_grid_are_refused_and_those_that_are_none_left_alone(tmp_path):
    s = sample()
    with pytest.raises(ReadError, match="holds two points at one position"):
        read(placed(tmp_path, s, np.random.default_rng(0).permutation(s.x), s.y))
    x = s.x.copy()
    x[4] = np.nan
    check(read(placed(tmp_path, s, x, s.y)), s)
    with pytest.raises(ReadError, match=r"holds positions X up to .* steps from those of its grid"):
        read(placed(tmp_path, s, x[::-1], s.y))


def test_files_without_positions_or_a_mode_say_so(tmp_path):
    s = sample()
    head, _ = written(tmp_path, s)
    assert any("has no positions: points were placed row by row" in note for note in read(head).notes)
    head.write_text(head.read_text().replace("JobMode=RegularGrid\n", ""))
    assert any("names no JobMode: it was taken as RegularGrid" in note for note in read(head).notes)


def test_angles_do_not_matter_where_nothing_was_indexed(tmp_path):
    s = sample(unindexed=0.3)
    s.euler[:, s.phase == 0] = np.nan
    check(read(written(tmp_path, s)[0]), s)
