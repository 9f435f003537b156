"""Files inside a .zip: one member, unpacked into a folder of its own that is gone afterwards."""

import contextlib
import dataclasses
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from jaxmicro._core import nearest_name
from jaxmicro.io.arrays import NPY, NPZ
from jaxmicro.io.formats import Format
from jaxmicro.io.npy import BROKEN, CHUNK, MAX_MEMBERS
from jaxmicro.io.pictures import PICTURES, PNG
from jaxmicro.io.problems import ReadError, check_size, unreadable
from jaxmicro.io.raw import RAW
from jaxmicro.io.tiff import TIFF
from jaxmicro.io.vti import VTI

INSIDE: tuple[Format, ...] = (TIFF, RAW, NPY, NPZ, PNG, PICTURES, VTI)
LEFTOVERS = ("__MACOSX", ".")  # what macOS and file managers put beside the files
WHOLE = "Save it again, or check that it was copied whole."
LOCAL = struct.Struct("<4s5H3I2H")  # a member's own header: signature, …, lengths of its name and of its extra field


@dataclasses.dataclass(frozen=True)
class Member:
    """One file of an archive: its name there, its format, how many bytes it has, and whether they are stored as they are."""

    name: str
    format: Format
    size: int
    stored: bool
    header: int

    @property
    def file_name(self) -> str:
        """The last part of its name, without what another system would take for a folder."""
        return Path(self.name.replace("\\", "/")).name


def load_zip(path: Path, max_bytes: int, member: str | None = None, **options: Any) -> Any:
    """Read the one readable member of an archive, or the one of that name, as if it were a file.

    Raises:
        ReadError: if there is no such member or several, if it is encrypted or damaged, or if its header claims more than `max_bytes`.
        TypeError: if an option is not of the member's format.
    """
    found = find_member(path, member)
    for name in options:
        if name not in found.format.options:
            known = ", ".join(found.format.options) or "none"
            raise TypeError(f"`{name}` is no option of a {found.format.name}, which {found.name!r} in `{path}` is: it has {known}.")
    check_size(path, found.size, max_bytes, f"{found.name!r}")
    with unpacked(path, found) as file, as_member(path, found, file):
        loaded = found.format.load(file, max_bytes, **options)  # pyright: ignore[reportOptionalCall]
    if hasattr(loaded, "notes") and dataclasses.is_dataclass(loaded):
        return dataclasses.replace(loaded, notes=(f"read from {found.name} in the archive", *loaded.notes))  # pyright: ignore[reportArgumentType, reportAttributeAccessIssue]
    return loaded


def find_member(path: Path, name: str | None, formats: tuple[Format, ...] = INSIDE) -> Member:
    """The member of that name, or the only one of a readable format."""
    with _archive(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if name is None:
            readable = [info for info in infos if _format(info.filename, formats) and not _leftover(info.filename)]
            if len(readable) != 1:
                raise unreadable(path, f"holds {_count(readable)} that can be read ({_listed(readable or infos)})", _way_out(readable))
            info = readable[0]
        else:
            named = [info for info in infos if info.filename == name] or [info for info in infos if Path(info.filename).name == name]
            if len(named) != 1:
                hint = nearest_name(name, [info.filename for info in infos])
                what = f"holds {len(named)} members {name!r}" if named else f"holds no member {name!r}, but {_listed(infos)}"
                raise unreadable(path, what, f"Did you mean member={hint!r}?" if hint else "Pass one of them as member=.")
            info = named[0]
        kind = _format(info.filename, formats)
        if kind is None:
            endings = ", ".join(ending for each in formats for ending in each.extensions)
            raise unreadable(path, f"holds {info.filename!r}, which is of no kind that is read from archives ({endings})", "Unpack it.")
        if info.flag_bits & 1:
            raise unreadable(path, f"holds {info.filename!r} encrypted", "Save it without a password.")
        return Member(info.filename, kind, info.file_size, info.compress_type == zipfile.ZIP_STORED, info.header_offset)


@contextlib.contextmanager
def unpacked(path: Path, member: Member) -> Iterator[Path]:
    """The member as a file of its own name in a new folder, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="jaxmicro-") as folder:
        if shutil.disk_usage(folder).free < member.size:
            raise unreadable(path, f"holds {member.name!r} of {member.size:,} bytes, more than is free in {folder}", "Set TMPDIR.")
        file = Path(folder) / member.file_name
        with _archive(path) as archive, open(file, "xb") as out:
            _copy(path, archive, member, out)
        yield file


@contextlib.contextmanager
def as_member(path: Path, member: Member, file: Path) -> Iterator[None]:
    """Errors of the unpacked file in the name of the archive."""
    try:
        yield
    except ReadError as error:
        raise ReadError(str(error).replace(f"`{file}`", f"`{path}` (member {member.name!r})")) from error


def _copy(path: Path, archive: zipfile.ZipFile, member: Member, out: BinaryIO) -> None:
    """In pieces; never more than the header says, whatever the data would inflate to."""
    left = member.size
    try:
        with archive.open(member.name) as stream:
            while left and (piece := stream.read(min(CHUNK, left))):
                out.write(piece)
                left -= len(piece)
            stream.read(1)  # at the end the checksum is compared
    except BROKEN as error:
        raise unreadable(path, f"holds {member.name!r}, which is damaged ({error})", WHOLE) from error
    if left:
        raise unreadable(path, f"ends inside {member.name!r}: {left:,} of {member.size:,} bytes are missing", WHOLE)


def data_offset(path: Path, member: Member) -> int:
    """Where in the archive the bytes of a stored member begin (APPNOTE.TXT 4.3.7)."""
    with open(path, "rb") as stream:
        stream.seek(member.header)
        head = stream.read(LOCAL.size)
    fields = LOCAL.unpack(head) if len(head) == LOCAL.size else (b"", *[0] * 10)
    begin = member.header + LOCAL.size + int(fields[-2]) + int(fields[-1])
    if fields[0] != b"PK\x03\x04" or begin + member.size > path.stat().st_size:
        raise unreadable(path, f"says that {member.name!r} lies where it does not", WHOLE)
    return begin


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise unreadable(path, f"is no readable .zip archive ({error})", WHOLE) from error
    with archive:
        if len(archive.namelist()) > MAX_MEMBERS:
            raise unreadable(path, f"holds {len(archive.namelist())} members, more than {MAX_MEMBERS}", "Split it.")
        yield archive


def _format(name: str, formats: tuple[Format, ...]) -> Format | None:
    suffix = Path(name).suffix.lower()
    return next((each for each in formats if suffix in each.extensions), None)


def _leftover(name: str) -> bool:
    return any(part.startswith(LEFTOVERS) and part not in (".", "..") for part in name.split("/"))


def _count(infos: list[Any]) -> str:
    return f"{len(infos) or 'no'} files" if len(infos) != 1 else "one file"


def _listed(infos: list[Any]) -> str:
    return ", ".join(repr(info.filename) for info in infos[:8]) + (", …" if len(infos) > 8 else "") if infos else "it is empty"


def _way_out(readable: list[Any]) -> str:
    return "Say which one with member=, or unpack slices into a folder and read that." if readable else "Unpack it."


ZIP = Format("zip archive", (".zip",), load_zip, options=("member", *dict.fromkeys(name for each in INSIDE for name in each.options)))
