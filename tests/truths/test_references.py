"""The references themselves: against published series and tables, closed forms, and each other."""

import numpy as np
import pytest

from benchmarks.inclusion_references import inclusion_conductivity, inclusion_stiffness
from jaxmicro.homogenization import composite_conductivity, composite_stiffness, hashin_shtrikman_conductivity, hashin_shtrikman_moduli
from tests.homogenization.references import laminate_conductivity, laminate_stiffness
from tests.truths import arrays, disc_lattices, sphere_elasticity, sphere_lattices
from tests.truths.corners import corner_exponent
from tests.truths.crystal_formulas import hashin_shtrikman_shear, reuss_voigt, self_consistent_shear
from tests.truths.inclusions import from_moduli
from tests.truths.laminate_formulas import hashin_shtrikman, layers, sequential_laminate, thicknesses
from tests.truths.layered import RANKS, anisotropic
from tests.truths.smooth_fields import Manufactured
from tests.truths.voxels import centres, isotropic, relative

# Coefficients of k = 1 − 3f/D, D = −1/L₁ + f + a₁ L₂ f^{10/3} (1 + a₂ L₃ f^{11/3})/(1 − a₃ L₂ f^{7/3}) + a₄ L₃ f^{14/3} + a₅ L₄ f⁶ +
# a₆ L₅ f^{22/3}, L_n = (k₁ − 1)/(k₁ + 2n/(2n − 1)), of order f^{25/3}: Sangani & Acrivos (1983), doi:10.1098/rspa.1983.0020.
SERIES = {
    "SC": (1.3047, 0.2305, 0.4054, 0.07231, 0.1526, 0.0105),
    "BCC": (0.1294, -0.4129, 0.7642, 0.2569, 0.0113, 0.00562),
    "FCC": (0.07529, 0.6966, -0.7410, 0.2420, 0.0231, 9.14e-7),
}


# Perfectly conducting cylinders in a square array, share and conductivity: Perrins, McKenzie & McPhedran (1979), doi:10.1098/rspa.1979.0160.
PERRINS = {0.1: 1.222, 0.2: 1.500, 0.3: 1.860, 0.4: 2.351, 0.5: 3.080, 0.6: 4.342, 0.7: 7.433}


@pytest.mark.parametrize(("share", "published"), PERRINS.items())
def test_multipoles_of_discs_give_the_published_table(share, published):
    found = disc_lattices.conductivity("square", np.sqrt(share / np.pi), (1.0, np.inf))
    assert found == pytest.approx(published, abs=6e-4)


def series(lattice, share, contrast):
    a = SERIES[lattice]
    factors = [1.0 if np.isinf(contrast) else (contrast - 1) / (contrast + 2 * n / (2 * n - 1)) for n in range(1, 6)]
    third = share ** (1 / 3)
    total = -1 / factors[0] + share
    total += a[0] * factors[1] * third**10 * (1 + a[1] * factors[2] * third**11) / (1 - a[2] * factors[1] * third**7)
    total += a[3] * factors[2] * third**14 + a[4] * factors[3] * third**18 + a[5] * factors[4] * third**22
    return 1 - 3 * share / total


@pytest.mark.parametrize("lattice", SERIES)
@pytest.mark.parametrize("contrast", [np.inf, 10.0, 0.1])
def test_multipoles_of_spheres_sum_the_published_series(lattice, contrast):
    for share, left_out in ((0.05, 2e-9), (0.1, 3e-8), (0.2, 4e-6)):  # of order f^{25/3}, and the digits of the coefficients
        found = sphere_lattices.conductivity(lattice, sphere_lattices.sphere_radius(lattice, share), (1.0, contrast), degree=13)
        assert found == pytest.approx(series(lattice, share, contrast), rel=left_out)


def rayleighs_series(lattice, share, jump):
    """K = 1 − 2f/(T + f − c₁ f^p T/(T² − c₂ f^q) − c₃ f^q/T), T = (1 + k₁)/(1 − k₁): Perrins, McKenzie & McPhedran (1979)."""
    c1, c2, c3, p, q = (0.305827, 1.402958, 0.013362, 4, 8) if lattice == "square" else (0.075422, 1.060283, 0.000076, 6, 12)
    return 1 - 2 * share / (jump + share - c1 * share**p * jump / (jump**2 - c2 * share**q) - c3 * share**q / jump)


