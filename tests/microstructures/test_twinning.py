"""Twins: their volume, their plane, their orientation, and what cannot be made."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import coincidence_shares
from jaxmicro.fields import Grid
from jaxmicro.microstructures import Microstructure, Phase, add_twins, clusters, polycrystal
from jaxmicro.orientations import from_axis_angle, symmetry_operators, twin_system
from jaxmicro.orientations.equivalents import product
from jaxmicro.orientations.on_host import angle_between, angle_from

KEY = jax.random.key(5)
COPPER = Phase("copper", laue="m-3m")
SIGMA3 = np.array([np.cos(np.pi / 6), *np.sin(np.pi / 6) * np.ones(3) / np.sqrt(3)])
FLAT = polycrystal(Grid((96, 80), (96.0, 120.0)), 15, key=KEY, phase=COPPER)
SOLID = polycrystal(Grid((24, 30, 20)), 12, key=KEY, phase=COPPER)


def sample_normals(q, normals):
    """g⁻¹ h by rotation matrices: those of `from_axis_angle`'s convention, g s = h."""
    w, v = q[0], q[1:]
    g = (w**2 - v @ v) * np.eye(3) + 2 * np.outer(v, v) - 2 * w * np.cross(np.eye(3), v).T
    return g.T @ normals


def lamellae(ms):
    grain, twin = np.asarray(ms.maps["grain"]), np.asarray(ms.maps["twin"])
    for number in np.unique(grain[twin]):
        yield number, grain == number


@pytest.mark.parametrize("ms", [FLAT, SOLID], ids=["2d", "3d"])
@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5, 0.8])
def test_the_volume_is_reached_and_numbers_have_no_gaps(ms, fraction):
    twinned = add_twins(ms, fraction, key=KEY)
    maps, before = {name: np.asarray(value) for name, value in twinned.maps.items()}, np.asarray(ms.maps["grain"])
    assert abs(maps["twin"].mean() - fraction) < 0.001
    np.testing.assert_array_equal(np.unique(maps["grain"]), np.arange(maps["grain"].max() + 1))
    np.testing.assert_array_equal(maps["parent"], before)
    np.testing.assert_array_equal(maps["grain"][~maps["twin"]], before[~maps["twin"]])
    assert maps["grain"][maps["twin"]].min() > before.max()
    assert twinned.provenance == ms.provenance
    assert twinned.notes[: len(ms.notes)] == ms.notes
    assert f"of the volume ({fraction:g} asked)" in twinned.notes[len(ms.notes)]


@pytest.mark.parametrize("ms", [FLAT, SOLID], ids=["2d", "3d"])
def test_lamellae_are_twins_of_their_parents_and_connected(ms):
    twinned = add_twins(ms, 0.3, key=KEY, share_of_grains=0.8)
    before, after, twin = np.asarray(ms.orientation), np.asarray(twinned.orientation), np.asarray(twinned.maps["twin"])
    np.testing.assert_array_equal(after[:, ~twin], before[:, ~twin])
    assert np.rad2deg(angle_from(before[:, twin], after[:, twin], SIGMA3, "m-3m")).max() < 1e-5
    for _, mask in lamellae(twinned):
        assert int(clusters(mask, periodic=True, connectivity="corners").max()) == 1
        assert np.ptp(after[:, mask], axis=1).max() < 1e-12
    assert np.unique(np.asarray(twinned.maps["parent"])[twin]).size <= round(0.8 * len(np.unique(ms.maps["grain"])))
    assert coincidence_shares(ms, periodic=True)[3] < 0.1 < 0.3 < coincidence_shares(twinned, periodic=True)[3]


def test_the_faces_of_a_lamella_are_its_habit_plane():
    """The smallest axis of inertia of a wide lamella, across the faces of the cell, is a {111} normal of the parent."""
    grid = Grid((40, 40, 40))
    turn = np.asarray(from_axis_angle((0.2, -0.5, 1.0), 33.0, degrees=True))
    ball = ((np.asarray(grid.centres()) - 20) ** 2).sum(axis=0) < 18**2
    for shift in ((0, 0, 0), (17, 25, 31)):
        grain = np.roll(ball, shift, (0, 1, 2)).astype(int)
        orientation = np.where(grain, turn[:, None, None, None], np.array([1.0, 0, 0, 0])[:, None, None, None])
        ms = Microstructure(labels=1 - grain, orientation=orientation, phases=("matrix", COPPER)[::-1], maps={"grain": grain})
        twinned = add_twins(ms, 0.15, key=KEY, thickness=5.0, phase="copper")
        assert not np.asarray(twinned.maps["twin"])[grain == 0].any()
        cosines = []
        for _, mask in lamellae(twinned):
            points = np.argwhere(np.roll(mask, [-s for s in shift], (0, 1, 2))) + 0.5
            thin = np.linalg.svd(points - points.mean(axis=0))[2][-1]
            cosines.append(np.abs(sample_normals(turn, twin_system("fcc").normals).T @ thin).max())
        assert np.rad2deg(np.arccos(cosines)).max() < 1.0


