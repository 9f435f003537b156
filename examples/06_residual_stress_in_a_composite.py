"""Thermal expansion of a fibre composite, and the stress that cooling leaves in it.

    python examples/06_residual_stress_in_a_composite.py [DATA] [--quick] [--out=FOLDER]

DATA is a folder with micrograph_fibre_composite/InputSegmentation.tif; by default that of the variable JAXMICRO_DATA. The fibres are
aligned across the picture, so the problem is columnar: full three-dimensional strain, fields that vary in the plane alone. `--quick`
halves the resolution. A picture of the residual stress goes to FOLDER, if one is given.
"""

import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

PHASES = {0: "fibre", 1: "matrix", 2: "matrix"}
COOLING = -100.0  # K


def main(arguments: list[str]) -> dict[str, float]:
    data = next((Path(word) for word in arguments if not word.startswith("-")), Path(os.environ.get("JAXMICRO_DATA", "data")))
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    picture = data / "micrograph_fibre_composite" / "InputSegmentation.tif"
    if not picture.is_file():
        print(f"skipped: there is no {picture}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    cell = jm.io.read(picture, phases=PHASES, crop=((400, 1424), (400, 1424)), periodic="mirror")
    cell = jm.microstructures.sharpen(jm.microstructures.downsample(cell, 16 if "--quick" in arguments else 8))
    labels = np.asarray(cell.labels)
    constants = [jm.materials.constants(name) for name in ("glass fibre", "epoxy")]
    own = np.array([5.0e-6, 57.5e-6])  # 1/K, of glass and epoxy, the same tables
    table = jnp.stack([jnp.asarray(c.stiffness) for c in constants])
    law = jm.materials.Phases(jnp.asarray(labels), table)

    r = jm.effective_thermoelastic(law, own[labels], cell.grid, fields=("stress",))
    across, along = float(r.expansion[:2].mean()), float(r.expansion[2])
    print(f"expansion across the fibres {1e6 * across:.2f}, along them {1e6 * along:.2f} in 1e-6/K")
    share = float(np.mean(labels == 0))
    young, poisson = np.array([1 / np.linalg.inv(np.asarray(c))[0, 0] for c in table]), np.array([0.22, 0.33])
    f = np.array([share, 1 - share])
    schapery = np.sum(f * young * own) / np.sum(f * young)
    beside = np.sum(f * (1 + poisson) * own) - schapery * np.sum(f * poisson)
    print(f"Schapery (1968, doi:10.1177/002199836800200308): {1e6 * beside:.2f} and {1e6 * schapery:.2f}, {100 * share:.1f} % fibres")
    levin = levins_expansion(np.asarray(r.stiffness), np.asarray(table), own, share)
    print(f"Levin's exact relation for two phases, from the effective stiffness alone: off by {np.abs(levin - r.expansion).max():.1e} 1/K")

    stress = 1e3 * COOLING * np.asarray(r.stress)  # MPa
    equivalent = np.asarray(jm.homogenization.von_mises(jnp.asarray(stress)))
    means = np.asarray(jm.homogenization.phase_averages(jnp.asarray(stress), cell))
    print(
        f"after cooling by {-COOLING:.0f} K: mean stress along the fibres {means[0, 2]:.1f} MPa in them, {means[1, 2]:+.1f} MPa in the matrix;"
    )
    print(
        f"von Mises stress in the matrix: mean {equivalent[labels == 1].mean():.1f}, 99th percentile {np.percentile(equivalent[labels == 1], 99):.1f} MPa"
    )
    if out is not None:
        draw(equivalent, out / "residual_stress.png")
    print(f"constants: {'; '.join(c.source for c in constants)}")
    return {
        "across": across,
        "along": along,
        "levin": float(np.abs(levin - r.expansion).max()),
        "matrix": float(means[1, 2]),
        "sum": float(f @ means[:, 2]),
    }


def levins_expansion(stiffness: np.ndarray, table: np.ndarray, own: np.ndarray, share: float) -> np.ndarray:
    """⟨α⟩ + (α₁ − α₀)(S₁ − S₀)⁻¹(S_eff − ⟨S⟩) with isotropic phases."""
    one, compliance = np.array([1.0, 1, 1, 0, 0, 0]), np.linalg.inv(table)
    mean = share * compliance[0] + (1 - share) * compliance[1]
    jump = np.linalg.solve(compliance[1] - compliance[0], one * (own[1] - own[0]))
    return (share * own[0] + (1 - share) * own[1]) * one + (np.linalg.inv(stiffness) - mean) @ jump


def draw(equivalent: np.ndarray, path: Path) -> None:
    """The von Mises stress; x to the right, y downwards."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(5.4, 4.4), layout="constrained")
    shown = axes.imshow(equivalent.T, cmap="magma", vmin=0.0, vmax=np.percentile(equivalent, 99.5))
    axes.set(xlabel="x (voxels)", ylabel="y (voxels)")
    figure.colorbar(shown, label="residual von Mises stress (MPa)")
    figure.savefig(path, dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main(sys.argv[1:])
