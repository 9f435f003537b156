"""Cases: relations that hold for every geometry, so that the voxels themselves are the geometry and no error is theirs."""

import functools

import numpy as np

import jaxmicro as jm
from jaxmicro.homogenization import effective_thermoelastic
from tests.truths.case import EXACT, Case, Trial
from tests.truths.inclusions import from_moduli
from tests.truths.voxels import RTOL, conductivity, in_balls, isotropic, mean_error, relative, stiffness

EDGES = (1.3, 0.7, 2.1)


def equal_shear(scheme: str, n: int, dim: int) -> float:
    """Phases of one shear modulus: isotropic, and 1/(K + 2 (d−1)/d μ) is the mean of that of the phases."""
    bulk, shear = np.array([1.0, 10.0]), 1.0
    more = 2 * shear * (dim - 1) / dim
    tensors = np.stack([from_moduli(k, shear, dim) for k in bulk], -1)

    def error(shift) -> float:
        labels = in_balls((n,) * dim, (1.0,) * dim, [shift], 0.35)
        shares = np.array([1 - labels.mean(), labels.mean()])
        exact = from_moduli(1 / np.sum(shares / (bulk + more)) - more, shear, dim)
        return relative(stiffness(tensors[..., labels], (1.0,) * dim, scheme), exact)

    return mean_error(dim, "plain", error)


def levin(scheme: str, n: int, dim: int, size: int) -> float:
    """Two anisotropic phases at random: α = ⟨α⟩ + (α₁ − α₀)(S₁ − S₀)⁻¹(S − ⟨S⟩)."""
    rng = np.random.default_rng(n)
    draws = [rng.normal(size=(size, size)) for _ in range(2)]
    tensors = [scale * (a @ a.T + 0.5 * np.eye(size)) for scale, a in zip((1.0, 5.0), draws, strict=True)]
    own, labels = rng.normal(size=(size, 2)), (rng.random((n,) * dim) < 0.4).astype(int)
    found = effective_thermoelastic(
        np.stack(tensors, -1)[..., labels], own[:, labels], jm.Grid(labels.shape, EDGES[:dim]),
        discretization=scheme, preconditioner="green", rtol=RTOL,
    )  # fmt: skip
    shares, compliances = np.array([1 - labels.mean(), labels.mean()]), [np.linalg.inv(c) for c in tensors]
    mean = sum(f * s for f, s in zip(shares, compliances, strict=True))
    change = np.linalg.solve(compliances[1] - compliances[0], np.linalg.inv(np.asarray(found.stiffness)) - mean)
    exact = own @ shares + (own[:, 1] - own[:, 0]) @ change
    return relative(found.expansion, exact)


def fibres(scheme: str, n: int) -> float:
    """Fibres of any cross-section: one lateral strain beside a unit strain along them makes the lateral stresses of both phases equal.

    With a = −(λ₁ − λ₀)/(2 (κ₁ − κ₀)), κ the plane bulk modulus, the strain (a, a, 1, 0, 0, 0) is uniform, and C maps it to the mean of
    the phases' stresses.
    """
    phases, rng = [isotropic(1.0, 0.35, 3), isotropic(20.0, 0.2, 3)], np.random.default_rng(n)
    labels = (rng.random((n, n)) < 0.4).astype(int)
    lame, bulk = (np.array([f(c) for c in phases]) for f in (lambda c: c[0, 1], lambda c: (c[0, 0] + c[0, 1]) / 2))
    lateral = -0.5 * (lame[1] - lame[0]) / (bulk[1] - bulk[0])
    strain = np.array([lateral, lateral, 1.0, 0.0, 0.0, 0.0])
    exact = sum(f * c @ strain for f, c in zip((1 - labels.mean(), labels.mean()), phases, strict=True))
    return relative(stiffness(np.stack(phases, -1)[..., labels], EDGES[:2], scheme) @ strain, exact)


def plane_polycrystal(scheme: str, n: int) -> float:
    """Grains of one crystal whose axes lie in the plane: det k = k₁ k₂."""
    angle = np.random.default_rng(n).uniform(0, np.pi, size=(n, n))
    turn = np.stack([np.stack([np.cos(angle), -np.sin(angle)]), np.stack([np.sin(angle), np.cos(angle)])])
    crystal = np.diag([1.0, 20.0])
    found = conductivity(np.einsum("ikxy,kl,jlxy->ijxy", turn, crystal, turn), EDGES[:2], scheme)
    return abs(np.linalg.det(found) / 20.0 - 1)


HILL = "Hill (1963), doi:10.1016/0022-5096(63)90036-X"
DUAL = "on odd grids the turned flux is a gradient of the scheme, so the proof holds voxel by voxel"
POTENTIAL = "on odd grids derivatives commute and have one symbol, so that the exact strain, a second gradient, is a strain of the scheme"
UNIFORM = "one temperature and one mean strain make both phases deform alike, a uniform field of every scheme"
LEVIN = "Levin (1967), Mech. Solids 2, 58; Rosen & Hashin (1970), doi:10.1016/0020-7225(70)90066-2"
CASES = (
    Case(
        "equal shear moduli, discs", HILL, "largest error of an entry of C over the largest entry", functools.partial(equal_shear, dim=2),
        (
            Trial("finite_element", (16, 32, 64), (16, 32, 64, 128, 256), (0.8, 1.2), 3.2e-3, "hourglass strains in the voxels at the interface: order one"),
            Trial("rotated", (15,), (15, 31, 63), None, EXACT, POTENTIAL),
            Trial("fourier", (15,), (15, 31, 63), None, EXACT, POTENTIAL, slow=True),
        ),
    ),
    Case(
        "equal shear moduli, spheres", HILL, "largest error of an entry of C over the largest entry", functools.partial(equal_shear, dim=3),
        (
            Trial("finite_element", (8, 16, 32), (8, 16, 32, 64), (0.75, 1.2), 6e-3, "hourglass strains in the voxels at the interface: order one", slow=True),
            Trial("rotated", (9,), (9, 17), None, EXACT, POTENTIAL, slow=True),
        ),
    ),
    Case(
        "thermal expansion of two anisotropic phases, random voxels, plane", LEVIN,
        "largest error of an entry of α over the largest entry", functools.partial(levin, dim=2, size=3),
        tuple(Trial(s, (16,), (16, 32), None, EXACT, UNIFORM, slow=s != "finite_element") for s in ("finite_element", "rotated", "fourier")),
    ),
    Case(
        "thermal expansion of two anisotropic phases, random voxels, 3D", LEVIN,
        "largest error of an entry of α over the largest entry", functools.partial(levin, dim=3, size=6),
        (Trial("finite_element", (8,), (8, 16), None, EXACT, UNIFORM, slow=True),),
    ),
    Case(
        "fibres of any cross-section, columnar, random voxels", "Hill (1964), doi:10.1016/0022-5096(64)90019-5", "error of the stress under the strain that is uniform",
        fibres, (Trial("finite_element", (16,), (16, 32), None, EXACT, "uniform strains are in the space of every scheme"),),
    ),
    Case(
        "plane polycrystal, conduction, random voxels", "Dykhne (1971), Sov. Phys. JETP 32, 63",
        "error of det k over k₁ k₂", plane_polycrystal,
        tuple(Trial(s, (15,), (15, 31, 63), None, EXACT, DUAL, slow=s != "rotated") for s in ("rotated", "fourier")),
    ),
)  # fmt: skip
