"""Cells from their two-point correlations: errors over all lags and seconds, for micrographs, packings and random fields.

The error is that of the labels, ‖S₂ − target‖₂/‖target − φ²‖₂ over all lags, by NumPy alone; the volume fraction is exact. Every case runs
twice, the first time with compilation. Cases on measured pictures need the folder of data.

    python benchmarks/reconstruction.py [DATA] [--volumes] [--output FILE]
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import numpy as np

import jaxmicro as jm

RESULTS = Path(__file__).parent / "results" / "reconstruction.json"
SEEDS = 3


def correlation(labels: np.ndarray) -> np.ndarray:
    indicator = np.asarray(labels, float)
    return np.fft.ifftn(np.abs(np.fft.fftn(indicator)) ** 2).real / indicator.size


def cases(data: Path | None, volumes: bool) -> Iterator[tuple[str, jm.Microstructure]]:
    """Two-phase cells by name."""
    flat, box = jm.Grid((64, 64)), jm.Grid((64, 64, 64))
    if data is not None:
        folder = data / "micrograph_dual_phase_steel"
        for file, array in (("image_small_strain.npz", "bw"), ("odd_image.npz", "phase")):
            labels = np.load(folder / file)[array][100:164, 100:164].astype(int)
            yield f"dual-phase steel, {file}, 64²", jm.Microstructure(labels=labels)
    for seed in range(SEEDS):
        key = jax.random.key(seed)
        yield f"discs of radius 5, 64², key {seed}", jm.microstructures.inclusions(flat, 0.3, 5.0, key=key)
        for length, share in ((4.0, 0.3), (4.0, 0.5), (6.0, 0.3), (6.0, 0.5)):
            ms = jm.microstructures.random_field(flat, volume_fraction=share, correlation_length=length, key=key)
            yield f"random field, length {length:g}, share {share:g}, 64², key {seed}", ms
    if volumes:
        yield "random field, length 4, share 0.3, 64³", jm.microstructures.random_field(box, volume_fraction=0.3, key=jax.random.key(0))
        if data is not None:
            ms = jm.io.read(data / "tomo_nmc_cathode" / "nmc-1-cal_generatedCBD_bridge.tif", phases={0: "rest", 1: "NMC", 2: "rest"})
            yield "NMC particles, 64³", jm.microstructures.crop(ms, [(50, 114)] * 3)


def measured(ms: jm.Microstructure) -> dict[str, float]:
    """Error and seconds."""
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        found = jm.design.reconstruct(ms, key=jax.random.key(1))
        seconds.append(time.perf_counter() - start)
    wanted = correlation(np.asarray(ms.labels))
    error = np.linalg.norm(correlation(np.asarray(found.microstructure.labels)) - wanted)
    scale = np.linalg.norm(wanted - np.mean(np.asarray(ms.labels)) ** 2)
    return {"error": float(error / scale), "first": seconds[0], "again": seconds[1], "steps": int(found.steps)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("JAXMICRO_DATA"))
    parser.add_argument("--volumes", action="store_true", help="64³ cells too: minutes")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    found = {}
    for name, ms in cases(arguments.data and Path(arguments.data), arguments.volumes):
        found[name] = measured(ms)
        print(
            f"{name:60s} error {100 * found[name]['error']:7.3f} %   first {found[name]['first']:6.1f} s, again {found[name]['again']:6.1f} s",
            flush=True,
        )
    about = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"), "machine": platform.processor() or platform.machine(), "cores": os.cpu_count(),
        "load": os.getloadavg()[0], "jax": version("jax"), "jaxmicro": version("jaxmicro"),
    }  # fmt: skip
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps({"about": about, "cases": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
