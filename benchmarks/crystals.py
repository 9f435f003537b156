"""Orientation maps and polycrystals: seconds to read them, to find grains, to make grains, to compare orientations, to embed and project,
to homogenise and to differentiate.

Every case is timed three ways in one process without a compilation cache: the first call (with compilation), and the median of the next
ones. Cases on measured maps need the folder of data.

    python benchmarks/crystals.py [DATA] [--repeats 5] [--output FILE]
"""

import argparse
import contextlib
import functools
import json
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "crystals.json"
PAIRS = 174_000
VOXELS = 100_000
TARGETS = {
    "misorientation of 174k pairs, m-3m": 0.1, "misorientation of 174k pairs, 6/mmm": 0.1,
    "C_eff of the superalloy map, 359 x 243, six cases": 60.0, "crop of 128², value and gradient in orientations": 10.0, "grains of the superalloy map": 1.0,
    "dislocations of it": 2.0, "Laguerre polycrystal, 128³, 1,000 grains of given sizes": 10.0,
}  # fmt: skip
FILES = {
    "read .cpr/.crc, 87k points": "ebsd_ni_superalloy_oxford/testDataEBSD.cpr",
    "read .ang, 38k points": "ebsd_in100/Small_IN100_slice_out_of_order.ang",
    "read .ang of EMsoft, 12k points": "ebsd_duplex_steel/sdss_ferrite_austenite.ang",
    "read .h5 of EDAX, 28k points": "ebsd_ni_edax_h5/EdaxAngOnly.h5",
    "read .dream3d, 38k points": "ebsd_in100/Small_IN100_Slice1.dream3d",
}


def timed(call: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Seconds of the first call and the median of the next."""

    def once() -> float:
        start = time.perf_counter()
        jax.block_until_ready(call())
        return time.perf_counter() - start

    first = once()
    return {"first": first, "steady": statistics.median(once() for _ in range(repeats))}


def orientation_cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    keys = jax.random.split(jax.random.key(0), 2)
    first, second = (jm.orientations.random_orientations(key, PAIRS) for key in keys)
    for laue in ("m-3m", "6/mmm"):
        yield f"misorientation of 174k pairs, {laue}", lambda laue=laue: jm.orientations.misorientation(first, second, laue)
        points = jm.orientations.embed(first[:, :VOXELS], laue)
        yield f"embed 100k, {laue}", lambda laue=laue: jm.orientations.embed(first[:, :VOXELS], laue)
        yield f"project 100k, {laue}", lambda laue=laue, points=points: jm.orientations.project(points, laue)
    yield "IPF colours of 174k, m-3m", lambda: jm.orientations.ipf_color(first)


def grain_cases(data: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    ms = jm.io.read(data / FILES["read .cpr/.crc, 87k points"])
    yield "grains of the superalloy map", lambda: jm.descriptors.segment_grains(ms)
    grains = functools.cache(lambda: jm.descriptors.segment_grains(ms))  # not before its own first call was timed
    yield "dislocations of it", lambda: jm.descriptors.dislocation_density(ms, 2.52e-4, grains=grains()).density
    systems = jm.orientations.slip_systems("fcc")
    yield (
        "the same, least line length over 18 kinds",
        lambda: jm.descriptors.dislocation_density(ms, 2.52e-4, grains=grains(), method="systems", systems=systems).density,
    )
    yield "local misorientation of it", lambda: jm.descriptors.kernel_average_misorientation(ms)


def polycrystal_cases() -> Iterator[tuple[str, Callable[[], Any]]]:
    grid, key = jm.Grid((128, 128, 128)), jax.random.key(0)
    yield "Laguerre polycrystal, 128³, 1,000 grains of given sizes", lambda: jm.microstructures.polycrystal(grid, 1000, sizes=0.35, key=key)
    yield "the same, seeds evened out in five steps", lambda: jm.microstructures.polycrystal(grid, 1000, sizes=0.35, relax=5, key=key)
    flat = jm.Grid((64, 64))
    seeds = jax.random.uniform(key, (2, 50)) * 64.0

    def corner(seeds: jax.Array, weights: jax.Array) -> jax.Array:
        return jnp.sum(jm.microstructures.soft_laguerre(flat, seeds, weights, width=2.0)[:, :32, :32] ** 2)

    gradient = jax.jit(jax.grad(corner, argnums=(0, 1)))
    yield "soft Laguerre cells, 64², 50 grains, gradient in seeds and weights", lambda: gradient(seeds, jnp.zeros(50))


def map_cases(data: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, file in FILES.items():
        yield name, lambda file=file: jm.io.read(data / file)
    ms = jm.io.read(data / FILES["read .cpr/.crc, 87k points"])
    crystal = jnp.asarray(jm.materials.constants("IN625").stiffness)
    yield (
        "C_eff of the superalloy map, 359 x 243, six cases",
        lambda: jm.effective_stiffness(jm.homogenization.assign_stiffness(ms, [crystal]), ms.grid).tensor,
    )
    yield (
        "the same, as a law of crystals",
        lambda: jm.effective_stiffness(jm.materials.Crystals(crystal, ms.orientation), ms.grid).tensor,
    )
    crop = jm.microstructures.crop(ms, ((0, 128), (0, 128)))

    def young(q: jax.Array) -> jax.Array:
        field = jm.homogenization.assign_stiffness(crop.replace(orientation=q), [crystal])
        return jm.effective_stiffness(field, crop.grid).moduli.young[0]

    gradient = jax.jit(jax.value_and_grad(young))
    yield "crop of 128², value and gradient in orientations", lambda: gradient(crop.orientation)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default=os.environ.get("JAXMICRO_DATA"))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    cases = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jm.io.DataWarning)
        data = Path(options.data) if options.data else None
        of_data = [*grain_cases(data), *map_cases(data)] if data else []
        for name, call in [*polycrystal_cases(), *orientation_cases(), *of_data]:
            cases[name] = timed(call, options.repeats) | ({"target": TARGETS[name]} if name in TARGETS else {})
            wanted = f"   (at most {TARGETS[name]:g} s)" if name in TARGETS else ""
            print(f"{name:66s} first {cases[name]['first']:8.3f} s   then {cases[name]['steady']:8.4f} s{wanted}", flush=True)
    versions = {}
    for name in ("jax", "jaxlib", "numpy", "h5py"):
        with contextlib.suppress(ModuleNotFoundError):
            versions[name] = version(name)
    result = {
        "benchmark": "crystals", "measured": datetime.now(UTC).isoformat(timespec="seconds"), "dtype": "float64",
        "versions": {"python": platform.python_version(), **versions},
        "machine": {"processor": platform.machine(), "cores": len(os.sched_getaffinity(0)), "device": jax.devices()[0].device_kind},
        "cases": cases,
    }  # fmt: skip
    options.output.write_text(json.dumps(result, indent=1, default=np.ndarray.tolist) + "\n")


if __name__ == "__main__":
    main()
