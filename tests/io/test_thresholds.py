import importlib

import numpy as np
import pytest

from jaxmicro.io import ReadError, read
from jaxmicro.io.smoothing import reach, smoothed
from jaxmicro.io.thresholds import BY_HISTOGRAM, BY_IMAGE, METHODS, named_thresholds

RNG = np.random.default_rng(4)
BRIGHT = RNG.random((40, 30)) < 0.35
GREY = np.clip(RNG.normal(np.where(BRIGHT, 170, 60), 18), 0, 255).astype(np.uint8)
TWO = [name for name in METHODS if name not in ("otsu", "multiotsu")]


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize(
    "change", [lambda grey: grey, lambda grey: grey.astype(np.float32) / 7, lambda grey: grey.astype(np.int16) * 3 - 99]
)
def test_methods_cut_as_scikit_image_does(tmp_path, name, change):
    filters = pytest.importorskip("skimage.filters")
    grey = change(GREY)
    np.save(tmp_path / "grey.npy", grey)
    ms = read(tmp_path / "grey.npy", threshold=name)
    np.testing.assert_array_equal(ms.labels, grey > getattr(filters, f"threshold_{name}")(grey))
    assert any(f"by scikit-image's threshold_{name}" in note for note in ms.notes)
    assert 0.25 < float(ms.volume_fractions[1]) < 0.6 or name in ("triangle", "yen", "minimum")


def test_several_classes(tmp_path):
    filters = pytest.importorskip("skimage.filters")
    grey = np.where(RNG.random(GREY.shape) < 0.2, 250, GREY).astype(np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    ms = read(tmp_path / "grey.npy", threshold="multiotsu", phases=("pore", "binder", "solid"))
    np.testing.assert_array_equal(ms.labels, np.digitize(grey, filters.threshold_multiotsu(grey, 3)))
    with pytest.raises(ReadError, match="threshold='yen' separates two classes, not 3; 'otsu' and 'multiotsu' separate more"):
        read(tmp_path / "grey.npy", threshold="yen", phases=3)


@pytest.mark.parametrize("name", BY_HISTOGRAM)
@pytest.mark.parametrize("scale", [1, np.float32(0.01)])
def test_a_histogram_stands_for_all_values(name, scale):
    pytest.importorskip("skimage.filters")
    grey = GREY * scale
    values, counts = np.unique(grey, return_counts=True)
    assert named_thresholds(name, values, 2, counts) == named_thresholds(name, grey, 2)


@pytest.mark.parametrize("name", BY_IMAGE)
def test_what_needs_all_values_is_refused_for_a_histogram(name):
    with pytest.raises(ValueError, match=f"threshold='{name}' needs all values at once; otsu, isodata"):
        named_thresholds(name, np.arange(4), 2, np.ones(4, int))


def test_without_scikit_image_the_extra_is_named(tmp_path, monkeypatch):
    np.save(tmp_path / "grey.npy", GREY)

    def without(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(ImportError, match=r"threshold='li' is a method of scikit-image, .*: pip install 'jaxmicro\[images\]'"):
        read(tmp_path / "grey.npy", threshold="li")
    assert read(tmp_path / "grey.npy", threshold="otsu").n_phases == 2


@pytest.mark.parametrize("shape", [(9, 8), (7, 6, 5)])
def test_smoothing_against_its_definition(shape):
    values = RNG.integers(0, 255, shape).astype(np.uint8)
    offsets = np.indices((5,) * len(shape)).reshape(len(shape), -1).T - 2
    ball = offsets[(offsets**2).sum(axis=1) <= 4]
    padded = np.pad(values, 2, mode="edge")
    moved = [padded[tuple(slice(2 + o, 2 + o + n) for o, n in zip(offset, shape, strict=True))] for offset in ball]
    found, note = smoothed(values, ("median", 2.0))
    np.testing.assert_array_equal(found, np.sort(moved, axis=0)[len(ball) // 2])
    assert found.dtype == values.dtype
    assert note == "grey values smoothed by the median within 2 voxels"
    line = np.arange(-4, 5)
    weights = np.exp(-(line**2) / 2)
    blurred = np.pad(values.astype(float), 4, mode="edge")
    for axis in range(len(shape)):
        blurred = np.apply_along_axis(np.convolve, axis, blurred, weights / weights.sum(), mode="valid")
    np.testing.assert_allclose(smoothed(values, ("gaussian", 1.0))[0], blurred, rtol=1e-5)
    assert (reach(("gaussian", 1.0)), reach(("median", 2.0))) == (4, 2)


def test_smoothing_takes_away_noise_before_the_cut(tmp_path):
    truth = np.indices((40, 30))[0] >= 20
    grey = np.clip(RNG.normal(np.where(truth, 150, 100), 30), 0, 255).astype(np.uint8)
    np.save(tmp_path / "grey.npy", grey)
    wrong = {smooth: np.mean(read(tmp_path / "grey.npy", phases=2, smooth=smooth).labels != truth) for smooth in (None, ("median", 2))}
    assert wrong[("median", 2)] < 0.3 * wrong[None]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"threshold": "ysn"}, ValueError, "but it is 'ysn'. Did you mean 'yen'"),
        (
            {"threshold": "otsu", "smooth": "median"},
            ValueError,
            r"`smooth` must be a filter and its radius in voxels .*, but it is 'median'",
        ),
        ({"threshold": "otsu", "smooth": ("median", 0.5)}, ValueError, "a radius of at least 1 voxel for a median, but it is 0.5"),
        ({"threshold": "otsu", "smooth": ("mean", 1)}, ValueError, "`smooth` must be"),
        ({"threshold": "otsu", "smooth": ("gaussian", -1)}, ValueError, "`smooth` must be a filter"),
        ({"phases": {0: "a", None: "b"}, "smooth": ("median", 1)}, ReadError, "both a mapping `phases` and `smooth`"),
        ({"smooth": ("median", 1)}, ReadError, "was given `smooth` without a `threshold`"),
    ],
)
def test_bad_options_are_named(as_user, tmp_path, options, error, message):
    np.save(tmp_path / "grey.npy", GREY)
    with pytest.raises(error, match=message):
        read(tmp_path / "grey.npy", **options)
