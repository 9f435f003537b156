"""A solid oxide fuel cell electrode: three phases that must all percolate, their contacts, and how well each conducts.

    python examples/15_fuel_cell_electrode.py [DATA] [--quick] [--out=FOLDER]

DATA holds tomo_sofc_electrode/SOFC_lr_input.tif (SuperRes, github.com/tldr-group/SuperRes, MIT); by default that of the variable
JAXMICRO_DATA. Phase 0 is pore; which of the others is which solid is not said, nor is the voxel size: lengths are voxels. `--quick`
takes 40³ of the 62³ voxels.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

NAMES = ("pore", "solid 1", "solid 2")


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    file = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "tomo_sofc_electrode" / "SOFC_lr_input.tif"
    if not file.is_file():
        print(f"skipped: there is no {file}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    ms = jm.io.read(file, phases=dict(enumerate(NAMES)))
    if "--quick" in arguments:
        ms = jm.microstructures.crop(ms, [(0, 40)] * 3)
    print(ms)
    labels, found = np.asarray(ms.labels), {}
    for label, name in enumerate(NAMES):
        mask = labels == label
        transport = jm.descriptors.transport(mask, tensor_rtol=1e-3)
        form = jm.descriptors.minkowski_functionals(mask, periodic=False)
        sizes = jm.descriptors.pore_size_distribution(mask, periodic=False)
        found |= {
            f"share {name}": float(np.mean(mask)),
            f"percolating {name}": float(np.min(np.asarray(transport.percolating_share))),
            f"tortuosity {name}": float(np.max(np.asarray(transport.factor))),
            f"surface {name}": float(form.surface_density),
        }
        print(f"\n{name}\n{transport}")
        print(
            f"surface {float(form.surface_density):.4f} per volume, Euler number {float(form.euler_number):.0f} (negative: a network), "
            f"mean radius {float(sizes.mean_radius):.2f}"
        )
    # Of three phases, the surface between two follows from their own surfaces: s_ij = (s_i + s_j - s_k)/2.
    surface = [found[f"surface {name}"] for name in NAMES]
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 2, 0)):
        found[f"contact {i}{j}"] = (surface[i] + surface[j] - surface[k]) / 2
        print(f"surface between {NAMES[i]} and {NAMES[j]}: {found[f'contact {i}{j}']:.4f} per volume")
    found["triple line"] = triple_line(labels)
    print(
        f"length of the lines where all three meet, on voxel edges: {found['triple line']:.4f} per volume (edges are too long by about 1.5)"
    )
    out = next((Path(word.removeprefix("--out=")) for word in arguments if word.startswith("--out=")), None)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        jm.plotting.save(jm.plotting.volume_view(ms), out / "electrode.png")
        jm.plotting.save(jm.plotting.orthogonal_views(ms), out / "sections.png")
    return found


def triple_line(labels: np.ndarray) -> float:
    """Length of voxel edges around which all three phases lie, per volume."""
    total = 0
    for axis in range(3):
        across = [k for k in range(3) if k != axis]
        parts = []
        for shift in ((0, 0), (0, 1), (1, 0), (1, 1)):
            window = [slice(None)] * 3
            for k, s in zip(across, shift, strict=True):
                window[k] = slice(1, None) if s else slice(None, -1)
            parts.append(labels[tuple(window)])
        around = np.stack(parts)
        total += np.sum(np.all([np.any(around == phase, axis=0) for phase in range(3)], axis=0))
    return float(total / labels.size)


if __name__ == "__main__":
    main(sys.argv[1:])
