"""The effective stiffness of a real fibre composite, and what the treatment of its edges does to it.

    python examples/01_homogenize_micrograph.py [DATA]

DATA is a folder with micrograph_fibre_composite/InputSegmentation.tif; by default that of the variable JAXMICRO_DATA.
"""

import os
import sys
from pathlib import Path

import jax

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

PHASES = {0: "fibre", 1: "matrix", 2: "matrix"}  # 2.9 % of the picture is neither; here it counts as matrix


def main(arguments: list[str]) -> dict[str, float]:
    data = next((Path(word) for word in arguments if not word.startswith("-")), Path(os.environ.get("JAXMICRO_DATA", "data")))
    picture = data / "micrograph_fibre_composite" / "InputSegmentation.tif"
    if not picture.is_file():
        print(f"skipped: there is no {picture}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    found = {}
    for treatment in ("as_is", "mirror", "blend"):
        cell = jm.io.read(picture, phases=PHASES, crop=((400, 1424), (400, 1424)), periodic=treatment)
        cell = jm.microstructures.sharpen(jm.microstructures.downsample(cell, 8))
        result = jm.homogenize(cell, {"fibre": "glass fibre", "matrix": "epoxy"})
        found[treatment] = float(result.moduli.young[0])
        seam = jm.microstructures.seam_report(cell)
        print(f"{treatment:7s} E_x = {found[treatment]:.3f} GPa; phase changes across the seam: {seam}")
    print(result)
    source = jm.materials.constants("glass fibre").source, jm.materials.constants("epoxy").source
    print(f"constants: {'; '.join(source)}. Moduli are transverse, in plane strain.")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
