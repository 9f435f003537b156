"""The unit of length of a microstructure, as far as it is known."""

from typing import Any

from jaxmicro.io import noted_unit

AUTO = "auto"
OF_MAPS = "frame: "  # how the note begins that every reader of an orientation map leaves; all of them hand over µm


def length_unit(ms: Any, unit: str | None = AUTO) -> str | None:
    """`unit` as given, or for `"auto"` what the notes say: the unit that was read, or µm of a measured orientation map; else None.

    Example:
        >>> import jaxmicro as jm
        >>> ms = jm.Microstructure(labels=[[0, 1], [1, 0]])
        >>> length_unit(ms), length_unit(ms.with_notes("frame: raw, all numbers as in the file")), length_unit(ms, "mm")
        (None, 'µm', 'mm')
        >>> length_unit(ms.with_notes("unit of length: nm"))
        'nm'
    """
    if unit != AUTO:
        return unit
    told = noted_unit(ms)
    if told:
        return told
    return "µm" if any(str(note).startswith(OF_MAPS) for note in getattr(ms, "notes", ())) else None