def test_a_section_shows_the_trace_at_its_apparent_thickness():
    """One variant is vertical for a crystal turned so that (1 1 1) lies along x; the others show traces at the angles of their planes."""
    turn = np.asarray(from_axis_angle((0.3, 1.0, 0.2), 40.0, degrees=True))
    centres = np.asarray(Grid((120, 120)).centres()) - 60
    grain = ((centres**2).sum(axis=0) < 50**2).astype(int)
    maps = {"grain": np.where(grain, 0, -1)}
    ms = Microstructure(
        labels=np.zeros((120, 120), int), orientation=np.broadcast_to(turn[:, None, None], (4, 120, 120)), phases=(COPPER,), maps=maps
    )
    normals = sample_normals(turn, twin_system("fcc").normals)
    for key in jax.random.split(KEY, 3):
        twinned = add_twins(ms, 0.1, key=key, thickness=8.0)
        for _, mask in lamellae(twinned):
            points = np.argwhere(mask) - np.argwhere(mask).mean(axis=0)
            _, sizes, axes = np.linalg.svd(points, full_matrices=False)
            traces = normals[:2] / np.linalg.norm(normals[:2], axis=0)
            variant = np.abs(traces.T @ axes[1]).argmax()
            assert np.abs(traces.T @ axes[1]).max() > np.cos(np.deg2rad(1.5))
            thickness = np.sqrt(12) * sizes[1] / np.sqrt(len(points)) * np.linalg.norm(normals[:2, variant])
            factor = float(twinned.notes[-1].split("grains, ")[1].split(" times")[0])
            assert thickness == pytest.approx(8.0 * factor, abs=0.6)


def test_equivalents_within_a_grain_and_hexagonal_twins():
    """Voxels that hold different equivalents of one orientation have one twin; a second call leaves the first twins as they are."""
    rng = np.random.default_rng(0)
    titanium = polycrystal(Grid((60, 60)), 8, key=KEY, phase=Phase("titanium", laue="6/mmm"))
    group = symmetry_operators("6/mmm")[:, rng.integers(12, size=(60, 60))]
    mixed = titanium.replace(orientation=np.stack(product(group, np.asarray(titanium.orientation))))
    plain, other = (add_twins(ms, 0.25, key=KEY, system="hcp_10-12", c_over_a=1.587) for ms in (titanium, mixed))
    for ms in (plain, other):
        twin = np.asarray(ms.maps["twin"])
        angles = angle_between(np.asarray(titanium.orientation)[:, twin], np.asarray(ms.orientation)[:, twin], "6/mmm")
        np.testing.assert_allclose(np.rad2deg(angles), 85.0, atol=0.3)  # {10-12} of titanium
        for _, mask in lamellae(ms):
            q = np.asarray(ms.orientation)[:, mask]
            assert angle_between(q, np.repeat(q[:, :1], q.shape[1], axis=1), "6/mmm").max() < 1e-6
    more = add_twins(plain, 0.1, key=KEY, system=twin_system("hcp_11-22", 1.587))
    first = np.asarray(plain.maps["twin"])
    np.testing.assert_array_equal(np.asarray(more.orientation)[:, first], np.asarray(plain.orientation)[:, first])
    np.testing.assert_array_equal(np.asarray(more.maps["parent"]), np.asarray(titanium.maps["grain"]))
    assert float(more.maps["twin"].mean()) == pytest.approx(0.35, abs=0.002)
    numbers = np.unique(np.asarray(more.maps["grain"]))
    np.testing.assert_array_equal(numbers, np.arange(numbers.size))


def test_nothing_asked_nothing_done_and_single_precision(as_user):
    grid = Grid((16, 16), jnp.array([1.0, 1.0], jnp.float32))
    ms = polycrystal(grid, 3, key=KEY)
    none = add_twins(ms, 0.0, key=KEY)
    np.testing.assert_array_equal(none.orientation, ms.orientation)
    assert not none.maps["twin"].any()
    assert add_twins(ms, 0.3, key=KEY).orientation.dtype == jnp.float32


