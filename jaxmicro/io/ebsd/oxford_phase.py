"""A phase as Oxford's files describe it: name, one of the 11 Laue groups by number, a space group that may be missing."""

from jaxmicro.io.ebsd.laue_names import laue_of_oxford, laue_of_space_group, without_group
from jaxmicro.microstructures import Phase


def oxford_phase(name: str, number: int, space_group: int) -> tuple[Phase, list[str]]:
    """The phase, and oddities of its symmetry: where Laue group and space group contradict each other, the first one counts.

    Example:
        >>> oxford_phase("Ni", 11, 225)
        (Phase(name='Ni', laue='m-3m', constants=None), [])
    """
    laue, of_space_group = laue_of_oxford(number), laue_of_space_group(space_group)
    if laue is None and of_space_group is None:
        return Phase(name), [without_group(name, f"Laue group {number}, space group {space_group}")]
    if laue is None:
        return Phase(name, of_space_group), [
            f"phase {name!r} has no Laue group {number}: {of_space_group} of its space group {space_group} was taken"
        ]
    if of_space_group not in (None, laue):
        line = f"phase {name!r} has Laue group {laue}, but space group {space_group} belongs to {of_space_group}: the Laue group was taken"
        return Phase(name, laue), [line]
    return Phase(name, laue), []
