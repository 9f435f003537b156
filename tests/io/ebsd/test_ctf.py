"""Channel text files, and what is refused."""

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read
from tests.io.ebsd.samples import ctf, hexagonal, sample
from tests.io.ebsd.test_ang import check, written


def file(tmp_path, s, **changes):
    return written(tmp_path, ctf(s, **changes), "map.ctf")


def test_a_map_in_degrees(tmp_path):
    s = sample((7, 6), step=(0.5, 0.25))
    ms = read(file(tmp_path, s))
    check(ms, s)
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("phase1", "m-3m"), ("phase2", "6/mmm")]
    assert list(ms.maps) == ["bands", "error", "mad", "bc", "bs"]
    assert "Oxford's positions and Euler angles do not share one frame" in ms.notes[0]


def test_decimal_commas(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match="decimal commas were read as decimal points"):
        check(read(file(tmp_path, s, comma=True)), s)


def test_rows_out_of_order_are_sorted(tmp_path):
    s = sample()
    check(read(file(tmp_path, s, order=np.random.default_rng(0).permutation(30))), s)


def test_windows_line_ends_and_marks_of_byte_order(tmp_path):
    s = sample()
    text = ctf(s).replace("\n", "\r\n")
    check(read(written(tmp_path, text, "map.ctf", "utf-8-sig")), s)
    check(read(written(tmp_path, text, "map.ctf", "utf-16")), s)


def test_maximum_deviation(tmp_path):
    s = sample()
    mask = np.asarray(read(file(tmp_path, s), max_mad=0.5).mask)
    np.testing.assert_array_equal(mask, s.grid((s.quality <= 0.5) & (s.phase > 0)))


def test_volumes_with_and_without_a_column_of_z(tmp_path):
    s = sample((6, 15))
    s.y, depth = s.y % 2.5, np.arange(90) // 30 * 2.0
    heads = {"extra_head": ("ZCells\t3", "ZStep\t2"), "cells": (6, 5)}
    for z in (None, depth):
        ms = read(file(tmp_path, s, depth=z, **heads))
        assert ms.grid.shape == (6, 5, 3)
        np.testing.assert_allclose(ms.grid.spacing, (0.5, 0.5, 2))
        np.testing.assert_allclose(ms.maps["mad"][:, :, 1], np.where(s.phase > 0, s.quality, 0)[30:60].reshape(5, 6).T, rtol=1e-4)


def test_points_with_a_phase_and_nothing_else_are_not_indexed(tmp_path):
    s = sample()
    lines = ctf(s).split("\n")
    lines[-2] = "\t".join(["1", *lines[-2].split("\t")[1:3], *["0"] * 6, "85", "0"])
    with pytest.warns(DataWarning, match="1 points have a phase, but no bands, deviation and angles"):
        assert not read(written(tmp_path, "\n".join(lines), "map.ctf")).mask[-1, -1]


def test_interactive_jobs_are_read_where_they_are_a_grid(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match="mode 'interactive', but its positions are a grid of 6 × 5"):
        check(read(file(tmp_path, s, mode="Interactive", drop=("XCells", "YCells"))), s)
    s.x = np.random.default_rng(0).uniform(0, 9, 30)
    with pytest.raises(ReadError, match=r"map.ctf` holds no grid: x takes 30 values"):
        read(file(tmp_path, s, mode="Interactive", drop=("XCells", "YCells")))


def test_hexagonal_positions(tmp_path):
    s = hexagonal(6, 5, ragged=False)
    with pytest.raises(ReadError, match=r"hexagonal grid of 30 points, 0.5 apart in rows 0.433013 apart"):
        read(file(tmp_path, s))
    assert read(file(tmp_path, s), resample="nearest").grid.shape == (6, 4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cells": (5, 6)}, "promises 5 × 6, but the positions fill 6 × 5"),
        ({"steps": (0.4, 0.5)}, "gives a step of 0.4 along x, but the positions are 0.5 apart"),
        ({"laue": (11, 12)}, "has no Laue group 12: 6/mmm of its space group 194 was taken"),
        ({"groups": (194, 0)}, "Laue group m-3m, but space group 194 belongs to 6/mmm"),
        ({"laue": (11, 0), "groups": (0, 0)}, "none of the 11 Laue groups"),
    ],
)
def test_headers_against_the_data(tmp_path, changes, words):
    s = sample()
    with pytest.warns(DataWarning, match=words):
        check(read(file(tmp_path, s, **changes)), s)


