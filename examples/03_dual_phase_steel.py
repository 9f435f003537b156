"""From a micrograph of dual-phase steel to a codec, samples, and verified designs.

    python examples/03_dual_phase_steel.py [DATA] [--quick] [--out=FOLDER]

DATA holds micrograph_dual_phase_steel/odd_image.npz (de Geus, github.com/tdegeus/GooseFFT, MIT); by default it is that of the variable
JAXMICRO_DATA. The picture is cut: a codec is trained on crops of its left part, and targets come from crops of its right part.

Ferrite and martensite are Hill averages of cubic crystals (Dever 1972, doi:10.1063/1.1661710; Kim & Johnson 2007,
doi:10.1016/j.msea.2006.11.147). Their Young's moduli differ by only 4 %, so stiffnesses of crops differ by fractions of a percent: targets
are met within a share of the spread among crops, not within 1 % of the value.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

SIZE = 64
SHARE_OF_SPREAD = 0.1  # how near to a target counts as met, in standard deviations among real crops


class Amount(NamedTuple):
    """How much is computed."""

    crops: int
    solved: int
    config: jm.generative.CodecConfig


FULL = Amount(1024, 60, jm.generative.CodecConfig(widths=(24, 48), epochs=24, periodic=False, flips=True))
QUICK = Amount(32, 6, jm.generative.CodecConfig(widths=(4, 8), blocks=1, epochs=2, batch_size=16, periodic=False))


def hill_average(name: str) -> tuple[float, float]:
    """Young's modulus (GPa) and Poisson's ratio of an untextured polycrystal: the mean of Voigt's and Reuss's shear moduli."""
    c = np.asarray(jm.materials.constants(name).stiffness)
    c11, c12, c44 = c[0, 0], c[0, 1], c[3, 3] / 2
    bulk = (c11 + 2 * c12) / 3
    voigt, reuss = (c11 - c12 + 3 * c44) / 5, 5 * (c11 - c12) * c44 / (4 * c44 + 3 * (c11 - c12))
    shear = (voigt + reuss) / 2
    return 9 * bulk * shear / (3 * bulk + shear), (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear))


def young_along_x(labels: np.ndarray, stiffness: jm.design.Stiffness) -> np.ndarray:
    """In-plane Young's modulus (GPa) along x of every cell, plane strain."""
    one = jax.jit(lambda cell: stiffness(jnp.stack([1.0 - cell, 1.0 * cell]), jm.Grid((SIZE, SIZE)))["E_x"])
    return np.array([float(one(cell)) for cell in labels])


def in_numbers(name: str, values: np.ndarray) -> str:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return f"{name:8s} {middle:9.4f}   10 to 90 %: {low:.4f} to {high:.4f}   ({len(values)} cells)"


