"""Strut lattices: distances against brute force, closed forms of volumes, derivatives in nodes and radius."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmicro.fields import Grid
from jaxmicro.microstructures import lattice, lattice_lengths, strut_cell, strut_lattice

# struts at each node, by the geometry of each lattice
DEGREES = {"cubic": 6, "bcc": 8, "octet": 12, "kelvin": 4, "diamond": 4, "square": 4, "triangular": 6, "honeycomb": 3, "kagome": 4}


def brute_force(grid, nodes, struts):
    """Least distance over five images along each axis."""
    lengths = np.asarray(grid.lengths)
    x = np.asarray(grid.centres()).reshape(grid.ndim, -1)
    best = np.full(x.shape[1], np.inf)
    for i, j, *shift in struts:
        start, span = nodes[:, i] * lengths, (nodes[:, j] + shift - nodes[:, i]) * lengths
        for image in itertools.product((-2, -1, 0, 1, 2), repeat=grid.ndim):
            p = x - (start + np.array(image) * lengths)[:, None]
            t = np.clip(span @ p / (span @ span), 0, 1)
            best = np.minimum(best, np.linalg.norm(p - t * span[:, None], axis=0))
    return best.reshape(grid.shape)


@pytest.mark.parametrize("dim", [2, 3])
def test_it_is_all_that_is_near_a_segment(dim):
    rng = np.random.default_rng(dim)
    grid = Grid((9, 12, 7)[:dim], (1.0, 2.0, 1.5)[:dim])
    nodes = rng.random((dim, 5)) * 0.9
    zero = (0,) * dim
    struts = [(0, 1, *zero), (1, 2, *zero), (3, 4, *zero), (1, 1, 1, *zero[1:]), (1, 1, *zero[1:], -1)]  # 0, 2, 3 and 4 are free ends
    expected = brute_force(grid, nodes, struts)
    ms = strut_lattice(grid, nodes, struts, radius=0.17)
    np.testing.assert_array_equal(ms.labels, expected <= 0.17)
    np.testing.assert_array_equal(strut_lattice(grid, nodes - 3.0, struts, radius=0.17).labels, ms.labels)
    soft = strut_lattice(grid, nodes, struts, radius=0.17, width=1e-5)
    away = np.abs(expected - 0.17) > 1e-4  # ten widths from the surface: voxels nearer to it have no sharp limit yet
    assert away.mean() > 0.99
    np.testing.assert_allclose(soft.fractions[1][away], ms.labels[away], atol=1e-9)


def test_volumes_are_closed_forms():
    """Bars that cross at right angles, and three cylinders less what they share: 3 π r² − 8 √2 r³."""
    r = 0.15
    square = lattice(Grid((60, 60), (1.0, 1.0)), "square", radius=r, width=0.02)
    assert abs(float(square.volume_fractions[1]) / (1 - (1 - 2 * r) ** 2) - 1) < 0.005
    cubic = lattice(Grid((40, 40, 40), (1.0, 1.0, 1.0)), "cubic", radius=r, width=0.03)
    assert abs(float(cubic.volume_fractions[1]) / (3 * math.pi * r**2 - 8 * math.sqrt(2) * r**3) - 1) < 0.01


@pytest.mark.parametrize("kind", list(DEGREES))
def test_cells_are_those_of_their_names(kind):
    cell = strut_cell(kind)
    degrees = np.bincount(cell.struts[:, :2].ravel())
    assert set(degrees) == {DEGREES[kind]}
    # directions balance at a node: each strut's ends pull against the others
    pull = np.zeros(cell.nodes.shape)
    spans = (cell.nodes[:, cell.struts[:, 1]] + cell.struts[:, 2:].T - cell.nodes[:, cell.struts[:, 0]]) * np.array(cell.proportions)[
        :, None
    ]
    for (i, j), span in zip(cell.struts[:, :2], spans.T, strict=True):
        pull[:, i] += span
        pull[:, j] -= span
    np.testing.assert_allclose(pull, 0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(spans, axis=0), np.linalg.norm(spans[:, 0]))


def test_regular_honeycombs_fill_what_thin_walls_do():
    """Each hexagon of width 1 keeps a hole of width 1 − 2 r."""
    lengths = lattice_lengths("honeycomb", 1)
    grid, r = Grid((60, 104), lengths), 0.03
    share = float(lattice(grid, "honeycomb", radius=r, width=0.02).volume_fractions[1])
    hole = math.sqrt(3) / 2 - (1 - 2 * r) ** 2 * math.sqrt(3) / 2  # a hexagon of width 1 shrinks to 1 − 2r
    assert abs(share / (hole / (math.sqrt(3) / 2)) - 1) < 0.01


def test_the_radius_is_solved_for_the_fraction():
    grid = Grid((21, 14, 10), (1.0, 0.7, 0.5))
    sharp = lattice(grid, "bcc", volume_fraction=0.3)
    assert abs(float(sharp.volume_fractions[1]) - 0.3) * grid.size < 1
    soft = lattice(grid, "bcc", volume_fraction=0.3, width=0.1)
    np.testing.assert_allclose(soft.volume_fractions, [0.7, 0.3], atol=1e-14)
    radius = float(soft.provenance.split()[-1])
    again = lattice(grid, "bcc", radius=radius, width=0.1)
    np.testing.assert_allclose(again.fractions, soft.fractions, atol=1e-4)  # the text has six digits
    assert sharp.notes == ("lattice: bcc is stretched; edges of (1, 1, 1) would make it regular",)


def test_cells_repeat_on_whole_and_broken_voxels():
    one = np.asarray(lattice(Grid((6, 8), (3.0, 4.0)), "triangular", radius=0.4).labels)
    np.testing.assert_array_equal(lattice(Grid((12, 24), (6.0, 12.0)), "triangular", radius=0.4, cells=(2, 3)).labels, np.tile(one, (2, 3)))
    broken = Grid((13, 11), (6.0, 12.0))
    found = lattice(broken, "triangular", radius=0.8, cells=(2, 3), width=0.01)
    cell = strut_cell("triangular")
    near = brute_force_cells(broken, cell, (2, 3))
    sure = np.abs(near - 0.8) > 0.05
    np.testing.assert_allclose(found.fractions[1][sure], (near < 0.8)[sure], atol=1e-6)


def brute_force_cells(grid, cell, cells):
    """The same struts written out for every cell."""
    counts = np.array(cells)
    nodes = [(cell.nodes + np.array(place)[:, None]) / counts[:, None] for place in itertools.product(*map(range, cells))]
    struts = []
    count = cell.nodes.shape[1]
    for number, place in enumerate(itertools.product(*map(range, cells))):
        for i, j, *shift in cell.struts:
            target = np.array(place) + shift
            other = np.ravel_multi_index(tuple(target % counts), cells)
            struts.append((number * count + i, other * count + j, *(target // counts)))
    return brute_force(grid, np.concatenate(nodes, axis=1), struts)


@pytest.mark.parametrize("by", [pytest.param("radius", marks=pytest.mark.slow), "volume_fraction"])
def test_derivatives_in_nodes_radius_width_and_edges(by):
    struts = [(0, 1, 0, 0), (1, 0, 1, 0), (0, 1, 0, -1)]

    def value(p):
        grid = Grid((8, 9), lengths=p[:2])
        ms = strut_lattice(grid, p[4:].reshape(2, 2), struts, width=p[3], **{by: p[2]})
        return jnp.sum(ms.fractions[1] ** 2 * jnp.cos(jnp.arange(72.0)).reshape(8, 9))

    p = jnp.array([1.0, 1.3, 0.2, 0.15, 0.11, 0.53, 0.23, 0.67])
    direction = jax.random.normal(jax.random.key(0), p.shape) * 0.3
    gradient, forward = jax.jit(lambda p: (jax.grad(value)(p), jax.jvp(value, (p,), (direction,))[1]))(p)
    call, step = jax.jit(value), 1e-6
    expected = (call(p + step * direction) - call(p - step * direction)) / (2 * step)
    np.testing.assert_allclose([gradient @ direction, forward], [expected] * 2, rtol=1e-6)


def test_single_precision_and_bad_input(as_user):
    flat, box = Grid((8, 8)), Grid((8, 8, 8), jnp.ones(3, jnp.float32))
    assert lattice(box, "diamond", volume_fraction=0.2, width=0.2).fractions.dtype == jnp.float32
    for call, message in [
        (lambda: lattice(flat, "octet", radius=1.0), r"'octet' is a 3D lattice. Take 'square', 'triangular'"),
        (lambda: lattice(box, "octett", radius=1.0), "Did you mean 'octet'"),
        (lambda: lattice(box), "Exactly one of `radius` and `volume_fraction`"),
        (lambda: lattice(box, radius=-0.1), "`radius` must be positive and finite, but it is -0.1"),
        (lambda: strut_lattice(flat, [[0.0], [0.0]], [(0, 1, 0, 0)], 1.0), "must join nodes 0 … 0, but they name 0 … 1"),
        (lambda: strut_lattice(flat, [[0.0], [0.0]], [(0, 0, 0, 0)], 1.0), "must have a length, but strut 0"),
        (lambda: strut_lattice(flat, [[0.0], [0.0]], [(0, 0, 2, 0)], 1.0), "must not be longer than the unit cell"),
        (lambda: strut_lattice(flat, [[0.0], [0.0]], [(0, 0, 1)], 1.0), r"`struts` must have shape \(struts, 4\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
