"""Why composite voxels pay with `rotated` and hardly with `finite_element`: where the energy of the elements is.

The energy of a finite element is that of the mean strain of the voxel, which is all of `rotated`, plus that of its hourglass
modes. Four schemes follow from which voxels the second part counts in: in none, in all, in all but the interface voxels, in
these alone. With H(u) the hourglass energy of a displacement, minimality gives

    H(u of finite_element) ≤ C of finite_element − C of rotated ≤ H(u of rotated).
"""

import functools
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg as spla

from jaxmicro.fields import elasticity
from jaxmicro.homogenization import composite_stiffness
from jaxmicro.homogenization.operators import make_operator
from jaxmicro.materials import isotropic_stiffness
from jaxmicro.materials.laws import Tensor
from jaxmicro.microstructures import interface_of_spheres

SIZES = (16, 32, 64, 128)
CONTRASTS = (10.0, 0.1)
LOADS = {"11": (1.0, 0.0, 0.0), "12": (0.0, 0.0, 1.0)}
KINEMATICS = elasticity(2, 3)
ROTATED, FULL = make_operator("rotated", KINEMATICS), make_operator("finite_element", KINEMATICS)


def reasons(radius: float) -> list[dict[str, Any]]:
    """Errors of the four schemes for composite voxels of a disc, and where hourglass energy is; energies over the exact one.

    Args:
        radius: of the disc in a unit cell.
    """
    import inclusion_references as references

    import jaxmicro as jm

    rows = []
    for contrast in CONTRASTS:
        phases = [np.asarray(isotropic_stiffness(modulus, 0.3, dim=2)) for modulus in (1.0, contrast)]
        exact = references.inclusion_stiffness(2, radius, phases, 16)
        for size in SIZES:
            interface = interface_of_spheres(jm.Grid((size, size), (1.0, 1.0)), np.full((2, 1), 0.5), np.array([radius]), parts=8)
            field = composite_stiffness(*interface, *phases)
            mixed = np.asarray((interface.fraction > 1e-9) & (interface.fraction < 1 - 1e-9))
            for name, load in LOADS.items():
                truth = float(np.array(load) @ exact @ np.array(load))
                rows.append({"contrast": contrast, "voxels_per_edge": size, "load": name, "interface_voxels": float(mixed.mean())})
                rows[-1] |= _four(field, mixed, load, truth)
                print(json.dumps(rows[-1]), flush=True)
    return rows


def _four(field: jax.Array, mixed: np.ndarray, load: tuple[float, ...], truth: float) -> dict[str, float]:
    found: dict[str, float] = {}
    masks = {"none": 0.0 * mixed, "all": 0.0 * mixed + 1, "all_but_interfaces": 1.0 - mixed, "interfaces_alone": 1.0 * mixed}
    for name, mask in masks.items():
        energy, hourglass = _solved(field, jnp.asarray(mask), jnp.asarray(load))
        found[f"error_hourglass_in_{name}"] = energy / truth - 1
        if name in ("none", "all"):
            scheme = {"none": "rotated", "all": "finite_element"}[name]
            found[f"hourglass_energy_of_{scheme}"] = float(hourglass.mean()) / truth
            found[f"share_at_interfaces_of_{scheme}"] = float(hourglass[mixed].sum() / hourglass.sum())
    return found


def _solved(field: jax.Array, mask: jax.Array, load: jax.Array) -> tuple[float, np.ndarray]:
    """Energy E : C_eff : E where hourglass modes count under the mask, and their energy in every voxel, counted or not."""
    shape = (2, *mask.shape)
    spacing = 1.0 / jnp.asarray(mask.shape, float)
    full, reduced = Tensor(field * mask), Tensor(field * (1 - mask))

    @jax.jit
    def force(u: jax.Array, mean: jax.Array) -> jax.Array:
        parts = [op.force(law, tuple(u.reshape(shape)), spacing, mean)[0] for op, law in ((FULL, full), (ROTATED, reduced))]
        return (jnp.stack(parts[0]) + jnp.stack(parts[1])).ravel()

    def density(operator: Any, law: Tensor, u: jax.Array) -> np.ndarray:
        return 2 * np.asarray(operator.energy_density(law, tuple(u.reshape(shape)), spacing, load))

    start = jnp.zeros(int(np.prod(shape)))
    action = spla.LinearOperator((start.size,) * 2, matvec=functools.partial(_host, force, mean=0 * load), dtype=float)  # pyright: ignore[reportCallIssue]
    u, status = spla.cg(action, -np.asarray(force(start, load)), rtol=1e-7, maxiter=20000)
    if status:
        raise RuntimeError(f"conjugate gradients ended with {status}")
    u = jnp.asarray(u)
    energy = (density(FULL, full, u) + density(ROTATED, reduced, u)).mean()
    whole = Tensor(field)
    return float(energy), density(FULL, whole, u) - density(ROTATED, whole, u)


def _host(force: Any, u: np.ndarray, mean: jax.Array) -> np.ndarray:
    return np.asarray(force(jnp.asarray(u), mean))