def main(arguments: list[str]) -> dict[str, float]:
    words = [word for word in arguments if not word.startswith("-")]
    picture = Path(words[0] if words else os.environ.get("JAXMICRO_DATA", "data")) / "micrograph_dual_phase_steel" / "odd_image.npz"
    if not picture.is_file():
        print(f"skipped: there is no {picture}. Pass the folder of the data, or set JAXMICRO_DATA.")
        return {}
    amount = QUICK if "--quick" in arguments else FULL
    keys = jax.random.split(jax.random.key(0), 6)

    steel = jm.io.read(picture, phases=["ferrite", "martensite"], axes="yx")
    print(steel)
    left, right = (jm.microstructures.crop(steel, (window, (0, 441))) for window in ((0, 300), (300, 441)))
    data = jm.datasets.crops(left, SIZE, amount.crops, key=keys[0])
    unseen = np.argmax(jm.datasets.crops(right, SIZE, amount.solved, key=keys[1]).images, axis=1)
    codec = jm.generative.train(data, amount.config, key=keys[2], progress=report_progress)
    samples = np.argmax(codec.sample(amount.solved, key=keys[3]), axis=1)

    phases = [dict(zip(("young", "poisson"), hill_average(name), strict=True)) for name in ("Fe", "martensite")]
    stiffness = jm.design.Stiffness(phases)
    real, trained, drawn = (young_along_x(cells, stiffness) for cells in (unseen, np.argmax(data.images[: amount.solved], axis=1), samples))
    print("\nin-plane Young's modulus along x (GPa), plane strain")
    for name, values in (("unseen", real), ("trained", trained), ("samples", drawn)):
        print(in_numbers(name, values))
    distance, chance = jm.plotting.ks_distance(real, drawn), jm.plotting.ks_distance(real, trained)
    print(f"Kolmogorov–Smirnov distance of samples to unseen crops {distance:.2f}; of crops trained on {chance:.2f}")

    spread, targets = float(np.std(trained)), {"inside": float(np.median(real)), "edge": float(np.quantile(trained, 0.02))}
    print(f"\ndesigns, met within {SHARE_OF_SPREAD * spread:.4f} GPa ({SHARE_OF_SPREAD:g} standard deviations among crops)")
    results = {}
    for (name, target), key in zip(targets.items(), keys[4:], strict=True):
        goal = jm.design.Target("E_x", target, tolerance=SHARE_OF_SPREAD * spread / target)
        problem = jm.design.Problem(jm.design.LatentSpace(codec), [stiffness], [goal])
        results[name] = jm.design.minimize(problem, key=key, data=codec.encode(data.images[:200]))
        print(one_design(name, target, results[name]))

    print("\nphases, Hill averages in GPa:")
    for name, phase in zip(("Fe", "martensite"), phases, strict=True):
        print(f"  {name}: E = {phase['young']:.1f}, ν = {phase['poisson']:.3f}; {jm.materials.constants(name).source}")
    write_report(arguments, data, samples, {"data": trained, "samples": drawn}, targets, results, SHARE_OF_SPREAD * spread)
    return {
        "distance": distance,
        "spread": spread,
        **{name: abs(float(result.verification.split[0, result.names.index("E_x")]) - targets[name]) for name, result in results.items()},
    }


def one_design(name: str, target: float, result: jm.design.DesignResult) -> str:
    check, place = result.verification, result.names.index("E_x")
    values = ", ".join(f"{part} {float(getattr(check, part)[0, place]):.4f}" for part in ("predicted", "split", "rotated"))
    return f"{name:7s} target {target:.4f}: {values}; {result.evaluations} solves, {result.status}, prior distance {float(check.prior_distance[0]):.2f}"


def report_progress(done: int, total: int, values: dict[str, float]) -> None:
    if done % 50 == 0 or done == total:
        print(f"training step {done} of {total}, loss {values['loss']:.3f}")


def write_report(arguments, data, samples, young, targets, results, allowed) -> None:
    """The report, where a folder for it is named."""
    folder = next((word.partition("=")[2] for word in arguments if word.startswith("--out=")), None)
    if folder is None:
        return
    checks = [result.verification for result in results.values()]
    place = next(iter(results.values())).names.index("E_x")
    columns = {part: np.stack([getattr(check, part)[0, [place]] for check in checks]) for part in ("predicted", "split", "rotated")}
    page = jm.plotting.design_report(
        jm.plotting.DesignReportData(
            title="Dual-phase steel",
            subtitle="A codec trained on one micrograph, its samples, and two designs",
            properties=("E_x",),
            units=("GPa",),
            design_names=[f"target at the {name}" if name == "edge" else f"target {name}" for name in targets],
            targets=np.asarray(list(targets.values()))[:, None],
            tolerance=allowed / min(targets.values()),
            predicted=columns["predicted"],
            verified={"split 4×4": columns["split"], "rotated": columns["rotated"]},
            solves=[result.evaluations for result in results.values()],
            cells=[result.microstructures[0] for result in results.values()],
            phase_names=("ferrite", "martensite"),
            data=list(np.argmax(data.images[:64], axis=1)),
            samples=list(samples),
            property_statistics=[jm.plotting.Statistic("E_x", young["data"], young["samples"], "GPa")],
        )
    ).write(folder)
    print(f"\nreport: {page}")


if __name__ == "__main__":
    main(sys.argv[1:])
