"""Folders of slices."""

from pathlib import Path

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read
from jaxmicro.io.ebsd.align import best_shift
from jaxmicro.io.ebsd.slice_order import gaps, in_order
from tests.io.ebsd.samples import Sample, ang, ctf, sample

BIG = sample((24, 20), unindexed=0.05)


def window(x0, y0, shape=(16, 14)) -> Sample:
    """A piece of a larger map, with positions from zero."""
    s = BIG
    cut = lambda column: s.grid(column)[..., x0 : x0 + shape[0], y0 : y0 + shape[1]].swapaxes(-1, -2).reshape(*column.shape[:-1], -1)  # noqa: E731
    return Sample(cut(s.x) - x0 * 0.5, cut(s.y) - y0 * 0.5, cut(s.euler), cut(s.phase), cut(s.quality), shape, s.step)


def written(folder, slices, write=ang, names=None):
    for k, s in enumerate(slices):
        (folder / (names[k] if names else f"slice_{k + 8}{'.ang' if write is ang else '.ctf'}")).write_text(write(s, phases=2))
    return folder


@pytest.mark.parametrize("write", [ang, ctf])
def test_slices_in_the_order_of_their_numbers(tmp_path, write):
    slices = [sample(seed=k) for k in range(4)]  # 8, 9, 10, 11: not in the order of letters
    (tmp_path / "readme.txt").touch()
    (tmp_path / "._slice_1.ang").touch()
    ms = read(written(tmp_path, slices, write), spacing=2.0)
    assert ms.grid.shape == (6, 5, 4)
    np.testing.assert_allclose(ms.grid.spacing, (0.5, 0.5, 2.0))
    for k, s in enumerate(slices):
        np.testing.assert_array_equal(ms.mask[..., k], s.grid(s.phase) > 0)
        np.testing.assert_array_equal(np.asarray(ms.labels)[..., k][s.grid(s.phase) > 0], s.grid(s.phase)[s.grid(s.phase) > 0] - 1)
    assert any("from slice_8" in line and "to slice_11" in line for line in ms.notes)


def test_frames_crops_and_filters_of_a_volume(tmp_path):
    written(tmp_path, [sample(seed=k) for k in range(3)])
    raw = read(tmp_path, spacing=1)
    np.testing.assert_array_equal(read(tmp_path, spacing=1, frame="edax").labels, raw.labels[::-1, :, ::-1])
    assert read(tmp_path, spacing=1, crop=((0, 4), (1, 4), (0, 2)), min_ci=0.3, unindexed="nearest").grid.shape == (4, 3, 2)


def test_shifted_slices_are_aligned(tmp_path):
    places = [(3, 2), (5, 2), (1, 5), (4, 4)]
    written(tmp_path, [window(*place) for place in places])
    ms = read(tmp_path, spacing=1, align="translation")
    assert ms.grid.shape == (12, 11, 4)
    for k in range(1, 4):
        np.testing.assert_array_equal(ms.mask[..., k], ms.mask[..., 0])
        np.testing.assert_allclose(ms.orientation[..., k], ms.orientation[..., 0])
    assert "aligned by translation: shifts against the slice before (2, 0), (-4, 3), (3, -1) points" in " ".join(ms.notes)


def test_without_alignment_slices_stay_where_they_are(tmp_path):
    written(tmp_path, [window(3, 2), window(5, 2)])
    assert read(tmp_path, spacing=1).grid.shape == (16, 14, 2)


def test_of_equally_good_shifts_the_smallest_is_taken():
    same = np.ones((3, 8, 6), np.float32) / np.sqrt(3)
    shift = best_shift(same, same)
    assert shift.move == (0, 0)
    np.testing.assert_allclose((shift.before, shift.after), 1, atol=1e-6)


def refuse(folder, words, **options):
    with pytest.raises(ReadError, match=words):
        read(folder, **({"spacing": 1} | options))


def test_slices_that_do_not_fit_are_named(tmp_path):
    written(tmp_path, [sample(), sample((6, 6))])
    refuse(tmp_path, r"slice_9.ang` has 6 × 6 points, but the first slice, slice_8.ang, has 6 × 5")
    written(tmp_path, [sample(), sample(step=(0.4, 0.5))])
    refuse(tmp_path, r"slice_9.ang` has steps of")
    (tmp_path / "slice_9.ang").write_text(ang(sample(phases=1)))
    refuse(tmp_path, r"slice_9.ang` has the phases 'phase1' \(m-3m\), but the first slice")
    (tmp_path / "slice_9.ang").write_text(ang(sample())[:-300])
    refuse(tmp_path, r"slice_9.ang` holds")


