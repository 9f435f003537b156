"""From EBSD files to anisotropic stiffness, and back to the crystals by gradients.

    python examples/08_superalloy_from_ebsd.py [DATA] [--quick] [--out=FOLDER]

DATA holds ebsd_ni_superalloy_oxford/testDataEBSD.cpr with its .crc (DefDAP, github.com/MechMicroMan/DefDAP, Apache-2.0) and
ebsd_duplex_steel/sdss_ferrite_austenite.ang (H. W. Ånes, github.com/pyxem/orix-data, CC BY 4.0); by default it is that of the variable
JAXMICRO_DATA. The map is of a nickel superalloy; the constants are those of Inconel 625 (Wang et al. 2016,
doi:10.1016/j.msea.2016.08.010), whose measured Young's modulus is 207.5 GPa (Special Metals, annealed, 21 °C). The duplex steel takes
304 for its austenite (Ledbetter 1984, doi:10.1002/pssa.2210850111) and iron for its ferrite (Dever 1972, doi:10.1063/1.1661710).
"""

import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

MEASURED = 207.5  # GPa, Inconel 625
STEPS, TURN = 5, np.deg2rad(4.0)  # of the optimisation: each step turns the grain of steepest gradient by as much


def columnar(ms: jm.Microstructure, tensors: list[np.ndarray]) -> jm.homogenization.EffectiveResult:
    """The 2.5D problem of a map: fields vary in the plane, strains have six components."""
    return jm.effective_stiffness(jm.homogenization.assign_stiffness(ms, tensors), ms.grid)


def turned(q: jax.Array, vectors: jax.Array) -> jax.Array:
    """Orientations after small turns by rotation vectors (3, *grid) in crystal axes, to first order exact also at zero."""
    small = jnp.concatenate([jnp.ones_like(vectors[:1]), -0.5 * vectors])
    return jm.orientations.multiply(jm.orientations.normalize(small), q)


def compare(ms: jm.Microstructure, crystal: np.ndarray, effective: jm.homogenization.EffectiveResult) -> float:
    """E of the map beside bounds, estimates and the measurement; E of the map without its anisotropy."""
    bulk, shear = (float(x) for x in jm.homogenization.nearest_isotropic(effective.tensor))
    mean = 9 * bulk * shear / (3 * bulk + shear)
    without = jm.homogenization.polycrystal_estimates(crystal)
    voxels = jnp.moveaxis(jm.homogenization.assign_stiffness(ms, [crystal]).reshape(6, 6, -1), -1, 0)
    even = jnp.full(voxels.shape[0], 1 / voxels.shape[0])
    own = [jm.homogenization.moduli(bound(voxels, even)) for bound in (jm.homogenization.reuss_bound, jm.homogenization.voigt_bound)]
    print("Young's modulus along x, y, z in GPa")
    for name, found in (("Reuss, these crystals", own[0]), ("this map", effective.moduli), ("Voigt, these crystals", own[1])):
        print(f"   {name:24s}" + "".join(f"{float(e):9.2f}" for e in found.young))
    print(f"Young's modulus without direction in GPa (the map's nearest isotropic tensor: {mean:.2f})")
    low, high = without.hashin_shtrikman
    for name, found in (
        ("Reuss", without.reuss), ("Hashin–Shtrikman, lower", low), ("self-consistent", without.self_consistent),
        ("Hashin–Shtrikman, upper", high), ("Voigt", without.voigt),
    ):  # fmt: skip
        print(f"   {name:24s}{float(found.young):9.2f}")
    print(f"   {'measured, Inconel 625':24s}{MEASURED:9.2f}")
    return mean


def edges(raw: jm.Microstructure, crystal: np.ndarray) -> dict[str, float]:
    """What the treatment of the edges does: a map is not periodic, a cell is."""
    print("Young's modulus along x, y, z in GPa by treatment of the edges")
    found = {}
    for treatment in ("as_is", "mirror", "blend"):
        young = columnar(jm.microstructures.make_periodic(raw, treatment), [crystal]).moduli.young
        print(f"   {treatment:24s}" + "".join(f"{float(e):9.2f}" for e in young))
        found[treatment] = float(young[0])
    return found


