"""The stiffness of a porous cell, with what is guaranteed about it, and where textbook estimates lie.

    python examples/07_stiffness_with_bounds.py [--quick]

A foam-like cell: soft inclusions (a stiffness of a hundredth) at random in a stiff matrix, then the same with voids.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

import jaxmicro as jm

jax.config.update("jax_enable_x64", True)


def main(arguments: list[str]) -> dict[str, float]:
    n = 64 if "--quick" in arguments else 128
    cell = jm.microstructures.inclusions(jm.Grid((n, n)), 0.3, radius=0.12 * n, key=jax.random.key(3))
    labels = np.asarray(jm.microstructures.sharpen(cell).labels)
    share = float(labels.mean())
    matrix = jm.materials.isotropic_stiffness(70.0, 0.33, dim=2)
    found = {"share": share}
    for name, factor in (("soft", 0.01), ("void", 0.0)):
        stiffness = jnp.where(labels == 1, factor, 1.0) * matrix[:, :, None, None]
        r = jm.effective_stiffness(stiffness, jm.Grid((n, n)), bounds=True, discretization_error=True)
        lower, upper = (float(bound[0, 0]) for bound in r.bounds)
        estimates = jm.homogenization.mean_field_estimates(matrix, factor * matrix, share, shape="disc")
        print(
            f"{name} inclusions, {100 * share:.1f} %: C11 = {float(r.tensor[0, 0]):.3f} GPa, guaranteed between {lower:.3f} and {upper:.3f},"
        )
        print(
            f"   discretisation error at most about {float(r.discretization_error[0, 0]):.3f}; E_x = {float(jm.homogenization.moduli(r.tensor).young[0]):.3f} GPa in plane"
        )
        for method in ("dilute", "mori_tanaka", "differential", "self_consistent"):
            value = float(getattr(estimates, method)[0, 0])
            print(f"   {method:16s} {value:7.3f}" if value > 0 else f"   {method:16s}       – (no estimate at this share)")
        found |= {f"{name}_lower": lower, name: float(r.tensor[0, 0]), f"{name}_upper": upper}
    print("   (a void guarantees nothing from below: no stress field in equilibrium of this kind avoids it)")
    print("estimates: Mori & Tanaka (1973), doi:10.1016/0001-6160(73)90064-3; Hill (1965), doi:10.1016/0022-5096(65)90010-4")
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