def test_folders_that_are_no_volume(tmp_path):
    refuse(tmp_path, r"is a folder with 0 .ang or .ctf files, and a volume has at least two slices")
    written(tmp_path, [sample()])
    refuse(tmp_path, "with 1 .ang or .ctf files")
    written(tmp_path, [sample()], ctf)
    refuse(tmp_path, "holds both .ang and .ctf files")


@pytest.mark.parametrize("spacing", [None, 0, -1.0, "1", (1, 1, 1)])
def test_the_distance_of_slices_must_be_given(tmp_path, as_user, spacing):
    written(tmp_path, [sample(), sample()])
    with pytest.raises(ValueError, match="`spacing` must be the distance of the slices"):
        read(tmp_path, spacing=spacing)


def test_the_volume_is_bounded_before_all_slices_are_read(tmp_path):
    written(tmp_path, [sample(seed=k) for k in range(40)])
    refuse(tmp_path, r"holds 40 slices of 6 × 5 points: .* `max_bytes` allows", max_bytes=20_000)


def test_oddities_of_slices_are_counted(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.ang").write_text(ang(sample(seed=k), kind="SqrGrid" if k else "HexGrid"))
    with pytest.warns(DataWarning, match=r"the positions are the other kind: they were believed \(1 of 3 slices\)"):
        read(tmp_path, spacing=1)


@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("s10", "s9", "s1"), ("s1", "s9", "s10")),
        (("z0", "z-1", "z-2"), ("z-2", "z-1", "z0")),
        (("scan-2", "scan-1", "scan-10"), ("scan-1", "scan-2", "scan-10")),
        (("z2", "z1.5", "z1"), ("z1", "z1.5", "z2")),
        (("z1.25", "z0.50", "z0.10"), ("z0.10", "z0.50", "z1.25")),
        (("b2", "a10", "a9"), ("a9", "a10", "b2")),
    ],
)
def test_numbers_in_names(names, order):
    files = [Path(f"{name}.ang") for name in names]
    assert [file.stem for file in in_order(Path(), files)] == list(order)


def test_names_whose_order_is_open_are_refused():
    with pytest.raises(ReadError, match=r"z0.10.ang, z0.5.ang, z1.25.ang by decimal numbers, z0.5.ang, z0.10.ang, z1.25.ang by whole"):
        in_order(Path("folder"), [Path(f"z{name}.ang") for name in ("0.5", "0.10", "1.25")])


def test_missing_slices_are_named():
    files = [Path(f"s{k}.ctf") for k in (1, 2, 5)]
    assert gaps(files) == ["slices may be missing between s2.ctf and s5.ctf: all were put at equal distances"]
    assert gaps([Path(f"s{k}.ctf") for k in (0, 10, 20)]) == gaps([Path("a.ctf"), Path("b7.ctf")]) == []


def test_oddities_of_a_volume(tmp_path):
    slices = [sample(seed=0), sample(seed=1, origin=(1.0, 0.0)), sample(seed=2)]
    written(tmp_path, slices, names=("s1.ang", "s2.ang", "s5.ang"))
    with pytest.warns(DataWarning) as caught:
        ms = read(tmp_path, spacing=1)
    said = " ".join(str(each.message) for each in caught)
    assert "missing between s2.ang and s5.ang" in said
    assert "begin at other positions than s1.ang (s2.ang by +1 µm along x)" in said
    assert "order of the slices: s1.ang, s2.ang, s5.ang" in ms.notes


def test_slices_without_indexed_points_cannot_be_aligned(tmp_path):
    empty = sample(seed=1)
    empty.phase[:] = 0
    written(tmp_path, [sample(seed=0)])
    (tmp_path / "slice_9.ang").write_text(ang(empty, phases=2, mark="angle"))
    with pytest.warns(DataWarning, match="nothing is indexed in slice_9.ang: there the slices could not be aligned"):
        ms = read(tmp_path, spacing=1, align="translation")
    assert not any("inf" in note for note in ms.notes)
