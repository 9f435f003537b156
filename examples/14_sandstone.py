"""A sandstone from X-ray tomography: what its pores look like, diffusion through them, elastic moduli, and how large a sample must be.

    python examples/14_sandstone.py [DATA] [--quick] [--out=FOLDER]

DATA holds rock_berea/berea.zip (Imperial College London, Dong & Blunt; by way of PorousMediaGan, MIT); by default that of the variable
JAXMICRO_DATA. Counts are those of the whole 400³ volume (`--quick`: 160³), solves those of windows. The voxel size is not in the file.
Quartz: bulk modulus 37 GPa, shear modulus 44 GPa, the usual values of rock physics (Mavko, Mukerji, Dvorkin, The Rock Physics Handbook).
"""

import os
import sys
import warnings
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

BULK, SHEAR = 37.0, 44.0


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    file = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "rock_berea" / "berea.zip"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    quick = "--quick" in arguments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jm.io.DataWarning)  # the file says that zero is white; the notes, printed below, tell it, too
        rock = jm.io.read(file, phases={0: "pore", 255: "quartz"})
    if quick:
        rock = jm.microstructures.crop(rock, [(0, 160)] * 3)
    print(rock)
    pores = np.asarray(rock.labels) == 0
    found = {"porosity": float(pores.mean())}
    shares = [float(jm.descriptors.percolating_share(pores, axis)) for axis in range(3)]
    found["percolating"] = min(shares)
    form = jm.descriptors.minkowski_functionals(pores, periodic=False)
    s2 = jm.descriptors.two_point_correlation(pores[:160, :160, :160], periodic=False)
    found["correlation length"] = float(jm.descriptors.correlation_length(s2, jm.Grid((160, 160, 160))))
    print(
        f"porosity {found['porosity']:.5f}; share that percolates along x, y, z: {', '.join(f'{share:.4f}' for share in shares)}\n"
        f"surface {float(form.surface_density):.4f} per volume, Euler number {float(form.euler_number):.0f}, "
        f"correlation length {found['correlation length']:.2f} voxels"
    )
    diffusion(rock, 48 if quick else 96, 3 if quick else 8, found)
    elasticity(rock, 24 if quick else 64, found)
    study = representative(rock, quick)
    found["exponent"] = float(study.exponent[0])
    print(f"\n{study}")
    need = study.volume(0.05, name="porosity") ** (1 / 3)
    print(f"one cell whose porosity is right to 5 % (95 % confidence) has an edge of about {need:.0f} voxels")
    print(f"of cells of 48³, {study.realisations(48.0**3, 0.05, name='porosity')} would do")
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        window = jm.microstructures.crop(rock, [(0, 96)] * 3)
        jm.plotting.save(jm.plotting.orthogonal_views(window), out / "sections.png")
    return found


def windows(rock: jm.Microstructure, size: int, count: int) -> list[jm.Microstructure]:
    """Windows side by side along the diagonal of the volume."""
    starts = np.linspace(0, min(rock.grid.shape) - size, count).astype(int)
    return [jm.microstructures.crop(rock, [(int(at), int(at) + size)] * 3) for at in starts]


def diffusion(rock: jm.Microstructure, size: int, count: int, found: dict[str, float]) -> None:
    """Diffusivity against porosity over windows, with Archie's exponent."""
    print(f"\nwindows of {size}³ voxels: porosity, relative diffusivity along x between walls")
    porosity, relative = [], []
    for window in windows(rock, size, count):
        t = jm.descriptors.tortuosity(np.asarray(window.labels) == 0, 0, tensor_rtol=1e-3)
        porosity.append(float(t.porosity))
        relative.append(float(t.relative))
        print(f"  {porosity[-1]:.4f}  {relative[-1]:.5f}")
    exponents = np.log(relative) / np.log(porosity)
    found["Archie"] = float(np.mean(exponents))
    print(f"exponent m of D = porosity^m: {found['Archie']:.2f} ± {np.std(exponents):.2f}")


def elasticity(rock: jm.Microstructure, size: int, found: dict[str, float]) -> None:
    """Drained moduli of a window of quartz with empty pores, beside the upper Hashin–Shtrikman bound."""
    window = windows(rock, size, 2)[1]
    young, poisson = 9 * BULK * SHEAR / (3 * BULK + SHEAR), (3 * BULK - 2 * SHEAR) / (2 * (3 * BULK + SHEAR))
    quartz = np.asarray(jm.materials.isotropic_stiffness(young, poisson))
    law = jm.materials.Phases(window.labels, np.stack([np.zeros((6, 6)), quartz]))
    r = jm.effective_stiffness(law, window.grid, rtol=1e-2, max_steps=3000)
    c = np.asarray(r.tensor)
    bulk = float(c[:3, :3].mean())
    shear = float((np.trace(c) - 3 * bulk) / 10)  # of the nearest isotropic stiffness: trace = 3 K + 10 G in Mandel notation
    pores = float(np.mean(np.asarray(window.labels) == 0))
    upper = BULK + pores / (-1 / BULK + 3 * (1 - pores) / (3 * BULK + 4 * SHEAR))
    found |= {"bulk": bulk, "shear": shear, "bulk bound": upper}
    print(f"\na window of {size}³ voxels of porosity {pores:.3f}, opposite faces joined: bulk {bulk:.2f} GPa, shear {shear:.2f} GPa")
    print(f"Hashin–Shtrikman's upper bound of the bulk modulus {upper:.2f} GPa")


def representative(rock: jm.Microstructure, quick: bool) -> jm.descriptors.RepresentativeVolume:
    """Scatter of porosity and of surface with the size of windows."""

    def measure(cell: jm.Microstructure) -> dict[str, float]:
        pores = (np.asarray(cell.labels) == 0).astype(float)
        return {"porosity": float(pores.mean()), "surface": float(jm.descriptors.surface_density(pores, cell.grid, "faces"))}

    sizes = (16, 24, 40) if quick else (24, 48, 96, 160)
    return jm.descriptors.representative_volume(rock, measure, sizes, 12 if quick else 24, key=jax.random.key(0))


if __name__ == "__main__":
    main(sys.argv[1:])
