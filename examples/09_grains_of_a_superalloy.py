"""From a file to grains, twins, local misorientation and dislocations.

    python examples/09_grains_of_a_superalloy.py [DATA] [--quick] [--out=FOLDER]

DATA holds ebsd_ni_superalloy_oxford/testDataEBSD.cpr with its .crc (DefDAP, github.com/MechMicroMan/DefDAP, Apache-2.0) and
ebsd_duplex_steel/sdss_ferrite_austenite.ang (H. W. Ånes, github.com/pyxem/orix-data, CC BY 4.0); by default it is that of the variable
JAXMICRO_DATA.
"""

import os
import sys
import time
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

FILES = ("ebsd_ni_superalloy_oxford/testDataEBSD.cpr", "ebsd_duplex_steel/sdss_ferrite_austenite.ang")
BURGERS = 3.57e-4 / np.sqrt(2)  # µm, a/2⟨110⟩ with the lattice constant in the file


def superalloy(data: Path, out: Path) -> dict[str, float]:
    """Grains, twins, KAM, GROD and dislocations of a nickel superalloy with annealing twins."""
    ms = jm.io.read(data / FILES[0])
    start = time.perf_counter()
    grains = jm.descriptors.segment_grains(ms, 5.0, 10)
    seconds = time.perf_counter() - start
    print(grains)
    print(f"   grain orientation spread: mean {float(np.mean(np.asarray(grains.spreads))):.2f}°; {seconds:.2f} s")
    families = jm.descriptors.merge_twins(ms, grains)
    shares = jm.descriptors.coincidence_shares(ms)
    print(
        f"twins joined: {families.grains.count} grains; share of boundary: " + ", ".join(f"Σ{s} {share:.3f}" for s, share in shares.items())
    )
    kam = jm.descriptors.kernel_average_misorientation(ms)
    print(f"KAM: mean {np.nanmean(kam):.3f}°, largest {np.nanmax(kam):.2f}°")
    start = time.perf_counter()
    gnd = jm.descriptors.dislocation_density(ms, BURGERS, grains=grains)
    seconds = time.perf_counter() - start
    print(f"dislocations, at least: median {np.nanmedian(gnd.density):.2e} 1/m²; {seconds:.2f} s")
    start = time.perf_counter()
    lines = jm.descriptors.dislocation_density(ms, BURGERS, grains=grains, method="systems", systems=jm.orientations.slip_systems("fcc"))
    seconds = time.perf_counter() - start
    print(f"dislocations of the fcc slip systems, at least: median {np.nanmedian(lines.density):.2e} 1/m²; {seconds:.2f} s")
    pictures = {
        "grains": jm.plotting.grain_map(grains, ms),
        "families": jm.plotting.grain_map(families.grains, ms),
        "boundaries": jm.plotting.boundary_map(ms, grains),
        "kam": jm.plotting.local_misorientation_map(kam, ms, grains=grains),
        "grod": jm.plotting.deviation_map(grains, ms),
        "gnd": jm.plotting.dislocation_map(lines, ms, grains=grains),
        "sizes": jm.plotting.size_distribution(grains),
        "odf": jm.plotting.odf_sections(grains.mean_orientations, grains.areas),
    }
    for name, figure in pictures.items():
        jm.plotting.save(figure, out / f"{name}.png")
    return {"grains": grains.count, "families": families.grains.count, "Σ3": shares[3], "KAM": float(np.nanmean(kam))}


def duplex(data: Path) -> dict[str, float]:
    """Two phases: each has its own grains and twins."""
    ms = jm.io.read(data / FILES[1])
    counts = np.bincount(np.asarray(jm.descriptors.segment_grains(ms).phases))
    found = {}
    for number, phase in enumerate(ms.phases):
        share = jm.descriptors.coincidence_shares(ms, (3,), phase=number)[3]
        print(f"{phase.name}: {counts[number]} grains, Σ3 {share:.3f} of the boundaries")
        found |= {f"grains of phase {number}": int(counts[number]), f"Σ3 of phase {number}": share}
    return found


def main(arguments: list[str]) -> dict[str, float]:
    """Run the example; returns the numbers it prints."""
    words = [word for word in arguments if not word.startswith("-")]
    data = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data"))
    if not all((data / name).is_file() for name in FILES):
        print(f"skipped: there is no {data / FILES[0]}, or no {data / FILES[1]}")
        return {}
    out = Path(next((word[6:] for word in arguments if word.startswith("--out=")), "grains"))
    out.mkdir(parents=True, exist_ok=True)
    return superalloy(data, out) | duplex(data)


if __name__ == "__main__":
    main(sys.argv[1:])