def test_what_cannot_be_made_says_what_to_do(as_user):
    ms = polycrystal(Grid((16, 16)), 4, key=KEY, phase=COPPER)
    for match, options in {
        r"`fraction` must lie in \[0, 1\), but it is 1\.0": {"fraction": 1.0},
        r"`fraction` must lie in \[0, 1\), but it is nan": {"fraction": np.nan},
        r"`fraction` must be at most 0\.\d+ in 1 of 4 grains .* Use a larger share_of_grains": {"fraction": 0.6, "share_of_grains": 0.25},
        r"`fraction` must lie in \[0, 1\), but it is None": {"fraction": None},
        r"`fraction` must lie in \[0, 1\), but it is '0.2'": {"fraction": "0.2"},
        "`thickness` must be positive": {"thickness": -1.0},
        "`thickness` must be positive and finite, but it is 'thin'": {"thickness": "thin"},
        r"`share_of_grains` must lie in \(0, 1\], but it is \[0\.5, 0\.5\]": {"share_of_grains": [0.5, 0.5]},
        r"`share_of_grains` must lie in \(0, 1\]": {"share_of_grains": 0.0},
        "`system` must fit the Laue group of 'copper', m-3m, but 'hcp_10-12' is of 6/mmm": {"system": "hcp_10-12", "c_over_a": 1.6},
        "`c_over_a` must be the positive axial ratio": {"system": "hcp_10-12"},
        "`phase` must be one of 0: copper, but it is 'iron'": {"phase": "iron"},
    }.items():
        with pytest.raises(ValueError, match=match):
            add_twins(ms, **({"fraction": 0.2} | options), key=KEY)
    with pytest.raises(TypeError, match="`system` must be a name or the result of twin_system, but it is None"):
        add_twins(ms, 0.1, key=KEY, system=None)
    with pytest.raises(ValueError, match=r"must have the map 'grain', but its maps are \[\]"):
        add_twins(ms.replace(maps={}), 0.1, key=KEY)
    with pytest.raises(ValueError, match=r"must have orientations to have twins, but it has none\. Use polycrystal"):
        add_twins(ms.replace(orientation=None), 0.1, key=KEY)
    with pytest.raises(ValueError, match="outside jit"):
        jax.jit(lambda one: add_twins(one, 0.1, key=KEY).orientation)(ms)
    aligned = Microstructure(
        labels=np.zeros((8, 8), int),
        orientation=np.broadcast_to(sample_aligned()[:, None, None], (4, 8, 8)),
        phases=(COPPER,),
        maps={"grain": np.zeros((8, 8), int)},
    )
    with pytest.raises(ValueError, match=r"whole layers of voxels miss it by .* Use a finer grid"):
        [add_twins(aligned, 0.3, key=key) for key in jax.random.split(KEY, 6)]


def sample_aligned():
    """A crystal with a {111} normal along x and another one close to the section."""
    x = np.array([1.0, 1.0, 1.0]) / np.sqrt(3)
    axis = np.cross([1.0, 0, 0], x)
    angle = np.arccos(x[0])
    return np.concatenate([[np.cos(angle / 2)], -np.sin(angle / 2) * axis / np.linalg.norm(axis)])


def test_a_phase_without_laue_group_is_cubic(as_user):
    nameless = polycrystal(Grid((32, 32)), 5, key=KEY)
    assert float(add_twins(nameless, 0.2, key=KEY).maps["twin"].mean()) == pytest.approx(0.2, abs=0.01)
    with pytest.raises(ValueError, match="m-3m as none is named, but 'hcp_10-12' is of 6/mmm crystals"):
        add_twins(nameless, 0.2, key=KEY, system="hcp_10-12", c_over_a=1.6)


def runs(ms, twinned, normals, parent):
    """Changes between twin and parent along the habit normal of one grain that the edges of the cell do not cut."""
    mask = np.asarray(twinned.maps["parent"]) == parent
    there, here = np.asarray(twinned.orientation)[:, mask], np.asarray(ms.orientation)[:, mask]
    twin, lengths = np.asarray(twinned.maps["twin"])[mask], np.asarray(ms.grid.lengths) / ms.grid.shape
    found = []
    for normal, rotation in zip(normals.normals.T, normals.rotations.T, strict=True):
        q = np.stack(product(rotation, here[:, 0]))
        if angle_between(q[:, None], there[:, twin][:, :1], normals.laue).max() < 1e-6:
            along = (np.argwhere(mask) * lengths) @ sample_normals(here[:, 0], normal)[: ms.grid.ndim]
            found.append(int(np.count_nonzero(np.diff(twin[np.argsort(along)]))))
    return min(found)


@pytest.mark.parametrize("name", ["bcc", "hcp_11-22"])
@pytest.mark.parametrize(("shape", "lengths"), [((110, 90), (110.0, 160.0)), ((30, 34, 28), None)])
def test_lamellae_are_slabs_across_the_normal_of_their_own_twin(name, shape, lengths):
    """Sorted along n no voxel is out of place: of at most three lamellae there are at most six changes. Voxels are no cubes."""
    system = twin_system(name, 1.587)
    ms = polycrystal(Grid(shape, lengths), 14, key=KEY, phase=Phase("metal", laue=system.laue), sizes=0.3)
    twinned = add_twins(ms, 0.4, key=KEY, system=system)
    assert float(twinned.maps["twin"].mean()) == pytest.approx(0.4, abs=0.01)
    parents, checked = np.asarray(twinned.maps["parent"]), 0
    for parent in np.unique(parents[np.asarray(twinned.maps["twin"])]):
        places = np.argwhere(parents == parent)
        if (np.ptp(places, axis=0) < np.array(shape) - 1).all():
            assert runs(ms, twinned, system, parent) <= 6
            checked += 1
    assert checked >= 2
