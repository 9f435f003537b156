"""How tortuous the pores of a battery electrode are along each axis, and how far the voxels can be trusted.

    python examples/05_tortuosity_of_an_electrode.py [DATA] [--quick] [--out=FOLDER]

DATA is a folder with tomo_nmc_cathode/nmc_128_superres.tif; by default that of the variable JAXMICRO_DATA. `--quick` takes a corner
of 64³ voxels. A picture of the flux through a section goes to FOLDER, if one is given.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)


def main(arguments: list[str]) -> dict[str, float]:
    data = next((Path(word) for word in arguments if not word.startswith("-")), Path(os.environ.get("JAXMICRO_DATA", "data")))
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    tomogram = data / "tomo_nmc_cathode" / "nmc_128_superres.tif"
    if not tomogram.is_file():
        print(f"skipped: there is no {tomogram}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    pores = np.asarray(jm.io.read(tomogram).labels) == 0  # 58 % of the volume
    if "--quick" in arguments:
        pores = pores[:64, :64, :64]
    found = {}
    for axis, name in enumerate("xyz"):
        t = jm.descriptors.tortuosity(pores, axis, tensor_rtol=1e-5)
        periodic = jm.descriptors.tortuosity(pores, axis, sides="periodic", tensor_rtol=1e-5)
        found[name] = float(t)
        print(f"{name}: {t}; with periodic sides {float(periodic):.4f}")
    porosity = pores.mean()
    print(f"Bruggeman's estimate for spheres, τ = porosity^-1/2: {porosity**-0.5:.4f}")
    # Splitting every voxel once changes nothing of the pores and shows what the voxels themselves cost.
    n = 32 if "--quick" in arguments else 48
    corner = pores[:n, :n, :n]
    split = np.kron(corner, np.ones((2, 2, 2), bool))
    coarse, fine = (float(jm.descriptors.tortuosity(mask, 0, tensor_rtol=1e-4)) for mask in (corner, split))
    found["split"] = fine / coarse - 1
    print(f"a corner of {n}³ voxels: τ = {coarse:.4f}, with every voxel split once {fine:.4f} ({100 * found['split']:+.1f} %)")
    if out is not None:
        r = jm.effective_conductivity(pores.astype(float), jm.Grid(pores.shape), walls=0, fields=("flux",))
        strength = np.sqrt(np.sum(np.asarray(r.flux)[:, :, :, pores.shape[2] // 2] ** 2, axis=0)) * pores.shape[0]
        draw(strength, out / "flux.png")
    print("volume: electrode of the SuperRes repository (github.com/tldr-group/SuperRes, MIT licence)")
    return found


def draw(strength: np.ndarray, path: Path) -> None:
    """The flux through a section, relative to that of a cell of pores alone; x to the right, y downwards."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(5, 4.2), layout="constrained")
    shown = axes.imshow(np.ma.masked_equal(strength.T, 0.0), cmap="viridis", vmin=0.0, vmax=2.0)
    axes.set(xlabel="x (voxels), the direction of the drop", ylabel="y (voxels)")
    figure.colorbar(shown, label="flux relative to that without solid")
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
