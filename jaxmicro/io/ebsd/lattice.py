"""The line on a phase's lattice constants, the same for every format."""

from collections.abc import Iterable


def lattice_note(name: str, constants: Iterable[float], space_group: int | str = "?") -> str:
    """Lattice constants of a phase: three edges in Å and three angles in degrees.

    Example:
        >>> lattice_note("Ni", (3.52, 3.52, 3.52, 90, 90, 90), 225)
        'phase Ni: lattice constants 3.52 3.52 3.52 90 90 90 (Å, degrees), space group 225'
    """
    listed = " ".join(f"{float(value):.6g}" for value in constants)
    return f"phase {name}: lattice constants {listed} (Å, degrees), space group {space_group}"
