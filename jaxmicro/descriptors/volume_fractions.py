"""How much of each phase there is."""

from jaxtyping import Array, Float

from jaxmicro.microstructures import Microstructure


def volume_fractions(ms: Microstructure) -> Float[Array, " p"]:
    """Share of each phase in the (measured) voxels.

    Args:
        ms: the microstructure.

    Returns:
        `(p,)`, sum 1.

    Example:
        >>> volume_fractions(Microstructure(labels=[[0, 0], [0, 1]])).tolist()
        [0.75, 0.25]

    Differentiable in phase fractions.
    """
    return ms.volume_fractions