WHOLE = ctf(sample())
REFUSED = {
    "cut": (WHOLE[: WHOLE.rfind("\n", 0, -200)] + "\n", r"points, but the header promises 6 × 5 = 30"),
    "corrupt count": (ctf(sample(), cells=(1330, 426)), r"holds 30 points, but the header promises 1330 × 426 = 566,580"),
    "no cells": (ctf(sample(), cells=(0, 0)), "holds 30 points, but the header promises 0 × 0 = 0"),
    "missing cells": (ctf(sample(), drop=("XCells", "YCells")), "lacks XCells and YCells in its header"),
    "another file": ("# Phase 1\n" + WHOLE, "does not begin with 'Channel Text File'"),
    "no phases": (WHOLE.replace("Phases\t2", "Fases\t2"), "has no list of phases|describes phase"),
    "phases": (WHOLE.replace("Phases\t2", "Phases\t3"), "describes phase 3 of 3"),
    "fewer phases": (WHOLE.replace("Phases\t2", "Phases\t1"), "names the columns"),
    "many phases": (WHOLE.replace("Phases\t2", "Phases\t200000"), "has 200000 phases"),
    "column": (WHOLE.replace("Euler2", "Euler1"), "euler2 is needed once"),
    "columns": (WHOLE.replace("\tBS\n", "\n"), "names 10 columns and holds 11"),
    "unknown phase": (ctf(sample(), phases=1), "of phase 2, which its header does not describe"),
    "no data": (WHOLE[: WHOLE.index("\tBS\n") + 4], "holds a header and no data"),
    "infinite": (WHOLE.replace("85.00000", "inf", 1), "values of 'bc' that are no measured numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_are_refused(tmp_path, case):
    text, words = REFUSED[case]
    with pytest.raises(ReadError, match=rf"map\.ctf` .*({words})"):
        read(written(tmp_path, text, "map.ctf"))


def test_radians_are_found_out_and_can_be_said(tmp_path):
    s = sample()
    s.euler = np.deg2rad(s.euler)  # written as radians
    path = file(tmp_path, s)
    with pytest.raises(ReadError, match=r"should hold Euler angles in degrees, .* Pass degrees=False if they are radians"):
        read(path)
    ms = read(path, degrees=False)
    s.euler = np.rad2deg(s.euler)
    check(ms, s, atol=1e-4)
    read(path, degrees=True)


def test_all_crystals_along_the_axes_are_no_radians(tmp_path):
    s = sample()
    s.euler[:] = 0
    check(read(file(tmp_path, s)), s)


def test_angles_out_of_range(tmp_path):
    s = sample()
    s.euler[1] += 2 * np.pi
    with pytest.raises(ReadError, match=r"angles Phi out of range for degrees"):
        read(file(tmp_path, s))


def test_headers_without_steps_or_cells_say_so(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match="the header gives no step along x: that of the positions was taken"):
        check(read(file(tmp_path, s, drop=("XStep",))), s)
    with pytest.raises(ReadError, match="lacks XCells in its header"):
        read(file(tmp_path, s, drop=("XCells",)))


def test_numbers_do_not_matter_where_nothing_was_indexed(tmp_path):
    s = sample(unindexed=0.3)
    k = int(np.flatnonzero(s.phase == 0)[0])
    lines = ctf(s).split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith("Phase\tX")) + 1
    parts = lines[first + k].split("\t")
    lines[first + k] = "\t".join([*parts[:5], "nan", *parts[6:8], "nan", *parts[9:]])
    check(read(written(tmp_path, "\n".join(lines), "map.ctf")), s)


def test_a_measured_map_is_told_which_option_keeps_a_phase(tmp_path):
    with pytest.raises(ReadError, match="Pass phase= to keep only some of its phases"):
        read(file(tmp_path, sample()), phases="Ni")
