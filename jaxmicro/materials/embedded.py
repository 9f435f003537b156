"""The stiffness of crystals given by embeddings of their orientations, from the crystal's own tensor."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from jaxmicro._core import as_float_arrays, check, check_choice, is_concrete
from jaxmicro.materials.stiffness import cubic_stiffness, hexagonal_stiffness
from jaxmicro.orientations import cubic_stiffness_from_embedding, embedding_size, hexagonal_stiffness_from_embedding

Entries = tuple[tuple[int, int, float], ...]

# Where the constants stand in the Mandel tensor, and the factor they carry there.
CUBIC: Entries = ((0, 0, 1.0), (0, 1, 1.0), (3, 3, 2.0))
HEXAGONAL: Entries = ((0, 0, 1.0), (0, 1, 1.0), (0, 2, 1.0), (2, 2, 1.0), (3, 3, 2.0))
GROUPS: dict[str, tuple[Entries, Callable[..., Array], Callable[..., Array]]] = {
    "m-3m": (CUBIC, cubic_stiffness, cubic_stiffness_from_embedding),
    "m-3": (CUBIC, cubic_stiffness, cubic_stiffness_from_embedding),
    "6/mmm": (HEXAGONAL, hexagonal_stiffness, hexagonal_stiffness_from_embedding),
    "6/m": (HEXAGONAL, hexagonal_stiffness, hexagonal_stiffness_from_embedding),
}
SAME = 1e-4  # relative difference between a tensor and one of its symmetry that passes as rounding of measured constants


def embedded_stiffness(stiffness: ArrayLike, embedding: ArrayLike, laue: str = "m-3m") -> Float[Array, "6 6 ..."]:
    """Stiffness in the sample frame of crystals whose orientations are given by embeddings; linear in them.

    Args:
        stiffness: of the crystal, (6, 6) in Mandel notation and in its standard axes.
        embedding: `orientations.embed(q, laue)`, or a blend of such, (k, …).
        laue: "m-3m", "m-3", "6/mmm" or "6/m".

    Returns:
        (6, 6, …) in the unit of `stiffness`; of a blend, the Voigt mixture of the crystals.

    Raises:
        ValueError: for other groups and shapes, or a concrete tensor that does not have the symmetry of the group.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxmicro.orientations import embed
        >>> found = embedded_stiffness(cubic_stiffness(3.0, 1.0, 2.0), embed(jnp.array([1.0, 0, 0, 0])))
        >>> [round(float(c), 5) for c in found.diagonal()]
        [3.0, 3.0, 3.0, 4.0, 4.0, 4.0]

    Differentiable in both arguments.
    """
    check_choice("laue", laue, GROUPS)
    entries, build, from_embedding = GROUPS[laue]
    c, t = as_float_arrays(stiffness=stiffness, embedding=embedding)
    check(c.shape == (6, 6), f"`stiffness` must be one (6, 6) tensor in Mandel notation, but its shape is {c.shape}.")
    size = embedding_size(laue)
    check(
        t.ndim >= 1 and t.shape[0] == size,
        f"`embedding` must be ({size}, …) of {laue}, but its shape is {t.shape}. Make it with orientations.embed.",
    )
    constants = [c[i, j] / factor for i, j, factor in entries]
    if is_concrete(c):
        with jax.ensure_compile_time_eval():
            _check_symmetry(c, build(*[c[i, j] / factor for i, j, factor in entries]), laue)
    return from_embedding(t, *constants, laue=laue)


def _check_symmetry(c: Any, rebuilt: Any, laue: str) -> None:
    gap = float(np.linalg.norm(np.asarray(c) - np.asarray(rebuilt)))
    size = float(np.linalg.norm(np.asarray(c)))
    check(
        not gap > SAME * size,
        f"`stiffness` must have the symmetry of {laue} in its standard axes, but it differs from such a tensor by {gap / max(size, 1e-300):.2g} of its size. "
        "Give the tensor in the crystal frame, or orientations in place of embeddings.",
    )
