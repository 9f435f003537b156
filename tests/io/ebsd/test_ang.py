"""The dialects of .ang files, and what is refused."""

import contextlib
import gzip

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read, write
from jaxmicro.microstructures import Microstructure, Phase
from jaxmicro.orientations import from_euler
from tests.io.ebsd.samples import acom, ang, emsoft, hexagonal, sample


def written(tmp_path, text, name="map.ang", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


def check(ms, s, atol=2e-5):
    """Phases, orientations (5 decimals in the file), mask and lengths are those of the sample."""
    assert ms.grid.shape == s.shape
    good = s.grid(s.phase) > 0
    np.testing.assert_array_equal(ms.mask, good)
    np.testing.assert_array_equal(np.asarray(ms.labels)[good], s.grid(s.phase)[good] - 1)
    alike = np.abs((np.asarray(ms.orientation) * np.asarray(from_euler(s.grid(s.euler)))).sum(axis=0))[good]
    np.testing.assert_allclose(alike, 1, atol=atol)
    np.testing.assert_allclose(ms.grid.spacing, s.step, rtol=1e-4)


@pytest.mark.parametrize("mark", ["ci", "angle", "fit", "phase"])
def test_four_marks_of_points_that_were_not_indexed(tmp_path, mark):
    s = sample((7, 6), step=(0.5, 0.25))
    ms = read(written(tmp_path, ang(s, mark=mark)))
    check(ms, s)
    assert [(phase.name, phase.laue) for phase in ms.phases] == [("phase1", "m-3m"), ("phase2", "6/mmm")]
    assert list(ms.maps) == ["iq", "ci", "sem", "fit"]
    np.testing.assert_allclose(ms.maps["iq"], s.grid(100 * s.quality), rtol=1e-5)


def test_one_phase_is_numbered_zero(tmp_path):
    s = sample(phases=1)
    check(read(written(tmp_path, ang(s))), s)


def test_rows_out_of_order_are_sorted(tmp_path):
    s = sample((7, 6))
    path = written(tmp_path, ang(s, order=np.random.default_rng(0).permutation(42)))
    check(read(path), s)
    assert "rows of the file were out of order and were sorted by position" in read(path).notes


def test_newer_headers_name_their_columns(tmp_path):
    s = sample()
    text = ang(s, columns=12, names=True, head=("# HEADER: Start", "# NOTES: Start", "# Phase index: 0 for single phase", "# NOTES: End"))
    ms = read(written(tmp_path, text))
    check(ms, s)
    assert set(ms.maps) == {"iq", "ci", "sem", "fit", "prias_bottom_strip", "custom_value"}
    assert set(read(written(tmp_path, ang(s, columns=12))).maps) == {"iq", "ci", "sem", "fit", "column11", "column12"}


def test_emsoft(tmp_path):
    s = sample((7, 4))
    ms = read(written(tmp_path, emsoft(s)))
    check(ms, s)
    assert list(ms.maps) == ["iq", "dp"]
    assert "EMsoft writes EDAX's frames" in ms.notes[0]


def test_latin_letters(tmp_path):
    s = sample()
    check(read(written(tmp_path, emsoft(s))), s)
    with pytest.warns(DataWarning, match="not UTF-8: it was read as Latin-1"):
        check(read(written(tmp_path, emsoft(s), encoding="latin-1")), s)


def test_maps_of_the_transmission_microscope_are_in_nm(tmp_path):
    s = sample(phases=1, unindexed=0, step=(20.0, 20.0))
    with pytest.warns(DataWarning) as caught:
        ms = read(written(tmp_path, acom(s)))
    said = " ".join(str(each.message) for each in caught)
    assert "promises no number of points: the positions fill 6 × 5" in said
    assert "lengths of the file in nm, converted to µm" in said
    np.testing.assert_allclose(ms.grid.spacing, (0.02, 0.02))
    assert ms.phases[0].name == "Nickel"
    assert "lengths of the file in nm, converted to µm" in ms.notes


def test_a_confidence_index_of_minus_one_everywhere_says_nothing(tmp_path):
    s = sample(phases=1, unindexed=0)
    s.quality[:] = -1
    with pytest.warns(DataWarning, match="-1 everywhere"):
        check(read(written(tmp_path, ang(s))), s)


def test_hexagonal_grids(tmp_path):
    s = hexagonal()
    path = written(tmp_path, ang(s, kind="HexGrid", counts=(6, 5, 5)))
    with pytest.raises(ReadError, match=r"hexagonal grid of 28 points.* Pass resample='nearest'"):
        read(path)
    ms = read(path, resample="nearest")
    assert ms.grid.shape == (6, 4)
    np.testing.assert_allclose(ms.orientation[:, 0, 0], read(path, resample="nearest").orientation[:, 0, 0])
    assert any("resampled by nearest neighbour" in line for line in ms.notes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "HexGrid"}, "the header says hexagonal grid, but the positions are the other kind"),
        ({"kind": "RadialGrid"}, "does not say which grid it is"),
        ({"counts": (5, 5, 6)}, "promises 5 × 6, but the positions fill 6 × 5"),
        ({"counts": (6, 5, 5), "kind": "SqrGrid"}, "says square grid, but rows of 6 and of 5 points"),
        ({"steps": (0.5, 0.7)}, "gives a step of 0.7 along y, but the positions are 0.5 apart"),
        ({"symmetry": (43, 17)}, "symmetry '17', which is none of the 11 Laue groups"),
        ({"symmetry": (43, 2)}, "twofold axis was taken along y"),
    ],
)
def test_headers_against_the_data(tmp_path, changes, words):
    s = sample()
    path = written(tmp_path, ang(s, **changes))
    with pytest.warns(DataWarning, match=words):
        check(read(path), s)


