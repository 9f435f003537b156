"""Martensite in a dual-phase steel in numbers: correlations, chords, shapes, and how large a micrograph must be; and a cell rebuilt from them.

    python examples/17_phases_of_a_steel.py [DATA] [--quick] [--out=FOLDER]

DATA holds micrograph_dual_phase_steel/image_small_strain.npz (de Geus, github.com/tdegeus/GooseFFT, MIT); by default that of the
variable JAXMICRO_DATA. The pixel size is not stated: lengths are pixels. `examples/03_dual_phase_steel.py` learns such cells and designs
their stiffness.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    file = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "micrograph_dual_phase_steel" / "image_small_strain.npz"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    steel = jm.io.read(file, phases=["ferrite", "martensite"], axes="yx")
    print(steel)
    martensite = np.asarray(steel.labels) == 1
    found = {"fraction": float(martensite.mean())}
    s2 = jm.descriptors.two_point_correlation(martensite, periodic=False)
    found["correlation length"] = float(jm.descriptors.correlation_length(s2, steel.grid))
    for axis, name in enumerate("xy"):
        found[f"chord {name}"] = float(jm.descriptors.chord_lengths(martensite, axis, periodic=False).mean)
    form = jm.descriptors.minkowski_functionals(martensite, periodic=False, edges="open")
    fabric = jm.descriptors.fabric_tensor(martensite)
    found |= {"Euler number": float(form.euler_number), "anisotropy": float(fabric.anisotropy)}
    print(
        f"martensite {100 * found['fraction']:.2f} %, correlation length {found['correlation length']:.2f}, mean chords along x "
        f"{found['chord x']:.2f} and y {found['chord y']:.2f} (isotropic: π φ / boundary = "
        f"{np.pi * found['fraction'] / float(form.surface_density):.2f})\n"
        f"Euler number {found['Euler number']:.0f}, degree of anisotropy {found['anisotropy']:.3f}"
    )
    quick = "--quick" in arguments
    study = jm.descriptors.representative_volume(
        steel, lambda cell: float(np.asarray(cell.labels).mean()), (32, 64, 128, 256), 10 if quick else 40, key=jax.random.key(0)
    )
    found["exponent"] = float(study.exponent[0])
    print(f"\n{study}\na micrograph of {np.sqrt(study.volume(0.05)):.0f}² pixels tells the share of martensite to 5 % (95 % confidence)")

    window = jm.microstructures.crop(steel, [(100, 164), (100, 164)])
    rebuilt = jm.design.reconstruct(window, key=jax.random.key(1))
    found["reconstruction error"] = float(rebuilt.error)
    print(f"\na window of 64², rebuilt from its correlations alone\n{rebuilt}")
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        periodic = jm.descriptors.two_point_correlation(martensite)
        jm.plotting.save(jm.plotting.correlation_map(periodic, steel.grid, reach=60.0), out / "correlations.png")
        pair = [np.asarray(window.labels), np.asarray(rebuilt.microstructure.labels)]
        jm.plotting.save(
            jm.plotting.cells(pair, ["window", "rebuilt (shifted, may be turned by 180°)"], names=["ferrite", "martensite"]),
            out / "rebuilt.png",
        )
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
