"""The mean-field estimates beside a homogenized cell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxmicro as jm
from jaxmicro.homogenization import mean_field_estimates, moduli

SOFT = {"young": 1.0, "poisson": 0.3, "conductivity": 1.0}
HARD = {"young": 10.0, "poisson": 0.25, "conductivity": 3.0}
LABELS = np.zeros((8, 7), int)
LABELS[2:5, 1:5] = 1
CUBE = np.zeros((4, 4, 3), int)
CUBE[1:3, 1:3, 1] = 1
METHODS = ("dilute", "mori_tanaka", "differential", "self_consistent")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("labels", "plane", "shape", "conductors"),
    [
        (LABELS, "strain", "disc", "disc"),
        (LABELS, "stress", "disc", "disc"),
        (LABELS, "columnar", "fibre", "disc"),
        (CUBE, "auto", "sphere", "sphere"),
    ],
)
def test_each_phase_is_the_matrix_once(labels, plane, shape, conductors):
    r = jm.homogenize(labels, {0: SOFT, 1: HARD}, plane=plane)
    share, found = labels.mean(), r.mean_field
    assert found.phases == ("phase 0", "phase 1")
    solids = [jm.materials.isotropic_stiffness(m["young"], m["poisson"]) for m in (SOFT, HARD)]
    if shape == "disc":
        solids = [jm.materials.plane_stiffness(c, plane) for c in solids]
    for matrix, f in ((0, share), (1, 1 - share)):
        elastic = mean_field_estimates(solids[matrix], solids[1 - matrix], f, shape=shape)
        conductive = mean_field_estimates([1.0, 3.0][matrix], [3.0, 1.0][matrix], f, shape=conductors)
        for method in METHODS:
            assert np.allclose(getattr(found.stiffness[matrix], method), getattr(elastic, method), rtol=1e-9, atol=1e-9)
            assert np.allclose(getattr(found.conductivity[matrix], method), getattr(conductive, method), rtol=1e-9, atol=1e-9)
    assert np.allclose(found.stiffness[0].self_consistent, found.stiffness[1].self_consistent, rtol=1e-9, atol=1e-9)
    assert r.notes == ()


def test_mori_tanaka_estimates_are_the_bounds_that_are_printed():
    n = 24
    x = np.stack(np.meshgrid(*((np.arange(n) + 0.5) / n - 0.5,) * 2, indexing="ij"))
    r = jm.homogenize(((x**2).sum(0) < 0.2**2).astype(int), [SOFT, HARD])
    bounds, found = r.analytic_bounds, r.mean_field
    for side, matrix in ((0, 0), (1, 1)):
        estimate = moduli(found.stiffness[matrix].mori_tanaka)
        assert float(estimate.bulk_isotropic) == pytest.approx(float(bounds.bulk[side]), rel=1e-10)
        assert float(estimate.shear_isotropic) == pytest.approx(float(bounds.shear[side]), rel=1e-10)
        k = found.conductivity[matrix].mori_tanaka[0, 0]
        assert float(k) == pytest.approx(float(bounds.conductivity_hashin_shtrikman[side]), rel=1e-10)
    lines = str(r).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("mean-field estimates (discs):"))
    table = {line[:38].strip(): line[38:].split() for line in lines[start + 1 : start + 10]}
    assert table["Hashin–Shtrikman, lower"] == table["phase 0 as matrix: Mori–Tanaka"]
    assert table["Hashin–Shtrikman, upper"] == table["phase 1 as matrix: Mori–Tanaka"]
    cell = moduli(r.stiffness)
    assert table["this cell"] == [format(float(v), ".5g") for v in (cell.bulk_isotropic, cell.shear_isotropic, r.conductivity[0, 0])]
    assert list(table)[-1] == "no matrix: self-consistent"
    assert len({len(line) for line in lines[start : start + 10]}) == 1
    assert "phase 0 as matrix: dilute" in table
    assert "phase 1 as matrix: dilute" not in table  # of 87 % inclusions: it leaves the range of the phases


def test_what_the_estimates_need_is_said():
    crystals = jm.homogenize(LABELS, ["Cu", "Al"])
    assert crystals.mean_field is None
    assert crystals.notes == ("mean-field estimates of the stiffness need isotropic phases",)
    assert "note: mean-field estimates of the stiffness need isotropic phases" in str(crystals)
    assert jm.homogenize(LABELS + np.eye(8, 7, dtype=int), [SOFT, HARD, SOFT]).notes == ("mean-field estimates need two phases",)
    grey = jm.homogenize(jm.Microstructure(fractions=np.full((2, 4, 3), 0.5)), [SOFT, HARD])
    assert grey.mean_field is None
    assert "one phase each" in grey.notes[0]
    tensor = {"young": 1.0, "poisson": 0.3, "conductivity": np.diag([1.0, 2.0, 3.0])}
    mixed = jm.homogenize(LABELS, [tensor, HARD])
    assert mixed.mean_field.conductivity is None
    assert mixed.mean_field.stiffness is not None
    assert mixed.notes == ("mean-field estimates of the conductivity need isotropic phases",)
    assert "plane bulk" in str(mixed)


def test_voids_have_estimates():
    r = jm.homogenize(LABELS, [SOFT, {"young": 0.0, "poisson": 0.3, "conductivity": 0.0}])
    porous, foam = r.mean_field.stiffness
    assert 0 < float(porous.differential[0, 0]) < float(porous.mori_tanaka[0, 0])
    assert not np.asarray(foam.mori_tanaka).any()
    assert int(porous.status) == int(foam.status) == 0
    assert "phase 0 as matrix: differential" in str(r)


@pytest.mark.parametrize("plane", ["strain", "columnar"])
def test_estimates_survive_a_file(tmp_path, plane):
    r = jm.homogenize(LABELS, [SOFT, HARD], plane=plane)
    text = str(r)
    jm.io.write(tmp_path / "r.npz", r)
    back = jm.io.read(tmp_path / "r.npz")
    assert str(back) == text
    assert jax.tree.structure(back) == jax.tree.structure(r)
    assert np.array_equal(back.mean_field.stiffness[1].differential, r.mean_field.stiffness[1].differential)
    jm.io.write(tmp_path / "estimates.npz", r.mean_field)
    estimates = jm.io.read(tmp_path / "estimates.npz")
    assert np.array_equal(estimates.conductivity[0].self_consistent, r.mean_field.conductivity[0].self_consistent)


def test_estimates_of_a_traced_cell():
    ms = jm.Microstructure(labels=LABELS)

    def both(ms):
        r = jm.homogenize(ms, [SOFT, HARD])
        return r, r.mean_field.stiffness[0].mori_tanaka

    plain = jm.homogenize(ms, [SOFT, HARD])
    traced, inside = jax.jit(both)(ms)
    assert np.allclose(inside, plain.mean_field.stiffness[0].mori_tanaka, rtol=1e-12)
    assert np.allclose(traced.mean_field.stiffness[0].mori_tanaka, inside, rtol=1e-12)
    assert jnp.array_equal(traced.two_phases.fractions, plain.two_phases.fractions)


@pytest.mark.slow
def test_estimates_of_a_single_precision_cell_are_single():
    grid = jm.Grid(LABELS.shape, np.float32([8, 7]))
    single = jm.homogenize(jm.Microstructure(grid=grid, labels=LABELS), [SOFT, HARD]).mean_field
    double = jm.homogenize(LABELS, [SOFT, HARD]).mean_field
    for pair, exact in ((single.stiffness, double.stiffness), (single.conductivity, double.conductivity)):
        assert pair[0].differential.dtype == jnp.float32
        assert np.allclose(pair[1].mori_tanaka, exact[1].mori_tanaka, rtol=1e-5, atol=1e-5)
