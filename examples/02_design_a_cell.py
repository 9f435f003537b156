"""Design a cell through the latent space of the shipped codec: the gradient in one expression, then a search that uses it.

    python examples/02_design_a_cell.py

Two phases with conductivities 1 and 10 (a ratio). The search aims at the conductivity of a laminate-like cell: 2.2 along x, 1.8 along y.
"""

import sys

import jax

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

TARGETS = {"k_xx": 2.2, "k_yy": 1.8}


def main(arguments: list[str]) -> dict[str, float]:
    size = 32 if "--quick" in arguments else 64
    codec, grid = jm.generative.load("two-phase-64"), jm.Grid((size, size))
    z = codec.sample_latents(1, key=jax.random.key(0), shape=grid)[0].astype(float)

    # One expression: how the effective conductivity along x changes with every latent number, through the solver and the decoder.
    gradient = jax.grad(lambda z: jm.effective_conductivity(1 + 9 * codec.decode(z[None])[0, 1], grid).tensor[0, 0])(z)
    print(f"gradient of k_xx with respect to a latent of shape {z.shape}: largest entry {float(abs(gradient).max()):.4f}")

    goals = [jm.design.Target(name, value) for name, value in TARGETS.items()]
    problem = jm.design.Problem(jm.design.LatentSpace(codec, grid), [jm.design.Conductivity(jax.numpy.array([1.0, 10.0]))], goals)
    result = jm.design.minimize(problem, key=jax.random.key(0))
    print(result)
    print(result.verification)

    # An isotropic cell of these volume fractions cannot leave the Hashin–Shtrikman interval (doi:10.1063/1.1728579); this one is not
    # isotropic, so its mean may lie outside only within the bounds of Voigt and Reuss, which verification checks.
    share = result.microstructures[0].volume_fractions
    low, high = jm.homogenization.hashin_shtrikman_conductivity(jax.numpy.array([1.0, 10.0]), share, 2)
    mean = float(result.values["k_mean"][0])
    print(f"mean conductivity {mean:.4f}; Hashin–Shtrikman interval at this volume fraction {float(low):.4f} … {float(high):.4f}")
    return {name: float(result.values[name][0]) for name in TARGETS} | {"solves": float(result.evaluations)}


if __name__ == "__main__":
    main(sys.argv[1:])
