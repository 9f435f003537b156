"""Rolled, partly recrystallised and randomly oriented copper in three dimensions: texture and elastic anisotropy.

    python examples/11_rolled_and_recrystallised.py [--quick] [--out=FOLDER]

x is the rolling, y the transverse and z the normal direction. The constants are those of copper (Overton & Gaffney 1955,
doi:10.1103/PhysRev.98.969); rolled grains take copper, brass and S components, new grains cube.
"""

import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

COPPER = jm.microstructures.Phase("Cu", laue="m-3m")
ROLLED = {"copper": 0.35, "brass": 0.25, "s": 0.4}


def cells(quick: bool) -> dict[str, jm.Microstructure]:
    """The three polycrystals."""
    n, grains = (16, 40) if quick else (48, 300)
    grid = jm.Grid((n, n, n), (100.0, 100.0, 100.0))
    keys = jax.random.split(jax.random.key(0), 6)
    rolled = jm.orientations.sample_components(keys[0], grains, ROLLED, 10.0, degrees=True, even=True)
    cube = jm.orientations.sample_kernel(keys[1], 2 * grains, jm.orientations.texture_component("cube")[:, 0], 10.0, degrees=True)
    return {
        "random": jm.microstructures.polycrystal(grid, grains, key=keys[2], sizes=0.3, relax=2, phase=COPPER),
        "rolled": jm.microstructures.polycrystal(
            grid, grains, key=keys[3], sizes=0.3, aspect=(3.0, 1.5, 0.75), orientations=rolled, phase=COPPER
        ),
        "half recrystallised": jm.microstructures.recrystallized(
            grid, 0.5, key=keys[4], deformed=grains, recrystallized=2 * grains, aspect=(3.0, 1.5, 0.75), deformed_orientations=rolled,
            recrystallized_orientations=cube, phase=COPPER,
        ),
    }  # fmt: skip


def main(arguments: list[str]) -> dict[str, float]:
    """Run the example; returns the numbers it prints."""
    out = Path(next((word[6:] for word in arguments if word.startswith("--out=")), "rolled"))
    out.mkdir(parents=True, exist_ok=True)
    crystal = np.asarray(jm.materials.constants("Cu").stiffness)
    found: dict[str, float] = {}
    print("copper                  E_x      E_y      E_z   GPa   E along the diagonal of x and y   texture index")
    for name, ms in cells("--quick" in arguments).items():
        effective = jm.effective_stiffness(jm.homogenization.assign_stiffness(ms, [crystal]), ms.grid)
        grains = jm.descriptors.measure_grains(ms, periodic=True)
        index = float(jm.orientations.texture_index(grains.mean_orientations, grains.areas, halfwidth=15.0, degrees=True))
        young = np.asarray(effective.moduli.young)
        diagonal = float(jm.homogenization.directional_young(effective.tensor, np.array([1.0, 1.0, 0.0]) / np.sqrt(2)))
        print(f"   {name:20s}" + "".join(f"{value:9.2f}" for value in young) + f"{diagonal:30.2f}{index:22.2f}")
        found |= {f"E_x {name}": float(young[0]), f"E_y {name}": float(young[1]), f"diagonal {name}": diagonal, f"index {name}": index}
        jm.plotting.save(jm.plotting.ipf_map(ms, "z"), out / f"{name.replace(' ', '_')}.png")
        jm.plotting.save(jm.plotting.young_surface(effective.tensor), out / f"{name.replace(' ', '_')}_young.png")
    estimate = jm.homogenization.polycrystal_estimates(crystal)
    print(f"without texture: self-consistent {float(estimate.self_consistent.young):.2f} GPa")
    return found | {"self-consistent": float(estimate.self_consistent.young)}


if __name__ == "__main__":
    main(sys.argv[1:])
