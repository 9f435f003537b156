"""A battery cathode from a tomogram: what percolates, how tortuous its pores are, how it conducts, how stiff its drained frame is.

    python examples/13_battery_cathode.py [DATA] [--quick] [--out=FOLDER]

DATA holds tomo_nmc_cathode/nmc-1-cal_generatedCBD_bridge.tif (NREL, Battery Microstructures Library and MATBOX, BSD licence); by
default that of the variable JAXMICRO_DATA. Shares and percolation are those of the whole volume, solves those of a window of 96³ voxels
(`--quick`: 40³), but for the stiffness, of 64³ (32³). The voxel size is not in the file, and conductivities and moduli of the phases vary between sources: everything is a
ratio. Pores conduct ions with 1; of electrons NMC conducts 1 and binder 100; NMC has Young's modulus 1, binder 0.01, ν = 0.3.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

PHASES = {0: "pore", 1: "NMC", 2: "binder"}
ELECTRONS = (0.0, 1.0, 100.0)  # conductivity of each phase relative to NMC
YOUNG = (0.0, 1.0, 0.01)  # Young's modulus of each phase relative to NMC; pores are empty: a drained frame
POISSON = 0.3


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    file = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "tomo_nmc_cathode" / "nmc-1-cal_generatedCBD_bridge.tif"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    ms = jm.io.read(file, phases=PHASES)
    print(ms)
    found = {f"share of {name}": float(share) for name, share in zip(PHASES.values(), ms.volume_fractions, strict=True)}
    labels = np.asarray(ms.labels)
    for label, name in PHASES.items():
        shares = [float(jm.descriptors.percolating_share(labels == label, axis)) for axis in range(3)]
        found[f"percolating {name}"] = min(shares)
        print(f"{name:6s} share that reaches from face to face along x, y, z: " + ", ".join(f"{share:.4f}" for share in shares))

    size = 40 if "--quick" in arguments else 96
    window = jm.microstructures.crop(ms, [(100, 100 + size)] * 3)
    solve(window, found)
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        jm.plotting.save(jm.plotting.volume_view(window), out / "cathode.png")
    return found


def solve(window: jm.Microstructure, found: dict[str, float]) -> None:
    """Transport through the pores and the solid, and the stiffness of the frame, of a window."""
    labels, grid = np.asarray(window.labels), window.grid
    print(f"\na window of {' x '.join(map(str, grid.shape))} voxels, between walls")
    pores = jm.descriptors.transport(labels == 0)
    print(f"pores\n{pores}")
    for axis, name in enumerate("xyz"):
        found[f"tortuosity {name}"] = float(pores.factor[axis])
    sizes = jm.descriptors.pore_size_distribution(labels == 0, periodic=False)
    found["pore radius"] = float(sizes.mean_radius)
    print(f"mean radius of the pores by opening: {found['pore radius']:.2f} voxels")

    conductivity = np.asarray(ELECTRONS)[labels]
    for axis, name in enumerate("xyz"):
        r = jm.effective_conductivity(conductivity, grid, walls=axis, tensor_rtol=1e-3)
        found[f"electrons {name}"] = float(r.value)
    print("electronic conductivity relative to NMC: " + ", ".join(f"{name} {found[f'electrons {name}']:.3f}" for name in "xyz"))

    part = jm.microstructures.crop(window, [(0, 32 if grid.shape[0] == 40 else 64)] * 3)
    # The cell problem is periodic, so opposite faces of the window are joined, and what meets there is stiffer or softer than inside.
    phases = [jm.materials.isotropic_stiffness(young, POISSON) if young else np.zeros((6, 6)) for young in YOUNG]
    law = jm.materials.Phases(part.labels, np.stack([np.asarray(phase) for phase in phases]))
    r = jm.effective_stiffness(law, part.grid, rtol=1e-2, max_steps=3000)
    compliance = np.linalg.inv(np.asarray(r.tensor))
    for axis, name in enumerate("xyz"):
        found[f"frame {name}"] = float(1 / compliance[axis, axis])
    print(
        f"Young's modulus of the drained frame of {part.grid.shape[0]}³ relative to NMC: "
        + ", ".join(f"{name} {found[f'frame {name}']:.4f}" for name in "xyz")
        + f" (opposite faces joined, {int(np.max(np.asarray(r.steps)))} steps)"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