@pytest.mark.parametrize("lattice", ["square", "hexagonal"])
@pytest.mark.parametrize("contrast", [np.inf, 10.0, 0.0])
def test_multipoles_of_discs_sum_the_published_series(lattice, contrast):
    jump = -1.0 if np.isinf(contrast) else (1 + contrast) / (1 - contrast)
    for share in (0.1, 0.3, 0.5):
        radius = (share * disc_lattices.cell_area(lattice) / np.pi) ** 0.5
        left_out = share ** (12 if lattice == "square" else 18) + 1e-6  # terms, and digits of the coefficients
        assert disc_lattices.conductivity(lattice, radius, (1.0, contrast)) == pytest.approx(
            rayleighs_series(lattice, share, jump), rel=left_out
        )


def test_multipoles_equal_curved_elements_of_high_degree():
    phases, radius = arrays.phases(2, hole=False), arrays.radius("square")
    assert relative(disc_lattices.plane_stiffness("square", radius, phases), inclusion_stiffness(2, radius, phases, 14)) < 1e-8
    holes = arrays.phases(2, hole=True)
    assert relative(disc_lattices.plane_stiffness("square", radius, holes), inclusion_stiffness(2, radius, holes, 14)) < 1e-7
    assert arrays.exact_conductivity("square", 10.0) == pytest.approx(inclusion_conductivity(2, radius, (1.0, 10.0), 14), rel=1e-8)
    sphere = arrays.radius("SC")
    assert arrays.exact_conductivity("SC", 10.0) == pytest.approx(inclusion_conductivity(3, sphere, (1.0, 10.0), 5), rel=3e-6)
    assert relative(arrays.exact_stiffness("SC", hole=False), inclusion_stiffness(3, sphere, arrays.phases(3, hole=False), 4)) < 2e-4


@pytest.mark.slow
@pytest.mark.parametrize(("lattice", "error"), [("SC", 2e-5), ("BCC", 1e-6), ("FCC", 1e-6)])
def test_stored_stiffnesses_of_spheres(lattice, error):
    """Degree 11 is off by 1e-5 for the simple cubic array, whose neighbours are nearest, and less for the others."""
    found = sphere_elasticity.stiffness(lattice, arrays.radius(lattice), arrays.phases(3, hole=False), degree=11, regular=16)
    assert relative(found, arrays.exact_stiffness(lattice, hole=False)) < error


@pytest.mark.slow
def test_a_stored_stiffness_equals_curved_elements():
    found = inclusion_stiffness(3, arrays.radius("SC"), arrays.phases(3, hole=False), 6)
    assert relative(found, arrays.exact_stiffness("SC", hole=False)) < 1e-6


def test_a_hexagonal_array_is_isotropic():
    for hole in (False, True):
        c = arrays.exact_stiffness("hexagonal", hole)
        assert c[0, 0] - c[0, 1] == pytest.approx(c[2, 2], rel=1e-10)


@pytest.mark.parametrize("lattice", ["square", "hexagonal", "SC", "BCC", "FCC"])
def test_few_inclusions_are_those_of_the_hashin_shtrikman_bound(lattice):
    """To first order in the share, and beyond for the isotropic part: neighbours count from f^{5/3} (spheres) or f² on."""
    share, dim = 1e-3, 3 if lattice in SERIES else 2
    phases = arrays.phases(dim, hole=False)
    if dim == 3:
        found = sphere_elasticity.stiffness(lattice, sphere_lattices.sphere_radius(lattice, share), phases, degree=3, regular=8)
    else:
        found = disc_lattices.plane_stiffness(lattice, (share * disc_lattices.cell_area(lattice) / np.pi) ** 0.5, phases, terms=4)
    change = hashin_shtrikman(phases[1], phases[0], share, dim) - phases[0]
    assert relative(found - phases[0], change) < 0.01


@pytest.mark.parametrize("kind", RANKS)
def test_sequential_laminates_attain_the_hashin_shtrikman_bound(kind):
    """The closed form equals layers of layers, by two formulas and by the library's rule, and the bound, which equals the library's."""
    normals, share, core, matrix = RANKS[kind]
    dim, weights = len(normals[0]), np.full(len(normals), 1 / len(normals))
    bound = hashin_shtrikman(core, matrix, share, dim)
    rule, formula = (
        (composite_conductivity, laminate_conductivity) if kind.startswith("conduction") else (composite_stiffness, laminate_stiffness)
    )
    ours = theirs = other = core
    for thickness, normal in zip(thicknesses(share, weights), normals, strict=True):
        unit = np.array(normal) / np.linalg.norm(normal)
        ours = layers([matrix, ours], [thickness, 1 - thickness], normal)
        extra = () if rule is composite_conductivity else (dim,)
        other = formula([matrix, other], [thickness, 1 - thickness], unit, *extra)
        place = (slice(None), *(None,) * dim)
        field = rule(np.full((2,) * dim, thickness), np.broadcast_to(unit[place], (dim, *(2,) * dim)), theirs, matrix)
        theirs = np.asarray(field)[(..., *(0,) * dim)]
    for found in (sequential_laminate(core, matrix, share, normals, weights), ours, theirs, other):
        assert relative(found, bound) < 1e-13
    if kind.startswith("conduction"):
        low = hashin_shtrikman_conductivity([matrix[0, 0], core[0, 0]], [1 - share, share], dim)[0]
        assert relative(float(low) * np.eye(dim), bound) < 1e-13
    else:
        moduli = [((c[0, 1] + c[-1, -1] / dim), c[-1, -1] / 2) for c in (matrix, core)]
        found = hashin_shtrikman_moduli(*zip(*moduli, strict=True), [1 - share, share], dim)
        assert relative(from_moduli(float(found["bulk"][0]), float(found["shear"][0]), dim), bound) < 1e-13


