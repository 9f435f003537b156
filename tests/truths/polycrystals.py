"""Cases: random polycrystals of copper."""

import functools

import jax
import numpy as np

import jaxmicro as jm
from jaxmicro.homogenization import assign_stiffness
from jaxmicro.materials import cubic_stiffness
from tests.truths.case import Case, Trial
from tests.truths.crystal_formulas import self_consistent_shear
from tests.truths.voxels import stiffness

COPPER = (168.3, 121.2, 75.7)  # C11, C12, C44 in GPa: CRC Handbook of Chemistry and Physics, "Elastic constants for single crystals"
GRAINS, SAMPLES = 80, 3


@functools.cache
def moduli(scheme: str, n: int, sample: int) -> tuple[float, float]:
    """Bulk and shear modulus of the isotropic part of one sample."""
    grid = jm.Grid((n, n, n))
    ms = jm.microstructures.polycrystal(grid, GRAINS, key=jax.random.key(sample))
    c = stiffness(np.asarray(assign_stiffness(ms, [cubic_stiffness(*COPPER)])), grid.shape, scheme)
    return float(c[:3, :3].sum() / 9), float((np.trace(c) - c[:3, :3].sum() / 3) / 10)


def bulk(scheme: str, n: int) -> float:
    """Of one sample: a uniform volume strain is a solution, so K is that of the crystal."""
    return abs(moduli(scheme, n, 0)[0] * 3 / (COPPER[0] + 2 * COPPER[1]) - 1)


def shear(scheme: str, n: int) -> float:
    """Of the mean over the samples, against the self-consistent modulus."""
    return abs(float(np.mean([moduli(scheme, n, s)[1] for s in range(SAMPLES)])) / self_consistent_shear(*COPPER) - 1)


SELF = "Hershey (1954), doi:10.1115/1.4010899; Kröner (1958), doi:10.1007/BF01337948"
CASES = (
    Case(
        "polycrystal of copper, bulk modulus", "Hill (1952), doi:10.1088/0370-1298/65/5/307", "relative error of K", bulk,
        tuple(Trial(s, (24,), (16, 24, 32), None, 1e-9, "uniform volume strain is a solution of every scheme", slow=s != "rotated") for s in ("finite_element", "rotated")),
    ),
    Case(
        f"polycrystal of copper, shear modulus, {SAMPLES} samples of {GRAINS} grains", SELF, "relative distance of the mean G from the self-consistent one", shear,
        (
            Trial("finite_element", (24,), (16, 24, 32, 48), None, 0.025, "no limit to converge to: an estimate, sampling, and the coarse grid's excess", slow=True),
            Trial("rotated", (24,), (16, 24, 32, 48), None, 0.01, "no limit to converge to: an estimate and sampling"),
        ),
    ),
)  # fmt: skip