def line_of(text, number, change):
    lines = text.split("\n")
    lines[number] = change(lines[number])
    return "\n".join(lines)


WHOLE = ang(sample())
REFUSED = {
    "cut": ("\n".join(WHOLE.split("\n")[:-6]), r"holds 25 points, but the header promises 6 × 5 = 30"),
    "thousands": (ang(sample(), counts=(1330, 1330, 426)), r"holds 30 points, but the header promises 1330 × 426 = 566,580"),
    "huge": (ang(sample(), counts=(10**9, 10**9, 10**9)), r"holds 30 points, but the header promises"),
    "hexagonal count": (ang(sample(), kind="HexGrid", counts=(6, 5, 5)), r"promises 6/5 × 5 = 28"),
    "cut row": (WHOLE[:-40], "holds 29 points and ends inside row 30 of its data, but the header promises 6 × 5 = 30"),
    "no header": ("\n".join(line for line in WHOLE.split("\n") if not line.startswith("#")), "has no header"),
    "no counts": (ang(sample(), drop=("NROWS", "NCOLS")), "lacks NCOLS_ODD, NCOLS_EVEN, NROWS in its header"),
    "no kind of grid": (ang(sample(), drop=("GRID",)), "lacks GRID in its header"),
    "no phase": (ang(sample(), drop=("Phase", "MaterialName")), "describes no phase"),
    "no data": ("# Phase 1\n", "holds no data"),
    "empty": ("", "is empty"),
    "counts": (ang(sample(), counts=("six", 6, 5)), "gives NCOLS_ODD as 'six', which is no number"),
    "nan": (WHOLE.replace(" 0.50000 ", " nan ", 1), "no measured numbers"),
    "too large": (WHOLE.replace(" 0.50000 ", " 1e300 ", 1), "no measured numbers"),
    "few columns": (ang(sample(), columns=7), "has 7 columns"),
    "phase of none": (ang(sample(), phases=1, mark="phase").replace("# Phase 1", "# Phase 9"), "which its header does not describe"),
    "negative phase": (line_of(WHOLE, -2, lambda row: " ".join([*row.split()[:7], "-3", *row.split()[8:]])), "phase -3, which its header"),
    "broken phase": (line_of(WHOLE, -2, lambda row: " ".join([*row.split()[:7], "1.5", *row.split()[8:]])), "phase 1.5"),
    "words": (line_of(WHOLE, -3, lambda row: row.replace("0.", "O.")), "is no table of numbers"),
    "mixed commas": (line_of(WHOLE, -3, lambda row: row.replace(".", ",")), "mixes decimal points and decimal commas"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_files_that_are_refused(tmp_path, case):
    text, words = REFUSED[case]
    with pytest.raises(ReadError, match=rf"map\.ang` .*{words}"):
        read(written(tmp_path, text))


def test_degrees_are_found_out_and_can_be_said(tmp_path):
    s = sample()
    s.euler = np.rad2deg(s.euler)
    path = written(tmp_path, ang(s))
    with pytest.raises(ReadError, match=r"out of range for radians .* Pass degrees=True if they are degrees"):
        read(path)
    ms = read(path, degrees=True)
    s.euler = np.deg2rad(s.euler)
    check(ms, s)


def test_decimal_commas(tmp_path):
    s = sample()
    head, body = (part for part in WHOLE.split("# NROWS: 5\n"))
    with pytest.warns(DataWarning, match="decimal commas"):
        check(read(written(tmp_path, head + "# NROWS: 5\n" + body.replace(".", ","))), s)


def test_sizes_are_checked_before_numbers_are_read(tmp_path):
    path = written(tmp_path, WHOLE)
    with pytest.raises(ReadError, match=r"holds text: .* `max_bytes` allows 999 bytes"):
        read(path, max_bytes=999)
    with pytest.raises(ReadError, match=r"holds 30 rows of 10 numbers: .* once decoded"):
        read(path, max_bytes=len(WHOLE) + 1000)


def test_crop_periodic_and_options_of_other_formats(tmp_path, as_user):
    path = written(tmp_path, WHOLE)
    assert read(path, crop=((1, 5), (0, 3)), periodic="mirror").grid.shape == (8, 6)
    with pytest.raises(ReadError, match="Leave `phases`, `threshold` and `spacing` out"):
        read(path, spacing=2.0)
    with pytest.raises(TypeError, match=r"`channel` is no option of a measured orientation map \(.ang\): it has frame, crystal_x, min_ci"):
        read(path, channel=1)
    assert read(path, min_ci=0.5, phase="phase1", frame="edax", unindexed="nearest").n_phases == 1


@pytest.mark.parametrize(
    "words", ["system data 3", "Tacom results", "compare with EMsoft", "File created from ACOM RES results", "TEM data"]
)
def test_free_text_changes_nothing(tmp_path, words):
    s = sample()
    for line in (f"# SAMPLEID: \t{words}", f"# Info  {words}"):
        ms = read(written(tmp_path, ang(s, head=(line,), mark="ci")))
        check(ms, s)
        assert list(ms.maps) == ["iq", "ci", "sem", "fit"]


def test_a_phase_may_be_called_like_software(tmp_path):
    for name in ("TEM data", "acom results", "EMsoft Ni"):
        ms = Microstructure(labels=np.zeros((4, 3), int), orientation=from_euler(np.ones((3, 4, 3))), phases=[Phase(name, "m-3m")])
        write(tmp_path / "map.ang", ms.replace(mask=np.arange(12).reshape(4, 3) > 5))
        found = read(tmp_path / "map.ang")
        np.testing.assert_allclose(found.grid.spacing, 1.0)
        assert int(found.mask.sum()) == 6


def test_the_line_of_emsoft_with_other_columns_is_odd(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match="EMsoft indexed the patterns, which writes 8 columns, but there are 10"):
        check(read(written(tmp_path, ang(s, head=("# Info  patterns indexed using EMsoft::EMEBSDDI",)))), s)


@pytest.mark.parametrize(("unit", "factor"), [("mm", 1e3), ("nm", 1e-3), ("Å", 1e-4), ("micrometers", 1.0), ("", 1.0)])
def test_units_of_length_are_honoured(tmp_path, unit, factor):
    text = ang(sample(), names=True).replace("microns, microns", f"{unit}, {unit}")
    with pytest.warns(DataWarning, match=f"lengths of the file in {unit}") if factor != 1 else contextlib.nullcontext():
        ms = read(written(tmp_path, text))
    np.testing.assert_allclose(ms.grid.spacing, 0.5 * factor)


def test_angles_in_degrees_by_their_header(tmp_path):
    s = sample()
    s.euler = np.rad2deg(s.euler)
    text = ang(s, names=True).replace("radians, radians, radians", "degrees, degrees, degrees")
    with pytest.warns(DataWarning, match="angles are in degrees, against the format"):
        ms = read(written(tmp_path, text))
    s.euler = np.deg2rad(s.euler)
    check(ms, s)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("microns, microns", "furlongs, furlongs", "gives the column x in 'furlongs', which is no known unit of length"),
        ("microns, microns", "microns, nm", "in different units"),
        ("radians, radians, radians", "gradians, radians, radians", "gives the column phi1 in 'gradians'"),
    ],
)
def test_units_that_are_not_known_are_refused(tmp_path, old, new, words):
    with pytest.raises(ReadError, match=words):
        read(written(tmp_path, ang(sample(), names=True).replace(old, new)))


