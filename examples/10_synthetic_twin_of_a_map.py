"""A periodic polycrystal with the statistics of a measured map, and its stiffness beside that of the map.

    python examples/10_synthetic_twin_of_a_map.py [DATA] [--quick] [--out=FOLDER]

DATA holds ebsd_ni_superalloy_oxford/testDataEBSD.cpr with its .crc (DefDAP, github.com/MechMicroMan/DefDAP, Apache-2.0); by default it is that
of the variable JAXMICRO_DATA. The constants are those of Inconel 625 (Wang et al. 2016, doi:10.1016/j.msea.2016.08.010).
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

FILE = "ebsd_ni_superalloy_oxford/testDataEBSD.cpr"
SAMPLES = 3


def main(arguments: list[str]) -> dict[str, float]:
    """Run the example; returns the numbers it prints."""
    words = [word for word in arguments if not word.startswith("-")]
    data = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data"))
    if not (data / FILE).is_file():
        print(f"skipped: there is no {data / FILE}")
        return {}
    out = Path(next((word[6:] for word in arguments if word.startswith("--out=")), "twin"))
    out.mkdir(parents=True, exist_ok=True)
    quick = "--quick" in arguments
    ms = jm.io.read(data / FILE)
    if quick:
        ms = jm.microstructures.crop(ms, ((0, 160), (0, 160)))
    edges = "keep" if quick else "correct"
    made = [jm.design.polycrystal_like(ms, key=jax.random.key(k), edges=edges) for k in range(1 if quick else SAMPLES)]
    print("\n".join(made[0].notes))
    comparisons = [jm.descriptors.compare_grains(ms, each, names=("map", f"twin {k}"), edges=edges) for k, each in enumerate(made)]
    print(*comparisons, sep="\n\n")
    compared = comparisons[0]
    for name, figure in (
        ("map", jm.plotting.ipf_map(ms, "z", boundaries=5.0)), ("twin", jm.plotting.ipf_map(made[0], "z", boundaries=5.0)),
        ("comparison", jm.plotting.grain_comparison(compared)),
    ):  # fmt: skip
        jm.plotting.save(figure, out / f"{name}.png")

    crystal = np.asarray(jm.materials.constants("IN625").stiffness)

    def moduli(cell: jm.Microstructure) -> np.ndarray:
        return np.asarray(jm.effective_stiffness(jm.homogenization.assign_stiffness(cell, [crystal]), cell.grid).moduli.young)

    print("Young's modulus along x, y, z in GPa")
    found = {"map": moduli(ms)} | {f"twin {k}": moduli(each) for k, each in enumerate(made)}
    for name, young in found.items():
        print(f"   {name:8s}" + "".join(f"{value:9.2f}" for value in young))
    scatter = np.std([found[f"twin {k}"][0] for k in range(len(made))], ddof=1) if len(made) > 1 else float("nan")
    return {
        "E_x map": float(found["map"][0]), "E_x twin": float(np.mean([found[f"twin {k}"][0] for k in range(len(made))])),
        "scatter": float(scatter), "Σ3 map": compared.first.sigma3, "Σ3 twin": compared.second.sigma3,
        "diameters": compared.distances["diameters"], "noise": compared.noise["diameters"],
    }  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