def test_layers_by_two_formulas():
    for size, dim in ((3, 2), (6, 3)):
        tensors, shares = anisotropic(size, 4), [0.2, 0.3, 0.5]
        normal = np.array([0.6, 0.8]) if dim == 2 else np.array([1.0, 2.0, -2.0]) / 3
        assert relative(layers(tensors, shares, normal), laminate_stiffness(tensors, shares, normal, dim)) < 1e-13


def test_corner_exponents():
    quarters = [np.pi / 2] * 4
    for contrast in (2.0, 10.0, 100.0):  # Keller's checkerboard
        assert corner_exponent([1.0, contrast] * 2, quarters) == pytest.approx(4 / np.pi * np.arctan(contrast**-0.5), abs=1e-9)
    for sectors in ([1e9, 1.0], [1.0, 1e9]):  # a re-entrant corner of constant potential, or of no flux
        assert corner_exponent(sectors, [np.pi / 2, 1.5 * np.pi]) == pytest.approx(2 / 3, abs=1e-4)


def test_copper_between_its_bounds():
    """Bounds of Hashin and Shtrikman, 46.1 and 49.6 GPa, and Kröner's modulus, 48.3 GPa."""
    copper = (168.3, 121.2, 75.7)
    (reuss, voigt), (low, high), middle = reuss_voigt(*copper), hashin_shtrikman_shear(*copper), self_consistent_shear(*copper)
    assert reuss < low < middle < high < voigt
    assert [round(x, 1) for x in (low, middle, high)] == [46.1, 48.3, 49.6]


@pytest.mark.parametrize("kind", [((1.0, 1.6), 3), ((1.0, 1.6), 6), ((1.0, 1.6, 0.8), 6)])
def test_manufactured_stresses_have_no_divergence_and_strains_are_those_of_the_displacements(kind):
    cell, n = Manufactured(*kind), 32
    x = centres((n,) * cell.dim, cell.lengths)
    space = tuple(range(-cell.dim, 0))

    def slope(field, axis):
        wave = 2 * np.pi * np.fft.fftfreq(n) * n / cell.lengths[axis]
        wave = wave.reshape([-1 if k == axis else 1 for k in range(cell.dim)])
        return np.fft.ifftn(1j * wave * np.fft.fftn(field, axes=space), axes=space).real

    pairs = {3: ((0, 0), (1, 1), (0, 1)), 6: ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))}[cell.size]
    u, stress = cell.displacement(x), cell.stress(x)
    gradient, divergence = np.zeros((3, 3, *x.shape[1:])), np.zeros((3, *x.shape[1:]))
    for axis in range(cell.dim):
        gradient[: cell.components, axis] = slope(u, axis)
        for (i, j), s in zip(pairs, stress, strict=True):
            root = 1.0 if i == j else 0.5**0.5
            if j == axis:
                divergence[i] += root * slope(s, axis)
            if i == axis and i != j:
                divergence[j] += root * slope(s, axis)
    strain = np.stack([(gradient[i, j] + gradient[j, i]) * (0.5 if i == j else 0.5**0.5) for i, j in pairs])
    strain += cell.mean_strain.reshape(-1, *(1,) * cell.dim)
    assert np.abs(divergence).max() < 1e-8 * np.abs(stress).max()
    assert np.abs(strain - cell.strain(x)).max() < 1e-8 * np.abs(strain).max()
    assert np.linalg.eigvalsh(np.moveaxis(cell.stiffness(x), (0, 1), (-2, -1))).min() > 0.1


def test_isotropic_constants():
    c = isotropic(2.0, 0.25, 3)
    assert 1 / np.linalg.inv(c)[0, 0] == pytest.approx(2.0)
    assert -np.linalg.inv(c)[0, 1] * 2.0 == pytest.approx(0.25)
