"""Named texture components and fibres of rolled and recrystallised cubic metals.

Sample axes: x along the rolling direction, y transverse, z normal to the sheet. A component {hkl}⟨uvw⟩ has its plane normal along z
and its direction along x.
"""

import functools

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxmicro._core import check_choice
from jaxmicro.orientations.quaternions import from_matrix

COMPONENTS: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "cube": ((0, 0, 1), (1, 0, 0)),
    "rotated cube": ((0, 0, 1), (1, 1, 0)),
    "goss": ((0, 1, 1), (1, 0, 0)),
    "rotated goss": ((0, 1, 1), (0, 1, -1)),
    "brass": ((0, 1, 1), (2, 1, -1)),
    "copper": ((1, 1, 2), (1, 1, -1)),
    "dillamore": ((4, 4, 11), (11, 11, -8)),
    "s": ((1, 2, 3), (6, 3, -4)),
    "p": ((0, 1, 1), (1, 2, -2)),
    "q": ((0, 1, 3), (2, 3, -1)),
    "r": ((1, 2, 4), (2, 1, -1)),
    "e": ((1, 1, 1), (1, -1, 0)),
    "f": ((1, 1, 1), (1, 1, -2)),
}
# Fibres: a crystal direction along a sample direction.
FIBRES: dict[str, tuple[tuple[int, int, int], tuple[int, int, int]]] = {
    "alpha": ((1, 1, 0), (1, 0, 0)),
    "gamma": ((1, 1, 1), (0, 0, 1)),
    "theta": ((1, 0, 0), (0, 0, 1)),
    "eta": ((1, 0, 0), (1, 0, 0)),
    "tau": ((1, 1, 0), (0, 1, 0)),
}
SAME = 1e-6


def texture_component(name: str) -> Float[Array, "4 n"]:
    """The orientations of a named component: all that cubic crystals tell apart and a sheet's three mirror planes take into each other.

    Args:
        name: "cube", "rotated cube", "goss", "rotated goss", "brass", "copper", "dillamore", "s", "p", "q", "r", "e" or "f".

    Returns:
        Unit quaternions `(4, n)`: one for cube and Goss, two for brass and copper, four for S.

    Raises:
        ValueError: for an unknown name.

    Reference: U. F. Kocks, C. N. Tomé, H.-R. Wenk, Texture and Anisotropy, Cambridge University Press (1998); D. Raabe, Acta
    Metall. Mater. 43, 1023 (1995), doi:10.1016/0956-7151(94)00302-X (fibres of ferritic steel).

    Example:
        >>> [texture_component(name).shape[1] for name in ("cube", "goss", "copper", "s")]
        [1, 1, 2, 4]

    Constant: there is nothing to differentiate.
    """
    check_choice("name", name, tuple(COMPONENTS))
    return from_matrix(jnp.asarray(_variants(name), jnp.result_type(float)))


@functools.cache
def _variants(name: str) -> Float[np.ndarray, "3 3 n"]:
    """Rotation matrices of the distinct variants, on the host."""
    from scipy.spatial.transform import Rotation

    normal, along = (np.asarray(each, float) / np.linalg.norm(each) for each in COMPONENTS[name])
    g = np.stack([along, np.cross(normal, along), normal], axis=1)  # g x = along and g z = normal
    crystal = Rotation.create_group("O").as_matrix()
    found: list[np.ndarray] = []
    for half_turn in ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)):  # of the sheet
        variant = g * np.array(half_turn)
        if not any(np.abs(crystal @ variant - known).max(axis=(1, 2)).min() < SAME for known in found):
            found.append(variant)
    return np.stack(found, axis=-1)