def steer(ms: jm.Microstructure, crystal: np.ndarray, out: Path) -> dict[str, float]:
    """The gradient of E_x in the turns of every pixel and every grain, and some steps that follow it."""
    grain = np.asarray(jm.descriptors.segment_grains(ms, min_size=1).labels)
    count = int(grain.max()) + 1

    def young(vectors: jax.Array) -> jax.Array:
        field = jm.homogenization.assign_stiffness(ms.replace(orientation=turned(ms.orientation, vectors)), [crystal])
        return jm.effective_stiffness(field, ms.grid).moduli.young[0]

    per_pixel = jax.jit(jax.value_and_grad(young))
    start, slope = per_pixel(jnp.zeros((3, *ms.grid.shape)))
    size = jnp.sqrt(jnp.sum(slope**2, axis=0)) * ms.grid.size
    summed = np.stack([np.bincount(grain.ravel(), np.asarray(s).ravel(), count) for s in slope])  # the chain rule of a rigid turn
    of_grain = np.sqrt((summed**2).sum(axis=0))
    shown = {"spacing": np.asarray(ms.grid.spacing).tolist(), "length_unit": "µm"}
    jm.plotting.save(jm.plotting.field(size, name="|∂E_x/∂ω| × points", unit="GPa/rad", **shown), out / "gradient_pixels.png")
    jm.plotting.save(
        jm.plotting.field(of_grain[grain], name="|∂E_x/∂ω| of the grain", unit="GPa/rad", **shown), out / "gradient_grains.png"
    )
    print(f"{count} grains; the steepest changes E_x = {float(start):.2f} GPa by {of_grain.max():.2f} GPa per radian of its own turn")

    vectors, value = jnp.zeros((3, *ms.grid.shape)), float(start)
    for step in range(STEPS):
        summed = np.stack([np.bincount(grain.ravel(), np.asarray(s).ravel(), count) for s in slope])
        length = np.maximum(np.sqrt((summed**2).sum(axis=0)), 1e-12)
        vectors = vectors + jnp.asarray(TURN * summed / length.max())[:, grain]
        value, slope = per_pixel(vectors)
        print(f"   step {step + 1}: E_x = {float(value):.2f} GPa")
    better = ms.replace(orientation=turned(ms.orientation, vectors))
    jm.plotting.save(jm.plotting.ipf_map(better, "x", boundaries=10.0), out / "after_optimisation.png")
    check = jm.effective_stiffness(jm.homogenization.assign_stiffness(better, [crystal]), ms.grid, discretization="rotated").moduli.young[0]
    print(f"   second discretisation (rotated): {float(check):.2f} GPa")
    return {"grains": count, "E_x before": float(start), "E_x after": float(value), "E_x after, rotated": float(check)}


def duplex(data: Path, out: Path) -> float:
    """Two phases with their own constants, straight from the file."""
    ms = jm.io.read(data / "ebsd_duplex_steel" / "sdss_ferrite_austenite.ang", frame="edax")
    shares = np.asarray(ms.volume_fractions)
    tensors = [np.asarray(jm.materials.constants(name).stiffness) for name in ("304", "Fe")]
    effective = columnar(ms, tensors)
    expected = jm.homogenization.polycrystal_estimates(tensors, shares)
    low, high = (float(bound.young) for bound in expected.hashin_shtrikman)
    print(f"duplex steel: {100 * shares[0]:.1f} % austenite, {100 * shares[1]:.1f} % ferrite")
    print("   E along x, y, z in GPa:" + "".join(f"{float(e):9.2f}" for e in effective.moduli.young))
    print(f"   without texture: self-consistent {float(expected.self_consistent.young):.2f}, Hashin–Shtrikman {low:.2f} to {high:.2f}")
    jm.plotting.save(jm.plotting.ipf_map(ms, "x", boundaries=10.0), out / "duplex.png")
    return float(effective.moduli.young[0])


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    data = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data"))
    file = data / "ebsd_ni_superalloy_oxford" / "testDataEBSD.cpr"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    out = Path(next((word.removeprefix("--out=") for word in arguments if word.startswith("--out=")), "runs/superalloy"))
    out.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments

    ms = jm.io.read(file, frame="oxford", crop=((0, 96), (0, 64)) if quick else None)
    print(ms.describe())
    print(jm.descriptors.boundary_statistics(ms))
    crystal = np.asarray(jm.materials.constants("IN625").stiffness)
    effective = columnar(ms, [crystal])
    found = {"E": compare(ms, crystal, effective), **edges(ms, crystal)}
    named = {"crystal": crystal, "map": np.asarray(effective.tensor)}
    jm.plotting.save(jm.plotting.young_surface(named, unit="GPa"), out / "young_surfaces.png")
    jm.plotting.save(jm.plotting.ipf_map(ms, "x", boundaries=10.0), out / "map.png")
    part = jm.microstructures.crop(ms, ((0, 48), (0, 48)) if quick else ((100, 228), (60, 188)))
    jm.plotting.save(jm.plotting.ipf_map(part, "x", boundaries=10.0), out / "before_optimisation.png")
    return found | steer(part, crystal, out) | {"duplex": duplex(data, out)}


if __name__ == "__main__":
    main(sys.argv[1:])
