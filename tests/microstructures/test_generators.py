"""What holds for every generator: keys decide, what was asked for comes out, cells repeat, types are kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.descriptors import fidelity
from jaxmicro.fields import Grid
from jaxmicro.microstructures import (
    Microstructure,
    add_bridges,
    add_cracks,
    add_pores,
    boolean_model,
    core_shell,
    electrode,
    ellipsoids,
    fibres,
    inclusions,
    lattice,
    random_checkerboard,
    random_field,
    ranked_laminate,
    soft_random_field,
    spinodal_decomposition,
    spinodoid,
    tpms,
)

KEY = jax.random.key(11)
FLAT = ((24, 21), (4.8, 3.5))  # unequal edges of voxels, even and odd
BOX = ((12, 9, 10), (2.4, 2.25, 1.8))
WHOLE = 1.01  # voxels: labels whose fractions are exact
DRAWN = 0.12  # bodies of five voxels or so across, by the centres of voxels: some of their surface's share


def solid(grid):
    return Microstructure(grid=grid, labels=np.zeros(grid.shape, int), phases=("solid",))


# how it is called; whether a key decides; whether it runs under jit; how far a fraction may be from what was asked: `WHOLE` voxels, or a share
GENERATORS = {
    "random_field": (lambda g, key: random_field(g, (0.3, 0.5, 0.2), 0.4, key=key), True, False, WHOLE),
    "soft_random_field": (lambda g, key: soft_random_field(g, (0.3, 0.5, 0.2), 0.4, key=key), True, True, 1e-5),
    "spinodoid": (lambda g, key: spinodoid(g, 0.4, 0.9, key=key, bandwidth=0.2), True, True, WHOLE),
    "soft spinodoid": (lambda g, key: spinodoid(g, 0.4, 0.9, key=key, bandwidth=0.2, width=0.5), True, True, 1e-5),
    "spinodal_decomposition": (lambda g, key: spinodal_decomposition(g, 0.4, key=key, steps=30), True, True, 0.01),  # c is cut to [0, 1]
    "random_checkerboard": (
        lambda g, key: random_checkerboard(g, 3 if g.ndim == 2 else (3, 3, 2), key=key),
        True,
        True,
        0.06,
    ),  # of 9 or 18
    "tpms": (lambda g, key: tpms(g, "gyroid", 0.3), False, True, WHOLE),
    "tpms sheet": (lambda g, key: tpms(g, "iwp", 0.3, style="sheet", width=0.5), False, True, 1e-5),
    "lattice": (lambda g, key: lattice(g, "square" if g.ndim == 2 else "bcc", volume_fraction=0.3), False, True, WHOLE),
    "ranked_laminate": (lambda g, key: ranked_laminate(g, [(0.5, (1, *[0] * (g.ndim - 1)), 2)]), False, False, WHOLE),
    "inclusions": (lambda g, key: inclusions(g, 0.25, 0.5, key=key), True, False, DRAWN),
    "ellipsoids": (lambda g, key: ellipsoids(g, 0.2, (0.6, *[0.4] * (g.ndim - 1)), key=key), True, False, DRAWN),
    "fibres": (lambda g, key: fibres(g, 0.15, 1.5, 0.5, key=key), True, False, DRAWN),
    "boolean_model": (lambda g, key: boolean_model(g, 0.4, 0.4, key=key, exact=True), True, False, WHOLE),
    "core_shell": (lambda g, key: core_shell(g, 0.3, 0.6, 0.4, key=key, supersample=3), True, False, DRAWN),
    "electrode": (lambda g, key: electrode(g, 0.4, 0.1, 0.4, key=key), True, False, WHOLE),
    "add_pores": (lambda g, key: add_pores(solid(g), 0.1, 0.4, key=key), True, False, WHOLE),
    "add_cracks": (lambda g, key: add_cracks(solid(g), radius=0.7, count=3, key=key), True, False, None),
    "add_bridges": (lambda g, key: add_bridges(inclusions(g, 0.3, 0.5, key=key), 0.1, host=1, into=0), True, False, None),
}
SLOW = {"random_field", "soft_random_field", "soft spinodoid", "spinodoid", "spinodal_decomposition", "lattice"}  # in 3D: much to compile
CASES = [
    pytest.param(name, shape, marks=[pytest.mark.slow] if shape is BOX and name in SLOW else [])
    for name in GENERATORS
    for shape in (FLAT, BOX)
    if not (name.startswith("tpms") and shape is FLAT)
]


def content(ms):
    return np.asarray(ms.labels if ms.is_sharp else ms.fractions)


def changes(ms):
    """Mean change from voxel to voxel, for each layer between voxels along each axis."""
    parts = np.asarray(ms.fractions)
    for axis in range(ms.grid.ndim):
        step = np.abs(parts - np.roll(parts, 1, axis + 1)).sum(axis=0)
        yield step.mean(axis=tuple(k for k in range(ms.grid.ndim) if k != axis))


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_every_generator(name, shape):
    make, keyed, jitted, slack = GENERATORS[name]
    grid = Grid(*shape)
    ms = make(grid, KEY)
    assert ms.provenance or ms.notes
    np.testing.assert_array_equal(content(ms), content(make(grid, KEY)))
    if keyed:
        assert (content(ms) != content(make(grid, jax.random.key(12)))).any()
    table = fidelity(ms)
    assert np.isfinite(table.got).all()
    off = [abs(d) for n, d in zip(table.names, table.deviation, strict=True) if n.startswith("volume_fractions")]
    if slack is not None:
        assert len(off) == len(ms.phases)
        assert max(off) <= (slack / grid.size if slack == WHOLE else slack)
    for layers in changes(ms):  # the seam, in front of layer 0, changes no more than the others do
        assert layers[0] <= layers[1:].max() + 3 * layers.std()
    if jitted:
        again = jax.jit(lambda key: make(grid, key))(KEY)
        np.testing.assert_allclose(content(again), content(ms), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(GENERATORS))
def test_single_precision_is_kept(name):
    shape, lengths = BOX if name.startswith("tpms") else FLAT
    ms = GENERATORS[name][0](Grid(shape, jnp.asarray(lengths, "float32")), KEY)
    assert ms.fractions.dtype == jnp.float32
    assert ms.grid.lengths.dtype == jnp.float32
    assert abs(float(ms.fractions.sum(axis=0).mean()) - 1) < 1e-6