def test_a_file_cut_inside_its_last_number_is_odd(tmp_path):
    s = sample()
    with pytest.warns(DataWarning, match="the last line has no line end: the file may be cut"):
        check(read(written(tmp_path, ang(s)[:-3])), s)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row + " 1", "in row 29 there are 11 columns, and 10 in the first one"),
        (lambda row: row.replace("0.50000", "O.5"), "in row 29 there is 'O.5'"),
    ],
)
def test_broken_rows_are_counted_from_one(tmp_path, change, words):
    with pytest.raises(ReadError, match=words):
        read(written(tmp_path, line_of(WHOLE, -3, change)))


def test_negative_angles_are_no_degrees(tmp_path):
    s = sample()
    s.euler[1, 3] = -0.5
    with pytest.raises(ReadError, match=r"angles Phi out of range for radians .* Export it again"):
        read(written(tmp_path, ang(s)))


def test_the_last_row_twice_leaves_one_place_empty(tmp_path):
    lines = WHOLE.rstrip().split("\n")
    with pytest.raises(ReadError, match=r"rows 29 and 30 of its data\)\. 1 place of the grid is empty"):
        read(written(tmp_path, "\n".join([*lines[:-1], lines[-2]]) + "\n"))


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (gzip.compress(WHOLE.encode()), r"is compressed \(gzip\)"), (WHOLE.encode("utf-16-le"), "UTF-16 without a mark")],
)
def test_files_that_hold_no_text_say_so(tmp_path, data, words):
    for name in ("map.ang", "map.ctf", "map.cpr"):
        (tmp_path / name).write_bytes(data)
        (tmp_path / "map.crc").write_bytes(b"1")
        with pytest.raises(ReadError, match=words):
            read(tmp_path / name)
