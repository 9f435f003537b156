"""Twins: two crystals that are mirror images in a common plane, the habit plane K1 of the twin.

For the crystals of this library, which all have an inversion centre in their diffraction pattern, the mirror is half a turn about the
normal of K1; modulo symmetry that is 60° about ⟨111⟩ (Σ3) for {111} and {112} of cubic crystals, and 86.3° about ⟨11-20⟩ for
{10-12} of magnesium.
"""

import numpy as np
from jaxtyping import Float

from jaxmicro._core import as_number, check, check_choice, is_concrete, is_number, record, static
from jaxmicro.orientations.equivalents import product
from jaxmicro.orientations.laue import symmetry_operators
from jaxmicro.orientations.slip import plane_normal

CUBIC = {"fcc": (1, 1, 1), "bcc": (1, 1, 2)}
HEXAGONAL = {"hcp_10-12": (1, 0, -1, 2), "hcp_10-11": (1, 0, -1, 1), "hcp_11-21": (1, 1, -2, 1), "hcp_11-22": (1, 1, -2, 2)}
TWIN_SYSTEMS = (*CUBIC, *HEXAGONAL)
SAME = 1e-9
LEAST_RATIO, LARGEST_RATIO = 0.1, 10.0  # of c/a: beyond, planes of a family fall together


@record
class TwinSystem:
    """A family of twins of a crystal, in its Cartesian axes (hexagonal: x ∥ a, z ∥ c).

    Attributes:
        normals: unit normals of the habit planes `(3, n)`, one per plane of the family.
        rotations: half turns about them as quaternions `(4, n)`: the twin of a crystal q is `multiply(rotation, q)`.
        laue: Laue group of the crystals that twin so.
        name: name of the system.
    """

    normals: Float[np.ndarray, "3 n"]
    rotations: Float[np.ndarray, "4 n"]
    laue: str = static(default="m-3m")
    name: str = static(default="fcc")


def twin_system(name: str = "fcc", c_over_a: float | None = None) -> TwinSystem:
    """The twins of a crystal structure by the family of their habit planes.

    - "fcc": {111}, 4 planes, Σ3 (annealing twins, too); "bcc": {112}, 12 planes, Σ3 as well;
    - "hcp_10-12", "hcp_10-11", "hcp_11-21", "hcp_11-22": 6 planes each; the angle depends on the axial ratio.

    Args:
        name: as above.
        c_over_a: axial ratio, needed for hexagonal crystals (Ti 1.587, Mg 1.624, Zr 1.593).

    Returns:
        A record with `normals` `(3, n)`, `rotations` `(4, n)` and `laue`, on the host.

    Raises:
        ValueError: if the name is not known, or the axial ratio is missing or outside of 0.1 to 10; or under `jit`, `vmap` and `grad`.
        TypeError: if the axial ratio is not one number.

    Reference: J. W. Christian, S. Mahajan, Prog. Mater. Sci. 39, 1 (1995), doi:10.1016/0079-6425(94)00007-7.

    Example:
        >>> from jaxmicro.orientations import misorientation
        >>> rotation = twin_system("hcp_10-12", c_over_a=1.624).rotations[:, 0]
        >>> round(float(misorientation(np.array([1.0, 0, 0, 0]), rotation, "6/mmm", degrees=True)), 1)
        86.3

    Constant: there is nothing to differentiate.
    """
    check_choice("name", name, TWIN_SYSTEMS)
    if name in CUBIC:
        laue, normal = "m-3m", plane_normal(CUBIC[name], 1.0)
    else:
        check(is_concrete(c_over_a), "Twin systems are made on the host: give `c_over_a` as a number, outside jit, vmap and grad.")
        check(
            c_over_a is None or is_number(c_over_a),
            f"`c_over_a` must be a number, but it is {c_over_a!r}. Give c/a, such as 1.624 for Mg.",
            TypeError,
        )
        ratio = as_number(c_over_a)
        check(
            LEAST_RATIO <= ratio <= LARGEST_RATIO,
            f"`c_over_a` must be the positive axial ratio for {name!r}, from {LEAST_RATIO} to {LARGEST_RATIO}, but it is {c_over_a!r}. "
            "Give c/a, such as 1.624 for Mg.",
        )
        laue, normal = "6/mmm", plane_normal(HEXAGONAL[name], ratio)
    normals = _family(normal, laue)
    return TwinSystem(normals, np.concatenate([np.zeros((1, normals.shape[1])), normals]), laue, name)


def _family(normal: Float[np.ndarray, "3"], laue: str) -> Float[np.ndarray, "3 n"]:
    """The distinct planes that symmetry makes of one, opposite normals counted once."""
    vector = np.concatenate([[0.0], normal])
    found: list[np.ndarray] = []
    for s in symmetry_operators(laue).T:
        turned = np.stack(product(product(s, vector), s * np.array([1, -1, -1, -1])))[1:]
        if all(abs(turned @ other) < 1 - SAME for other in found):
            found.append(np.where(np.abs(turned) < SAME, 0.0, turned))
    return np.stack(found, axis=1)
