"""A grey cell of high contrast: which preconditioner, how accurate, and what a guess saves.

A density between 0 and 1 gives each voxel the stiffness ρ³, as in topology optimisation, so that moduli differ by a million
and take all values in between. That is hard for a homogeneous reference medium and easy for multigrid.

    python examples/04_grey_cells_quickly.py
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)

GRID = jm.Grid((64, 64))


def stiffness(density: jax.Array) -> jm.materials.Isotropic:
    """Moduli of ρ³ times those of steel, in GPa."""
    young = 210.0 * density**3
    return jm.materials.Isotropic(young * 0.3 / (1.3 * 0.4), young / 2.6)


def main(arguments: list[str]) -> dict[str, float]:
    del arguments
    cell = jm.microstructures.random_field(GRID, volume_fraction=0.5, correlation_length=6, key=jax.random.key(0))
    solid = jnp.asarray(cell.labels == 1, float)
    for axis in (0, 1):  # blur the interfaces over a few voxels
        for _ in range(4):
            solid = 0.5 * solid + 0.25 * (jnp.roll(solid, 1, axis) + jnp.roll(solid, -1, axis))
    law = stiffness(0.01 + 0.99 * solid)
    found = {}
    for name in ("green", "green_jacobi", "multigrid", "auto"):
        result = jm.effective_stiffness(law, GRID, preconditioner=name, max_steps=3000, throw=False)
        found[name] = float(jnp.max(result.steps))
        print(f"{name:13s} {int(found[name]):4d} steps, status {int(result.status)}")
    exact = jm.effective_stiffness(law, GRID, rtol=1e-8, fields=("displacement",))
    for wish in (1e-2, 1e-4):
        result = jm.effective_stiffness(law, GRID, tensor_rtol=wish)
        error = float(jnp.max(jnp.abs(result.tensor - exact.tensor)))
        print(
            f"tensor_rtol {wish:g}: {int(jnp.max(result.steps))} steps, error {error:.1e} GPa, estimated {float(jnp.max(result.tensor_error)):.1e} GPa"
        )
    similar = stiffness(0.01 + 0.98 * solid)
    found["cold"], found["warm"] = (float(jnp.max(jm.effective_stiffness(similar, GRID, start=start).steps)) for start in (None, exact))
    print(f"a similar cell: {int(found['cold'])} steps from zero, {int(found['warm'])} from the solution of this one")
    print(np.array2string(np.asarray(exact.tensor), precision=3, suppress_small=True))
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
