"""The readers on measured files, as a user would call them."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from jaxmicro.io import DataWarning, ReadError, read


@pytest.mark.parametrize(
    ("name", "share", "size"), [("odd_image", 0.1171, 441), ("even_image", 0.1172, 442), ("image_small_strain", 0.1673, 801)]
)
def test_dual_phase_steel(shared_data, name, share, size):
    ms = read(shared_data / f"micrograph_dual_phase_steel/{name}.npz", phases=("ferrite", "martensite"), axes="yx")
    assert ms.grid.shape == (size, size)
    np.testing.assert_allclose(ms.volume_fractions[1], share, atol=5e-5)


def test_fibre_composite(shared_data):
    path = shared_data / "micrograph_fibre_composite/InputSegmentation.tif"
    ms = read(path, phases={0: "fibre", 1: "matrix", 2: "void"}, crop=((100, 200), (0, 150)), spacing=0.5)
    assert ms.grid.shape == (100, 150)
    np.testing.assert_array_equal(ms.labels, tifffile.imread(path)[:150, 100:200].T)
    with pytest.raises(ReadError, match=r"3 distinct values \(0: 39.3 %, 1: 57.9 %, 2: 2.9 %\), but 2 phases"):
        read(path, phases=2)


@pytest.mark.parametrize(
    ("name", "shape", "fractions"),
    [
        ("tomo_sofc_electrode/SOFC_lr_input.tif", (62, 62, 62), [0.3545, 0.3408, 0.3046]),
        ("tomo_sofc_electrode/SOFC_hr_input.tif", (1024, 1024), [0.3592, 0.3326, 0.3082]),
        ("tomo_nmc_cathode/nmc_128_superres.tif", (128, 128, 128), [0.5797, 0.4203]),
    ],
)
def test_tomographies(shared_data, name, shape, fractions):
    ms = read(shared_data / name)
    assert ms.grid.shape == shape
    np.testing.assert_allclose(ms.volume_fractions, fractions, atol=6e-5)


def test_a_packed_volume(shared_data):
    path = shared_data / "tomo_nmc_cathode/nmc-1-cal_generatedCBD_bridge.tif"
    with pytest.raises(ReadError, match=r"251 x 301 x 301 numbers of type uint8: 21.69 MiB once decoded"):
        read(path, max_bytes=20 << 20)
    ms = read(path, phases=("pore", "NMC", "binder"), crop=((0, 40), (10, 60), (20, 50)))
    assert ms.grid.shape == (40, 50, 30)
    assert "values taken as labels: 0: 40.1 %, 1: 49.9 %, 2: 10.0 %" in ms.notes
    np.testing.assert_array_equal(ms.labels[..., 3], tifffile.imread(path, key=23)[10:60, :40].T)


def test_gamma_prime_and_its_mask_of_overlays(shared_data):
    folder = shared_data / "micrograph_ni_superalloy_gammaprime"
    with pytest.raises(ReadError, match=r"154 distinct grey values \(48 … 206\) where labels were expected"):
        read(folder / "lshr_15kx_3kv_0.tif")
    assert read(folder / "lshr_15kx_3kv_0.tif", phases=3).n_phases == 3
    colours = {None: "matrix", (0, 0, 255): "secondary", (255, 0, 0): "tertiary"}
    with pytest.warns(DataWarning) as caught:
        mask = read(folder / "lshr_15kx_3kv_0_mask.tif", phases=colours)
    assert {"shaped series" in str(w.message) or "2 series" in str(w.message) for w in caught} == {True}
    labels = read(folder / "lshr_15kx_3kv_0_labels.npz", axes="yx")
    np.testing.assert_array_equal(mask.labels, labels.labels)


def test_pictures_of_orientations_are_refused(shared_data):
    path = shared_data / "seed_in625/01.png"
    with pytest.raises(ReadError, match=r"01\.png` is a colour picture with 1581 distinct colours.*read the measured file instead"):
        read(path, phases=2)
    boundaries = read(path, phases={(0, 0, 0): "boundary", None: "grain"})
    np.testing.assert_array_equal(boundaries.labels == 0, ~np.asarray(Image.open(path)).any(axis=2).T)
