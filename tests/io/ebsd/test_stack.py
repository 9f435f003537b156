"""Folders of slices."""

import numpy as np
import pytest

from jaxmicro.io import DataWarning, ReadError, read
from jaxmicro.io.ebsd.align import best_shift
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
    assert (
        "aligned by translation: shifts against the slice before (2, 0), (-4, 3), (3, -1) points" in ms.notes[3] + ms.notes[2] + ms.notes[1]
    )


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
    refuse(tmp_path, r"slice_9.ang` has 6 x 6 points, but the first slice, slice_8.ang, has 6 x 5")
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
    refuse(tmp_path, r"holds 40 slices of 6 x 5 points: .* `max_bytes` allows", max_bytes=20_000)


def test_oddities_of_slices_are_counted(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.ang").write_text(ang(sample(seed=k), kind="SqrGrid" if k else "HexGrid"))
    with pytest.warns(DataWarning, match=r"the positions are the other kind: they were believed \(1 of 3 slices\)"):
        read(tmp_path, spacing=1)
