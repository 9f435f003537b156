"""The shapes of grains as design variables: gradients of the stiffness in Laguerre seeds and weights, and steps that follow them.

    python examples/12_grain_shapes.py [--quick] [--out=FOLDER]

A columnar cell of copper grains (Overton & Gaffney 1955, doi:10.1103/PhysRev.98.969) with fixed orientations. The cells are soft
(`soft_laguerre`), their orientations enter by the symmetric embedding, in which a cubic stiffness is linear, so that blends at interfaces are
Voigt mixtures; the derivative goes from the effective Young's modulus to the places and sizes of the grains. The result is made sharp again,
solved anew on voxels split in four and with a second discretisation.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

GRAINS, WIDTH = 16, 1.5
SPREAD = 0.3  # of the volumes, which stay within a factor of exp(± SPREAD) or so of each other


def main(arguments: list[str]) -> dict[str, float]:
    """Run the example; returns the numbers it prints."""
    quick = "--quick" in arguments
    out = Path(next((word[6:] for word in arguments if word.startswith("--out=")), "grain_shapes"))
    out.mkdir(parents=True, exist_ok=True)
    n, steps = (24, 4) if quick else (64, 40)
    grid = jm.Grid((n, n), (64.0, 64.0))
    places, turns = jax.random.split(jax.random.key(4))
    seeds = jax.random.uniform(places, (2, GRAINS)) * 64.0
    crystals = jm.orientations.random_orientations(turns, GRAINS)
    crystal = np.asarray(jm.materials.constants("Cu").stiffness)
    embedded = jm.orientations.embed(crystals, "m-3m")
    width = WIDTH * 64.0 / n

    def young(variables: dict[str, jax.Array]) -> jax.Array:
        fractions = jm.microstructures.soft_laguerre(grid, variables["seeds"], variables["weights"], width=width)
        field = jnp.einsum("eg,g...->e...", embedded, fractions)
        law = jm.materials.Crystals(crystal, field, laue="m-3m")
        return jm.effective_stiffness(law, grid, rtol=1e-6).moduli.young[0]

    start = {"seeds": seeds, "weights": jnp.zeros(GRAINS)}
    value_and_grad = jax.jit(jax.value_and_grad(young))
    value, slope = value_and_grad(start)
    soft_before, error = float(value), check(value_and_grad, start, slope)
    print(f"E_x = {float(value):.3f} GPa; derivative in a random direction of seeds and weights: {error:.1e} from differences")

    adam = optax.adam(1.5 if quick else 0.6)
    variables, state, found, best = start, adam.init(start), float(value), (-np.inf, start)
    for step in range(steps):
        value, slope = value_and_grad(variables)
        price, pull = jax.value_and_grad(drift)(variables["weights"])
        if float(value - price) > best[0]:
            best, found = (float(value - price), variables), float(value)
        if step % max(1, steps // 5) == 0:
            print(f"   step {step:3d}: E_x = {float(value):.3f} GPa")
        downhill = {"seeds": -slope["seeds"], "weights": pull - slope["weights"]}
        updates, state = adam.update(downhill, state)
        variables = optax.apply_updates(variables, updates)
    before, after = (verified(grid, each, crystals, crystal, out / name) for each, name in ((start, "before.png"), (best[1], "after.png")))
    print("sharp grains, E_x in GPa: soft, sharp, voxels split in four, rotated scheme")
    for name, each, soft in (("before", before, soft_before), ("after", after, found)):
        print(f"   {name:8s}{soft:9.3f}" + "".join(f"{value:9.3f}" for value in each))
    return {
        "E_x before": soft_before, "E_x after": found, "E_x after, sharp": after[0], "E_x after, split": after[1],
        "E_x after, rotated": after[2], "E_x before, split": before[1], "derivative error": error,
    }  # fmt: skip


def drift(weights: jax.Array) -> jax.Array:
    """A price on sizes that drift apart; weights are squared lengths."""
    return jnp.mean((weights / (SPREAD * 64.0**2 / GRAINS)) ** 2)


def check(
    value_and_grad: Callable[..., tuple[jax.Array, dict[str, jax.Array]]], at: dict[str, jax.Array], slope: dict[str, jax.Array]
) -> float:
    """Relative difference of the derivative in one direction from central differences."""
    generator = np.random.default_rng(0)
    direction = {name: jnp.asarray(generator.normal(size=value.shape)) for name, value in at.items()}
    expected = sum(jnp.vdot(slope[name], direction[name]) for name in at)
    step = 1e-4
    ends = [value_and_grad(jax.tree.map(lambda x, d, sign=sign: x + sign * step * d, at, direction))[0] for sign in (1, -1)]
    return abs(float((ends[0] - ends[1]) / (2 * step) / expected) - 1)


def verified(grid: jm.Grid, variables: dict[str, jax.Array], crystals: jax.Array, crystal: np.ndarray, picture: Path) -> list[float]:
    """E_x of the sharp grains: on the grid, with every voxel split in four, and by a second discretisation."""
    found = []
    for refine, scheme in ((1, "finite_element"), (4, "finite_element"), (4, "rotated")):
        finer = jm.Grid(tuple(refine * n for n in grid.shape), grid.lengths)
        owner = np.asarray(jm.microstructures.laguerre(finer, variables["seeds"], variables["weights"]))
        ms = jm.Microstructure(
            grid=finer, labels=np.zeros(finer.shape, int), orientation=crystals[:, owner],
            phases=(jm.microstructures.Phase("Cu", laue="m-3m"),), maps={"grain": owner},
        )  # fmt: skip
        stiffness = jm.homogenization.assign_stiffness(ms, [crystal])
        found.append(float(jm.effective_stiffness(stiffness, finer, discretization=scheme).moduli.young[0]))
    jm.plotting.save(jm.plotting.ipf_map(ms, "x", boundaries=5.0), picture)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
