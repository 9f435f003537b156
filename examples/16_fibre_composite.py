"""A fibre composite: the transverse stiffness of a micrograph beside bounds, estimates and synthetic cells of the same fibres.

    python examples/16_fibre_composite.py [DATA] [--quick] [--out=FOLDER]

DATA holds micrograph_fibre_composite/InputSegmentation.tif (BlueQuartz Software, DREAM3D, BSD-3-Clause); by default that of the
variable JAXMICRO_DATA. The window has 1024² pixels (`--quick`: 512²), four by four to a voxel. Glass E = 71 GPa, ν = 0.22, epoxy 3.5 GPa and
0.33: course MY4150, Michigan Tech (tables of fibres and matrices). That the picture shows glass in epoxy is an assumption, and its few
voids are counted as matrix.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

MATRIX, FIBRE = {"young": 3.5, "poisson": 0.33}, {"young": 71.0, "poisson": 0.22}
STEP = 4  # pixels per voxel along each axis


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    file = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "micrograph_fibre_composite" / "InputSegmentation.tif"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    size = 512 if "--quick" in arguments else 1024
    measured = jm.io.read(file, phases={0: "fibre", 1: "matrix", 2: "matrix"}, crop=((600, 600 + size), (600, 600 + size)))
    # fibres are phase 1, as in the generators
    fibres = (np.asarray(measured.labels) == [p.name for p in measured.phases].index("fibre")).astype(int)
    share = fibres.reshape(size // STEP, STEP, size // STEP, STEP).mean(axis=(1, 3))
    labels = (share > 0.5).astype(int)
    grid = jm.Grid(labels.shape)
    measured = jm.Microstructure(grid=grid, labels=labels, phases=("matrix", "fibre"), provenance=measured.provenance)
    fraction = float(measured.volume_fractions[1])
    radius = 2 * fraction / float(jm.descriptors.surface_density(measured.fractions[1], grid))  # of discs: perimeter / area = 2 / r
    print(f"{measured}\nmean radius from area and perimeter: {radius:.2f} voxels of {STEP} pixels")

    found = {"fraction": fraction, "radius": radius}
    keys = jax.random.split(jax.random.key(0), 3)
    cells = {
        "micrograph, mirrored": jm.microstructures.make_periodic(measured, "mirror"),
        "synthetic, discs": jm.microstructures.inclusions(grid, fraction, radius, key=keys[0], scatter=0.1),
    }
    small = jm.Grid((grid.shape[0] // 2,) * 2)
    rebuilt = jm.design.reconstruct(measured, small, key=keys[1], max_lag=2.5 * radius, tolerance=0.03)
    cells["reconstructed from correlations"] = rebuilt.microstructure
    found["reconstruction error"] = float(rebuilt.error)
    results = {}
    for name, cell in cells.items():
        r = jm.homogenize(cell, [MATRIX, FIBRE])
        results[name] = r
        compliance = np.linalg.inv(np.asarray(r.stiffness))
        young = [float(1 / compliance[k, k]) for k in range(2)]
        found[name] = float(np.mean(young))
        print(f"{name}: fibres {float(cell.volume_fractions[1]):.3f}, transverse E (plane strain) x {young[0]:.3f}, y {young[1]:.3f} GPa")
    print(results["micrograph, mirrored"])
    lower, upper = (np.linalg.inv(np.asarray(part)) for part in results["micrograph, mirrored"].analytic_bounds.stiffness)
    found["Reuss"], found["Voigt"] = float(1 / lower[0, 0]), float(1 / upper[0, 0])
    print(f"\ntransverse E of Reuss's and Voigt's stiffness: {found['Reuss']:.3f} and {found['Voigt']:.3f} GPa")
    print(rebuilt)
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        shown = {"measured": measured, "discs": cells["synthetic, discs"], "reconstructed": rebuilt.microstructure}
        jm.plotting.save(jm.plotting.cells([np.asarray(ms.labels) for ms in shown.values()], list(shown)), out / "cells.png")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
