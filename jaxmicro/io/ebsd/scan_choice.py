"""Which of several scans of a file is read."""

from pathlib import Path

from jaxmicro.io.problems import unreadable


def chosen(path: Path, names: list[str], scan: str | None, what: str) -> str:
    """The name that is asked for, or the only one there is."""
    listed = ", ".join(repr(name) for name in names[:12]) + (", …" if len(names) > 12 else "")
    if not names:
        raise unreadable(path, f"holds no {what}", "Check that it is the right file.")
    if scan is not None and not isinstance(scan, str):
        asked = str(scan) if str(scan) in names else names[0]
        raise unreadable(path, f"is asked for the scan {scan!r}, which is no name", f"It holds {listed}. Write scan={asked!r}.")
    if scan is not None and scan not in names:
        raise unreadable(path, f"holds no {scan!r}, but {listed}", f"Pass scan={names[0]!r}.")
    if scan is None and len(names) > 1:
        raise unreadable(path, f"holds {len(names)} {what}: {listed}", f"Say which one: scan={names[0]!r}.")
    return names[0] if scan is None else scan
