"""Laue groups by the numbers that vendors write, and back.

EDAX numbers the rotation axes of a group (43: fourfold and threefold), Oxford counts the 11 groups, crystallographic
files give a space group. A number that is not known has no Laue group: None, and the reader says so.
"""

from jaxmicro.orientations.laue import LAUE_GROUPS

EDAX = {
    "-1": 1,
    "2/m": 20,
    "mmm": 22,
    "4/m": 4,
    "4/mmm": 42,
    "-3": 3,
    "-3m": 32,
    "6/m": 6,
    "6/mmm": 62,
    "m-3": 23,
    "m-3m": 43,
}
OXFORD = {
    "-1": 1,
    "2/m": 2,
    "mmm": 3,
    "4/m": 4,
    "4/mmm": 5,
    "-3": 6,
    "-3m": 7,
    "6/m": 8,
    "6/mmm": 9,
    "m-3": 10,
    "m-3m": 11,
}
HEXAGONAL = ("-3", "-3m", "6/m", "6/mmm")  # the groups in which two choices of the crystal's x axis are usual

# The last space group of each Laue group, in the order of the International Tables.
LAST_SPACE_GROUPS = {2: "-1", 15: "2/m", 74: "mmm", 88: "4/m", 142: "4/mmm", 148: "-3", 167: "-3m", 176: "6/m", 194: "6/mmm", 206: "m-3", 230: "m-3m"}  # fmt: skip

_OTHER_AXES = (2, 21)  # EDAX: monoclinic with the twofold axis along c or a
_FROM_EDAX = {number: laue for laue, number in EDAX.items()} | dict.fromkeys(_OTHER_AXES, "2/m")
_FROM_OXFORD = {number: laue for laue, number in OXFORD.items()}


def laue_of_edax(number: int) -> str | None:
    """Laue group of EDAX's symmetry number, or None where it is not known.

    Example:
        >>> laue_of_edax(43), laue_of_edax(62), laue_of_edax(17)
        ('m-3m', '6/mmm', None)
    """
    return _FROM_EDAX.get(number)


def laue_of_oxford(number: int) -> str | None:
    """Laue group of Oxford's number 1 … 11, or None.

    Example:
        >>> laue_of_oxford(11), laue_of_oxford(9), laue_of_oxford(0)
        ('m-3m', '6/mmm', None)
    """
    return _FROM_OXFORD.get(number)


def laue_of_space_group(number: int) -> str | None:
    """Laue group of a space group 1 … 230, or None.

    Example:
        >>> laue_of_space_group(225), laue_of_space_group(194), laue_of_space_group(0)
        ('m-3m', '6/mmm', None)
    """
    if number < 1:
        return None
    return next((laue for last, laue in LAST_SPACE_GROUPS.items() if number <= last), None)


def edax_of_laue(laue: str | None) -> int | None:
    """EDAX's symmetry number of a Laue group, or None where no group is known."""
    return EDAX.get(laue or "")


def oxford_of_laue(laue: str | None) -> int | None:
    """Oxford's number of a Laue group, or None where no group is known."""
    return OXFORD.get(laue or "")


def without_group(name: str, found: object) -> str:
    """The oddity of a phase whose symmetry is not known."""
    return f"phase {name!r} has the symmetry {found!r}, which is none of the 11 Laue groups ({', '.join(LAUE_GROUPS)}): it was read without one"
